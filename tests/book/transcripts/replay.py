"""Replaying the transcripts of one session."""

import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid

from compare import ANY_LINES, prefix_match, side_by_side, whole_match
from terminal import MARK, Terminal, kill_session
from transcript_blocks import COMMAND, END_OF_FILE, INTERRUPT, TYPED, Step

DEFAULT_TIMEOUT = 20.0
# A command whose lines have all come may be about to end: so long it is watched.
LINGER = 2.0

_building = threading.Lock()            # two sessions that call make take turns
_ports_lock = threading.Lock()
_ports_given = set()


class Failure(Exception):
    """A transcript that does not come true."""

    def __init__(self, block, step, reason, expected=(), actual=()):
        super().__init__(reason)
        self.block = block
        self.step = step
        self.reason = reason
        self.expected = None if expected is None else list(expected)
        self.actual = list(actual)

    def __str__(self):
        command = self.step.shown[0] if self.step.shown else '(an earlier command)'
        rows = [f'{self.block.path}:{self.step.line}: {self.reason}', f'    after: {command}',
                side_by_side(self.expected, self.actual)]
        return '\n'.join(row for row in rows if row)


def _is_free(port):
    for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(family, kind) as probe:
                    probe.bind((address, port))
            except OSError as error:
                if family == socket.AF_INET or error.errno == 98:
                    return False
    return True


def choose_free_port(like):
    """A free port with as many digits as `like`, below those the kernel hands out."""
    low, high = (10000, 32000) if like > 9999 else (1100, 9999)
    with _ports_lock:
        for _ in range(10000):
            port = random.randint(low, high)
            if port not in _ports_given and _is_free(port):
                _ports_given.add(port)
                return port
    raise OSError('no free port to be had')


class Ports:
    """The page's port numbers and the free ones that stand for them."""

    def __init__(self, wanted):
        self.there = {str(port): str(choose_free_port(port)) for port in wanted}
        self.back = {real: shown for shown, real in self.there.items()}

    @staticmethod
    def _replace(text, table):
        return re.sub(r'(?<![\w.])\d+(?!\w)', lambda match: table.get(match[0], match[0]), text)

    def real(self, text):
        return self._replace(text, self.there) if self.there else text

    def shown(self, text):
        return self._replace(text, self.back) if self.back else text


def names_of_a_clone(root):
    """What lies at the top of the clone, without what a reader's own commands have left there."""
    listed = subprocess.run(['git', '-C', root, 'ls-files', '-z'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            encoding='utf-8', check=False).stdout
    tracked = {path.split('/')[0] for path in listed.split('\0') if path} | {'build'}
    return [name for name in os.listdir(root) if name != '.git' and (not listed or name in tracked)]


def make_directory(root):
    """A fresh directory that looks like the top of the clone at `root`."""
    directory = tempfile.mkdtemp(prefix='transcript-')
    for name in names_of_a_clone(root):
        os.symlink(os.path.join(root, name), os.path.join(directory, name))
    return directory


def make_environment(home, mark):
    kept = {name: os.environ[name] for name in ('PATH', 'TMPDIR') if name in os.environ}
    return dict(kept, HOME=home, LANG='C.UTF-8', TERM='dumb', SHELL='/bin/bash', USER='reader',
                LOGNAME='reader', HISTFILE='', PAGER='cat', DEBUGINFOD_URLS='', **{MARK: mark})


class Session:
    """Blocks that share a directory, in page order."""

    def __init__(self, name, blocks):
        self.name = name
        self.blocks = blocks
        self.path = blocks[0].path
        self.seconds = 0.0
        self.failure = None
        self.played = 0             # blocks that came true
        self.printed = {}           # id(step) -> the lines that came, for --show
        self._terminals = {}
        self._carry_any = set()     # terminals whose last expectation was '...'

    def calls_make(self):
        return any(step.kind == COMMAND and re.match(r'(\w+=\S+ +)*make\b', step.text)
                   for block in self.blocks for step in block.steps)

    def play(self, root, slow=1.0):
        """Replay all blocks; what went wrong stands in `failure` afterwards."""
        started = time.monotonic()
        lock = _building if self.calls_make() else threading.Lock()
        with lock:
            mark = uuid.uuid4().hex
            directory = make_directory(root)
            home = tempfile.mkdtemp(prefix='transcript-home-')
            try:
                self._ports = Ports({port for block in self.blocks for port in block.ports})
                self._slow, self._root = slow, root
                self._open = lambda name: Terminal(name, directory, make_environment(home, mark))
                for block in self.blocks:
                    self._play_block(block)
                    self.played += 1
                self._look_back()
            except Failure as failure:
                self.failure = failure
                self.played = min(self.played, len(self.blocks) - 1)
            finally:
                kill_session(mark, self._terminals.values())
                shutil.rmtree(directory, ignore_errors=True)
                shutil.rmtree(home, ignore_errors=True)
        self.seconds = time.monotonic() - started

    def _play_block(self, block):
        seconds = (block.timeout or DEFAULT_TIMEOUT) * self._slow
        deadline = time.monotonic() + seconds
        terminal = self._terminals.get(block.terminal)
        if terminal is None:
            terminal = self._terminals[block.terminal] = self._open(block.terminal)
            while terminal.running:
                terminal.wait(0.1)
                if time.monotonic() > deadline:
                    raise Failure(block, block.steps[0], 'the shell does not start')
            terminal.output = ''
        for number, step in enumerate(block.steps):
            self._do(terminal, block, step, deadline)
            following = block.steps[number + 1:number + 2]
            self._expect(_Expectation(self, terminal, block, step, deadline, seconds), following)

    def _do(self, terminal, block, step, deadline):
        if step.kind == COMMAND:
            while terminal.running and time.monotonic() < deadline:
                terminal.wait(0.1)
            if terminal.running:
                raise Failure(block, step, 'the command before this one still runs in its terminal')
            self._account_for_the_rest(terminal, block, step)
            self._check_built(block, step)
            terminal.start(self._ports.real(step.text))
        elif step.kind in (TYPED, END_OF_FILE, INTERRUPT):
            terminal.wait_until_it_waits(min(deadline, time.monotonic() + 5 * self._slow))
            if not terminal.running:
                raise Failure(block, step, 'nothing runs that this could be typed to',
                              None, self._shown(terminal.lines()[0]))
            if step.kind == TYPED:
                terminal.type(self._ports.real(step.text))
            elif step.kind == END_OF_FILE:
                terminal.end_of_file()
            else:
                terminal.interrupt()

    def _check_built(self, block, step):
        """A program that was never built deserves a better word than the shell's."""
        for path, tree in re.findall(r'(build/(?:(ch\d\d)/)?bin/[\w./-]+)', step.text):
            if not os.path.exists(os.path.join(self._root, path)):
                raise Failure(block, step, f'{path} is not built: run make {tree or "all"} first', None)

    def _account_for_the_rest(self, terminal, block, step):
        """What a command printed after its last expected line is not on the page."""
        lines, _ = terminal.lines()
        if any(line.strip() for line in lines) and terminal.name not in self._carry_any:
            raise Failure(block, step, 'before this, there came more than the page says',
                          None, self._shown(lines))
        self._carry_any.discard(terminal.name)
        terminal.output = ''

    def _shown(self, lines):
        return [self._ports.shown(line) for line in lines]

    def _next_step(self, block, step):
        """The next step of the same terminal, in this block or a later one."""
        steps = [(later, s) for later in self.blocks[self.blocks.index(block):]
                 if later.terminal == block.terminal for s in later.steps]
        for n, (_, candidate) in enumerate(steps):
            if candidate is step:
                return steps[n + 1][1] if n + 1 < len(steps) else None
        return None

    def _expect(self, expectation, following):
        terminal, step = expectation.terminal, expectation.step
        if terminal.name in self._carry_any:
            if step.kind != COMMAND:
                expectation.lines.insert(0, ANY_LINES)
            self._carry_any.discard(terminal.name)
        if following and following[0].kind == COMMAND:
            expectation.until_it_ends()
            return
        expectation.until_matched()
        later = self._next_step(expectation.block, step)
        if terminal.running and (later is None or later.kind == COMMAND):
            expectation.until_settled()
        if not terminal.running:
            expectation.ended(None if following else expectation.block.status)
            return
        lines, rest = terminal.lines()
        ends, _ = prefix_match(expectation.lines, self._shown(lines + [rest] if rest else lines))
        taken = min(ends)
        self.printed[id(step)] = self._shown(lines[:taken])
        terminal.take(taken)
        if expectation.is_open_ended():
            self.carry_any(terminal)

    def carry_any(self, terminal):
        """The last expected line was '...': any lines may come before the next expected ones."""
        self._carry_any.add(terminal.name)

    def _look_back(self):
        """At the end: commands that have ended meanwhile must have ended well."""
        for terminal in self._terminals.values():
            block = [b for b in self.blocks if b.terminal == terminal.name][-1]
            step = block.steps[-1]
            was_running = terminal.running
            terminal.wait(0)
            if was_running and not terminal.running:
                self._account_for_the_rest(terminal, block, step)
                check_status(terminal, block, step, block.status)


def check_status(terminal, block, step, wanted, printed=()):
    """A command's exit status must be the one that the page promises."""
    if terminal.status != wanted:
        promise = f"the page says ':status: {wanted}'" if wanted else \
            "without ':status:' in the block this must be 0"
        raise Failure(block, step, f'exit status {terminal.status}: {promise}',
                      None, printed)


class _Expectation:
    """Waiting for the lines that one step is to bring."""

    def __init__(self, session, terminal, block, step: Step, deadline, seconds):
        self.session = session
        self.terminal = terminal
        self.block = block
        self.step = step
        self.deadline = deadline
        self.seconds = seconds
        self.lines = list(step.expected)

    def _actual(self):
        lines, rest = self.terminal.lines()
        return self.session._shown(lines), self.session._shown([rest] if rest else [])

    def _fail(self, reason):
        see_until = time.monotonic() + 0.3      # what else comes is worth seeing
        while self.terminal.running and time.monotonic() < see_until:
            self.terminal.wait(0.1)
        complete, rest = self._actual()
        self.session.printed[id(self.step)] = complete + rest
        if not self.terminal.running and self.terminal.status:
            reason += f' (exit status {self.terminal.status})'
        raise Failure(self.block, self.step, reason, self.step.expected, complete + rest)

    def is_open_ended(self):
        return bool(self.lines) and self.lines[-1].strip() == ANY_LINES

    def _out_of_time(self):
        return time.monotonic() > self.deadline

    def until_matched(self):
        """Wait until the expected lines have come; fail as soon as they cannot."""
        terminal = self.terminal
        while True:
            complete, rest = self._actual()
            ends, hopeful = prefix_match(self.lines, complete)
            if ends or (rest and prefix_match(self.lines, complete + rest)[0]):
                return
            if terminal.running and not hopeful:
                self._fail('not what the page says')
            if not terminal.running and not (hopeful and terminal.background()):
                return                  # it has ended: ended() compares, and tells
            if self._out_of_time():
                self._fail(f'waited {self.seconds:g} s in vain for the rest of the lines')
            terminal.wait(0.05 if not terminal.running else min(1.0, self.deadline - time.monotonic() + 0.01))

    def until_it_ends(self):
        """Wait for the command's end: another one follows."""
        while self.terminal.running:
            if self._out_of_time():
                self._fail(f'still running after {self.seconds:g} s, though the page goes on')
            self.terminal.wait(min(1.0, self.deadline - time.monotonic() + 0.01))
        self.until_matched()
        self.ended(0)

    def until_settled(self):
        """The lines are there. Does it end now, or stay and serve?"""
        open_ended = self.is_open_ended()
        linger = time.monotonic() + LINGER * self.session._slow
        while self.terminal.running and not self.terminal.serves():
            if self._out_of_time():
                if open_ended:
                    self._fail(f"still running after {self.seconds:g} s: what '...' stands for has no end")
                return
            if time.monotonic() > linger and not open_ended and not self.terminal.is_busy():
                return
            self.terminal.wait(0.05)

    def ended(self, status):
        """The command is over: compare all of it, and its status if one is given."""
        complete, rest = self._actual()
        if self.terminal.background():
            ends, _ = prefix_match(self.lines, complete)
            if ends:
                self.session.printed[id(self.step)] = complete[:min(ends)]
                self.terminal.take(min(ends))
                if self.is_open_ended():
                    self.session.carry_any(self.terminal)
                return
        if not whole_match(self.lines, complete + rest):
            self._fail('not what the page says')
        self.session.printed[id(self.step)] = complete + rest
        if status is not None:
            check_status(self.terminal, self.block, self.step, status, complete + rest)
        self.terminal.output = ''
