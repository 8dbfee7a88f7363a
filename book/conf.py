"""Sphinx's settings for the book.  The pages are book/*.md and chapters/*.nw; run from the top:

    /usr/bin/python3 -m sphinx -c book . build/book/html
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '_ext'))

project = 'Warp & Weft'
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
