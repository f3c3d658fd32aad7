"""A port on which a thread of a node listens: clients ask there and are answered, nodes send there.

What comes in has been decoded, and is refused or counted where it follows no protocol. What clients
do not read waits within a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import zmq
from zmq.utils.monitor import recv_monitor_message

from actors.actor import CLIENT, HOST, Address, Envelope
from actors.messages import Failed, Unread
from nodes.codec import Malformed
from nodes.following import Following
from nodes.logs import Log
from nodes.loop import MAX_MESSAGES, NodeInfo
from nodes.ports import Port
from nodes.sockets import GOODBYE_MS, Socket, readable, receive, send
from nodes.unread import UnreadReplies
from nodes.wire import decode_from_peer_or_client, encode_all, type_name

EVENTS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Door:
    """`count` counts what is dropped. A turn takes no further message from the network after
    `max_turn_bytes`; of a client `max_unread_bytes` of replies wait."""

    def __init__(
        self,
        port: Port,
        node: NodeInfo,
        log: Log,
        following: Following,
        count: Callable[..., None],
        *,
        max_turn_bytes: int,
        max_unread_bytes: int,
    ) -> None:
        self._port = port
        self._own = Address(node.id, port.actor)
        self._log = log
        self._following = following
        self._count = count
        self._max_turn_bytes = max_turn_bytes
        self._unread = UnreadReplies(self._send_message, self._drop_replies, max_unread_bytes)
        self._ended = 0
        self._router: Socket | None = None
        self._monitor: Socket | None = None

    def open(self, router: Socket) -> Sequence[Socket]:
        """Use this bound socket, and close it in the end; the sockets that are to be waited for."""
        self._router = router
        self._monitor = router.get_monitor_socket(EVENTS)
        return [router, self._monitor]

    def receive(self, ready: Collection[Socket]) -> Iterator[list[Envelope]]:
        """The envelopes of each message that has arrived: of one node, or requests of one client,
        which are addressed to the actor that answers them."""
        if self._monitor is not None and self._monitor in ready:
            self._receive_events(self._monitor)
        if self._router is None or self._router not in ready:
            return
        taken_bytes = 0
        for _ in range(MAX_MESSAGES):
            frames = receive(self._router) if taken_bytes < self._max_turn_bytes else None
            if frames is None:
                return
            taken_bytes += sum(map(len, frames))
            if envelopes := self._decode(frames):
                yield envelopes

    def send(self, client: str, envelopes: Sequence[Envelope]) -> None:
        """Answer a client."""
        for batch, frames in encode_all(envelopes, self._own.node):
            self._unread.send(client, frames, len(batch))
            for envelope in batch:
                self._following.end(client, envelope)

    @property
    def has_news(self) -> bool:
        """Would `news` tell something?"""
        return self._unread.has_news

    def news(self) -> list[Envelope]:
        """Try again to send what waits; then, for the actor, for which clients something waits."""
        self._unread.retry()
        host = Address(self._own.node, HOST)
        return [
            Envelope(self._own, host, Unread(Address(CLIENT, client), waits))
            for client, waits in self._unread.news()
        ]

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        if self._router is None or self._monitor is None:
            return
        self._unread.retry()
        self._router.disable_monitor()
        self._monitor.close()
        self._router.close(linger=GOODBYE_MS if goodbye else 0)

    def _decode(self, frames: list[bytes]) -> list[Envelope]:
        client, *rest = frames
        try:
            envelopes = decode_from_peer_or_client(rest, client, self._own.node, self._port)
        except Malformed as bad:
            self._on_malformed(client, bad)
            return []
        if envelopes[0].sender.node != CLIENT:
            return envelopes
        return [self._following.begin(e) for e in envelopes if self._is_well_addressed(e)]

    def _on_malformed(self, client: bytes, bad: Malformed) -> None:
        """Tell a client; a node has no use for being told."""
        self._count("malformed message", sender=bad.peer or client.hex(), why=bad.reason)
        if not bad.peer:
            for number in bad.ids or (bad.id,):
                self._refuse(client.hex(), number, bad.code, bad.reason)

    def _is_well_addressed(self, envelope: Envelope) -> bool:
        wanted = self._port.answers(type(envelope.message))
        if envelope.to.actor == wanted:
            return True
        reason = f"{type_name(type(envelope.message))} is to be sent to the {wanted}"
        self._refuse(envelope.sender.actor, envelope.id, "malformed", reason)
        return False

    def _refuse(self, client: str, number: int, code: str, reason: str) -> None:
        failed = Failed(code, reason, True)
        self.send(client, [Envelope(Address(CLIENT, client), self._own, failed, number)])

    def _receive_events(self, monitor: Socket) -> None:
        while readable(monitor):
            event = zmq.Event(recv_monitor_message(monitor)["event"])
            if event == zmq.Event.DISCONNECTED:
                # Clients come and go; but this is also all that is heard of a frame beyond the
                # bound, for which ZeroMQ cuts the connection.
                self._ended += 1
                self._log.events.debug("connection_ended", so_far=self._ended)
            else:
                self._count("failed handshake", how=event.name)

    def _send_message(self, client: str, frames: Sequence[bytes]) -> None:
        assert self._router is not None
        send(self._router, [bytes.fromhex(client), *frames])

    def _drop_replies(self, reason: str, client: str, replies: int) -> None:
        self._count(reason, count=replies, client=client)
