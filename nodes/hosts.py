"""The surroundings of actors that have no request port: a mailbox, and for the gossiper PUB/SUB.

Whatever they send to another node or to a client goes to the router's thread, the node's switch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import zmq

from actors.actor import SWITCH, Envelope
from actors.messages import Bounced, Dropped, Message, Subscribe
from nodes.clocks import monotonic_ms
from nodes.codec import Malformed
from nodes.guard import Guard
from nodes.loop import MAX_MESSAGES, Link, NodeInfo
from nodes.mailbox import Mailbox, Post
from nodes.sockets import (
    GOODBYE_MS,
    Context,
    Socket,
    endpoint,
    gossip_publisher,
    gossip_subscriber,
    receive,
)
from nodes.tally import Tally
from nodes.visitors import Visitors
from nodes.wire import decode_gossip, encode_all

OnNews = Callable[[Message], None]
"""Called in the actor's thread with what it has to say to the node as a whole."""


class InnerHost:
    """For an actor that has its mailbox only. `take_sync_us` is the disk's, if it has one."""

    def __init__(
        self,
        name: str,
        node: NodeInfo,
        context: Context,
        mailboxes: dict[str, Mailbox],
        on_news: OnNews,
        tally: Tally,
        take_sync_us: Callable[[], int] = lambda: 0,
    ) -> None:
        self._name = name
        self._node = node
        self._context = context
        self._mailbox = mailboxes[name]
        self._post = Post(context, mailboxes)
        self._on_news = on_news
        self._tally = tally
        self.take_sync_us = take_sync_us

    def open(self) -> Sequence[Socket]:
        """The mailbox."""
        return [self._mailbox.open(self._context)]

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is in the mailbox."""
        if self._mailbox.socket in ready or self._mailbox.batches:
            return self._mailbox.take(MAX_MESSAGES)
        return []

    def has_more(self) -> bool:
        """Is there something in the mailbox that was not taken?"""
        return bool(self._mailbox.batches)

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """To an actor here; all that leaves the node goes by the router's thread."""
        if link.kind == "host":
            for envelope in envelopes:
                self._on_host(envelope.message)
            return []
        actor = link.name if link.kind == "actor" and link.name != SWITCH else "router"
        if self._post.send(actor, envelopes) or self._post.has_finished(actor):
            # The node stops: who has finished waits for nothing any more.
            return []
        self._drop("full mailbox", mailbox=actor)
        return bounced(envelopes)

    def close(self, *, goodbye: bool) -> None:
        """Nothing here outlives the node, so there is nobody to say good-bye to."""
        del goodbye
        self._post.close()
        self._mailbox.close()

    def _on_host(self, message: Message) -> None:
        if isinstance(message, Dropped):
            self._drop(message.reason, count=message.count)
        else:
            self._on_news(message)

    def _drop(self, reason: str, **fields: Any) -> None:
        self._tally.add(reason, monotonic_ms(), actor=self._name, **fields)


class GossipHost(InnerHost):
    """For the gossiper: publishes what is for everybody, hears those it is told to subscribe to."""

    def __init__(
        self,
        node: NodeInfo,
        context: Context,
        mailboxes: dict[str, Mailbox],
        on_news: OnNews,
        tally: Tally,
        listen: tuple[str, int],
        guard: Guard | None = None,
    ) -> None:
        super().__init__("gossiper", node, context, mailboxes, on_news, tally)
        self._listen = listen
        self._guard = guard
        self._heard: dict[str, None] = {}
        self._publisher: Socket | None = None
        self._visitors: Visitors | None = None
        self._subscribers: list[Socket] = []
        self.port = 0

    def open(self) -> Sequence[Socket]:
        """The mailbox and the gossip port."""
        sockets = super().open()
        own = self._guard.keys.server if self._guard else None
        self._publisher, self.port = gossip_publisher(self._context, *self._listen, own)
        self._visitors = Visitors(self._publisher, self._drop)
        # One for each secret that a publisher may have: ZeroMQ connects a subscriber to it once.
        for dial in self._guard.keys.dials() if self._guard else (None,):
            self._subscribers.append(gossip_subscriber(self._context, dial))
        # Nothing is ever received by the publisher, but who has come, and who has gone, is taken
        # note of only while it is looked at.
        return [*sockets, *self._subscribers, self._visitors.monitor, self._publisher]

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is in the mailbox, and what was published."""
        envelopes = super().receive(ready)
        if self._visitors is not None:
            self._visitors.look()
        for subscriber in self._subscribers:
            envelopes += self._heard_by(subscriber)
        # The gossiper wakes now and then even in an idle node: what was counted gets said.
        self._tally.summarise(monotonic_ms())
        return envelopes

    def _heard_by(self, subscriber: Socket) -> list[Envelope]:
        envelopes: list[Envelope] = []
        for _ in range(MAX_MESSAGES):
            frames = receive(subscriber)
            if frames is None:
                break
            try:
                envelopes += decode_gossip(frames, self._node.id)
            except Malformed as bad:
                self._drop("malformed gossip", sender=bad.peer, why=bad.reason)
        return envelopes

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """Publish gossip; the rest as every actor."""
        if link.kind != "gossip":
            return super().send(link, envelopes)
        assert self._publisher is not None
        for _, frames in encode_all(envelopes, self._node.id):
            self._publisher.send_multipart(frames, zmq.NOBLOCK)
        return []

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last rumours may still go out."""
        if self._visitors is not None:
            self._visitors.close()
        for socket in (self._publisher, *self._subscribers):
            if socket is not None:
                socket.close(linger=GOODBYE_MS if goodbye else 0)
        super().close(goodbye=goodbye)

    def _on_host(self, message: Message) -> None:
        if not isinstance(message, Subscribe):
            super()._on_host(message)
            return
        wanted = dict.fromkeys(message.addresses)
        for address in [a for a in self._heard if a not in wanted]:
            for subscriber in self._subscribers:
                subscriber.disconnect(endpoint(*address.rsplit(":", 1)))
            del self._heard[address]
        for address in [a for a in wanted if a not in self._heard]:
            try:
                for subscriber in self._subscribers:
                    subscriber.connect(endpoint(*address.rsplit(":", 1)))
            except (zmq.ZMQError, TypeError):
                self._drop("gossip address that is none", address=address)
                continue
            self._heard[address] = None


def bounced(envelopes: Sequence[Envelope], why: str = "") -> list[Envelope]:
    """What the senders of envelopes that were not sent are told."""
    return [
        Envelope(e.sender, e.sender, Bounced(e.to, e.message, why), e.id, e.trace)
        for e in envelopes
    ]
