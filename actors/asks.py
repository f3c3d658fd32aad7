"""What a coordinator asks of replicas: each ask is numbered, repeated, and given up in the end.

Everything asked may safely be repeated: reads change nothing, and a Store carries its stamps, so
that the second one finds its own value there. An ask that bounced was provably not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from actors.actor import Address, Envelope, Now, Trace, unwanted
from actors.messages import (
    AskFiles,
    AskReport,
    Bounced,
    Failed,
    Fetch,
    Fetched,
    FilesReport,
    Inspect,
    Inspected,
    LayoutIs,
    Message,
    Observe,
    Observed,
    Report,
    Scan,
    Scanned,
    Store,
    Stored,
)


class Part(Protocol):
    """What an ask is about: a part of some job."""

    def wants(self, node: str) -> bool:
        """Is the answer of this node still waited for?"""


@dataclass(frozen=True, slots=True)
class AskSettings:
    """`retry_ms` is doubled at each attempt. A bounced ask is tried again every `bounce_retry_ms`,
    for a connection may just be under way, and given up after `bounce_patience_ms`. When nobody
    waits for it any more an ask lingers for `linger_ms`: who answers late need not be healed."""

    retry_ms: int = 500
    bounce_retry_ms: int = 50
    bounce_patience_ms: int = 500
    linger_ms: int = 1_500


@dataclass(slots=True)
class Ask:
    """One request to one replica, on behalf of some parts."""

    to: Address
    message: Message
    parts: Sequence[Part]
    trace: Trace | None
    first_ms: int
    retry_at_ms: int
    attempts: int = 1
    bounces: int = 0

    def wanted(self) -> bool:
        """Does anybody still wait for it?"""
        node = self.to.node
        return any(part.wants(node) for part in self.parts)

    def harmless(self) -> bool:
        """Is it certain that the ask has changed nothing, and never will?"""
        return self.bounces == self.attempts or not isinstance(self.message, Store)

    def answered_by(self, message: Message) -> bool:
        """Is this the kind and the length of answer that was asked for?"""
        match self.message, message:
            case Store(_, keys), Stored(codes):
                return len(codes) == len(keys)
            case Fetch(_, keys), Fetched(kinds):
                return 1 <= len(kinds) <= len(keys)
            case (
                (Observe(), Observed())
                | (Scan(), Scanned())
                | (Inspect(), Inspected())
                | (AskReport(), Report())
                | (AskFiles(), FilesReport())
            ):
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
        self, to: Address, message: Message, parts: Sequence[Part], trace: Trace | None, now: Now
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

    def unwanted(self, envelope: Envelope) -> str:
        """Why this answers no ask."""
        is_late = 0 < envelope.id <= self._number and envelope.id not in self._asks
        return unwanted(envelope, is_late=is_late)

    def put_off(self, envelope: Envelope, now: Now) -> Ask | None:
        """This attempt did nothing: it was handed back, or its replica is not ready. The ask, now
        ended, if it is given up for that."""
        ask = self._asks.get(envelope.id)
        match envelope.message:
            case Bounced() if ask is not None:
                ask.bounces += 1
            case Failed() | LayoutIs() if ask is not None and ask.to == envelope.sender:
                # Of a Store that is no proof that it did nothing: a duplicate may come later.
                pass
            case _:
                return None
        ask.retry_at_ms = now.mono_ms + self._settings.bounce_retry_ms
        if now.mono_ms - ask.first_ms < self._settings.bounce_patience_ms:
            return None
        del self._asks[envelope.id]
        return ask

    def give_up(self, node: str) -> list[Ask]:
        """All that this node was asked; it is known to be down."""
        lost = {number: ask for number, ask in self._asks.items() if ask.to.node == node}
        for number in lost:
            del self._asks[number]
        return list(lost.values())

    def forget_all(self) -> None:
        """What is under way was asked in an epoch that is over."""
        self._asks.clear()

    def due(self, now: Now) -> tuple[list[Envelope], list[Ask]]:
        """What is to be repeated, for it went unanswered for its time; and what is given up, for
        nobody has waited for it for a while."""
        again, over = [], []
        for number, ask in list(self._asks.items()):
            if not ask.wanted() and now.mono_ms - ask.first_ms >= self._settings.linger_ms:
                del self._asks[number]
                over.append(ask)
            elif now.mono_ms >= ask.retry_at_ms:
                ask.retry_at_ms = now.mono_ms + (self._settings.retry_ms << min(ask.attempts, 4))
                ask.attempts += 1
                again.append(Envelope(ask.to, self._sender, ask.message, number, ask.trace))
        return again, over
