"""What the compiler, the sanitizers and Valgrind found, in the student's own file and line."""
import glob
import os
import re
import xml.etree.ElementTree as ET

MOST = 5
WARNING = re.compile(r'(?P<place>\S+?):(?P<line>\d+):\d+: (?P<kind>warning|error|fatal error): (?P<text>.*)')
HEADLINE = re.compile(r'ERROR: (\w+Sanitizer): (.*)')
UNDEFINED = re.compile(r'(\S+?):(\d+):\d+: runtime error: (.*)')
FRAME = re.compile(r'#\d+ 0x[0-9a-f]+ in (\S+) (\S+?):(\d+)')
ACCESS = re.compile(r'(READ|WRITE) of size (\d+)')


def own(path, files):
    """work/4.1/x.c for a path that ends so; '' for other files."""
    for name in files:
        if path == name or path.endswith('/' + name):
            return name
    return ''


def of_compiler(text, files):
    """[(kind, place, text)] in the order of the messages; what is in a header that is not the student's counts too."""
    found = []
    for line in text.splitlines():
        match = WARNING.match(line)
        if match:
            place = own(match['place'], files) or os.path.basename(match['place'])
            kind = 'error' if 'error' in match['kind'] else 'warning'
            found.append((kind, f"{place}:{match['line']}", match['text']))
    return found


def first_own_frame(text, files):
    for function, path, line in FRAME.findall(text):
        if own(path, files):
            return f'{own(path, files)}:{line}', function
    return '', ''


def of_sanitizers(folder, files, errors=''):
    """[{tool, place, what}] from the logs that the sanitizers left in the folder, and what UBSan, which forgets that it
    has a log when AddressSanitizer is there too, wrote to standard error."""
    found, texts = [], [errors]
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), 'sanitizer.*'))):
        with open(path, encoding='utf-8', errors='replace') as stream:
            texts.append(stream.read(1 << 20))
    for text in texts:
        head = HEADLINE.search(text)
        if head:
            access = ACCESS.search(text)
            place, function = first_own_frame(text[head.start():], files)
            what = head[2].split(' on ')[0].split(' (pc')[0].strip()
            if what.startswith('SEGV'):
                what = 'SEGV (a pointer that points nowhere)'
            if access:
                what += f" ({'reads' if access[1] == 'READ' else 'writes'} {access[2]} bytes)"
            found.append({'tool': head[1], 'place': place, 'what': what + (f', in {function}' if function else '')})
        for where, line, what in UNDEFINED.findall(text):
            found.append({'tool': 'UndefinedBehaviorSanitizer', 'what': what,
                          'place': f'{own(where, files) or os.path.basename(where)}:{line}'})
    return found[:MOST]


def of_valgrind(folder, files, with_leaks):
    """The same from Valgrind's XML logs. A leak counts when the student's own code allocated the block."""
    found, logs = [], 0
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), 'valgrind.*.xml'))):
        logs += 1
        for error in errors_in(path):
            kind = error.findtext('kind', '')
            leak = kind.startswith('Leak_')
            what = error.findtext('what') or error.findtext('xwhat/text') or kind
            place, function = place_of(error, files)
            if leak and (not with_leaks or not place):
                continue
            found.append({'tool': 'Valgrind', 'place': place,
                          'what': re.sub(r' in loss record .*', '', what) + (f', in {function}' if function else '')})
    return found[:MOST], logs


def errors_in(path):
    with open(path, encoding='utf-8', errors='replace') as stream:
        text = stream.read(8 << 20)
    for attempt in (text, text[:text.rfind('</error>') + 8] + '</valgrindoutput>' if '</error>' in text else ''):
        try:
            return ET.fromstring(attempt).findall('error')
        except ET.ParseError:
            continue
    return []


def place_of(error, files):
    """The first frame of any of its stacks that is the student's; otherwise nothing."""
    for stack in error.findall('stack'):
        for frame in stack.findall('frame'):
            path = os.path.join(frame.findtext('dir', ''), frame.findtext('file', ''))
            if own(path, files):
                return f"{own(path, files)}:{frame.findtext('line', '?')}", frame.findtext('fn', '')
    return '', ''
