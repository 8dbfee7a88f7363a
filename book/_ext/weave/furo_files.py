"""Mends Furo's pages for those who read with their ears or the keyboard, and its files as Debian packages them, after
they were copied beside the pages.

There the style sheet asks the machine's web server for another one and has lost its dark colours for
readers whose system is dark, and the script is a module in two files, which a page opened from disk
may not load.  A Furo from elsewhere has none of these and is left as it is."""
import os
import re

NORMALIZE = '/javascript/normalize.css/normalize.css'
DARK = re.compile(r'body\[data-theme="dark"\] \{(\s*--[^{}]*)\}')


def mend_style(text):
    asked = f'@import url({NORMALIZE});'
    if asked in text:
        brought = ''
        if os.path.exists('/usr/share' + NORMALIZE):
            with open('/usr/share' + NORMALIZE, encoding='utf-8') as file:
                brought = file.read()
        text = text.replace(asked, brought)
    dark = DARK.search(text)
    if dark and 'prefers-color-scheme' not in text:
        text += (f'\n@media not print {{ @media (prefers-color-scheme: dark) {{\n'
                 f'  body:not([data-theme="light"]) {{{dark.group(1)}}} }} }}\n')
    return text


def mend_script(text, folder):
    asked = 'import Gumshoe from "./gumshoe-patched.js";'
    path = os.path.join(folder, 'gumshoe-patched.js')
    if asked not in text or not os.path.exists(path):
        return text
    with open(path, encoding='utf-8') as file:
        gumshoe = file.read()
    return f'{gumshoe}\n(function () {{\n{text.replace(asked, "")}\n}})();\n'


PAGE = (
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="The book">'),
    ('<aside class="toc-drawer">', '<aside class="toc-drawer" aria-label="This page">'),
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
    ('<label class="overlay ', '<label aria-hidden="true" class="overlay '),     # where a click closes a drawer
    ('<div class="content-icon-container">',
     '<div class="content-icon-container" role="region" aria-label="Tools of the page">'),
    ('<th class="head"><p></p></th>', '<td></td>'),
    ('<div id="search-results"></div>', '<h1>Search</h1>\n<div id="search-results"></div>'),
    ('<pre>', '<pre tabindex="0">'),            # what may scroll must be reached by the keyboard
)


def mend_page(text):
    for old, new in PAGE:
        text = text.replace(old, new)
    return text


def mend_pages(app):
    """Before the first page is rendered."""
    if app.builder.name == 'html':
        templates = app.builder.templates
        render = templates.render
        templates.render = lambda name, context: (
            mend_page(render(name, context)) if name.endswith('.html') else render(name, context))


def mend(app, exception):
    if exception or app.builder.name != 'html':
        return
    static = os.path.join(app.outdir, '_static')
    for name, change in (('styles/furo.css', mend_style),
                         # Sphinx takes the key / for its search, whatever the theme says.
                         ('documentation_options.js', lambda text: text.replace(
                             'ENABLE_SEARCH_SHORTCUTS: true', 'ENABLE_SEARCH_SHORTCUTS: false')),
                         ('scripts/furo.js', lambda text: mend_script(text, os.path.join(static, 'scripts')))):
        path = os.path.join(static, name)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                was = file.read()
            made = change(was)
            if made != was:
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(made)
