"""Grades a whole class: a folder with a subdirectory for each student, many at a time, resumed where it was left.

Each result is a file, written when it is complete and named by who and what; it holds the checksums of what was graded
and of the tests, and is used again as long as both are the same.
"""
import collections
import csv
import hashlib
import html
import json
import os
import sys
import time

import facts
import grading
import manifest
import report

STYLE = '''body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem;
    padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0 2rem; } td, th { padding: .25rem .7rem; text-align: left; }
tr + tr > * { border-top: 1px solid #ddd; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: linear-gradient(to right, #c0392b55 var(--part), transparent 0); }
@media (prefers-color-scheme: dark) {
    body { background: #181818; color: #ddd; } tr + tr > * { border-color: #444; }
}'''


def place_of(folder, exercise):
    """Where in a hand-in the files of the exercise stand: work/4.1/x.c, 4.1/x.c, or x.c."""
    for place in (os.path.join(folder, 'work', exercise.number), os.path.join(folder, exercise.number), folder):
        if all(os.path.isfile(os.path.join(place, name)) for name in exercise.files):
            return place
    return os.path.join(folder, exercise.number)


def tests_digest(exercise, modes):
    """Of all that decides the result besides the hand-in."""
    made = hashlib.sha256(' '.join(modes).encode())
    folders = [exercise.folder, exercise.starter, os.path.join(facts.TOP, 'tests', 'exercises', 'support'),
               os.path.dirname(os.path.abspath(__file__))]
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not name.endswith('.pyc'):
                made.update(f'{name} {manifest.digest(path)}\n'.encode())
    made.update(manifest.digest(os.path.join(facts.TOP, 'build', 'ch' + exercise.chapter, 'libweft.a')).encode())
    return made.hexdigest()


def files_digest(place, exercise):
    return {name: manifest.digest(os.path.join(place, name)) for name in exercise.files
            if os.path.isfile(os.path.join(place, name))}


def known(path, digest, files):
    """The record of an earlier run, when nothing has changed since."""
    try:
        with open(path, encoding='utf-8') as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    return record if record.get('tests_digest') == digest and record['files'] == files else None


class Progress:
    """One line that is redrawn; a line for each tenth where there is no terminal."""

    def __init__(self, total, begun):
        self.total, self.done, self.started, self.said = total, begun, time.monotonic(), -1

    def step(self):
        self.done += 1
        if sys.stdout.isatty():
            bar = '#' * (40 * self.done // max(self.total, 1))
            print(f'\r[{bar:<40}] {self.done} of {self.total}, {time.monotonic() - self.started:.0f} s ', end='',
                  flush=True)
        elif 10 * self.done // max(self.total, 1) != self.said:
            self.said = 10 * self.done // max(self.total, 1)
            print(f'{self.done} of {self.total} graded', flush=True)

    def end(self):
        if sys.stdout.isatty():
            print('\r' + ' ' * 72 + '\r', end='')


def grade(folder, exercises, into, options):
    """0 when all could be graded, whatever they scored."""
    students = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))
                      and not name.startswith('.'))
    if not students:
        raise facts.Wrong(f'{folder} has no subdirectory: one for each student is expected')
    digests = {exercise.number: tests_digest(exercise, options.modes) for exercise in exercises}
    records, waiting = {}, []
    for student in students:
        for exercise in exercises:
            place = place_of(os.path.join(folder, student), exercise)
            files = files_digest(place, exercise)
            path = os.path.join(into, 'records', student, exercise.number + '.json')
            record = known(path, digests[exercise.number], files)
            if record:
                records[student, exercise.number] = record
            else:
                waiting.append((student, exercise, place, path))
    total = len(students) * len(exercises)
    if records:
        print(f'{len(records)} of {total} were graded before and have not changed')
    progress = Progress(total, len(records))
    with grading.Bench(options.jobs) as bench:
        def gradings():
            for student, exercise, place, path in waiting:
                item = grading.Grading(bench, bench.kit(exercise, options.compiler), place, student, options.modes)
                item.goes_to = path
                yield item

        def done(item):
            record = item.record()
            record['tests_digest'] = digests[item.exercise.number]
            report.save_json(item.goes_to, record)
            records[item.label, item.exercise.number] = record
            progress.step()

        bench.run(gradings(), done)
    progress.end()
    write_csv(os.path.join(into, 'scores.csv'), students, exercises, records)
    write_page(os.path.join(into, 'index.html'), students, exercises, records)
    print(f'{len(students)} students, {len(exercises)} exercises: {os.path.relpath(into)}/scores.csv and index.html')
    return 0


def write_csv(path, students, exercises, records):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'w', encoding='utf-8', newline='') as stream:
        out = csv.writer(stream)
        out.writerow(['student', *(exercise.number for exercise in exercises), 'sum', 'of', 'mistakes'])
        for student in students:
            own = [records[student, exercise.number] for exercise in exercises]
            out.writerow([student, *(report.number(record['score']) for record in own),
                          report.number(sum(record['score'] for record in own)),
                          report.number(sum(record['max_score'] for record in own)),
                          ' '.join(f"{record['exercise']}:{record['hint']['name']}"
                                   for record in own if record['hint'])])
    os.replace(path + '.new', path)


def bar(count, of):
    return f'<td class="n bar" style="--part: {100 * count / max(of, 1):.0f}%">{count}</td>'


def rows(cells):
    return '\n'.join('<tr>' + ''.join(cell if cell.startswith('<t') else f'<td>{cell}</td>' for cell in row) + '</tr>'
                     for row in cells)


def write_page(path, students, exercises, records):
    """Which tests fail for many, which mistakes are common, and who has what."""
    out = ['<!DOCTYPE html>', '<html lang="en"><head><meta charset="utf-8"><title>The class</title>',
           f'<style>{STYLE}</style></head><body>', '<h1>The class</h1>',
           f'<p>{len(students)} students, {len(exercises)} exercises.</p>']
    for exercise in exercises:
        own = [records[student, exercise.number] for student in students]
        handed = [record for record in own if record['files']]
        mean = sum(record['score'] for record in handed) / max(len(handed), 1)
        out += [f'<h2>{exercise.number} {html.escape(exercise.title)}</h2>',
                f'<p>{len(handed)} of {len(own)} handed in; on average {mean:.1f} of {exercise.most:g} points. '
                f"{sum(bool(record['failed']) for record in handed)} did not compile.</p>"]
        failing = collections.Counter(test['title'] for record in handed if not record['failed']
                                      for test in record['tests'] if test['status'] == 'failed')
        flawed = collections.Counter(test['title'] for record in handed if not record['failed']
                                     for test in record['tests'] if test['status'] == 'flawed')
        most = len(handed)
        table = [[html.escape(test.title), bar(failing[test.title], most), bar(flawed[test.title], most)]
                 for test in sorted(exercise.tests, key=lambda test: -failing[test.title] - flawed[test.title])]
        out += ['<table><tr><th>test</th><th>failed</th><th>a tool found something</th></tr>', rows(table), '</table>']
        hints = collections.Counter(record['hint']['name'] for record in handed if record['hint'])
        if hints:
            texts = {hint.name: hint.text for hint in exercise.hints}
            out += ['<table><tr><th>known mistake</th><th>students</th><th>the hint they got</th></tr>',
                    rows([[html.escape(name.replace('_', ' ')), f'<td class="n">{count}</td>', html.escape(texts[name])]
                          for name, count in hints.most_common()]), '</table>']
    head = ''.join(f'<th>{exercise.number}</th>' for exercise in exercises)
    out += ['<h2>Scores</h2>', f'<table><tr><th>student</th>{head}<th>sum</th></tr>',
            rows([[html.escape(student)] + [f'<td class="n">{records[student, exercise.number]["score"]:g}</td>'
                                            for exercise in exercises]
                  + [f'<td class="n">{sum(records[student, e.number]["score"] for e in exercises):g}</td>']
                  for student in students]), '</table>', '</body></html>', '']
    with open(path + '.new', 'w', encoding='utf-8') as stream:
        stream.write('\n'.join(out))
    os.replace(path + '.new', path)
