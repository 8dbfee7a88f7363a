"""Chapter 6's programs with their peers: nc, socat, asyncio and plain sockets, over UDP."""
import socket

from peers import PYTHON, Story, case, each, expect

ASYNCIO = '''
import asyncio, sys
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
        print("Serving on %r" % (transport.get_extra_info("sockname"),), flush=True)
    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)
class Ask(asyncio.DatagramProtocol):
    def __init__(self, done):
        self.done = done
    def connection_made(self, transport):
        transport.sendto(b"from asyncio")
    def datagram_received(self, data, addr):
        print("Received %r" % data.decode(), flush=True)
        self.done.set_result(None)
async def serve():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    await asyncio.sleep(600)
async def ask(port):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    await loop.create_datagram_endpoint(lambda: Ask(done), remote_addr=("127.0.0.1", port))
    await done
asyncio.run(serve() if len(sys.argv) == 1 else ask(int(sys.argv[1])))
'''


def server_of(bench, *arguments):
    server = bench.ours('udp_echo_server', '--port', '0', *arguments)
    return server, server.port()


def sender(bench, family=socket.AF_INET):
    return bench.keep(socket.socket(family, socket.SOCK_DGRAM))


def udp_port(bench):
    """A port that is free, for a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


@case
def udp_server_and_nc(bench):
    server, port = server_of(bench)
    client = bench.theirs('nc', '-u', '127.0.0.1', str(port))
    client.type(b'hello\n')
    client.says('hello')
    server.says("Serving on ('127.0.0.1', $PORT)", "Received 'hello", "' from ('127.0.0.1', $PORT)")
    server.interrupt()
    server.ends()


@each(ipv4=('127.0.0.1', 'UDP4:127.0.0.1'), ipv6=('::1', 'UDP6:[::1]'))
def udp_server_and_socat(bench, host, address):
    server, port = server_of(bench, '--host', host, '--quiet')
    client = bench.theirs('socat', '-', f'{address}:{port}')
    for word in (b'one\n', b'two\n', b'three\n'):
        client.type(word)
    client.says('one', 'two', 'three')
    server.interrupt()
    server.ends()


@case
def udp_server_and_asyncio(bench):
    server, port = server_of(bench)
    client = bench.theirs(PYTHON, '-c', ASYNCIO, str(port))
    client.says("Received 'from asyncio'")
    client.ends()
    server.interrupt()
    server.ends()


@case
def udp_server_gives_back_every_size(bench):
    _, port = server_of(bench, '--quiet')
    sock = sender(bench)
    for size in (0, 1, 63, 1472, 1473, 8192, 65507):
        sock.sendto(b'x' * size, ('127.0.0.1', port))
        data, who = sock.recvfrom(70000)
        expect((len(data), who), (size, ('127.0.0.1', port)), 'the echo and who it is from')


@case
def udp_server_keeps_many_clients_apart(bench):
    server, port = server_of(bench, '--quiet')
    socks = [sender(bench) for _ in range(50)]
    for number, sock in enumerate(socks):
        sock.sendto(b'%d' % number, ('127.0.0.1', port))
    for number, sock in enumerate(socks):
        expect(sock.recv(100), b'%d' % number, 'the echo')
    server.interrupt()
    server.ends()


@case
def udp_server_shows_bytes_of_every_kind(bench):
    server, port = server_of(bench)
    sock = sender(bench)
    data = bytes(range(256))
    sock.sendto(data, ('127.0.0.1', port))
    expect(sock.recv(1000), data, 'the echo')
    sock.sendto(b'\x1b[2J', ('127.0.0.1', port))
    expect(sock.recv(1000), b'\x1b[2J', 'the echo')
    server.until(lambda: any('\\x1b[2J' in line for line in server.out.lines), 'the escaped line')
    server.interrupt()
    server.ends()


@case
def udp_server_answers_whoever_has_left_and_goes_on(bench):
    server, port = server_of(bench, '--quiet')
    for _ in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b'gone', ('127.0.0.1', port))
    sock = sender(bench)
    sock.sendto(b'here', ('127.0.0.1', port))
    expect(sock.recv(100), b'here', 'the echo')
    server.interrupt()
    server.ends()


@case
def udp_server_says_when_its_address_is_in_use(bench):
    _, port = server_of(bench)
    second = bench.ours('udp_echo_server', '--port', str(port))
    second.ends(1)
    expect(second.err.lines, ['udp_echo_server: [Errno 98] Address already in use'], 'what it says')


@case
def udp_client_and_asyncio(bench):
    server = bench.theirs(PYTHON, '-c', ASYNCIO)
    client = bench.ours('udp_echo_client', '--port', str(server.port()), 'to asyncio')
    client.says('Send: to asyncio', 'Received: to asyncio')
    client.ends()


@case
def udp_client_waits_for_socat_to_come(bench):
    port = udp_port(bench)
    client = bench.ours('udp_echo_client', '--port', str(port), '--tries', '1000', '--wait', '0.1', 'early')
    client.says('Send: early', 'Error received: [Errno 111] Connection refused')
    bench.theirs('socat', f'UDP4-RECVFROM:{port},bind=127.0.0.1,fork', 'EXEC:cat')
    client.until(lambda: 'Received: early' in client.out.lines, 'the echo')
    client.ends()


@case
def udp_client_asks_again_when_every_second_is_lost(bench):
    _, port = server_of(bench, '--drop', '2')
    for word in ('first', 'second'):
        client = bench.ours('udp_echo_client', '--port', str(port), '--tries', '9', '--wait', '0.5', word)
        client.until(lambda c=client, w=word: f'Received: {w}' in c.out.lines, 'the echo')
        client.ends()
    expect('No answer for 0.50 s: sending again.' in client.out.lines, True, 'asked again')


@case
def udp_client_gives_up(bench):
    sock = sender(bench)
    sock.bind(('127.0.0.1', 0))
    client = bench.ours('udp_echo_client', '--port', str(sock.getsockname()[1]), '--tries', '3', '--wait', '0.05')
    client.ends(1)
    client.says('Send: Hello World!', 'No answer for 0.05 s: sending again.', 'No answer for 0.10 s: sending again.',
                'No answer after 3 tries.')
    expect([sock.recv(100) for _ in range(3)], [b'Hello World!'] * 3, 'what was sent')


@case
def udp_client_takes_only_an_echo(bench):
    sock = sender(bench)
    sock.bind(('127.0.0.1', 0))
    client = bench.ours('udp_echo_client', '--port', str(sock.getsockname()[1]), '--wait', '60', 'truth')
    data, who = sock.recvfrom(100)
    sock.sendto(b'lies', who)
    sock.sendto(b'', who)
    sock.sendto(data, who)
    client.says('Send: truth', 'Received 4 bytes that are no echo.', 'Received 0 bytes that are no echo.',
                'Received: truth')
    client.ends()


@case
def udp_client_can_be_interrupted(bench):
    sock = sender(bench)
    sock.bind(('127.0.0.1', 0))
    client = bench.ours('udp_echo_client', '--port', str(sock.getsockname()[1]), '--wait', '600')
    sock.recv(100)
    client.interrupt()
    client.ends(1)
    if len(client.out.lines) != 1:
        raise Story(f'after SIGINT it wrote {client.out.lines!r}')
