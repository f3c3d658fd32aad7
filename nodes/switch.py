"""The router's surroundings: the node's request port, its connections to peers, and its switch.

Envelopes that are not the router's own pass by here, in from the network and out to it, without a
turn of the router.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from actors.actor import CLIENT, Address, Envelope
from actors.messages import Connect, Reconnect
from nodes.clocks import monotonic_ms
from nodes.listening import ListeningHost, Wiring
from nodes.loop import Link, route
from nodes.ports import REQUESTS
from nodes.sockets import Socket, request_dealer, request_router
from nodes.unread import MAX_BYTES


class SwitchHost(ListeningHost):
    """For the router."""

    wiring = Wiring(
        REQUESTS,
        "peer",
        request_router,
        request_dealer,
        max_turn_bytes=4 * 2**20,
        max_unread_bytes=MAX_BYTES,
    )

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is for the router; the rest is passed on."""
        # The mailbox first: a clock that storage raised must be known before anybody asks for it.
        own = self._door.news()
        router = Address(self._node.id, "router")
        groups: dict[Link, list[Envelope]] = {}
        for envelope in super().receive(ready):
            if envelope.to == router:
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
            if self._post.has_finished(actor):
                self._door.refuse(envelopes)
            else:
                self._hand_on(actor, envelopes)
        return own

    def _of_a_node(self, envelopes: list[Envelope]) -> list[Envelope]:
        """What may be taken of it."""
        node = envelopes[0].sender.node
        if node == self._node.id:
            # By another of its addresses a node may reach itself, and its gossiper learns of that.
            # But what the node's other actors say to each other never comes from outside.
            told = len(envelopes)
            envelopes = [e for e in envelopes if e.sender.actor == e.to.actor == "gossiper"]
            if len(envelopes) < told:
                self._drop("message from outside under the own id", envelopes=told - len(envelopes))
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
