"""Chapter 4's programs with their peers: lines, frames, blocks."""
import os
import re
import signal
import socket
import struct

from peers import (BIN, CASES, PYTHON, WRAP, Story, bytes_of_every_kind, case, each, ended, expect, receive,
                   receive_all, strace_works)

SANITIZED = 'ASAN_OPTIONS' in os.environ
MEASURED = not WRAP and not SANITIZED       # sizes of memory mean something only then


def line_server(bench, *options):
    server = bench.ours('line_server', '--port', '0', *options)
    return server, server.port()


def high_water(program):
    """The most memory that it ever had, in bytes."""
    with open(f'/proc/{program.process.pid}/status', encoding='ascii') as file:
        return int(re.search(r'VmHWM:\s+(\d+) kB', file.read())[1]) * 1024


# ---------------------------------------------------------------- lines

@case
def the_articles_conversation_with_nc(bench):
    server, port = line_server(bench)
    client = bench.theirs('nc', '-N', '127.0.0.1', str(port))
    client.type(b'Hello\nWorld\n\nlast words\r\n')
    client.end_input()
    client.ends()
    expect(client.out.data, b'Processed: Hello\nProcessed: World\nProcessed: \nProcessed: last words\n', 'what nc got')
    server.says("Serving on ('127.0.0.1', $PORT)", 'Connection established.', 'Processing complete message: Hello',
                'Processing complete message: World', 'Processing complete message: ',
                'Processing complete message: last words', 'Connection lost.')
    server.stops()


@case
def lines_that_socat_sends_in_pieces(bench):
    server, port = line_server(bench, '--quiet')
    client = bench.theirs('socat', '-', f'TCP:127.0.0.1:{port}')
    client.type(b'one\ntw')
    expect(client.line(1), 'Processed: one', 'the first answer')
    client.type(b'o')
    client.type(b'\nthree')
    expect(client.line(2), 'Processed: two', 'the second answer')
    client.type(b'\n')
    expect(client.line(3), 'Processed: three', 'the third answer')
    client.end_input()
    client.ends()
    server.says("Serving on ('127.0.0.1', $PORT)")
    server.stops()


STREAMS = '''
import asyncio, sys
async def main(port):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    lines = [b'%d %s' % (n, b'x' * (n * 37 % 3000)) for n in range(500)]
    async def ask():
        for line in lines:
            writer.write(line + b'\\n')
            await writer.drain()
        writer.write_eof()
    asking = asyncio.ensure_future(ask())
    for line in lines:
        assert await reader.readline() == b'Processed: ' + line + b'\\n'
    assert await reader.read() == b''
    await asking
    writer.close()
    print('all answered')
asyncio.run(main(int(sys.argv[1])))
'''


@case
def five_hundred_lines_with_pythons_streams(bench):
    server, port = line_server(bench, '--quiet')
    client = bench.theirs(PYTHON, '-c', STREAMS, str(port))
    client.ends()
    client.says('all answered')
    server.stops()


@case
def lines_byte_by_byte_with_a_letter_cut_in_the_middle(bench):
    server, port = line_server(bench)
    sock = bench.connect(port)
    text = 'f\u00fcr 5 \u20ac\n'.encode()
    for at in range(len(text)):
        sock.sendall(text[at:at + 1])
    expect(receive(sock, 11 + len(text)), b'Processed: ' + text, 'the answer')
    sock.close()
    server.says("Serving on ('127.0.0.1', $PORT)", 'Connection established.',
                'Processing complete message: f\u00fcr 5 \u20ac', 'Connection lost.')
    server.stops()


@case
def an_unterminated_last_line_is_not_answered(bench):
    server, port = line_server(bench, '--quiet')
    sock = bench.connect(port)
    sock.sendall(b'whole\npart')
    sock.shutdown(socket.SHUT_WR)
    expect(receive_all(sock), b'Processed: whole\n', 'the answers')
    server.stops()


@case
def a_line_at_the_limit_passes_and_one_byte_more_ends_the_connection_in_order(bench):
    server, port = line_server(bench, '--limit', '20')
    sock = bench.connect(port)
    sock.sendall(b'x' * 20 + b'\r\n')
    expect(receive(sock, 32), b'Processed: ' + b'x' * 20 + b'\n', 'the answer')
    sock.sendall(b'before\n' + b'y' * 21 + b'\nafter\n')
    expect(receive_all(sock), b'Processed: before\nLine too long\n', 'the last answers')
    other = bench.connect(port)
    other.sendall(b'still there\n')
    expect(receive(other, 23), b'Processed: still there\n', 'the answer to another client')
    other.close()
    server.interrupt()
    server.ends()


@case
def thirty_two_mebibytes_without_a_newline_are_refused_and_cost_no_memory(bench):
    server, port = line_server(bench, '--quiet')
    sock = bench.connect(port)
    sock.sendall(b'warm up\n' * 30000)
    receive(sock, 19 * 30000)
    before = high_water(server)
    sent = 0
    try:
        while sent < 32 << 20:
            sent += sock.send(b'x' * 65536)
    except OSError:
        pass
    if sent >= 32 << 20:
        raise Story('all of it was taken')
    if MEASURED and high_water(server) - before > 1 << 20:
        raise Story(f'the most memory it had grew by {high_water(server) - before} bytes')
    server.stops()


@case
def a_client_that_reads_no_answers_harms_nobody_else(bench):
    server, port = line_server(bench, '--quiet')
    deaf = bench.connect(port, receive=4096)
    deaf.sendall(b'nobody reads this\n' * 2000)
    other = bench.connect(port)
    other.sendall(b'hello\n')
    expect(receive(other, 17), b'Processed: hello\n', 'the answer')
    server.stops()


# ---------------------------------------------------------------- frames

def frame(data):
    return struct.pack('>I', len(data)) + data


def receive_frame(sock):
    head = receive(sock, 4)
    return receive(sock, struct.unpack('>I', head)[0]) if len(head) == 4 else None


def frame_server(bench, *options):
    server = bench.ours('frame_server', '--port', '0', *options)
    return server, server.port()


@case
def requests_are_answered_and_a_shout_arrives_unasked(bench):
    server, port = frame_server(bench)
    one, other = bench.connect(port), bench.connect(port)
    other.sendall(frame(b'count'))
    expect(receive_frame(other), b'2', 'the count')
    one.sendall(frame(b'echo hello') + frame(b'echo ') + frame(b'nonsense'))
    expect([receive_frame(one) for _ in range(3)], [b'hello', b'', b'what?'], 'the answers')
    other.sendall(frame(b'shout all of you \0\n'))
    expect(receive_frame(one), b'all of you \0\n', 'what arrived unasked')
    other.sendall(frame(b'count'))
    expect(receive_frame(other), b'2', 'the count, and no shout to whoever shouted')
    one.close()
    for _ in range(1000):
        other.sendall(frame(b'count'))
        if receive_frame(other) == b'1':
            break
    else:
        raise Story('who left is still counted')
    server.interrupt()
    server.ends()


@case
def frames_of_every_size_byte_by_byte_and_all_at_once(bench):
    server, port = frame_server(bench)
    sock = bench.connect(port)
    data = bytes_of_every_kind(300)
    for at in range(0, 300, 7):
        request = frame(b'echo ' + data[:at])
        for byte in range(len(request)):
            sock.sendall(request[byte:byte + 1])
        expect(receive_frame(sock), data[:at], 'the echo')
    large = bytes_of_every_kind(65536 - 5)
    sock.sendall(frame(b'echo ' + large) * 3)
    expect([receive_frame(sock) == large for _ in range(3)], [True] * 3, 'whether large frames came back')
    server.interrupt()
    server.ends()


@case
def a_frame_over_the_limit_ends_that_connection_and_no_other(bench):
    server, port = frame_server(bench)
    sock, other = bench.connect(port), bench.connect(port)
    sock.sendall(frame(b'echo last') + struct.pack('>I', 65537))
    expect(receive_frame(sock), b'last', 'the answer before it')
    ended(sock)
    sock.close()
    other.sendall(struct.pack('>I', 0xffffffff))
    ended(other)
    third = bench.connect(port)
    third.sendall(frame(b'echo here'))
    expect(receive_frame(third), b'here', 'the answer to another client')
    server.interrupt()
    server.ends()


@case
def frame_client_and_frame_server(bench):
    server, port = frame_server(bench)
    client = bench.ours('frame_client', '--port', str(port))
    client.type(b'echo hello\necho \nnonsense\n')
    client.says('hello', '', 'what?')
    loud = bench.connect(port)
    loud.sendall(frame(b'shout unasked'))
    expect(client.line(4), 'unasked', 'what arrived unasked')
    client.type(b'echo tail')
    client.end_input()
    client.ends()
    client.says('hello', '', 'what?', 'unasked', 'tail')
    server.interrupt()
    server.ends()


@case
def frame_client_finds_nobody(bench):
    client = bench.ours('frame_client', '--port', str(bench.free_port()))
    client.ends(1)
    client.complains(r'^frame_client: .*Connect call failed')


# ---------------------------------------------------------------- blocks

@each(copied=(), into_the_block=('--buffered',))
def blocks_of_a_mebibyte(bench, *options):
    size = (8 if WRAP else 32) << 20
    server = bench.ours('block_sink', '--port', '0', *options)
    sock = bench.connect(server.port())
    block = bytes(1 << 20)
    for _ in range(size >> 20):
        sock.sendall(block)
    sock.sendall(b'and a part of one')
    sock.close()
    copied = 0 if options else size + 17
    found = re.match(r'(\d+) blocks, (\d+) bytes copied', server.line(2))
    expect(found and found.groups(), (str(size >> 20), str(copied)), 'blocks and bytes copied')
    server.interrupt()
    server.ends()


# ---------------------------------------------------------------- programs that are wrong on purpose

@case
def one_recv_one_message_takes_two_joined_lines_for_one_message(bench):
    server = bench.ours('bad/one_recv_one_message', '--port', '0')
    sock = bench.connect(server.port())
    sock.sendall(b'hello\nworld\n')
    expect(server.line(2), 'Message of 11 bytes: "hello\\nworld"', 'what it took for a message')
    sock.close()
    server.ends()


@case
def one_recv_one_message_takes_a_split_line_for_two_messages(bench):
    server = bench.ours('bad/one_recv_one_message', '--port', '0')
    sock = bench.connect(server.port())
    sock.sendall(b'hello wo')
    expect(server.line(2), 'Message of 8 bytes: "hello wo"', 'the first part')
    sock.sendall(b'rld\n')
    expect(server.line(3), 'Message of 3 bytes: "rld"', 'the second part')
    sock.close()
    server.ends()


@case
def one_send_a_reply_answers_the_same(bench):
    server = bench.ours('bad/one_send_a_reply', '--port', '0')
    sock = bench.connect(server.port())
    sock.sendall(b'one\ntw')
    sock.sendall(b'o\r\n')
    expect(receive(sock, 30), b'Processed: one\nProcessed: two\n', 'the answers')
    sock.close()
    server.stops()


@case
def search_again_takes_longer_and_longer(bench):
    program = bench.ours('bad/search_again', '--most', '1' if WRAP else '2')
    program.ends()
    for line in program.out.lines:
        if not re.fullmatch(r' *\d+ MiB +\d+\.\d+ s +\d+\.\d+ s', line):
            raise Story(f'not a line of its table: {line!r}')


# ---------------------------------------------------------------- one send for many answers

# LeakSanitizer does not work under strace.
NO_LEAKS = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"


def sends_for(bench, name, options, request, answer):
    """How many sends 50 deliveries of the request cost."""
    log = bench.file(b'')
    server = bench.theirs('env', NO_LEAKS, 'strace', '-f', '-o', log, f'{BIN}/{name}', '--port', '0', *options)
    sock = bench.connect(server.port())
    for _ in range(50):
        sock.sendall(request)
        expect(receive(sock, len(answer)), answer, 'the answers')
    sock.close()
    os.killpg(server.process.pid, signal.SIGINT)     # strace itself does not mind
    server.ends()
    with open(log, encoding='ascii', errors='replace') as file:
        return len(re.findall(r'^\d+ +(?:sendto|sendmsg)\(', file.read(), re.MULTILINE))


def sixteen_lines_cost(bench, name, options, sends):
    line = b'x' * 63 + b'\n'
    expect(sends_for(bench, name, options, line * 16, (b'Processed: ' + line) * 16), sends, 'sends for 50 deliveries')


def sixteen_frames_cost_one_send(bench):
    data = b'x' * 55
    expect(sends_for(bench, 'frame_server', (), frame(b'echo ' + data) * 16, frame(data) * 16), 50,
           'sends for 50 deliveries')


if strace_works():
    CASES.append(('sixteen_lines_cost[line_server]', sixteen_lines_cost, ('line_server', ('--quiet',), 50)))
    CASES.append(('sixteen_lines_cost[one_send_a_reply]', sixteen_lines_cost, ('bad/one_send_a_reply', (), 800)))
    CASES.append(('sixteen_frames_cost_one_send', sixteen_frames_cost_one_send, ()))
