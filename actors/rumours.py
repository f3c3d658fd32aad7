"""News for everybody: numbered by its origin, heard once, and passed on a few times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from actors.membership import Member
from actors.messages import Rumour
from actors.window import Windows


class Rumours:
    """What one node publishes in its life `boot`, and what it has heard from others."""

    def __init__(self, origin: str, boot: str, ttl: int, max_members: int) -> None:
        self._origin = origin
        self._boot = boot
        self._ttl = ttl
        self._max_members = max_members
        self._seq = 0
        self._heard = Windows()

    def of(self, network: str, news: Sequence[Member]) -> Iterator[Rumour]:
        """The rumours that spread this news, of at most `max_members` each."""
        for start in range(0, len(news), self._max_members):
            self._seq += 1
            members = tuple(news[start : start + self._max_members])
            yield Rumour(network, self._origin, self._boot, self._seq, self._ttl, members)

    def first_time(self, rumour: Rumour) -> bool:
        """Note the rumour; False if it was heard before."""
        return self._heard.first_time((rumour.origin, rumour.boot), rumour.seq)

    def passed_on(self, rumour: Rumour) -> Rumour | None:
        """As others are to hear it from this node; None if it has gone far enough, or began here.
        Nobody makes a rumour live longer than this node's own."""
        if rumour.ttl <= 0 or rumour.origin == self._origin:
            return None
        return replace(rumour, ttl=min(rumour.ttl, self._ttl) - 1)
