"""What is known of an exercise: tests/exercises/N.M/exercise.txt, read and checked."""
import os
import re
from dataclasses import dataclass, field

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
VISIBILITIES = ('visible', 'hidden', 'after_due_date', 'after_published')
HEAD = {'title', 'file', 'kind', 'chapter', 'about', 'try', 'note'}
TEST = {'test', 'points', 'read', 'visibility'}
HINT = {'hint', 'when', 'passed', 'got', 'text'}


class Wrong(Exception):
    """One line for whoever called: what is wrong, and where."""


@dataclass
class Test:
    name: str
    points: float
    read: str = ''
    visibility: str = 'visible'

    @property
    def title(self):
        """The name as a sentence."""
        return self.name.replace('_', ' ')


@dataclass
class Hint:
    name: str
    when: list
    text: str
    passed: list = field(default_factory=list)
    got: str = ''


@dataclass
class Exercise:
    number: str             # '4.1'
    title: str
    files: list             # what is handed in
    kind: str               # functions | program
    chapter: str            # '04'
    about: str = ''
    trying: str = ''
    tests: list = field(default_factory=list)
    hints: list = field(default_factory=list)

    @property
    def starter(self):
        """Where the starter and what is given with it stand."""
        return os.path.join(TOP, 'code', 'exercises', self.number)

    @property
    def folder(self):
        return os.path.join(TOP, 'tests', 'exercises', self.number)

    @property
    def warning_points(self):
        """What a file is worth in which the compiler finds nothing: a tenth, at least 1."""
        return max(1.0, halves(sum(test.points for test in self.tests) / 10))

    @property
    def most(self):
        return sum(test.points for test in self.tests) + self.warning_points

    @property
    def given(self):
        """Files of the starter's folder that are not handed in."""
        return sorted(name for name in os.listdir(self.starter) if name not in self.files)

    @property
    def mistakes(self):
        folder = os.path.join(self.folder, 'mistakes')
        return sorted(name[:-2] for name in os.listdir(folder) if name.endswith('.c')) if os.path.isdir(folder) else []


def halves(points):
    return round(2 * points) / 2


def stanzas(path):
    """[{key: value}] with '' -> the number of the stanza's first line."""
    found, current, last = [], {}, ''
    with open(path, encoding='utf-8') as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.rstrip()
            if line.startswith('#'):
                continue
            if not line:
                if current:
                    found.append(current)
                current, last = {}, ''
            elif line[0].isspace():
                if not last:
                    raise Wrong(f'{path}:{number}: an indented line continues nothing')
                current[last] += ' ' + line.strip()
            else:
                key, colon, value = line.partition(':')
                if not colon or key in current:
                    raise Wrong(f"{path}:{number}: expected KEY: VALUE, each key once in a stanza")
                current.setdefault('', number)
                last = key
                current[key] = value.strip()
    return found + ([current] if current else [])


def names(text):
    return [name for name in re.split(r'[,\s]+', text) if name]


def read(number):
    """The Exercise, or Wrong."""
    path = os.path.join(TOP, 'tests', 'exercises', number, 'exercise.txt')
    if not re.fullmatch(r'\d+\.\d+', number) or not os.path.isfile(path):
        raise Wrong(f'there is no graded exercise {number!r}; those there are: {" ".join(numbers()) or "none"}')
    shown = os.path.relpath(path, TOP)

    def wrong(stanza, said):
        raise Wrong(f'{shown}:{stanza[""]}: {said}')

    head, *rest = stanzas(path) or [{'': 1}]
    for key in ('title', 'file', 'kind', 'chapter', 'about'):
        if not head.get(key):
            wrong(head, f'{key}: is missing')
    if head['kind'] not in ('functions', 'program'):
        wrong(head, "kind: is either functions or program")
    made = Exercise(number, head['title'], names(head['file']), head['kind'], head['chapter'].zfill(2),
                    head['about'], head.get('try', ''))
    for stanza in rest:
        allowed = TEST if 'test' in stanza else HINT if 'hint' in stanza else set()
        odd = set(stanza) - allowed - {''}
        if odd or not allowed:
            wrong(stanza, f'unknown key: {", ".join(sorted(odd))}')
        if 'test' in stanza:
            try:
                points = float(stanza.get('points', ''))
            except ValueError:
                wrong(stanza, 'points: a number is wanted')
            visibility = stanza.get('visibility', 'visible')
            if visibility not in VISIBILITIES:
                wrong(stanza, f'visibility: is one of {", ".join(VISIBILITIES)}')
            made.tests.append(Test(stanza['test'], points, stanza.get('read', ''), visibility))
        else:
            if not stanza.get('when') or not stanza.get('text'):
                wrong(stanza, 'a hint needs when: and text:')
            made.hints.append(Hint(stanza['hint'], names(stanza['when']), stanza['text'],
                                   names(stanza.get('passed', '')), stanza.get('got', '')))
    known = {test.name for test in made.tests}
    for hint in made.hints:
        for name in set(hint.when) - {'memory', 'time'} | set(hint.passed):
            if name not in known:
                raise Wrong(f'{shown}: the hint {hint.name} speaks of a test {name}, which there is not')
        try:
            re.compile(hint.got)
        except re.error as why:
            raise Wrong(f'{shown}: the hint {hint.name}: got: {why}') from None
    if not made.tests:
        raise Wrong(f'{shown}: there is no test')
    return made


def numbers():
    """Every graded exercise, in order."""
    folder = os.path.join(TOP, 'tests', 'exercises')
    found = [name for name in os.listdir(folder)
             if re.fullmatch(r'\d+\.\d+', name) and os.path.isfile(os.path.join(folder, name, 'exercise.txt'))]
    return sorted(found, key=lambda name: [int(part) for part in name.split('.')])
