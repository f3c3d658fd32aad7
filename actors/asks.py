"""What a coordinator asks of replicas: each ask is numbered, repeated, and given up in the end.

Everything asked may safely be repeated: reads change nothing, and a Store carries its stamps, so
that the second one finds its own value there. An ask that bounced was provably not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.actor import Address, Envelope, Now, Trace
from actors.jobs import Job
from actors.messages import (
    Bounced,
    Fetch,
    Fetched,
    Message,
    Observe,
    Observed,
    Scan,
    Scanned,
    Store,
    Stored,
)

Parts = Sequence[tuple[Job, Sequence[int]]]
"""Jobs, and the positions of those of their keys that an ask is about."""


@dataclass(frozen=True, slots=True)
class AskSettings:
    """`retry_ms` is doubled at each attempt. A bounced ask is tried again every `bounce_retry_ms`,
    for a connection may just be under way, and given up after `bounce_patience_ms`."""

    retry_ms: int = 500
    bounce_retry_ms: int = 50
    bounce_patience_ms: int = 500


@dataclass(slots=True)
class Ask:
    """One request to one replica, on behalf of the jobs in `parts`."""

    to: Address
    message: Message
    parts: Parts
    trace: Trace | None
    first_ms: int
    retry_at_ms: int
    attempts: int = 1
    bounces: int = 0

    def wanted(self) -> bool:
        """Does any job still wait for it?"""
        return any(job.open for job, _ in self.parts)

    def harmless(self) -> bool:
        """Is it certain that the ask has changed nothing, and never will?"""
        return self.bounces == self.attempts or not isinstance(self.message, Store)

    def answered_by(self, message: Message) -> bool:
        """Is this the kind and the length of answer that was asked for?"""
        match self.message, message:
            case Store(keys), Stored(codes):
                return len(codes) == len(keys)
            case Fetch(keys), Fetched(kinds):
                return 1 <= len(kinds) <= len(keys)
            case (Observe(), Observed()) | (Scan(), Scanned()):
                return True
        return False


class Asks:
    """Those under way, sent in the name of `sender`, numbered from `number` + 1."""

    def __init__(self, sender: Address, number: int, settings: AskSettings) -> None:
        self._sender = sender
        self._number = number
        self._settings = settings
        self._asks: dict[int, Ask] = {}

    def __len__(self) -> int:
        return len(self._asks)

    def send(
        self, to: Address, message: Message, parts: Parts, trace: Trace | None, now: Now
    ) -> Envelope:
        """Begin an ask: this is its envelope."""
        self._number += 1
        retry_at_ms = now.mono_ms + self._settings.retry_ms
        self._asks[self._number] = Ask(to, message, parts, trace, now.mono_ms, retry_at_ms)
        return Envelope(to, self._sender, message, self._number, trace)

    def answered(self, envelope: Envelope) -> Ask | None:
        """The ask that this answers, now ended; None if there is none (any more)."""
        ask = self._asks.get(envelope.id)
        if ask is None or ask.to != envelope.sender or not ask.answered_by(envelope.message):
            return None
        del self._asks[envelope.id]
        return ask

    def bounced(self, envelope: Envelope, now: Now) -> Ask | None:
        """Note that an attempt was not sent; the ask, now ended, if it is given up for that."""
        ask = self._asks.get(envelope.id)
        if ask is None or not isinstance(envelope.message, Bounced):
            return None
        ask.bounces += 1
        ask.retry_at_ms = now.mono_ms + self._settings.bounce_retry_ms
        if now.mono_ms - ask.first_ms < self._settings.bounce_patience_ms:
            return None
        del self._asks[envelope.id]
        return ask

    def due(self, now: Now) -> list[Envelope]:
        """Repeat what went unanswered for its time; forget what nobody waits for any more."""
        again = []
        for number, ask in list(self._asks.items()):
            if not ask.wanted():
                del self._asks[number]
            elif now.mono_ms >= ask.retry_at_ms:
                ask.retry_at_ms = now.mono_ms + (self._settings.retry_ms << min(ask.attempts, 4))
                ask.attempts += 1
                again.append(Envelope(ask.to, self._sender, ask.message, number, ask.trace))
        return again
