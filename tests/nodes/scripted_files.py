"""Nodes that serve files out of one dictionary, each at a port of its own in a thread, and do what
a test tells them to: lose answers, send wrong bytes, die.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import orjson
import zmq

from actors.actor import CLIENT, Address, Envelope
from actors.membership import Member
from actors.messages import FILES_FROM_CLIENTS, ListMembers, MembersListed, Message
from nodes.codec import Body, Record
from nodes.sockets import Context, request_router
from nodes.wire import encode, type_name
from tests.actors.dictionary_files import DictionaryFiles

CHUNK = 2**16
"""The size of the chunks in which tests cut files."""
MIXED = b"".join(sha256(n.to_bytes(2, "big")).digest() * 2_048 for n in range(20)) + b"the rest"
"""21 chunks, all different."""

_RECORDS = {type_name(cls): Record(cls) for cls in FILES_FROM_CLIENTS | {ListMembers}}

Fate = Callable[[Message], str]
"""Of a request: "lose" it, "die" of it, or "" to answer it."""


class FileNode(threading.Thread):
    """One node: requests and files at one address. `asked` is what it was asked."""

    def __init__(self, context: Context, files: DictionaryFiles, number: int) -> None:
        super().__init__(daemon=True)
        self.files = files
        self.asked: list[Message] = []
        self.members: tuple[Member, ...] = ()
        self.fate: Fate = lambda request: ""
        self._id = f"{number:016x}"
        self._socket, port = request_router(context, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{port}"
        self.member = Member(
            self._id, f"node{number}", self.address, "127.0.0.1:1", self.address, 1, 0, "alive"
        )
        self._ended = threading.Event()

    def run(self) -> None:
        """Answer until it is stopped, or dies."""
        while not self._ended.is_set():
            if self._socket.poll(10, zmq.POLLIN):
                self._answer(self._socket.recv_multipart())
        self._socket.close()

    def _answer(self, frames: Sequence[bytes]) -> None:
        body = Body(frames[2] if len(frames) > 2 else b"")
        for header in orjson.loads(frames[1])["batch"]:
            request = _request(header, body)
            fate = self.fate(request)
            if fate == "die":
                self._ended.set()
                return
            if fate == "lose":
                continue
            self.asked.append(request)
            answer = self._answer_to(request)
            to, sender = Address(CLIENT, ""), Address(self._id, "router")
            reply = encode([Envelope(to, sender, answer, header["id"])], self._id)
            self._socket.send_multipart([frames[0], *reply])

    def _answer_to(self, request: Message) -> Message:
        if isinstance(request, ListMembers):
            return MembersListed("n", "d", self.members)
        return self.files.answer(request)

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join()


def _request(header: dict[str, Any], body: Body) -> Message:
    fields = {k: v for k, v in header.items() if k not in ("to", "type", "id", "trace")}
    request: Message = _RECORDS[header["type"]].decode(fields, body)
    return request


@contextmanager
def file_nodes(context: Context, count: int) -> Iterator[list[FileNode]]:
    """So many nodes that know each other and have the same files; they are gone at the end."""
    files = DictionaryFiles()
    nodes = [FileNode(context, files, number) for number in range(1, count + 1)]
    for node in nodes:
        node.members = tuple([n.member for n in nodes])
        node.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            node.stop()
