"""How a fuzzer gets at the three ports of a node: by raw TCP, and by sockets of ZeroMQ with a key
or without one. What it sends as messages is in fuzzing.py."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from time import time
from typing import Self

import zmq

from actors.actor import EVERYBODY, Address, Envelope
from actors.membership import Member
from actors.messages import Rumour, Tell
from actors.shared import SharedEntry
from nodes.client import Client
from nodes.keys import Dial
from nodes.ports import FILES, REQUESTS
from nodes.secret_file import read_node_keys
from nodes.sockets import Context, Socket, files_dealer, request_dealer
from nodes.wire import encode
from tests.networks import DEADLINE_S, NodeProcess, wait_until
from tests.nodes.fuzz_limits import CLIENTS, PUBLISHER, Target
from tests.nodes.fuzzing import ADDRESSES, drawn_for, published_to

Send = Callable[[Context, "Subject", str, str, int, int], None]
"""What sends so many frames to a port: its name, who sends, the seed and the number."""

LIFE = 2_000
"""So many messages a connection: one id that is too high, and no later write is taken."""
SUBSCRIBED = 1_000
UNREAD = 4
LOOK_MS = 100
RING = 32
FENCE = 2**61
_numbers = count(1)


class Subject:
    """A node process that serves, and how to get in: with its secret, if it has one."""

    def __init__(self, node: NodeProcess, secret_file: Path | None) -> None:
        self.node = node
        self._secret_file = secret_file
        self.secret = None if secret_file is None else read_node_keys(secret_file).secrets[0]
        [ready] = node.logged("ready")
        with self.client() as client:
            [me] = client.members()
        self.target = Target(me, str(ready["network"]))
        files, gossip = me.files_address, me.gossip_address
        self.addresses = {"requests": me.address, "gossip": gossip, "files": files}

    def client(self) -> Client:
        """A proper one, with its ordinary time-out."""
        return Client(self.node.listen, secret=self._secret_file)

    def dial(self, key: str) -> Dial | None:
        """To connect with a key of this name, if there are keys."""
        return None if self.secret is None else self.secret.dial(key)


# Messages.


class Stream:
    """A DEALER at one port, whose answers are read and thrown away."""

    def __init__(self, context: Context, port: str, address: str, dial: Dial | None) -> None:
        make = request_dealer if port == "requests" else files_dealer
        self._dealer = make(context, dial)
        self._dealer.connect(f"tcp://{address}")
        self._fence = b""
        self._is_answered = False

    def send(self, frames: list[bytes]) -> None:
        """As soon as there is room."""
        wait_until("there is room", self._has_room)
        self._dealer.send_multipart(frames)

    def _has_room(self) -> bool:
        while self._dealer.poll(0):
            self._read()
        return bool(self._dealer.poll(LOOK_MS, zmq.POLLOUT))

    def _read(self) -> None:
        head = self._dealer.recv_multipart()[0]
        self._is_answered = self._is_answered or self._fence in head

    def catch_up(self) -> None:
        """Return when the port has taken all that was sent. What has no type is answered at once,
        whoever asks, and in its turn."""
        number = FENCE + next(_numbers)
        self._fence, self._is_answered = b'"id":%d,' % number, False
        self.send([b'{"v":1,"batch":[{"id":%d}]}' % number])

        def is_answered() -> bool:
            while not self._is_answered and self._dealer.poll(LOOK_MS):
                self._read()
            return self._is_answered

        wait_until("the port has taken all", is_answered)

    def close(self) -> None:
        """End it."""
        self._dealer.close(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def send_messages(
    context: Context, subject: Subject, port: str, who: str, seed: int, amount: int
) -> None:
    """As a client, in each role in turn; as a node; or, without keys, as both."""
    kind = REQUESTS if port == "requests" else FILES
    for start in range(0, amount, LIFE):
        key = "node" if who == "node" else CLIENTS[start // LIFE % len(CLIENTS)]
        with Stream(context, port, subject.addresses[port], subject.dial(key)) as stream:
            for number in range(start, min(amount, start + LIFE)):
                stream.send(drawn_for(kind, subject.target, f"{port} {who}", seed, number))
                if number % UNREAD == 0:
                    stream.catch_up()
            stream.catch_up()


# Raw TCP.


def greeting(mechanism: bytes, as_server: int = 0, version: bytes = b"\x03\x01") -> bytes:
    """The beginning of ZMTP."""
    head = b"\xff" + bytes(8) + b"\x7f" + version + mechanism.ljust(20, b"\0")[:20]
    return head + bytes([as_server]) + bytes(31)


def command(name: bytes, data: bytes) -> bytes:
    """A command of ZMTP."""
    return framed(bytes([len(name)]) + name + data, 4)


def framed(body: bytes, flags: int = 0) -> bytes:
    """A frame of ZMTP, of its shortest form."""
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8, "big") + body


def ready(kind: bytes) -> bytes:
    """Said by a socket of this kind that does without keys."""
    properties = b"\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
    return command(b"READY", properties + b"\x08Identity" + bytes(4))


def recorded_hello(context: Context, dial: Dial) -> bytes:
    """What somebody says first who knows the public key of the network's nodes."""
    dealer = request_dealer(context, dial)
    with socket.create_server(("127.0.0.1", 0)) as server:
        dealer.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        connection, _ = server.accept()
        with connection:
            connection.settimeout(DEADLINE_S)
            connection.sendall(greeting(b"CURVE", 1))
            said = b""
            while len(said) < 64 + 202:
                said += connection.recv(4_096)
    dealer.close(linger=0)
    return said[64:]


KINDS = (b"DEALER", b"REQ", b"ROUTER", b"SUB", b"XSUB", b"PUB", b"PULL", b"?" * 300)


def pieces(rng: Random, hello: bytes) -> Iterator[bytes]:
    """What one stranger sends, a frame or command at a time."""
    how = rng.random()
    if how < 0.1:
        yield from [rng.randbytes(rng.randrange(1, 300)) for _ in range(5)]
        return
    if how < 0.2:
        yield b"GET / HTTP/1.1\r\n\r\n"
    mechanism = rng.choice(
        (b"NULL", b"NULL", b"PLAIN", b"CURVE", b"CURVE", b"GSSAPI", b"\xff" * 20)
    )
    version = rng.choice(
        (b"\x03\x01", b"\x03\x01", b"\x03\x00", b"\x02\x00", b"\x01\x00", b"\xff\xff")
    )
    first = greeting(mechanism, rng.randrange(2), version)
    yield first if rng.random() < 0.9 else _mutated(rng, first)
    if mechanism == b"CURVE":
        random_hello = command(b"HELLO", b"\x01\0" + bytes(72) + rng.randbytes(120))
        yield rng.choice((hello, hello, random_hello, _mutated(rng, hello or random_hello)))
        yield rng.choice(
            (command(b"INITIATE", rng.randbytes(rng.choice((0, 104, 248, 9_000)))), b"")
        )
    elif mechanism == b"PLAIN":
        yield command(b"HELLO", b"\x05admin\x05admin")
    elif rng.random() < 0.9:
        said = ready(rng.choice(KINDS))
        yield said if rng.random() < 0.9 else _mutated(rng, said)
    for _ in range(200 if rng.random() < 0.01 else rng.choice((1, 2, 5, 20))):
        yield _piece(rng)


def _mutated(rng: Random, data: bytes) -> bytes:
    """Cut, or with a byte changed."""
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


NAMES = (b"HELLO", b"WELCOME", b"INITIATE", b"READY", b"ERROR", b"MESSAGE", b"PING", b"PONG")


def _piece(rng: Random) -> bytes:
    """A frame or a command."""
    how, data = rng.randrange(12), rng.randbytes(rng.randrange(40))
    if how == 0:
        flags = rng.randrange(256)
        return bytes([flags]) + rng.choice((2**63 - 1, 2**64 - 1, 5 * 2**20, 300)).to_bytes(
            8, "big"
        )
    if how == 1:
        return framed(data, rng.randrange(256))
    if how < 5:
        return command(rng.choice(NAMES), data)
    if how < 7:
        topic = data if rng.random() < 0.9 else data * 100
        names = (b"SUBSCRIBE", b"CANCEL")
        return rng.choice(
            (framed(b"\x01" + topic), framed(b"\0" + topic), command(rng.choice(names), topic))
        )
    if how < 10:
        return framed(data, rng.randrange(2))
    return rng.choice((framed(b""), framed(b"", 1), framed(b'{"v":1,"batch":[{"id":1}]}')))


def send_raw(
    context: Context, subject: Subject, port: str, who: str, seed: int, amount: int
) -> None:
    """By so many connections as it takes, a few of them open at once. Each is read to its end, so
    the node has read all of it, or cut it off."""
    dial = subject.dial("writer-1")
    hello = b"" if dial is None else recorded_hello(context, dial)
    host, number = subject.addresses[port].split(":")
    opened: deque[socket.socket] = deque()
    left = amount
    for life in count():
        if left <= 0:
            break
        said = list(pieces(Random(f"{port} {who} {seed} {life}"), hello))
        left -= len(said)
        stranger = socket.create_connection((host, int(number)), DEADLINE_S)
        opened.append(stranger)
        _say(stranger, b"".join(said))
        if len(opened) >= RING:
            _read_to_the_end(opened.popleft())
    for stranger in opened:
        _read_to_the_end(stranger)


def _say(stranger: socket.socket, data: bytes) -> None:
    """All of it, if the node does not hang up before."""
    with contextlib.suppress(OSError):
        stranger.sendall(data)
        stranger.shutdown(socket.SHUT_WR)


def _read_to_the_end(stranger: socket.socket) -> None:
    with stranger, contextlib.suppress(ConnectionError):
        while stranger.recv(65_536):
            pass


# Gossip.


def subscribe(
    context: Context, subject: Subject, port: str, who: str, seed: int, amount: int
) -> None:
    """As one that hears the node, and sends it what a subscriber may, and may not. A node remembers
    what is subscribed to as long as the connection lasts, without a bound, and takes fifty bytes
    for one: so there are many connections."""
    for start in range(0, amount, SUBSCRIBED):
        listener: Socket = context.socket(zmq.XSUB)
        listener.set(zmq.SNDHWM, 0)
        listener.set(zmq.LINGER, 0)
        dial = subject.dial("node")
        if dial is not None:
            listener.set(zmq.CURVE_SERVERKEY, dial.server)
            listener.set(zmq.CURVE_PUBLICKEY, dial.own.public)
            listener.set(zmq.CURVE_SECRETKEY, dial.own.secret)
        listener.connect(f"tcp://{subject.addresses[port]}")
        for number in range(start, min(amount, start + SUBSCRIBED)):
            listener.send(subscription(Random(f"{port} {who} {seed} {number}")))
        _wait_heard(context, listener, subject)
        listener.close()


def subscription(rng: Random) -> bytes:
    """To or from something, or what is no subscription at all."""
    how = rng.random()
    if how < 0.2:
        return rng.randbytes(rng.randrange(100))
    size = rng.choice((0, 1, 2, 10, 40)) if how < 0.99 else 900
    return rng.choice((b"\x01", b"\x01", b"\0")) + rng.randbytes(size)


def _wait_heard(context: Context, listener: Socket, subject: Subject) -> None:
    """It has taken what came before, if it takes this."""
    listener.send(b"\x01{")
    with Stream(context, "requests", subject.node.listen, subject.dial("node")) as stream:

        def is_heard() -> bool:
            number = next(_numbers)
            _let_publish(stream, subject, number)
            while listener.poll(300):
                head, *body = listener.recv_multipart()
                if b'"mark"' in head and body == [b"%d" % number]:
                    return True
            return False

        wait_until("the node is heard", is_heard)


def _let_publish(stream: Stream, subject: Subject, number: int) -> None:
    """What the node did not know it tells everybody."""
    _tell(stream, subject, Tell(subject.target.network, (), (_mark("mark", number),)))


def _mark(key: str, number: int) -> SharedEntry:
    """Something shared that is later than all of that key before."""
    return SharedEntry(key, "json", b"%d" % number, int(time() * 1_000), number, PUBLISHER)


def _tell(stream: Stream, subject: Subject, tell: Tell) -> None:
    """As a node, and return when it is taken."""
    to, sender = Address(subject.target.me.id, "gossiper"), Address(PUBLISHER, "gossiper")
    stream.send(encode([Envelope(to, sender, tell, 1)], PUBLISHER))
    stream.catch_up()


def publish(
    context: Context, subject: Subject, port: str, who: str, seed: int, amount: int
) -> None:
    """As a member whom the node hears."""
    publisher: Socket = context.socket(zmq.XPUB)
    publisher.set(zmq.SNDHWM, 0)
    publisher.set(zmq.LINGER, 0)
    if subject.secret is not None:
        publisher.set(zmq.CURVE_SERVER, 1)
        publisher.set(zmq.CURVE_SECRETKEY, subject.secret.server.secret)
    bound = publisher.bind_to_random_port("tcp://127.0.0.1")
    _introduce(context, subject, f"127.0.0.1:{bound}")
    assert publisher.poll(int(DEADLINE_S * 1_000)), "the node does not listen"
    for number in range(amount):
        publisher.send_multipart(published_to(subject.target, f"{port} {who}", seed, number))
        if number % 1_000 == 0:
            _wait_told(publisher, subject)
    _wait_told(publisher, subject)
    publisher.close()


def _introduce(context: Context, subject: Subject, address: str) -> None:
    """Let the node know of a member that publishes there."""
    life = next(_numbers)
    liar = Member(PUBLISHER, "liar", ADDRESSES[0], address, ADDRESSES[0], 1, life, "stopped")
    with Stream(context, "requests", subject.node.listen, subject.dial("node")) as stream:
        _tell(stream, subject, Tell(subject.target.network, (liar,), ()))


def _wait_told(publisher: Socket, subject: Subject) -> None:
    """It has taken what came before, if it takes this."""
    number = next(_numbers)
    mark, network = _mark("told", number), subject.target.network
    rumour = Rumour(network, PUBLISHER, f"b{number}", 1, 0, (), (mark,), (), False, 0)
    to, sender = Address(EVERYBODY, "gossiper"), Address(PUBLISHER, "gossiper")
    publisher.send_multipart(encode([Envelope(to, sender, rumour)], PUBLISHER))
    with subject.client() as client:
        wait_until("the node has heard", lambda: client.shared("told") == {"told": number})
