"""Requests to the storages of other nodes that may be sent again: each is repeated, with twice the
patience every time, until it is answered or given up. An answer to any of the times counts, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from actors.actor import Envelope, Now
from actors.messages import Bounced, Message
from actors.outbox import Outbox

MAX_TRIES = 5

T = TypeVar("T")


@dataclass(slots=True)
class _Asked(Generic[T]):
    what: T
    peer: str
    message: Message
    due_ms: int
    numbers: list[int] = field(default_factory=list)


class Repeats(Generic[T]):
    """A `T` is what a request is for."""

    def __init__(self, outbox: Outbox, patience_ms: int) -> None:
        self._outbox = outbox
        self._patience_ms = patience_ms
        self._asked: dict[int, _Asked[T]] = {}

    def __len__(self) -> int:
        return len({asked.numbers[0] for asked in self._asked.values()})

    @property
    def wake_at(self) -> int | None:
        """When a request has waited long enough for its answer: monotonic ms."""
        return min((asked.due_ms for asked in self._asked.values()), default=None)

    def ask(self, peer: str, message: Message, what: T, now: Now) -> None:
        """Send this to a peer."""
        self._send(_Asked(what, peer, message, 0), now)

    def take(self, envelope: Envelope) -> T | None:
        """What this is the answer to, or to what it has come back from the host; None if it is not
        expected, or comes from somebody else."""
        asked = self._asked.get(envelope.id)
        if asked is None:
            return None
        bounced = envelope.message if isinstance(envelope.message, Bounced) else None
        if asked.peer != (bounced.to.node if bounced else envelope.sender.node):
            return None
        self._drop(asked)
        return asked.what

    def due(self, now: Now) -> list[T]:
        """Repeat what has waited long enough; what is given up, in the order in which it began."""
        given_up: list[T] = []
        for asked in list(dict.fromkeys(self._overdue(now))):
            repeated = self._asked[asked]
            if len(repeated.numbers) < MAX_TRIES:
                self._send(repeated, now)
            else:
                self._drop(repeated)
                given_up.append(repeated.what)
        return given_up

    def forget(self, peer: str) -> list[T]:
        """This peer will not answer any more; what it was asked for."""
        gone = {a.numbers[0]: a for a in self._asked.values() if a.peer == peer}
        for asked in gone.values():
            self._drop(asked)
        return [asked.what for asked in gone.values()]

    def clear(self) -> None:
        """No answer is of any use now."""
        self._asked = {}

    def _overdue(self, now: Now) -> list[int]:
        return [a.numbers[0] for a in self._asked.values() if now.mono_ms >= a.due_ms]

    def _send(self, asked: _Asked[T], now: Now) -> None:
        asked.due_ms = now.mono_ms + (self._patience_ms << len(asked.numbers))
        number = self._outbox.send(asked.peer, asked.message)
        asked.numbers.append(number)
        self._asked[number] = asked

    def _drop(self, asked: _Asked[T]) -> None:
        for number in asked.numbers:
            del self._asked[number]
