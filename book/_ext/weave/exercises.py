"""Exercises: hints that are folded away, solutions that are, the links between them, and the table of all."""
import os
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from .elements import nw_fold, nw_hint
from .view import Link

TITLE = re.compile(r'Exercise\s(\d+)\.(\d+)\b')
FOLDER = 'chapters/solutions/'


class Hint(SphinxDirective):
    """{hint}: one paragraph that a reader opens when it is wanted."""
    has_content = True

    def run(self):
        self.assert_has_content()
        node = nw_hint()
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


class Solutions(SphinxDirective):
    """{solutions}: the pages of solutions, one a chapter. An edition for students has none, and says so."""

    def run(self):
        pages = sorted(doc for doc in self.env.found_docs if doc.startswith(FOLDER))
        self.env.note_reread()
        if not pages:
            return [nodes.paragraph('', 'This edition of the book has no solutions.')]
        tree = addnodes.toctree(
            '', entries=[(None, doc) for doc in pages], includefiles=pages, maxdepth=1, glob=False, hidden=False,
            caption=None, rawcaption='', numbered=0, titlesonly=True, includehidden=False, parent=self.env.docname)
        self.set_source_info(tree)
        return [nodes.compound('', tree, classes=['toctree-wrapper'])]


# ---------------------------------------------------------------- which exercise stands where

def sections(doctree):
    """(section, '4-1') of every exercise or solution on the page."""
    for section in list(doctree.findall(nodes.section)):
        found = TITLE.match(section.next_node(nodes.title).astext()) if section.children else None
        if found:
            yield section, f'{found[1]}-{found[2]}'


def mark(docname, doctree):
    """After a page is read: gives each exercise and solution an anchor of its own, folds solutions; what there is."""
    kind = 'solution' if docname.startswith(FOLDER) else 'exercise'
    found = []
    for section, number in sections(doctree):
        section['ids'].append(f'{kind}-{number}')
        if kind == 'solution':
            fold = nw_fold('', *section.children[1:])
            section[1:] = [fold]
        found.append((kind, number))
    return found


def places(facts):
    """(kind, '4-1') -> docname"""
    return {tuple(key): doc for doc, known in facts.items() for key in known.get('exercises', ())}


def link(doctree, known, writer):
    """From the end of an exercise to its solution, and from the head of a solution to its exercise."""
    for section, number in sections(doctree):           # in print, of all pages at once
        kind, other, text = ('solution', 'exercise', 'The exercise') if f'solution-{number}' in section['ids'] else \
            ('exercise', 'solution', 'A solution')
        doc = known.get((other, number))
        if doc is None or (kind, number) not in known:
            continue
        address = writer.href(Link(text, doc, f'{other}-{number}'))
        line = nodes.paragraph('', '', nodes.reference('', text, internal=True, refuri=address),
                               classes=['nw-other-half'])
        if kind == 'solution':
            section.insert(1, line)
        else:
            after = next((n for n, child in enumerate(section.children) if isinstance(child, nodes.section)),
                         len(section.children))
            section.insert(after, line)


# ---------------------------------------------------------------- how they look

def visit_html(self, _node):
    self.body.append('<details class="nw-hint"><summary>A hint</summary>\n')


def visit_fold(self, _node):
    self.body.append('<details class="nw-fold"><summary>The solution</summary>\n')


def depart_html(self, _node):
    self.body.append('</details>\n')


def visit_epub(self, _node):
    self.body.append('<div class="nw-hint nw-small-print"><p class="nw-hint-head">A hint</p>\n')


def depart_epub(self, _node):
    self.body.append('</div>\n')


def visit_latex(self, _node):
    self.body.append('\n\\begin{quote}\\footnotesize\\emph{A hint.} ')


def depart_latex(self, _node):
    self.body.append('\n\\end{quote}\n')


def as_it_is(_self, _node):
    """Its parts are ordinary ones."""


HINT_VISITORS = {'html': (visit_html, depart_html), 'epub': (visit_epub, depart_epub),
                 'latex': (visit_latex, depart_latex), 'text': (as_it_is, as_it_is),
                 'man': (as_it_is, as_it_is), 'texinfo': (as_it_is, as_it_is)}
FOLD_VISITORS = {'html': (visit_fold, depart_html), 'epub': (as_it_is, as_it_is), 'latex': (as_it_is, as_it_is),
                 'text': (as_it_is, as_it_is), 'man': (as_it_is, as_it_is), 'texinfo': (as_it_is, as_it_is)}


# ---------------------------------------------------------------- the table for teachers

HEADING = re.compile(r'^### Exercise (\d+\.\d+) \((\d+)(, on paper)?\): (.*)$', re.M)


def facts_of_exercise(top, number):
    """(kind, tests, points, hints) of tests/exercises/N.M/exercise.txt; None when nothing grades it."""
    path = os.path.join(top, 'tests/exercises', number, 'exercise.txt')
    try:
        with open(path, encoding='utf-8') as file:
            text = file.read()
    except FileNotFoundError:
        return None
    points = [float(n) for n in re.findall(r'^points:\s*([\d.]+)', text, re.M)]
    kind = re.search(r'^kind:\s*(\w+)', text, re.M)
    return kind[1] if kind else '', len(points), sum(points), len(re.findall(r'^hint:', text, re.M))


class ExerciseTable(SphinxDirective):
    """{exercisetable}: every exercise of the book, with its grade and with what its grader looks at."""

    def run(self):
        top, rows = self.env.srcdir, []
        for doc in sorted(self.env.found_docs):
            path = self.env.doc2path(doc)
            if not re.fullmatch(r'chapters/\d+-.*', doc):
                continue
            self.env.note_dependency(path)
            with open(path, encoding='utf-8') as file:
                found = HEADING.findall(file.read())
            for number, grade, _, title in found:
                facts = facts_of_exercise(top, number)
                self.env.note_dependency(os.path.join(top, 'tests/exercises', number, 'exercise.txt'))
                rows.append((number, doc, grade, title, *(facts or ('on paper', '', '', ''))))
        return [self.table(rows)]

    @staticmethod
    def cell(*inside):
        return nodes.entry('', nodes.paragraph('', '', *inside))

    def table(self, rows):
        group = nodes.tgroup('', cols=6)
        group += [nodes.colspec(colwidth=width) for width in (8, 44, 8, 14, 10, 16)]
        heads = ('', 'Exercise', 'Grade', 'Kind', 'Tests', 'Known mistakes')
        group += nodes.thead('', nodes.row('', *[self.cell(nodes.Text(text)) for text in heads]))
        body = nodes.tbody('')
        for number, doc, grade, title, kind, tests, _points, hints in rows:
            link = addnodes.pending_xref('', nodes.inline('', number), refdomain='nw', reftype='exercise',
                                         reftarget=number.replace('.', '-'), refdoc=self.env.docname, page=doc)
            cells = [title.replace("'", '\u2019'), grade, kind, str(tests), str(hints)]
            body += nodes.row('', self.cell(link), *[self.cell(nodes.Text(text)) for text in cells])
        group += body
        return nodes.table('', group, classes=['nw-exercises'])
