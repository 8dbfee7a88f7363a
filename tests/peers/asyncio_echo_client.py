#!/usr/bin/python3
"""An echo client on asyncio's protocols: the peer that our echo_server is tried against."""
import argparse
import asyncio
import sys


class Client(asyncio.Protocol):
    """Says one thing, prints what comes back, and waits for the server to go."""

    def __init__(self, message, on_con_lost):
        self.message = message
        self.on_con_lost = on_con_lost

    def connection_made(self, transport):
        print(f'Sending: {self.message}', flush=True)
        transport.write(self.message.encode())

    def data_received(self, data):
        print(f"Received echo: {data.decode('utf-8', 'backslashreplace').strip()}", flush=True)

    def eof_received(self):
        print('Received EOF from server.', flush=True)

    def connection_lost(self, exc):
        if self.on_con_lost.done():
            return
        print('The server closed the connection', flush=True)
        self.on_con_lost.set_result(True)


async def talk(options):
    loop = asyncio.get_running_loop()
    on_con_lost = loop.create_future()
    try:
        transport, _ = await loop.create_connection(
            lambda: Client(options.message, on_con_lost), options.host, options.port)
    except ConnectionRefusedError:
        print('Connection refused. Is the server running?', flush=True)
        return 1
    try:
        await on_con_lost
    finally:
        transport.close()
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=8888)
    parser.add_argument('message', nargs='?', default='Hello World!')
    options = parser.parse_args()
    try:
        sys.exit(asyncio.run(talk(options)))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit(f'asyncio_echo_client: {error}')


if __name__ == '__main__':
    main()
