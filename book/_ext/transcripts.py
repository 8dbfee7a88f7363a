"""The `transcript` directive: console blocks that `make check` replays.

What the reader types stands out from what is printed; the markers `{type}` and
`{eof}` are for the runner and do not show. The syntax is read by
transcript_blocks.py, which the runner uses too.
"""

import os

from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexer import Lexer
from pygments.token import Generic, Text
from sphinx.util.docutils import SphinxDirective

from transcript_blocks import OPTIONS, TranscriptError, parse_block

LANGUAGE = 'transcript'
PROMPTS = {'command': '$ ', 'more': '> '}


class transcript_block(nodes.literal_block):
    """A literal block that knows which of its lines were typed."""


class TranscriptLexer(Lexer):
    """Prompts, what is typed at them, and output.

    The option `kinds` names the kind of each line, as Block.rows() does.
    """

    name = 'Transcript'
    aliases = [LANGUAGE]

    def __init__(self, **options):
        self.kinds = options.pop('kinds', ())
        super().__init__(stripnl=False, ensurenl=False, **options)

    def get_tokens_unprocessed(self, text):
        position = 0
        for number, line in enumerate(text.splitlines(keepends=True)):
            kind = self.kinds[number] if number < len(self.kinds) else 'output'
            body = line.rstrip('\n')
            prompt = PROMPTS.get(kind, '')
            if prompt:
                yield position, Generic.Prompt, prompt
            typed = Generic.Output if kind == 'output' else Generic.Strong
            if body[len(prompt):]:
                yield position + len(prompt), typed, body[len(prompt):]
            if line != body:
                yield position + len(body), Text, '\n'
            position += len(line)


class TranscriptDirective(SphinxDirective):
    """```{transcript}"""

    has_content = True
    option_spec = {name: directives.unchanged for name in OPTIONS}

    def run(self):
        source, line = self.get_source_info()
        try:
            block = parse_block(list(self.content), self.options, os.path.relpath(source),
                                line, self.content_offset + 1)
        except TranscriptError as error:
            raise self.error(f'{error.message} (line {error.line})')
        rows = list(block.rows())
        text = '\n'.join(PROMPTS.get(kind, '') + row for kind, row in rows)
        node = transcript_block(text, text, language=LANGUAGE, classes=['transcript'])
        node['kinds'] = [kind for kind, _ in rows]
        if block.terminal != 'main':
            node['terminal'] = block.terminal
        self.set_source_info(node)
        return [node]


def _visit_highlighted(translator, node):
    """Let the builder's own visitor highlight the block, telling the lexer of its lines."""
    config = translator.config
    before = config.highlight_options
    config.highlight_options = dict(before, **{LANGUAGE: {'kinds': node['kinds']}})
    try:
        translator.visit_literal_block(node)
    finally:
        config.highlight_options = before


def _visit_html(translator, node):
    if 'terminal' in node:
        name = translator.encode(node['terminal'])
        translator.body.append(f'<div class="transcript-terminal">terminal: {name}</div>')
    _visit_highlighted(translator, node)


def _visit_plain(translator, node):
    translator.visit_literal_block(node)


def _depart_plain(translator, node):
    translator.depart_literal_block(node)


def _add_static_path(app):
    app.config.html_static_path.append(os.path.join(os.path.dirname(__file__), 'static'))


def setup(app):
    """Called by Sphinx."""
    plain = (_visit_plain, _depart_plain)
    app.add_node(transcript_block, html=(_visit_html, _depart_plain), epub=(_visit_html, _depart_plain),
                 latex=(_visit_highlighted, _depart_plain), text=plain, man=plain, texinfo=plain)
    app.add_lexer(LANGUAGE, TranscriptLexer)
    app.add_directive('transcript', TranscriptDirective)
    app.connect('builder-inited', _add_static_path)
    app.add_css_file('transcripts.css')
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
