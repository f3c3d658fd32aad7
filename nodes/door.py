"""A port on which a thread of a node listens: clients ask there and are answered, nodes send there.

What comes in has been decoded, and is refused or counted where it follows no protocol, or where the
key that it came with does not allow it. What clients do not read waits within a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from actors.actor import CLIENT, HOST, Address, Envelope
from actors.messages import (
    ChunkPut,
    Deny,
    Departed,
    Failed,
    FilePut,
    FileRemoved,
    Message,
    Shared,
    Unread,
    Written,
)
from actors.permissions import refusal
from nodes.codec import Malformed
from nodes.following import Following
from nodes.guard import Guard
from nodes.logs import Log
from nodes.loop import MAX_MESSAGES, NodeInfo
from nodes.meter import Meter
from nodes.ports import Port
from nodes.sockets import GOODBYE_MS, Socket, receive, receive_of, send
from nodes.unread import UnreadReplies
from nodes.visitors import Visitors
from nodes.wire import decode_from_peer_or_client, encode_all, type_name

MAX_TOLD = 1_000
"""Of each key, and what it may not do, the log tells once; of so many in all."""

_OF_WRITES = (Written, Shared, Departed, ChunkPut, FilePut, FileRemoved, Failed)
"""Answers that tell who asked nothing but what became of that."""


class Door:
    """`count` counts what is dropped, the `meter` bytes. A turn takes no further message from the
    network after `max_turn_bytes`; of a client `max_unread_bytes` of replies wait. Without a
    `guard` everybody may do everything."""

    def __init__(
        self,
        port: Port,
        node: NodeInfo,
        log: Log,
        following: Following,
        count: Callable[..., None],
        meter: Meter,
        *,
        max_turn_bytes: int,
        max_unread_bytes: int,
        guard: Guard | None = None,
    ) -> None:
        self._guard = guard
        self._port = port
        self._own = Address(node.id, port.actor)
        self._log = log
        self._following = following
        self._count = count
        self._meter = meter
        self._max_turn_bytes = max_turn_bytes
        self._unread = UnreadReplies(self._send_message, self._drop_replies, max_unread_bytes)
        self._told: set[tuple[str, type[Message]]] = set()
        self._router: Socket | None = None
        self._visitors: Visitors | None = None

    def open(self, router: Socket) -> Sequence[Socket]:
        """Use this bound socket, and close it in the end; the sockets that are to be waited for."""
        self._router = router
        self._visitors = Visitors(router, self._count, self._log)
        return [router, self._visitors.monitor]

    def receive(self, ready: Collection[Socket]) -> Iterator[list[Envelope]]:
        """The envelopes of each message that has arrived: of one node, or requests of one client,
        which are addressed to the actor that answers them."""
        if self._visitors is not None and self._visitors.monitor in ready:
            self._visitors.look()
        if self._router is None or self._router not in ready:
            return
        taken_bytes = 0
        for _ in range(MAX_MESSAGES):
            if taken_bytes >= self._max_turn_bytes or (taken := self._take(self._router)) is None:
                return
            key, frames = taken
            size_bytes = sum(map(len, frames))
            taken_bytes += size_bytes
            # The first frame is ZeroMQ's name for the connection.
            self._meter.received_bytes += size_bytes - len(frames[0])
            if envelopes := self._decode(key, frames):
                yield envelopes

    def send(self, client: str, envelopes: Sequence[Envelope]) -> None:
        """Answer a client."""
        denied = self._guard.denied if self._guard is not None else None
        if denied and client.partition(".")[2] in denied:
            envelopes = [_untold(envelope) for envelope in envelopes]
        self._send(client, envelopes)
        for envelope in envelopes:
            self._following.end(client, envelope)

    def _send(self, client: str, envelopes: Sequence[Envelope]) -> None:
        for batch, frames in encode_all(envelopes, self._own.node):
            self._unread.send(client, frames, len(batch))

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

    def refuse(self, envelopes: Sequence[Envelope]) -> None:
        """Who would answer these has finished: their clients may ask elsewhere."""
        for envelope in envelopes:
            if envelope.sender.node == CLIENT:
                failed = Failed("stopping", "the node is shutting down", True)
                answer = Envelope(envelope.sender, self._own, failed, envelope.id, envelope.trace)
                self.send(envelope.sender.actor, [answer])

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        if self._router is None or self._visitors is None:
            return
        if goodbye:
            # What came since the last turn.
            for envelopes in self.receive({self._router}):
                self.refuse(envelopes)
        self._unread.retry()
        self._visitors.close()
        self._router.close(linger=GOODBYE_MS if goodbye else 0)

    def _take(self, router: Socket) -> tuple[str, list[bytes]] | None:
        """The next message, and the name of the key that it came with, if all is encrypted."""
        if self._guard is not None:
            return receive_of(router)
        frames = receive(router)
        return None if frames is None else ("", frames)

    def _decode(self, key: str, frames: list[bytes]) -> list[Envelope]:
        connection, *rest = frames
        # A client is called by its connection, and its key is part of that name.
        client = f"{connection.hex()}.{key}" if key else connection.hex()
        try:
            envelopes = decode_from_peer_or_client(rest, client, self._own.node, self._port)
        except Malformed as bad:
            self._on_malformed(client, bad)
            return []
        if envelopes[0].sender.node != CLIENT:
            return envelopes if self._is_a_node(key, envelopes) else []
        admitted, refused = [], []
        for envelope in envelopes:
            failed = self._refusal(key, envelope)
            if failed is None:
                admitted.append(self._following.begin(envelope))
            else:
                refused.append((envelope.id, failed))
                self._following.refuse(type(envelope.message), failed.code)
        self._refuse(client, refused)
        return admitted

    def _on_malformed(self, client: str, bad: Malformed) -> None:
        """Tell a client; a node has no use for being told."""
        self._count("malformed message", sender=bad.peer or client, why=bad.reason)
        if not bad.peer:
            failed = Failed(bad.code, bad.reason, True)
            self._refuse(client, [(number, failed) for number in bad.ids or (bad.id,)])

    def _is_a_node(self, key: str, envelopes: Sequence[Envelope]) -> bool:
        if self._guard is None:
            return True
        for envelope in envelopes:
            refused = refusal(key, type(envelope.message), self._guard.denied, as_node=True)
            if refused is not None:
                # Not answered: where a node would hear it, its key has not sent this.
                self._count("message of no node", why=refused.reason, count=len(envelopes))
                return False
        return True

    def _refusal(self, key: str, envelope: Envelope) -> Failed | None:
        """Why this request of a client is not let in, if so. It is counted then."""
        message = type(envelope.message)
        if self._guard is not None:
            refused = refusal(key, message, self._guard.denied, as_node=False)
        elif message is Deny:
            reason = "the network has no secret, so there are no keys to deny"
            refused = Failed("refused", reason, True)
        else:
            refused = None
        if refused is None:
            return self._wrong_address(envelope)
        self._count("request that is not allowed")
        if (key, message) not in self._told and len(self._told) < MAX_TOLD:
            self._told.add((key, message))
            request, client = type_name(message), envelope.sender.actor
            why = refused.reason
            self._log.events.warning("not_allowed", request=request, client=client, reason=why)
        return refused

    def _wrong_address(self, envelope: Envelope) -> Failed | None:
        wanted = self._port.answers(type(envelope.message))
        if envelope.to.actor == wanted:
            return None
        reason = f"{type_name(type(envelope.message))} is to be sent to the {wanted}"
        self._count("malformed message", sender=envelope.sender.actor, why=reason)
        return Failed("malformed", reason, True)

    def _refuse(self, client: str, refused: Sequence[tuple[int, Failed]]) -> None:
        """Answer the requests of these numbers. Each was counted, and was never begun."""
        to = Address(CLIENT, client)
        self._send(client, [Envelope(to, self._own, failed, number) for number, failed in refused])

    def _send_message(self, client: str, frames: Sequence[bytes]) -> None:
        assert self._router is not None
        send(self._router, [bytes.fromhex(client.partition(".")[0]), *frames])
        self._meter.sent_bytes += sum(map(len, frames))

    def _drop_replies(self, reason: str, client: str, replies: int) -> None:
        self._count(reason, count=replies, client=client)


def _untold(reply: Envelope) -> Envelope:
    """What was found out for a key that has been denied meanwhile is not told; what became of its
    last writes is."""
    if isinstance(reply.message, _OF_WRITES):
        return reply
    failed = Failed("not_allowed", "the key was denied", True)
    return Envelope(reply.to, reply.sender, failed, reply.id, reply.trace)
