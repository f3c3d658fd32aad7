"""Every socket has the options that keep it from losing, blocking and growing without bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import zmq

from actors.gossip_settings import GossipSettings
from nodes.free_ports import Ports
from nodes.secret_file import MAX_LINES
from nodes.sockets import (
    MAX_FRAMES,
    MAX_GOSSIP_BYTES,
    MAX_REQUEST_BYTES,
    MAX_SOCKETS,
    MAX_SUBSCRIPTION_BYTES,
    Context,
    Socket,
    files_dealer,
    files_router,
    gossip_publisher,
    gossip_subscriber,
    inbox,
    outbox,
    receive,
    request_dealer,
    request_router,
)
from tests.networks import addresses, wait_until

EVERY_TCP_SOCKET = {
    zmq.LINGER: 0,
    zmq.HANDSHAKE_IVL: 3_000,
    zmq.HEARTBEAT_IVL: 0,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 1,
    zmq.TCP_KEEPALIVE_INTVL: 1,
    zmq.TCP_KEEPALIVE_CNT: 3,
}
WHO_CONNECTS = {
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 5_000,
    zmq.CONNECT_TIMEOUT: 2_000,
    zmq.TCP_MAXRT: 3_000,
}


def options(socket: Socket, wanted: dict[zmq.SocketOption, int]) -> dict[zmq.SocketOption, int]:
    """What the wanted options are set to."""
    return {option: cast(int, socket.get(option)) for option in wanted}


def make_router(context: Context) -> Socket:
    """A request port."""
    return request_router(context, "127.0.0.1", 0)[0]


def make_files_router(context: Context) -> Socket:
    """A file port."""
    return files_router(context, "127.0.0.1", 0)[0]


def make_publisher(context: Context) -> Socket:
    """A gossip port."""
    return gossip_publisher(context, "127.0.0.1", 0)[0]


TABLE: list[tuple[Callable[[Context], Socket], int, dict[zmq.SocketOption, int]]] = [
    (
        make_router,
        zmq.ROUTER,
        {
            **EVERY_TCP_SOCKET,
            zmq.MAXMSGSIZE: 4 * 2**20,
            zmq.SNDHWM: 16,
            zmq.RCVHWM: 16,
        },
    ),
    (
        request_dealer,
        zmq.DEALER,
        {
            **EVERY_TCP_SOCKET,
            **WHO_CONNECTS,
            zmq.MAXMSGSIZE: 4 * 2**20,
            zmq.IMMEDIATE: 1,
            zmq.SNDTIMEO: 0,
            zmq.SNDHWM: 10_000,
            zmq.RCVHWM: 10_000,
        },
    ),
    (
        make_files_router,
        zmq.ROUTER,
        {
            **EVERY_TCP_SOCKET,
            zmq.MAXMSGSIZE: 4 * 2**20,
            zmq.SNDHWM: 4,
            zmq.RCVHWM: 4,
        },
    ),
    (
        files_dealer,
        zmq.DEALER,
        {
            **EVERY_TCP_SOCKET,
            **WHO_CONNECTS,
            zmq.MAXMSGSIZE: 4 * 2**20,
            zmq.IMMEDIATE: 1,
            zmq.SNDTIMEO: 0,
            zmq.SNDHWM: 16,
            zmq.RCVHWM: 16,
        },
    ),
    (
        make_publisher,
        zmq.PUB,
        {**EVERY_TCP_SOCKET, zmq.MAXMSGSIZE: MAX_SUBSCRIPTION_BYTES, zmq.SNDHWM: 1_000},
    ),
    (
        gossip_subscriber,
        zmq.SUB,
        {**EVERY_TCP_SOCKET, **WHO_CONNECTS, zmq.MAXMSGSIZE: MAX_GOSSIP_BYTES, zmq.RCVHWM: 1_000},
    ),
]


@pytest.mark.parametrize(
    ("make", "kind", "wanted"),
    TABLE,
    ids=["router", "dealer", "files router", "files dealer", "publisher", "subscriber"],
)
def test_the_options_of_a_tcp_socket(
    context: Context,
    make: Callable[[Context], Socket],
    kind: int,
    wanted: dict[zmq.SocketOption, int],
) -> None:
    """Read back from the socket, each option is what the table says."""
    socket = make(context)
    found = options(socket, wanted)
    made = socket.type
    socket.close()
    assert (made, found) == (kind, wanted)


def test_gossip_is_smaller_than_requests() -> None:
    """The bound of a gossip message is below that of a request."""
    assert MAX_GOSSIP_BYTES < MAX_REQUEST_BYTES


@pytest.mark.parametrize("make", [make_router, make_files_router])
def test_a_router_never_drops_silently(context: Context, make: Callable[[Context], Socket]) -> None:
    """Sending to who is not connected is an error at once."""
    router = make(context)
    with pytest.raises(zmq.ZMQError) as error:
        router.send_multipart([b"nobody", b"x"], zmq.NOBLOCK)
    router.close()
    assert error.value.errno == zmq.EHOSTUNREACH


@pytest.mark.parametrize("make", [request_dealer, files_dealer])
def test_a_dealer_never_queues_to_who_is_not_there(
    context: Context, ports: Ports, make: Callable[[Context], Socket]
) -> None:
    """Without a connection nothing is taken, and even a waiting send returns at once."""
    (nobody,) = addresses(ports.take(1))
    dealer = make(context)
    dealer.connect(f"tcp://{nobody}")
    with pytest.raises(zmq.Again):
        dealer.send(b"x")
    dealer.close()


def test_the_context_has_room_for_as_many_members_as_there_may_be(context: Context) -> None:
    """With two connections each for each secret that a roll may have, and some for the node."""
    assert context.get(zmq.MAX_SOCKETS) == MAX_SOCKETS
    assert GossipSettings().max_members * 2 * MAX_LINES + 1_000 < MAX_SOCKETS


def test_a_mailbox_is_bound_before_anybody_connects(context: Context) -> None:
    """A second one of the same name is refused: a mix-up becomes an error."""
    box = inbox(context, "router")
    with pytest.raises(zmq.ZMQError):
        inbox(context, "router")
    box.close()


def test_a_bell_is_refused_only_when_its_mailbox_is_closed(context: Context) -> None:
    """A batch whose bell was refused is handed back, so it must not lie in the mailbox."""
    box = inbox(context, "router")
    bell = outbox(context, "router")
    for _ in range(5_000):
        bell.send(b"", zmq.NOBLOCK)
    box.close()
    wait_until("the sender knows", lambda: not bell.poll(0, zmq.POLLOUT))
    with pytest.raises(zmq.Again):
        bell.send(b"", zmq.NOBLOCK)
    bell.close()


def test_of_a_message_with_too_many_frames_few_are_kept(context: Context) -> None:
    """It is read to its end, so that the next message begins where it should."""
    router, port = request_router(context, "127.0.0.1", 0)
    dealer = request_dealer(context)
    dealer.connect(f"tcp://127.0.0.1:{port}")
    wait_until("the dealer is connected", lambda: dealer.poll(0, zmq.POLLOUT))
    dealer.send_multipart([b"%d" % n for n in range(10_000)])
    dealer.send_multipart([b"next"])
    arrived = []
    for _ in range(2):
        wait_until("a message has arrived", lambda: router.poll(0))
        frames = receive(router)
        assert frames is not None
        arrived.append(frames[1:])
    dealer.close()
    router.close()
    assert arrived == [[b"0", b"1", b"2"][: MAX_FRAMES + 1], [b"next"]]


def test_receiving_does_not_wait(context: Context) -> None:
    """Where there is no message, that is said at once."""
    router = make_router(context)
    received = receive(router)
    router.close()
    assert received is None
