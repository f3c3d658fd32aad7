"""Who is let in, and who is not: every kind of key, at every kind of port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from nodes.guard import Guard, ZapHandler
from nodes.keys import Dial, NetworkSecret, NodeKeys, pair_of
from nodes.line import Line
from nodes.secret_file import new_secret
from nodes.sockets import (
    DOMAINS,
    Context,
    Socket,
    files_dealer,
    files_router,
    gossip_publisher,
    gossip_subscriber,
    new_context,
    readable,
    receive_of,
    request_dealer,
    request_router,
)
from tests.networks import wait_until

SECRET, FORMER = new_secret(), new_secret()
UNKNOWN = "key refused: none of this network's, from 127.0.0.1"


class Handler:
    """A guard at work, and what it has told."""

    def __init__(self, context: Context, *secrets: NetworkSecret) -> None:
        self.guard = Guard(NodeKeys(secrets))
        self.refused: list[str] = []
        self.failures: list[BaseException] = []
        self.thread = ZapHandler(context, self.guard, self._count, self._on_failure)
        self.thread.start()

    def _count(self, reason: str, address: str) -> None:
        self.refused.append(f"{reason}, from {address}")

    def _on_failure(self, error: BaseException) -> None:
        self.failures.append(error)


@pytest.fixture
def context() -> Iterator[Context]:
    """A context that waits until all that is in it is closed, by the thread whose it is."""
    context = new_context()
    yield context
    context.term()


@pytest.fixture
def handler(context: Context) -> Handler:
    """For the network of SECRET; its thread ends with the context."""
    return Handler(context, SECRET)


@pytest.fixture
def router(context: Context, handler: Handler) -> Iterator[tuple[Socket, str]]:
    """A request port of the network of SECRET, and its address."""
    socket, port = request_router(context, "127.0.0.1", 0, SECRET.server)
    yield socket, f"127.0.0.1:{port}"
    socket.close()


def outcome(line: Line) -> str:
    """What becomes of a connection: "", or why there is none."""
    wait_until("it is known", lambda: line.look() or line.is_up is not None)
    wait_until("it is known why", lambda: line.look() or line.is_up or line.why)
    return line.why


def connect(context: Context, address: str, *dials: Dial | None) -> Line:
    """A line with these keys."""
    return Line(context, request_dealer, address, dials)


def test_a_message_has_the_name_of_its_key(context: Context, router: tuple[Socket, str]) -> None:
    """Told by ZeroMQ, whatever the connection is called and the message says."""
    socket, address = router
    for key in ("node", "admin-0", "reader-4096", "writer-17"):
        line = connect(context, address, SECRET.dial(key))
        line.dealers[0].set(zmq.ROUTING_ID, b"node")
        assert outcome(line) == ""
        line.send([b'{"from":"00000000000000a1"}'])
        wait_until("it has arrived", lambda: readable(socket))
        received = receive_of(socket)
        assert received is not None
        assert received[0] == key
        line.close()
    assert receive_of(socket) is None


def test_who_has_another_secret_gets_no_connection(
    context: Context, router: tuple[Socket, str], handler: Handler
) -> None:
    """It is broken off before the guard hears of it: the port cannot even be talked to."""
    line = connect(context, router[1], FORMER.dial("node"))
    assert outcome(line) == (
        "breaks the handshake off: perhaps it has another secret than that with fingerprint "
        f"{FORMER.fingerprint}, or none"
    )
    assert not line.is_refused
    line.close()
    assert handler.refused == []


@pytest.mark.parametrize("key", ["writer-0", "writer-4097", "root", "server", ""])
def test_who_has_a_key_that_there_is_not_is_refused(
    context: Context, router: tuple[Socket, str], handler: Handler, key: str
) -> None:
    """Though made of the same secret, and though it knows the key of the port."""
    line = connect(context, router[1], SECRET.dial(key))
    assert "does not admit this key" in outcome(line)
    assert line.is_refused
    line.close()
    wait_until("it is counted", lambda: {*handler.refused} == {UNKNOWN})


def test_who_has_made_up_a_key_is_refused(
    context: Context, router: tuple[Socket, str], handler: Handler
) -> None:
    """What the key of the port is, every client knows."""
    stranger = Dial(SECRET.server.public, pair_of(bytes(range(32))))
    line = connect(context, router[1], stranger)
    assert "does not admit this key" in outcome(line)
    line.close()
    wait_until("it is counted", lambda: {*handler.refused} == {UNKNOWN})


def test_who_does_not_encrypt_gets_no_connection(
    context: Context, router: tuple[Socket, str]
) -> None:
    """And is told what it lacks."""
    line = connect(context, router[1], None)
    assert outcome(line) == "takes encrypted connections alone: give --secret FILE"
    with pytest.raises(zmq.Again):
        line.send([b"x"])
    line.close()
    assert receive_of(router[0]) is None


def test_a_port_that_does_not_encrypt_is_not_talked_to(context: Context) -> None:
    """Who has a secret sends nothing without, though the other side would take it."""
    socket, port = request_router(context, "127.0.0.1", 0)
    line = connect(context, f"127.0.0.1:{port}", SECRET.dial("node"))
    assert "has another secret than" in outcome(line)
    with pytest.raises(zmq.Again):
        line.send([b"x"])
    line.close()
    assert not readable(socket)
    socket.close()


def test_of_several_keys_the_one_that_fits_is_used(
    context: Context, router: tuple[Socket, str]
) -> None:
    """In whichever order; that another does not fit is nothing to tell."""
    for secrets in ((FORMER, SECRET), (SECRET, FORMER)):
        line = connect(context, router[1], *NodeKeys(secrets).dials())
        assert outcome(line) == ""
        assert line.fingerprint == SECRET.fingerprint
        line.send([b"x"])
        line.send([b"y"])
        wait_until("both arrive", lambda: readable(router[0]))
        assert receive_of(router[0]) is not None
        wait_until("both arrive", lambda: readable(router[0]))
        assert receive_of(router[0]) is not None
        line.close()


def test_a_former_secret_is_taken_as_long_as_it_is_told(context: Context) -> None:
    """Who knows the port by its new key may still have a key of the old secret."""
    Handler(context, SECRET, FORMER)
    socket, port = request_router(context, "127.0.0.1", 0, SECRET.server)
    for key in ("node", "reader-7"):
        old = Dial(SECRET.server.public, FORMER.dial(key).own)
        line = connect(context, f"127.0.0.1:{port}", old)
        assert outcome(line) == ""
        line.close()
    socket.close()


def test_a_denied_key_is_let_in_no_more(
    context: Context, router: tuple[Socket, str], handler: Handler
) -> None:
    """From then on; others of its role are."""
    handler.guard.denied = frozenset({"writer-17"})
    line = connect(context, router[1], SECRET.dial("writer-17"))
    assert "it was denied" in outcome(line)
    wait_until("it is told whose", lambda: "writer-17" in "".join(handler.refused))
    line.close()
    other = connect(context, router[1], SECRET.dial("writer-18"))
    assert outcome(other) == ""
    other.close()


def test_gossip_is_for_nodes(context: Context, handler: Handler) -> None:
    """Nobody else may hear it; files are for clients too."""
    publisher, port = gossip_publisher(context, "127.0.0.1", 0, SECRET.server)
    files, files_port = files_router(context, "127.0.0.1", 0, SECRET.server)
    for key, hears in (("admin-0", False), ("reader-1", False), ("node", True)):
        gossip = Line(context, gossip_subscriber, f"127.0.0.1:{port}", [SECRET.dial(key)])
        assert (outcome(gossip) == "") == hears
        gossip.close()
        line = Line(context, files_dealer, f"127.0.0.1:{files_port}", [SECRET.dial(key)])
        assert outcome(line) == ""
        line.close()
    publisher.close()
    files.close()


def test_what_a_stranger_publishes_is_not_heard(context: Context) -> None:
    """A subscriber knows the key of whom it hears: who has not the secret cannot speak to it."""
    publisher, port = gossip_publisher(context, "127.0.0.1", 0)
    other, other_port = gossip_publisher(context, "127.0.0.1", 0, FORMER.server)
    for stranger in (port, other_port):
        line = Line(context, gossip_subscriber, f"127.0.0.1:{stranger}", [SECRET.dial("node")])
        assert "has another secret than" in outcome(line)
        line.close()
    publisher.close()
    other.close()


@pytest.mark.parametrize("domain", [*DOMAINS, "", "other", "request"])
@pytest.mark.parametrize("name", ["node", "admin-0", "reader-1", "", "nobody"])
def test_who_is_admitted_where(domain: str, name: str) -> None:
    """The whole table: nodes everywhere, clients where requests and files are, nobody else."""
    admitted = Guard(NodeKeys((SECRET,))).admits(domain, name)
    is_client = name in ("admin-0", "reader-1")
    assert admitted == (
        domain in DOMAINS and (name == "node" or (is_client and domain != "gossip"))
    )


# The handler is gone.


def test_where_nobody_answers_nobody_is_admitted(context: Context) -> None:
    """ZeroMQ would let everybody in: the socket insists."""
    socket, port = request_router(context, "127.0.0.1", 0, SECRET.server)
    line = connect(context, f"127.0.0.1:{port}", SECRET.dial("node"))
    wait_until("it has failed", lambda: line.look() and line.is_up is False)
    with pytest.raises(zmq.Again):
        line.send([b"x"])
    line.close()
    socket.close()


def test_a_handler_that_fails_says_so_and_admits_nobody(
    context: Context, router: tuple[Socket, str], handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that went wrong."""

    def fail(public_key: bytes) -> str:
        raise OSError("broken")

    monkeypatch.setattr(handler.guard, "whose", fail)
    line = connect(context, router[1], SECRET.dial("node"))
    wait_until("the failure is told", lambda: handler.failures)
    assert str(handler.failures[0]) == "broken"
    line.close()
    later = connect(context, router[1], SECRET.dial("node"))
    wait_until("it has failed", lambda: later.look() and later.is_up is False)
    later.close()
    handler.thread.join()


def test_a_handler_ends_with_its_context() -> None:
    """Quietly: that is how a node stops."""
    context = new_context()
    handler = Handler(context, SECRET)
    context.term()
    handler.thread.join()
    assert handler.failures == []
