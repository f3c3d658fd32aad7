"""Every ZeroMQ socket is made here, with all of its options set before it binds or connects.

The options are there because the defaults lose, block or grow: a ROUTER drops what it cannot
deliver, a DEALER queues to the dead, `term` waits for what nobody reads, and nothing is bounded.
With keys all that goes over TCP is encrypted, and both sides are authenticated (CURVE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import zmq

from actors.errors import GossamerError
from nodes.keys import Dial, Pair

MAX_SOCKETS = 32_768
"""For 3,000 members, with a connection to two ports of each for each of four secrets."""
MAX_FRAMES = 2
MAX_REQUEST_BYTES = 4 * 2**20
"""Of a frame at the request port, and at the file port."""
MAX_GOSSIP_BYTES = 2**20
MAX_SUBSCRIPTION_BYTES = 1_024
"""ZeroMQ keeps all that is subscribed to while the connection lasts, and nodes to everything."""
WAITING_MESSAGES = 16
"""ZeroMQ holds so many, of 2 MiB at most, for a client that does not read; others: unread.py."""

WAITING_CHUNKS = 4
"""Likewise at the file port, in either direction."""

GOODBYE_MS = 200
"""At a clean stop, how long a closing socket may still deliver what was sent."""

REQUEST_DOMAIN, FILE_DOMAIN, GOSSIP_DOMAIN = "requests", "files", "gossip"
DOMAINS = (REQUEST_DOMAIN, FILE_DOMAIN, GOSSIP_DOMAIN)
"""What kind of port it is that somebody wants to be admitted to."""

# Plain integers: on the hot path pyzmq's enums would cost as much as the calls.
_EVENTS, _RCVMORE = int(zmq.EVENTS), int(zmq.RCVMORE)
_POLLIN, _NOBLOCK = int(zmq.POLLIN), int(zmq.NOBLOCK)
_NOBLOCK_AND_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


def new_context() -> Context:
    """A context; to be made after any fork, and given to all of a node's threads."""
    context: Context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, MAX_SOCKETS)
    return context


def inbox(context: Context, name: str) -> Socket:
    """The receiving end of an actor's mailbox. It binds before any sending end connects."""
    socket = context.socket(zmq.PULL)
    socket.set(zmq.LINGER, 0)
    # A bell is rung once until it is heard, so these queues are short. With a limit a sender that
    # has not yet learned what was taken could be refused all the same.
    socket.set(zmq.RCVHWM, 0)
    try:
        socket.bind(f"inproc://{name}")
    except zmq.ZMQError:
        socket.close()  # or the context would wait for it for ever
        raise
    return socket


def outbox(context: Context, name: str) -> Socket:
    """A sending end of an actor's mailbox."""
    socket = context.socket(zmq.PUSH)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, 0)
    socket.connect(f"inproc://{name}")
    return socket


def request_router(
    context: Context, host: str, port: int, own: Pair | None = None
) -> tuple[Socket, int]:
    """A node's request port: the bound socket and the port, chosen by the system if it was 0."""
    socket = _listening(context, zmq.ROUTER, MAX_REQUEST_BYTES, own, REQUEST_DOMAIN)
    # What is not taken yet waits at its sender: a message may be large, and there are many senders.
    return _router(socket, host, port, unsent=WAITING_MESSAGES, untaken=16)


def request_dealer(context: Context, dial: Dial | None = None) -> Socket:
    """What is to be connected to one request port. It never queues to who is not there."""
    return _dealer(context, dial, waiting=10_000)


def files_router(
    context: Context, host: str, port: int, own: Pair | None = None
) -> tuple[Socket, int]:
    """A node's file port, as `request_router`; few messages wait in it, for most hold a chunk."""
    socket = _listening(context, zmq.ROUTER, MAX_REQUEST_BYTES, own, FILE_DOMAIN)
    return _router(socket, host, port, unsent=WAITING_CHUNKS, untaken=WAITING_CHUNKS)


def files_dealer(context: Context, dial: Dial | None = None) -> Socket:
    """What is to be connected to one file port. It never queues to who is not there."""
    return _dealer(context, dial, waiting=16)


def _router(
    socket: Socket, host: str, port: int, *, unsent: int, untaken: int
) -> tuple[Socket, int]:
    """So many messages may wait to be sent to each peer, and to be taken of each."""
    socket.set(zmq.ROUTER_MANDATORY, 1)
    socket.set(zmq.SNDHWM, unsent)
    socket.set(zmq.RCVHWM, untaken)
    return socket, _bind(socket, host, port)


def _dealer(context: Context, dial: Dial | None, *, waiting: int) -> Socket:
    """So many messages may wait in each direction."""
    socket = _connecting(context, zmq.DEALER, MAX_REQUEST_BYTES, dial)
    socket.set(zmq.IMMEDIATE, 1)
    socket.set(zmq.SNDTIMEO, 0)
    socket.set(zmq.SNDHWM, waiting)
    socket.set(zmq.RCVHWM, waiting)
    return socket


def gossip_publisher(
    context: Context, host: str, port: int, own: Pair | None = None
) -> tuple[Socket, int]:
    """A node's gossip port: the bound socket and the port, chosen by the system if it was 0."""
    socket = _listening(context, zmq.PUB, MAX_SUBSCRIPTION_BYTES, own, GOSSIP_DOMAIN)
    socket.set(zmq.SNDHWM, 1_000)
    return socket, _bind(socket, host, port)


def gossip_subscriber(context: Context, dial: Dial | None = None) -> Socket:
    """What hears the publishers that it is connected to later."""
    socket = _connecting(context, zmq.SUB, MAX_GOSSIP_BYTES, dial)
    socket.set(zmq.RCVHWM, 1_000)
    socket.set(zmq.SUBSCRIBE, b"")
    return socket


def stream(context: Context) -> Socket:
    """What is to be connected to one port, whatever is spoken there: it connects once."""
    socket = _tcp(context, zmq.STREAM, MAX_SUBSCRIPTION_BYTES)
    socket.set(zmq.RECONNECT_IVL, -1)
    return socket


def readable(socket: Socket) -> bool:
    """Is there a message to receive?"""
    return bool(socket.getsockopt(_EVENTS) & _POLLIN)  # type: ignore[operator]


def receive(socket: Socket) -> list[bytes] | None:
    """The frames of the next message, or None if there is none. Of a message with too many frames
    only some are kept, one more than is admitted: its decoder refuses it."""
    if not readable(socket):
        return None
    return _whole(socket, socket.recv(_NOBLOCK))


def receive_of(socket: Socket) -> tuple[str, list[bytes]] | None:
    """As `receive`, of an encrypted port, and the name of the key that the message came with."""
    if not readable(socket):
        return None
    first = socket.recv(_NOBLOCK, copy=False)
    # ZeroMQ puts this in, from what the guard has answered; no peer can.
    return str(first.get("User-Id")), _whole(socket, first.bytes)


def _whole(socket: Socket, first: bytes) -> list[bytes]:
    frames = [first]
    while socket.getsockopt(_RCVMORE):
        frame = socket.recv(_NOBLOCK)
        if len(frames) <= MAX_FRAMES + 1:
            frames.append(frame)
    return frames


def send(socket: Socket, frames: Sequence[bytes]) -> None:
    """Send a message without waiting, at half the cost of `send_multipart`. Raises zmq.Again, and
    sends nothing, if there is no room; other ZMQErrors as ZeroMQ does."""
    for frame in frames[:-1]:
        socket.send(frame, _NOBLOCK_AND_MORE)
    socket.send(frames[-1], _NOBLOCK)


def endpoint(host: str, port: int | str) -> str:
    """How ZeroMQ writes a host and a port."""
    return f"tcp://{host}:{port}"


def _listening(
    context: Context, kind: int, max_bytes: int, own: Pair | None, domain: str
) -> Socket:
    socket = _tcp(context, kind, max_bytes)
    if own is not None:
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, own.secret)
        socket.set(zmq.ZAP_DOMAIN, domain.encode())
        # Without it everybody is admitted where nobody answers.
        socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)
    return socket


def _connecting(context: Context, kind: int, max_bytes: int, dial: Dial | None) -> Socket:
    socket = _tcp(context, kind, max_bytes)
    # What was sent and is not acknowledged, nor can be, by the kernel over there.
    socket.set(zmq.TCP_MAXRT, 3_000)
    if dial is not None:
        if not dial.is_only:
            # All but one fail, again and again.
            socket.set(zmq.RECONNECT_IVL, 1_000)
        socket.set(zmq.CURVE_SERVERKEY, dial.server)
        socket.set(zmq.CURVE_PUBLICKEY, dial.own.public)
        socket.set(zmq.CURVE_SECRETKEY, dial.own.secret)
    return socket


def _tcp(context: Context, kind: int, max_bytes: int) -> Socket:
    socket = context.socket(kind)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.MAXMSGSIZE, max_bytes)
    socket.set(zmq.HANDSHAKE_IVL, 3_000)
    # Who is gone without a word is found out by the kernel. ZeroMQ's own heartbeats end the process
    # ("Assertion failed: !_io_error", libzmq 4.3.5) where a peer is lost while as much of it waits
    # to be taken as may wait.
    socket.set(zmq.TCP_KEEPALIVE, 1)
    socket.set(zmq.TCP_KEEPALIVE_IDLE, 1)
    socket.set(zmq.TCP_KEEPALIVE_INTVL, 1)
    socket.set(zmq.TCP_KEEPALIVE_CNT, 3)
    # For those that connect: no storm when many lose the same peer.
    socket.set(zmq.RECONNECT_IVL, 100)
    socket.set(zmq.RECONNECT_IVL_MAX, 5_000)
    socket.set(zmq.CONNECT_TIMEOUT, 2_000)
    socket.set(zmq.IPV6, 1)
    return socket


def _bind(socket: Socket, host: str, port: int) -> int:
    try:
        socket.bind(endpoint(host, port or "*"))
    except zmq.ZMQError as error:
        socket.close()  # or the context would wait for it for ever
        reason = zmq.strerror(error.errno or 0)
        raise GossamerError(f"cannot listen on {host}:{port}: {reason}") from error
    return int(cast(bytes, socket.last_endpoint).rpartition(b":")[2].rstrip(b"\0"))
