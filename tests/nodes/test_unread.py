"""What clients do not read waits for them, within bounds, and what they ask waits meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest
import zmq

from actors.actor import CLIENT, Address, Envelope
from actors.admission import MAX_HELD
from actors.messages import Got, Message, Unread
from nodes.logs import open_log
from nodes.loop import Link, NodeInfo
from nodes.mailbox import Mailbox
from nodes.node import Node
from nodes.sockets import Context, Socket, receive
from nodes.switch import SwitchHost
from nodes.tally import Tally
from nodes.unread import GONE, MAX_BYTES, UNREAD, UnreadReplies
from tests.networks import DEADLINE_S, client_of, wait_until
from tests.nodes.test_bad_input import count_of, message, request

LARGE = bytes(2**20)
NODE = "a" * 16


class Port:
    """Takes as many messages as there is room for. `gone` are clients that it does not know."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.gone: set[str] = set()
        self.sent: list[tuple[str, Sequence[bytes]]] = []
        self.dropped: list[tuple[str, str, int]] = []
        self.replies = UnreadReplies(self.send, lambda *what: self.dropped.append(what))

    def send(self, client: str, frames: Sequence[bytes]) -> None:
        if client in self.gone:
            raise zmq.ZMQError(zmq.EHOSTUNREACH)
        if not self.room:
            raise zmq.Again
        self.room -= 1
        self.sent.append((client, frames))


def test_replies_keep_their_order_while_they_wait() -> None:
    """Also those for which there would be room by then."""
    port = Port(room=1)
    for n in range(3):
        port.replies.send("slow", [b"%d" % n], 1)
    port.room = 1
    port.replies.send("slow", [b"3"], 1)
    port.replies.send("quick", [b"0"], 1)
    assert port.sent == [("slow", [b"0"]), ("quick", [b"0"])]
    for _ in range(2):
        port.room = 2
        port.replies.retry()
    assert port.sent[2:] == [("slow", [b"1"]), ("slow", [b"2"]), ("slow", [b"3"])]
    assert port.dropped == []


def test_it_is_told_for_whom_replies_wait() -> None:
    """Once, and once that they do no longer."""
    port = Port()
    assert (port.replies.has_news, port.replies.news()) == (False, [])
    port.replies.send("slow", [b"0"], 1)
    assert (port.replies.has_news, port.replies.news()) == (True, [("slow", True)])
    assert (port.replies.has_news, port.replies.news()) == (False, [])
    port.room = 1
    port.replies.retry()
    assert (port.replies.has_news, port.replies.news()) == (True, [("slow", False)])
    assert not port.replies.has_news


def test_what_waits_is_bounded_in_bytes() -> None:
    """What is beyond is dropped and counted; what is read makes room."""
    port = Port()
    half = bytes(MAX_BYTES // 2)
    for replies in (1, 2, 3):
        port.replies.send("slow", [b"", half], replies)
        port.replies.send("other", [b""], 1)
    assert port.dropped == [(UNREAD, "slow", 3)]
    port.room = 1
    port.replies.retry()
    port.replies.send("slow", [half], 4)
    assert port.dropped == [(UNREAD, "slow", 3)]


def test_another_bound_may_be_set() -> None:
    """As the file port does."""
    port = Port()
    replies = UnreadReplies(port.send, lambda *what: port.dropped.append(what), max_bytes=10)
    for size_bytes in (6, 5, 4, 1):
        replies.send("slow", [bytes(size_bytes)], size_bytes)
    assert port.dropped == [(UNREAD, "slow", 5), (UNREAD, "slow", 1)]


def test_who_is_gone_keeps_nothing_waiting() -> None:
    """Its replies are counted as dropped."""
    port = Port()
    port.replies.send("a", [b"0"], 1)
    port.replies.send("a", [b"1"], 2)
    port.gone.add("a")
    port.replies.retry()
    assert port.dropped == [(GONE, "a", 1), (GONE, "a", 2)]
    port.replies.send("a", [b"2"], 3)
    assert port.dropped[2:] == [(GONE, "a", 3)]
    assert port.replies.news() == []


@pytest.fixture
def reader(context: Context) -> Iterator[Socket]:
    """A client for which few answers are read before it asks."""
    dealer = context.socket(zmq.DEALER)
    dealer.set(zmq.RCVHWM, 1)
    dealer.set(zmq.RCVBUF, 2**16)
    yield dealer
    dealer.close(linger=0)


def read(dealer: Socket) -> list[bytes]:
    """The next message."""
    assert dealer.poll(int(DEADLINE_S * 1_000)), "no answer"
    return dealer.recv_multipart()


def test_nothing_is_dropped_of_who_reads_late(shared_node: Node, reader: Socket) -> None:
    """What it has asked waits while much is unread: every answer comes, and is whole."""
    with client_of(shared_node.address) as client:
        client.put("large", LARGE)
        assert client.get("large") == LARGE
    reader.connect(f"tcp://{shared_node.address}")
    before = count_of(shared_node, "client does not read")
    for n in range(100):
        reader.send(message(request(id=n, keys=["large"], timeout_ms=30_000)))
    with client_of(shared_node.address) as client:
        assert client.get("large") == LARGE
    answered: list[int] = []
    size_bytes = 0
    while len(answered) < 100:
        head, body = read(reader)
        answered += [answer["id"] for answer in orjson.loads(head)["batch"]]
        size_bytes += len(body)
    assert sorted(answered) == list(range(100))
    assert size_bytes == 100 * len(LARGE)
    assert count_of(shared_node, "client does not read") == before


def test_who_does_not_read_is_refused_in_the_end(shared_node: Node, reader: Socket) -> None:
    """A thousand of its requests wait; those beyond are refused, which it finds when it reads."""
    with client_of(shared_node.address) as client:
        client.put("large", LARGE)
    reader.connect(f"tcp://{shared_node.address}")
    before = count_of(shared_node, "request while overloaded")
    asked = 0

    def is_refused() -> bool:
        nonlocal asked
        for _ in range(100):
            asked += 1
            reader.send(message(request(id=asked, keys=["large"], timeout_ms=60_000)))
        return count_of(shared_node, "request while overloaded") > before

    wait_until("one is refused", is_refused)
    assert asked > MAX_HELD
    while b"failed" not in (head := read(reader)[0]):
        assert b'"ok"' in head
    assert b"read the answers before asking for more" in head


@pytest.fixture
def switch(context: Context, tmp_path: Path) -> Iterator[tuple[SwitchHost, Socket]]:
    """A router's surroundings, without a router, and the request port."""
    log = open_log(tmp_path / "log.jsonl", "node1", "info", None)
    mailboxes = {"router": Mailbox("router")}
    news: Callable[[Message], None] = lambda message: None  # noqa: E731
    node, listen, tally = NodeInfo(NODE, "node1"), ("127.0.0.1", 0), Tally(log.events)
    host = SwitchHost(node, context, mailboxes, news, tally, listen, log, trace_all=False)
    _, requests, _ = host.open()
    yield host, requests
    host.close(goodbye=False)
    log.close()


def test_the_router_is_told_for_whom_replies_wait(
    switch: tuple[SwitchHost, Socket], reader: Socket
) -> None:
    """At once, although no message comes that its loop would wake for."""
    host, requests = switch
    reader.connect(f"tcp://127.0.0.1:{host.port}")
    reader.send(b"hello")
    wait_until("it is there", lambda: requests.poll(0))
    frames = receive(requests)
    assert frames is not None
    client = Address(CLIENT, frames[0].hex())
    reply = Envelope(client, Address(NODE, "router"), Got(("ok",), ("bytes",), (LARGE,), (), ()), 1)
    sent = 0
    while not host.has_more():
        assert sent < MAX_BYTES // len(LARGE)
        host.send(Link("client", client.actor), [reply])
        sent += 1
    told = [e.message for e in host.receive(())]
    assert told == [Unread(client, waits=True)]
    assert not host.has_more()

    def has_come() -> bool:
        told.extend([e.message for e in host.receive(())])
        return bool(reader.poll(0))

    for _ in range(sent):
        wait_until("the next reply is there", has_come)
        read(reader)
    assert told[1:] == [Unread(client, waits=False)]
