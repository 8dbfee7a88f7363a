"""The directive `plot`: curves that gnuplot draws from data of ours.

    ```{plot}
    :data: scanning.dat
    :caption: What stands below the plot.
    :alt: What someone hears who cannot see it.
    :width: 640
    :height: 320
    set logscale xy
    plot $scanning using 1:3 title 'ours', $scanning using 1:5 title 'theirs'
    ```

The data lie in book/figures/; scanning.dat is called $scanning in the commands. Line types 1 to 4
are blue, red, green and grey. In HTML the plot becomes part of the page and takes its colours,
light or dark; for this, only the colours of figures.PALETTE may be named. An e-reader gets an SVG
file, LaTeX a PDF file made of it.
"""

import hashlib
import os
import re
import subprocess

from docutils import nodes
from docutils.parsers.rst import directives
from figures import PALETTE, SMALLEST, DrawingDirective, FigureError, put_html, put_latex
from sphinx.util import logging

logger = logging.getLogger(__name__)

WIDTH = 640
LINES = ('blue', 'red', 'green', 'grey')


class plot(nodes.General, nodes.Inline, nodes.Element):
    """The plot itself, inside a docutils figure."""


class PlotDirective(DrawingDirective):
    """```{plot}"""

    option_spec = {
        **DrawingDirective.option_spec,
        'data': directives.unchanged_required,
        'width': directives.positive_int,
        'height': directives.positive_int,
    }
    program = 'gnuplot'

    def run(self):
        [figure] = super().run()
        drawing = figure[0]
        node = plot('', alt=drawing['alt'], width=self.options.get('width', WIDTH),
                    height=self.options.get('height', 320), text=self._data() + drawing['text'])
        self.set_source_info(node)
        figure.replace(drawing, node)
        return [figure]

    def _data(self):
        """The data files as gnuplot's named blocks."""
        blocks = []
        for name in self.options.get('data', '').split():
            path = os.path.join(self.env.app.confdir, 'figures', name)
            self.env.note_dependency(path)
            try:
                with open(path, encoding='utf-8') as file:
                    text = file.read()
            except OSError as error:
                raise self.error(f'plot: book/figures/{name}: {error.strerror}') from None
            block = re.sub(r'\W', '_', os.path.splitext(name)[0])
            blocks.append(f'${block} << END_OF_DATA\n{text}END_OF_DATA\n')
        return ''.join(blocks)


# Drawing -----------------------------------------------------------------

def _size(node):
    return node['width'], node['height']


def _script(node):
    terminal = f"svg size {node['width']},{node['height']} dynamic font 'Helvetica,13'"
    lines = [f"set linetype {number} lc rgb '{PALETTE[colour][1]}' lw 2 pt 0"
             for number, colour in enumerate(LINES, 1)]
    colours = {name: value for name, (_, value) in PALETTE.items() if name not in ('black', 'white')}
    text = re.sub(r"""rgb (["'])(\w+)\1""", lambda match: match.expand(
        rf"rgb '{colours.get(match[2], match[2])}'"), node['text'])
    return '\n'.join([f'set terminal {terminal}', *lines, f"set grid lc rgb '{PALETTE['grey'][1]}'",
                      'set border 3', 'set tics nomirror', 'set style data lines', text])


def _draw(app, node):
    script = _script(node)
    digest = hashlib.sha256(script.encode()).hexdigest()[:24]
    path = os.path.join(app.doctreedir, 'figures', f'{digest}.svg')
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            done = subprocess.run(['gnuplot'], input=script.encode(), capture_output=True, timeout=60,
                                  check=False)
        except FileNotFoundError:
            raise FigureError('gnuplot is not installed (Debian package gnuplot-nox)') from None
        complaint = ' '.join(done.stderr.decode(errors='replace').split())
        if done.returncode or complaint or not done.stdout:
            raise FigureError(f'gnuplot: {complaint or "nothing was drawn"}')
        temporary = f'{path}.{os.getpid()}'
        with open(temporary, 'wb') as file:
            file.write(done.stdout)
        os.replace(temporary, path)
    return path


def _page_colour(match, for_css):
    colour = '#' + ''.join(f'{int(part):02x}' for part in match.groups())
    for name, (css, plain) in PALETTE.items():
        if plain == colour:
            return css if for_css and name not in ('black', 'white') else plain
    raise FigureError(f"the colour '{colour}' has no counterpart on a dark page (there are {', '.join(PALETTE)})")


def restyle(svg, digest, alt, size, for_css=True):
    """gnuplot's SVG as an element of a page: its colours, its width, its meaning."""
    svg = svg[svg.index('<svg'):]
    svg = re.sub(r'<title>.*?</title>|<desc>.*?</desc>', '', svg, flags=re.S)
    svg = re.sub(r'<filter.*?</filter>', '', svg, flags=re.S)
    svg = re.sub(r'rgb\(\s*(\d+),\s*(\d+),\s*(\d+)\)', lambda match: _page_colour(match, for_css), svg)
    svg = re.sub(r' color="[^"]*"| class="[^"]*"', '', svg)
    ink = 'currentColor' if for_css else '#000000'
    svg = re.sub(r"""(stroke|fill)=(["'])black\2""", rf'\1="{ink}"', svg)
    svg = re.sub(r"""\b(id=["']|href=["']#|url\(#)""", rf'\g<1>p{digest}-', svg)  # unlike the next plot's
    alt = alt.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')
    width, height = size
    style = f'width: {width}px; min-width: {width * SMALLEST:.0f}px; max-width: 100%; height: auto'
    return (f'<svg class="drawing" role="img" aria-label="{alt}" style="{style}" viewBox="0 0 {width} {height}" '
            'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
            + svg[svg.index('>') + 1:])


# Visitors ----------------------------------------------------------------

def _visit_html(translator, node):
    for_css = translator.builder.name != 'epub'
    try:
        path = _draw(translator.builder.app, node)
        with open(path, encoding='utf-8') as file:
            svg = restyle(file.read(), os.path.basename(path)[:6], node['alt'], _size(node), for_css)
    except FigureError as error:
        logger.warning('%s', error, location=node)
        raise nodes.SkipNode from error
    put_html(translator, svg, node['alt'])
    raise nodes.SkipNode


def _visit_latex(translator, node):
    try:
        path = _draw(translator.builder.app, node)
        with open(path, encoding='utf-8') as file:
            put_latex(translator, restyle(file.read(), os.path.basename(path)[:6], node['alt'], _size(node),
                                          for_css=False))
    except FigureError as error:
        logger.warning('%s', error, location=node)
    raise nodes.SkipNode


def _visit_text(translator, node):
    translator.add_text(f"[picture: {node['alt']}]")
    raise nodes.SkipNode


def setup(app):
    """Called by Sphinx; needs the extension `figures` beside it."""
    app.setup_extension('figures')
    app.add_node(plot, html=(_visit_html, None), epub=(_visit_html, None), latex=(_visit_latex, None),
                 text=(_visit_text, None))
    app.add_directive('plot', PlotDirective)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
