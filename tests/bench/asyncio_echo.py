#!/usr/bin/python3
"""The echo on CPython's asyncio, with nothing else to do: no printing, no formatting."""
import asyncio


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


async def serve():
    server = await asyncio.get_running_loop().create_server(Echo, '127.0.0.1', 0)
    print('Serving on', server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()


try:
    asyncio.run(serve())
except KeyboardInterrupt:
    pass
