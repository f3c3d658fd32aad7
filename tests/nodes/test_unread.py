"""What clients do not read is counted in bytes, and refused or dropped when it is too much."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
import zmq

from actors.admission import MAX_HELD
from nodes.node import Node
from nodes.sockets import Context, Socket, receive, request_router, send_tracked
from nodes.unread import LARGE_BYTES, MAX_IDLE, MIN_BYTES, UnreadBytes
from tests.networks import DEADLINE_S, client_of, wait_until
from tests.nodes.test_bad_input import count_of, message, request

LARGE = bytes(2**20)


@pytest.fixture
def router(context: Context) -> Iterator[tuple[Socket, int]]:
    """A request port, and where it is."""
    socket, port = request_router(context, "127.0.0.1", 0)
    yield socket, port
    socket.close()


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


def test_large_frames_are_counted_until_they_are_read(
    router: tuple[Socket, int], reader: Socket
) -> None:
    """Small ones are not: of messages there are only so many."""
    socket, port = router
    reader.connect(f"tcp://127.0.0.1:{port}")
    reader.send(b"hello")
    wait_until("it is there", lambda: socket.poll(0))
    frames = receive(socket)
    assert frames is not None
    unread = UnreadBytes()
    for _ in range(20):
        unread.add("aa", send_tracked(socket, [frames[0], b"head", LARGE], MIN_BYTES))
    assert unread.bytes_of("aa") > LARGE_BYTES
    assert unread.bytes_of("bb") == 0
    assert unread.news() == [("aa", True)]
    assert unread.news() == []
    assert [read(reader) for _ in range(20)] == [[b"head", LARGE]] * 20
    wait_until("all are read", lambda: unread.bytes_of("aa") == 0)
    assert unread.news() == [("aa", False)]
    small = bytes(MIN_BYTES - 1)
    assert send_tracked(socket, [frames[0], small], MIN_BYTES) == []
    assert read(reader) == [small]


def test_clients_that_are_gone_are_forgotten() -> None:
    """When there are many, and nothing waits for them any more."""
    unread = UnreadBytes()
    done = zmq.MessageTracker()
    for n in range(3 * MAX_IDLE):
        unread.add(f"{n:x}", [(done, 1)])
        assert len(unread._waiting) <= MAX_IDLE
        assert unread._bytes.keys() == unread._waiting.keys()


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
