"""The directive `player`: a run of the library, event by event.

    ```{player} half-close.trace
    :caption: What stands above it.
    :names: 7=the client
    :marks: 16384 65536
    ```

book/figures/half-close.trace was written by the library itself, by its WEFT_TRACE; `make figures` records it again.
Every builder gets a table, one event a row, one column for each who takes part. On the web a script
(_static/player.js) steps through it and shows the state of the queue, the calls and the buffer at each step.
:names: says who is behind a descriptor, :marks: draws the low and the high mark of the buffer.
"""
import json
import os
import re
from dataclasses import dataclass, field
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

LANES = ('kernel', 'loop', 'transport', 'protocol')


class PlayerError(Exception):
    """A line of a trace that nobody can play."""


class player(nodes.General, nodes.Element):
    """The stage, before the table: `steps` as JSON, `low` and `high`."""


@dataclass
class Step:
    when: float
    lane: str
    short: str                                      # for the table
    say: str                                        # a sentence
    queue: list = field(default_factory=list)       # what waits to be called
    running: list = field(default_factory=list)     # outermost first
    unsent: int = 0


class Play:
    """Reads a trace; each line becomes a step that knows what holds after it."""

    def __init__(self, text, names=None, marks=None):
        self.names, self.marks = names or {}, marks
        self.handles = {}           # h1 -> what it is
        self.queue, self.calling, self.calls, self.unsent = [], '', [], {}
        lines = [line for line in text.splitlines() if line and not line.startswith('#')]
        self._name_handles(lines)
        self.steps = []
        for number, line in enumerate(lines, 1):
            try:
                when, what, *rest = line.split(' ', 3)
                lane, short, say = self.WORDS[what](self, *rest)
            except (ValueError, KeyError, TypeError):
                raise PlayerError(f'line {number} is no line of a trace: {line}') from None
            running = ([self.calling] if self.calling else []) + self.calls
            self.steps.append(Step(float(when), lane, short, say, list(self.queue), running,
                                   sum(self.unsent.values())))

    def _name_handles(self, lines):
        for line in lines:
            found = re.search(r' ready (\d+) (read|write) (h\d+)', line)
            if found:
                fd, way, handle = found.groups()
                self.handles[handle] = f'{"reader" if way == "read" else "writer"} of {fd}'
            found = re.search(r' due (h\d+)', line)
            if found:
                self.handles.setdefault(found.group(1), 'timer')

    def handle(self, name):
        return self.handles.get(name, 'a handle')

    def who(self, fd):
        return f'descriptor {fd}' + (f' ({self.names[fd]})' if fd in self.names else '')

    # ------------------------------------------------------------ the words of a trace

    def _wait(self, timeout):
        seconds = float(timeout)
        self.calling, self.calls = '', []
        if seconds < 0:
            return 'loop', 'waits', 'Nothing is queued and no timer is set. The loop waits, however long it takes.'
        if seconds == 0:
            return 'loop', 'looks', 'Something is queued already, so the loop looks at the descriptors without waiting.'
        return 'loop', f'waits {seconds:.3g} s', \
            f'The loop waits, for {seconds:.3g} seconds at most: then the first timer is due.'

    def _woke(self):
        return 'loop', 'woke', 'The wait is over. ' + (
            'Now the timers are looked at, and then the queue is called.' if self.queue else
            'No descriptor was ready; it was the time that ran out.')

    def _ready(self, fd, rest):
        way, name = rest.split()
        self.queue.append(self.handle(name))
        able = 'has something to read' if way == 'read' else 'has room to write'
        return 'kernel', f'{fd}: {way}', \
            f'The kernel says that {self.who(fd)} {able}. Its handle is queued.'

    def _due(self, name):
        self.queue.append(self.handle(name))
        return 'loop', 'timer due', "A timer's time has come. Its handle is queued behind those of the descriptors."

    def _soon(self, name):
        self.queue.append(self.handle(name))
        return 'loop', 'call_soon', 'Something is to be called soon: a handle is queued, for the next pass.'

    def _call(self, name):
        what = self.handle(name)
        if what in self.queue:
            self.queue.remove(what)
        self.calling, self.calls = what, []
        return 'loop', f'calls: {what}', f'The loop calls the first in the queue: {what}.'

    def _receive(self, fd, rest):
        got, asked = rest.split(' of ')
        if int(got) < 0:
            return 'transport', f'recv({fd}): nothing', f'recv on {self.who(fd)} has nothing to give.'
        if int(got) == 0:
            return 'transport', f'recv({fd}) = 0', \
                f'recv on {self.who(fd)} gives 0 bytes. That is the end: the other side sends no more.'
        return 'transport', f'recv({fd}) = {int(got):,}', \
            f'The transport asks {self.who(fd)} for {int(asked):,} bytes and gets {int(got):,}.'

    def _send(self, fd, rest):
        took, given = (int(n) for n in rest.split(' of '))
        took = max(took, 0)
        waited = self.unsent.get(fd, 0)
        self.unsent[fd] = given - took
        short = f'send({fd}) = {took:,} of {given:,}'
        if waited:
            end = 'Nothing is left to be sent.' if took == given else f'{given - took:,} still wait.'
            return 'transport', short, f'Of the {given:,} bytes that waited for {self.who(fd)}, {took:,} go. {end}'
        if took == given:
            return 'transport', short, f'{given:,} bytes are written to {self.who(fd)}, and send takes them all. ' \
                'Nothing has to be kept.'
        return 'transport', short, f'{given:,} bytes are written to {self.who(fd)}. send takes {took:,}; ' \
            f'the other {given - took:,} are kept in the buffer.'

    def _enter(self, fd, name):
        self.calls.append(f'{name} of {fd}')
        more = {'pause_writing': ' The buffer is above the high mark.',
                'resume_writing': ' The buffer is at the low mark or below it.'}.get(name, '')
        return 'protocol', name, f'The protocol behind {self.who(fd)} is told: {name}.{more}'

    def _leave(self, fd, name):
        if self.calls and self.calls[-1] == f'{name} of {fd}':
            self.calls.pop()
        return 'protocol', f'{name} returns', f'{name} returns to the transport.'

    def _close(self, fd):
        return 'transport', f'close({fd})', \
            f'The transport of {self.who(fd)} is closed: it reads no more, and ends when nothing is left to be sent.'

    def _lost(self, fd, *reason):
        self.unsent.pop(fd, None)
        why = f': {reason[0]}' if reason else ''
        return 'transport', f'{fd} is lost', f'The connection of {self.who(fd)} is over{why}. ' \
            'connection_lost is queued, for the next pass.'

    WORDS = {'wait': _wait, 'woke': _woke, 'ready': _ready, 'due': _due, 'soon': _soon, 'call': _call,
             'receive': _receive, 'send': _send, 'enter': _enter, 'leave': _leave, 'close': _close, 'lost': _lost}

    def data(self):
        return json.dumps([[round(s.when, 6), LANES.index(s.lane), s.say, s.queue, s.running, s.unsent]
                           for s in self.steps], ensure_ascii=False)


def pairs(text):
    return dict(part.strip().split('=', 1) for part in text.split(',')) if text else {}


class PlayerDirective(SphinxDirective):
    """```{player} FILE.trace"""

    required_arguments = 1
    option_spec = {'caption': directives.unchanged_required, 'names': pairs, 'marks': directives.unchanged}

    def run(self):
        name = self.arguments[0]
        path = os.path.join(self.env.app.confdir, 'figures', name)
        self.env.note_dependency(path)
        try:
            with open(path, encoding='utf-8') as file:
                text = file.read()
            marks = [int(mark) for mark in self.options.get('marks', '').split()]
            play = Play(text, self.options.get('names'), marks)
        except OSError as why:
            raise self.error(f'player: book/figures/{name}: {why.strerror}') from None
        except (PlayerError, ValueError) as why:
            raise self.error(f'player: book/figures/{name}: {why}') from None
        inline, messages = self.state.inline_text(self.options.get('caption', ''), self.lineno)
        holder = nodes.container('', nodes.paragraph('', '', *inline, classes=['nw-play-title']), *messages,
                                 player(data=play.data(), marks=marks, label=self.options.get('caption', name)),
                                 self.table(play), classes=['nw-play'])
        self.set_source_info(holder)
        return [holder]

    @staticmethod
    def table(play):
        lanes = [lane for lane in LANES if any(step.lane == lane for step in play.steps)]
        group = nodes.tgroup('', cols=1 + len(lanes))
        group += [nodes.colspec(colwidth=width) for width in (12, 14, 24, 30, 26)[:1 + len(lanes)]]
        rows = [('s', *lanes)]
        for step in play.steps:
            cells = [f'{step.when:.6f}'] + ['' for _ in lanes]
            cells[1 + lanes.index(step.lane)] = step.short
            rows.append(cells)
        made = [nodes.row('', *[nodes.entry('', nodes.paragraph('', cell) if cell else nodes.paragraph())
                                for cell in row]) for row in rows]
        group += nodes.thead('', made[0])
        group += nodes.tbody('', *made[1:])
        return nodes.table('', group, classes=['nw-steps'])


def visit_html(self, node):
    if self.builder.name == 'html':
        marks = ' '.join(str(mark) for mark in node['marks'])
        self.body.append(f'<div class="nw-stage" hidden data-label="{escape(node["label"])}" data-marks="{marks}" '
                         f'data-steps="{escape(node["data"])}"></div>\n')
    raise nodes.SkipNode


def skip(_self, _node):
    raise nodes.SkipNode


def setup(app):
    app.add_node(player, html=(visit_html, None), epub=(skip, None), latex=(skip, None), text=(skip, None),
                 man=(skip, None), texinfo=(skip, None))
    app.add_directive('player', PlayerDirective)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
