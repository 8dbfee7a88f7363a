"""Chapter 7's programs with their peers: OpenSSL's own programs and Python's ssl, in both roles, and curl."""
import os
import select
import socket
import ssl
import subprocess
import threading

from peers import PATIENCE, Story, bytes_of_every_kind, case, each, expect, own_words, receive, reset

FOLDER = 'build/certificates'
ENDED = ['Received EOF from server.', 'The server closed the connection']
VERSIONS = {'1_2': ssl.TLSVersion.TLSv1_2, '1_3': ssl.TLSVersion.TLSv1_3}


MAKING = threading.Lock()


def file(name):
    with MAKING:
        if not os.path.exists(f'{FOLDER}/self-signed.pem'):
            subprocess.run(['tests/tools/make_certificates', FOLDER], check=True)
    return f'{FOLDER}/{name}'


def serve(bench, *options):
    server = bench.ours('tls_echo_server', '--port', '0', '--quiet', '--cert', file('server.pem'),
                        '--key', file('server.key'), *options)
    return server, server.port()


def context_of_a_client(version=None, certificate=None):
    context = ssl.create_default_context(cafile=file('ca.pem'))
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if certificate:
        context.load_cert_chain(file(certificate + '.pem'), file(certificate + '.key'))
    return context


class PythonServer:
    """Echoes to one client, with Python's ssl."""

    def __init__(self, bench, certificate='server', version=None, demand=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file(certificate + '.pem'), file(certificate + '.key'))
        if version:
            context.minimum_version = context.maximum_version = VERSIONS[version]
        if demand:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(file('ca.pem'))
        self.listener, self.port = bench.listen()
        self.version, self.peer = None, None
        self.thread = threading.Thread(target=self.run, args=(context,), daemon=True)
        self.thread.start()

    def run(self, context):
        try:
            sock, _ = self.listener.accept()
            with context.wrap_socket(sock, server_side=True) as tls:
                self.version, self.peer = tls.version(), tls.getpeercert()
                tls.sendall(tls.recv(1000))
                tls.unwrap()
        except OSError:
            pass


def both_ways(tls, data):
    """Sends the data and receives as much, each whenever it can. OpenSSL's connection is for one thread at a time, and
    Python 3.11 does not see to that: a thread that sends while another receives now and then spoils the stream."""
    tls.setblocking(False)
    sent, received = 0, bytearray()
    while len(received) < len(data):
        moved = False
        try:
            if sent < len(data):
                sent += tls.send(memoryview(data)[sent:sent + 16384])
                moved = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            piece = tls.recv(1 << 16)
            if not piece:
                raise Story(f'the stream ended after {len(received)} of {len(data)} bytes')
            received += piece
            moved = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if not moved and not any(select.select([tls], [tls] if sent < len(data) else [], [], PATIENCE)):
            raise Story(f'waited for {len(data)} bytes, but only {len(received)} came')
    tls.settimeout(PATIENCE)
    return bytes(received)


def a_client(bench, port, *options):
    return bench.ours('tls_echo_client', '--port', str(port), '--ca', file('ca.pem'), *options)


# ---------------------------------------------------------------- our server

@each(tls_1_2=('1_2',), tls_1_3=('1_3',))
def our_tls_server_and_pythons_client(bench, version):
    server, port = serve(bench)
    data = bytes_of_every_kind(300000)
    tls = context_of_a_client(version).wrap_socket(bench.connect(port), server_hostname='localhost')
    expect(tls.version(), f'TLSv{version.replace("_", ".")}', 'the version')
    expect(both_ways(tls, data) == data, True, 'that what came back is what was sent')
    tls.unwrap().close()
    server.stops()


@each(tls_1_2=('-tls1_2',), tls_1_3=('-tls1_3',))
def our_tls_server_and_openssl_s_client(bench, version):
    server, port = serve(bench)
    client = bench.theirs('openssl', 's_client', '-quiet', '-verify_return_error', version, '-CAfile', file('ca.pem'),
                          '-verify_hostname', 'localhost', '-connect', f'127.0.0.1:{port}')
    client.type(b'warp and weft\n')
    client.says('warp and weft')
    client.process.terminate()
    server.stops()


def a_curl(bench, port, *options, authority='ca.pem', host='localhost'):
    """Its request is so worded that the echo of it is an answer without a body, with which curl is content."""
    return bench.theirs('curl', '--silent', '--show-error', '--include', '--max-time', '20', '--noproxy', '*',
                        '--cacert', file(authority), '--resolve', f'{host}:{port}:127.0.0.1', '--http1.1',
                        '--request', 'HTTP/1.1 200', '--header', 'Content-Length: 0', *options,
                        f'https://{host}:{port}/warp')


@each(tls_1_2=('1.2',), tls_1_3=('1.3',))
def our_tls_server_and_curl(bench, version):
    server, port = serve(bench)
    client = a_curl(bench, port, f'--tlsv{version}', '--tls-max', version)
    client.ends()
    expect(client.out.lines[0], 'HTTP/1.1 200 /warp HTTP/1.1\r', "the first line of curl's answer")
    server.stops()


@each(unknown_authority=('other-ca.pem', 'localhost', 'unable to get local issuer certificate'),
      another_host=('ca.pem', 'elsewhere.test', "target host name 'elsewhere.test'"))
def our_tls_server_is_refused_by_curl(bench, authority, host, why):
    server, port = serve(bench)
    client = a_curl(bench, port, authority=authority, host=host)
    client.ends(60)
    expect(why in client.err.lines[0], True, f'that curl complains of {why}')
    expect(client.out.lines, [], 'what curl wrote')
    a_curl(bench, port).ends()
    server.stops()


@case
def our_tls_server_demands_a_certificate_of_curl(bench):
    server, port = serve(bench, '--ca', file('ca.pem'))
    client = a_curl(bench, port)
    client.ends(56)
    expect(client.out.lines, [], 'what curl wrote')
    known = a_curl(bench, port, '--cert', file('client.pem'), '--key', file('client.key'))
    known.ends()
    expect(known.out.lines[0], 'HTTP/1.1 200 /warp HTTP/1.1\r', "the first line of curl's answer")
    server.stops()


@case
def our_tls_server_lets_nobody_in_without_a_certificate_if_it_demands_one(bench):
    server, port = serve(bench, '--ca', file('ca.pem'))
    try:
        tls = context_of_a_client('1_2').wrap_socket(bench.connect(port), server_hostname='localhost')
        raise Story(f'a client without a certificate was let in: {tls.version()}')
    except ssl.SSLError as why:
        if 'HANDSHAKE_FAILURE' not in str(why):
            raise Story(f'the client was told {why}') from None
    tls = context_of_a_client(certificate='client').wrap_socket(bench.connect(port), server_hostname='localhost')
    tls.sendall(b'known')
    expect(receive(tls, 5), b'known', 'the echo')
    tls.unwrap().close()
    server.stops()


@case
def our_tls_client_lives_through_the_alert_of_a_server_that_demands_a_certificate(bench):
    server, port = serve(bench, '--ca', file('ca.pem'))
    client = a_client(bench, port, '--verbose')
    client.ends()
    expect(client.out.lines[-1], 'TLS has failed, and tells nothing of the connection any more.', 'its last line')
    server.stops()


@case
def our_tls_server_outlives_all_kinds_of_bad_clients(bench):
    server, port = serve(bench)
    plain = bench.connect(port)
    plain.sendall(b'GET / HTTP/1.0\r\n\r\n')
    receive(plain, 1 << 20)
    for size in (0, 1, 5, 100):
        sock = bench.connect(port)
        sock.sendall(b'\x16\x03\x01\x02\x00\x01'.ljust(size, b'\0')[:size])
        reset(sock)
    tls = context_of_a_client().wrap_socket(bench.connect(port), server_hostname='localhost')
    tls.sendall(b'x')
    expect(receive(tls, 1), b'x', 'the echo')
    with socket.socket(fileno=tls.detach()) as below:
        below.sendall(b'garbage after the handshake')
        below.settimeout(10)
        while below.recv(1000):
            pass
    tls = context_of_a_client().wrap_socket(bench.connect(port), server_hostname='localhost')
    tls.sendall(b'still there')
    expect(receive(tls, 11), b'still there', 'the echo')
    tls.close()
    server.stops()


@each(without=((), 'a server needs a certificate'),
      that_is_missing=(('--cert', '/no/such.pem'), "[Errno 2] No such file or directory: '/no/such.pem'"))
def a_tls_server_and_a_certificate(bench, options, complaint):
    server = bench.ours('tls_echo_server', '--port', '0', *options)
    server.ends(2)
    expect(own_words(server.err.lines), [f'tls_echo_server: {complaint}'], 'what it wrote to standard error')


# ---------------------------------------------------------------- our client

@each(tls_1_2=('1_2',), tls_1_3=('1_3',))
def our_tls_client_and_pythons_server(bench, version):
    server = PythonServer(bench, version=version)
    client = a_client(bench, server.port, 'Hello under TLS')
    client.ends()
    expect(client.out.lines, ['Sending: Hello under TLS', 'Received echo: Hello under TLS', *ENDED], 'what it wrote')
    server.thread.join(10)
    expect(server.version, f'TLSv{version.replace("_", ".")}', 'the version')


@each(unknown_authority=('server', 'other-ca.pem', 'localhost', 'unable to get local issuer certificate'),
      self_signed=('self-signed', 'ca.pem', 'localhost', 'self-signed certificate'),
      expired=('expired', 'ca.pem', 'localhost', 'certificate has expired'),
      another_host=('elsewhere', 'ca.pem', 'localhost',
                    "Hostname mismatch, certificate is not valid for 'localhost'."))
def our_tls_client_refuses(bench, certificate, authority, name, why):
    server = PythonServer(bench, certificate)
    client = bench.ours('tls_echo_client', '--port', str(server.port), '--ca', file(authority), '--name', name)
    client.ends(1)
    expect(own_words(client.err.lines),
           [f'tls_echo_client: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}'],
           'what it wrote to standard error')
    expect(client.out.lines, [], 'what it wrote')


@case
def our_tls_client_shows_its_certificate(bench):
    server = PythonServer(bench, demand=True)
    client = a_client(bench, server.port, '--cert', file('client.pem'), '--key', file('client.key'), 'me')
    client.ends()
    expect(client.out.lines, ['Sending: me', 'Received echo: me', *ENDED], 'what it wrote')
    server.thread.join(10)
    expect((('commonName', 'a client'),) in server.peer['subject'], True, 'that the server knows the client')


@case
def our_tls_client_and_a_server_that_speaks_no_tls(bench):
    listener, port = bench.listen()
    client = a_client(bench, port)
    sock = bench.accept(listener)
    sock.sendall(b'HTTP/1.0 400 Bad Request\r\n\r\n')
    client.ends(1)
    expect(own_words(client.err.lines), ['tls_echo_client: [SSL: WRONG_VERSION_NUMBER] wrong version number'],
           'what it wrote to standard error')


@each(tls_1_2=('-tls1_2',), tls_1_3=('-tls1_3',))
def our_tls_client_and_openssl_s_server(bench, version):
    port = bench.free_port()
    server = bench.theirs('openssl', 's_server', '-accept', f'127.0.0.1:{port}', version, '-naccept', '1',
                          '-cert', file('server.pem'), '-key', file('server.key'))
    server.until(lambda: 'ACCEPT' in server.out.lines, 'ACCEPT')
    client = a_client(bench, port, 'from our client')
    client.says('Sending: from our client')
    server.until(lambda: b'from our client' in server.out.data, 'what our client says')
    server.type(b'answer\n')
    client.says('Sending: from our client', 'Received echo: answer')
    client.interrupt()
    client.ends()


# ---------------------------------------------------------------- ours and ours

@case
def our_tls_server_and_our_tls_client(bench):
    server, port = serve(bench)
    client = a_client(bench, port, '--verbose', 'both ours')
    client.says('Sending: both ours', 'Received echo: both ours')
    client.interrupt()
    client.ends()
    expect(client.line(3).startswith('TLSv1.3, '), True, 'that it tells the version')
    server.stops()


@case
def our_tls_server_says_that_the_address_is_in_use(bench):
    _, port = bench.listen()
    server = bench.ours('tls_echo_server', '--port', str(port), '--cert', file('server.pem'),
                        '--key', file('server.key'))
    server.ends(1)
    expect(own_words(server.err.lines),
           [f"tls_echo_server: [Errno 98] error while attempting to bind on address ('127.0.0.1', {port}): "
            'address already in use'], 'what the server wrote to standard error')
