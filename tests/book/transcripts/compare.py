"""What is expected against what was printed: normalising, matching, showing."""

import re
import textwrap

ANY_LINES = '...'
FIRST_EPHEMERAL_PORT = 32768

_CONTROL_SEQUENCES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07')
_TUPLE = re.compile(r"(\('[^']*', )(\d+)(?=[,)])")
_UNITS = r'(?:ns|us|µs|ms|s|min|nanoseconds?|microseconds?|milliseconds?|seconds?|minutes?)'
_RULES = [
    (re.compile(r'\b0x[0-9a-fA-F]+\b'), '0xADDRESS'),
    (re.compile(r' *(?<![\w.])\d+(?:\.\d+)? ?' + _UNITS + r'\b(?!/)'), ' DURATION'),
    (re.compile(r' *(?<![\w.])\d+(?:\.\d+)? ?(?:[kKMG]i?B|bytes|messages)/s\b'), ' RATE'),
    (re.compile(r'\b\d\d:\d\d:\d\d\b'), 'CLOCK'),
    (re.compile(r'==\d+=='), '==PID=='),
    (re.compile(r'\b(pid|PID|process|Process|LWP)(:? )\d+\b'), r'\1\2PID'),
    (re.compile(r'^(\[\d+\]) \d+$'), r'\1 PID'),
    # Places in a chapter move with its prose: where a compiler points, what gdb lists.
    (re.compile(r'(\.nw:)\d+(?::\d+)?'), r'\1LINE'),
    (re.compile(r'^\d+ {4,}(?=\S)'), 'LINE    '),
]


def clean(text):
    """Terminal output as lines see it: no carriage returns, no colours."""
    return _CONTROL_SEQUENCES.sub('', text).replace('\r\n', '\n').replace('\r', '')


def _hide_ephemeral_port(match):
    port = int(match[2])
    return match[1] + ('PORT' if port >= FIRST_EPHEMERAL_PORT else match[2])


def normalise(line):
    """The line without what differs from run to run."""
    line = _TUPLE.sub(_hide_ephemeral_port, line.rstrip().expandtabs())
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    return line


def _strip_trailing_blanks(lines):
    lines = list(lines)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def prefix_match(expected, actual):
    """Match `expected` with the beginning of `actual`.

    Returns (ends, hopeful): the set of numbers of actual lines that can be
    taken up, and whether more lines could still bring about a match.
    """
    ends, hopeful = {0}, False
    actual = [normalise(line) for line in actual]
    for line in expected:
        if not ends:
            break
        hopeful = hopeful or len(actual) in ends
        if line.strip() == ANY_LINES:
            ends = set(range(min(ends), len(actual) + 1))
            hopeful = True
        else:
            wanted = normalise(line)
            ends = {n + 1 for n in ends if n < len(actual) and actual[n] == wanted}
    return ends, hopeful


def whole_match(expected, actual):
    """Whether `actual` is all that `expected` says, blank lines at the end aside."""
    actual = _strip_trailing_blanks(actual)
    ends, _ = prefix_match(_strip_trailing_blanks(expected), actual)
    return len(actual) in ends


def _first_difference(expected, actual):
    for n in range(max(len(expected), len(actual))):
        pair = [lines[n] if n < len(lines) else None for lines in (expected, actual)]
        if pair[0] is not None and pair[0].strip() == ANY_LINES:
            return None
        if None in pair or normalise(pair[0]) != normalise(pair[1]):
            return n
    return None


def side_by_side(expected, actual, width=48):
    """Two columns, the page's on the left, `>` at the first line that differs."""
    if expected is None:
        return '\n'.join(['    printed:'] + [f'      {line}' for line in actual] if actual else [])
    different = _first_difference(expected, actual)
    rows = [f"    {'the page says':<{width}} | what was printed", f"    {'-' * width}-+-{'-' * width}"]
    for n in range(max(len(expected), len(actual))):
        cells = []
        for lines in (expected, actual):
            text = lines[n] if n < len(lines) else ''
            cells.append(textwrap.wrap(text, width, drop_whitespace=False) or [''])
        for k in range(max(map(len, cells))):
            left, right = (cell[k] if k < len(cell) else '' for cell in cells)
            mark = '>' if n == different and k == 0 else ' '
            rows.append(f'  {mark} {left:<{width}} | {right}'.rstrip())
    if not expected and not actual:
        rows.append(f"    {'(nothing)':<{width}} | (nothing)")
    return '\n'.join(rows)
