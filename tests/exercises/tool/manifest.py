"""Checksums of what grades: a handout carries them, so that whoever grades can say what was changed since.

Nothing depends on them: a student who changes a test on the own machine fools nobody but the student, for whoever
grades the hand-in takes only the files of work/ and has tests of its own.
"""
import hashlib
import os

import facts

NAME = 'tests/exercises/MANIFEST'
COVERED = ('tests/exercises', 'tests/support', 'code', 'chapters', 'Makefile')


def digest(path):
    with open(path, 'rb') as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def covered(top):
    """Paths from the top, in order."""
    found = []
    for place in COVERED:
        path = os.path.join(top, place)
        if os.path.isfile(path):
            found.append(place)
        for where, folders, files in os.walk(path):
            folders[:] = [name for name in folders if name != '__pycache__']
            found += [os.path.relpath(os.path.join(where, name), top) for name in files if not name.endswith('.pyc')]
    return sorted(path for path in found if path != NAME)


def write(top):
    with open(os.path.join(top, NAME), 'w', encoding='utf-8') as stream:
        for path in covered(top):
            stream.write(f'{digest(os.path.join(top, path))}  {path}\n')


def changed(top=facts.TOP):
    """Paths that are not what was handed out; [] in a clone, which has no manifest."""
    try:
        with open(os.path.join(top, NAME), encoding='utf-8') as stream:
            known = dict(reversed(line.rstrip('\n').split('  ', 1)) for line in stream if '  ' in line)
    except FileNotFoundError:
        return []
    here = set(covered(top))
    return sorted(path for path in here | set(known)
                  if path not in here or path not in known or digest(os.path.join(top, path)) != known[path])


def complaint():
    """One paragraph, or ''."""
    paths = changed()
    if not paths:
        return ''
    shown = ', '.join(paths[:5]) + (f' and {len(paths) - 5} more' if len(paths) > 5 else '')
    return (f'Note: {shown} changed since this was handed out. Whoever grades what you hand in has the tests as they '
            'were.')
