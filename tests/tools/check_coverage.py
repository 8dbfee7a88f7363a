#!/usr/bin/python3
"""Checks tests/coverage.txt: each row of asyncio's behaviour has a test, and each test named there exists.

Run at the top of the clone; no arguments. The last line is `N passed, N failed`, a row counting as one.
"""
import functools
import glob
import os
import re
import sys

COVERAGE = 'tests/coverage.txt'
PEERS = ['tests/peers/run', *sorted(glob.glob('tests/peers/cases_*.py'))]


def expand(word):
    """B1.1-8 stands for B1.1 to B1.8."""
    found = re.fullmatch(r'(B\d+)\.(\d+)-(\d+)', word)
    if not found:
        return [word]
    return [f'{found[1]}.{number}' for number in range(int(found[2]), int(found[3]) + 1)]


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def parse(text):
    """The rows that there must be; the entries as (line number, row, the rest); what cannot be read."""
    rows, entries, wrong = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        parts = [part.strip() for part in line.split('|')]
        if not line.strip() or line.startswith('#'):
            continue
        if line.startswith('rows:'):
            for word in line[5:].split():
                rows += expand(word)
        elif len(parts) == 3 and all(parts):
            entries.append((number, parts[0], parts[2]))
        else:
            wrong.append(f'{COVERAGE}:{number}: neither "rows: …" nor "ROW | what | tests"')
    return rows, entries, wrong


@functools.lru_cache(None)
def tests_of(path):
    """The tests that a file of CUnit tests has: defined, and in its table."""
    text = read(path) if os.path.isfile(path) else ''
    defined = set(re.findall(r'^static void (\w+)\(void\)', text, re.MULTILINE))
    return defined & set(re.findall(r'\bTEST\((\w+)\)', text))


def cases_of_peers():
    text = '\n'.join(read(path) for path in PEERS if os.path.isfile(path))
    return set(re.findall(r'^def (\w+)\(bench', text, re.MULTILINE))


def complaint(what):
    """Why an entry's third part is no proof; None if it is one."""
    later = re.match(r'later: chapter (\d+): \S', what)
    if later:
        written = glob.glob(f'chapters/{int(later[1]):02}-*.nw')
        return f'chapter {later[1]} is there: name a test' if written else None
    if what.startswith(('later:', 'never:')):
        return None if re.match(r'never: \S', what) else 'not "later: chapter N: why"'
    for test in what.split():
        place, _, name = test.rpartition(':')
        found = cases_of_peers() if place == 'peers' else tests_of(f'tests/{place}')
        if name not in found:
            return f'there is no test {test}'
    return None


def main():
    if not os.path.isfile(COVERAGE):
        sys.exit(f'check_coverage: there is no {COVERAGE}: run this at the top')
    rows, entries, wrong = parse(read(COVERAGE))
    seen = set()
    for number, row, what in entries:
        why = complaint(what)
        if row not in rows:
            why = 'no such row is listed in "rows:"'
        if row in seen:
            why = 'a second entry for this row'
        seen.add(row)
        if why:
            wrong.append(f'{COVERAGE}:{number}: {row}: {why}')
    wrong += [f'{COVERAGE}: {row}: no entry' for row in rows if row not in seen]
    for line in wrong:
        print(line)
    names = {test for _, _, what in entries for test in what.split() if '/' in test and ':' in test}
    print(f'{COVERAGE}: {len(rows)} rows, {len(names)} tests named')
    print(f'{max(0, len(rows) - len(wrong))} passed, {len(wrong)} failed')
    return 1 if wrong or not rows else 0


if __name__ == '__main__':
    sys.exit(main())
