"""Chapter 5's programs with their peers: pressure, and who passes it on."""
import hashlib
import os
import re
import select
import shutil
import socket
import struct
import time

from peers import (PATIENCE, PYTHON, WRAP, Story, bytes_of_every_kind, case, each, ended, expect, own_words,
                   receive, receive_all, reset, wait_until)

SANITIZED = 'ASAN_OPTIONS' in os.environ
MEASURED = not WRAP and not SANITIZED       # sizes of memory mean something only then
MUCH = (1024 if MEASURED else 64) << 20     # what goes through the relay
BOUND = 8 << 20                             # the memory that the relay may have


def resident(program):
    with open(f'/proc/{program.process.pid}/status', encoding='ascii') as file:
        return int(re.search(r'VmRSS:\s+(\d+) kB', file.read())[1]) * 1024


# ---------------------------------------------------------------- flow_server

@case
def flow_server_gives_a_slow_reader_everything_and_says_when_it_waits(bench):
    server = bench.ours('flow_server', '--port', '0', '--chunks', '8000')
    sock = bench.connect(server.port(), receive=4096)
    server.until(lambda: 'Pausing writing.' in server.out.lines, 'Pausing writing.')
    expect(len(receive_all(sock)), 8000000, 'how much came')
    words = [line for line in server.out.lines[1:] if line in ('Pausing writing.', 'Resuming writing.')]
    resumed = words[1:] if words[0] == 'Resuming writing.' else words
    expect(resumed[0::2], ['Pausing writing.'] * len(resumed[0::2]), 'every other word')
    expect(resumed[1::2], ['Resuming writing.'] * len(resumed[1::2]), 'the words between')
    server.interrupt()
    server.ends()


@case
def flow_server_and_a_fast_reader(bench):
    server = bench.ours('flow_server', '--port', '0', '--chunks', '5000')
    client = bench.theirs('nc', '-d', '127.0.0.1', str(server.port()))
    client.ends()
    expect(len(client.out.data), 5000000, 'how much nc got')
    server.interrupt()
    server.ends()


def leave(sock, rude):
    if rude:
        reset(sock)
    else:
        sock.close()


def serves_the_next_one_whole(bench, server, port):
    other = bench.connect(port)
    expect(len(receive_all(other)), 20000000, 'how much the next one got')
    server.interrupt()
    server.ends()


@each(closes=(False,), resets=(True,))
def flow_server_lets_a_reader_go_that(bench, rude):
    server = bench.ours('flow_server', '--port', '0')
    port = server.port()
    sock = bench.connect(port, receive=4096)
    server.until(lambda: 'Pausing writing.' in server.out.lines, 'Pausing writing.')
    leave(sock, rude)
    serves_the_next_one_whole(bench, server, port)


@each(closes=(False,), resets=(True,))
def flow_server_says_nothing_of_readers_that_leave_at_once(bench, rude):
    server = bench.ours('flow_server', '--port', '0')
    port = server.port()
    for _ in range(20):
        leave(bench.connect(port), rude)
    serves_the_next_one_whole(bench, server, port)
    expect(own_words(server.err.lines), [], 'what it wrote to standard error')


# ---------------------------------------------------------------- programs that are wrong on purpose

@case
def self_pause_waits_for_ever(bench):
    server = bench.ours('bad/self_pause', '--port', '0')
    sock = bench.connect(server.port(), receive=4096)
    server.until(lambda: 'Pausing writing.' in server.out.lines, 'Pausing writing.')
    got = 0
    while select.select([sock], [], [], 2)[0]:
        piece = sock.recv(1 << 20)
        if not piece:
            raise Story(f'it ended, after {got} bytes')
        got += len(piece)
    if got >= 20000000:
        raise Story('everything came')
    expect(server.out.lines.count('Pausing writing.') > server.out.lines.count('Resuming writing.') - 1, True,
           'that it still waits to be resumed')
    server.interrupt()
    server.ends()


@case
def drain_after_loss_writes_everything_to_nobody_in_one_callback(bench):
    server = bench.ours('bad/drain_after_loss', '--port', '0')
    sock = bench.connect(server.port())
    reset(sock)
    found = re.match(r'2000000 chunks written in one callback, (\d+) of them to nobody', server.line(2))
    if not found or int(found[1]) < 1990000:
        raise Story(f'it says {server.out.lines[1]!r}')
    server.interrupt()
    server.ends()


@case
def unbounded_keeps_in_memory_what_nobody_reads(bench):
    server = bench.ours('bad/unbounded', '--port', '0', '--total', '32')
    sock = bench.connect(server.port(), receive=4096)
    server.until(lambda: any(line.startswith(' 32 MiB written') for line in server.out.lines), '32 MiB written')
    if MEASURED and resident(server) < 24 << 20:
        raise Story(f'it has only {resident(server)} bytes of memory')
    expect(len(receive_all(sock)), 32 << 20, 'how much came in the end')
    server.interrupt()
    server.ends()


@case
def starved_timer_hears_no_ticks_and_in_turns_it_does(bench):
    for options, starved in (((), True), (('--turn', '16'), False)):
        server = bench.ours('bad/starved_timer', '--port', '0', *options)
        sock = bench.connect(server.port())
        expect(len(receive_all(sock)), 1000000, 'how much came')
        found = re.match(r'1000 chunks written, and meanwhile (\d+) ticks of the timer', server.line(2))
        if not found or (int(found[1]) == 0) != starved:
            raise Story(f'with {options} it says {server.out.lines[1]!r}')
        server.interrupt()
        server.ends()


@case
def water_level_stays_between_the_marks_unless_it_is_deaf(bench):
    heights = {}
    for options in ((), ('--deaf',)):
        program = bench.ours('water_level', '--passes', '300', *options)
        program.ends()
        levels = [float(line.split()[1]) for line in program.out.lines if not line.startswith('#')]
        heights[options] = max(levels)
    if not 16 < heights[()] <= 64 + 16:
        raise Story(f'the level rose to {heights[()]}')
    if heights[('--deaf',)] <= 2 * heights[()]:
        raise Story(f'deaf, the level rose to {heights[("--deaf",)]} only')


# ---------------------------------------------------------------- relay

def relay(bench, target):
    program = bench.ours('relay', '--port', '0', '--target-port', str(target))
    return program, program.port()


def relayed(bench, **receive_sizes):
    """The relay, and both ends of a connection through it."""
    listener, target = bench.listen(receive_sizes.get('target'))
    program, port = relay(bench, target)
    client = bench.connect(port, receive=receive_sizes.get('client'))
    return program, client, bench.accept(listener)


def stops(program):
    program.interrupt()
    program.ends()
    expect(own_words(program.err.lines), [], 'what the relay wrote to standard error')


@case
def relay_between_nc_and_socat(bench):
    target = bench.free_port()
    echo = bench.theirs('socat', f'TCP-LISTEN:{target},bind=127.0.0.1,reuseaddr,fork', 'EXEC:cat')
    wait_until(lambda: listening(target), 'socat')
    program, port = relay(bench, target)
    client = bench.theirs('nc', '-N', '127.0.0.1', str(port))
    client.type(b'through the relay and back\n')
    client.end_input()
    client.ends()
    client.says('through the relay and back')
    echo.process.terminate()
    stops(program)


def listening(port):
    """Without connecting: a listener is there."""
    with open('/proc/net/tcp', encoding='ascii') as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(f':{port:04X}') and row[3] == '0A' for row in rows)


@case
def relay_between_curl_and_pythons_http_server(bench):
    if not shutil.which('curl'):
        raise Story('curl is missing (make setup-dev)')
    size = 100 << 20 if MEASURED else 10 << 20
    data = bytes_of_every_kind(1 << 20) * (size >> 20)
    path = bench.file(data)
    target = bench.free_port()
    bench.theirs(PYTHON, '-m', 'http.server', str(target), '--bind', '127.0.0.1',
                 '--directory', os.path.dirname(path))
    wait_until(lambda: listening(target), 'http.server')
    program, port = relay(bench, target)
    copy = bench.file(b'')
    client = bench.theirs('curl', '-sS', '--fail', '-o', copy, f'http://127.0.0.1:{port}/{os.path.basename(path)}')
    client.ends()
    with open(copy, 'rb') as file:
        expect(hashlib.sha256(file.read()).hexdigest(), hashlib.sha256(data).hexdigest(), 'the checksum')
    stops(program)


def largest(name):
    with open(f'/proc/sys/net/ipv4/{name}', encoding='ascii') as limits:
        return int(limits.read().split()[2])


# What two connections, one behind the other, may hold in the kernel at most.
KERNEL = 2 * (largest('tcp_rmem') + largest('tcp_wmem'))


class Mover:
    """Sends a stream of known bytes into one socket and checks what comes out of the other."""

    BLOCK = bytes_of_every_kind(1 << 20)

    def __init__(self, source, sink, size):
        self.source, self.sink, self.size, self.sent, self.got = source, sink, size, 0, 0
        source.setblocking(False)
        sink.setblocking(False)

    def send(self):
        """As much as goes in now."""
        try:
            while self.sent < self.size:
                at = self.sent % len(self.BLOCK)
                self.sent += self.source.send(memoryview(self.BLOCK)[at:at + min(262144, self.size - self.sent)])
        except BlockingIOError:
            pass

    def take(self, most=262144):
        try:
            piece = self.sink.recv(most)
        except BlockingIOError:
            return
        at = self.got % len(self.BLOCK)
        if piece != (self.BLOCK[at:] + self.BLOCK)[:len(piece)]:
            raise Story(f'what came after {self.got} bytes is not what was sent')
        if not piece:
            raise Story(f'the end came after {self.got} bytes')
        self.got += len(piece)

    def stall(self, program):
        """The sink does not read until no more goes in: then the relay, too, has stopped reading."""
        quiet = time.monotonic()
        before = self.sent
        while time.monotonic() - quiet < (2 if WRAP else 0.3) and self.sent < self.size:
            self.send()
            if self.sent != before:
                before, quiet = self.sent, time.monotonic()
            select.select([], [self.source], [], 0.05)
        watch(program)
        if self.sent - self.got > KERNEL + (1 << 20):
            raise Story(f'{self.sent - self.got} bytes are on their way')

    def move(self, upto, program):
        end = time.monotonic() + 10 * PATIENCE
        turn = 0
        while self.got < upto:
            if time.monotonic() > end:
                raise Story(f'only {self.got} bytes came')
            select.select([self.sink], [self.source] if self.sent < self.size else [], [], 1)
            self.send()
            self.take()
            turn += 1
            if turn % 500 == 0:
                watch(program)


def watch(program):
    if MEASURED and resident(program) > BOUND:
        raise Story(f'the relay has {resident(program)} bytes of memory')


@each(to_the_target=(False,), to_the_client=(True,))
def relay_moves_much_through_little_memory_however_the_reader_stalls(bench, back):
    program, client, target = relayed(bench)
    mover = Mover(target, client, MUCH) if back else Mover(client, target, MUCH)
    for part in (0, MUCH // 8, MUCH // 4, MUCH // 2):
        mover.move(part, program)
        mover.stall(program)
    mover.move(MUCH, program)
    watch(program)
    mover.source.shutdown(socket.SHUT_WR)
    mover.sink.settimeout(PATIENCE)
    ended(mover.sink)
    client.close()
    target.close()
    stops(program)


@case
def relay_moves_both_ways_at_once_while_one_way_stalls(bench):
    program, client, target = relayed(bench)
    size = 16 << 20
    there, back = Mover(client, target, size), Mover(target, client, size)
    there.stall(program)
    back.move(size, program)
    expect(there.got, 0, 'what came the stalled way')
    there.move(size, program)
    stops(program)


@each(by_a_reset_of_the_client=('client', True), by_a_close_of_the_client=('client', False),
      by_a_reset_of_the_target=('target', True), by_a_close_of_the_target=('target', False))
def relay_stalled_and_then_ended(bench, who, rude):
    program, client, target = relayed(bench)
    mover = Mover(client, target, MUCH)
    mover.stall(program)
    goes, stays = (client, target) if who == 'client' else (target, client)
    stays.settimeout(PATIENCE)
    if rude:
        reset(goes)
    else:
        goes.close()
    try:
        got = len(receive_all(stays))
    except ConnectionResetError:
        got = None
    if who == 'client' and not rude:
        expect(got, mover.sent, 'how much came before the end')
    stays.close()
    stops(program)


@each(of_the_client=(False,), of_the_target=(True,))
def relay_passes_a_half_close_on_and_the_other_way_stays_open(bench, swapped):
    program, client, target = relayed(bench)
    first, second = (target, client) if swapped else (client, target)
    first.sendall(b'question')
    first.shutdown(socket.SHUT_WR)
    expect(receive_all(second), b'question', 'what came before the end')
    second.sendall(b'a late answer')
    second.shutdown(socket.SHUT_WR)
    expect(receive_all(first), b'a late answer', 'what came the other way')
    stops(program)


@case
def relay_whose_target_refuses_ends_the_client_and_serves_the_next(bench):
    target = bench.free_port()
    program, port = relay(bench, target)
    for _ in range(3):
        client = bench.connect(port)
        try:
            ended(client)
        except ConnectionResetError:
            pass
    program.complains(r"^relay: .*Connect call failed \('127\.0\.0\.1', \d+\)")
    listener = bench.keep(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', target))
    listener.listen()
    client = bench.connect(port)
    client.sendall(b'now')
    expect(receive(bench.accept(listener), 3), b'now', 'what came at last')
    program.interrupt()
    program.ends()


def full_listener(bench):
    """A listener whose queue is full: to connect there takes for ever."""
    listener = bench.keep(socket.socket())
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    for _ in range(4):
        sock = bench.keep(socket.socket())
        sock.setblocking(False)
        sock.connect_ex(('127.0.0.1', port))
    return port


@case
def relay_stopped_while_it_connects_leaves_nothing_behind(bench):
    program, port = relay(bench, full_listener(bench))
    client = bench.connect(port)
    client.sendall(b'waits')
    wait_until(lambda: connecting(program) >= 1, 'an attempt to connect')
    stops(program)
    try:
        ended(client)
    except ConnectionResetError:
        pass


def connecting(program):
    """How many sockets of the relay are in SYN_SENT: seen from outside, by their inodes."""
    inodes = set()
    folder = f'/proc/{program.process.pid}/fd'
    for name in os.listdir(folder):
        try:
            inodes.add(os.readlink(f'{folder}/{name}').removeprefix('socket:[').rstrip(']'))
        except OSError:
            pass
    with open('/proc/net/tcp', encoding='ascii') as file:
        return sum(line.split()[3] == '02' and line.split()[9] in inodes for line in file.readlines()[1:])


@each(closes=(False,), resets=(True,))
def relay_whose_client_leaves_while_it_connects(bench, rude):
    program, port = relay(bench, full_listener(bench))
    client = bench.connect(port)
    wait_until(lambda: connecting(program) >= 1, 'an attempt to connect')
    if rude:
        reset(client)
    else:
        client.close()
    stops(program)


@case
def relay_serves_twenty_clients_at_once(bench):
    echo = bench.ours('echo_server', '--port', '0', '--quiet')
    program, port = relay(bench, echo.port())
    socks = [bench.connect(port) for _ in range(20)]
    for number, sock in enumerate(socks):
        sock.sendall(struct.pack('>I', number) * 1000)
    for number, sock in enumerate(socks):
        expect(receive(sock, 4000), struct.pack('>I', number) * 1000, f'what client {number} got back')
    for sock in socks:
        sock.close()
    stops(program)
