"""A shell in a terminal of its own, as a reader has it, driven from outside."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from compare import clean

# The shell's prompt is this, around the last command's status: it ends an output.
_PROMPT = '\x1e$?\x1f'
_PROMPT_SEEN = re.compile('\x1e(\\d+)\x1f')
_HALF_PROMPT = re.compile('\x1e\\d*$')

ROWS, COLUMNS = 50, 250
MARK = 'TRANSCRIPT_SESSION'     # in the environment of all that a session starts


stop = threading.Event()        # set: give up, wherever you are waiting


class Stopped(Exception):
    """The user wants no more of this."""


def processes():
    """Yield (pid, state, process group, session) of all processes."""
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as file:
                    fields = file.read().rpartition(')')[2].split()
            except OSError:
                continue
            yield int(name), fields[0], int(fields[2]), int(fields[3])


def _sockets_of(pid):
    inodes = set()
    try:
        for name in os.listdir(f'/proc/{pid}/fd'):
            target = os.readlink(f'/proc/{pid}/fd/{name}')
            if target.startswith('socket:['):
                inodes.add(target[8:-1])
    except OSError:
        pass
    return inodes


def _listening_sockets():
    """The inodes of sockets that wait for peers: TCP and Unix listeners, bound UDP."""
    inodes = set()
    for table, column, state in (('tcp', 3, '0A'), ('tcp6', 3, '0A'), ('udp', 3, '07'), ('udp6', 3, '07')):
        try:
            with open(f'/proc/net/{table}', encoding='ascii') as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        inodes.update(row[9] for row in rows if row[column] == state)
    try:
        with open('/proc/net/unix', encoding='utf-8', errors='replace') as file:
            rows = [line.split() for line in file][1:]
        inodes.update(row[6] for row in rows if int(row[3], 16) & 0x10000)
    except OSError:
        pass
    return inodes


class Terminal:
    """One terminal of a session."""

    def __init__(self, name, directory, environment):
        self.name = name
        self.output = ''            # printed, and not yet accounted for
        self.running = True         # between a command and the next prompt
        self.status = 0             # of the last command that ended
        self.dead = False
        self._raw = b''
        self.master, slave = pty.openpty()
        self._prepare(slave)
        environment = dict(environment, PS1=_PROMPT, PS2='', PS4='+ ')
        # setsid --ctty makes the pty the shell's controlling terminal.
        self.shell = subprocess.Popen(
            ['setsid', '--ctty', 'bash', '--norc', '--noprofile', '--noediting', '-i'],
            stdin=slave, stdout=slave, stderr=slave, cwd=directory, env=environment)
        os.close(slave)
        os.set_blocking(self.master, False)

    @staticmethod
    def _prepare(slave):
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~(termios.ECHO | termios.ECHOCTL | termios.ECHOE | termios.ECHOK)
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))

    def lines(self):
        """The complete lines not yet accounted for, and the beginning of another."""
        complete, _, rest = self.output.rpartition('\n')
        return (complete.split('\n') if complete or self.output.startswith('\n') else []), rest

    def take(self, count):
        """Account for the first `count` lines."""
        for _ in range(count):
            self.output = self.output.partition('\n')[2]

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except BlockingIOError:
                return
            except OSError:         # the last process that held the terminal is gone
                data = b''
            if not data:
                self.dead, self.running = True, False
                return
            self._raw += data
            self._digest()

    def _digest(self):
        text = self._raw.decode('utf-8', 'backslashreplace')
        # Keep what may be half a character, half a line end or half a prompt.
        if re.search(rb'[\xc2-\xf4][\x80-\xbf]{0,2}$', self._raw) or _HALF_PROMPT.search(text) \
                or self._raw.endswith((b'\r', b'\x1b')):
            return
        self._raw = b''
        while True:
            prompt = _PROMPT_SEEN.search(text)
            if not prompt:
                self.output += clean(text)
                return
            self.output += clean(text[:prompt.start()])
            if self.output and not self.output.endswith('\n'):
                self.output += '\n'
            self.status = int(prompt[1])
            self.running = False
            text = text[prompt.end():]

    def wait(self, seconds):
        """Wait for output, at most so long."""
        if stop.is_set():
            raise Stopped
        readable, _, _ = select.select([self.master], [], [], max(0, seconds))
        if readable:
            self._read()

    def start(self, command):
        """Type a command at the prompt."""
        self.running = True
        self._send(command.encode() + b'\n')

    def type(self, text):
        self._send(text.encode() + b'\n')

    def end_of_file(self):
        self._send(b'\x04')

    def interrupt(self):
        self._send(b'\x03')

    def _send(self, data):
        while data and not self.dead:
            try:
                data = data[os.write(self.master, data):]
            except BlockingIOError:
                self.wait(0.1)
                select.select([], [self.master], [], 0.1)
            except OSError:
                self.dead = True

    # Looking at what runs ------------------------------------------------

    def foreground(self):
        """(pid, state) of the processes that the keyboard speaks to, the shell aside."""
        try:
            group = os.tcgetpgrp(self.master)
        except OSError:
            return []
        return [(pid, state) for pid, state, pgrp, _ in processes()
                if pgrp == group and pid != self.shell.pid and state != 'Z']

    def background(self):
        """Whether the shell has started something that still runs."""
        return any(session == self.shell.pid and pid != self.shell.pid and state != 'Z'
                   for pid, state, _, session in processes())

    def serves(self):
        """Whether the command in the foreground waits for peers."""
        listening = _listening_sockets()
        return any(_sockets_of(pid) & listening for pid, _ in self.foreground())

    def is_busy(self):
        return any(state in 'RD' for _, state in self.foreground())

    def wait_until_it_waits(self, deadline):
        """Wait until the command in the foreground has come to rest."""
        at_rest = 0
        while self.running and at_rest < 2 and time.monotonic() < deadline:
            there = self.foreground()
            at_rest = at_rest + 1 if there and not self.is_busy() else 0
            self.wait(0.02)

    def close(self):
        os.close(self.master)


def kill_session(mark, terminals):
    """End all that a session has started, whatever it has done to hide."""
    shells = {terminal.shell.pid for terminal in terminals}
    needle = f'{MARK}={mark}'.encode()
    for _ in range(200):
        alive = False
        for pid, state, _, session in processes():
            if state == 'Z' or pid == os.getpid():
                continue
            ours = session in shells
            if not ours:
                try:
                    with open(f'/proc/{pid}/environ', 'rb') as file:
                        ours = needle in file.read().split(b'\0')
                except OSError:
                    pass
            if ours:
                alive = True
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if not alive:
            break
        time.sleep(0.01)
    for terminal in terminals:
        terminal.shell.wait()
        terminal.close()
