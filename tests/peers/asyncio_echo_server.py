#!/usr/bin/python3
"""An echo server on asyncio's protocols: the peer that our echo_client is tried against."""
import argparse
import asyncio
import sys


def shown(data):
    """Text as it is, other bytes escaped."""
    return data.decode('utf-8', 'backslashreplace').strip()


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def __init__(self, quiet):
        self.quiet = quiet
        self.transport = None

    def say(self, line):
        if not self.quiet:
            print(line, flush=True)

    def connection_made(self, transport):
        self.transport = transport
        self.say(f"Connection from: {transport.get_extra_info('peername')}")

    def data_received(self, data):
        self.say(f'Data received: {shown(data)}')
        self.say(f'Echoing back: {shown(data)}')
        self.transport.write(data)

    def connection_lost(self, exc):
        self.say('Connection closed.')


async def serve(options):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(options.quiet), options.host, options.port)
    addresses = ', '.join(str(sock.getsockname()) for sock in server.sockets)
    print(f'Serving on {addresses}', flush=True)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=8888)
    parser.add_argument('--quiet', action='store_true')
    options = parser.parse_args()
    try:
        asyncio.run(serve(options))
    except KeyboardInterrupt:
        print('Server shut down.', flush=True)
    except OSError as error:
        sys.exit(f'asyncio_echo_server: {error}')


if __name__ == '__main__':
    main()
