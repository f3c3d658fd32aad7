"""Storage actors that exchange messages in virtual time, and what these messages weigh."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from actors.actor import Actor, Address, Envelope, Now
from nodes.wire import encode

DELAY_MS = 1
WALL_MS = 1_700_000_000_000
"""By the wall clock of all of them the exchange begins at this time."""


class Exchange:
    """The actors by the ids of their nodes. All that is sent to anybody else is dropped.

    `sent_bytes` and `sent_messages` count what left a node, by the name of the message: as it is
    encoded, every message by itself, without ZeroMQ's framing.
    """

    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self._actors = dict(actors)
        self._under_way: list[tuple[int, int, Envelope]] = []
        self._number = 0
        self.now_ms = 0
        self.sent_bytes: Counter[str] = Counter()
        self.sent_messages: Counter[str] = Counter()

    def forget_counts(self) -> None:
        """Count from here on."""
        self.sent_bytes.clear()
        self.sent_messages.clear()

    def hand(self, envelope: Envelope) -> None:
        """Let this arrive at its actor, uncounted."""
        self._number += 1
        heapq.heappush(self._under_way, (self.now_ms, self._number, envelope))

    def run_until(self, done: Callable[[], bool], patience_ms: int) -> int:
        """Let time pass until it is so; how many milliseconds. Raises TimeoutError."""
        began_ms = self.now_ms
        while not done():
            next_ms = self._next_ms()
            if next_ms is None or next_ms - began_ms > patience_ms:
                raise TimeoutError(f"not so after {patience_ms} ms")
            self._turns(next_ms)
        return self.now_ms - began_ms

    def run_for(self, duration_ms: int) -> None:
        """Let so much time pass."""
        end_ms = self.now_ms + duration_ms
        while (next_ms := self._next_ms()) is not None and next_ms <= end_ms:
            self._turns(next_ms)
        self.now_ms = end_ms

    def _next_ms(self) -> int | None:
        times = [actor.wake_at for actor in self._actors.values()]
        wakes = [at_ms for at_ms in times if at_ms is not None]
        if self._under_way:
            wakes.append(self._under_way[0][0])
        return max(min(wakes), self.now_ms) if wakes else None

    def _turns(self, now_ms: int) -> None:
        """Give a turn to each for whom something arrived, or whose time has come."""
        self.now_ms = now_ms
        inboxes: dict[str, list[Envelope]] = {id: [] for id in self._actors}
        while self._under_way and self._under_way[0][0] <= now_ms:
            envelope = heapq.heappop(self._under_way)[2]
            inboxes[envelope.to.node].append(envelope)
        now = Now(now_ms, WALL_MS + now_ms)
        for id, actor in self._actors.items():
            if inboxes[id] or (actor.wake_at is not None and actor.wake_at <= now_ms):
                self._send(id, actor.turn(inboxes[id], now))

    def _send(self, here: str, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if envelope.to not in [Address(id, "storage") for id in self._actors]:
                continue
            delay_ms = 0
            if envelope.to.node != here:
                delay_ms = DELAY_MS
                name = type(envelope.message).__name__
                self.sent_bytes[name] += sum(map(len, encode([envelope], here)))
                self.sent_messages[name] += 1
            self._number += 1
            entry = (self.now_ms + delay_ms, self._number, envelope)
            heapq.heappush(self._under_way, entry)
