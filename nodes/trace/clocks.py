"""One time for all: how far the clocks of machines are apart, from the messages between them alone.

No message arrives before it was sent. Where clocks say it did, they differ: a message from a to b
that seems to take -5 ms says that b's clock is at least 5 ms behind a's, one back says how much
it may be at most. As long as nothing contradicts it, clocks are taken to agree.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from actors.actor import CLIENT
from nodes.trace.reading import Record
from nodes.trace.spans import Span


class Hop(NamedTuple):
    """A message's way: the clock that it was sent by, the one it arrived by, and the difference."""

    sender: str
    receiver: str
    took_us: int


class Timeline:
    """The times of spans, moved to the clock of `base`, the node that a client asked.

    `shifts` says how far each clock is ahead of it, in microseconds.
    """

    def __init__(self, spans: Collection[Span]) -> None:
        self.base = _base(spans)
        self.shifts = clock_shifts(_hops(spans), self.base)
        self._start_us = 0
        self._start_us = min(map(self.sent_us, spans), default=0)

    def since_start(self, clock: str, us: int) -> int:
        """Microseconds from the first span's sending to when `clock` showed `us`."""
        return us - self.shifts.get(clock, 0) - self._start_us

    def sent_us(self, span: Span) -> int:
        """When it was sent, since the start."""
        return self.since_start(span.clock, span.sent_us)

    def at_us(self, record: Record) -> int:
        """When it happened, since the start."""
        return self.since_start(record.node, record.at_us)

    def hop_us(self, span: Span, record: Record) -> int | None:
        """From the sending to this, or None where the clocks do not let that be known."""
        hop_us = self.at_us(record) - self.sent_us(span)
        return hop_us if hop_us >= 0 else None

    def is_estimate(self, span: Span, record: Record) -> bool:
        """Was one of the two clocks moved to fit the other?"""
        return self.shifts.get(span.clock, 0) != self.shifts.get(record.node, 0)


def clock_shifts(hops: Iterable[Hop], base: str) -> dict[str, int]:
    """How far each clock is ahead of `base`'s, in microseconds; 0 unless some hop says otherwise.

    A clock that no hop connects with `base` is left out.
    """
    least_us: dict[tuple[str, str], int] = {}
    neighbours: dict[str, set[str]] = {}
    for sender, receiver, took_us in hops:
        if sender != receiver:
            way = (sender, receiver)
            least_us[way] = min(least_us.get(way, took_us), took_us)
            neighbours.setdefault(sender, set()).add(receiver)
            neighbours.setdefault(receiver, set()).add(sender)
    shifts = {base: 0}
    queue = deque([base])
    while queue:
        here = queue.popleft()
        for there in sorted(neighbours.get(here, ())):
            if there not in shifts:
                ahead_us = _ahead_us(least_us.get((here, there)), least_us.get((there, here)))
                shifts[there] = shifts[here] + ahead_us
                queue.append(there)
    return shifts


def _ahead_us(out_us: int | None, back_us: int | None) -> int:
    """How far the other clock is ahead, by the fastest message there and the fastest one back. Each
    took at least no time: that bounds the answer from above and from below."""
    at_most = out_us
    at_least = None if back_us is None else -back_us
    if at_most is not None and at_least is not None:
        return 0 if at_least <= 0 <= at_most else (at_least + at_most) // 2
    if at_most is not None:
        return min(0, at_most)
    return max(0, at_least or 0)


def _hops(spans: Iterable[Span]) -> Iterator[Hop]:
    for span in spans:
        for record in [*span.passed, *span.delivered]:
            yield Hop(span.clock, record.node, record.at_us - span.sent_us)


def _base(spans: Iterable[Span]) -> str:
    """The node that a client asked, or else the one with the most records."""
    asked: list[Record] = []
    records: Counter[str] = Counter()
    for span in spans:
        of_span = [*span.passed, *span.delivered, *filter(None, [span.sent, span.replied])]
        records.update(record.node for record in of_span)
        if span.clock == CLIENT:
            asked += span.delivered
    if asked:
        return min(asked, key=lambda record: record.at_us).node
    return min(records, key=lambda node: (-records[node], node), default="")
