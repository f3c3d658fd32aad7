"""The requests of one transfer of a file: what is to be sent now, and what is to be sent again.

A transfer ends only when there is no progress for its whole time-out. Until then whatever can be
asked again is, of the next endpoint and after a pause, if nobody took it on or nobody answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from actors.errors import GossamerError, TimedOut, Unavailable
from actors.messages import Message, PutFile

FIRST_PAUSE_MS = 50
LAST_PAUSE_MS = 1_000


class Ask(NamedTuple):
    """What is to be sent, and its `turn`: which of the endpoints is to be asked first, counted
    round. Its outcome is told under `number`."""

    number: int
    request: Message
    timeout_ms: int
    turn: int


class Answered(NamedTuple):
    """How a request has ended. Who finds the answer wrong may ask `again`."""

    number: int
    request: Message
    outcome: Message | GossamerError
    turn: int
    tries: int


@dataclass(slots=True)
class _Request:
    """`at_ms` is when it is to be sent, or None once it was."""

    message: Message
    timeout_ms: int
    turn: int
    at_ms: int | None = 0
    tries: int = 0


class Requests:
    """`timeout_ms` is that of the transfer, and of each request unless it is given its own."""

    def __init__(self, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms
        self._number = 0
        self._under_way: dict[int, _Request] = {}
        self._progress_ms: int | None = None

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._under_way)

    @property
    def wake_at(self) -> int | None:
        """When the next is to be sent: monotonic ms, or None if that is up to answers."""
        waiting = (r.at_ms for r in self._under_way.values() if r.at_ms is not None)
        return min(waiting, default=None)

    def ask(self, request: Message, turn: int = 0, timeout_ms: int = 0) -> int:
        """Let this be sent; the number under which it will be answered."""
        if not self._under_way:
            # While nothing was asked for nobody could answer: the time begins anew.
            self._progress_ms = None
        self._number += 1
        self._under_way[self._number] = _Request(request, timeout_ms or self.timeout_ms, turn)
        return self._number

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""
        if self._progress_ms is None:
            self._progress_ms = now_ms
        asks: list[Ask] = []
        for number, request in self._under_way.items():
            if request.at_ms is not None and request.at_ms <= now_ms:
                request.at_ms = None
                asks.append(Ask(number, request.message, request.timeout_ms, request.turn))
        return asks

    def answered(
        self, number: int, outcome: Message | GossamerError, now_ms: int
    ) -> Answered | None:
        """What that means; None where it is to be asked again, or was not asked."""
        request = self._under_way.get(number)
        if request is None:
            return None
        if _may_ask_again(request.message, outcome) and self._ask_later(request, now_ms):
            return None
        del self._under_way[number]
        return Answered(number, request.message, outcome, request.turn, request.tries)

    def progressed(self, now_ms: int) -> None:
        """An answer was of use: the time-out begins anew."""
        self._progress_ms = now_ms

    def again(
        self, answered: Answered, instead: Message, now_ms: int, *, elsewhere: bool = True
    ) -> bool:
        """Ask this of the next endpoint, or of the same one, in the place of what was answered with
        something wrong. False if there has been no progress for too long."""
        number, _, _, turn, tries = answered
        request = _Request(instead, self.timeout_ms, turn if elsewhere else turn - 1, tries=tries)
        if not self._ask_later(request, now_ms):
            return False
        self._under_way[number] = request
        return True

    def drop_all(self) -> None:
        """Nobody waits for any of them any more."""
        self._under_way.clear()

    def _ask_later(self, request: _Request, now_ms: int) -> bool:
        since_ms = now_ms if self._progress_ms is None else self._progress_ms
        if now_ms - since_ms >= self.timeout_ms:
            return False
        request.at_ms = now_ms + min(LAST_PAUSE_MS, FIRST_PAUSE_MS << min(request.tries, 10))
        request.tries += 1
        request.turn += 1
        return True


def _may_ask_again(request: Message, outcome: Message | GossamerError) -> bool:
    """Not where a file may have been put already: that has to be found out."""
    if isinstance(request, PutFile):
        return isinstance(outcome, Unavailable) and outcome.definite
    return isinstance(outcome, (Unavailable, TimedOut))
