"""Clients that wait to hear of changes: each asks again and again, and is answered when there is
something, or after a quarter of its time-out, so that it sees that the node is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from actors.actor import Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.messages import (
    Change,
    Failed,
    KeysChanged,
    MembersListed,
    WatchKeys,
    WatchMembers,
)
from actors.outbox import Outbox
from actors.sizes import MESSAGE_BYTES, text_bytes

MAX_DIGITS = 18

Listing = Callable[[], MembersListed]


class MemberWatchers:
    """They wait for another list of members than they have seen."""

    def __init__(self, outbox: Outbox, settings: GossipSettings, listing: Listing) -> None:
        self._outbox = outbox
        self._settings = settings
        self._listing = listing
        self._waiting: dict[Envelope, int] = {}

    @property
    def wake_at(self) -> int | None:
        """When somebody has waited long enough: monotonic ms."""
        return min(self._waiting.values(), default=None)

    def on_watch(self, envelope: Envelope, now: Now) -> None:
        """A client asks."""
        watch = envelope.message
        assert isinstance(watch, WatchMembers)
        listed = self._listing()
        if watch.seen != listed.digest:
            self._outbox.reply(envelope, listed)
        elif len(self._waiting) >= self._settings.max_watchers:
            self._outbox.reply(envelope, _too_many())
        else:
            self._waiting[envelope] = now.mono_ms + max(1, watch.timeout_ms // 4)

    def changed(self) -> None:
        """There is another list now: tell all."""
        if self._waiting:
            listed = self._listing()
            waiting, self._waiting = self._waiting, {}
            for envelope in waiting:
                self._outbox.reply(envelope, listed)

    def due(self, now: Now) -> None:
        """Answer those who have waited long enough."""
        over = [e for e, due_ms in self._waiting.items() if now.mono_ms >= due_ms]
        if over:
            listed = self._listing()
        for envelope in over:
            del self._waiting[envelope]
            self._outbox.reply(envelope, listed)


@dataclass(slots=True)
class _Waiting:
    """A client has seen all that is of interest to it up to number `after`."""

    after: int
    due_ms: int


class KeyWatchers:
    """They wait for changed keys. A cursor is the name of this node's life and a number in the
    order in which it heard of changes; what is no longer kept, or may never have been heard, is
    owned up to with `missed`."""

    def __init__(self, boot: str, outbox: Outbox, settings: GossipSettings) -> None:
        self._boot = boot
        self._outbox = outbox
        self._settings = settings
        self._changes: deque[Change | None] = deque(maxlen=settings.max_changes_kept)
        self._heard = 0
        self._waiting: dict[Envelope, _Waiting] = {}
        self._until_ms = 0
        self._said_ms: int | None = None

    @property
    def wake_at(self) -> int | None:
        """When somebody has waited long enough: monotonic ms."""
        return min((waiting.due_ms for waiting in self._waiting.values()), default=None)

    def is_watched(self, now: Now) -> bool:
        """Does anybody wait, or has asked lately?"""
        return bool(self._waiting) or now.mono_ms < self._until_ms

    def should_say(self, now: Now) -> bool:
        """Is it time to tell the others that somebody watches? Asked once a turn."""
        if not self.is_watched(now):
            return False
        if self._said_ms is not None and now.mono_ms < self._said_ms + self._settings.watch_ms // 3:
            return False
        self._said_ms = now.mono_ms
        return True

    def on_watch(self, envelope: Envelope, now: Now) -> None:
        """A client asks."""
        watch = envelope.message
        assert isinstance(watch, WatchKeys)
        if not self.is_watched(now):
            # Nobody told this node of changes for a while.
            self._changes.clear()
            self.missed()
        self._until_ms = now.mono_ms + self._settings.watch_ms
        after = self._position(watch.cursor)
        if after is None:
            self._outbox.reply(envelope, KeysChanged((), (), (), self._cursor(self._heard), True))
        elif not self._answer(envelope, after, only_news=True):
            if len(self._waiting) >= self._settings.max_watchers:
                self._outbox.reply(envelope, _too_many())
            else:
                due_ms = now.mono_ms + max(1, watch.timeout_ms // 4)
                self._waiting[envelope] = _Waiting(self._heard, due_ms)

    def heard(self, changes: Sequence[Change], now: Now) -> None:
        """These keys were changed."""
        if changes and self.is_watched(now):
            self._add(changes)

    def missed(self) -> None:
        """There may have been changes that this node has not heard of."""
        self._add((None,))

    def due(self, now: Now) -> None:
        """Answer those who have waited long enough."""
        for envelope, waiting in list(self._waiting.items()):
            if now.mono_ms >= waiting.due_ms:
                del self._waiting[envelope]
                self._answer(envelope, waiting.after, only_news=False)

    def _add(self, news: Sequence[Change | None]) -> None:
        self._changes.extend(news)
        self._heard += len(news)
        for envelope, waiting in list(self._waiting.items()):
            watch = envelope.message
            assert isinstance(watch, WatchKeys)
            if any(change is None or change.key.startswith(watch.prefix) for change in news):
                del self._waiting[envelope]
                self._answer(envelope, waiting.after, only_news=False)
            else:
                waiting.after = self._heard

    def _cursor(self, number: int) -> str:
        return f"{self._boot}/{number}"

    @property
    def _first_kept(self) -> int:
        return self._heard - len(self._changes)

    def _position(self, cursor: str) -> int | None:
        """Where a client has got to; None if it is not known here."""
        if not cursor:
            return self._heard
        boot, _, number = cursor.rpartition("/")
        if boot != self._boot or not number.isdecimal() or len(number) > MAX_DIGITS:
            return None
        return int(number) if self._first_kept <= int(number) <= self._heard else None

    def _answer(self, envelope: Envelope, after: int, *, only_news: bool) -> bool:
        """Tell of what came after; with `only_news` nothing where there is nothing."""
        watch = envelope.message
        assert isinstance(watch, WatchKeys)
        wanted: list[Change] = []
        missed = after < self._first_kept
        size_bytes = 0
        upto = max(after, self._first_kept)
        for change in islice(self._changes, upto - self._first_kept, None):
            if change is None:
                missed = True
            elif change.key.startswith(watch.prefix):
                size_bytes += text_bytes(change.key) + text_bytes(change.version)
                if size_bytes > MESSAGE_BYTES and wanted:
                    break
                wanted.append(change)
            upto += 1
        if only_news and not wanted and not missed:
            return False
        keys, versions = tuple([c.key for c in wanted]), tuple([c.version for c in wanted])
        kinds = tuple([c.kind for c in wanted])
        changed = KeysChanged(keys, versions, kinds, self._cursor(upto), missed)
        self._outbox.reply(envelope, changed)
        return True


def _too_many() -> Failed:
    return Failed("overloaded", "too many clients watch at this node", True)
