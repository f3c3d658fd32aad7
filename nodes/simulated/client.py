"""A client in the simulation: a real session, and a connection to each of its endpoints.

A connection is TCP's: while both ends live it keeps the order and loses nothing. It may be told to
duplicate what the client sends, which the nodes promise to recognise. A crash cuts it: what was
under way in either direction is lost, and the session hears of it a little later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from actors.actor import CLIENT, ENDPOINT, Address, Envelope, Now
from actors.errors import GossamerError
from actors.messages import Bounced, LinkDown, LinkUp, Message
from actors.session import Session
from nodes.simulated.clock import Clock
from nodes.simulated.network import Network, transfer_us
from nodes.simulated.node import Process
from nodes.simulated.transcript import Transcript

NOTICE_US = 50_000
"""At most so much later a client notices that a connection is there, or is gone."""

Outcome = Message | GossamerError


@dataclass(slots=True)
class _Connection:
    """To one endpoint. `number` counts how often it was made; the times keep the order."""

    process: Process | None = None
    number: int = 0
    noticed_us: int = 0
    sent_us: int = 0
    received_us: int = 0


class SimulatedClient:
    """Takes requests with `submit`; `then` is called with the reply or the error."""

    def __init__(
        self,
        name: str,
        endpoints: Sequence[str],
        clock: Clock,
        network: Network,
        transcript: Transcript,
        rng: Random,
    ) -> None:
        self.name = name
        self._clock = clock
        self._network = network
        self._transcript = transcript
        self._rng = rng
        self._session = Session(endpoints)
        self._connections = {endpoint: _Connection() for endpoint in endpoints}
        self._endpoints = {f"{name}.{i}": endpoint for i, endpoint in enumerate(endpoints)}
        self._then: dict[int, Callable[[Outcome], None]] = {}
        self._alarm_ms: int | None = None
        for endpoint in endpoints:
            process = network.listening(endpoint)
            if process is not None:
                self._connect(endpoint, process)
            else:
                self._notice(endpoint, self._lose, endpoint)

    def submit(self, request: Message, timeout_ms: int, then: Callable[[Outcome], None]) -> None:
        """Begin an operation."""
        self._then[self._session.submit(request, timeout_ms, self._now())] = then
        self._turn(())

    def on_started(self, process: Process) -> None:
        """A node is up: connect to it, if it is at one of the endpoints."""
        for endpoint in self._connections:
            if self._network.listening(endpoint) is process:
                self._connect(endpoint, process)

    def on_died(self, process: Process) -> None:
        """A node is down."""
        for endpoint, connection in self._connections.items():
            if connection.process is process:
                self._notice(endpoint, self._lose, endpoint)

    def has(self, routing_id: str) -> bool:
        """Is this the routing id of one of this client's connections?"""
        return routing_id.rpartition("/")[0] in self._endpoints

    def reply(self, process: Process, envelope: Envelope) -> None:
        """A node answers; that connection may be gone."""
        slot, _, number = envelope.to.actor.rpartition("/")
        connection = self._connections[self._endpoints[slot]]
        if connection.number == int(number) and connection.process is process:
            delay_us = self._delay_us() + transfer_us(envelope.message)
            at_us = max(connection.received_us, self._clock.now_us + delay_us)
            connection.received_us = at_us
            arrive = partial(self._receive, connection, process, envelope)
            self._clock.after(at_us - self._clock.now_us, arrive)
        else:
            self._transcript.lost(self._clock.now_us, envelope, "the client is not connected")

    def _now(self) -> Now:
        now_ms = self._clock.now_us // 1_000
        return Now(now_ms, now_ms)

    def _delay_us(self) -> int:
        weather = self._network.weather
        return self._rng.randint(weather.min_delay_us, weather.max_delay_us)

    def _connect(self, endpoint: str, process: Process) -> None:
        self._notice(endpoint, self._gain, endpoint, process)

    def _notice(self, endpoint: str, notice: Callable[..., None], *args: object) -> None:
        """In a while, and not before what is to be noticed earlier."""
        connection = self._connections[endpoint]
        at_us = self._clock.now_us + self._rng.randint(0, NOTICE_US)
        connection.noticed_us = max(connection.noticed_us, at_us)
        self._clock.after(connection.noticed_us - self._clock.now_us, partial(notice, *args))

    def _gain(self, endpoint: str, process: Process) -> None:
        if process.alive:
            connection = self._connections[endpoint]
            connection.process = process
            connection.number += 1
            self._tell(LinkUp(endpoint))

    def _lose(self, endpoint: str) -> None:
        connection = self._connections[endpoint]
        if connection.process is None or not connection.process.alive:
            connection.process = None
            self._tell(LinkDown(endpoint))

    def _tell(self, news: Message) -> None:
        own = Address(CLIENT, self.name)
        self._turn((Envelope(own, own, news),))

    def _receive(self, connection: _Connection, process: Process, envelope: Envelope) -> None:
        if connection.process is process and process.alive:
            self._turn((envelope,))
        else:
            self._transcript.lost(self._clock.now_us, envelope, "the connection is cut")

    def _turn(self, inbox: Sequence[Envelope]) -> None:
        for envelope in inbox:
            self._transcript.delivered(self._clock.now_us, envelope)
        for envelope in self._session.turn(inbox, self._now()):
            self._send(envelope)
        for number, outcome in self._session.finished():
            self._then.pop(number)(outcome)
        wake_at = self._session.wake_at
        if wake_at is not None and wake_at != self._alarm_ms:
            self._alarm_ms = wake_at
            wait_us = wake_at * 1_000 - self._clock.now_us
            self._clock.after(wait_us, partial(self._wake, wake_at))

    def _wake(self, at_ms: int) -> None:
        if at_ms == self._alarm_ms:
            self._alarm_ms = None
            self._turn(())

    def _send(self, envelope: Envelope) -> None:
        endpoint = envelope.to.node.removeprefix(ENDPOINT)
        connection = self._connections[endpoint]
        process = connection.process
        if process is None:
            notice = replace(envelope, message=Bounced(envelope.to, envelope.message))
            self._clock.after(0, partial(self._turn, (notice,)))
            return
        slot = next(slot for slot, e in self._endpoints.items() if e == endpoint)
        sender = Address(CLIENT, f"{slot}/{connection.number}")
        to = Address(process.node.id, envelope.to.actor)
        sent = replace(envelope, to=to, sender=sender)
        delay_us = self._delay_us() + transfer_us(envelope.message)
        at_us = max(connection.sent_us, self._clock.now_us + delay_us)
        connection.sent_us = at_us
        self._clock.after(at_us - self._clock.now_us, partial(self._arrive, process, sent))
        if self._rng.random() < self._network.weather.client_duplication:
            late_us = self._rng.randint(0, self._network.weather.straggler_us)
            again = partial(self._arrive, process, sent)
            self._clock.after(at_us - self._clock.now_us + late_us, again)

    def _arrive(self, process: Process, envelope: Envelope) -> None:
        if process.alive:
            process.arrive(envelope)
        else:
            self._transcript.lost(self._clock.now_us, envelope, "the connection is cut")
