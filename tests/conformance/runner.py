"""Runs conformance scenarios on asyncio and prints one event a line; runner.c does the same on our library.

Both take their scenarios through language.py, so that a file is read in one way only.  Usage: runner.py REPEAT FILE...
Every run of a scenario is a process of its own.  What comes out, for each run:

    == ID RUN
    events, one a line
    -- STATUS        0, or how the process ended
"""

import asyncio
import ctypes
import errno
import fcntl
import gc
import logging
import os
import re
import resource
import select
import selectors
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import warnings
import zlib

from language import read_scenario

CLOCK_START = 1024.0
CLOCK_SURPLUS = 1e-6         # a clock that jumps to a timer lands a little behind it, never before
WATCHDOG_SECONDS = int(os.environ.get('CONFORMANCE_WATCHDOG', 20))
SMALL_BUFFER, BIG_BUFFER = 8192, 4 << 20
TCP_ESTABLISHED, TCP_SYN_SENT, TCP_CLOSE_WAIT = 1, 2, 8
MANY_PASSES = 2000
LONGEST_SHOWN = 64
CERTIFICATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'build', 'certificates')
NUMBERLESS = ((ssl.SSLError, None), (ConnectionResetError, 'ECONNRESET'), (ConnectionAbortedError, 'ECONNABORTED'),
              (BrokenPipeError, 'EPIPE'), (ProcessLookupError, 'ESRCH'), (TimeoutError, 'ETIMEDOUT'))


class Application(Exception):
    """What a protocol of a scenario raises; an error of the domain error_application in C."""


def shown(data):
    data = bytes(data)
    if len(data) > LONGEST_SHOWN:
        return '#%d' % len(data)
    return '"' + ''.join(chr(byte) if 32 <= byte < 127 and byte not in (34, 92) else '\\x%02x' % byte
                         for byte in data) + '"'


def gai_name(code):
    return next((name for name in dir(socket) if name.startswith('EAI_') and getattr(socket, name) == code), str(code))


def exception_name(exception):
    if exception is None:
        return 'None'
    if isinstance(exception, Application):
        return 'application "%s"' % exception
    if isinstance(exception, socket.gaierror):
        return gai_name(exception.errno)
    if isinstance(exception, ssl.SSLCertVerificationError):
        return 'TLS verify %d' % exception.verify_code
    if isinstance(exception, ssl.SSLError):
        return 'TLS %s' % exception.reason
    if isinstance(exception, OSError) and exception.errno is None:
        return next((name for kind, name in NUMBERLESS if isinstance(exception, kind)), 'OSError')
    if isinstance(exception, ValueError) and str(exception).startswith('Pipe transport'):
        return 'EINVAL'
    if isinstance(exception, OSError):
        return errno.errorcode.get(exception.errno, 'OSError')
    if isinstance(exception, asyncio.CancelledError):
        return 'cancelled'
    if 'returned an empty buffer' in str(exception):
        return 'application "%s"' % exception
    return type(exception).__name__


def error_text(exception):
    """What the exception says; where asyncio raises one without a word (ConnectionResetError), what errno says."""
    code = getattr(errno, exception_name(exception), None)
    return str(exception) or (code and str(OSError(code, os.strerror(code)))) or ''


def make_error(word):
    if isinstance(word, bytes):
        return Application(word.decode())
    number = getattr(errno, word)
    return OSError(number, os.strerror(number))


REFUSALS = (
    ('Event loop is closed', 'loop is closed'),
    ('This event loop is already running', 'loop is running'),
    ('Cannot run the event loop while another', 'loop is running'),
    ('Cannot close a running event loop', 'loop is running'),
    ('Event loop stopped before', 'stopped before it completed'),
    ('invalid state', 'done already'),
    ('Result is not set', 'not done yet'),
    ('Exception is not set', 'not done yet'),
    ('is used by transport', 'descriptor of a transport'),
    ('Invalid file descriptor', 'bad descriptor'),
    ('cannot be caught', 'bad signal'),
    ('invalid signal number', 'bad signal'),
    ('signal number', 'bad signal'),
    ('Cannot call write', 'after write_eof'),
    ('unable to perform operation', 'loop is closed'),
    ('already being awaited', 'served already'),
    ('is closed', 'server is closed'),
)


def refusal(verb, exception):
    text = str(exception)
    for part, words in REFUSALS:
        if part in text:
            return words
    if isinstance(exception, OSError) and verb in ('add_reader', 'add_writer'):
        return {errno.EBADF: 'bad descriptor', errno.EPERM: 'regular file'}[exception.errno]
    if verb == 'start_serving' and isinstance(exception, TypeError):
        return 'server is closed'
    if isinstance(exception, OSError):
        return exception_name(exception)
    if isinstance(exception, NotImplementedError):
        return 'unsupported'
    if isinstance(exception, (ValueError, TypeError)):
        return 'bad argument'
    return '%s %s' % (type(exception).__name__, text)


class Gauge(selectors.SelectSelector):
    """The loop's selector: counts what is asked of it, reports descriptors in rising order, and moves the fake clock on
    where the loop would wait for a timer."""

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.idle = threading.Event()

    def select(self, timeout=None):
        events = self.sorted(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if self.run.carry():
            return self.sorted(0)
        if timeout is None or self.run.real_clock:
            if timeout is None:
                self.idle.set()
            return self.sorted(timeout)
        self.run.now += timeout + CLOCK_SURPLUS
        return []

    def sorted(self, timeout):
        return sorted(super().select(timeout), key=lambda event: event[0].fd)


class Party:
    """One protocol object of a scenario, with the transport that it got."""

    def __init__(self, run, name, template):
        self.run, self.name, self.transport = run, name, None
        self.options, self.actions = template['options'], template['callbacks']
        self.calls, self.kept, self.offered, self.data = {}, False, None, b''
        self.over, self.exited, self.awaited = False, False, ''
        self.received, self.checksum, self.count, self.largest = 0, 1, 0, 0
        self.protocol = (Buffered if 'buffered' in self.options else Lines if 'lines' in self.options else
                         Datagrams if 'datagrams' in self.options else Plain)(self)
        if 'flow' in self.options:
            self.protocol.pause_writing = lambda: self.event('PW', 'pause_writing')
            self.protocol.resume_writing = lambda: self.event('RW', 'resume_writing')

    def event(self, text, callback, data=None):
        if text:
            self.run.emit('%s %s' % (self.name, text))
        self.calls[callback] = self.calls.get(callback, 0) + 1
        self.data = data
        self.run.perform(self.actions.get(callback, ()), self, self.calls[callback], data)

    def account(self, data):
        self.received += len(data)
        self.checksum = zlib.adler32(data, self.checksum)
        self.count += 1
        self.largest = max(self.largest, len(data))


class Common:
    def __init__(self, party):
        self.party = party

    def connection_made(self, transport):
        self.party.transport = transport
        self.party.run.transports.append(transport)
        self.party.event('CM', 'connection_made')

    def eof_received(self):
        self.party.kept = False
        self.party.event('EOF', 'eof_received')
        return self.party.kept

    def connection_lost(self, exception):
        self.party.over = True
        if self.party.awaited == 'over':
            self.party.run.loop.stop()
        self.party.event('CL(%s)' % exception_name(exception), 'connection_lost')


class Plain(Common, asyncio.Protocol):
    def data_received(self, data):
        self.party.account(data)
        quiet = 'quiet' in self.party.options
        self.party.event('' if quiet else 'DR %s' % shown(data), 'data_received', data)

    def pipe_data_received(self, fd, data):
        self.party.account(data)
        quiet = 'quiet' in self.party.options
        self.party.event('' if quiet else 'PD(%d) %s' % (fd, shown(data)), 'pipe_data_received', data)

    def pipe_connection_lost(self, fd, exception):
        self.party.event('PL(%d,%s)' % (fd, exception_name(exception)), 'pipe_connection_lost')

    def process_exited(self):
        self.party.exited = True
        if self.party.awaited == 'exited':
            self.party.run.loop.stop()
        self.party.event('PX(%d)' % self.party.transport.get_returncode(), 'process_exited')


class Datagrams(Common, asyncio.DatagramProtocol):
    def datagram_received(self, data, addr):
        self.party.account(data)
        self.party.event('DG %s' % shown(data), 'datagram_received', data)

    def error_received(self, exc):
        self.party.event('ER(%s)' % exception_name(exc), 'error_received')


class Buffered(Common, asyncio.BufferedProtocol):
    def get_buffer(self, hint):
        self.party.offered = 65536
        self.party.event('GB(%d)' % hint, 'get_buffer')
        self.buffer = bytearray(self.party.offered)
        return self.buffer

    def buffer_updated(self, size):
        self.party.account(self.buffer[:size])
        self.party.event('BU(%d)' % size, 'buffer_updated', bytes(self.buffer[:size]))


class Lines(asyncio.Protocol):
    """The article's LineBasedProtocol, but that it leaves the replies to the scenario."""

    def __init__(self, party):
        self.party, self.buffer = party, b''

    connection_made, connection_lost = Common.connection_made, Common.connection_lost

    def data_received(self, data):
        self.buffer += data
        while b'\n' in self.buffer:
            line, self.buffer = self.buffer.split(b'\n', 1)
            line = line.decode().strip().encode()
            self.party.event('LINE %s' % shown(line), 'line_received', line)


class Peer:
    """A raw socket, an end of a pipe or a file: what the steps move."""

    def __init__(self, name, thing):
        self.name, self.thing, self.open, self.sent = name, thing, True, 0
        self.is_socket = isinstance(thing, socket.socket)

    def fileno(self):
        return self.thing.fileno() if self.is_socket else self.thing


class Operation:
    """A coroutine of the loop under way: begun at once, as ours is, then carried on by a task."""

    def __init__(self, run, name, verb, coroutine):
        self.run, self.name, self.coroutine = run, name, coroutine
        self.done, self.result, self.error, self.awaited = False, None, None, False
        self.ended, self.waiting, self.must_cancel, self.first = False, False, False, None
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(run.loop)
        try:
            self.first = coroutine.send(None)
        except StopIteration as stop:
            self.ended, self.result = True, stop.value
        except (ValueError, TypeError, RuntimeError) as exception:
            if str(exception).startswith('Pipe transport'):
                self.ended, self.error = True, exception
                self.task = run.loop.create_task(self.go())
                return
            self.done = True
            run.emit('%s refused: %s' % (name, refusal(verb, exception)))
            return
        except Exception as exception:
            self.ended, self.error = True, exception
        finally:
            asyncio._set_running_loop(running)
        self.task = run.loop.create_task(self.go())

    def __await__(self):
        """What `await coroutine` does, from the coroutine's second step on."""
        waited, step, value = self.first, self.coroutine.send, None
        while True:
            try:
                if self.must_cancel:
                    self.must_cancel = False
                    raise asyncio.CancelledError
                if waited is not None:
                    waited._asyncio_future_blocking = True
                    self.waiting = True
                    value = yield waited
                elif self.waiting:
                    yield
                self.waiting = True
                step, value = self.coroutine.send, None
            except BaseException as exception:
                step, value = self.coroutine.throw, exception
            try:
                waited = step(value)
            except StopIteration as stop:
                return stop.value

    async def finish(self):
        if self.must_cancel and self.ended:
            raise asyncio.CancelledError
        if self.error:
            raise self.error
        return self.result if self.ended else await self

    async def go(self):
        try:
            result = await self.finish()
        except asyncio.CancelledError:
            text = 'cancelled'
        except Application as exception:
            text = ('raised factory failure' if str(exception) == FACTORY_FAILURE else
                    'raised %s "%s"' % (exception_name(exception), exception))
        except RuntimeError as exception:
            text = 'refused: ' + refusal('', exception)
        except Exception as exception:
            text = 'raised %s "%s"' % (exception_name(exception), self.run.symbols(error_text(exception)))
        else:
            self.result, text = result, 'returned'
        self.done = True
        self.run.emit('%s %s' % (self.name, text))
        if self.awaited:
            self.run.loop.stop()

    def cancel(self):
        if self.done:
            return
        if self.waiting:
            self.task.cancel()
        elif self.first is None or not self.first.cancel():
            self.must_cancel = True


FACTORY_FAILURE = 'a factory failed'


class Log(logging.Handler):
    def __init__(self, run):
        super().__init__(logging.WARNING)
        self.run = run

    def emit(self, record):
        self.run.emit('LOG %s "%s"' % (record.levelname, record.getMessage().splitlines()[0]))


class Run:
    def __init__(self, scenario, out):
        self.scenario, self.out = scenario, out
        self.now = CLOCK_START
        self.real_clock = scenario.headers.get('clock') == 'real'
        self.directory = tempfile.mkdtemp(prefix='weft-')
        self.parties, self.peers, self.operations, self.futures = {}, {}, {}, {}
        self.handles, self.runs, self.made, self.done_callbacks = {}, {}, {}, {}
        self.threads, self.transports, self.ports, self.resolver = {}, [], {}, {}
        self.contexts = {}
        self.filled, self.marked, self.dialled, self.performing = False, 0, {}, None
        self.gauge = Gauge(self)
        self.loop = asyncio.SelectorEventLoop(self.gauge)
        if not self.real_clock:
            self.loop.time = lambda: self.now
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self.exception_handler)
        log = logging.getLogger('asyncio')
        log.handlers, log.propagate = [Log(self)], False

    # ---- events

    def emit(self, text):
        os.write(self.out, (self.symbols(text) + '\n').encode())

    def symbols(self, text):
        text = text.replace(self.directory + '/', '@')
        text = re.sub(r' \(_ssl\.c:\d+\)', '', text)
        text = re.sub(r'<AddressFamily\.(\w+): \d+>', r'\1', text)     # as later Pythons print it
        for port, name in self.ports.items():
            text = text.replace(", %d)" % port, ', %s)' % name).replace(', %d,' % port, ', %s,' % name)
        return text

    def know_port(self, thing, name):
        try:
            address = thing.getsockname()
        except OSError:
            return
        if isinstance(address, tuple) and address[1]:
            self.ports.setdefault(address[1], name)

    def exception_handler(self, loop, context):
        message, exception = context.get('message', ''), context.get('exception')
        if isinstance(exception, AttributeError) and 'NoneType' in str(exception):
            return      # a slip of asyncio's (gh-156512): close() or abort() while the buffer empties
        if message == 'SSL handshake failed' or message.startswith('Task was destroyed'):
            return
        if message.startswith('Exception in callback'):
            message = 'Exception in callback'
        self.emit('EXH "%s" %s' % (message, exception_name(exception)))

    # ---- actions

    def perform(self, actions, party=None, call=1, data=None):
        before, self.performing = self.performing, party
        try:
            for action in actions:
                if call < action.first or (action.last and call > action.last):
                    continue
                if action.only is not None and action.only != data:
                    continue
                self.act(action, party)
        finally:
            self.performing = before

    def act(self, action, party):
        words, named = [], {}
        for word in action.words:
            if isinstance(word, str) and '=' in word[1:] and word.split('=')[0].isidentifier():
                key, value = word.split('=', 1)
                named[key] = value
            else:
                words.append(word)
        if words and words[0] == 'self':
            words[0] = party
        verb = getattr(self, 'do_' + action.verb)
        if action.verb in ('raise', 'keep', 'fail', 'offer', 'forward'):
            verb(party, *words, **named)
        else:
            verb(*words, **named)

    def attempt(self, verb, function, *arguments):
        try:
            return function(*arguments)
        except (RuntimeError, ValueError, TypeError, OSError, asyncio.InvalidStateError) as exception:
            self.emit('%s refused: %s' % (verb, refusal(verb, exception)))
            return None

    def party(self, name):
        if isinstance(name, Party):
            return name
        if name not in self.parties:
            template = self.scenario.protocols.get(name) or self.scenario.protocols[name.rstrip('0123456789') + '*']
            self.parties[name] = Party(self, name, template)
        return self.parties[name]

    def new_party(self, template):
        if not template.endswith('*'):
            return self.party(template)
        self.made[template] = self.made.get(template, 0) + 1
        return self.party('%s%d' % (template[:-1], self.made[template]))

    def factory(self, name):
        def simple():
            return self.new_party(name).protocol

        def full():
            self.runs[name] = self.runs.get(name, 0) + 1
            self.emit('%s #%d' % (name, self.runs[name]))
            self.perform(factory['actions'], None, self.runs[name])
            return self.new_party(factory['makes']).protocol
        factory = self.scenario.factories.get(name)
        return full if factory else simple

    def callback(self, name):
        def function(*_):
            self.runs[name] = self.runs.get(name, 0) + 1
            if name not in self.scenario.quiet:
                self.emit(name)
            self.perform(self.scenario.callbacks[name], None, self.runs[name])
        return function

    def done_callback(self, name):
        return self.done_callbacks.setdefault(name, self.callback(name))

    def do_print(self, *words):
        self.emit(b' '.join(words).decode())

    # ---- the loop

    def do_call_soon(self, name):
        self.handles[name] = self.attempt('call_soon', self.loop.call_soon, self.callback(name))

    def do_call_soon_threadsafe(self, name):
        self.handles[name] = self.attempt('call_soon_threadsafe', self.loop.call_soon_threadsafe, self.callback(name))

    def do_call_later(self, delay, name):
        self.handles[name] = self.attempt('call_later', self.loop.call_later, float(delay), self.callback(name))

    def do_call_at(self, when, name):
        self.handles[name] = self.attempt('call_at', self.loop.call_at, CLOCK_START + float(when), self.callback(name))

    def do_cancel(self, name):
        self.handles[name].cancel()

    def do_stop(self):
        self.loop.stop()

    def do_run(self):
        self.attempt('run', self.loop.run_forever)

    def do_run_until_complete(self, name):
        try:
            self.emit('run_until_complete returned %s' % self.loop.run_until_complete(self.futures[name]))
        except (Application, asyncio.CancelledError, OSError) as exception:
            self.emit('run_until_complete raised %s' % exception_name(exception))
        except (RuntimeError, ValueError) as exception:
            self.emit('run_until_complete refused: %s' % refusal('run_until_complete', exception))

    def one_pass(self):
        """One pass that does not wait; true if the next one would find something to do."""
        self.loop.stop()
        self.loop.run_forever()
        timers = [timer for timer in self.loop._scheduled if not timer._cancelled]
        return bool(self.loop._ready or self.gauge.sorted(0) or (timers and min(timers)._when <= self.loop.time()))

    def do_pass(self, number='1'):
        for _ in range(int(number)):
            self.carry()
            self.one_pass()

    def do_settle(self):
        for _ in range(MANY_PASSES):
            self.carry()
            if not self.one_pass() and not self.carry():
                return
        self.emit('never settles')

    def do_carry(self):
        self.carry()

    def do_advance(self, seconds):
        self.do_move_clock(seconds)
        self.do_settle()

    def do_move_clock(self, seconds):
        self.now += float(seconds) + CLOCK_SURPLUS

    def do_close_loop(self):
        self.attempt('close_loop', self.loop.close)

    def descriptor(self, word):
        if word == '-1':
            return -1
        if word == 'closed':
            descriptor = os.dup(0)
            os.close(descriptor)
            return descriptor
        if word.endswith('.fd'):
            return self.party(word[:-3]).transport.get_extra_info('socket').fileno()
        return self.peers[word].fileno()

    def do_add_reader(self, word, name):
        self.attempt('add_reader', self.loop.add_reader, self.descriptor(word), self.callback(name))

    def do_add_writer(self, word, name):
        self.attempt('add_writer', self.loop.add_writer, self.descriptor(word), self.callback(name))

    def removed(self, verb, function, argument):
        answer = self.attempt(verb, function, argument)
        if answer is not None:
            self.emit('%s: %s' % (verb, 'yes' if answer else 'no'))

    def do_remove_reader(self, word):
        self.removed('remove_reader', self.loop.remove_reader, self.descriptor(word))

    def do_remove_writer(self, word):
        self.removed('remove_writer', self.loop.remove_writer, self.descriptor(word))

    def do_add_signal_handler(self, number, name):
        self.attempt('add_signal_handler', self.loop.add_signal_handler, int(number), self.callback(name))

    def do_remove_signal_handler(self, number):
        self.removed('remove_signal_handler', self.loop.remove_signal_handler, int(number))

    def do_kill(self, number):
        os.kill(os.getpid(), int(number))

    def do_start(self, name, idle=None):
        def body():
            if idle:
                self.gauge.idle.wait(WATCHDOG_SECONDS)
            self.perform(self.scenario.threads[name])
        self.gauge.idle.clear()
        self.threads[name] = threading.Thread(target=body)
        self.threads[name].start()

    def do_join(self, name):
        self.threads[name].join()

    # ---- futures

    def do_future(self, name):
        self.futures[name] = self.loop.create_future()

    def do_set_result(self, name, value):
        self.attempt('set_result', self.futures[name].set_result, value.decode())

    def do_set_exception(self, name, error):
        self.attempt('set_exception', self.futures[name].set_exception, make_error(error))

    def do_cancel_future(self, name):
        self.emit('cancel_future: %s' % ('yes' if self.futures[name].cancel() else 'no'))

    def do_add_done_callback(self, name, callback):
        self.futures[name].add_done_callback(self.done_callback(callback))

    def do_remove_done_callback(self, name, callback):
        self.emit('remove_done_callback: %d' % self.futures[name].remove_done_callback(self.done_callback(callback)))

    def do_drop(self, name):
        del self.futures[name]
        gc.collect()

    # ---- transports

    def transport(self, party):
        return self.party(party).transport

    def move(self, verb, party, *arguments):
        """Calls a transport's method. Once a connection is lost some of asyncio's trip over what is gone: no-ops."""
        try:
            self.attempt(verb, getattr(self.transport(party), verb), *arguments)
        except AttributeError as exception:
            if 'NoneType' not in str(exception):
                raise

    def do_link(self, name, peer, family, buffers=None):
        if family == 'tcp':
            ours, theirs = self.tcp_pair(buffers)
        else:
            ours, theirs = self.unix_pair(buffers)
        self.peers[peer] = Peer(peer, theirs)
        self.know_port(theirs, peer)
        self.know_port(ours, name)
        party = self.party(name)
        task = self.loop.create_task(self.loop.create_connection(lambda: party.protocol, sock=ours))
        while not task.done():
            self.one_pass()
        task.result()

    def do_endpoint(self, name, peer, connected='no', host='127.0.0.1', family='udp'):
        if family == 'unix':
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            theirs.bind(self.path('@' + peer))      # asyncio takes a socket whose peer has no name for unconnected
            options = {'sock': ours}
        else:
            theirs = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
            theirs.bind((host, 0))
            options = {'local_addr': (host, 0), 'remote_addr': theirs.getsockname() if connected == 'yes' else None}
        self.peers[peer] = Peer(peer, theirs)
        self.peers[peer].address = theirs.getsockname()
        self.know_port(theirs, peer)
        party = self.party(name)
        task = self.loop.create_task(self.loop.create_datagram_endpoint(
            lambda: party.protocol, **options))
        while not task.done():
            self.one_pass()
        task.result()
        ours = party.transport.get_extra_info('socket')
        self.know_port(ours, name)
        if family != 'unix':
            theirs.connect(ours.getsockname())

    def do_create_endpoint(self, name, factory, **named):
        host, remote = self.host_of(named.get('host', 'none')), self.host_of(named.get('remote', 'none'))
        options = self.common({key: named[key] for key in ('sock', 'family', 'reuse_port') if key in named}, {})
        if 'broadcast' in named:
            options['allow_broadcast'] = named['broadcast'] == 'yes'
        if 'host' in named or 'port' in named:
            options['local_addr'] = (host, self.port_of(named.get('port', '0')))
        if 'remote' in named or 'remote_port' in named:
            options['remote_addr'] = (remote, self.port_of(named.get('remote_port', '0')))
        self.begin(name, 'create_endpoint', lambda: self.loop.create_datagram_endpoint(
            self.factory(factory), **options))

    def do_mailbox(self, name):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(('127.0.0.1', 0))
        self.peers[name] = Peer(name, sock)
        self.peers[name].address = sock.getsockname()
        self.know_port(sock, name)

    def do_speak_to(self, name, party):
        ours = self.transport(party).get_extra_info('socket')
        self.know_port(ours, party)
        self.peers[name].thing.connect(('127.0.0.1', ours.getsockname()[1]))

    def do_sendto(self, party, data, to=None):
        address = ('127.255.255.255', 9) if to == 'everybody' else self.peers[to].address if to else None
        self.move('sendto', party, self.payload(data), address)

    def do_sendto_until_full(self, party, size):
        """Until one has to wait here: the socket takes no more."""
        transport = self.transport(party)
        while transport.get_write_buffer_size() == 0:
            transport.sendto(self.pattern(int(size)))

    def do_count_datagrams(self, name):
        count = 0
        while self.receive(self.peers[name]) is not None:
            count += 1
            self.one_pass()
        self.do_settle()
        self.emit('%s got %d datagrams' % (name, count))

    @staticmethod
    def pattern(size):
        return (bytes(range(251)) * (size // 251 + 1))[:size]

    def payload(self, word):
        return word if isinstance(word, bytes) else self.pattern(int(word))

    def do_write(self, party, data):
        self.move('write', party, self.payload(data))

    def do_writelines(self, party, *data):
        self.move('writelines', party, list(data))

    def do_write_eof(self, party):
        self.move('write_eof', party)

    def do_close(self, party):
        self.move('close', party)

    def do_abort(self, party):
        self.move('abort', party)

    def do_set_protocol(self, party, other):
        transport, new = self.transport(party), self.party(other)
        new.transport = transport
        transport.set_protocol(new.protocol)

    def do_raise(self, party, error):
        raise make_error(error)

    def do_keep(self, party):
        party.kept = True

    def do_offer(self, party, size):
        party.offered = int(size)

    def do_forward(self, party, other):
        self.transport(other).write(party.data)

    def do_fail(self, party):
        raise Application(FACTORY_FAILURE)

    def do_pause_reading(self, party):
        self.transport(party).pause_reading()

    def do_resume_reading(self, party):
        self.transport(party).resume_reading()

    def do_set_write_buffer_limits(self, party, high=None, low=None):
        transport = self.transport(party)

        def number(word):
            if word is None or not word.startswith('size'):
                return word and int(word)
            return transport.get_write_buffer_size() + int(word[4:] or 0)
        self.attempt('set_write_buffer_limits', lambda: transport.set_write_buffer_limits(number(high), number(low)))

    # ---- servers and connections

    def begin(self, name, verb, make):
        self.operations[name] = Operation(self, name, verb, make())

    def port_of(self, word):
        if word in self.peers:
            return self.peers[word].thing.getsockname()[1]
        if word in self.operations:
            return self.operations[word].result.sockets[0].getsockname()[1]
        return int(word)

    @staticmethod
    def host_of(word):
        return {'all': '', 'none': None}.get(word, word)

    def common(self, named, options):
        for key in ('reuse_address', 'reuse_port', 'start_serving'):
            if key in named:
                options[key] = named[key] == 'yes'
        if 'backlog' in named:
            options['backlog'] = int(named['backlog'])
        if 'sock' in named:
            options['sock'] = self.peers[named['sock']].thing
        if 'family' in named:
            options['family'] = socket.AF_INET if named['family'] == '4' else socket.AF_INET6
        self.tls_options(named, options)
        if 'path' in named:
            options['path'] = self.path(named['path'])
        return options

    def server_ready(self, operation):
        for index, one in enumerate(operation.result.sockets):
            self.know_port(one, operation.name + ('/%d' % index if index else ''))

    def do_create_server(self, name, factory, **named):
        host = named['hosts'].split(',') if 'hosts' in named else self.host_of(named.get('host', 'none'))
        port = self.port_of(named['port']) if 'port' in named else None
        self.begin(name, 'create_server', lambda: self.loop.create_server(
            self.factory(factory), host, port, **self.common(named, {})))

    def do_create_unix_server(self, name, factory, **named):
        self.begin(name, 'create_unix_server', lambda: self.loop.create_unix_server(
            self.factory(factory), **self.common(named, {})))

    def do_start_serving(self, name):
        coroutine = self.operations[name].result.start_serving()
        self.attempt('start_serving', coroutine.send, None)
        coroutine.close()

    def do_serve_forever(self, name, server):
        self.begin(name, 'serve_forever', self.operations[server].result.serve_forever)

    def do_wait_closed(self, name, server):
        self.begin(name, 'wait_closed', self.operations[server].result.wait_closed)

    def do_close_server(self, name):
        self.operations[name].result.close()

    def do_create_connection(self, name, factory, **named):
        host = self.host_of(named.get('host', 'none'))
        port = self.port_of(named['port']) if 'port' in named else None
        if 'to' in named:
            host, port = self.address(named['to'])[:2]
        options = self.common(named, {})
        if 'local' in named:
            options['local_addr'] = (named['local'], self.port_of(named.get('local_port', '0')))
        if 'happy' in named:
            options['happy_eyeballs_delay'] = float(named['happy'])
        if 'interleave' in named:
            options['interleave'] = int(named['interleave'])
        self.begin(name, 'create_connection', lambda: self.loop.create_connection(
            self.factory(factory), host, port, **options))

    def do_create_unix_connection(self, name, factory, **named):
        self.begin(name, 'create_unix_connection', lambda: self.loop.create_unix_connection(
            self.factory(factory), **self.common(named, {})))

    def do_connect_accepted_socket(self, name, factory, peer, **named):
        self.begin(name, 'connect_accepted_socket', lambda: self.loop.connect_accepted_socket(
            self.factory(factory), self.peers[peer].thing, **self.tls_options(named, {})))

    # ---- pipes and subprocesses

    def do_connect_read_pipe(self, name, factory, peer):
        pipe = os.fdopen(self.peers[peer].thing, 'rb', 0)
        self.begin(name, 'connect_read_pipe', lambda: self.loop.connect_read_pipe(self.factory(factory), pipe))

    def do_connect_write_pipe(self, name, factory, peer):
        pipe = os.fdopen(self.peers[peer].thing, 'wb', 0)
        self.begin(name, 'connect_write_pipe', lambda: self.loop.connect_write_pipe(self.factory(factory), pipe))

    @staticmethod
    def streams(named):
        meaning = {'pipe': subprocess.PIPE, 'null': subprocess.DEVNULL, 'inherit': None, 'stdout': subprocess.STDOUT}
        return {key: meaning[named.get(key, 'pipe')] for key in ('stdin', 'stdout', 'stderr')}

    def do_subprocess_exec(self, name, factory, *arguments, **named):
        self.begin(name, 'subprocess_exec', lambda: self.loop.subprocess_exec(
            self.factory(factory), *(argument.decode() for argument in arguments), **self.streams(named)))

    def do_subprocess_shell(self, name, factory, command, **named):
        self.begin(name, 'subprocess_shell', lambda: self.loop.subprocess_shell(
            self.factory(factory), command.decode(), **self.streams(named)))

    def await_party(self, party, what):
        if not getattr(party, what):
            party.awaited = what
            self.loop.run_forever()
            party.awaited = ''

    def do_await_lost(self, name):
        self.await_party(self.party(name), 'over')

    def do_await_exit(self, name):
        self.await_party(self.party(name), 'exited')

    def do_write_pipe(self, party, fd, data):
        self.transport(party).get_pipe_transport(int(fd)).write(self.payload(data))

    def do_close_pipe(self, party, fd):
        self.transport(party).get_pipe_transport(int(fd)).close()

    def do_send_signal(self, party, number):
        self.attempt('send_signal', self.transport(party).send_signal, int(number))

    def do_terminate_child(self, party):
        self.attempt('terminate_child', self.transport(party).terminate)

    def do_kill_child(self, party):
        self.attempt('kill_child', self.transport(party).kill)

    # ---- TLS

    def do_tls_context(self, name, side, cert=None, ca=None, verify='yes', demand='no', newest=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side == 'server' else ssl.PROTOCOL_TLS_CLIENT)
        if cert:
            context.load_cert_chain(*(os.path.join(CERTIFICATES, cert + end) for end in ('.pem', '.key')))
        if ca:
            context.load_verify_locations(os.path.join(CERTIFICATES, ca + '.pem'))
        if verify == 'no':
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if demand == 'yes':
            context.verify_mode = ssl.CERT_REQUIRED
        if newest == '1.2':
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.contexts[name] = context

    def tls_options(self, named, options):
        if 'tls' in named:
            options['ssl'] = self.contexts[named['tls']]
        if 'server_hostname' in named:
            options['server_hostname'] = named['server_hostname']
        for key in ('handshake_timeout', 'shutdown_timeout'):
            if key in named:
                options['ssl_' + key] = float(named[key])
        return options

    def do_start_tls(self, name, party, context, **named):
        party = self.party(party)
        options = self.tls_options(named, {})
        if 'server_hostname' not in named:
            options['server_side'] = True

        async def upgrade():
            party.transport = await self.loop.start_tls(
                party.transport, party.protocol, self.contexts[context], **options)
        self.begin(name, 'start_tls', upgrade)

    def do_relay(self, one, other):
        """Carries bytes both ways between two peers until nothing moves."""
        moved = True
        while moved:
            self.do_settle()
            moved = False
            for near, far in ((one, other), (other, one)):
                data = self.receive(self.peers[near])
                if data and not isinstance(data, OSError):
                    self.peers[far].thing.sendall(data)
                    moved = True
            self.carry()

    def do_await(self, *names):
        for name in names:
            operation = self.operations[name]
            operation.awaited = True
            if not operation.done:
                self.loop.run_forever()
            operation.awaited = False

    def do_cancel_op(self, name):
        self.operations[name].cancel()

    def do_answers(self, host, *answers):
        if not self.resolver:
            self.real_getaddrinfo, socket.getaddrinfo = socket.getaddrinfo, self.getaddrinfo
        self.resolver[host] = answers

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        if host not in self.resolver:
            return self.real_getaddrinfo(host, port, family, type, proto, flags)
        answers = self.resolver[host]
        if answers and answers[0].startswith('EAI_'):
            code = getattr(socket, answers[0])
            strerror = ctypes.CDLL(None).gai_strerror
            strerror.restype = ctypes.c_char_p
            raise socket.gaierror(code, strerror(code).decode())
        tail = (socket.SOCK_STREAM, socket.IPPROTO_TCP, '')
        return [(socket.AF_INET6, *tail, (answer, port, 0, 0)) if ':' in answer else
                (socket.AF_INET, *tail, (answer, port)) for answer in answers]

    # ---- the kernel: what is on its way between two sockets of this process

    @staticmethod
    def tcp_info(thing):
        """(state, segments not acknowledged; of a listener: connections that wait) or None when it is no TCP socket."""
        if thing.family not in (socket.AF_INET, socket.AF_INET6) or thing.type != socket.SOCK_STREAM:
            return None
        info = thing.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return info[0], struct.unpack_from('I', info, 24)[0]

    @staticmethod
    def descriptor_of(transport):
        try:
            thing = transport.get_extra_info('socket')
        except AttributeError:      # a TLS transport that was closed twice
            thing = None
        return -1 if thing is None else thing.fileno()

    def sockets(self):
        """Every socket known here: the peers', the transports', those that the loop watches."""
        numbers = {peer.fileno() for peer in self.peers.values() if peer.open and peer.is_socket}
        numbers |= {key.fd for key in self.gauge.get_map().values()} if self.gauge.get_map() else set()
        numbers |= {self.descriptor_of(transport) for transport in self.transports}
        found = []
        for number in numbers - {-1}:
            try:
                found.append(socket.socket(fileno=number))
            except OSError:
                pass
        return found

    def in_flight(self, found):
        for thing in found:
            info = self.tcp_info(thing)
            if info is None:
                continue
            if info[0] == TCP_SYN_SENT:
                if not self.filled:
                    return True
            elif info[0] != 10 and info[1]:
                return True
        return False

    def carry(self):
        """Waits until the kernel has carried over what was sent; true if that took a while."""
        found, waited = self.sockets(), False
        end = time.monotonic() + 1
        while time.monotonic() < end:
            for thing in found:
                if self.tcp_info(thing):
                    thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not self.in_flight(found):
                break
            select.poll().poll(1)
            waited = True
        for thing in found:
            thing.detach()
        return waited

    def far_end(self, near):
        """Watches the state of the socket at the other end of `near`, when it lives in this process."""
        try:
            names = near.getpeername(), near.getsockname()
        except OSError:
            return None
        info, answer = self.tcp_info(near), None
        unsent = struct.unpack('i', fcntl.ioctl(near, termios.TIOCOUTQ, b'\0\0\0\0'))[0]
        if not info or info[0] not in (TCP_ESTABLISHED, TCP_CLOSE_WAIT) or unsent:
            return None
        for thing in self.sockets():
            try:
                if (thing.getsockname(), thing.getpeername()) == names and thing.fileno() != near.fileno():
                    answer = os.dup(thing.fileno())
            except OSError:
                pass
            thing.detach()
        if answer is None:
            return None
        far = socket.socket(fileno=answer)
        return far, self.tcp_info(far)[0]

    def wait_for_far_end(self, far):
        if far is None:
            return
        thing, before = far
        end = time.monotonic() + 1
        while self.tcp_info(thing)[0] == before and time.monotonic() < end:
            select.poll().poll(1)
        thing.close()

    # ---- peers

    def add_peer(self, name, thing):
        self.peers[name] = Peer(name, thing)
        if isinstance(thing, socket.socket):
            self.know_port(thing, name)

    @staticmethod
    def set_buffers(thing, buffers):
        # A small receive buffer would make the kernel drop segments, and wait for its timers.
        if buffers:
            size = SMALL_BUFFER if buffers == 'small' else BIG_BUFFER
            thing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        if buffers == 'big':
            thing.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BIG_BUFFER)

    def tcp_pair(self, buffers=None):
        listener = socket.socket()
        self.set_buffers(listener, buffers)
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        ours = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.set_buffers(ours, buffers)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
        listener.close()
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ours, theirs

    def unix_pair(self, buffers=None):
        ours, theirs = socket.socketpair()
        self.set_buffers(ours, buffers)
        self.set_buffers(theirs, buffers)
        return ours, theirs

    def do_socketpair(self, first, second, buffers=None):
        for name, thing in zip((first, second), self.unix_pair(buffers)):
            self.add_peer(name, thing)

    def do_tcp_pair(self, first, second, buffers=None):
        for name, thing in zip((first, second), self.tcp_pair(buffers)):
            self.add_peer(name, thing)

    def do_pipe(self, first, second):
        for name, number in zip((first, second), os.pipe()):
            self.add_peer(name, number)

    def do_socket(self, name, sort):
        self.add_peer(name, {'tcp': lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP),
                             'unix': lambda: socket.socket(socket.AF_UNIX),
                             'udp': lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)}[sort]())

    def path(self, word):
        return os.path.join(self.directory, word[1:])

    def do_bind(self, name, host, port='0', path=None):
        if host.startswith('@'):
            thing = socket.socket(socket.AF_UNIX)
            thing.bind(self.path(host))
        else:
            thing = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
            thing.bind((host, self.port_of(port)))
        self.add_peer(name, thing)

    def do_listen(self, name, host, port='0', path=None, backlog='100'):
        self.do_bind(name, host, port)
        self.peers[name].thing.listen(int(backlog))

    def do_fill(self, name):
        self.filled = True
        listener = self.peers[name]
        for index in range(3):
            thing = socket.socket()
            thing.setblocking(False)
            thing.connect_ex(listener.thing.getsockname())
            self.peers['%s+%d' % (name, index)] = Peer(name, thing)

    def do_accept(self, name, listener):
        select.select([self.peers[listener].thing], [], [], 5)
        thing, _ = self.peers[listener].thing.accept()
        if thing.family != socket.AF_UNIX:
            thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.add_peer(name, thing)

    def address(self, word):
        name, _, index = word.partition('/')
        if name in self.peers:
            return self.peers[name].thing.getsockname()
        return self.operations[name].result.sockets[int(index or 0)].getsockname()

    def do_dial(self, name, word):
        """Connects, and returns when the listener has the connection in its queue."""
        server = self.operations.get(word.partition('/')[0])
        listener = None
        if server and server.result.sockets:
            listener = server.result.sockets[int(word.partition('/')[2] or 0)]
        elif not server:
            listener = self.peers[word].thing
        address = self.address(word) if listener else self.dialled[word]
        self.dialled[word] = address
        if name not in self.peers:
            family = {2: socket.AF_INET, 4: socket.AF_INET6}
            self.peers[name] = Peer(name, socket.socket(
                socket.AF_UNIX if isinstance(address, str) else family[len(address)]))
        thing = self.peers[name].thing
        waiting = self.waiting_at(listener)
        problem = thing.connect_ex(address)
        if problem:
            self.emit('dial %s: %s' % (name, errno.errorcode.get(problem, problem)))
            thing.close()
            del self.peers[name]
            return
        if thing.family != socket.AF_UNIX:
            thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + 1
        while waiting is not None and self.waiting_at(listener) == waiting and time.monotonic() < end:
            select.poll().poll(1)
        self.know_port(thing, name)

    @staticmethod
    def waiting_at(listener):
        """How many connections wait in a TCP listener's queue."""
        if listener is None or listener.family == socket.AF_UNIX:
            return None
        return struct.unpack_from('I', listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]

    def do_send(self, name, data):
        peer = self.peers[name]
        if isinstance(data, bytes):
            try:
                peer.sent += peer.thing.send(data) if peer.is_socket else os.write(peer.thing, data)
            except OSError as exception:
                self.emit('send %s: %s' % (name, exception_name(exception)))
        else:
            payload, sent = self.pattern(int(data)), 0
            peer.thing.setblocking(False)
            try:
                while sent < len(payload):
                    sent += peer.thing.send(payload[sent:sent + 50000])
            except BlockingIOError:
                pass
            peer.sent += sent
        self.carry()

    @staticmethod
    def receive(peer, size=65536):
        """Bytes (b'' at the end), None when there are none now, or an exception."""
        try:
            if peer.is_socket:
                return peer.thing.recv(size, socket.MSG_DONTWAIT)
            os.set_blocking(peer.thing, False)
            return os.read(peer.thing, size)
        except BlockingIOError:
            return None
        except OSError as exception:
            return exception

    def do_read(self, name):
        self.carry()
        found = self.receive(self.peers[name])
        self.emit('%s reads %s' % (name, 'nothing' if found is None else 'EOF' if found == b'' else
                                   exception_name(found) if isinstance(found, OSError) else shown(found)))

    def gather(self, peer, most):
        """Reads until the end, an error, `most` bytes, or until nothing more can come."""
        data, end = bytearray(), time.monotonic() + WATCHDOG_SECONDS / 2
        while len(data) < most:
            found = self.receive(peer, min(65536, most - len(data)))
            if found == b'':
                return data, 'EOF'
            if isinstance(found, OSError):
                return data, exception_name(found)
            if found:
                data += found
                continue
            busy = self.one_pass() or self.carry()
            readable = select.select([peer.thing], [], [], 0)[0]
            if not busy and not readable and not self.unsent():
                return data, 'and waits'
            if not busy and not readable:
                select.select([peer.thing], [], [], 0.001)
            if time.monotonic() > end:
                return data, 'and never ends'
        return data, ''

    def unsent(self):
        """Whether some transport or its socket still holds bytes."""
        for transport in self.transports:
            if self.descriptor_of(transport) < 0:
                continue
            thing = transport.get_extra_info('socket')
            if transport.get_write_buffer_size():
                return True
            if thing.family != socket.AF_UNIX and struct.unpack(
                    'i', fcntl.ioctl(thing.fileno(), termios.TIOCOUTQ, b'\0\0\0\0'))[0]:
                return True
        return False

    def do_drain(self, name, against=None, tail=None):
        data, how = self.gather(self.peers[name], 1 << 30)
        if against is None:
            text = shown(data) if len(data) <= LONGEST_SHOWN else '%d bytes' % len(data)
        else:
            number = int(against)
            how_many = 'exactly' if len(data) == number else 'less than' if len(data) < number else 'more than'
            text = '%s %d bytes' % (how_many, number)
        if len(data) > LONGEST_SHOWN and not text.startswith('less'):
            text += ' (checksum %08x)' % zlib.adler32(data)
        if tail:
            text += ' ending %s' % shown(data[-int(tail):])
        self.emit('%s got %s, %s' % (name, text, how))

    def do_take(self, name, number):
        data, how = self.gather(self.peers[name], int(number))
        how = ', ' + how if how else ''
        self.emit('%s took %d bytes (checksum %08x)%s' % (name, len(data), zlib.adler32(data), how))

    def do_shut(self, name):
        far = self.far_end(self.peers[name].thing)
        try:
            self.peers[name].thing.shutdown(socket.SHUT_WR)
        except OSError as exception:
            self.emit('shut %s: %s' % (name, exception_name(exception)))
        self.wait_for_far_end(far)

    def do_hangup(self, name):
        peer = self.peers[name]
        if peer.is_socket:
            far = self.far_end(peer.thing)
            peer.thing.close()
            self.wait_for_far_end(far)
        else:
            os.close(peer.thing)
        peer.open = False

    def do_reset(self, name):
        self.peers[name].thing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.do_hangup(name)

    # ---- files and descriptors

    def do_file(self, name, path):
        self.add_peer(name, os.open(self.path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def do_unlink(self, path):
        os.unlink(self.path(path))

    @staticmethod
    def count_fds():
        return len(os.listdir('/proc/self/fd'))

    def do_mark_fds(self):
        self.marked = self.count_fds()

    def do_limit_fds(self, more=None):
        """No more descriptors than are open now and `more`; without a number the limit is lifted again."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if more is None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.soft, hard))
            for number in self.stuffing:
                os.close(number)
            return
        self.soft, self.stuffing = soft, []
        highest = max(int(name) for name in os.listdir('/proc/self/fd'))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
        try:
            while True:
                self.stuffing.append(os.dup(0))
        except OSError:
            pass
        for _ in range(int(more)):
            os.close(self.stuffing.pop())

    # ---- show

    def do_show(self, word, comparison=None, number=None):
        value = self.observe(word)
        if comparison:
            holds = {'<': value < float(number), '<=': value <= float(number), '>': value > float(number),
                     '>=': value >= float(number), '==': value == float(number)}[comparison]
            self.emit('%s %s %s: %s' % (word, comparison, number, 'yes' if holds else 'no'))
            return
        if isinstance(value, bool):
            value = 'yes' if value else 'no'
        self.emit('%s = %s' % (word, value))

    def observe(self, word):
        if word.startswith('@'):
            return os.path.exists(self.path(word.rpartition('.')[0]))
        name, _, prop = word.partition('.')
        prop, _, other = prop.partition(':')
        if name == 'fds':
            return '%+d' % (self.count_fds() - self.marked)
        if name == 'loop':
            return {'is_running': self.loop.is_running, 'is_closed': self.loop.is_closed,
                    'time': lambda: round(self.loop.time() - CLOCK_START, 3)}[prop]()
        if name in self.futures:
            return self.observe_future(self.futures[name], prop)
        if name in self.handles:
            handle = self.handles[name]
            return handle.cancelled() if prop == 'cancelled' else round(handle.when() - CLOCK_START, 3)
        if name in self.operations:
            return self.observe_operation(self.operations[name], prop)
        if name in self.peers:
            return self.peers[name].open
        return self.observe_party(self.performing if name == 'self' else self.party(name), prop, other)

    @staticmethod
    def observe_future(future, prop):
        if prop in ('done', 'cancelled'):
            return getattr(future, prop)()
        try:
            value = getattr(future, prop)()
        except asyncio.InvalidStateError as exception:
            return 'refused: %s' % refusal(prop, exception)
        except (Application, OSError, asyncio.CancelledError) as exception:
            return 'raised %s' % exception_name(exception)
        return exception_name(value) if prop == 'exception' else value

    @staticmethod
    def observe_operation(operation, prop):
        if prop == 'done':
            return operation.done
        server = operation.result
        if not isinstance(server, asyncio.AbstractServer):
            return 'no server'
        if prop == 'is_serving':
            return server.is_serving()
        if prop == 'sockets':
            return len(server.sockets)
        if prop == 'hosts':
            return ' '.join(sorted(one.getsockname()[0] for one in server.sockets))
        if prop == 'families':
            return ' '.join(sorted({socket.AF_INET: 'v4', socket.AF_INET6: 'v6', socket.AF_UNIX: 'unix'}[one.family]
                                   for one in server.sockets))
        option = {'reuse_address': socket.SO_REUSEADDR, 'reuse_port': socket.SO_REUSEPORT}[prop]
        return bool(server.sockets[0].getsockopt(socket.SOL_SOCKET, option))

    def observe_party(self, party, prop, other):
        transport = party.transport
        if prop == 'is_closing' or prop == 'is_reading' or prop == 'can_write_eof':
            return getattr(transport, prop)()
        if prop == 'size':
            return transport.get_write_buffer_size()
        if prop == 'returncode':
            return transport.get_returncode()
        if prop == 'pipes':
            return ' '.join(str(fd) for fd in range(3) if transport.get_pipe_transport(fd)) or 'none'
        if prop == 'pipe_size':
            return transport.get_pipe_transport(0).get_write_buffer_size()
        if prop == 'tls_version':
            return transport.get_extra_info('ssl_object').version()
        if prop == 'peercert':
            found = transport.get_extra_info('peercert')
            return 'None' if found is None else 'verified' if found else 'empty'
        if prop == 'buffered':
            return transport.get_write_buffer_size() > 0
        if prop == 'limits':
            return '%d %d' % transport.get_write_buffer_limits()
        if prop in ('peername', 'sockname'):
            return repr(transport.get_extra_info(prop))
        if prop in ('peername_is', 'sockname_is'):
            thing = self.peers[other].thing
            return transport.get_extra_info(prop[:-3]) == thing.getsockname()
        if prop == 'unknown':
            return repr(transport.get_extra_info('unknown'))
        if prop == 'fileno':
            return 'closed' if transport.get_extra_info('socket').fileno() < 0 else 'open'
        if prop == 'nodelay':
            return bool(transport.get_extra_info('socket').getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        if prop == 'protocol':
            protocol = transport.get_protocol()
            return protocol.party.name if protocol else 'None'
        if prop == 'received':
            return '%d bytes (checksum %08x)' % (party.received, party.checksum)
        if prop == 'got_all':
            return party.received == self.peers[other].sent
        return getattr(party, prop)

    def run(self):
        for action in self.scenario.steps:
            self.act(action, None)
            for operation in list(self.operations.values()):
                if operation.done and getattr(operation.result, 'sockets', None):
                    self.server_ready(operation)


def child(scenario, out):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.alarm(WATCHDOG_SECONDS)
    warnings.simplefilter('ignore')
    run = Run(scenario, out)
    try:
        run.run()
    finally:
        shutil.rmtree(run.directory, ignore_errors=True)


def main():
    repeat = int(sys.argv[1])
    scenarios = [read_scenario(path) for path in sys.argv[2:]]
    out = sys.stdout.fileno()
    for scenario in scenarios:
        for number in range(repeat):
            os.write(out, ('== %s %d\n' % (scenario.id, number)).encode())
            pid = os.fork()
            if pid == 0:
                try:
                    child(scenario, out)
                except BaseException:
                    import traceback
                    traceback.print_exc()
                    os._exit(70)
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            text = 'signal %d' % os.WTERMSIG(status) if os.WIFSIGNALED(status) else str(os.WEXITSTATUS(status))
            os.write(out, ('-- %s\n' % text).encode())


if __name__ == '__main__':
    main()
