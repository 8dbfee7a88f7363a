"""How the library grows: which chapter brought each line of each file, and each chapter's tree as an archive.

A chapter only adds, so one listing of a file holds all its earlier states: leave out the lines that later
chapters brought. No Sphinx in this file.
"""
import gzip
import io
import os
import re
import tarfile
from dataclasses import dataclass, field

import traps

HERE = os.path.dirname(os.path.abspath(__file__))
CHAPTER = re.compile(r'chapters/(\d+)-[^/]*\.nw')
ELSEWHERE = ('exercises/', 'solutions/')        # roots that are no part of the library or its programs


@dataclass
class Line:
    text: str
    chapter: int
    chunk: object       # noweb.Chunk
    column: int = 0     # where the chunk's own text begins


@dataclass
class Source:
    """One tangled file."""
    path: str
    chapter: int                                # that begins it
    lines: list = field(default_factory=list)   # in the whole book

    def upto(self, chapter):
        return tidy([line for line in self.lines if line.chapter <= chapter])

    def brought_by(self, chapter):
        """How many lines that are not blank."""
        return sum(1 for line in self.lines if line.chapter == chapter and line.text.strip())

    @property
    def chapters(self):
        """Those that brought something."""
        return sorted({line.chapter for line in self.lines if line.text.strip()})


def chapter_of(path):
    found = CHAPTER.fullmatch(path)
    return int(found.group(1)) if found else 0


def tidy(lines):
    """As tangling leaves them: no trailing blanks, no blank lines where an empty chunk stood."""
    out = []
    for line in lines:
        text = line.text.rstrip(' \t')
        if not text and (line.text or not out or not out[-1].text or out[-1].text.endswith('{')):
            continue
        if re.match(r' *\}', text):
            while out and not out[-1].text:
                out.pop()
        out.append(Line(text, line.chapter, line.chunk, line.column))
    while out and not out[-1].text:
        out.pop()
    return out


class Growth:
    """What all chapters' trees hold."""

    def __init__(self, book):
        self.book = book
        self.chapters = sorted({chapter_of(path) for path in book.files} - {0})
        self.sources = {}
        for root in book.roots:
            begun = chapter_of(book.parts(root)[0].file)
            if begun and not root.startswith(ELSEWHERE) and traps.is_root(root):
                self.sources[root] = Source(root, begun, list(self._expand(root, '', 0)))

    def _expand(self, name, indent, above):
        """The lines of a chunk. What a later chapter refers to is a line of that chapter, wherever it stands."""
        for chunk in self.book.parts(name):
            chapter = max(above, chapter_of(chunk.file))
            for line in chunk.lines:
                if line.references:                     # it stands alone on its line
                    before = re.sub(r'[^ \t]', ' ', line.text.partition('<<')[0])
                    before = indent + before
                    inner = list(self._expand(line.references[0].text, before, chapter)) or [Line('', chapter, chunk)]
                    inner[0].text = before + inner[0].text[len(before):]
                    yield from inner
                else:
                    yield Line(indent + line.text if line.text else '', chapter, chunk, len(indent))

    def tree(self, chapter):
        """The files of a chapter's tree, in the order of their paths: the library, then programs."""
        return sorted((s for s in self.sources.values() if s.chapter <= chapter),
                      key=lambda s: ('/' in s.path, s.path))

    def library(self, chapter):
        return [s for s in self.tree(chapter) if '/' not in s.path]

    def new(self, chapter):
        return [s for s in self.tree(chapter) if s.chapter == chapter]

    def grown(self, chapter):
        """Files of earlier chapters that this one adds to."""
        return [s for s in self.tree(chapter) if s.chapter < chapter and s.brought_by(chapter)]

    def text(self, source, chapter):
        """As the tangle writes it."""
        path = self.book.parts(source.path)[0].file
        first = f'/* {os.path.basename(source.path)} - tangled from {path}; edit that file, not this one. */'
        return '\n'.join([first] + [line.text for line in source.upto(chapter)]) + '\n'

    def archive(self, chapter, licence):
        """A .tar.gz of a chapter's tree with a Makefile of its own, the same bytes each time."""
        top = f'weft-ch{chapter:02}'
        with open(os.path.join(HERE, 'tree.mk'), encoding='utf-8') as makefile:
            files = {'Makefile': makefile.read(), 'LICENSE': licence}
        files.update((s.path, self.text(s, chapter)) for s in self.tree(chapter))
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode='wb', mtime=0) as zipped, \
                tarfile.open(fileobj=zipped, mode='w', format=tarfile.USTAR_FORMAT) as tar:
            for path, text in sorted(files.items()):
                data = text.encode()
                entry = tarfile.TarInfo(f'{top}/{path}')
                entry.size, entry.mode = len(data), 0o644
                tar.addfile(entry, io.BytesIO(data))
        return packed.getvalue()
