"""How the book looks on paper: chunks, code, lists and parts of the book in LaTeX.

The commands used here are those of book/print/weft.sty.  Code is set line by line in a monospaced
font, so that its width is known here: a chunk with a long line is set smaller, and a line that is
too long even then is broken.
"""
import re

from docutils import nodes
from pygments.token import Generic
from sphinx import addnodes
from sphinx.writers.latex import LaTeXTranslator

from . import html
from .view import Link, typeset

FULL, SMALLEST = 92, 110        # columns at the usual size of code, and at the smallest
HALF, HALF_SMALLEST = 40, 50    # the same for one of two traces side by side
WHOLE = 16                      # rows of a table that is not broken by the end of a page
HALVES = ('The exercise', 'A solution')     # links between an exercise and its solution
LINE, NARROW = 100, 26          # letters on the line of a table; in a column that gets what it wants
TOGETHER = 9                    # a chunk of so many lines is not broken by the end of a page

ESCAPES = {'\\': r'\textbackslash{}', '{': r'\{', '}': r'\}', '$': r'\$', '&': r'\&', '%': r'\%', '#': r'\#',
           '_': r'\_', '^': r'\textasciicircum{}', '~': r'\textasciitilde{}'}


def escape(text):
    return ''.join(ESCAPES.get(c, c) for c in text)


def verbatim(text):
    """Text of a line of code."""
    return ''.join('~' if c == ' ' else ESCAPES.get(c, c) for c in text)


def label(link):
    """As Sphinx names it: document, colon, anchor."""
    return fr'\detokenize{{{link.doc}:{link.anchor}}}'


def styled(css, text):
    """A piece of code in the style of its kind."""
    if not text.strip():
        return text.replace(' ', '~')
    text = verbatim(text)
    if css in ('cp', 'cpf'):
        return fr'\nwP{{{text}}}'
    for first, command in (('k', 'nwK'), ('ow', 'nwK'), ('c', 'nwC'), ('s', 'nwS'), ('gs', 'nwB'), ('gp', 'nwG')):
        if css.startswith(first) and not (first == 's' and css == 'nw-ref'):
            return fr'\{command}{{{text}}}'
    return text


class Listing:
    """Lines of code.  A piece is (its text, how wide it is, LaTeX made of a part of its text)."""

    def __init__(self, columns=FULL, smallest=SMALLEST):
        self.lines = [[]]
        self.columns, self.smallest = columns, smallest

    def add(self, text, make):
        for number, part in enumerate(text.split('\n')):
            if number:
                self.lines.append([])
            if part:
                self.lines[-1].append((part, len(part), make))

    def add_whole(self, latex):
        """Something that is never broken and narrower than the line."""
        self.lines[-1].append((latex, 0, None))

    @staticmethod
    def _breaks(text, width):
        """Where a line of that text is broken: [(from, to)]."""
        spans, start, room = [], 0, width
        indent = len(text) - len(text.lstrip()) + 4
        while len(text) - start > room:
            stop = text.rfind(' ', start + room // 2, start + room) + 1 or start + room
            spans.append((start, stop))
            start, room = stop, width - min(indent, width // 2)
        return spans + [(start, len(text))], min(indent, width // 2)

    def latex(self):
        widest = max((sum(width for _, width, _ in line) for line in self.lines), default=0)
        widest = max(self.columns, min(widest, self.smallest))
        rows = []                                   # (indent, LaTeX, is it the rest of a line, its text)
        for line in self.lines:
            rows += self._rows(line, widest)
        out = [fr'\begin{{nwlines}}{{{self.columns / widest:.4f}}}']
        for number, (indent, latex, rest, text) in enumerate(rows):
            out.append((fr'\nw{"R" if rest else "L"}{{{indent}}}{{{latex}}}' if text or latex else r'\nwE')
                       + self._break(rows, number))
        return '\n'.join(out + [r'\end{nwlines}'])

    @staticmethod
    def _rows(line, widest):
        text = ''.join(part for part, width, _ in line if width)
        spans, hanging = Listing._breaks(text, widest)
        rows = []
        for start, stop in spans:
            made, at = [], 0
            for part, width, make in line:
                if not width:
                    made.append(part)
                    continue
                piece = part[max(start - at, 0):max(stop - at, 0)]
                at += width
                if piece:
                    made.append((piece, make))
            indent = hanging if start else 0
            if made and isinstance(made[0], tuple):
                piece, make = made[0]
                indent += len(piece) - len(piece.lstrip(' '))
                made[0] = (piece.lstrip(' '), make)
            rows.append((indent, ''.join(m if isinstance(m, str) else m[1](m[0]) for m in made), start > 0,
                         text[start:stop].strip()))
        return rows

    @staticmethod
    def _break(rows, number):
        """May the page end below that line?  TeX may break at each of two penalties in a row: there is one."""
        left = len(rows) - number - 1
        if not left:
            return ''
        (indent, latex, _, text), (next_indent, next_latex, continues, next_text) = rows[number:number + 2]
        if len(rows) <= TOGETHER or number < 2 or left < 3 or continues:
            return r'\nwstay'
        if not (text or latex):
            return ''                                   # what may be dropped is no place to break
        if not (next_text or next_latex):
            return r'\nwgood'
        if next_text.startswith('}') or next_indent > indent:
            return r'\nwstay'                           # an `if` and what it is about, a body and its end
        return r'\nwmay'


class Writer:
    """Writes chunks and lists; has the methods of html.Writer that a page calls."""

    def __init__(self, builder, doc):
        self.builder, self.doc_name = builder, doc

    @staticmethod
    def href(link):
        return f'%{link.doc}#{link.anchor}'

    @staticmethod
    def to(link, inner):
        return fr'\nwlink{{{label(link)}}}{{{inner}}}' if link.doc else inner

    def numbers(self, links):
        """2.14, page 81; 2.20, page 84."""
        return '; '.join(self.to(link, link.number) + fr',~page~\nwpage{{{label(link)}}}' for link in links)

    def chunk(self, view, doc):
        own = Link(view.name, doc, view.anchor)
        out = ['', r'\begin{nwchunk}']
        head = 'nwfilehead' if view.is_file else 'nwhead'
        anchor = fr'\nwanchor{{{label(own)}}}' if doc else ''
        name = view.name if view.is_file else typeset(view.name)
        sign = r'\nwplus' if view.sign.startswith('+') else r'\nwis'
        out.append(fr'\{head}{{{anchor}}}{{{view.number}}}{{{escape(name)}}}{{{sign}}}')
        if view.empty:
            note = escape(view.empty)
            if view.filled:
                note += f': {self.numbers([view.filled])}'
            out.append(fr'\nwnote{{{note}}}')
        else:
            out.append(self.code(view))
        foot = self._foot(view)
        if foot:
            out.append(fr'\nwfoot{{{foot}}}')
        return '\n'.join(out + [r'\end{nwchunk}', ''])

    def code(self, view):
        made = Listing()
        for css, text, link, kind in html.pieces(view):
            if kind == 'reference':
                number = link.number and fr'\nwn{{{link.number}, p.~\nwpage{{{label(link)}}}}}'
                made.add_whole(self.to(link, fr'\nwname{{{escape(typeset(link.text))}}}{{{number}}}'))
            else:
                made.add(text, lambda part, css=css, link=link, kind=kind: self._piece(css, part, link, kind))
        return made.latex()

    def _piece(self, css, text, link, kind):
        latex = styled(css, text)
        if link and link.doc:
            return self.to(link, fr'\nwD{{{latex}}}' if kind == 'defines' else latex)
        return latex

    def _foot(self, view):
        said = []
        if view.continues:
            said.append('Continues ' + self.numbers([view.continues]))
        if view.continued and not (view.empty and len(view.continued) == 1):
            said.append('Continued in ' + self.numbers(view.continued))
        if view.used_in:
            said.append('Used in ' + self.numbers(view.used_in))
        if view.defines:
            said.append('Defines ' + ', '.join(self.to(link, fr'\nwcode{{{escape(link.text)}}}')
                                               for link in view.defines))
        return ''.join(f'{part}. ' for part in said).strip()

    # ------------------------------------------------------------ the lists

    @staticmethod
    def pages(links):
        return ','.join(fr'{{{link.doc}:{link.anchor}}}' for link in links)

    def chunk_list(self, files, others):
        out = []
        for title, items in (('Files', files), ('Chunks', others)):
            if items:
                out.append(fr'\nwlisthead{{{title}}}\begin{{nwlist}}')
            for first, more, users, note in items:
                shown = (fr'\nwcode{{{escape(first.text)}}}' if title == 'Files' else
                         fr'\nwname{{{escape(typeset(first.text))}}}{{}}')
                said = fr'\nwpages{{}}{{{self.pages([first] + more)}}}'
                if users:
                    said += fr'; used \nwpages{{}}{{{self.pages(users)}}}'
                if note:
                    said += f'; {escape(note)}'
                out.append(fr'\nwitem{{}}{{{self.to(first, shown)}}}{{{first.number}}}{{{said}}}')
            if items:
                out.append(r'\end{nwlist}')
        return '\n'.join(out) + '\n'

    @staticmethod
    def chapter_list(_chapters, _titles, _said):
        return ''

    def identifier_list(self, entries):
        out, page, letter = [r'\begin{nwlist}'], entries[0][3:] and self.doc_of_list(), None
        for title, kind, anchor, defined, declared, used, root in entries:
            name = title.split(' ')[-1] if kind in ('struct', 'union', 'enum') else title
            first = name.lstrip('_')[:1].upper()
            if first != letter:
                letter = first
                out.append(fr'\nwletter{{{letter}}}')
            shown = fr'\nwcode{{{escape(title)}}}'
            if kind == 'member':
                name, _, scope = title.partition(' in ')
                shown = fr'\nwcode{{{escape(name)}}} \nwkind{{in struct {escape(scope)}}}'
            elif kind not in ('struct', 'union', 'enum', ''):
                shown += fr' \nwkind{{{kind}}}'
            if root:
                shown += fr' \nwkind{{in {escape(root)}}}'
            said = [fr'\nwpages{{{style}}}{{{self.pages(links)}}}' for style, links in (
                (r'\textbf', defined), (r'\textit', declared)) if links]
            rest = fr'\nwrest{{{self.pages(used)}}}' if used else ''
            own = fr'\nwanchor{{\detokenize{{{page}:{anchor}}}}}'
            out.append(fr'\nwitem{{{own}}}{{{shown}}}{{}}{{{", ".join(said)}{rest}}}')
        return '\n'.join(out + [r'\end{nwlist}']) + '\n'

    def doc_of_list(self):
        return self.builder.app.noweb_view.identifier_page


# ---------------------------------------------------------------- the parts of the book

def mark_parts(app, doctree):
    """Where chapters, appendices and what has no letter begin, after the tables of contents of the front page.
    An appendix has its letter there, before its title."""
    commands, part = {}, ''
    for toctree in app.env.get_doctree(app.config.root_doc).findall(addnodes.toctree):
        caption = toctree.get('caption')
        for title, doc in toctree['entries']:
            letter = re.match(r'([A-Z])\. ', title or '')
            wanted = 'appendix' if letter else {'Chapters': 'mainmatter', None: ''}.get(caption, 'backmatter')
            if wanted != part:
                part = wanted
                commands[doc] = fr'\nw{part}'
            if letter:
                commands[doc] = commands.get(doc, '') + fr'\nwletterof{{{ord(letter.group(1)) - ord("A")}}}'
    for start in list(doctree.findall(addnodes.start_of_file)):
        command = commands.get(start['docname'])
        if command:
            start.parent.insert(start.parent.index(start), nodes.raw('', f'\n{command}\n', format='latex'))


# ---------------------------------------------------------------- the translator

class Translator(LaTeXTranslator):
    """Sphinx's, with our own code blocks, asides and pairs of traces."""
    two = None      # widths of code inside one of two columns
    short = False   # inside a list of terms that stand beside their definitions

    def visit_nw_chunk(self, node):
        writer = Writer(self.builder, '')
        doc = self.curfilestack[-1] if node.get('anchor', True) else ''
        self.body.append(writer.chunk(node['view'], doc))
        raise nodes.SkipNode

    def visit_nw_html(self, node):
        self.body.append('\n' + node['html'])
        raise nodes.SkipNode

    def visit_literal_block(self, node):
        kinds = node.get('kinds')
        made = Listing(*(self.two or ()))
        if kinds is not None:
            for number, line in enumerate(node.astext().split('\n')):
                kind = kinds[number]
                prompt = {'command': '$ ', 'more': '> '}.get(kind, '')
                if number:
                    made.add('\n', None)
                made.add(prompt, lambda part: styled('gp', part))
                made.add(line[len(prompt):],
                         verbatim if kind == 'output' else lambda part: styled('gs', part))
        else:
            self._highlight(node, made)
        terminal = fr'\nwterminal{{{escape(node["terminal"])}}}' if 'terminal' in node else ''
        kind = 'Transcript' if kinds is not None else 'Plain'
        self.body.append('\n' + fr'\begin{{nwblock}}{{{kind}}}' + terminal + '\n' + made.latex()
                         + '\n' + r'\end{nwblock}' + '\n')
        raise nodes.SkipNode

    def _highlight(self, node, made):
        language = node.get('language', 'default')
        text = node.astext()
        lexer = self.highlighter.get_lexer(text, language, {}, force=True, location=node)
        for token, value in lexer.get_tokens(text):
            if token in Generic.Prompt:
                css = 'gp'
            elif language == 'console' and token not in Generic.Output:
                css = 'gs'
            else:
                css = html.css_class(token)
            made.add(value, lambda part, css=css: styled(css, part))
        while len(made.lines) > 1 and not made.lines[-1]:
            made.lines.pop()

    def visit_literal(self, node):
        """A long code may be broken behind a colon too."""
        for text in list(node.findall(nodes.Text)) if len(node.astext()) >= html.LONG else ():
            text.parent.replace(text, nodes.Text(re.sub(r':(?=\w)', ':\u200b', text)))
        super().visit_literal(node)

    def visit_admonition(self, node):
        if 'aside' not in node['classes']:
            super().visit_admonition(node)
            return
        self.body.append('\n' + r'\begin{nwaside}' + '\n')

    def depart_admonition(self, node):
        if 'aside' not in node['classes']:
            super().depart_admonition(node)
            return
        self.body.append(r'\end{nwaside}' + '\n')

    def visit_title(self, node):
        if isinstance(node.parent, nodes.admonition) and 'aside' in node.parent['classes']:
            self.body.append(r'\nwasidetitle{')
            self.context.append('}\n')
            self.in_title = 1
            return
        super().visit_title(node)

    def visit_reference(self, node):
        """Where a link leads is told on paper too, unless it is a name: names have their index."""
        super().visit_reference(node)
        doc, _, anchor = node.get('refuri', '').partition('#')
        if anchor and doc.startswith('%') and doc != '%bibliography' and not self.in_title and \
                not isinstance(node.parent, nodes.literal) and \
                (node.astext() in HALVES or any({'std-doc', 'std-ref'} & set(inner['classes'])
                                                for inner in node.findall(nodes.inline))):
            self.context[-1] += fr' (page~\nwpage{{\detokenize{{{doc[1:]}:{anchor}}}}})'

    def visit_table(self, node):
        rows = list(node.findall(nodes.row))
        for entry in list(node.findall(nodes.entry)):
            if not entry.astext():
                entry.clear()                           # an empty paragraph is as high as a line
        if len(rows) > WHOLE:
            node['classes'].append('longtable')         # may be broken by the end of a page
        if 'colwidths-given' not in node['classes']:
            node['classes'].append('colwidths-given')
            specs = list(node.findall(nodes.colspec))
            columns = [[row[number] for row in rows if number < len(row)] for number in range(len(specs))]
            for spec, width in zip(specs, self._widths(columns)):
                spec['colwidth'] = width
        self.rows_left, self.rows_done = len(list(node.findall(nodes.row))), 0
        super().visit_table(node)

    def depart_row(self, node):
        """No row of a table stands alone at the head or the foot of a page."""
        at = len(self.body)
        super().depart_row(node)
        self.rows_left, self.rows_done = self.rows_left - 1, self.rows_done + 1
        if not isinstance(node.parent, nodes.thead) and (self.rows_left in (1, 2) or self.rows_done <= 3):
            self.body[at] = self.body[at].replace(r'\\', r'\\*', 1)

    @staticmethod
    def _letters(entry):
        """How wide a cell would like to be; letters of code are wider than others."""
        return max((len(block.astext()) + sum(len(code.astext()) for code in block.findall(nodes.literal)) / 4
                    for block in entry.children or [entry]), default=1)

    def _widths(self, columns):
        """How wide each column is: as wide as what it says, while there is room for all; then the narrow ones get
        that, and the others share what is left, by what they usually say and by their longest words."""
        wishes = [max(map(self._letters, cells), default=1) + 3 for cells in columns]
        if sum(wishes) <= LINE:
            return [round(wish) for wish in wishes]
        narrow = [wish if wish <= NARROW else 0 for wish in wishes]
        if sum(narrow) > LINE / 2:
            narrow = [0 for _ in wishes]
        shares = [0 if has else self._weight([cell.astext() for cell in cells]) for has, cells in zip(narrow, columns)]
        room = LINE - sum(narrow)
        return [round(has or room * share / sum(shares)) for has, share in zip(narrow, shares)]

    @staticmethod
    def _weight(cells):
        longest = max((len(part) for cell in cells for part in re.split(r'[\s_/.:]', cell)), default=1)
        usual = sorted(len(cell) for cell in cells)[len(cells) * 3 // 4] if cells else 1
        return max(longest + 3, min(usual, 60))         # the space between columns counts too

    def visit_container(self, node):
        if 'nw-two' in node['classes']:
            widest = max((len(line) for block in node.findall(nodes.literal_block)
                          for line in block.astext().split('\n')), default=0)
            self.body.append('\n' + r'\nopagebreak[4]' + '\n')
            if widest <= HALF_SMALLEST:
                self.two = (HALF, HALF_SMALLEST)
                self.body.append(r'\begin{nwtwo}' + '\n')
            return
        if self.two and isinstance(node.parent, nodes.container):
            self.body.append(r'\begin{nwone}' + '\n')
            return
        super().visit_container(node)

    def depart_container(self, node):
        if 'nw-two' in node['classes']:
            if self.two:
                self.body.append(r'\end{nwtwo}' + '\n')
            self.two = None
        elif self.two and isinstance(node.parent, nodes.container):
            self.body.append(r'\end{nwone}' + '\n')
        else:
            super().depart_container(node)

    def visit_definition_list(self, node):
        if 'nw-short' in node['classes']:
            self.short = True
            self.body.append(r'\begin{nwshort}' + '\n')
        else:
            super().visit_definition_list(node)

    def depart_definition_list(self, node):
        if 'nw-short' in node['classes']:
            self.short = False
            self.body.append(r'\end{nwshort}' + '\n')
        else:
            super().depart_definition_list(node)

    def visit_term(self, node):
        super().visit_term(node)
        if self.short:
            self.body[-1] = r'\nwshortitem{'

    def visit_paragraph(self, node):
        """Above a player's table stands its title, as a caption does."""
        super().visit_paragraph(node)
        if 'nw-play-title' in node['classes']:
            self.body.append(r'\nwplaytitle{')
        if 'nw-other-half' in node['classes']:
            self.body.append(r'\nopagebreak[4]' + '\n')

    def depart_paragraph(self, node):
        if 'nw-play-title' in node['classes']:
            self.body.append('}')
        of_pair = isinstance(node.parent.parent, nodes.container) and 'nw-two' in node.parent.parent['classes']
        if of_pair and self.two:
            self.body.append(r'\strut')
        super().depart_paragraph(node)
        if of_pair and not self.two:
            self.body.append('\n' + r'\nopagebreak[4]' + '\n')

    def visit_rubric(self, node):
        self.body.append(r'\nwrubric{')
        self.context.append('}\n')
        self.in_title = 1


def depart(_self, _node):
    """Nothing is left to write."""
