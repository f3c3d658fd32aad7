"""The router's surroundings: the node's request port, its connections to peers, and its switch.

Envelopes that are not the router's own pass by here, in from the network and out to it, without a
turn of the router.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from actors.actor import CLIENT, HOST, Address, Envelope, Trace
from actors.messages import (
    TO_GOSSIPERS,
    Connect,
    Failed,
    Forget,
    LayoutIs,
    Leave,
    Message,
    Reconnect,
    Unread,
    WatchKeys,
    WatchMembers,
)
from nodes.clocks import monotonic_ms, wall_us
from nodes.codec import Malformed
from nodes.hosts import InnerHost, OnNews, bounced
from nodes.logs import Log
from nodes.loop import MAX_MESSAGES, Link, NodeInfo, route
from nodes.mailbox import Mailbox
from nodes.peers import Peers
from nodes.sockets import (
    GOODBYE_MS,
    Context,
    Socket,
    readable,
    receive,
    request_router,
    send,
)
from nodes.tally import Tally
from nodes.trace.fields import trace_fields
from nodes.unread import UnreadReplies
from nodes.wire import decode_from_peer_or_client, encode_all, type_name

SLOW_MS = 500
_TAKES_LONG = (WatchMembers, WatchKeys, Leave, Forget)
"""Requests that are not slow when their answer takes long."""
_FINE = frozenset({"ok", "not_found"})
_REFUSALS = frozenset({"refused", "bad_key", "bad_value", "too_large"})
"""Mistakes of a client, which is told; nothing is wrong with the node."""
_STATES = frozenset({"not_ready", "stopping", "overloaded"})
"""Refusals that are about the node and not the request: counted, for they come in floods."""
MAX_FOLLOWED = 100_000
"""Requests whose time is taken at once; what is beyond is served all the same."""

MAX_TURN_BYTES = 4 * 2**20
"""A turn takes no further message from the network after so much."""

EVENTS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class SwitchHost(InnerHost):
    """For the router. With `trace_all` every request is traced, not only those that ask for it."""

    def __init__(
        self,
        node: NodeInfo,
        context: Context,
        mailboxes: dict[str, Mailbox],
        on_news: OnNews,
        tally: Tally,
        listen: tuple[str, int],
        log: Log,
        *,
        trace_all: bool,
    ) -> None:
        super().__init__("router", node, context, mailboxes, on_news, tally)
        self._listen = listen
        self._log = log
        self._trace_all = trace_all
        self._own = Address(node.id, "router")
        self._peers = Peers(context)
        self._began: dict[tuple[str, int], tuple[int, type[Message]]] = {}
        self._unread = UnreadReplies(self._send_message, self._drop_replies)
        self._traces = 0
        self._ended = 0
        self._requests: Socket | None = None
        self._monitor: Socket | None = None
        self.port = 0

    def open(self) -> Sequence[Socket]:
        """The mailbox and the request port."""
        sockets = super().open()
        self._requests, self.port = request_router(self._context, *self._listen)
        self._monitor = self._requests.get_monitor_socket(EVENTS)
        return [*sockets, self._requests, self._monitor]

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is for the router; the rest is passed on."""
        # The mailbox first: a clock that storage raised must be known before anybody asks for it.
        own = self._news_of_readers()
        groups: dict[Link, list[Envelope]] = {}
        for envelope in super().receive(ready):
            if envelope.to == self._own:
                own.append(envelope)
            elif isinstance(envelope.message, Connect):
                self._peers.connect(envelope.message.peers, monotonic_ms())
            elif isinstance(envelope.message, Reconnect):
                self._peers.reconnect(envelope.message.member_id, monotonic_ms())
            else:
                self._note_passing(envelope)
                groups.setdefault(route(envelope.to, self._node.id), []).append(envelope)
        for link, envelopes in groups.items():
            for notice in self.send(link, envelopes):
                self._hand_on(notice.to.actor, [notice])
        if self._requests is not None and self._requests in ready:
            own += self._receive_requests(self._requests)
        if self._monitor is not None and self._monitor in ready:
            self._receive_events(self._monitor)
        return own

    def has_more(self) -> bool:
        """Also news for the router, which sees to it that what waits is tried again."""
        return super().has_more() or self._unread.has_news

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """To a peer, a client or an actor here."""
        match link.kind:
            case "peer":
                return self._send_to_peer(link.name, envelopes)
            case "client":
                self._send_to_client(link.name, envelopes)
                return []
        return super().send(link, envelopes)

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        self._peers.close(goodbye=goodbye)
        if self._requests is not None and self._monitor is not None:
            self._unread.retry()
            self._requests.disable_monitor()
            self._monitor.close()
            self._requests.close(linger=GOODBYE_MS if goodbye else 0)
        super().close(goodbye=goodbye)

    def _news_of_readers(self) -> list[Envelope]:
        self._unread.retry()
        host = Address(self._node.id, HOST)
        return [
            Envelope(self._own, host, Unread(Address(CLIENT, client), waits))
            for client, waits in self._unread.news()
        ]

    # In from the network.

    def _receive_requests(self, requests: Socket) -> list[Envelope]:
        own: list[Envelope] = []
        groups: dict[str, list[Envelope]] = {}
        taken_bytes = 0
        for _ in range(MAX_MESSAGES):
            frames = receive(requests) if taken_bytes < MAX_TURN_BYTES else None
            if frames is None:
                break
            taken_bytes += sum(map(len, frames))
            for envelope in self._decode(frames):
                if envelope.to.actor == "router":
                    own.append(envelope)
                else:
                    self._note_passing(envelope)
                    groups.setdefault(envelope.to.actor, []).append(envelope)
        for actor, envelopes in groups.items():
            self._hand_on(actor, envelopes)
        return own

    def _hand_on(self, actor: str, envelopes: Sequence[Envelope]) -> None:
        if not self._post.send(actor, envelopes) and not self._post.has_finished(actor):
            self._drop("full mailbox", mailbox=actor, envelopes=len(envelopes))

    def _decode(self, frames: list[bytes]) -> list[Envelope]:
        client, *rest = frames
        try:
            envelopes = decode_from_peer_or_client(rest, client, self._node.id)
        except Malformed as bad:
            self._on_malformed(client, bad)
            return []
        sender = envelopes[0].sender
        if sender.node == CLIENT:
            return [self._follow(e) for e in envelopes if self._is_well_addressed(e)]
        if sender.node == self._node.id:
            # By another of its addresses a node may reach itself, and its gossiper learns of that.
            # But what is trusted of the own storage never comes from outside.
            told = len(envelopes)
            envelopes = [e for e in envelopes if not isinstance(e.message, LayoutIs)]
            if len(envelopes) < told:
                self._drop("layout from outside under the own id")
        self._peers.heard_from(sender.node, monotonic_ms())
        return [e for e in envelopes if self._has_actor(e)]

    def _on_malformed(self, client: bytes, bad: Malformed) -> None:
        """Tell a client; a node has no use for being told."""
        self._drop("malformed message", sender=bad.peer or client.hex(), why=bad.reason)
        if not bad.peer:
            for number in bad.ids or (bad.id,):
                self._refuse(client.hex(), number, bad.code, bad.reason)

    def _is_well_addressed(self, envelope: Envelope) -> bool:
        wanted = "gossiper" if type(envelope.message) in TO_GOSSIPERS else "router"
        if envelope.to.actor == wanted:
            return True
        reason = f"{type_name(type(envelope.message))} is to be sent to the {wanted}"
        self._refuse(envelope.sender.actor, envelope.id, "malformed", reason)
        return False

    def _has_actor(self, envelope: Envelope) -> bool:
        if envelope.to.actor in self._post:
            return True
        self._drop("message to an unknown actor", sender=str(envelope.sender))
        return False

    def _refuse(self, client: str, number: int, code: str, reason: str) -> None:
        failed = Failed(code, reason, True)
        self._send_to_client(client, [Envelope(Address(CLIENT, client), self._own, failed, number)])

    def _follow(self, envelope: Envelope) -> Envelope:
        """Take a client's request's time, and trace it if all are traced."""
        if len(self._began) < MAX_FOLLOWED:
            began = wall_us(), type(envelope.message)
            self._began[envelope.sender.actor, envelope.id] = began
        if self._trace_all and envelope.trace is None:
            self._traces += 1
            trace = Trace(
                f"{self._node.name}-{wall_us():x}-{self._traces}", "client//0", "", wall_us()
            )
            return Envelope(envelope.to, envelope.sender, envelope.message, envelope.id, trace)
        return envelope

    def _receive_events(self, monitor: Socket) -> None:
        while readable(monitor):
            event = zmq.Event(recv_monitor_message(monitor)["event"])
            if event == zmq.Event.DISCONNECTED:
                # Clients come and go; but this is also all that is heard of a frame beyond the
                # bound, for which ZeroMQ cuts the connection.
                self._ended += 1
                self._log.events.debug("connection_ended", so_far=self._ended)
            else:
                self._drop("failed handshake", how=event.name)

    # Out to the network.

    def _send_to_peer(self, node: str, envelopes: Sequence[Envelope]) -> list[Envelope]:
        now_ms = monotonic_ms()
        notices: list[Envelope] = []
        for batch, frames in encode_all(envelopes, self._node.id):
            if not self._peers.send(node, frames, now_ms):
                notices += bounced(batch)
        return notices

    def _send_to_client(self, client: str, envelopes: Sequence[Envelope]) -> None:
        for batch, frames in encode_all(envelopes, self._node.id):
            self._unread.send(client, frames, len(batch))
            for envelope in batch:
                self._note_reply(client, envelope)

    def _send_message(self, client: str, frames: Sequence[bytes]) -> None:
        assert self._requests is not None
        send(self._requests, [bytes.fromhex(client), *frames])

    def _drop_replies(self, reason: str, client: str, replies: int) -> None:
        self._drop(reason, count=replies, client=client)

    def _note_reply(self, client: str, envelope: Envelope) -> None:
        """Log what was asked for, what was slow, and what failed."""
        now_us = wall_us()
        began_us, request = self._began.pop((client, envelope.id), (now_us, Message))
        took_ms = (now_us - began_us) / 1_000
        if envelope.trace is not None:
            self._record("replied", envelope)
        if isinstance(envelope.message, Failed) and envelope.message.code in _STATES:
            self._drop(f"request while {envelope.message.code}", why=envelope.message.reason)
            return
        codes: tuple[str, ...] = getattr(envelope.message, "codes", ())
        failed = isinstance(envelope.message, Failed) or not _FINE.issuperset(codes)
        slow = took_ms >= SLOW_MS and request not in _TAKES_LONG
        if failed or slow:
            fields: dict[str, Any] = {"client": client, "id": envelope.id}
            if isinstance(envelope.message, Failed):
                fields |= {"code": envelope.message.code, "reason": envelope.message.reason}
            if envelope.trace is not None:
                fields["trace"] = envelope.trace.id
            if codes:
                fields["codes"] = {code: codes.count(code) for code in sorted(set(codes))}
            refused = isinstance(envelope.message, Failed) and envelope.message.code in _REFUSALS
            say = self._log.events.info if refused else self._log.events.warning
            say(
                "request_failed" if failed else "request_slow",
                request=type_name(request),
                took_ms=round(took_ms, 1),
                **fields,
            )

    def _note_passing(self, envelope: Envelope) -> None:
        if envelope.trace is not None:
            self._record("passed", envelope)

    def _record(self, event: str, envelope: Envelope) -> None:
        self._log.traces.debug(
            event,
            node_id=self._node.id,
            actor=self._name,
            **trace_fields(envelope),
            at_us=wall_us(),
        )
