"""Virtual time: what is to happen waits in a heap and happens in the order of (time, sequence).

Nothing takes time but what is scheduled, so a minute of a network passes in a moment, and the same
schedule passes in the same order in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Clock:
    """`now_us` is the time since the simulation began, in microseconds."""

    def __init__(self) -> None:
        self.now_us = 0
        self._sequence = 0
        self._events: list[tuple[int, int, Action]] = []

    def after(self, delay_us: int, action: Action) -> None:
        """Do this then; what is due at the same time happens in the order of these calls."""
        self._sequence += 1
        heappush(self._events, (self.now_us + max(0, delay_us), self._sequence, action))

    def step(self, until_us: int) -> bool:
        """Let the next event happen if it is due by then; else it is then, and False."""
        if not self._events or self._events[0][0] > until_us:
            self.now_us = max(self.now_us, until_us)
            return False
        self.now_us, _, action = heappop(self._events)
        action()
        return True

    def run(self, until_us: int) -> None:
        """Let all happen that is due by then."""
        while self.step(until_us):
            continue
