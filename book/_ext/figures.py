"""The directives `graphviz` and `mscgen`: pictures that are drawn from text.

    ```{graphviz}
    :caption: What stands below the picture.
    :alt: What someone hears who cannot see it.
    :name: fig-life
    digraph { open -> closing -> closed }
    ```

In HTML the picture becomes part of the page, so that its lines and letters take
the colours of the page, light or dark. For this, only the colours in PALETTE may
be used. An e-reader gets an SVG file, LaTeX a PDF file made of it.
"""

import hashlib
import os
import posixpath
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

SVG = 'http://www.w3.org/2000/svg'
FONT = 'Helvetica'
PAGE_FONTS = "'Liberation Sans', Arimo, Helvetica, Arial, sans-serif"      # as wide as Helvetica, first
PRINT_FONT = 'TeX Gyre Heros'     # as wide as Helvetica
# A picture shrinks with the page to this part of its size, and scrolls from there.
SMALLEST = 0.62
MSCGEN_LIFT = 3

# colour name -> (CSS variable, what it is where there are no variables)
PALETTE = {
    'black': ('currentColor', '#000000'),
    'white': ('var(--figure-paper)', '#ffffff'),
    'lightgrey': ('var(--figure-fill)', '#e8e8ec'),
    'grey': ('var(--figure-muted)', '#70707a'),
    'red': ('var(--figure-bad)', '#b3261e'),
    'green': ('var(--figure-good)', '#1e7b34'),
    'blue': ('var(--figure-accent)', '#2a5adf'),
    'mistyrose': ('var(--figure-bad-fill)', '#fbe4e2'),
    'honeydew': ('var(--figure-good-fill)', '#e0f3e4'),
    'lightblue': ('var(--figure-accent-fill)', '#e0e9fd'),
}
SAME_COLOUR = {'lightgray': 'lightgrey', 'gray': 'grey', '#000000': 'black', '#ffffff': 'white'}
NO_COLOUR = ('none', 'transparent')


class FigureError(Exception):
    """A picture that cannot be drawn."""


class drawing(nodes.General, nodes.Inline, nodes.Element):
    """The picture itself, inside a docutils figure."""


def _with_quotes(text):
    """The caption with its [[code]] marked for the weaver, where there is one."""
    weaver = sys.modules.get('weave.reading')
    return weaver.marks(text) if weaver else text


class DrawingDirective(SphinxDirective):
    """What graphviz and mscgen have in common."""

    has_content = True
    option_spec = {
        'alt': directives.unchanged_required,
        'caption': directives.unchanged_required,
        'name': directives.unchanged,
    }
    program = None

    def run(self):
        self.assert_has_content()
        if not self.options.get('alt'):
            raise self.error(f'{self.name}: a figure needs :alt:, for those who cannot see it')
        node = drawing('', program=self.program, text='\n'.join(self.content) + '\n',
                       alt=self.options['alt'])
        self.set_source_info(node)
        figure = nodes.figure('', node, classes=['drawing'])
        if 'caption' in self.options:
            inline, messages = self.state.inline_text(_with_quotes(self.options['caption']), self.lineno)
            caption = nodes.caption(self.options['caption'], '', *inline)
            self.set_source_info(caption)
            figure += caption
            figure += messages
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]


class GraphvizDirective(DrawingDirective):
    """```{graphviz}"""

    program = 'dot'


class MscgenDirective(DrawingDirective):
    """```{mscgen}"""

    program = 'mscgen'


# Drawing -----------------------------------------------------------------

def _command(program, kind):
    if program == 'mscgen':
        return ['mscgen', '-T', kind, '-F', FONT, '-o', '-', '-i', '-']
    fonts = [f'-{element}fontname={FONT}' for element in 'GNE']
    return ['dot', f'-T{kind}', *fonts, '-Gbgcolor=transparent', '-Nfontsize=12', '-Efontsize=11',
            '-Gfontsize=12']


def draw(program, text, kind):
    """Run the program; its output as bytes."""
    try:
        done = subprocess.run(_command(program, kind), input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
    except FileNotFoundError:
        package = 'graphviz' if program == 'dot' else 'mscgen'
        raise FigureError(f'{program} is not installed (Debian package {package})') from None
    complaint = done.stderr.decode(errors='replace').strip()
    if done.returncode != 0 or complaint or not done.stdout:
        raise FigureError(f"{program}: {complaint or f'exit status {done.returncode}'}")
    return done.stdout


def draw_cached(app, program, text, kind):
    """As draw(), remembering results in the doctrees' folder. Returns (bytes, path)."""
    key = '\0'.join([*_command(program, kind), text])
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    folder = os.path.join(app.doctreedir, 'figures')
    path = os.path.join(folder, f'{digest}.{kind}')
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        data = draw(program, text, kind)
        temporary = f'{path}.{os.getpid()}'
        with open(temporary, 'wb') as file:
            file.write(data)
        os.replace(temporary, path)
    with open(path, 'rb') as file:
        return file.read(), path


# Making an SVG fit the page ----------------------------------------------

def _page_colour(value, for_css):
    name = SAME_COLOUR.get(value, value)
    if name in NO_COLOUR:
        return 'none'
    if name not in PALETTE:
        raise FigureError(f"the colour '{value}' has no counterpart on a dark page "
                          f"(there are {', '.join(PALETTE)})")
    return PALETTE[name][0 if for_css else 1]


def _number(length):
    return float(re.match(r'[\d.]+', length).group())


def _raise_arrowheads(root, paper):
    """mscgen clears the ground for a label with a rectangle that may hide half an arrowhead."""
    for element in list(root):
        if element.tag == f'{{{SVG}}}polygon' and element.get('fill') != paper \
                and len(element.get('points').split()) == 3:
            root.remove(element)
            root.append(element)


def _horizontals(root):
    return [_number(line.get('y1')) for line in root.iter(f'{{{SVG}}}line') if line.get('y1') == line.get('y2')]


def _lift_grounds(root, paper, arrows):
    """mscgen clears the ground for each line of a label. It reaches as high as the letters do, but over no arrow."""
    for element, after in zip(list(root), list(root)[1:]):
        if element.tag == f'{{{SVG}}}polygon' and element.get('fill') == paper and after.tag == f'{{{SVG}}}text':
            points = [[float(part) for part in point.split(',')] for point in element.get('points').split()]
            top = min(y for _, y in points)
            lift = min([MSCGEN_LIFT, *(top - arrow - 1 for arrow in arrows if top - MSCGEN_LIFT <= arrow < top)])
            element.set('points', ' '.join(f'{x:g},{y - (lift if y == top else 0):g}' for x, y in points))


def _restyle_text(element, in_points, arrows):
    """Blanks hold a label away from its line, but SVG drops them: the label moves instead."""
    text = (element.text or '').strip('\n')
    before, after = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
    blank = 0.278 * _number(element.get('font-size', '12'))
    moved = {'start': before, 'middle': (before - after) / 2, 'end': -after}[element.get('text-anchor', 'start')]
    if moved and text.strip():
        element.set('x', f"{float(element.get('x')) + blank * moved:g}")
    if element.get('textLength'):
        element.set('textLength', f"{_number(element.get('textLength')) - blank * (before + after):g}")
        element.set('lengthAdjust', 'spacingAndGlyphs')
    element.text = re.sub(r"(?<=[\w)])'(?=s\b)|(?<=s)'(?=\s)", '’', text.strip())
    element.set('font-family', PAGE_FONTS)
    if not in_points:                   # mscgen sets its letters on the very arrow
        baseline = _number(element.get('y'))
        if any(baseline <= arrow < baseline + MSCGEN_LIFT for arrow in arrows):
            element.set('y', f'{baseline - MSCGEN_LIFT:g}')


def restyle(svg, alt, for_css=True):
    """The program's SVG as an element of a page: its colours, its width, its meaning."""
    ElementTree.register_namespace('', SVG)
    root = ElementTree.fromstring(re.sub(rb'<!DOCTYPE[^>]*>', b'', svg))
    in_points = root.get('width', '').endswith('pt')
    width = _number(root.get('width')) * (4 / 3 if in_points else 1)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f'{{{SVG}}}title':
                parent.remove(child)    # would pop up as a hint: "a->b"
    arrows = _horizontals(root)
    for element in root.iter():
        element.attrib.pop('id', None)  # the next figure of the page has a node1 too
        if element is not root:
            element.attrib.pop('class', None)
        for attribute in ('fill', 'stroke'):
            if attribute in element.attrib:
                element.set(attribute, _page_colour(element.get(attribute), for_css))
        if element.tag == f'{{{SVG}}}text':
            _restyle_text(element, in_points, arrows)
            element.attrib.setdefault('fill', _page_colour('black', for_css))
    if not in_points:
        _lift_grounds(root, _page_colour('white', for_css), arrows)
        _raise_arrowheads(root, _page_colour('white', for_css))
    for attribute in ('width', 'height', 'version', 'shape-rendering'):
        root.attrib.pop(attribute, None)
    root.set('class', 'drawing')
    root.set('role', 'img')
    root.set('aria-label', alt)
    root.set('style', f'width: {width:.0f}px; min-width: {width * SMALLEST:.0f}px; max-width: 100%; height: auto')
    return ElementTree.tostring(root, encoding='unicode')


# Visitors ----------------------------------------------------------------

def _svg_for(translator, node, for_css):
    svg, _ = draw_cached(translator.builder.app, node['program'], node['text'], 'svg')
    return restyle(svg, node['alt'], for_css)


def _visit_html(translator, node):
    for_css = translator.builder.name != 'epub'
    try:
        svg = _svg_for(translator, node, for_css)
    except FigureError as error:
        logger.warning('%s', error, location=node)
        raise nodes.SkipNode from error
    put_html(translator, svg, node['alt'])
    raise nodes.SkipNode


def put_html(translator, svg, alt):
    """The drawing as a part of the page; in an e-book, which forbids that, as a file beside it."""
    if translator.builder.name != 'epub':
        translator.body.append(f'<div class="drawing-hold"><div class="drawing-frame">{svg}</div></div>\n')
        return
    name = f'drawing-{hashlib.sha256(svg.encode()).hexdigest()[:24]}.svg'
    folder = os.path.join(translator.builder.outdir, '_images')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
        file.write(svg)
    uri = posixpath.join(translator.builder.imgpath, name)
    translator.body.append(f'<div class="drawing-frame"><img src="{uri}" alt="{escape(alt)}"/></div>\n')


def _visit_latex(translator, node):
    try:
        put_latex(translator, _svg_for(translator, node, for_css=False), 0.8 if node['program'] == 'dot' else 1)
    except FigureError as error:
        logger.warning('%s', error, location=node)
    raise nodes.SkipNode


def put_latex(translator, svg, scale=1):
    """The drawing as a PDF file beside the text: vectors, with the font that the book is set in.
    It is scaled so that its words are not larger than those of the text, and fits the page."""
    svg = re.sub(r'(font-family=")[^"]*', rf'\g<1>{PRINT_FONT}', svg)
    name = f'drawing-{hashlib.sha256(svg.encode()).hexdigest()[:24]}.pdf'
    cached = os.path.join(translator.builder.app.doctreedir, 'figures', name)
    if not os.path.exists(cached):
        os.makedirs(os.path.dirname(cached), exist_ok=True)
        temporary = f'{cached}.{os.getpid()}'
        try:
            done = subprocess.run(['rsvg-convert', '--format=pdf', f'--output={temporary}'], input=svg.encode(),
                                  capture_output=True, timeout=60, check=False)
        except FileNotFoundError:
            raise FigureError('rsvg-convert is not installed (Debian package librsvg2-bin)') from None
        if done.returncode or not os.path.exists(temporary):
            raise FigureError(f"rsvg-convert: {done.stderr.decode(errors='replace').strip()}")
        os.replace(temporary, cached)
    shutil.copyfile(cached, os.path.join(translator.builder.outdir, name))
    translator.body.append(fr'\nwdrawing{{{scale}}}{{{name}}}')


def _visit_text(translator, node):
    translator.add_text(f"[picture: {node['alt']}]")
    raise nodes.SkipNode


def _visit_man(translator, node):
    translator.body.append(f"[picture: {node['alt']}]")
    raise nodes.SkipNode


def _add_static_path(app):
    app.config.html_static_path.append(os.path.join(os.path.dirname(__file__), 'static'))


def setup(app):
    """Called by Sphinx."""
    app.add_node(drawing, html=(_visit_html, None), epub=(_visit_html, None), latex=(_visit_latex, None),
                 text=(_visit_text, None), man=(_visit_man, None), texinfo=(_visit_man, None))
    app.add_directive('graphviz', GraphvizDirective)
    app.add_directive('mscgen', MscgenDirective)
    app.connect('builder-inited', _add_static_path)
    app.add_css_file('figures.css')
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
