"""What the reader sees of each chunk, as plain data: numbers, anchors, links.

Everything that a page takes from elsewhere goes through here, so the hash of a page's views tells
whether the page must be written again although its own text is unchanged.  No Sphinx in this file.
"""
import hashlib
import posixpath
import re
from dataclasses import dataclass, field

import c_names


@dataclass(frozen=True)
class Link:
    text: str
    doc: str                # '' when there is nothing to link to
    anchor: str = ''
    title: str = ''
    number: str = ''


@dataclass
class ChunkView:
    name: str
    number: str
    anchor: str
    sign: str                                       # ≡ or +≡
    is_file: bool
    language: str
    lines: list = field(default_factory=list)       # of [(text or Link, kind)]; kind: text, reference, use, defines
    empty: str = ''                                 # 'empty until chapter 5'; '' when there is code
    filled: Link = None                             # where the empty chunk gets its first code
    continues: Link = None
    continued: list = field(default_factory=list)
    used_in: list = field(default_factory=list)
    defines: list = field(default_factory=list)


def slug(text):
    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-') or 'x'


def typeset(text):
    """A name or a title as it is printed: sources have the apostrophe of typewriters."""
    return re.sub(r"(?<=[\w)])'(?=s\b)|(?<=s)'(?=\s|$)", '’', text)


def tidy(signature):
    """ctags writes (struct loop * loop,int n)."""
    return re.sub(r'\* (?=[\w*])', '*', signature.replace(',', ', '))


class View:
    def __init__(self, book, scenarios=None):
        self.book = book
        self.scenarios = scenarios or {}
        self.identifier_page = ''           # docnames of the two lists, when the book has them
        self.chunk_page = ''
        self.scenario_page = ''
        self.anchors = {}
        taken = set()
        for chunk in book.chunks.values():
            wanted = 'chunk-' + slug(chunk.name) + (f'-part-{chunk.part}' if chunk.part > 1 else '')
            anchor, n = wanted, 1
            while anchor in taken:
                n += 1
                anchor = f'{wanted}-{n}'
            taken.add(anchor)
            self.anchors[chunk.label] = anchor
        self.crowded = self._crowded()
        self.entry_anchors = {}
        for made in self.indexed():
            key = self.entry_key(made)
            name, kind, scope, root = key
            self.entry_anchors[key] = '-'.join(['name', name] + [slug(x) for x in (scope or kind, root) if x])
        self.uses_of = {}
        for chunk in book.chunks.values():
            for use in chunk.uses:
                if use.counts:
                    labels = self.uses_of.setdefault(id(use.definition), [])
                    if chunk.label not in labels:
                        labels.append(chunk.label)

    # ------------------------------------------------------------ names and numbers

    @staticmethod
    def doc(path):
        """chapters/02-transports.nw -> chapters/02-transports"""
        return posixpath.splitext(path)[0]

    @staticmethod
    def chapter(path):
        found = re.match(r'(\d+)-', posixpath.basename(path))
        return int(found.group(1)) if found else 0

    def number(self, chunk):
        chapter = self.chapter(chunk.file)
        appendix = 'C' if self.is_solution(chunk.file) else ''
        return f'{appendix}{chapter}.{chunk.ordinal}' if chapter else str(chunk.ordinal)

    @staticmethod
    def is_solution(path):
        return path.startswith('chapters/solutions/')

    def is_file(self, name):
        path = r'[\w+-]+(?:[./][\w+-]+)*\.\w+|(?:[\w.+-]+/)*Makefile'
        return bool(re.fullmatch(path, name)) and not self.book.is_used(name)

    def link(self, chunk):
        return Link(chunk.name, self.doc(chunk.file), self.anchors[chunk.label], number=self.number(chunk))

    def link_label(self, label):
        return self.link(self.book.chunks[label])

    def _crowded(self):
        """Names that mean something else in each file: {(name, sort of name)}."""
        roots = {}
        for made in self.indexed():
            if made.name != 'main':
                roots.setdefault((made.name, self.sort_of(made), made.scope), set()).add(made.root)
        return {key for key, found in roots.items() if len(found) > 1}

    @staticmethod
    def sort_of(made):
        return made.kind if made.kind in c_names.TAGS + ('member',) else ''

    def entry_key(self, made):
        """Definitions with the same key share an entry in the index of identifiers."""
        key = (made.name, self.sort_of(made), made.scope)
        return (*key, made.root if key in self.crowded else '')

    def indexed(self):
        return [d for d in self.book.definitions if d.kind != 'file']

    def entry(self, made):
        """The entry of a definition in the index of identifiers."""
        return Link(made.title, self.identifier_page, self.entry_anchors[self.entry_key(made)])

    def target(self, made):
        chunk = self.book.chunks[made.label]
        kind = '' if made.kind == 'declared' else made.kind + ' '
        title = f'the file {made.name}' if made.kind == 'file' else f'{kind}{made.name}{tidy(made.signature)}'
        if made.kind == 'member':
            title = f'{made.name}, a member of struct {made.scope}'
        number = self.number(chunk)
        return Link(made.name, self.doc(chunk.file), self.anchors[chunk.label],
                    f'{title}, defined in {number}', number)

    # ------------------------------------------------------------ a chunk

    def chunk(self, chunk):
        first = self.book.chunks[chunk.first]
        parts = self.book.names[chunk.name]
        view = ChunkView(chunk.name, self.number(chunk), self.anchors[chunk.label],
                         '+≡' if chunk.part > 1 else '≡', self.is_file(chunk.name), self._language(chunk))
        if chunk.empty:
            self._empty(chunk, parts, view)
        else:
            view.lines = self._lines(chunk)
        if chunk.part > 1:
            view.continues = self.link(parts[chunk.part - 2])
            view.continued = [self.link(parts[chunk.part])] if chunk.part < len(parts) else []
        else:
            view.continued = [self.link(c) for c in parts[1:]]
            view.used_in = [self.link_label(label) for label in first.used_in]
        for made in chunk.defines:
            if made.kind not in ('member', 'enumerator'):
                entry = self.entry(made)
                view.defines.append(Link(entry.text, entry.doc, entry.anchor, self._use_count(made)))
        view.defines = list(dict.fromkeys(view.defines))
        return view

    def _use_count(self, made):
        count = len(self.uses_of.get(id(made), ()))
        return 'used in no other chunk' if not count else f'used in {count} chunk{"s" if count > 1 else ""}'

    def _empty(self, chunk, parts, view):
        filled = next((c for c in parts[chunk.part:] if not c.empty), None)
        if filled is None:
            view.empty = 'empty until a later chapter'
            return
        view.filled = self.link(filled)
        here, there = self.chapter(chunk.file), self.chapter(filled.file)
        view.empty = f'empty until chapter {there}' if there != here else f'empty until {view.filled.number}'

    def _language(self, chunk):
        """The language of the file that the chunk ends up in."""
        seen, waiting = set(), [chunk.label]
        while waiting:
            label = waiting.pop()
            if label in seen:
                continue
            seen.add(label)
            above = self.book.chunks[self.book.chunks[label].first]
            if not above.used_in:
                suffix = posixpath.splitext(above.name)[1]
                return {'.c': 'c', '.h': 'c', '.py': 'python', '.sh': 'bash', '.mk': 'make'}.get(suffix, 'c')
            waiting += above.used_in
        return 'c'

    def _lines(self, chunk):
        uses = {}
        for use in chunk.uses:
            uses.setdefault(use.line, []).append(use)
        out = []
        lines = list(chunk.lines)
        while lines and not lines[-1].text.strip():
            lines.pop()
        for index, line in enumerate(lines):
            if not out and not line.text.strip():
                continue                                # a blank first line parts it from what is above, in the file
            made = []
            if line.references:
                for piece in line.pieces:
                    if piece.kind != 'reference':
                        made.append((piece.text, 'text'))
                    elif piece.label in self.book.chunks:
                        made.append((self.link_label(piece.label), 'reference'))
                    else:
                        made.append((Link(piece.text, ''), 'reference'))
            else:
                at, text = 0, line.text
                for use in uses.get(index, ()):
                    link, kind = self._use(chunk, line, use)
                    if link:
                        made += [(text[at:use.column], 'text'), (link, kind)]
                        at = use.column + len(use.text)
                made.append((text[at:], 'text'))
            out.append([(what, kind) for what, kind in made if what])
        return out

    def _use(self, chunk, line, use):
        made = use.definition
        if made.label != chunk.label:
            return self.target(made), 'use'
        if made.kind != 'file' and made.line == line.number and made.kind != 'member':
            return Link(use.text, self.identifier_page, self.entry_anchors[self.entry_key(made)],
                        f'{made.title}: where it is used'), 'defines'
        return None, ''

    # ------------------------------------------------------------ quotes and lists

    def quote(self, text, path):
        """[text or Link] of a [[quote]] in the prose of that file; references come as <<name>>."""
        out = []
        for part in re.split(r'(\ue002.*?\ue003)', text):
            if part.startswith('\ue002'):
                parts = self.book.parts(part[1:-1])
                out.append(self.link(parts[0]) if parts else Link(part[1:-1], ''))
                continue
            at = 0
            for start, end, made in c_names.lookup(self.book, part, path):
                target = self.target(made)
                out += [part[at:start], Link(part[start:end], target.doc, target.anchor, target.title)]
                at = end
            out.append(part[at:])
        return [p for p in out if p]

    def chunk_list(self):
        """(files, others): each [(Link, [Link of further parts], [Link of users], empty text)]."""
        files, others = [], []
        for name, parts in self.book.names.items():
            links = [self.link(c) for c in parts]
            users = [self.link_label(label) for label in parts[0].used_in]
            note = '' if any(not c.empty for c in parts) else 'empty so far'
            (files if self.is_file(name) else others).append((links[0], links[1:], users, note))
        others.sort(key=lambda item: (slug(item[0].text), item[0].text))
        return files, others

    def chapter_list(self):
        """[(doc, number, programs that fail, programs)] with [Link] of the programs, in the order of the book."""
        out = []
        for path, a_file in self.book.files.items():
            if self.is_solution(path):
                continue
            links = [self.link(c) for c in a_file.chunks if c.part == 1 and self.is_file(c.name)]
            out.append((self.doc(path), self.chapter(path), [link for link in links if link.text.startswith('bad/')],
                        [link for link in links if link.text.startswith('programs/')]))
        return out

    def identifier_list(self):
        """[(title, kind, anchor, [Link defined], [Link declared], [Link used], file)] in the order of the alphabet."""
        entries = {}
        for made in self.indexed():
            kind = made.kind if made.kind != 'declared' else ''
            key = self.entry_key(made)
            entry = entries.setdefault(key, (made.title, kind, self.entry_anchors[key], [], [], [], key[3]))
            for label in [made.label]:
                self._add(entry[3], label)
            for label in made.declarations:
                self._add(entry[4], label)
            for label in self.uses_of.get(id(made), ()):
                self._add(entry[5], label)
        out = []
        for title, kind, anchor, defined, declared, used, root in entries.values():
            declared = [link for link in declared if link not in defined]
            used = [link for link in used if link not in defined + declared]
            out.append((title, kind, anchor, defined, declared, used, root))
        return out

    def _add(self, links, label):
        link = self.link_label(label)
        if link not in links:
            links.append(link)

    # ------------------------------------------------------------ what a page shows

    def digest(self, doc, facts):
        """Of everything that the page takes from elsewhere.  facts: what the reading of it noted."""
        shown = [self.identifier_page, self.chunk_page, self.scenario_page]
        for path, a_file in self.book.files.items():
            if self.doc(path) == doc:
                shown += [self.chunk(c) for c in a_file.chunks]
        shown += [self.quote(text, path) for text, path in facts.get('quotes', ())]
        for name in facts.get('chunks', ()):
            shown += [self.chunk(c) for c in self.book.parts(name)[:1]]
        shown += [self.scenarios.get(name) for name in facts.get('scenarios', ())]
        lists = facts.get('lists', ())
        if 'chunks' in lists:
            shown.append(self.chunk_list())
        if 'chapters' in lists:
            shown.append(self.chapter_list())
        if 'identifiers' in lists:
            shown.append(self.identifier_list())
        if 'scenarios' in lists or 'differences' in lists:
            shown.append(list(self.scenarios.items()))
        return hashlib.sha256(repr(shown).encode()).hexdigest()
