"""Transcripts, as the chapters write them: what was typed and what was printed.

This module only reads. The Sphinx extension (`transcripts.py`) shows what it
finds, the runner (`tests/book/transcripts/run`) replays it; both call the
functions below, so that the page and the test cannot disagree on the syntax.
"""

import re
from dataclasses import dataclass, field

OPTIONS = ('session', 'terminal', 'ports', 'timeout', 'status')

# What a reader does at the keyboard.
COMMAND, TYPED, END_OF_FILE, INTERRUPT = 'command', 'typed', 'eof', 'interrupt'
# Not a deed: lines that a command of an earlier block has printed meanwhile.
EARLIER = 'earlier'

SHOWN_END_OF_FILE = '^D'


class TranscriptError(Exception):
    """A block that breaks the syntax: where, and why."""

    def __init__(self, path, line, message):
        super().__init__(f'{path}:{line}: {message}')
        self.path = path
        self.line = line
        self.message = message


@dataclass
class Step:
    """One deed of the reader and the lines that are expected after it."""

    kind: str
    line: int
    text: str = ''
    shown: list = field(default_factory=list)
    expected: list = field(default_factory=list)


@dataclass
class Block:
    """One fenced block of a page."""

    path: str
    line: int
    steps: list
    session: str = None
    terminal: str = 'main'
    ports: tuple = ()
    timeout: float = None
    status: int = 0

    def rows(self):
        """Yield (kind, text) for each line of the page, markers removed.

        The kinds are 'command', 'more' (a continued command), 'typed' and
        'output'.
        """
        for step in self.steps:
            if step.kind == COMMAND:
                yield 'command', step.shown[0]
                for text in step.shown[1:]:
                    yield 'more', text
            elif step.kind != EARLIER:
                yield 'typed', step.shown[0]
            for text in step.expected:
                yield 'output', text


def _here_document_words(command):
    """The words that end the here-documents which a command line opens."""
    return re.findall(r'<<-?\s*[\'"]?(\w+)[\'"]?', command)


def _command_lines(lines, start):
    """The command that starts at lines[start]: its lines, prompts removed."""
    command = [lines[start][2:]]
    words = _here_document_words(command[0])
    while start + len(command) < len(lines):
        continued = command[-1].endswith('\\') if not words else True
        text = lines[start + len(command)]
        if not continued or not (text.startswith('> ') or text == '>'):
            break
        command.append(text[2:])
        if words and command[-1] == words[0]:
            words.pop(0)
    return command, words


def parse_steps(lines, path, first_line):
    """The steps of a block, given the lines below its options."""
    steps = []

    def expect(line, text):
        if not steps:
            steps.append(Step(EARLIER, line))
        steps[-1].expected.append(text)

    i = 0
    while i < len(lines):
        text = lines[i].rstrip()
        line = first_line + i
        i += 1
        if text == '$':
            raise TranscriptError(path, line, 'a prompt without a command')
        if text.startswith('$ '):
            command, open_words = _command_lines(lines, i - 1)
            i += len(command) - 1
            if open_words:
                raise TranscriptError(
                    path, line, f"the here-document never reaches its '{open_words[0]}'")
            if command[-1].endswith('\\'):
                raise TranscriptError(
                    path, line, "a command that ends in '\\' goes on in a line that begins with '> '")
            if not command[0].strip():
                raise TranscriptError(path, line, 'a prompt without a command')
            steps.append(Step(COMMAND, line, '\n'.join(command), list(command)))
        elif text == '{type}' or text.startswith('{type} '):
            typed = text[7:]
            steps.append(Step(TYPED, line, typed, [typed]))
        elif text == '{eof}':
            steps.append(Step(END_OF_FILE, line, '', [SHOWN_END_OF_FILE]))
        elif text == '^C':
            steps.append(Step(INTERRUPT, line, '', [text]))
        elif re.match(r'\{\w+\}', text):
            raise TranscriptError(
                path, line, f"unknown marker '{text.split()[0]}' (there are {{type}} and {{eof}})")
        else:
            expect(line, text)
    if not steps:
        raise TranscriptError(path, first_line, 'an empty transcript')
    return steps


def parse_options(options, path, line):
    """Turn the strings of a block's options into arguments of Block."""
    result = {}
    for name, value in options.items():
        value = (value or '').strip()
        if name not in OPTIONS:
            raise TranscriptError(
                path, line, f"unknown option ':{name}:' (there are {', '.join(OPTIONS)})")
        if name in ('session', 'terminal'):
            if not re.fullmatch(r'[\w.-]+', value):
                raise TranscriptError(path, line, f"':{name}:' wants one word, not '{value}'")
            result[name] = value
            continue
        numbers = value.replace(',', ' ').split()
        well_formed = bool(numbers) and (name == 'ports' or len(numbers) == 1)
        pattern = r'\d+(\.\d+)?' if name == 'timeout' else r'\d+'
        if not well_formed or not all(re.fullmatch(pattern, n) for n in numbers):
            raise TranscriptError(path, line, f"':{name}:' wants a number, not '{value}'")
        if name == 'ports':
            result[name] = tuple(int(n) for n in numbers)
        else:
            result[name] = float(value) if name == 'timeout' else int(value)
    return result


def parse_block(lines, options, path, line, first_line):
    """The Block of a fence that opens at `line`; its text starts at `first_line`."""
    arguments = parse_options(options, path, line)
    return Block(path=path, line=line, steps=parse_steps(lines, path, first_line), **arguments)


# Finding the blocks in a chapter or a page -------------------------------

_FENCE = re.compile(r'^(?P<indent>\s*)(?P<fence>`{3,}|~{3,}|:{3,})\s*(?P<info>.*?)\s*$')
_OPTION = re.compile(r'^:(?P<name>[\w-]+):\s*(?P<value>.*)$')
_TAKEN_LITERALLY = ('code', 'code-block', 'sourcecode', 'literalinclude', 'parsed-literal',
                    'math', 'graphviz', 'mscgen', 'eval-rst')


def documentation_lines(text, is_noweb=True):
    """Yield (line number, text) of what is prose to noweb, its escapes undone."""
    in_code = False
    for number, line in enumerate(text.split('\n'), 1):
        if is_noweb:
            if re.match(r'<<.*>>=\s*$', line):
                in_code = True
                continue
            if line == '@' or line.startswith('@ '):
                in_code = False
                if line.startswith('@ %def'):
                    continue
                line = line[2:]
            elif in_code:
                continue
            elif line.startswith('@@'):
                line = line[1:]
            line = line.replace('@<<', '<<').replace('@>>', '>>')
        yield number, line


def _opens_literal_text(info):
    """Whether a fence with this info string holds text and no further fences."""
    directive = re.match(r'\{([\w:-]+)\}', info)
    return directive is None or directive.group(1) in _TAKEN_LITERALLY


def _closes(line, fence):
    text = line.strip()
    return bool(text) and set(text) == {fence[0]} and len(text) >= len(fence)


def _read_body(numbered, start, indent, fence, path):
    """The options and lines of the block whose fence is at numbered[start]."""
    options, body, first_line = {}, [], None
    opened_at = numbered[start][0]
    i = start + 1
    while i < len(numbered) and not _closes(numbered[i][1], fence):
        number, line = numbered[i]
        line = line[indent:] if line[:indent].isspace() else line
        option = _OPTION.match(line) if not body else None
        if option and first_line is None:
            options[option['name']] = option['value']
        elif body or line.strip():
            first_line = first_line or number
            body.append(line)
        i += 1
    if i == len(numbered):
        raise TranscriptError(path, opened_at, 'a transcript without its closing fence')
    while body and not body[-1].strip():
        body.pop()
    return options, body, first_line or opened_at, i


def find_blocks(text, path, is_noweb=True):
    """All transcript blocks of a chapter or a Markdown page, in page order."""
    numbered = list(documentation_lines(text, is_noweb))
    blocks = []
    literal = None
    i = 0
    while i < len(numbered):
        number, line = numbered[i]
        i += 1
        if literal is not None:
            if _closes(line, literal):
                literal = None
            continue
        match = _FENCE.match(line)
        if not match or not match['info']:
            continue
        if match['info'] == '{transcript}':
            options, body, first_line, end = _read_body(
                numbered, i - 1, len(match['indent']), match['fence'], path)
            i = end + 1
            blocks.append(parse_block(body, options, path, number, first_line))
        elif _opens_literal_text(match['info']) and match['fence'][0] != ':':
            literal = match['fence']
    return blocks
