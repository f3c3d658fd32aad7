"""etcd, three nodes: a write counts once a majority has synced it to its log.

It is asked through its JSON gateway, which is a part of etcd and translates to gRPC; that takes
etcd some time that a client of gRPC would save.
"""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.connection import Connection
from bench.http import Response, Responses, post
from bench.peers import BATCH, PUT_BATCH, Callers, Case, Keys, Peer, Say
from bench.process import free_ports, installed, server
from bench.readiness import until
from bench.samples import VALUE

HOST = "127.0.0.1"
HOW = "on Debian: apt install etcd-server"
CONNECTIONS = 64
VALUE_TEXT = b64encode(VALUE).decode()


class EtcdError(Exception):
    """It did not do what it was asked."""


class Gateway:
    """One connection, with one request under way at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: Connection[Response] = Connection(Responses())

    async def connect(self) -> None:
        """Raises OSError where nobody listens."""
        await self._connection.connect(HOST, self._port)

    async def put(self, keys: Keys) -> None:
        """Store one value."""
        await self._ask("/v3/kv/put", _put(keys[0]))

    async def get(self, keys: Keys) -> None:
        """Read one value as a majority has it."""
        answer = await self._ask("/v3/kv/range", {"key": _text(keys[0])})
        if orjson.loads(answer)["kvs"][0]["value"] != VALUE_TEXT:
            raise EtcdError(f"a read was answered {answer!r:.200}")

    async def put_many(self, keys: Keys) -> None:
        """Store several values in one transaction."""
        await self._ask("/v3/kv/txn", {"success": [{"requestPut": _put(key)} for key in keys]})

    async def leads(self) -> bool:
        """Is the member at this port the leader?"""
        status = orjson.loads(await self._ask("/v3/maintenance/status", {}))
        return bool(status.get("leader") == status["header"]["member_id"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _ask(self, path: str, what: dict[str, Any]) -> bytes:
        [response] = await self._connection.ask(post(HOST, path, orjson.dumps(what)))
        if response.status != 200:
            raise EtcdError(f"{path} was answered {response.status}: {response.body!r:.200}")
        return response.body


def _put(key: str) -> dict[str, str]:
    return {"key": _text(key), "value": VALUE_TEXT}


def _text(key: str) -> str:
    return b64encode(key.encode()).decode()


class Etcd:
    """Connections to the leader, so that no request is passed on."""

    name = "etcd"

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._leader = 0
        self._gateways: list[Gateway] = []

    async def connect(self) -> None:
        """Wait for a leader and connect to it."""
        await until(self._has_leader)
        self._gateways = [Gateway(self._leader) for _ in range(CONNECTIONS)]
        for gateway in self._gateways:
            await gateway.connect()

    def callers(self, case: Case) -> Callers:
        """A connection for each request in flight; a batch is a transaction."""
        if case == PUT_BATCH:
            return Callers([self._gateways[0].put_many], case.keys)
        some = self._gateways[: case.keys]
        return Callers([each.put if case.what == "put" else each.get for each in some], 1)

    def note(self) -> str:
        """What differs from the others."""
        return "asked through its JSON gateway, over a connection for each request in flight"

    async def close(self) -> None:
        """Close the connections."""
        for gateway in self._gateways:
            gateway.close()

    async def _has_leader(self) -> bool:
        for port in self._ports:
            gateway = Gateway(port)
            try:
                await gateway.connect()
                if await gateway.leads():
                    self._leader = port
                    return True
            finally:
                gateway.close()
        return False


@contextlib.contextmanager
def etcd(folder: Path, _say: Say) -> Iterator[Sequence[Peer]]:
    """Start three members."""
    binary = installed("etcd", HOW)
    free = free_ports(6)
    ports, peer_ports = free[:3], free[3:]
    members = [f"m{n}=http://{HOST}:{port}" for n, port in enumerate(peer_ports)]
    with contextlib.ExitStack() as stack:
        for n, (port, peer_port) in enumerate(zip(ports, peer_ports, strict=True)):
            data = folder / f"m{n}"
            data.mkdir(parents=True)
            client, peer = f"http://{HOST}:{port}", f"http://{HOST}:{peer_port}"
            words = {
                "--name": f"m{n}",
                "--data-dir": str(data / "data"),
                "--listen-client-urls": client,
                "--advertise-client-urls": client,
                "--listen-peer-urls": peer,
                "--initial-advertise-peer-urls": peer,
                "--initial-cluster": ",".join(members),
                "--initial-cluster-state": "new",
                "--max-txn-ops": str(BATCH),
                "--logger": "zap",
                "--log-level": "error",
            }
            arguments = [word for pair in words.items() for word in pair]
            stack.enter_context(server([binary, *arguments], data))
        yield [Etcd(ports)]
