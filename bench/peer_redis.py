"""Redis with two replicas: each of the three appends every write to its file and syncs it, and a
write counts once one of the replicas has done so as well (`WAIT 1`).
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.connection import Connection
from bench.peers import Callers, Case, Keys, Peer, Say
from bench.process import free_ports, installed, server
from bench.readiness import until
from bench.resp import RedisError, Replies, Reply, command
from bench.samples import VALUE

HOST = "127.0.0.1"
HOW = "on Debian: apt install redis-server"
PERSISTENT = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
WAIT_ONE = command(b"WAIT", b"1", b"0")


class Redis:
    """One connection to the primary. Several commands at a time are a pipeline, writes with one
    WAIT at its end; a write alone is sent together with its WAIT."""

    name = "Redis"

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: Connection[Reply] = Connection(Replies())

    async def connect(self) -> None:
        """Connect to the primary, and wait for both replicas."""
        await until(self._connected)
        await until(self._both_replicas_hold)

    def callers(self, case: Case) -> Callers:
        """A pipeline, be it of one."""
        return Callers([self._get if case.what == "get" else self._put], case.keys)

    def note(self) -> str:
        """What differs from the others."""
        return "gets are answered by the primary alone; several at a time are one pipeline"

    async def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _connected(self) -> bool:
        await self._connection.connect(HOST, self._port)
        return True

    async def _both_replicas_hold(self) -> bool:
        wait = command(b"WAIT", b"2", b"1000")
        return (await self._connection.ask(command(b"SET", b"probe", VALUE) + wait, 2))[-1] == 2

    async def _put(self, keys: Keys) -> None:
        commands = [command(b"SET", key.encode(), VALUE) for key in keys]
        *stored, replicas = await self._connection.ask(
            b"".join([*commands, WAIT_ONE]), len(keys) + 1
        )
        if stored != [b"OK"] * len(keys) or not isinstance(replicas, int) or replicas < 1:
            raise RedisError(f"a write was answered {stored[:3]!r}, and {replicas!r}")

    async def _get(self, keys: Keys) -> None:
        commands = [command(b"GET", key.encode()) for key in keys]
        found = await self._connection.ask(b"".join(commands), len(keys))
        if found != [VALUE] * len(keys):
            raise RedisError(f"a read was answered {found[:3]!r}")


class RedisPy:
    """The same through the client that programs in Python use, with the same pipelines."""

    name = "redis-py"

    def __init__(self, port: int) -> None:
        self._port = port
        self._client: Any = None

    async def connect(self) -> None:
        """Connect to the primary."""
        self._client = importlib.import_module("redis").Redis(HOST, self._port)

    def callers(self, case: Case) -> Callers:
        """A pipeline, be it of one. As nothing else is under way meanwhile, it may block."""
        return Callers([self._get if case.what == "get" else self._put], case.keys)

    def note(self) -> str:
        """What differs from the others."""
        return "the same Redis, through the PyPI package redis"

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    async def _put(self, keys: Keys) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.set(key, VALUE)
        pipeline.execute_command("WAIT", 1, 0)
        if pipeline.execute()[-1] < 1:
            raise RedisError("no replica has a write")

    async def _get(self, keys: Keys) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.get(key)
        if pipeline.execute() != [VALUE] * len(keys):
            raise RedisError("a read was answered something else")


@contextlib.contextmanager
def redis(folder: Path, say: Say) -> Iterator[Sequence[Peer]]:
    """Start a primary and two replicas."""
    binary = installed("redis-server", HOW)
    primary, *replicas = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in (primary, *replicas):
            data = folder / str(port)
            data.mkdir(parents=True)
            where = ("--bind", HOST, "--port", str(port), "--dir", str(data))
            of = () if port == primary else ("--replicaof", f"{HOST} {primary}")
            stack.enter_context(server([binary, *where, *PERSISTENT, *of], data))
        if importlib.util.find_spec("redis") is None:
            say("The PyPI package redis is not installed, so Redis is measured without it.")
            yield [Redis(primary)]
        else:
            yield [Redis(primary), RedisPy(primary)]
