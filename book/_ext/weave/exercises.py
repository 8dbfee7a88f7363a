"""Exercises: hints that are folded away."""
from sphinx.util.docutils import SphinxDirective

from .elements import nw_hint


class Hint(SphinxDirective):
    """{hint}: one paragraph that a reader opens when it is wanted."""
    has_content = True

    def run(self):
        self.assert_has_content()
        node = nw_hint()
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def visit_html(self, _node):
    self.body.append('<details class="nw-hint"><summary>A hint</summary>\n')


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


def visit_other(_self, _node):
    """Its paragraphs are ordinary ones."""


HINT_VISITORS = {'html': (visit_html, depart_html), 'epub': (visit_epub, depart_epub),
                 'latex': (visit_latex, depart_latex), 'text': (visit_other, visit_other),
                 'man': (visit_other, visit_other), 'texinfo': (visit_other, visit_other)}
