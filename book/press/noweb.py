"""Reads chapters through noweb's own pipeline: markup FILES | finduses | noidx.

    from noweb import read
    book = read(['chapters/01-select-loop.nw', ...])

Each stage runs by itself, and the run ends with NowebError when one fails or says anything on
stderr.  Between markup and finduses the definitions that universal-ctags finds in the tangled text
are added, as noweb's own autodefs filters do; names listed after `@ %def` come from markup already.

The model:

    Book        files, chunks (by label), names (chunk name -> its parts in order)
    File        path, parts (Prose and Chunk in the order of the file)
    Prose       file, line, lines (of Pieces)
    Chunk       file, line, name, label, lines (of Pieces), the links between its parts, uses and users
    Piece       text, and what it is: 'text', 'reference' (to a chunk), 'word' (a defined name),
                'open' and 'close' (the [[ and ]] of a quote in prose)
    Definition  a name of the program, what it is and where: struct, function, member, macro, ...

Line numbers are those of the .nw file, from 1.  Nothing here knows about Sphinx.
"""
import os
import re
from dataclasses import dataclass, field

import c_names
from stage import NowebError, run

NOWEB_LIB = os.environ.get('NOWEB_LIB', '/usr/lib/noweb')


@dataclass
class Piece:
    kind: str               # text | reference | word | open | close (the brackets of a quote in prose)
    text: str               # for a reference the name of the chunk
    label: str = ''         # reference: label of the chunk's first part, '' when nobody defines it
    quoted: bool = False    # prose: inside [[ ]]


@dataclass
class Line:
    number: int
    pieces: list = field(default_factory=list)

    @property
    def text(self):
        """The line as noweb understood it: references written <<so>>, quotes [[so]]."""
        return ''.join(f'<<{p.text}>>' if p.kind == 'reference' else p.text for p in self.pieces)

    @property
    def references(self):
        return [p for p in self.pieces if p.kind == 'reference']


@dataclass
class Prose:
    file: str
    line: int
    lines: list = field(default_factory=list)
    kind = 'prose'

    @property
    def text(self):
        return '\n'.join(line.text for line in self.lines)


@dataclass
class Use:
    """One word of a chunk that means a definition of the program."""
    line: int               # index into Chunk.lines
    column: int             # in Line.text of that line
    text: str
    definition: object      # Definition
    counts: bool = True     # False in a comment: a link, but not a use


@dataclass
class Chunk:
    file: str
    line: int               # of <<name>>=
    name: str = ''
    label: str = ''
    ordinal: int = 0        # 1 for the first chunk of its file
    part: int = 1           # 1 for the first part of its name, 2 for its first continuation, ...
    lines: list = field(default_factory=list)
    end: int = 0            # the last line that belongs to the chunk, its @ %def included
    closed: bool = True     # False when another chunk or the end of the file ends it, not an @
    previous: str = ''      # label of the part before this
    next: str = ''          # label of the part after this
    first: str = ''         # label of the first part
    used_in: list = field(default_factory=list)     # labels of chunks that refer to this name
    declared: list = field(default_factory=list)    # names that @ %def lists, in order
    defines: list = field(default_factory=list)     # Definitions made here
    uses: list = field(default_factory=list)        # Use, in order
    words: set = field(default_factory=set)         # finduses: every defined word that occurs here
    kind = 'code'

    @property
    def text(self):
        return '\n'.join(line.text for line in self.lines)

    @property
    def empty(self):
        return not any(line.text.strip() for line in self.lines)

    @property
    def references(self):
        """(line number, Piece) of every chunk reference."""
        return [(line.number, p) for line in self.lines for p in line.references]


@dataclass
class File:
    path: str
    parts: list = field(default_factory=list)
    line_count: int = 0

    @property
    def chunks(self):
        return [p for p in self.parts if p.kind == 'code']

    @property
    def prose(self):
        return [p for p in self.parts if p.kind == 'prose']


@dataclass
class Book:
    files: dict = field(default_factory=dict)           # path -> File
    chunks: dict = field(default_factory=dict)          # label -> Chunk
    names: dict = field(default_factory=dict)           # chunk name -> [Chunk, ...]
    definitions: list = field(default_factory=list)     # Definitions, sorted by name
    warnings: list = field(default_factory=list)        # (file, line, message)

    def parts(self, name):
        """The chunks of that name, in order; [] when there is none."""
        return self.names.get(name, [])

    def is_used(self, name):
        return any(c.used_in for c in self.parts(name))

    @property
    def roots(self):
        """Names that no chunk refers to, in the order of the book."""
        return [n for n, parts in self.names.items() if not parts[0].used_in]

    @property
    def undefined(self):
        """(Chunk, line number, name) of every reference to a chunk that nobody defines."""
        return [(c, number, p.text) for c in self.chunks.values()
                for number, p in c.references if p.text not in self.names]

    def tangle(self, root):
        """[(text, Chunk, index of the line in it, column where its text starts)], as notangle indents."""
        out = []
        self._expand(root, '', out, [])
        return out

    def _expand(self, name, indent, out, above):
        if name in above:
            chunk = self.names[name][0]
            raise NowebError(f'{chunk.file}:{chunk.line}: chunk <<{name}>> contains itself')
        for chunk in self.parts(name):
            for index, line in enumerate(chunk.lines):
                self._expand_line(chunk, index, line, indent, out, above + [name])

    def _expand_line(self, chunk, index, line, indent, out, above):
        if not line.references:
            out.append((indent + line.text if line.text else '', chunk, index, len(indent)))
            return
        text, start, origin = indent, len(indent), (chunk, index)
        for piece in line.pieces:
            if piece.kind != 'reference':
                text += piece.text
                if piece.text.strip():
                    origin = (chunk, index)
                continue
            inner = []
            self._expand(piece.text, re.sub(r'[^ \t]', ' ', text), inner, above)
            if inner:
                out.append((text + inner[0][0][len(text):], *inner[0][1:]))
                out += inner[1:]
                text, *origin, start = out.pop()    # more may follow on this line
        out.append((text, *origin, start))


# ---------------------------------------------------------------- the pipeline

def markup(files, cwd=None):
    """The stream of noweb's first stage, as text."""
    out = run([NOWEB_LIB + '/markup', *files], cwd=cwd).decode('utf-8')
    fatal = re.search(r'^@fatal (.*)', out, re.M)
    if fatal:
        raise NowebError(fatal.group(1))
    return out


def read(files, cwd=None, definitions=True):
    """The Book of these .nw files (paths as they shall appear, relative to cwd)."""
    files = list(files)
    if not files:
        return Book()
    for path in files:
        if not os.path.isfile(os.path.join(cwd or '.', path)):
            raise NowebError(f'{path}: no such file')
    stream = markup(files, cwd)
    first = parse(stream)
    names = None
    if definitions:
        names = c_names.Names(first)
        stream = add_definitions(stream, names.by_chunk())
    stream = run([NOWEB_LIB + '/finduses'], stream.encode(), cwd)
    stream = run([NOWEB_LIB + '/noidx'], stream, cwd)
    book = parse(stream.decode('utf-8'))
    for chunk, before in zip(book.chunks.values(), first.chunks.values()):
        chunk.declared = before.declared    # only what @ %def lists
    if names:
        names.resolve(book)
    return book


def add_definitions(stream, by_chunk):
    """The stream with `@index defn NAME` at the end of each chunk that defines NAME.

    by_chunk: (file, ordinal of the chunk) -> names."""
    out, path, ordinal, known = [], '', 0, set()
    for line in stream.split('\n'):
        keyword, _, rest = line.partition(' ')
        if keyword == '@file':
            path, ordinal = rest, 0
        elif keyword == '@begin' and rest.startswith('code'):
            ordinal += 1
            known = set()
        elif line.startswith('@index defn '):
            known.add(line[len('@index defn '):])
        elif keyword == '@end' and rest.startswith('code'):
            wanted = dict.fromkeys(by_chunk.get((path, ordinal), ()))
            out += [f'@index defn {name}' for name in wanted if name not in known]
        out.append(line)
    return '\n'.join(out)


# ---------------------------------------------------------------- the stream

def parse(stream):
    """A Book from the stream, with or without the cross-references that noidx adds."""
    book = Book()
    reader = _Reader(book)
    for raw in stream.split('\n'):
        keyword, _, rest = raw.partition(' ')
        if keyword == '@fatal':
            raise NowebError(rest)
        step = getattr(reader, 'on_' + keyword[1:], None) if keyword.startswith('@') else None
        if step:
            step(rest)
    reader.finish()
    return book


class _Reader:
    """One method for each keyword of noweb's stream; the rest is of no interest here."""

    def __init__(self, book):
        self.book = book
        self.file = None
        self.part = None        # the Prose or Chunk being read
        self.number = 1         # line of the .nw file
        self.label = self.ref = self.word = ''
        self.quoted = False
        self.in_head = False    # between <<name>>= and the end of its line

    def finish(self):
        book = self.book
        for a_file in book.files.values():
            for part, after in zip(a_file.parts, a_file.parts[1:] + [None]):
                if part.kind == 'code':
                    part.closed = after is not None and after.kind == 'prose'
        for chunk in book.chunks.values():
            book.names.setdefault(chunk.name, []).append(chunk)
        for parts in book.names.values():
            for number, chunk in enumerate(parts, 1):
                chunk.part, chunk.first = number, parts[0].label
                chunk.previous = parts[number - 2].label if number > 1 else ''
                chunk.next = parts[number].label if number < len(parts) else ''
        self._link()

    def _link(self):
        """References to labels; who uses whom (noidx says so too, but not without its stage)."""
        book = self.book
        for chunk in book.chunks.values():
            for _, piece in chunk.references:
                piece.label = ''
                for target in book.parts(piece.text):
                    piece.label = piece.label or target.label
                    if chunk.label not in target.used_in:
                        target.used_in.append(chunk.label)
        for a_file in book.files.values():
            for prose in a_file.prose:
                for line in prose.lines:
                    for piece in line.references:
                        parts = book.parts(piece.text)
                        piece.label = parts[0].label if parts else ''

    # files and parts

    def on_file(self, path):
        self.file = self.book.files[path] = File(path)
        self.number = 1

    def on_begin(self, rest):
        if rest.startswith('docs'):
            self.part = Prose(self.file.path, self.number)
            self.part.lines.append(Line(self.number))
        else:
            self.part = Chunk(self.file.path, self.number, ordinal=len(self.file.chunks) + 1)
            self.in_head = True
        self.file.parts.append(self.part)

    def on_end(self, _rest):
        part, self.part = self.part, None
        if part.lines and not part.lines[-1].pieces:
            part.lines.pop()            # the line after the last line feed
        if part.kind == 'code':
            part.end = self.number - 1
            if not part.label:          # no cross-references in this stream
                part.label = f'{part.file}#{part.ordinal}'
            self.book.chunks[part.label] = part
        self.file.line_count = max(self.file.line_count, self.number - 1)

    # lines and text

    def _new_line(self):
        self.number += 1
        self.in_head = False
        self.part.lines.append(Line(self.number))

    def on_nl(self, _rest):
        if self.part is not None:
            self._new_line()

    def on_text(self, text):
        if self.part is None or not text:
            return
        kind = 'word' if self.word else 'text'
        self.part.lines[-1].pieces.append(Piece(kind, text, quoted=self.quoted))
        self.word = ''

    def on_quote(self, _rest):
        self.part.lines[-1].pieces.append(Piece('open', '[['))
        self.quoted = True

    def on_endquote(self, _rest):
        self.part.lines[-1].pieces.append(Piece('close', ']]'))
        self.quoted = False

    # chunks

    def on_defn(self, name):
        self.part.name, self.part.label = name, self.label
        self.label = self.ref = ''

    def on_use(self, name):
        self.part.lines[-1].pieces.append(Piece('reference', name, quoted=self.quoted))
        self.label = self.ref = ''

    def on_xref(self, rest):
        what, _, value = rest.partition(' ')
        if what == 'label':
            self.label = value
        elif what == 'ref':
            self.ref = value

    def on_index(self, rest):
        what, _, value = rest.partition(' ')
        if what == 'use' and self.part is not None:
            self.word = value
            if self.part.kind == 'code':
                self.part.words.add(value)
        elif what == 'defn' and self.part is not None and self.part.kind == 'code':
            self.part.declared.append(value)
        elif what == 'nl' and self.part is not None:
            self.number += 1            # the line of @ %def is neither text nor code
            if self.part.kind == 'prose':
                self.part.lines.append(Line(self.number))
