"""The directive `counterparts`: asyncio's names and ours, side by side, from the headers of the book.

    ```{counterparts}
    ```

lists every function of the public headers, and every callback; `:of: absent` lists what asyncio has
and the book has not; `:of: internal` lists the headers that the table leaves out, and why.
book/counterparts.txt says which headers are public, in which order, and names the counterpart of
each function whose name does not follow from the rule "replace the dot by an underscore".

Python itself is asked whether each name exists.  A public function that has neither a counterpart
nor an entry is a warning, and so is an entry that nothing needs any more, a header that
counterparts.txt does not know, and (asked of Python 3.11) a name of asyncio that nobody answers for.
A header that is not in the book, because its chapter is not, is passed over.
"""
import asyncio
import functools
import hashlib
import os
import re
import ssl
import sys
from dataclasses import dataclass, field

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from weave.elements import nw_quote

log = logging.getLogger(__name__)

ENTRIES = 'book/counterparts.txt'
COMPARED_WITH = (3, 11)
CALLBACKS = 'protocol_callbacks.'     # with this before it, a callback's name is a link

# What a prefix of C is called in Python, and the classes whose methods that may mean.
KINDS = {
    'timer_handle': (asyncio.TimerHandle,),
    'tls_context': (ssl.SSLContext,),
    'transport': (asyncio.Transport, asyncio.DatagramTransport, asyncio.SubprocessTransport),
    'protocol': (asyncio.Protocol, asyncio.BufferedProtocol, asyncio.DatagramProtocol, asyncio.SubprocessProtocol),
    'future': (asyncio.Future,),
    'handle': (asyncio.Handle,),
    'server': (asyncio.Server,),
    'loop': (asyncio.AbstractEventLoop,),
}
MODULES = {'asyncio': asyncio, 'ssl': ssl}


# ---------------------------------------------------------------- Python's side

def exists(name):
    """Does Python have loop.create_server, asyncio.new_event_loop, ssl.SSLContext …?"""
    first, *rest = name.split('.')
    if first in MODULES:
        try:
            functools.reduce(getattr, rest, MODULES[first])
        except AttributeError:
            return False
        return True
    return len(rest) == 1 and any(hasattr(kind, rest[0]) for kind in KINDS.get(first, ()))


def derived(function):
    """The name in Python that the rule makes of one in C; '' if it makes none."""
    for prefix in KINDS:
        if function.startswith(prefix + '_'):
            return f'{prefix}.{function[len(prefix) + 1:]}'
    return ''


def everything():
    """All public methods of what the book rebuilds, in the order of KINDS."""
    found = {}
    for prefix in ('loop', 'server', 'future', 'handle', 'timer_handle', 'transport', 'protocol'):
        for kind in KINDS[prefix]:
            for method in vars(kind) if prefix == 'loop' else dir(kind):
                if not method.startswith('_'):
                    found[f'{prefix}.{method}'] = True
    return list(found)


# ---------------------------------------------------------------- C's side

def functions(text):
    """(functions, callbacks) that a header declares, in order: names outside braces that stand before a
    parameter list, and members of struct protocol_callbacks."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*', ' ', text, flags=re.S)
    text = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', ' ', text, flags=re.M)
    callbacks = []
    for body in re.findall(r'struct protocol_callbacks\s*\{(.*?)\n\};', text, flags=re.S):
        callbacks += re.findall(r'\(\*(\w+)\)\s*\(', body)
    while re.search(r'\{[^{}]*\}', text):
        text = re.sub(r'\{[^{}]*\}', ';', text)
    found = []
    for statement in text.split(';'):
        name = re.match(r'[^()=]*?(\w+)\s*\(', statement.strip())
        if name and not re.match(r'\s*(typedef|_Static_assert)\b', statement):
            found.append(name.group(1))
    return list(dict.fromkeys(found)), callbacks


# ---------------------------------------------------------------- the entries

@dataclass
class Entry:
    text: str
    line: int
    used: bool = False


@dataclass
class Header:
    name: str
    heading: str
    line: int
    entries: dict = field(default_factory=dict)
    callbacks: list = field(default_factory=list)


@dataclass
class Entries:
    headers: list = field(default_factory=list)
    internal: dict = field(default_factory=dict)    # header -> Entry
    absent: dict = field(default_factory=dict)      # Python's name -> Entry
    wrong: list = field(default_factory=list)       # (line, what)


def parse(text):
    """counterparts.txt; its head says how it is written."""
    made, heading, section = Entries(), '', 'public'
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        key, _, value = (part.strip() for part in line.partition(':'))
        if line.startswith('= '):
            heading, section = line[2:].strip(), 'public'
        elif line in ('internal', 'absent'):
            section = line
        elif section == 'public' and re.fullmatch(r'\w+\.h', line):
            made.headers.append(Header(line, heading, number))
        elif section == 'public' and line[0] == ' ' and value and made.headers:
            made.headers[-1].entries[key] = Entry(value, number)
        elif section != 'public' and line[0] == ' ' and value:
            getattr(made, section)[key] = Entry(value, number)
        else:
            made.wrong.append((number, f'cannot be read: {line.strip()}'))
    return made


# ---------------------------------------------------------------- both sides

@dataclass
class Row:
    heading: str
    name: str
    python: list        # of names; empty: ours
    note: str
    callback: bool


class Table:
    """What the page shows; `warnings` are (line of counterparts.txt or 0, what is wrong)."""

    def __init__(self, headers, entries):
        """headers: name -> text, of those that are in the book."""
        self.rows, self.entries = [], entries
        self.warnings = list(entries.wrong)
        self.covered = set()
        for header in entries.headers:
            if header.name in headers:
                self._header(header, *functions(headers[header.name]))
        self._unknown(headers)
        self._absent(all(header.name in headers for header in entries.headers))

    def _header(self, header, found, callbacks):
        header.callbacks = callbacks
        for name in found + callbacks:
            entry = header.entries.get(name)
            guess = f'protocol.{name}' if name in callbacks else derived(name)
            if entry:
                self._entry(header, name, entry, guess)
            elif guess and exists(guess):
                self._row(header, name, [guess], '')
            else:
                self.warnings.append((header.line, f'{name}, in {header.name}, has no counterpart in Python'
                                      + (f' ({guess} does not exist)' if guess else '') + ' and no entry'))
        for name, entry in header.entries.items():
            if not entry.used:
                self.warnings.append((entry.line, f'{header.name} declares no function {name}'))

    def _entry(self, header, name, entry, guess):
        entry.used = True
        if entry.text.startswith('ours:'):
            if exists(guess):
                self.warnings.append((entry.line, f'{name} is said to be ours, but Python has {guess}'))
            self._row(header, name, [], entry.text[len('ours:'):].strip())
            return
        names, _, note = (part.strip() for part in entry.text.partition(' -- '))
        names = re.split(r',\s*', names)
        for missing in (n for n in names if not exists(n)):
            self.warnings.append((entry.line, f'Python has no {missing}'))
        if names == [guess] and not note:
            self.warnings.append((entry.line, f'{name} needs no entry: the rule makes {guess} of it'))
        self._row(header, name, names, note)

    def _row(self, header, name, python, note):
        self.covered.update(python)
        self.rows.append(Row(header.heading, name, python, note, name in header.callbacks))

    def _unknown(self, headers):
        public = {header.name for header in self.entries.headers}
        for name in headers:
            known = name in public or name in self.entries.internal
            if not known and not name.endswith('_private.h') and '/' not in name:
                self.warnings.append((0, f'{name} is neither public nor internal'))

    def _absent(self, complete):
        for name, entry in self.entries.absent.items():
            if name in self.covered:
                self.warnings.append((entry.line, f'{name} is not absent'))
            elif not exists(name):
                self.warnings.append((entry.line, f'Python has no {name}'))
        if complete and sys.version_info[:2] == COMPARED_WITH:
            for name in everything():
                if name not in self.covered and name not in self.entries.absent:
                    self.warnings.append((0, f'{name} has no counterpart in C and no entry'))


def headers_of(book):
    """name -> text of every header in the book."""
    return {name: '\n'.join(line[0] for line in book.tangle(name)) for name in book.roots if name.endswith('.h')}


# ---------------------------------------------------------------- the page

class Counterparts(SphinxDirective):
    option_spec = {'of': lambda said: directives.choice(said, ('public', 'absent', 'internal'))}

    def run(self):
        env = self.env
        env.note_dependency(os.path.join(env.app.srcdir, ENTRIES))
        if not hasattr(env, 'counterparts_pages'):
            env.counterparts_pages = set()
        env.counterparts_pages.add(env.docname)
        headers = headers_of(env.app.noweb_book)
        with open(os.path.join(env.app.srcdir, ENTRIES), encoding='utf-8') as file:
            table = Table(headers, parse(file.read()))
        kind = self.options.get('of', 'public')
        if kind == 'public':
            for line, what in table.warnings:
                log.warning('%s', what, location=f'{ENTRIES}:{line}' if line else ENTRIES)
            return self.public(table)
        entries = getattr(table.entries, kind)
        names = [n for n in entries if kind == 'absent' or n in headers]
        heads = 'In asyncio' if kind == 'absent' else 'Header', 'Why it is not in the table'
        return [self.table(heads, [[nodes.literal(n, n)] for n in names],
                           [self.prose(entries[n].text) for n in names])]

    def public(self, table):
        """A rubric and a table for each heading."""
        out = []
        for heading in dict.fromkeys(row.heading for row in table.rows):
            rows = [row for row in table.rows if row.heading == heading]
            out.append(nodes.rubric('', heading))
            ours = [[self.quote((CALLBACKS if row.callback else '') + row.name)] for row in rows]
            out.append(self.table(('In C', 'In Python'), ours, [self.python(row) for row in rows]))
        return out

    def quote(self, name):
        """As [[name]] in prose."""
        node = nw_quote(name, code=name, file=self.env.doc2path(self.env.docname, base=False))
        self.set_source_info(node)
        return node

    def python(self, row):
        if not row.python:
            return [nodes.emphasis('', 'ours: ')] + self.prose(row.note)
        out = []
        for name in row.python:
            out += [nodes.Text(', '), nodes.literal(name, name)] if out else [nodes.literal(name, name)]
        return out + ([nodes.Text('; ')] + self.prose(row.note) if row.note else [])

    def prose(self, text):
        """Text with `code` and [[names of ours]]."""
        out = []
        for part in re.split(r'(`[^`]+`|\[\[\w+\]\])', text):
            if part.startswith('`'):
                out.append(nodes.literal(part[1:-1], part[1:-1]))
            elif part.startswith('[['):
                out.append(self.quote(part[2:-2]))
            elif part:
                out.append(nodes.Text(part.replace("'", '\u2019')))
        return out

    @staticmethod
    def table(heads, *columns):
        group = nodes.tgroup('', *[nodes.colspec(colwidth=50) for _ in heads], cols=len(heads))
        group += nodes.thead('', nodes.row('', *[nodes.entry('', nodes.paragraph('', head)) for head in heads]))
        group += nodes.tbody('', *[nodes.row('', *[nodes.entry('', nodes.paragraph('', '', *cell)) for cell in cells])
                                   for cells in zip(*columns)])
        return nodes.table('', group, classes=['counterparts', 'colwidths-given'])


def outdated(app, env, _added, _changed, _removed):
    """The pages with the table are read again when a header has changed."""
    headers = headers_of(app.noweb_book)
    before = getattr(env, 'counterparts_digest', '')
    env.counterparts_digest = hashlib.sha256(repr(sorted(headers.items())).encode()).hexdigest()
    return sorted(getattr(env, 'counterparts_pages', set()) & env.found_docs) \
        if before != env.counterparts_digest else []


def shorten(_app, doctree, _docname):
    """Callbacks have their links now, and are called by their own names."""
    for code in doctree.findall(nodes.literal):
        if len(code) > 1 and code[0].astext() == CALLBACKS:
            code.remove(code[0])


def setup(app):
    """Called by Sphinx; needs the extension `weave`, which reads the chapters."""
    app.setup_extension('weave')
    app.add_directive('counterparts', Counterparts)
    app.connect('env-get-outdated', outdated, priority=900)     # after weave has asked noweb
    app.connect('doctree-resolved', shorten, priority=900)      # after weave has made the links
    return {'version': '1', 'env_version': 1, 'parallel_read_safe': True, 'parallel_write_safe': True}
