"""Which owners a read asks: as many as it needs, the own replica first; and the others once these
take long, or cannot answer. So of three owners two work for a read, and yet one that hangs does not
hold it up: who let one wait is asked last for a while.

Dean and Barroso, "The Tail at Scale", 2013, call it hedged requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, Generic, Protocol, TypeVar

from actors.desk import Desk
from actors.layout import Sets
from actors.messages import Level
from actors.quorum import Quorum

SLOW_MS: Final = 1_000
"""For so long is asked last who let a read wait."""


class Hedged(Protocol):
    """A part of a read. The owners in `spare` were not asked yet."""

    quorum: Quorum
    spare: Sequence[str]

    @property
    def is_over(self) -> bool:
        """Does nobody wait for it any more?"""


P = TypeVar("P", bound=Hedged)


class Hedging(Generic[P]):
    """Of the router whose `desk` it is. Others are asked after `hedge_ms`; with 0 all are at once.

    Which of the others come first is drawn anew each turn, the same for all reads of it, so that
    what they ask shares messages; and by and by all copies are compared with each other.
    """

    def __init__(self, desk: Desk, hedge_ms: int) -> None:
        self._desk = desk
        self._hedge_ms = hedge_ms
        self._rng = Random(desk.node)
        self._rank: dict[str, float] = {}
        self._chosen: dict[tuple[Sets, Level, frozenset[str]], tuple[str, ...]] = {}
        self._slow_until_ms: dict[str, int] = {}
        self._waiting: deque[tuple[int, P]] = deque()
        self.hedged = 0
        """So many parts of reads were asked of others too."""

    @property
    def wake_at(self) -> int | None:
        """When the others are to be asked for a read: monotonic ms."""
        while self._waiting and _is_settled(self._waiting[0][1]):
            self._waiting.popleft()
        return self._waiting[0][0] if self._waiting else None

    def begin(self, part: P, sets: Sets, level: Level) -> tuple[str, ...]:
        """Whom to ask first. The rest of those that are up becomes the part's `spare`."""
        if not self._hedge_ms or level == "all":
            return tuple([node for node in part.quorum.owners() if node not in part.quorum.no])
        choice = sets, level, self._desk.down
        order = self._chosen.get(choice)
        if order is None:
            up = [node for node in part.quorum.owners() if node not in part.quorum.no]
            order = self._chosen[choice] = tuple(sorted(up, key=self._preference))
        first = part.quorum.fewest(order)
        if len(first) < len(order):
            part.spare = [node for node in order if node not in first]
            self._waiting.append((self._desk.now.mono_ms + self._hedge_ms, part))
        return first

    def due(self) -> Iterator[P]:
        """The parts that have waited long enough for those that were asked first."""
        now_ms = self._desk.now.mono_ms
        while (until_ms := self.wake_at) is not None and until_ms <= now_ms:
            _, part = self._waiting.popleft()
            self.hedged += 1
            for node in part.quorum.owners():
                if not (node in part.quorum.yes or node in part.quorum.no or node in part.spare):
                    self._slow_until_ms[node] = now_ms + SLOW_MS
            yield part

    def end_turn(self) -> None:
        """The next one asks others."""
        self._rank.clear()
        self._chosen.clear()

    def forget_all(self) -> None:
        """What was asked is void."""
        self._waiting.clear()
        self.end_turn()

    def _preference(self, node: str) -> tuple[bool, bool, float]:
        is_slow = self._slow_until_ms.get(node, 0) > self._desk.now.mono_ms
        return is_slow, node != self._desk.node, self._rank.setdefault(node, self._rng.random())


def _is_settled(part: Hedged) -> bool:
    return part.is_over or not part.spare
