"""What the file server asks of others, other file servers, storages and its own router: each errand
is numbered, repeated, and given up in the end. All of them may safely be repeated but writes.

Chunks are large, so of those that carry or bring one only a few at a time are under way with a
node, its credit; the others wait here, where they can be counted and called off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from actors.actor import Address, Envelope, Now, Trace, unwanted
from actors.messages import (
    Bounced,
    ChunkKept,
    ChunksCompared,
    ChunkTaken,
    Failed,
    Got,
    KeepChunk,
    LayoutIs,
    Listed,
    Message,
    Referred,
    TakeChunk,
    Touched,
    Written,
)

Then = Callable[[Message | None], None]
"""Called with the answer, be it a refusal, or with None where there is none and will be none."""

BOUNCE_RETRY_MS = 50
BOUNCE_PATIENCE_MS = 500
_HEAVY = (KeepChunk, TakeChunk)
_ANSWERS = frozenset(
    {ChunkKept, ChunksCompared, ChunkTaken, Referred, Touched}
    | {Got, Listed, Written, LayoutIs, Failed, Bounced}
)


@dataclass(slots=True, eq=False)
class Errand:
    """One request to one actor. `is_sent` is false while it waits for its node's credit."""

    to: Address
    message: Message
    then: Then
    deadline_ms: int
    repeats: bool
    trace: Trace | None
    number: int = 0
    is_sent: bool = False
    is_called_off: bool = False
    retry_ms: int = 0
    bounced_ms: int | None = None

    @property
    def is_heavy(self) -> bool:
        """Does it count towards the credit of its node?"""
        return isinstance(self.message, _HEAVY)


class Errands:
    """In the name of `here`. An errand without an answer is repeated every `retry_ms`."""

    def __init__(self, here: Address, first_number: int, retry_ms: int, credit: int) -> None:
        self._here = here
        self._number = first_number
        self._retry_ms = retry_ms
        self._credit = credit
        self._sent: dict[int, Errand] = {}
        self._waiting: dict[str, deque[Errand]] = {}
        self._heavy: dict[str, int] = {}
        self._out: list[Envelope] = []
        self._wake_at: int | None = None

    def __len__(self) -> int:
        return len(self._sent) + sum(map(len, self._waiting.values()))

    @property
    def wake_at(self) -> int | None:
        """When an errand is to be repeated or given up, or earlier: monotonic ms."""
        return self._wake_at if self._sent or self._waiting else None

    def ask(
        self,
        to: Address,
        message: Message,
        then: Then,
        now: Now,
        *,
        patience_ms: int,
        repeats: bool = True,
        trace: Trace | None = None,
    ) -> Errand:
        """Ask; `then` is called in a later turn, not more than about `patience_ms` from now."""
        errand = Errand(to, message, then, now.mono_ms + patience_ms, repeats, trace)
        self._look_at(errand.deadline_ms)
        if errand.is_heavy and self._heavy.get(to.node, 0) >= self._credit:
            self._waiting.setdefault(to.node, deque()).append(errand)
        else:
            self._begin(errand, now)
        return errand

    def call_off(self, errand: Errand, now: Now) -> None:
        """Nobody waits for it any more; `then` is not called."""
        errand.is_called_off = True
        if errand.is_sent:
            if self._sent.pop(errand.number, None) is not None:
                self._ended(errand, now)
        elif errand in self._waiting.get(errand.to.node, ()):
            self._waiting[errand.to.node].remove(errand)
            if not self._waiting[errand.to.node]:
                del self._waiting[errand.to.node]

    def on(self, envelope: Envelope, now: Now) -> bool:
        """Is it the answer to an errand, or an errand that bounced? The requests of others are
        numbered as these are."""
        errand = self._sent.get(envelope.id)
        if errand is None or type(envelope.message) not in _ANSWERS:
            return False
        match envelope.message:
            case Bounced(to):
                if to != errand.to:
                    return False
                if errand.bounced_ms is None:
                    errand.bounced_ms = now.mono_ms
                if now.mono_ms - errand.bounced_ms >= BOUNCE_PATIENCE_MS or not errand.repeats:
                    self._end(errand, None, now)
                else:
                    errand.retry_ms = now.mono_ms + BOUNCE_RETRY_MS
                    self._look_at(errand.retry_ms)
            case answer:
                if envelope.sender != errand.to:
                    return False
                self._end(errand, answer, now)
        return True

    def unwanted(self, envelope: Envelope) -> str:
        """Why this answers no errand."""
        is_answer = type(envelope.message) in _ANSWERS and envelope.id not in self._sent
        return unwanted(envelope, is_late=is_answer and 0 < envelope.id <= self._number)

    def give_up(self, node: str, now: Now) -> None:
        """This node is down: none of what it was asked will be answered."""
        waiting = self._waiting.pop(node, ())
        for errand in [e for e in self._sent.values() if e.to.node == node]:
            self._end(errand, None, now)
        _give_up_unsent(waiting)

    def due(self, now: Now) -> None:
        """Repeat what went unanswered, and give up what has no time left."""
        if self._wake_at is None or now.mono_ms < self._wake_at:
            return
        self._wake_at = None
        self._give_up_waiting(now)
        for errand in list(self._sent.values()):
            if errand.is_called_off:
                continue
            if now.mono_ms >= errand.deadline_ms:
                self._end(errand, None, now)
            elif errand.repeats and now.mono_ms >= errand.retry_ms:
                self._send(errand, now)
            else:
                self._look_at(min(errand.deadline_ms, errand.retry_ms))

    def _give_up_waiting(self, now: Now) -> None:
        late: list[Errand] = []
        for node, waiting in list(self._waiting.items()):
            late += [errand for errand in waiting if now.mono_ms >= errand.deadline_ms]
            staying = [errand for errand in waiting if now.mono_ms < errand.deadline_ms]
            if staying:
                self._waiting[node] = deque(staying)
                self._look_at(min(errand.deadline_ms for errand in staying))
            else:
                del self._waiting[node]
        # Only now: who is told may call off others, of any node.
        _give_up_unsent(late)

    def take(self) -> list[Envelope]:
        """What is to be sent."""
        out, self._out = self._out, []
        return out

    def _begin(self, errand: Errand, now: Now) -> None:
        self._number += 1
        errand.number = self._number
        errand.is_sent = True
        self._sent[errand.number] = errand
        if errand.is_heavy:
            self._heavy[errand.to.node] = self._heavy.get(errand.to.node, 0) + 1
        self._send(errand, now)

    def _send(self, errand: Errand, now: Now) -> None:
        errand.retry_ms = now.mono_ms + self._retry_ms if errand.repeats else errand.deadline_ms
        self._look_at(min(errand.retry_ms, errand.deadline_ms))
        self._out.append(
            Envelope(errand.to, self._here, errand.message, errand.number, errand.trace)
        )

    def _end(self, errand: Errand, answer: Message | None, now: Now) -> None:
        if self._sent.pop(errand.number, None) is not None:
            self._ended(errand, now)
            errand.then(answer)

    def _ended(self, errand: Errand, now: Now) -> None:
        """What waits for the credit of its node may go."""
        node = errand.to.node
        if not errand.is_heavy:
            return
        self._heavy[node] -= 1
        waiting = self._waiting.get(node)
        if waiting:
            following = waiting.popleft()
            if not waiting:
                del self._waiting[node]
            self._begin(following, now)
        elif not self._heavy[node]:
            del self._heavy[node]

    def _look_at(self, at_ms: int) -> None:
        self._wake_at = at_ms if self._wake_at is None else min(self._wake_at, at_ms)


def _give_up_unsent(errands: Iterable[Errand]) -> None:
    """Those that one before them has called off are none any more."""
    for errand in errands:
        if not errand.is_called_off:
            errand.then(None)


def is_refusal(answer: Message | None) -> bool:
    """Is it no answer to what was asked, but why there is none?"""
    return answer is None or isinstance(answer, (Failed, LayoutIs))
