"""The yardstick: what ZeroMQ and Python take for the same frames when nobody looks at them.

A ROUTER in a process of its own answers whatever comes with one reply made beforehand; a DEALER
asks in a loop that does nothing else. `python -m bench.echo` is the answering side.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import zmq

from actors.actor import CLIENT, ENDPOINT, Address, Envelope
from actors.messages import Get, Got, Message
from bench import bare
from bench.samples import VALUE, Sample
from nodes.wire import encode

NODE = "0123456789abcdef"
CHECK_MS = 1_000
"""How often an idle echo looks whether it is still wanted."""


def request_frames() -> list[bytes]:
    """A Get of one key, as a client sends it."""
    return _frames(
        Address(f"{ENDPOINT}127.0.0.1:7100", "router"), Get(("key-01234",), False, "quorum", 5000)
    )


def reply_frames() -> list[bytes]:
    """Its Got, with a value of 100 bytes."""
    return _frames(Address(CLIENT, ""), Got(("ok",), ("bytes",), (VALUE,), (), ()))


def _frames(to: Address, message: Message) -> list[bytes]:
    from_node = to.node == CLIENT
    sender = Address(NODE, "router") if from_node else Address(CLIENT, "")
    return encode([Envelope(to, sender, message, 12_345)], NODE if from_node else "")


class Echo:
    """The asking side, by a socket that is connected to the echo in this process."""

    def __init__(self, socket: bare.Socket, pid: int) -> None:
        self.pid = pid
        self._request = request_frames()
        self._socket = socket

    def measure(self, in_flight: int, seconds: float) -> Sample:
        """Ask for this long, with so many requests under way at a time."""
        if in_flight == 1:
            return self._one_at_a_time(seconds)
        socket, request = self._socket, self._request
        for _ in range(in_flight):
            socket.send_multipart(request)
        calls = 0
        began = answered = time.perf_counter()
        until = began + seconds
        while answered < until:
            socket.recv_multipart()
            socket.send_multipart(request)
            calls += 1
            answered = time.perf_counter()
        for _ in range(in_flight):
            socket.recv_multipart()
        return Sample(calls, answered - began, ())

    def _one_at_a_time(self, seconds: float) -> Sample:
        socket, request = self._socket, self._request
        each_us: list[float] = []
        began = asked = time.perf_counter()
        until = began + seconds
        while asked < until:
            socket.send_multipart(request)
            socket.recv_multipart()
            answered = time.perf_counter()
            each_us.append((answered - asked) * 1e6)
            asked = answered
        return Sample(len(each_us), asked - began, each_us)


@contextlib.contextmanager
def echo(*, encrypted: bool = False) -> Iterator[Echo]:
    """An echo in a process of its own, and who asks it."""
    with (
        bare.listening("bench.echo", encrypted=encrypted) as process,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.set(zmq.LINGER, 0)
        bare.connect(socket, process)
        yield Echo(socket, process.pid)


def serve() -> None:
    """Say where, then answer until the process that started this one is gone."""
    parent = os.getppid()
    reply = reply_frames()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.set(zmq.RCVTIMEO, CHECK_MS)
        bare.listen(socket)
        while os.getppid() == parent:
            with contextlib.suppress(zmq.Again):
                while True:
                    client = socket.recv_multipart()[0]
                    socket.send_multipart([client, *reply])


if __name__ == "__main__":
    serve()
