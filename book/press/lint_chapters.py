#!/usr/bin/python3
"""Fast lint of the chapters, and their figures.

    book/press/lint_chapters.py [chapters/NN-slug.nw | page.md ...]

Without arguments: all chapters and the book's other pages. Each finding is one line,
FILE:LINE: MESSAGE; then comes a table with words, lines and sizes of chunks. Exit status 1
when there is a finding.

The traps of noweb are in traps.py; this file has the rules of writing: how long a chunk may
be, that prose leads to it, which words are not ours, what a transcript must be.
"""

import glob
import os
import re
import signal
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, 'book', '_ext')]

import noweb  # noqa: E402
import traps  # noqa: E402
from stage import NowebError  # noqa: E402
from transcript_blocks import COMMAND, TranscriptError, find_blocks  # noqa: E402

LONGEST_CHUNK = 30
MEDIAN_CHUNK = 8
NINE_IN_TEN = 20

BANNED = {
    r'div(?:e|es|ed|ing)': 'dive',
    r'deep(?:er|est|ly)?': 'deep',
    r'powerful(?:ly)?': 'powerful',
    r'seamless(?:ly)?': 'seamless',
    r'robust(?:ly|ness)?': 'robust',
    r'elegan(?:t|tly|ce)': 'elegant',
    r'simply': 'simply',
    r'just': 'just',
    r'of course': 'of course',
    r'it is important to note': 'it is important to note',
    r'under the hood': 'under the hood',
    r'journeys?': 'journey',
}
ANNOUNCEMENTS = [
    r"in this (?:chapter|section),? (?:we|you)\b",
    r"this (?:chapter|section) (?:will|shall)\b",
    r"(?:we|you)(?:'ll| will| shall) (?:now |then |later |soon )?(?:see|learn|explore|discuss|cover|look at)\b",
    r"(?:explained|described|discussed) later\b",
]
AMERICAN = (r'behaviors?|colors?|favors?|neighbors?|centers?|cancel(?:ed|ing)|label(?:ed|ing)|'
            r'(?:initial|normal|real|recogn|organ|optim|serial|synchron|minim|maxim|summar|emphas)'
            r'iz(?:e|es|ed|ing|ation)')
UNFINISHED = r'TODO|FIXME|XXX|not implemented'
MACHINE_PATHS = r'(?<![\w.~-])/(?:work|root|home)/'


# ---------------------------------------------------------------- prose, without its code

FENCE = re.compile(r'\s*(`{3,}|~{3,}|:{3,})\s*(.*?)\s*$')
OPTION = re.compile(r'\s*:([\w-]+):\s*(.*)$')
LITERAL_DIRECTIVES = ('transcript', 'graphviz', 'mscgen', 'code', 'code-block', 'literalinclude', 'math',
                      'eval-rst', 'toctree', 'include')
SHOWN_OPTIONS = ('caption', 'alt')
NOT_PROSE = re.compile(r'''
    ``.+?`` | \[\[.*?\]\](?!\]) | \{[\w:-]+\}`[^`]*` | `[^`]+`        # code and roles
  | \$[^$\n]+\$                                                # formulas
  | !?\[[^\]]*\]\([^)]*\) | <https?://[^>]*>                          # links
  | "[^"]*" | “[^”]*”                                                 # what others say
''', re.X | re.S)


class Paragraph:
    """Consecutive lines of prose: its text, code and quotations blanked out, with line numbers."""

    def __init__(self, line, lines):
        self.line = line
        self.raw = '\n'.join(lines)
        self.text = NOT_PROSE.sub(lambda match: re.sub(r'[^\n]', '\0', match[0]), self.raw)

    def line_at(self, offset):
        return self.line + self.raw.count('\n', 0, offset)


class Page:
    """A chapter or a page as raw lines: which are code, which are prose, which neither."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.split('\n')
        self.paragraphs = []
        self.findings = []
        self.prose_lines = set()        # numbers of lines with sentences, headings aside
        self.code_lines = set()
        self.words = 0
        self.headings = []              # (line, level, text)
        self._read(path.endswith('.nw'))

    def found(self, line, message):
        self.findings.append((self.path, line, message))

    def _read(self, is_noweb):
        fences, in_code, current = [], False, []
        for number, line in enumerate(self.lines, 1):
            if is_noweb and re.match(r'<<.*>>=\s*$', line):
                if fences:
                    self.found(number, f'a chunk begins inside the fence of line {fences[-1][2]}')
                    fences = []
                in_code = True
            elif is_noweb and (line == '@' or line.startswith('@ ')):
                if fences and not in_code:
                    self.found(number, f"noweb reads this '@' as its own, inside the fence of line {fences[-1][2]}: "
                               "write '@@'")
                in_code = False
            elif not in_code and self._is_sentence(number, line, fences):
                current.append((number, line))
                continue
            if in_code:
                self.code_lines.add(number)
            self._end_paragraph(current)
        self._end_paragraph(current)
        for _, _, number, _ in fences:
            self.found(number, 'a fence that is never closed')

    def _is_sentence(self, number, line, fences):
        """Whether the line is prose. Keeps the stack of (mark, is literal, line, still options)."""
        mark = FENCE.match(line)
        if fences and mark and not mark[2] and mark[1][0] == fences[-1][0][0] and \
                len(mark[1]) >= len(fences[-1][0]):
            fences.pop()
            return False
        inside_literal = bool(fences) and fences[-1][1]
        if mark and mark[2] and not inside_literal:
            directive = re.match(r'\{([\w:-]+)\}\s*(.*)', mark[2])
            is_literal = directive is None or directive[1] in LITERAL_DIRECTIVES
            fences.append((mark[1], is_literal, number, True))
            if directive and directive[2] and not is_literal:
                self._end_paragraph([(number, directive[2])])
            return False
        if fences:
            at_options = fences[-1][3]
            option = OPTION.match(line) if at_options else None
            if option:
                if option[1] in SHOWN_OPTIONS:
                    before = self.words         # the figure's words, not the chapter's
                    self._end_paragraph([(number, option[2])], counts=False)
                    self.words = before
                return False
            fences[-1] = fences[-1][:3] + (False,)
            if inside_literal:
                return False
        heading = re.match(r'(#+)\s+(.*)', line)
        if heading:
            self.headings.append((number, len(heading[1]), heading[2]))
            self._end_paragraph([(number, heading[2])], counts=False)
            return False
        if not line.strip() or re.match(r'\(.*\)=\s*$', line) or line.startswith('>'):
            return False
        return True

    def _end_paragraph(self, current, counts=True):
        if not current:
            return
        lines = [line for _, line in current]
        self.paragraphs.append(Paragraph(current[0][0], lines))
        if counts:
            self.prose_lines.update(number for number, _ in current)
        self.words += len(re.findall(r"\S*\w\S*", '\n'.join(lines)))
        current.clear()


# ---------------------------------------------------------------- rules of prose

def words_that_are_not_ours(page):
    """STYLE: no praise, no announcements, no orders, one spelling."""
    rules = [(rf'\b(?:{pattern})\b', f"the word '{word}' is not ours") for pattern, word in BANNED.items()]
    rules += [(rf'\b{pattern}', 'an announcement: say it, do not announce it') for pattern in ANNOUNCEMENTS]
    rules += [(r'\byou must\b', "'you must': say what happens, or 'we'"),
              (rf'\b(?:{AMERICAN})\b', "American spelling of '{}'"),
              (r'\?\s+[^.!?]+\?\s+[^.!?]+\?', 'a row of questions')]
    for paragraph in page.paragraphs:
        for pattern, message in rules:
            for match in re.finditer(pattern.replace(' ', r'\s+'), paragraph.text, re.I):
                page.found(paragraph.line_at(match.start()), message.format(match[0]))


def tags_that_vanish(page):
    """MyST takes a bare <tag> for HTML."""
    for paragraph in page.paragraphs:
        for match in re.finditer(r'<(?:/?[A-Za-z][^<>\n]*|!--.*?--)>', paragraph.text):
            page.found(paragraph.line_at(match.start()), f"MyST takes '{match[0]}' for HTML and drops it: "
                       'put it in a code span')


def blanks_and_leftovers(page):
    """Line by line: what no line may have, code or prose."""
    for number, line in enumerate(page.lines, 1):
        if line != line.rstrip():
            page.found(number, 'blanks at the end of the line')
        if '\t' in line and number not in page.code_lines:      # in code it is traps.py's
            page.found(number, 'a tab')
        for pattern, message in ((UNFINISHED, "'{}' says that something is unfinished"),
                                 (MACHINE_PATHS, "'{}' is a path of one machine only")):
            match = re.search(pattern, line)
            if match:
                page.found(number, message.format(match[0]))


def headings(page):
    """A chapter begins with a label and its one title; exercises are numbered in order."""
    first = next((number for number, line in enumerate(page.lines, 1) if line.strip()), 1)
    if not re.match(r'\([\w-]+\)=$', page.lines[first - 1].strip()):
        page.found(first, "a chapter begins with its label, '(chap-…)='")
    titles = [number for number, level, _ in page.headings if level == 1]
    if not titles:
        page.found(first, 'a chapter without a title')
    for number in titles[1:]:
        page.found(number, "a second title: sections begin with '## '")
    chapter = re.match(r'0*(\d+)-', os.path.basename(page.path))
    expected = 1
    for number, _, text in page.headings:
        match = re.match(r'Exercise\s+(.*)', text)
        if match and chapter:
            solved = '/solutions/' in page.path
            pattern = r': \S' if solved else r' \(\d\d(?:, on paper)?\): \S'
            if not re.match(rf'{chapter[1]}\.{expected}{pattern}', match[1]):
                page.found(number, f"this heading should read 'Exercise {chapter[1]}.{expected}"
                           + (": title'" if solved else " (NN): title' or '(NN, on paper): title'"))
            expected += 1


# ---------------------------------------------------------------- rules of transcripts

PORT_IN_COMMAND = re.compile(r'(?:--port[ =]|(?:127\.0\.0\.1|localhost|::1|0\.0\.0\.0)[ :])(\d{2,5})\b')


def transcripts(page):
    """A transcript runs something, or goes on with what runs; its ports are declared."""
    text = '\n'.join(page.lines)
    try:
        blocks = find_blocks(text, page.path, page.path.endswith('.nw'))
    except TranscriptError as error:
        page.found(error.line, error.message)
        return
    ports = {}
    for block in blocks:
        if block.session:
            ports.setdefault(block.session, set()).update(block.ports)
    begun = set()
    for block in blocks:
        place = (block.session, block.terminal)
        goes_on = block.session is not None and place in begun
        if block.steps[0].kind != COMMAND and not goes_on:
            page.found(block.line, 'a transcript with neither a command nor an earlier block that it continues')
        begun.add(place)
        declared = ports.get(block.session, set(block.ports))
        for step in block.steps:
            for port in PORT_IN_COMMAND.findall(step.text if step.kind == COMMAND else ''):
                if int(port) not in declared and 1024 <= int(port) <= 65535:
                    page.found(step.line, f"port {port} is not in the transcript's :ports:")


# ---------------------------------------------------------------- rules of chunks

def chunk_lines(chunk):
    """How many lines the chunk has, blank ones at its end aside."""
    lines = [line.text for line in chunk.lines]
    while lines and not lines[-1].strip():
        lines.pop()
    return len(lines)


def root_of(book, chunk):
    """The file that the chunk ends up in; '' when there is none."""
    seen = set()
    while chunk.used_in and chunk.name not in seen:
        seen.add(chunk.name)
        chunk = book.chunks[chunk.used_in[0]]
    return '' if chunk.used_in else chunk.name


def is_table(chunk):
    """Whether the chunk holds one initialiser and nothing else."""
    text = re.sub(r'/\*.*?\*/', '', chunk.text, flags=re.S).strip()
    opening = re.match(r'[^{};=()]+=\s*\{', text)
    return bool(opening) and re.fullmatch(r'[^;]*\}\s*;', text[opening.end():], re.S) is not None


def may_be_long(book, chunk):
    """Tables and headers are read line by line, however many there are."""
    return root_of(book, chunk).endswith('.h') or is_table(chunk)


def sizes_of_chunks(book, path):
    """No chunk over LONGEST_CHUNK lines, tables and headers aside."""
    for chunk in book.files[path].chunks:
        size = chunk_lines(chunk)
        if size > LONGEST_CHUNK and not may_be_long(book, chunk):
            yield (path, chunk.line, f'a chunk of {size} lines: more than {LONGEST_CHUNK} is for tables and headers')


def ninety_percent(sizes):
    """The size that nine in ten do not exceed."""
    return sorted(sizes)[max(0, -(-len(sizes) * 9 // 10) - 1)]


def chunks_without_prose(book, page):
    """Each chunk is led in by at least a sentence; a heading or a figure is none."""
    end = 0
    for chunk in book.files[page.path].chunks:
        if not any(end < number < chunk.line for number in page.prose_lines):
            yield (page.path, chunk.line, f'no prose leads to <<{chunk.name}>>')
        end = chunk.end


# ---------------------------------------------------------------- all together

def figures(book, pages):
    """The table of words, lines and sizes, a chapter a line; sizes are of chunks that are not empty."""
    rows = [f"{'chapter':<28}{'words':>7}{'lines':>7}{'words/line':>12}"
            f"{'chunks':>8}{'median':>8}{'90 %':>6}{'longest':>9}"]
    remark = ''
    for page in pages:
        chunks = [chunk for chunk in book.files[page.path].chunks if chunk_lines(chunk)]
        longest = max([chunk_lines(chunk) for chunk in chunks], default=0)
        prose_like = [chunk_lines(chunk) for chunk in chunks if not may_be_long(book, chunk)] or [0]
        lines = sum(1 for chunk in chunks for line in chunk.lines if line.text.strip())
        median, ninety = statistics.median(prose_like), ninety_percent(prose_like)
        over = '*' if median > MEDIAN_CHUNK or ninety > NINE_IN_TEN else ''
        remark = remark or over
        name = page.path.rpartition('chapters/')[2][:-3]
        rows.append(f"{name:<28}{page.words:>7}{lines:>7}{page.words / max(lines, 1):>12.1f}"
                    f"{len(chunks):>8}{median:>8g}{ninety:>6}{longest:>9}{over}")
    if remark:
        rows.append(f'* chunks are long: the aim is a median of {MEDIAN_CHUNK} and nine in ten within {NINE_IN_TEN} '
                    '(tables and headers aside)')
    return rows


def lint(paths):
    """(findings, rows of the table)"""
    pages = []
    for path in paths:
        with open(path, encoding='utf-8') as file:
            pages.append(Page(path, file.read()))
    chapters = [page for page in pages if page.path.endswith('.nw')]
    findings = []
    for page in pages:
        for rule in (words_that_are_not_ours, tags_that_vanish, blanks_and_leftovers, transcripts):
            rule(page)
        if page in chapters:
            headings(page)
        findings += page.findings
    try:
        book = noweb.read([page.path for page in chapters], definitions=False)
    except NowebError as error:
        place = re.match(r'(.+?):(\d+): (.*)', str(error))
        findings.append((place[1], int(place[2]), place[3]) if place else ('noweb', 0, str(error)))
        return findings, []
    findings += traps.find_traps(book)
    for page in chapters:
        findings += sizes_of_chunks(book, page.path)
        findings += chunks_without_prose(book, page)
    return findings, figures(book, chapters) if chapters else []


def main():
    paths = sys.argv[1:]
    if '--help' in paths or '-h' in paths:
        print(__doc__.strip())
        return 0
    if not paths:
        os.chdir(TOP)
        paths = [path for pattern in ('chapters/*.nw', 'chapters/solutions/*.nw', 'book/**/*.md')
                 for path in sorted(glob.glob(pattern, recursive=True))]
    try:
        findings, table = lint(paths)
    except OSError as error:
        sys.exit(f'lint_chapters.py: {error.filename}: {error.strerror}')
    order = {path: number for number, path in enumerate(paths)}
    for path, line, message in sorted(set(findings), key=lambda f: (order.get(f[0], -1), f[1], f[2])):
        print(f'{path}:{line}: {message}')
    if table:
        print('\n'.join(table))
    print(f"{len(set(findings)) or 'no'} finding{'' if len(set(findings)) == 1 else 's'}")
    return 1 if findings else 0


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
