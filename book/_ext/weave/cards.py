"""What a reader is shown of a name without leaving the page: its declaration, its contract, its chunk.

All of it comes from the book as noweb and ctags know it. HTML pages carry it as two kinds of scripts that only
fill tables, so that they work from a folder as well as from a server: _static/nw/names.js for the cards, and
one file a chapter with its chunks, for unfolding a reference that leads to another page.
No Sphinx in this file.
"""
import json
import re
from html import escape

from . import html

LONGEST = 16        # lines of a declaration on a card


def lines_of(chunk):
    return [line.text for line in chunk.lines]


def place(made, chunk, anywhere=False):
    """The index of the line in the chunk where this name is defined or, anywhere, declared; None if it is not there."""
    if not anywhere:
        for index, line in enumerate(chunk.lines):
            if line.number == made.line:
                return index
    after = r'\s*\)?\s*\(' if made.kind == 'function' else r'\b'
    word = re.compile(rf'\b{re.escape(made.name)}{after}')
    return next((i for i, text in enumerate(lines_of(chunk)) if word.search(text)), None)


def statement(lines, start):
    """The declaration or definition that line `start` begins or belongs to."""
    while start and re.match(r'[ \t]+\S', lines[start]) and lines[start - 1].strip() \
            and not re.search(r'[;}{/]\s*$', lines[start - 1]):
        start -= 1
    out, depth = [], 0
    for text in lines[start:]:
        code = re.sub(r'/\*.*?\*/', '', text)
        if not out or depth or text.strip():
            out.append(text)
        depth += code.count('{') - code.count('}')
        if not depth and re.search(r'[;}]\s*$', code.rstrip()):
            break
        if not code.strip() and not depth:
            break
    return out


def heading(lines):
    """A function's definition up to its body."""
    out = []
    for text in lines:
        if text.strip() == '{':
            break
        head, brace, _ = text.partition(' {')
        out.append(head)
        if brace:
            break
    return out


def declaration(made, chunk, index):
    lines = lines_of(chunk)
    if made.kind in ('member', 'enumerator', 'declared'):
        return [re.sub(r'\s*/\*.*', '', lines[index]).strip()]
    if made.kind == 'macro':
        return [lines[index].strip()]
    found = statement(lines, index)
    if made.kind == 'function':
        found = heading(found)
    if len(found) > LONGEST:
        found = found[:LONGEST - 2] + ['    …', '};']
    indent = min((len(text) - len(text.lstrip()) for text in found if text.strip()), default=0)
    return [text[indent:].rstrip() for text in found]


def without_marks(text):
    text = re.sub(r'^\s*/\*+\s?|\s*\*+/\s*$', '', text.strip())
    return re.sub(r'^\s*\*(?:\s|$)', '', text).strip()


def comment_above(lines, index):
    """The comment that stands over a declaration, or over the group of declarations that it belongs to."""
    while index and lines[index - 1].strip() and '*/' not in lines[index - 1] and '<<' not in lines[index - 1]:
        index -= 1
    if not index or not re.search(r'\*/\s*$', lines[index - 1]) or not lines[index - 1].strip():
        return ''
    end = index
    while index and '/*' not in lines[index]:
        index -= 1
    if re.search(r'\S', lines[index].partition('/*')[0]):
        return ''                                       # it stands beside a line of code
    return ' '.join(without_marks(text) for text in lines[index:end]).strip()


def comment_beside(lines, index):
    """The comment that begins in the line of a member, and may go on below."""
    found = re.search(r'/\*(.*)', lines[index])
    if not found:
        return ''
    said = [found.group(0)]
    while '*/' not in said[-1] and index + 1 < len(lines):
        index += 1
        said.append(lines[index])
    return ' '.join(without_marks(text) for text in said)


def contract(made, chunk, index):
    lines = lines_of(chunk)
    if made.kind in ('member', 'enumerator'):
        return comment_beside(lines, index) or comment_above(lines, index)
    return comment_above(lines, index)


def card(book, made):
    """(declaration, contract) as text. The header speaks first, for there the contract stands."""
    places = [(book.chunks[label], True) for label in made.declarations] + [(book.chunks[made.label], False)]
    shown, said = '', ''
    for chunk, anywhere in places:
        index = place(made, chunk, anywhere)
        if index is None:
            continue
        shown = shown or '\n'.join(declaration(made, chunk, index))
        said = said or contract(made, chunk, index)
    return shown, said


# ---------------------------------------------------------------- the scripts

def script(table, entries):
    """A script that puts these entries into a table of the window."""
    text = json.dumps(entries, ensure_ascii=False, sort_keys=True, separators=(',', ':')).replace('</', '<\\/')
    return f'Object.assign((window.{table} = window.{table} || {{}}), {text});\n'


def names(view):
    """title of the links to a name -> [declaration in HTML, contract, address from the top, ⟨chunk⟩, its number]."""
    out = {}
    for made in view.indexed():
        shown, said = card(view.book, made)
        link = view.target(made)
        if made.kind == 'member':
            said = said or f'A member of struct {made.scope}.'
        out[link.title] = [html.highlighted(shown), escape(said), f'{link.doc}.html#{link.anchor}',
                           escape(view.book.chunks[made.label].name), link.number]
    return out


def chunks(view, path, writer):
    """anchor -> what unfolding a reference to this chunk shows: for each of its parts that is not empty
    [number, address from the top, code in HTML]."""
    out = {}
    for chunk in view.book.files[path].chunks:
        if chunk.part == 1:
            out[view.anchors[chunk.label]] = [
                [shown.number, f'{view.doc(part.file)}.html#{shown.anchor}', writer.code(shown)]
                for part in view.book.names[chunk.name] if not part.empty for shown in [view.chunk(part)]]
    return out
