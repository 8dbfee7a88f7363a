"""From a .nw file to a doctree: noweb's stream gives the Markdown, MyST reads it."""
import re

from docutils import nodes
from markdown_it.tree import SyntaxTreeNode
from myst_parser.config.main import TopmatterReadError, merge_file_level, read_topmatter
from myst_parser.mdit_to_docutils.base import token_line
from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
from myst_parser.parsers.mdit import create_md_parser
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.util import logging

from .elements import nw_chunk, nw_quote

log = logging.getLogger(__name__)

# Private-use characters stand for noweb's marks in the Markdown, one line for one line of the file.
CHUNK, CHUNK_BODY, REFERENCE, REFERENCE_END = '\ue001', '\ue000', '\ue002', '\ue003'
QUOTE, QUOTE_END = '\ue004', '\ue005'


# Directives whose body is prose; noweb's marks mean something there and nowhere else in a fence.
PROSE_DIRECTIVES = {'{%s}' % name for name in (
    'aside', 'admonition', 'note', 'warning', 'tip', 'important', 'hint', 'caution', 'seealso',
    'glossary', 'terms', 'epigraph', 'list-table', 'table', 'topic', 'figure')}


def quoted_options(text):
    """A directive's text, its `:option: value` lines quoted where YAML would trip over the value."""
    lines = text.split('\n')
    for number, line in enumerate(lines):
        found = re.match(r'(:[\w-]+:\s+)(\S.*)', line)
        if not found:
            if not re.match(r':[\w-]+:\s*$', line):
                break
        elif re.search(r''': |:$| #|^[\[\]{}>|*&!%#`@,?-]''', found.group(2)):
            lines[number] = found.group(1) + "'" + found.group(2).replace("'", "''") + "'"
    return '\n'.join(lines)


def markdown(a_file):
    """The prose of a noweb.File, chunks replaced by marks; line n of it is line n of the file."""
    lines = [''] * a_file.line_count
    for part in a_file.parts:
        if part.kind == 'code':
            for number in range(part.line, part.end + 1):
                lines[number - 1] = CHUNK_BODY
            lines[part.line - 1] = f'{CHUNK}{part.ordinal}'
            continue
        for line in part.lines:
            lines[line.number - 1] = ''.join(
                f'{REFERENCE}{p.text}{REFERENCE_END}' if p.kind == 'reference' else
                QUOTE if p.kind == 'open' else QUOTE_END if p.kind == 'close' else p.text
                for p in line.pieces)
    return '\n'.join(lines) + '\n'


def plain(text):
    """Text as it stood in the file, for places where noweb's marks mean nothing."""
    for mark, was in ((REFERENCE, '<<'), (REFERENCE_END, '>>'), (QUOTE, '[['), (QUOTE_END, ']]')):
        text = text.replace(mark, was)
    return text


def marks(text):
    """The quotes of a page that noweb does not read."""
    def mark(found):
        inside = re.sub(r'<<(.*?)>>', REFERENCE + r'\1' + REFERENCE_END, found.group(1))
        return QUOTE + inside + QUOTE_END
    return re.sub(r'\[\[([^\]\n]+(?:\][^\]\n]+)*\]*)\]\]', mark, text)


def chunk_rule(state, start, end, silent):
    """markdown-it block rule: a mark and the body lines below it."""
    at = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(CHUNK, at):
        return False
    if silent:
        return True
    ordinal = int(re.match(r'\d+', state.src[at + 1:state.eMarks[start]]).group())
    line = start + 1
    while line < end and state.src.startswith(CHUNK_BODY, state.bMarks[line]):
        line += 1
    token = state.push('noweb_chunk', '', 0)
    token.map = [start, line]
    token.meta = {'ordinal': ordinal}
    state.line = line
    return True


def quote_rule(state, silent):
    """markdown-it inline rule: [[code]], a chunk reference inside it included."""
    if not state.src.startswith(QUOTE, state.pos):
        return False
    end = state.src.find(QUOTE_END, state.pos)
    if end < 0:
        return False
    if not silent:
        token = state.push('noweb_quote', '', 0)
        token.content = ' '.join(state.src[state.pos + 1:end].split())
    state.pos = end + 1
    return True


class Renderer(SphinxRenderer):
    """MyST's renderer, which also knows chunks and quotes, and refuses bare HTML."""

    def render_fence(self, token: SyntaxTreeNode) -> None:
        name = token.info.strip().partition(' ')[0]
        if name not in PROSE_DIRECTIVES:
            token.token.content = plain(token.content)
        if name.startswith('{'):
            token.token.content = quoted_options(token.content)
        super().render_fence(token)

    def _path(self):
        return self.sphinx_env.doc2path(self.sphinx_env.docname, base=False)

    def render_noweb_chunk(self, token: SyntaxTreeNode) -> None:
        chunk = self._chunks()[token.meta['ordinal'] - 1]
        line = token_line(token)
        if line + 1 != chunk.line and line != chunk.line:
            log.warning('chunk <<%s>> stands in line %d for noweb and in line %d for the page',
                        chunk.name, chunk.line, line, location=(self.sphinx_env.docname, chunk.line))
        node = nw_chunk(file=chunk.file, ordinal=chunk.ordinal)
        node.source, node.line = self.document['source'], chunk.line
        self.current_node.append(node)

    def _chunks(self):
        return self.sphinx_env.app.noweb_book.files[self._path()].chunks

    def render_noweb_quote(self, token: SyntaxTreeNode) -> None:
        node = nw_quote(plain(token.content), code=token.content, file=self._path())
        self.add_line_and_source_path(node, token)
        self.current_node.append(node)

    def render_html_inline(self, token: SyntaxTreeNode) -> None:
        self._refuse(token)

    def render_html_block(self, token: SyntaxTreeNode) -> None:
        self._refuse(token)

    def _refuse(self, token):
        text = plain(token.content).strip().split('\n')[0]
        if not text.startswith('<!--'):
            log.warning('%s is read as HTML and would vanish: put it in backquotes', text,
                        location=(self.sphinx_env.docname, token_line(token, 0)))


class Parser(MystParser):
    """For .nw files and for the book's own .md pages."""
    supported = ('noweb',)

    def parse(self, inputstring, document):
        env = document.settings.env
        path = env.doc2path(env.docname, base=False)
        a_file = env.app.noweb_book.files.get(path)
        text = markdown(a_file) if a_file else marks(inputstring)
        config = env.myst_config
        try:
            top = read_topmatter(text)
        except TopmatterReadError:
            top = None
        if top:
            config = merge_file_level(config, top, lambda kind, said: log.warning(
                '%s', said, location=(env.docname, 1)))
        md = create_md_parser(config, Renderer)
        md.block.ruler.before(md.block.ruler.get_all_rules()[0], 'noweb_chunk', chunk_rule,
                              {'alt': ['paragraph', 'reference', 'blockquote', 'list']})
        md.inline.ruler.before('link', 'noweb_quote', quote_rule)
        text_rule(md)
        md.options['document'] = document
        md.render(text)
        self._tidy(document, env, a_file)

    @staticmethod
    def _tidy(document, env, a_file):
        """Give verbatim text its marks back, and miss no chunk."""
        for node in list(document.findall(nodes.Text)):
            text = node.astext()
            if CHUNK in text and a_file:
                ordinal = int(re.search(CHUNK + r'(\d+)', text).group(1))
                log.warning('chunk <<%s>> stands inside verbatim text', a_file.chunks[ordinal - 1].name,
                            location=(env.docname, a_file.chunks[ordinal - 1].line))
            if '[[' in text and not isinstance(node.parent, (nodes.FixedTextElement, nodes.literal, nodes.raw)):
                log.warning('[[ is not taken for a quote here: %s', text.strip().split('\n')[0], location=node.parent)
            if plain(text) != text:
                node.parent.replace(node, nodes.Text(plain(text)))
        for node in document.findall(nodes.literal_block):
            node.rawsource = plain(node.rawsource)


def text_rule(md):
    """Let the inline parser stop at a quote's mark."""
    def rule(state, silent):
        at = state.pos
        while at < state.posMax and state.src[at] not in TERMINATORS:
            at += 1
        if at == state.pos:
            return False
        if not silent:
            state.pending += state.src[state.pos:at]
        state.pos = at
        return True
    md.inline.ruler.at('text', rule)


TERMINATORS = set('\n!#$%&*+-:<=>@[\\]^_`{}~' + QUOTE)
