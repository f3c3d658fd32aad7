"""A door into a network namespace: a socket made outside leads to an address inside.

The process also holds the namespace: it ends when its stdin does, which is when its maker is gone,
however that ended. `relay.py FD HOST PORT`, FD being the listening socket.
"""

from __future__ import annotations

import asyncio
import socket
import sys

PIECE_BYTES = 2**16


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()


async def _relay(listener: socket.socket, host: str, port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()  # nobody is there: so it is outside too
            return
        pumps = (_pump(reader, inner_writer), _pump(inner_reader, writer))
        await asyncio.gather(*pumps, return_exceptions=True)

    orphaned = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), orphaned.set)
    server = await asyncio.start_server(serve, sock=listener)
    print("ready", flush=True)
    await orphaned.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_relay(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])))
