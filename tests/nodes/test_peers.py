"""A node's connections to its peers: what is not sent at once is handed back, and nothing leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import zmq

from nodes.free_ports import Ports
from nodes.peers import AFRESH_MS, MAX_STRANGERS, MAX_WATCHED, Peers
from nodes.sockets import Context, Socket, receive, request_dealer, request_router
from tests.networks import addresses, wait_until

ID = "00000000000000b2"

Listen = Callable[..., tuple[Socket, str]]


@pytest.fixture
def peers(context: Context) -> Iterator[Peers]:
    """The connections of one node, none at first."""
    peers = Peers(context, request_dealer)
    yield peers
    peers.close(goodbye=False)


@pytest.fixture
def listen(context: Context) -> Iterator[Listen]:
    """What makes a request port, with its address; on a free port where none is given."""
    sockets: list[Socket] = []

    def listen(address: str = "127.0.0.1:0") -> tuple[Socket, str]:
        host, port = address.split(":")
        socket, bound = request_router(context, host, int(port))
        sockets.append(socket)
        return socket, f"{host}:{bound}"

    yield listen
    for socket in sockets:
        socket.close()


def next_frames(socket: Socket) -> list[bytes]:
    """The frames that arrive next, without the routing id."""
    wait_until("a message arrives", lambda: socket.poll(0, zmq.POLLIN))
    frames = receive(socket)
    assert frames is not None
    return frames[1:]


def test_a_peer_is_sent_to_by_its_id(peers: Peers, listen: Listen) -> None:
    """Once it is known where an id listens, and as soon as there is a connection."""
    socket, address = listen()
    peers.connect([(ID, address)], 0)
    wait_until("the message is taken", lambda: peers.send(ID, [b"x", b"body"], 0))
    assert next_frames(socket) == [b"x", b"body"]


def test_a_stranger_is_sent_to_by_its_address(peers: Peers, listen: Listen) -> None:
    """With the first attempt a connection is begun; until it stands, messages are handed back."""
    socket, address = listen()
    wait_until("the message is taken", lambda: peers.send(f"@{address}", [b"x"], 0))
    assert next_frames(socket) == [b"x"]


def test_who_is_unknown_is_not_sent_to(peers: Peers) -> None:
    """An id that is no peer's, and an address that is none: handed back at once."""
    assert not peers.send(ID, [b"x"], 0)
    assert not peers.send("@nonsense", [b"x"], 0)
    assert not peers.send("@127.0.0.1:port", [b"x"], 0)


def test_who_is_down_is_not_sent_to(peers: Peers, ports: Ports) -> None:
    """Nobody listens there: every message is handed back, none waits for a connection."""
    peers.connect([(ID, addresses(ports.take(1))[0])], 0)
    assert not any(peers.send(ID, [b"x"], 0) for _ in range(100))


def test_nothing_waits_for_a_peer_that_comes_back(
    peers: Peers, listen: Listen, ports: Ports
) -> None:
    """It is sent what comes after its return, and nothing of what was handed back before."""
    (address,) = addresses(ports.take(1))
    peers.connect([(ID, address)], 0)
    assert not peers.send(ID, [b"before"], 0)
    socket, _ = listen(address)
    wait_until("the message is taken", lambda: peers.send(ID, [b"after"], 0))
    assert next_frames(socket) == [b"after"]


def test_a_peer_that_is_heard_is_connected_to_at_once(
    peers: Peers, listen: Listen, ports: Ports
) -> None:
    """After a bounce its word is reason to connect anew, but not more often than now and then."""
    (address,) = addresses(ports.take(1))
    peers.connect([(ID, address)], 0)
    assert not peers.send(ID, [b"x"], 0)
    first = peers._lines[address]
    peers.heard_from(ID, AFRESH_MS - 1)
    assert peers._lines[address] is first
    peers.heard_from(ID, AFRESH_MS)
    second = peers._lines[address]
    assert second is not first
    assert all(dealer.closed for dealer in first.dealers)
    assert not peers.send(ID, [b"x"], AFRESH_MS)
    peers.heard_from(ID, AFRESH_MS + 1)
    assert peers._lines[address] is second


def test_hearing_a_connected_peer_changes_nothing(peers: Peers, listen: Listen) -> None:
    """A connection that works is left alone."""
    _, address = listen()
    peers.connect([(ID, address)], 0)
    wait_until("the message is taken", lambda: peers.send(ID, [b"x"], 0))
    before = peers._lines[address]
    peers.heard_from(ID, 10 * AFRESH_MS)
    assert peers._lines[address] is before


def test_a_peer_that_moved_is_found_at_its_new_address(peers: Peers, listen: Listen) -> None:
    """The connection to its former address is closed."""
    _, before = listen()
    socket, after = listen()
    peers.connect([(ID, before)], 0)
    former = peers._lines[before]
    peers.connect([(ID, after)], 0)
    assert all(dealer.closed for dealer in former.dealers)
    wait_until("the message is taken", lambda: peers.send(ID, [b"x"], 0))
    assert next_frames(socket) == [b"x"]


def test_connections_to_strangers_are_bounded(peers: Peers, ports: Ports) -> None:
    """The oldest stranger's goes when there are more; members keep theirs."""
    (member,) = addresses(ports.take(1))
    peers.connect([(ID, member)], 0)
    for port in range(1, MAX_STRANGERS + 10):
        peers.send(f"@127.0.0.1:{port}", [b"x"], 0)
    assert len(peers._lines) == 1 + MAX_STRANGERS
    assert member in peers._lines
    assert "127.0.0.1:1" not in peers._lines


def test_a_stranger_that_becomes_a_member_keeps_its_connection(
    peers: Peers, listen: Listen
) -> None:
    """What was begun by its address is used under its id."""
    socket, address = listen()
    wait_until("the message is taken", lambda: peers.send(f"@{address}", [b"x"], 0))
    before = peers._lines[address]
    peers.connect([(ID, address)], 0)
    assert peers._lines[address] is before
    assert peers.send(ID, [b"y"], 0)
    assert [next_frames(socket), next_frames(socket)] == [[b"x"], [b"y"]]


def test_few_connections_that_are_not_made_are_watched(peers: Peers) -> None:
    """Each takes sockets, of which there are only so many; who is connected is watched no more."""
    nobody = [(f"{n:016x}", f"127.0.0.1:{n}") for n in range(1, 3 * MAX_WATCHED)]
    peers.connect(nobody, 0)
    watched = [line for line in peers._lines.values() if line.monitors]
    assert len(watched) == MAX_WATCHED
    peers.connect([], 0)
    assert not peers._watched


def test_who_is_connected_is_watched_no_more(peers: Peers, listen: Listen) -> None:
    """Its keys are right; one that comes later can be watched in its place."""
    _, address = listen()
    peers.connect([(ID, address)], 0)
    assert peers._lines[address].monitors
    wait_until("the message is taken", lambda: peers.send(ID, [b"x"], 0))
    assert not peers._lines[address].monitors
    assert not peers._watched
