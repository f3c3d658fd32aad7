"""The only poll loop. Every actor runs in it, each in a thread of its own:

    drain what has arrived -> actor.turn(all of it) -> send, grouped by link

So an idle actor adds no delay, and a busy one gets cheaper by the message: what it commits and what
it sends is for the whole turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from queue import SimpleQueue
from typing import Literal, NamedTuple, Protocol

import zmq

from actors.actor import CLIENT, EVERYBODY, HOST, Actor, Address, Envelope, Trace
from actors.messages import Finished
from nodes.clocks import monotonic_ms, now, wall_us
from nodes.logs import Log
from nodes.sockets import Socket
from nodes.trace.fields import SpanName, trace_fields

MAX_MESSAGES = 256
"""How many messages one turn takes from a socket."""


class Link(NamedTuple):
    """Where an envelope leaves an actor's thread. The name is an actor's, peer's or client's."""

    kind: Literal["actor", "host", "gossip", "client", "peer", "files"]
    name: str


def route(to: Address, here: str, by: str) -> Link:
    """Which link leads to an address, seen from an actor of the node `here`. File servers have
    connections of their own to each other; all else between nodes takes the switch's."""
    if to.node == here:
        return Link("host", "") if to.actor == HOST else Link("actor", to.actor)
    if to.node == CLIENT:
        return Link("client", to.actor)
    if to.node == EVERYBODY:
        return Link("gossip", "")
    return Link("files" if by == to.actor == "fileserver" else "peer", to.node)


class Host(Protocol):
    """What a loop needs of an actor's surroundings. All but `sync_us` is called in its thread."""

    def open(self) -> Sequence[Socket]:
        """Make the sockets; those to wait for are returned."""

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What has arrived for the actor, without waiting, by the sockets that are `ready`."""

    def has_more(self) -> bool:
        """Was something left that no socket will tell of?"""

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """Send over a link; what came of it for the actor itself: Bounced envelopes."""

    def take_sync_us(self) -> int:
        """How long the disk took to sync last, 0 if that was taken already."""

    def close(self, *, goodbye: bool) -> None:
        """Close the sockets; with `goodbye` what was sent may still be delivered."""


class NodeInfo(NamedTuple):
    """What a node's hosts know of it."""

    id: str
    name: str


class Loop(threading.Thread):
    """One actor's thread. `start` opens the sockets, `run_actor` gives it the actor to run."""

    def __init__(
        self,
        name: str,
        node: NodeInfo,
        host: Host,
        log: Log,
        on_failure: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(name=f"{node.name}-{name}", daemon=True)
        self._name = name
        self._node = node
        self._host = host
        self._log = log
        self._on_failure = on_failure
        self._opened: SimpleQueue[BaseException | None] = SimpleQueue()
        self._given: SimpleQueue[Actor | None] = SimpleQueue()
        self._spans = 0
        self._finished = False

    def open(self) -> None:
        """Start the thread; returns once its sockets are open, or raises what kept them from it."""
        self.start()
        error = self._opened.get()
        if error is not None:
            raise error

    def run_actor(self, actor: Actor | None) -> None:
        """Begin with the turns; without an actor, end."""
        self._given.put(actor)

    def run(self) -> None:
        """The thread: open, turn after turn, close."""
        try:
            sockets = self._host.open()
        except BaseException as error:
            self._host.close(goodbye=False)
            self._opened.put(error)
            return
        self._opened.put(None)
        actor = self._given.get()
        inbox: list[Envelope] = []
        try:
            if actor is not None:
                self._turns(actor, inbox, sockets)
        except BaseException as error:
            waiting = [f"{type(e.message).__name__} from {e.sender}" for e in inbox[:20]]
            self._log.events.critical(
                "actor_failed", actor=self._name, handling=waiting, exc_info=error
            )
            self._on_failure(self._name, error)
        finally:
            self._host.close(goodbye=self._finished)

    def _turns(self, actor: Actor, inbox: list[Envelope], sockets: Sequence[Socket]) -> None:
        poller = zmq.Poller()
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        host = self._host
        while not self._finished:
            traced = any(e.trace for e in inbox)
            if traced:
                host.take_sync_us()  # an earlier turn's, that nobody asked for
            turn_at = now()
            began_us = time.perf_counter_ns() // 1_000
            outbox = actor.turn(inbox, turn_at)
            if traced:
                self._record_turn(inbox, time.perf_counter_ns() // 1_000 - began_us)
            inbox[:] = self._dispatch(outbox)
            while not inbox and not self._finished:
                wait_ms = 0 if host.has_more() else _until(actor.wake_at)
                ready = [socket for socket, _ in poller.poll(wait_ms)]
                inbox += host.receive(ready)
                if _until(actor.wake_at) == 0:
                    break

    def _dispatch(self, outbox: Sequence[Envelope]) -> list[Envelope]:
        """Send all, in one message a link; what bounced comes back."""
        here = self._node.id
        groups: dict[Link, list[Envelope]] = {}
        for sent in outbox:
            envelope = sent if sent.trace is None else self._begin_span(sent, sent.trace)
            groups.setdefault(route(envelope.to, here, self._name), []).append(envelope)
        bounced: list[Envelope] = []
        for link, envelopes in groups.items():
            bounced += self._host.send(link, envelopes)
            if link.kind == "host" and any(isinstance(e.message, Finished) for e in envelopes):
                self._finished = True
        return bounced

    def _begin_span(self, envelope: Envelope, handled: Trace) -> Envelope:
        """Name this sending, after the envelope that led to it."""
        self._spans += 1
        span = str(SpanName(self._node.name, self._name, self._spans))
        trace = Trace(handled.id, span, handled.span, wall_us())
        envelope = replace(envelope, trace=trace)
        self._log.traces.debug(
            "sent",
            node_id=self._node.id,
            actor=self._name,
            **trace_fields(envelope),
            at_us=trace.sent_us,
        )
        return envelope

    def _record_turn(self, inbox: Sequence[Envelope], turn_us: int) -> None:
        at_us = wall_us() - turn_us
        sync_us = self._host.take_sync_us()
        for envelope in inbox:
            if envelope.trace is not None:
                self._log.traces.debug(
                    "delivered",
                    node_id=self._node.id,
                    actor=self._name,
                    **trace_fields(envelope),
                    at_us=at_us,
                    turn_us=turn_us,
                    sync_us=sync_us,
                    batch=len(inbox),
                )


def _until(wake_at_ms: int | None) -> int | None:
    return None if wake_at_ms is None else max(0, wake_at_ms - monotonic_ms())
