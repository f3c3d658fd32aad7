"""A node that does only what a test tells it to: a request port, and nobody behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, fields
from typing import Any, TypeVar

import orjson
import zmq

from actors.errors import GossamerError
from actors.membership import Member
from actors.messages import FilesReport
from actors.versions import Kind
from nodes.sockets import Context, Socket, receive, request_router
from tests.networks import DEADLINE_S, wait_until

T = TypeVar("T")


class ScriptedNode:
    """Takes requests when it is asked to, and answers what it is told. For one thread."""

    def __init__(self, context: Context, listen: str = "127.0.0.1:0") -> None:
        host, port = listen.split(":")
        self._socket, bound = request_router(context, host, int(port))
        self.address = f"{host}:{bound}"

    def next_request(self, key: str = "") -> tuple[bytes, dict[str, Any]]:
        """The next request's client and header; of those that are about a key, if it is given."""
        while True:
            client, batch = self.next_batch()
            (header,) = batch
            if not key or key in header["keys"]:
                return client, header

    def next_batch(self) -> tuple[bytes, list[dict[str, Any]]]:
        """The client and the headers of the next message."""
        wait_until("a request arrives", lambda: self._socket.poll(0, zmq.POLLIN))
        frames = receive(self._socket)
        assert frames is not None
        return frames[0], orjson.loads(frames[1])["batch"]

    def answer_next(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Answer the next request with these; its header."""
        client, header = self.next_request()
        self.answer(client, header["id"], **fields)
        return header

    def has_request(self) -> bool:
        """Has any arrived that nobody has taken?"""
        return bool(self._socket.poll(0, zmq.POLLIN))

    def answer(self, client: bytes, id: int, body: bytes = b"", **fields: Any) -> None:
        """Send one reply, of these fields."""
        self.send(client, [orjson.dumps(reply_of(id, **fields)), *([body] if body else [])])

    def send(self, client: bytes, frames: Sequence[bytes]) -> None:
        """Send anything."""
        self._socket.send_multipart([client, *frames])

    def refuse(self, client: bytes, id: int, code: str) -> None:
        """Answer that the whole request was not taken on."""
        self.answer(client, id, type="failed", code=code, reason="told to", definite=True)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    @property
    def socket(self) -> Socket:
        """The request port."""
        return self._socket


def reply_of(id: int, **fields: Any) -> dict[str, Any]:
    """A message with one reply."""
    return {"v": 1, "from": "00000000000000f1", "batch": [{"id": id, **fields}]}


def got(value: bytes) -> dict[str, Any]:
    """The fields of an answer to a get of one key, whose value is JSON; the value is the body."""
    columns = {"codes": ["ok"], "kinds": ["json"], "values": [len(value)]}
    return {"type": "got", "body": value, **columns, "versions": [], "replicas": []}


def written(*names: str, keys: int = 1) -> dict[str, Any]:
    """The fields of an answer to a write of so many keys, which these nodes have stored."""
    columns = {"codes": ["ok"] * keys, "versions": ["v"] * keys, "replicas": [names] * keys}
    return {"type": "written", **columns}


NO_FILES = dict.fromkeys([field.name for field in fields(FilesReport)], 0)


def checked(**changes: Any) -> dict[str, Any]:
    """The fields of an answer about a network of three that is well, but for these changes."""
    counts: dict[str, Any] = {"epoch": 7, "members": 3, "under_replicated": 0, "without_quorum": 0}
    flags = {"moving": False, "safe_to_stop": True}
    columns = dict.fromkeys(("reasons", "movers", "to_move", "moved", "silent", "hinted"), ())
    fields = {**counts, **flags, **columns, "hints": (), "files": NO_FILES}
    return {"type": "checked", **fields, **changes}


def explained(**changes: Any) -> dict[str, Any]:
    """The fields of an answer about a key that node1 and node2 hold, but for these changes."""
    place = {"position": "ab" * 20, "partition": 2748, "epoch": 7}
    owners = {"owners": ["node1", "node2"], "new_owners": [], "replicas": ["node1", "node2"]}
    held = {"codes": ["ok"] * 2, "kinds": ["json"] * 2, "versions": ["v"] * 2, "sizes": [6] * 2}
    rest = {"expiries": [0, 0], "hinted": []}
    return {"type": "explained", **place, **owners, **held, **rest, **changes}


def members_listed(digest: str, *members: Member, waiting: str = "") -> dict[str, Any]:
    """The fields of an answer with these members."""
    rows = [asdict(member) for member in members]
    fields = {"network": "n", "digest": digest, "members": rows, "waiting": waiting}
    return {"type": "members_listed", **fields}


def keys_changed(
    cursor: str, *keys: str, kind: Kind = "json", missed: bool = False
) -> dict[str, Any]:
    """The fields of an answer with these changed keys, of one kind, whose versions are all "v"."""
    columns = {"keys": keys, "versions": ["v"] * len(keys), "kinds": [kind] * len(keys)}
    return {"type": "keys_changed", **columns, "cursor": cursor, "missed": missed}


def background(call: Callable[..., T], *arguments: Any) -> Future[T]:
    """The outcome to be of a call that waits, in its own thread, while the test plays the node."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call(*arguments))
        except GossamerError as error:
            outcome.set_exception(error)

    # A daemon: where a call never ends the test fails, and does not hang.
    threading.Thread(target=run, daemon=True).start()
    return outcome


def failure(call: Future[Any]) -> BaseException:
    """The error that a call ends with."""
    error = call.exception(DEADLINE_S)
    assert error is not None
    return error
