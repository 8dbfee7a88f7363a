"""Sphinx's settings for the book.  The pages are book/*.md and chapters/*.nw; run from the top:

    /usr/bin/python3 -m sphinx -c book . build/book/html
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '_ext'))

project = 'Warp & Weft'
version = release = open(os.path.join(HERE, 'version'), encoding='utf-8').read().strip()
author = 'The authors of Warp & Weft'
copyright = author              # pylint: disable=redefined-builtin
language = 'en'

extensions = ['myst_parser', 'sphinx_copybutton', 'weave', 'transcripts', 'figures', 'plots', 'player', 'counterparts']

root_doc = 'index'
source_suffix = {'.md': 'noweb', '.nw': 'noweb'}    # one parser reads both: see _ext/weave/reading.py
numfig = True
numfig_secnum_depth = 1
numfig_format = {'figure': 'Figure %s.', 'table': 'Table %s.', 'code-block': 'Listing %s.'}
highlight_language = 'c'
nitpicky = True

myst_enable_extensions = ['deflist', 'smartquotes', 'replacements']
myst_heading_anchors = 3
smartquotes = False

pygments_style = 'weave.palette.Day'
pygments_dark_style = 'weave.palette.Night'

html_theme = 'furo'
html_title = 'Warp & Weft'
html_logo = '_static/logo.svg'
html_favicon = '_static/logo.svg'
templates_path = ['_templates']
html_static_path = ['_static']
html_css_files = ['weave.css']
html_js_files = [(name, {'defer': 'defer'}) for name in ('weave.js', 'player.js')]
html_copy_source = False
html_show_sourcelink = False
html_search_scorer = os.path.join(HERE, '_ext/weave/scorer.js')
html_show_search_summary = False    # it fetches pages, which a browser refuses for files


html_domain_indices = False
html_use_index = False
html_permalinks_icon = '¶'
html_theme_options = {
    'footer_icons': [],
    'top_of_page_button': None,
}

# What the library consists of, from the meaning down to the kernel, and the chapter that brings each part.
weave_library = [
    ('meaning', [('protocols', 3), ('framing', 4), ('streams', 9), ('a small Redis', 11)]),
    ('between', [('flow control', 5), ('TLS', 7)]),
    ('transports', [('sockets', 2), ('datagrams', 6), ('pipes', 8)]),
    ('opening', [('servers and connections', 3), ('endpoints', 6), ('subprocesses', 8)]),
    ('loop', [('ready queue, timers, signals', 1), ('futures, names', 3)]),
    ('waiting', [('select', 1), ('poll, epoll', 10)]),
]

# A copy button copies what is typed, not what is answered.
copybutton_prompt_text = r'\$ |> '
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_remove_prompts = True
copybutton_line_continuation_character = '\\'
copybutton_selector = 'div.highlight pre'

# ---- the printed book: see print/weft.sty and _ext/weave/latex.py

latex_engine = 'xelatex'
latex_documents = [(root_doc, 'warp-and-weft.tex', 'Warp \\& Weft', author, 'manual', True)]
latex_docclass = {'manual': 'book'}
latex_additional_files = ['print/weft.sty']
latex_use_xindy = False
latex_show_urls = 'no'
latex_table_style = ['booktabs']
latex_elements = {
    'papersize': '',
    'pointsize': '10pt',
    'extraclassoptions': 'openright',
    'polyglossia': '',
    'fontpkg': '',
    'fncychap': '',
    'maketitle': r'\nwtitlepage',
    'tableofcontents': r'\nwcontents',
    'makeindex': '',
    'printindex': '',
    'figure_align': 'H',
    'tocdepth': r'\setcounter{tocdepth}{1}',
    'secnumdepth': r'\setcounter{secnumdepth}{0}',
    'sphinxsetup': 'InnerLinkColor={rgb}{0,0,0},OuterLinkColor={HTML}{27488C}',
    'preamble': r'\usepackage{weft}',
}

# ---- the e-reader's book: see print/epub.css and _ext/weave/epub.py

epub_basename = 'warp-and-weft'
epub_title = 'Warp & Weft: asyncio\u2019s transports and protocols, rebuilt in C'
epub_description = ('A literate book in C that rebuilds the event loop, the transports and the protocols of '
                    'Python\u2019s asyncio, with every line of its code.')
epub_author = epub_publisher = author
epub_contributor = author
epub_copyright = 'Prose: CC BY 4.0. Code: MIT.'
epub_uid = 'warp-and-weft'
epub_identifier = 'urn:uuid:7d9a3c52-6f0e-5b1c-9a47-2f1b8c0d4e63'
epub_cover = ('_static/cover.png', 'epub-cover.html')
epub_show_urls = 'no'
epub_tocdepth = 2
epub_tocdup = False
epub_tocscope = 'includehidden'
epub_use_index = False
epub_exclude_files = ['epub-cover.xhtml']      # listed by itself
