"""The mistakes that noweb accepts in silence, each with its file and line.

    from traps import find_traps
    for file, line, message in find_traps(book): ...

book is a noweb.Book; its files are read again as they stand on disk, because noweb's stream no
longer tells @<< from <<.  noweb mangles a bare shift, writes a misspelled continuation to a file
of its own, and lets two programs that happen to use one chunk name share their text: the book
refuses all of that.
"""
import difflib
import os
import re

ROOT = re.compile(r'(?:(?:programs|bad|(?:exercises|solutions)/\d+\.\d+)/)?[a-z0-9_]+\.[ch]')
EXERCISE = re.compile(r'(?:exercises|solutions)/(\d+\.\d+)/')
ESCAPED = re.compile(r'@(<<|>>)')
REFERENCE = re.compile(r'\s*<<(.*?)>>\s*')
CONTROL = re.compile(r'.*(\)|\belse|\bdo)')
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
WORD = re.compile(r'[a-z_]\w*')
KEYWORDS = set('const struct enum union void int long char short double float bool unsigned size_t extern'.split())
OPEN_NAME = 'further '


def is_root(name):
    """Does the chunk's name look like a file's path?"""
    return ROOT.fullmatch(name) is not None


def find_traps(book, cwd='.'):
    """[(file, line, message)] in the order of the book."""
    found = []
    for check in (_bare_text, _definitions, _references, _roots, _owners, _whole_program):
        found += check(book, cwd)
    order = {path: number for number, path in enumerate(book.files)}
    return sorted(set(found), key=lambda trap: (order.get(trap[0], -1), trap[1], trap[2]))


def _raw_lines(path, cwd):
    with open(os.path.join(cwd, path), encoding='utf-8') as stream:
        return stream.read().split('\n')


def _alone(raw):
    """The chunk named by a line that is a reference and nothing else."""
    match = REFERENCE.fullmatch(raw)
    return match and '<<' not in match.group(1) and match.group(1)


# ---------------------------------------------------------------- line by line

def _bare_text(book, cwd):
    """Tabs, bare shifts, references that share their line, chunks without an end."""
    out = []
    for path, file in book.files.items():
        raw = _raw_lines(path, cwd)
        for chunk in file.chunks:
            head = raw[chunk.line - 1]
            if '\t' in head:
                out.append((path, chunk.line, 'a tab in the name of a chunk'))
            for line in chunk.lines:
                out += [(path, line.number, said) for said in _in_code(raw[line.number - 1])]
            if not chunk.closed:
                out.append((path, chunk.line, f'<<{chunk.name}>>= is not ended by a line @'))
    return out


def _in_code(raw):
    if '\t' in raw:
        yield 'a tab in code: indent by 4 spaces'
    plain = ESCAPED.sub('', raw)
    if _alone(plain):
        return
    if re.search(r'<<.*>>', plain):
        yield ('noweb reads this as a reference to a chunk: a reference stands alone on its line, '
               'a shift is written @<< or @>>')
    elif '<<' in plain or '>>' in plain:
        yield 'a bare shift: write @<< or @>>'


def _references(book, _cwd):
    """A reference becomes several lines, none at all, and a #line: only a block can hold that."""
    out = []
    for chunk in book.chunks.values():
        before, in_macro = '', False
        for line in chunk.lines:
            text = line.text.strip()
            if line.references and (in_macro or text.endswith('\\')):
                out.append((chunk.file, line.number, 'a chunk reference inside a macro'))
            elif line.references and CONTROL.fullmatch(before) and not before.startswith('#'):
                out.append((chunk.file, line.number,
                            'a chunk reference without braces: put { } around it'))
            in_macro = text.endswith('\\')
            if text and not in_macro:
                before = re.sub(r'\s*/\*.*\*/$', '', text)
    return out


# ---------------------------------------------------------------- names

def _definitions(book, _cwd):
    """Every chunk is defined and used; a later chapter adds only where there is a place for it."""
    out = []
    order = {path: number for number, path in enumerate(book.files)}
    known = list(book.names)
    for chunk, number, name in book.undefined:
        out.append((chunk.file, number, f'<<{name}>> is used but never defined' + _nearest(name, known)))
    for name, parts in book.names.items():
        first = parts[0]
        if not book.is_used(name) and not is_root(name):
            out.append((first.file, first.line, f'<<{name}>> is never used, and is no path of a file'
                        + _nearest(name, [other for other in known if other != name])))
        declared = first.empty or name.startswith(OPEN_NAME)
        for part in parts[1:]:
            if _is_solution(part.file) and not _is_solution(first.file):
                out.append((part.file, part.line, f'<<{name}>> is a chunk of {first.file}:{first.line}: '
                            'a solution chooses names of its own'))
                continue
            if part.file != first.file and not declared:
                out.append((part.file, part.line, f'<<{name}>> is continued here, but {first.file}:{first.line} '
                            f'is neither empty nor named "{OPEN_NAME}…": it is not open for that'))
    for chunk in book.chunks.values():
        for number, piece in chunk.references:
            parts = book.parts(piece.text)
            if parts and _is_solution(parts[0].file) and not _is_solution(chunk.file):
                out.append((chunk.file, number, f'<<{piece.text}>> stands in a solution, {parts[0].file}:'
                            f'{parts[0].line}, which the chapters do not know'))
            elif parts and order[parts[0].file] > order[chunk.file]:
                out.append((chunk.file, number, f'<<{piece.text}>> is defined only later, in '
                            f'{parts[0].file}:{parts[0].line}: leave an empty chunk here'))
    return out


def _is_solution(path):
    return '/solutions/' in path


def _nearest(name, names):
    near = difflib.get_close_matches(name, names, 1, 0.8)
    return f' (is <<{near[0]}>> meant?)' if near else ''


def _roots(book, _cwd):
    """A file has one root, written once, and nobody refers to it."""
    out = []
    for name, parts in book.names.items():
        if not is_root(name):
            continue
        for part in parts[1:]:
            out.append((part.file, part.line, f'the root {name} is continued: it began in {parts[0].file}:'
                        f'{parts[0].line}, and a file grows by its inner chunks only'))
        for chunk in book.chunks.values():
            for number, piece in chunk.references:
                if piece.text == name:
                    out.append((chunk.file, number, f'<<{name}>> is a file and cannot be part of another'))
    return out


def _owners(book, _cwd):
    """A chunk belongs to one file; none contains itself. A solution may use chunks of its own exercise's starter."""
    out = []
    owner = {}

    def may_share(one, other):
        exercises = [EXERCISE.match(root) for root in (one, other)]
        return all(exercises) and exercises[0][1] == exercises[1][1]

    def walk(name, root, above):
        for chunk in book.parts(name):
            for number, piece in chunk.references:
                inner = piece.text
                if inner in above:
                    out.append((chunk.file, number, f'<<{inner}>> contains itself'))
                elif inner in owner:
                    if owner[inner] != root and not may_share(owner[inner], root):
                        out.append((chunk.file, number, f'<<{inner}>> belongs to {owner[inner]} already, '
                                    f'and this is {root}: choose another name'))
                elif book.parts(inner) and not is_root(inner):
                    owner[inner] = root
                    walk(inner, root, above + [inner])

    for name in book.names:
        if is_root(name):
            walk(name, name, [name])
    return out


# ---------------------------------------------------------------- the files together

def _whole_program(book, _cwd):
    """Nothing refers to a file with a mistyped name: no program includes it, no header goes with it."""
    out = []
    roots = [name for name in book.names if is_root(name)]
    included = set()
    for root in roots:
        for text, chunk, index, _ in book.tangle(root):
            match = INCLUDE.match(text)
            meant = match and _included(match.group(1), root, roots)
            included.add(meant)
            if match and not meant:
                out.append((chunk.file, chunk.lines[index].number, f'"{match.group(1)}" is no file of the book'
                            + _nearest(match.group(1), roots)))
    headers = {re.sub(r'_private$', '', name[:-2]) for name in roots if name.endswith('.h')}
    declared = {word for name in roots if name.endswith('.h')
                for text, *_ in book.tangle(name) for word in WORD.findall(text)}
    for name in roots:
        first = book.parts(name)[0]
        if name.endswith('.h') and name not in included:
            out.append((first.file, first.line, f'nothing includes {name}'))
        if name.endswith('.c') and '/' not in name and not _has_header(name[:-2], headers):
            meant = _nearest(name, [header + '.c' for header in headers])
            if meant:
                out.append((first.file, first.line, f'no header goes with {name}{meant}'))
            elif not _defines(book, name) & declared:
                out.append((first.file, first.line, f'{name} is no program, and nothing in it is declared in a header'))
    return out


def _included(name, root, roots):
    """The root that an #include means: what is given with an exercise stands in its own folder."""
    exercise = EXERCISE.match(root)
    beside = [f'exercises/{exercise[1]}/{name}', f'solutions/{exercise[1]}/{name}'] if exercise else []
    return next((known for known in [*beside, name] if known in roots), None)


def _has_header(stem, headers):
    """select_selector.c goes with selector.h: some run of its words is a header's name."""
    words = stem.split('_')
    return any('_'.join(words[a:b]) in headers
               for a in range(len(words)) for b in range(a + 1, len(words) + 1))


def _defines(book, name):
    """What a file seems to define for others: names in lines that begin at the first column."""
    return {word for text, *_ in book.tangle(name) for word in WORD.findall(text)
            if text[:1].isalpha() and not text.startswith('static ') and word not in KEYWORDS}
