#!/usr/bin/python3
"""Says where C files are not laid out as .clang-format asks.

    check_format.py FILE.c ...

What an author aligns by hand (comments at line ends, the columns of a table, how far a continued
line is indented) is his own affair: text is compared with the blanks inside a line squeezed, and a
line that plainly goes on in the next one is joined with it.  Everything else must be as
clang-format writes it, and no line may be longer than 120 columns.
"""
import difflib
import os
import re
import subprocess
import sys

WIDEST = 120
GOES_ON = re.compile(r'(,|\(|&&|\|\||=|\?)$')
GOES_ON_BEFORE = re.compile(r'^(&&|\|\||\?|:) ')


def logical_lines(text):
    """[(number of the first line, text with blanks squeezed)], continued lines joined."""
    out = []
    for number, line in enumerate(text.split('\n'), 1):
        indent = len(line) - len(line.lstrip())
        squeezed = re.sub(r'\s+', ' ', line.strip())
        squeezed = re.sub(r' \\$', r'\\', squeezed)
        squeezed = re.sub(r'\{ ', '{', re.sub(r' \}', '}', squeezed))
        before = re.sub(r' ?/\*.*\*/$', '', out[-1][1]) if out else ''
        comment = squeezed.startswith(('*', '/*', '#'))
        ends_a_table = squeezed.startswith('}') and before[-1:] not in ('', ';', '{', '}', ':')
        if out and squeezed and not comment and (
                GOES_ON.search(before) or GOES_ON_BEFORE.search(squeezed) or ends_a_table):
            out[-1] = (out[-1][0], out[-1][1] + ' ' + squeezed)
        else:
            out.append((number, ' ' * indent + squeezed if squeezed else ''))
    return [(number, indented(text)) for number, text in out]


def indented(text):
    """The joined line without the blank that joining left inside a bracket."""
    head = len(text) - len(text.lstrip())
    return text[:head] + re.sub(r' \}', '}', re.sub(r'([({]) ', r'\1', text[head:]))


def check(path):
    """How many complaints about this file were printed."""
    with open(path, encoding='utf-8') as stream:
        text = stream.read()
    wrong = 0
    for number, line in enumerate(text.split('\n'), 1):
        if len(line) > WIDEST:
            print(f'{path}:{number}: {len(line)} columns, {WIDEST} at most')
            wrong += 1
    try:
        done = subprocess.run(['clang-format', '--style=file', path],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("check_format.py: clang-format is missing: 'make setup-dev' installs it")
    if done.returncode:
        sys.exit(f'check_format.py: {path}: {done.stderr.strip()}')
    mine, wanted = logical_lines(text), logical_lines(done.stdout)
    match = difflib.SequenceMatcher(None, [t for _, t in mine], [t for _, t in wanted], autojunk=False)
    for kind, a, b, c, d in match.get_opcodes():
        if kind == 'equal':
            continue
        number = mine[a][0] if a < len(mine) else mine[-1][0]
        print(f'{path}:{number}: clang-format would write')
        for _, line in mine[a:b]:
            print(f'    - {line}')
        for _, line in wanted[c:d]:
            print(f'    + {line}')
        wrong += 1
    return wrong


def main():
    """Checks the files named as arguments."""
    files = sys.argv[1:]
    if not files or files[0] in ('-h', '--help'):
        print(__doc__.strip())
        return 0 if files else 2
    for path in files:
        if not os.path.isfile(path):
            sys.exit(f'check_format.py: {path}: no such file')
    wrong = sum(check(path) for path in files)
    if wrong:
        print(f'check_format.py: {wrong} places to mend; book/press/check_format.py FILE shows them again')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
