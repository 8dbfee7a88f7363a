"""One record, many forms: the table on the terminal, Gradescope's results.json, JUnit XML, a plain summary."""
import json
import os
import re
import textwrap
from xml.sax.saxutils import escape, quoteattr

import facts

WIDTH = 96
STATUS = {'passed': 'passed', 'flawed': 'passed, but see below', 'failed': 'failed'}
TOOLS = {'plain': '', 'sanitizers': 'with the sanitizers', 'valgrind': 'under Valgrind'}


def number(points):
    return f'{points:g}'


def headings():
    """heading, in small letters -> (chapter's slug, address on its page), from the chapters."""
    found = {}
    folder = os.path.join(facts.TOP, 'chapters')
    for name in sorted(os.listdir(folder)):
        if not re.match(r'\d\d-.*\.nw$', name):
            continue
        with open(os.path.join(folder, name), encoding='utf-8') as stream:
            for line in stream:
                match = re.match(r'#{2,4} (.*)', line)
                if match:
                    text = re.sub(r'\[\[|\]\]|`', '', match[1]).strip()
                    anchor = re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')
                    found.setdefault(text.lower(), (name[:-3], anchor))
                    found.setdefault(text.lower().removeprefix('design note: '), (name[:-3], anchor))
    return found


def where_to_read(text, known=None):
    """A heading, with the page that it stands on."""
    if not text:
        return ''
    found = (known if known is not None else headings()).get(text.lower())
    if not found:
        return f'“{text}”'
    return f'“{text}” in chapter {int(found[0][:2])}, build/book/html/chapters/{found[0]}.html#{found[1]}'


def wrapped(label, text, indent='    '):
    """LABEL and its text, the continuation under the text."""
    first = f'{indent}{label:<10}'
    out = []
    for part in text.split('\n'):
        lines = textwrap.wrap(part, WIDTH - len(first), break_long_words=False, break_on_hyphens=False) or ['']
        out += lines
    return '\n'.join((first if at == 0 else ' ' * len(first)) + line for at, line in enumerate(out))


def story(test, known=None):
    """Did, expected, got; what the tools found; where to read."""
    out = []
    for at, did in enumerate(test['did']):
        out.append(wrapped('did' if at == 0 else '', did))
    if test['got'] or test['expected']:
        if test['mode'] != 'plain':
            out.append(wrapped('', f"(plain it passes; this happens {TOOLS[test['mode']]})"))
        out.append(wrapped('expected', test['expected']))
        out.append(wrapped('got', test['got']))
    for finding in test['findings']:
        out.append(wrapped('found', f"{finding['place'] + ': ' if finding['place'] else ''}{finding['what']} "
                           f"({finding['tool']})"))
    if test['read']:
        out.append(wrapped('read', where_to_read(test['read'], known)))
    return '\n'.join(out)


def table(record, colour=False, most_stories=4):
    """What a person reads."""
    def paint(text, code):
        return f'\033[{code}m{text}\033[0m' if colour else text
    codes = {'passed': '32', 'flawed': '33', 'failed': '31'}
    head = f"Exercise {record['exercise']}: {record['title']}"
    total = f"{number(record['score'])} of {number(record['max_score'])}"
    out = [f'{head:<{WIDTH - len(total)}}{total}']
    tidy = 'passed' if record['tidy'] else 'failed'
    if record['warnings'] or record['failed'] or record['tidy']:
        result = f"{number(record['tidy'])} / {number(record['most_tidy'])}"
        out.append(f"  {'compiles without a warning':<62}{result:>9}  {paint(tidy, codes[tidy])}")
    for test in record['tests']:
        result = f"{number(test['score'])} / {number(test['max_score'])}"
        out.append(f"  {test['title']:<62}{result:>9}  {paint(STATUS[test['status']], codes[test['status']])}")
    if record['failed']:
        out += ['', textwrap.indent(record['failed'].strip()[:3000], '    ')]
    if record['warnings']:
        out += [''] + [wrapped('warning', text) for text in record['warnings'][:6]]
        if len(record['warnings']) > 6:
            out.append(f"    ... and {len(record['warnings']) - 6} more")
    known = headings()
    bad = [test for test in record['tests'] if test['status'] != 'passed' and not record['failed']]
    hinted = record['hint']['test'] if record['hint'] else ''
    bad.sort(key=lambda test: test['name'] != hinted)
    for test in bad[:most_stories]:
        out += ['', paint(test['title'], '1'), story(test, known)]
        if record['hint'] and test['name'] == hinted:
            out.append(wrapped('hint', record['hint']['text']))
    if record['hint'] and hinted not in [test['name'] for test in bad[:most_stories]]:
        out += ['', wrapped('hint', record['hint']['text'])]
    if len(bad) > most_stories:
        out += ['', f'and {len(bad) - most_stories} more; build/grade/{record["exercise"]}.txt has all']
    return '\n'.join(out)


def save_json(path, value):
    """Whole or not at all: an interruption leaves the old file or the new one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'w', encoding='utf-8') as stream:
        json.dump(value, stream, indent=1, ensure_ascii=False)
        stream.write('\n')
    os.replace(path + '.new', path)


def gradescope(records, seconds, note=''):
    """Gradescope's results.json."""
    tests = []
    known = headings()
    for record in records:
        def add(name, score, most, output, passed, visibility='visible', extra=(), record=record):
            tests.append({'score': score, 'max_score': most, 'name': name,
                          'status': 'passed' if passed else 'failed',
                          'number': f"{record['exercise']}.{sum(record['exercise'] in t['tags'] for t in tests) + 1}",
                          'output': output, 'tags': [record['exercise'], *extra], 'visibility': visibility})
        if record['most_tidy']:
            output = record['failed'] or '\n'.join(record['warnings'])
            add('compiles without a warning', record['tidy'], record['most_tidy'], output[:20000], record['tidy'] > 0)
        for test in record['tests']:
            output = '' if test['status'] == 'passed' else story(test, known)
            extra = []
            if record['hint'] and record['hint']['test'] == test['name']:
                output += '\n' + wrapped('hint', record['hint']['text'])
                extra = ['hint:' + record['hint']['name']]
            add(test['title'], test['score'], test['max_score'], output[:20000], test['status'] == 'passed',
                test['visibility'], extra)
    return {'score': sum(record['score'] for record in records), 'execution_time': round(seconds),
            'output': note, 'output_format': 'text', 'visibility': 'visible', 'stdout_visibility': 'hidden',
            'tests': tests}


def plain_xml(text):
    """Only characters that XML may hold."""
    return re.sub('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]', '\ufffd', text)


def junit(records):
    """JUnit XML: a suite an exercise."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>']
    known = headings()
    for record in records:
        cases = [('compiles without a warning', 0.0, '' if record['tidy'] else
                  (record['failed'] or '\n'.join(record['warnings']) or 'no test passes'))]
        cases += [(test['title'], test['seconds'], '' if test['status'] == 'passed' else story(test, known) or 'failed')
                  for test in record['tests']]
        name = f"exercise {record['exercise']}"
        out.append(f'  <testsuite name={quoteattr(name)} tests="{len(cases)}" errors="0" skipped="0" '
                   f'failures="{sum(bool(text) for *_, text in cases)}" time="{record["seconds"]:.2f}">')
        for title, seconds, text in cases:
            line = f'    <testcase classname={quoteattr(name)} name={quoteattr(title)} time="{seconds:.3f}"'
            if text:
                first = plain_xml(text.strip().split('\n')[0])
                out += [line + '>', f'      <failure message={quoteattr(first)}>{escape(plain_xml(text))}</failure>',
                        '    </testcase>']
            else:
                out.append(line + '/>')
        out.append('  </testsuite>')
    return '\n'.join(out + ['</testsuites>', ''])


def summary(records):
    """A line an exercise, and the sum."""
    out = []
    for record in records:
        passed = sum(test['status'] == 'passed' for test in record['tests'])
        out.append(f"{record['exercise']:<5} {record['title']:<40} {number(record['score']):>6} of "
                   f"{number(record['max_score']):<5} {passed} of {len(record['tests'])} tests"
                   + (f"   mistake: {record['hint']['name']}" if record['hint'] else ''))
    total, most = sum(r['score'] for r in records), sum(r['max_score'] for r in records)
    out.append(f"{'sum':<46} {number(total):>6} of {number(most)}")
    return '\n'.join(out)


def write_all(folder, records, seconds, note=''):
    """Everything under build/grade."""
    os.makedirs(folder, exist_ok=True)
    for record in records:
        save_json(os.path.join(folder, f"{record['exercise']}.json"), record)
        with open(os.path.join(folder, f"{record['exercise']}.txt"), 'w', encoding='utf-8') as stream:
            stream.write(table(record, most_stories=1000) + '\n')
    save_json(os.path.join(folder, 'results.json'), gradescope(records, seconds, note))
    with open(os.path.join(folder, 'junit.xml'), 'w', encoding='utf-8') as stream:
        stream.write(junit(records))
    with open(os.path.join(folder, 'summary.txt'), 'w', encoding='utf-8') as stream:
        stream.write(summary(records) + '\n')
