"""The router's surroundings: the node's request port, its connections to peers, and its switch.

Envelopes that are not the router's own pass by here, in from the network and out to it, without a
turn of the router.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from actors.actor import CLIENT, Address, Envelope
from actors.messages import Connect, LayoutIs, Reconnect
from nodes.clocks import monotonic_ms
from nodes.door import Door
from nodes.following import Following
from nodes.hosts import InnerHost, OnNews
from nodes.logs import Log
from nodes.loop import Link, NodeInfo, route
from nodes.mailbox import Mailbox
from nodes.peers import Peers
from nodes.ports import REQUESTS
from nodes.sockets import Context, Socket, request_router
from nodes.tally import Tally
from nodes.unread import MAX_BYTES

MAX_TURN_BYTES = 4 * 2**20


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
        self._own = Address(node.id, "router")
        self._peers = Peers(context)
        self._following = Following("router", node, log, self._drop, trace_all=trace_all)
        self._door = Door(
            REQUESTS,
            node,
            log,
            self._following,
            self._drop,
            max_turn_bytes=MAX_TURN_BYTES,
            max_unread_bytes=MAX_BYTES,
        )
        self.port = 0

    def open(self) -> Sequence[Socket]:
        """The mailbox and the request port."""
        sockets = super().open()
        requests, self.port = request_router(self._context, *self._listen)
        return [*sockets, *self._door.open(requests)]

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is for the router; the rest is passed on."""
        # The mailbox first: a clock that storage raised must be known before anybody asks for it.
        own = self._door.news()
        groups: dict[Link, list[Envelope]] = {}
        for envelope in super().receive(ready):
            if envelope.to == self._own:
                own.append(envelope)
            elif isinstance(envelope.message, Connect):
                self._peers.connect(envelope.message.peers, monotonic_ms())
            elif isinstance(envelope.message, Reconnect):
                self._peers.reconnect(envelope.message.member_id, monotonic_ms())
                self._hand_on("fileserver", [envelope])
            else:
                self._note_passing(envelope)
                link = route(envelope.to, self._node.id, self._name)
                groups.setdefault(link, []).append(envelope)
        for link, envelopes in groups.items():
            for notice in self.send(link, envelopes):
                self._hand_on(notice.to.actor, [notice])
        return own + self._receive_requests(ready)

    def has_more(self) -> bool:
        """Also news for the router, which sees to it that what waits is tried again."""
        return super().has_more() or self._door.has_news

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """To a peer, a client or an actor here."""
        match link.kind:
            case "peer":
                return self._peers.send_all(link.name, envelopes, self._node.id, monotonic_ms())
            case "client":
                self._door.send(link.name, envelopes)
                return []
        return super().send(link, envelopes)

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        self._peers.close(goodbye=goodbye)
        self._door.close(goodbye=goodbye)
        super().close(goodbye=goodbye)

    def _receive_requests(self, ready: Collection[Socket]) -> list[Envelope]:
        own: list[Envelope] = []
        groups: dict[str, list[Envelope]] = {}
        for envelopes in self._door.receive(ready):
            is_of_client = envelopes[0].sender.node == CLIENT
            for envelope in envelopes if is_of_client else self._of_a_node(envelopes):
                if envelope.to.actor == "router":
                    own.append(envelope)
                else:
                    self._note_passing(envelope)
                    groups.setdefault(envelope.to.actor, []).append(envelope)
        for actor, envelopes in groups.items():
            self._hand_on(actor, envelopes)
        return own

    def _of_a_node(self, envelopes: list[Envelope]) -> list[Envelope]:
        """What may be taken of it."""
        node = envelopes[0].sender.node
        if node == self._node.id:
            # By another of its addresses a node may reach itself, and its gossiper learns of that.
            # But what is trusted of the own storage never comes from outside.
            told = len(envelopes)
            envelopes = [e for e in envelopes if not isinstance(e.message, LayoutIs)]
            if len(envelopes) < told:
                self._drop("layout from outside under the own id")
        self._peers.heard_from(node, monotonic_ms())
        return [e for e in envelopes if self._has_actor(e)]

    def _has_actor(self, envelope: Envelope) -> bool:
        if envelope.to.actor in self._post:
            return True
        self._drop("message to an unknown actor", sender=str(envelope.sender))
        return False

    def _hand_on(self, actor: str, envelopes: Sequence[Envelope]) -> None:
        if not self._post.send(actor, envelopes) and not self._post.has_finished(actor):
            self._drop("full mailbox", mailbox=actor, envelopes=len(envelopes))

    def _note_passing(self, envelope: Envelope) -> None:
        if envelope.trace is not None:
            self._following.record("passed", envelope)
