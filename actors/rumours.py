"""News for everybody: numbered by its origin, heard once, and passed on a few times. A node
publishes at once, but only once in a round; what waits for the next round is bounded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from actors.actor import Now
from actors.gossip_settings import GossipSettings
from actors.membership import Member
from actors.messages import Change, Rumour
from actors.shared import SharedEntry
from actors.sizes import text_bytes
from actors.window import Gaps, Windows

MAX_NAME_CHARACTERS = 64
"""More than the id of a node has, or the name of a boot. What is kept of strangers is bounded."""

MAX_CHANGES_BYTES = 2**19
"""Less than a publication may have, whose other parts are small: keys may be all escapes."""

ENTRY_BYTES = 200
"""More than a shared entry takes without its key and its value."""

MEMBER_BYTES = 1_000
"""More than a member takes, however long its name and addresses are."""

MAX_CHANGE_BYTES = 6 * 1_024 + 2
"""What the longest key may take that a node stores."""

MAX_RUMOUR_BYTES = 900_000
"""More than any rumour that a node makes, and less than a publication may have."""

T = TypeVar("T")


class Rumours:
    """What one node publishes in its life `boot`, and what it has heard from others."""

    def __init__(self, origin: str, boot: str, settings: GossipSettings) -> None:
        self._origin = origin
        self._boot = boot
        self._settings = settings
        self._members: dict[str, Member] = {}
        self._shared: dict[str, SharedEntry] = {}
        self._changes: list[Change] = []
        self._missed = False
        self._watched_ms = 0
        self._seq = 0
        self._heard = Windows()
        self._gaps = Gaps(settings.gap_patience_ms)
        self._passed_on: deque[Rumour] = deque()
        self._passed_on_bytes = 0
        self._publish_at_ms = 0
        self._dropped: Counter[str] = Counter()

    @property
    def wake_at(self) -> int | None:
        """When there is next something to publish, or a gap."""
        times = [] if self._gaps.due_ms is None else [self._gaps.due_ms]
        if self._has_news() or self._passed_on:
            times.append(self._publish_at_ms)
        return min(times, default=None)

    def say_members(self, members: Iterable[Member]) -> None:
        """Publish these records, instead of those of the same members that are still waiting."""
        self._members.update((member.id, member) for member in members)
        self._bound(self._members, self._settings.max_members)

    def say_shared(self, entries: Iterable[SharedEntry]) -> None:
        """Publish these entries, instead of those of the same keys that are still waiting."""
        self._shared.update((entry.key, entry) for entry in entries)
        self._bound(self._shared, self._settings.max_shared_entries)

    def say_changes(self, changes: Iterable[Change]) -> None:
        """Publish that these keys were changed; or that there were more than can be told."""
        for change in changes:
            if len(self._changes) < self._settings.max_rumour_changes:
                self._changes.append(change)
            else:
                self._missed = True
                self._dropped["too many changed keys to tell of"] += 1

    def say_watched(self, duration_ms: int) -> None:
        """Publish that somebody here wants to hear of changed keys for so long."""
        self._watched_ms = max(self._watched_ms, duration_ms)

    def hear(self, rumour: Rumour, now: Now) -> bool:
        """Is it heard for the first time? Then it is to be acted on."""
        is_own = (rumour.origin, rumour.boot) == (self._origin, self._boot)
        if is_own and rumour.seq <= self._seq:
            return False
        if not self._can_be(rumour):
            self._dropped["no such rumour can be"] += 1
            return False
        if not self._heard.first_time((rumour.origin, rumour.boot), rumour.seq):
            return False
        self._gaps.note(rumour.origin, rumour.boot, rumour.seq, now.mono_ms)
        return True

    def pass_on(self, rumour: Rumour) -> None:
        """Publish again what was news here, and so may be to others, unless it has gone far enough.
        Nobody makes a rumour live longer than this node's own."""
        limits = self._settings
        ttl = min(rumour.ttl, limits.ttl_hops)
        if ttl <= 0:
            return
        rumour = replace(rumour, ttl=ttl - 1)
        self._passed_on.append(rumour)
        self._passed_on_bytes += _size(rumour)
        while (
            len(self._passed_on) > limits.max_queued_rumours
            or self._passed_on_bytes > limits.max_queued_bytes
        ):
            self._passed_on_bytes -= _size(self._passed_on.popleft())
            self._dropped["rumour queue full"] += 1

    def _can_be(self, rumour: Rumour) -> bool:
        """Could a node have published this? It would have told so much in several."""
        limits = self._settings
        return (
            max(len(rumour.origin), len(rumour.boot), len(rumour.network)) <= MAX_NAME_CHARACTERS
            and rumour.seq >= 1
            and len(rumour.members) <= limits.max_rumour_members
            and len(rumour.changes) <= limits.max_rumour_changes
            and _size(rumour) <= MAX_RUMOUR_BYTES
            and all(max(map(text_bytes, change)) <= MAX_CHANGE_BYTES for change in rumour.changes)
        )

    def due(self, network: str, now: Now) -> list[Rumour]:
        """What is to be published now: this node's own news, then what it passes on."""
        if now.mono_ms < self._publish_at_ms:
            return []
        rumours: list[Rumour] = []
        while self._has_news() and len(rumours) < self._settings.max_rumours_a_round:
            rumours.append(self._next(network))
        while self._passed_on and len(rumours) < self._settings.max_rumours_a_round:
            rumours.append(self._passed_on.popleft())
            self._passed_on_bytes -= _size(rumours[-1])
        if rumours:
            self._publish_at_ms = now.mono_ms + self._settings.gossip_ms
        return rumours

    def hurry(self) -> None:
        """What is to be published next does not wait for the next round: the node stops."""
        self._publish_at_ms = 0

    def gap(self, now: Now) -> str:
        """The origin of a rumour that has not come, although a later one did a while ago; or empty.
        To be asked until it is empty."""
        return self._gaps.overdue(now.mono_ms)

    def take_dropped(self) -> dict[str, int]:
        """How much was dropped for which reason since this was last asked."""
        if not self._dropped:
            return {}
        dropped, self._dropped = self._dropped, Counter()
        return dict(dropped)

    def _has_news(self) -> bool:
        news = (self._members, self._shared, self._changes, self._missed, self._watched_ms)
        return any(news)

    def _next(self, network: str) -> Rumour:
        """The next rumour of this node's own news, with as much as it may have."""
        limits = self._settings
        entries = (
            text_bytes(entry.key) + len(entry.value) + ENTRY_BYTES
            for entry in self._shared.values()
        )
        changes = (text_bytes(change.key) + text_bytes(change.version) for change in self._changes)
        told = _fitting(changes, MAX_CHANGES_BYTES)
        self._seq += 1
        rumour = Rumour(
            network,
            self._origin,
            self._boot,
            self._seq,
            limits.ttl_hops,
            _take(self._members, limits.max_rumour_members),
            _take(self._shared, _fitting(entries, limits.max_rumour_shared_bytes)),
            tuple(self._changes[:told]),
            self._missed,
            self._watched_ms,
        )
        del self._changes[:told]
        self._missed, self._watched_ms = False, 0
        return rumour

    def _bound(self, waiting: dict[str, T], most: int) -> None:
        """The oldest news makes room."""
        excess = len(waiting) - most
        if excess > 0:
            _take(waiting, excess)
            self._dropped["rumour queue full"] += excess


def _take(waiting: dict[str, T], most: int) -> tuple[T, ...]:
    """The oldest of what waits, which then waits no more."""
    return tuple(waiting.pop(name) for name in list(islice(waiting, most)))


def _size(rumour: Rumour) -> int:
    """What it takes at most on the wire."""
    entries = sum(text_bytes(e.key) + len(e.value) + ENTRY_BYTES for e in rumour.shared)
    changes = sum(text_bytes(c.key) + text_bytes(c.version) for c in rumour.changes)
    return entries + changes + MEMBER_BYTES * len(rumour.members)


def _fitting(sizes: Iterable[int], most_bytes: int) -> int:
    """How many of these, from the first on, fit: at least one, if there is one."""
    count = 0
    for size_bytes in sizes:
        most_bytes -= size_bytes
        if count and most_bytes < 0:
            break
        count += 1
    return count
