"""Which names the tangled C defines, and which word of which chunk means which of them.

universal-ctags says what is defined, and what the locals of each function are.  noweb's finduses
matches whole words, so it would turn the parameter of `struct loop *loop` into a link; here a word
counts only where C would look that name up: `struct X` as a pair, a member after `->` or `.`,
everything else where no local of the same name hides it.
"""
import json
import os
import re
import tempfile
from dataclasses import dataclass, field

from stage import run

TAGS = ('struct', 'union', 'enum')
LOCAL = ('local', 'parameter')
WANTED = TAGS + ('function', 'macro', 'enumerator', 'typedef', 'variable', 'member')
TOKEN = re.compile(r'''
    (?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*)
  | (?P<include>^[ \t]*\#[ \t]*include[ \t]*["<][^">\n]*[">])
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<mark>->|\S)
''', re.X | re.S | re.M)
WORD = re.compile(r'[A-Za-z_]\w*')
STRUCT = re.compile(r'\b(?:struct|union)[: ]\s*(\w+)')


@dataclass
class Definition:
    """A name that the program defines."""
    name: str
    kind: str               # struct union enum function macro enumerator typedef variable member declared file
    scope: str = ''         # member: the name of its struct or union
    root: str = ''          # the tangled file it stands in
    label: str = ''         # its chunk
    line: int = 0           # in the .nw file
    private: bool = False   # not visible outside root
    signature: str = ''     # function, macro: the parameters, in brackets
    type: str = ''          # what ctags says of its type
    declarations: list = field(default_factory=list)    # labels of chunks with a prototype of it

    @property
    def title(self):
        """How the index calls it."""
        if self.kind in TAGS:
            return f'{self.kind} {self.name}'
        if self.kind == 'member':
            return f'{self.name} in {self.scope}'
        return self.name

    @property
    def struct(self):
        """The struct that a value of this type is, or points to."""
        found = STRUCT.search(self.type)
        return found.group(1) if found else ''


@dataclass
class _Token:
    kind: str
    text: str
    line: int       # from 0
    column: int


def tokens(text):
    line, start, at = 0, 0, 0
    out = []
    for found in TOKEN.finditer(text):
        line += text.count('\n', at, found.start())
        at = found.start()
        start = text.rfind('\n', 0, at) + 1
        out.append(_Token(found.lastgroup, found.group(), line, at - start))
    return out


class _File:
    """One tangled file: its lines with where they came from, its tags, its tokens."""

    def __init__(self, root, lines):
        self.root = root
        self.lines = lines
        self.tags = []
        self.tokens = tokens('\n'.join(text for text, *_ in lines))
        self.code = [t for t in self.tokens if t.kind not in ('comment', 'include')]
        self.program = '/' in root


class Names:
    def __init__(self, book):
        """Ask ctags about every file of the book."""
        self.first = book
        self.files = [_File(root, book.tangle(root)) for root in book.roots]
        self.definitions = []
        self.labels = {}        # label in the first reading -> label in the book resolved
        self._ask_ctags()
        self._collect()

    # ------------------------------------------------------------ definitions

    def _ask_ctags(self):
        c_files = {f.root: f for f in self.files if re.fullmatch(r'[\w./-]+\.[ch]', f.root) and '..' not in f.root}
        if not c_files:
            return
        with tempfile.TemporaryDirectory(prefix='names-') as folder:
            for root, a_file in c_files.items():
                path = os.path.join(folder, root)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8') as out:
                    out.write('\n'.join(text for text, *_ in a_file.lines) + '\n')
            said = run(['ctags', '--quiet=yes', '--options=NONE', '--languages=C', '--map-C=+.h', '--kinds-C=+pxlz',
                        '--fields=+neKSst', '--fields=+{file}', '--output-format=json', '--sort=no',
                        '-f', '-', *c_files], cwd=folder)
        for line in said.decode('utf-8').splitlines():
            tag = json.loads(line)
            if tag.get('_type') == 'tag':
                c_files[tag['path']].tags.append(tag)

    def _collect(self):
        prototypes = []
        seen = set()
        for a_file in self.files:
            for tag in a_file.tags:
                name, kind = tag['name'], tag['kind']
                if kind not in WANTED + ('prototype', 'externvar') or name.startswith('__anon'):
                    continue
                if kind == 'macro' and (name.startswith('_') or name.endswith('_H')):
                    continue
                _, chunk, index, _ = a_file.lines[tag['line'] - 1]
                private = (kind == 'macro' and not a_file.root.endswith('.h')) or a_file.program or (
                    kind not in TAGS + ('member',) and tag.get('file', False) and not a_file.root.endswith('.h'))
                scope = tag.get('scope', '') if kind == 'member' else ''
                made = Definition(name, kind, scope, a_file.root, chunk.label,
                                  chunk.lines[index].number, private, tag.get('signature', ''), tag.get('typeref', ''))
                if '__anon' in made.scope:
                    made.scope = self._outer(a_file, tag)
                made.scope = made.scope.rpartition('::')[2]
                key = (name, kind, made.scope, made.label, made.line)
                if key in seen:
                    continue
                seen.add(key)
                (prototypes if kind in ('prototype', 'externvar') else self.definitions).append(made)
        for made in prototypes:
            meant = [d for d in self.definitions if d.name == made.name and d.kind in ('function', 'variable')
                     and (d.root == made.root or not (d.private or made.private))]
            if meant:
                meant[0].declarations.append(made.label)
            else:                               # its definition is not written yet
                made.kind = 'function' if made.kind == 'prototype' else 'variable'
                self.definitions.append(made)
        defined = {d.name for d in self.definitions}
        for chunk in self.first.chunks.values():
            for name in chunk.declared:
                if name not in defined:
                    self.definitions.append(Definition(name, 'declared', label=chunk.label, line=chunk.line))
        for a_file in self.files:
            chunk = self.first.names[a_file.root][0]
            self.definitions.append(Definition(a_file.root, 'file', '', a_file.root, chunk.label, chunk.line))

    @staticmethod
    def _outer(a_file, tag):
        """An anonymous struct or union belongs to the named one around it."""
        for other in a_file.tags:
            if other['kind'] in ('struct', 'union') and not other['name'].startswith('__anon') \
                    and other['line'] <= tag['line'] <= other.get('end', 0):
                return other['name']
        return tag['scope']

    def by_chunk(self):
        """(file, ordinal of the chunk) -> names defined there, for noweb's finduses."""
        out = {}
        for made in self.definitions:
            if made.kind != 'file':
                chunk = self.first.chunks[made.label]
                out.setdefault((chunk.file, chunk.ordinal), []).append(made.name)
        return out

    # ------------------------------------------------------------ uses

    def resolve(self, book):
        """Fill in the definitions, and the uses of every chunk, of the book read with cross-references."""
        final = {(c.file, c.ordinal): c for c in book.chunks.values()}
        self.labels = {label: final[c.file, c.ordinal].label for label, c in self.first.chunks.items()}
        for made in self.definitions:
            made.label = self.labels[made.label]
            made.declarations = list(dict.fromkeys(self.labels[label] for label in made.declarations))
            if made.kind != 'file':
                book.chunks[made.label].defines.append(made)
        book.definitions = sorted(self.definitions, key=lambda d: (d.name.lower().lstrip('_'), d.name, d.kind, d.scope))
        self._index()
        uses = {}
        for a_file in self.files:
            self._resolve_file(a_file, book, uses)
        for (label, index, column), use in sorted(uses.items(), key=lambda item: item[0][1:]):
            book.chunks[label].uses.append(use)

    def _index(self):
        self.tags, self.members, self.plain, self.paths = {}, {}, {}, {}
        for made in self.definitions:
            place = (self.tags if made.kind in TAGS else self.members if made.kind == 'member' else
                     self.paths if made.kind == 'file' else self.plain)
            place.setdefault(made.name, []).append(made)

    @staticmethod
    def _visible(candidates, root):
        """The one that is meant in this file, if that is certain."""
        here = [d for d in candidates if d.root == root]
        if here:
            return here[0]
        seen = [d for d in candidates if not d.private]
        header = [d for d in seen if d.root.endswith('.h')]
        seen = header or seen
        return seen[0] if len(seen) == 1 else None

    def _resolve_file(self, a_file, book, uses):
        locals_of = self._locals(a_file)
        functions = sorted((t['line'] - 1, t.get('end', t['line']) - 1, t['name']) for t in a_file.tags
                           if t['kind'] == 'function')
        where = {(t['line'] - 1, t['name']): t['kind'] for t in a_file.tags if t['kind'] == 'member'}
        code = a_file.code
        for i, token in enumerate(code):
            if token.kind != 'word':
                continue
            function = next((name for start, end, name in functions if start <= token.line <= end), '')
            hidden = locals_of.get(function, {})
            made = self._meaning(a_file, code, i, hidden, where)
            if made:
                self._note(a_file, book, uses, token.line, token.column, token.text, made, True)
        for token in a_file.tokens:
            if token.kind == 'include':
                found = re.search(r'"([^"]*)"', token.text)
                made = found and self.paths.get(found.group(1))
                if made:
                    column = token.column + found.start(1)
                    self._note(a_file, book, uses, token.line, column, found.group(1), made[0], False)
            elif token.kind == 'comment':
                self._resolve_comment(a_file, book, uses, token)

    def _resolve_comment(self, a_file, book, uses, token):
        for number, text in enumerate(token.text.split('\n')):
            for found in WORD.finditer(text):
                if '_' in found.group():
                    made = self._visible(self.plain.get(found.group(), ()), a_file.root)
                    if made:
                        column = found.start() + (token.column if number == 0 else 0)
                        self._note(a_file, book, uses, token.line + number, column, found.group(), made, False)

    def _note(self, a_file, book, uses, line, column, text, made, counts):
        from noweb import Use
        _, chunk, index, start = a_file.lines[line]
        label, column = self.labels[chunk.label], column - start
        key = (label, index, column)
        if column < 0 or key in uses or book.chunks[label].lines[index].text[column:column + len(text)] != text:
            return
        uses[key] = Use(index, column, text, made, counts)

    @staticmethod
    def _locals(a_file):
        out = {}
        for tag in a_file.tags:
            if tag['kind'] in LOCAL and tag.get('scopeKind') == 'function':
                out.setdefault(tag['scope'], {})[tag['name']] = tag.get('typeref', '')
        return out

    def _meaning(self, a_file, code, i, hidden, where):
        token = code[i]
        before = code[i - 1].text if i else ''
        if before in TAGS:
            return self._visible([d for d in self.tags.get(token.text, ()) if d.kind == before], a_file.root)
        after = code[i + 1].text if i + 1 < len(code) else ''
        if before == 'goto' or (after == ':' and before in (';', '{', '}')):
            return None                                 # a label
        if before in ('->', '.') and (before == '->' or code[i - 2].text not in ('{', ',')):
            return self._member(token.text, self._struct_of(code, i - 2, hidden, a_file), a_file)
        if before == '.':
            return self._member(token.text, self._initialised(code, i - 2, hidden, a_file), a_file)
        if (token.line, token.text) in where:
            return next((d for d in self.members.get(token.text, ()) if d.root == a_file.root
                         and d.line == self._nw_line(a_file, token.line)), None)
        if token.text in hidden:
            return None
        return self._visible(self.plain.get(token.text, ()), a_file.root)

    @staticmethod
    def _nw_line(a_file, line):
        _, chunk, index, _ = a_file.lines[line]
        return chunk.lines[index].number

    def _member(self, name, struct, a_file):
        """struct: its name, '' when it cannot be told."""
        found = self.members.get(name, ())
        if struct:
            found = [d for d in found if d.scope == struct]
        return self._visible(found, a_file.root) if struct or len(found) == 1 else None

    def _type_of(self, name, hidden, a_file):
        """The struct of a variable; '?' for a type that is none of ours, '' when unknown."""
        if name in hidden:
            found = STRUCT.search(hidden[name])
            return found.group(1) if found else self._alias(hidden[name], a_file)
        made = self._visible(self.plain.get(name, ()), a_file.root)
        if made and made.kind in ('function', 'variable'):
            return made.struct or self._alias(made.type, a_file)
        return ''

    def _alias(self, typeref, a_file):
        for name in WORD.findall(typeref.partition(':')[2]):
            made = self._visible([d for d in self.plain.get(name, ()) if d.kind == 'typedef'], a_file.root)
            if made and made.struct:
                return made.struct
        return '?'

    def _struct_of(self, code, i, hidden, a_file):
        """The struct of the expression that ends at token i."""
        while i >= 0 and code[i].text == ']':
            i = self._opening(code, i) - 1
        if i < 0:
            return ''
        token = code[i]
        if token.text == ')':
            start = self._opening(code, i)
            if start > 0 and code[start - 1].kind == 'word':
                return self._type_of(code[start - 1].text, hidden, a_file)
            words = [t.text for t in code[start:i + 1]]
            for k, word in enumerate(words[:-1]):
                if word in ('struct', 'union'):
                    return words[k + 1]
            return self._struct_of(code, i - 1, hidden, a_file)
        if token.kind != 'word':
            return ''
        before = code[i - 1].text if i else ''
        if before in ('->', '.'):
            outer = self._struct_of(code, i - 2, hidden, a_file)
            made = self._member(token.text, outer, a_file)
            return (made.struct or '?') if made else ('?' if outer else '')
        return self._type_of(token.text, hidden, a_file)

    def _initialised(self, code, i, hidden, a_file):
        """The struct whose initialiser the `.name =` after token i belongs to."""
        depth = 0
        while i >= 0:
            text = code[i].text
            if text in (')', '}', ']'):
                depth += 1
            elif text in ('(', '{', '['):
                if depth == 0:
                    break
                depth -= 1
            i -= 1
        i -= 1                                          # what stands before the brace
        if i < 0:
            return ''
        if code[i].text == ')':                         # a compound literal
            words = [t.text for t in code[self._opening(code, i):i]]
            return next((words[k + 1] for k, w in enumerate(words[:-1]) if w in ('struct', 'union')), '')
        if code[i].text == '=':
            i -= 1
            while i >= 0 and code[i].text == ']':
                i = self._opening(code, i) - 1
            if i >= 1 and code[i - 1].text == '.':      # an initialiser inside another
                made = self._member(code[i].text, self._initialised(code, i - 2, hidden, a_file), a_file)
                return made.struct if made else ''
            return self._type_of(code[i].text, hidden, a_file) if i >= 0 else ''
        if code[i].text in ('{', ','):                  # an element of an array
            return self._initialised(code, i, hidden, a_file)
        return ''

    @staticmethod
    def _opening(code, i):
        depth = 0
        while i > 0:
            if code[i].text in (')', ']', '}'):
                depth += 1
            elif code[i].text in ('(', '[', '{'):
                depth -= 1
                if depth == 0:
                    break
            i -= 1
        return i


def lookup(book, text, path):
    """[(start, end, Definition)] of what a piece of code quoted in the prose of that file means."""
    out = []
    taken = -1
    for found in re.finditer(r'\b(struct|union|enum)\s+(\w+)|(\w+)(?:\.|->)([A-Za-z_]\w*)|[A-Za-z_]\w*', text):
        if found.start() < taken:
            continue
        if found.group(1):
            start, word, kinds = found.start(2), found.group(2), (found.group(1),)
            meant = [d for d in book.definitions if d.name == word and d.kind in kinds]
        elif found.group(4):
            start, word = found.start(4), found.group(4)
            meant = [d for d in book.definitions if d.kind == 'file' and d.name == found.group()]
            if meant:
                start, word = found.start(), found.group()
            else:
                meant = [d for d in book.definitions if d.kind == 'member' and d.name == word
                         and d.scope == found.group(3)]
        else:
            start, word = found.start(), found.group()
            meant = [d for d in book.definitions if d.name == word and d.kind not in TAGS + ('member', 'file')]
            if not meant and '_' in word:               # connection_lost: a member, and no other is called so
                meant = [d for d in book.definitions if d.name == word and d.kind == 'member']
        taken = found.end()
        shared = [d for d in meant if not d.private]
        here = [d for d in meant if book.chunks[d.label].file == path]
        for some in (shared, here):
            if len(some) == 1:
                out.append((start, start + len(word), some[0]))
                break
    return out
