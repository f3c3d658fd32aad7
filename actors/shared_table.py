"""The shared key-values that one node holds: what is on its disk, and nothing else, is read.

Entries are judged (`refusal`, `later`), written to the disk (`notes`), and held once they are
there. A deletion is held as a value is, for ever, so that no older value comes back.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Container, Iterable, Mapping

from actors.actor import Now
from actors.denials import RESERVED, denied_keys, is_own, own_part
from actors.denials import can_be as can_be_own
from actors.digests import Digests
from actors.gossip_settings import GossipSettings
from actors.messages import Failed, Share, SharedListed
from actors.shared import (
    HybridClock,
    SharedEntry,
    beats,
    can_be,
    fault_of_value,
    from_note,
    to_note,
    version_text,
)
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, text_bytes

MAX_KEY_SHOWN = 50


class SharedTable:
    """Of the node `here`. `kept` is all that the disk holds, other notes too, and `digests` are
    kept to what the table holds. Raises ValueError for a note that is spoilt."""

    def __init__(
        self, here: str, kept: Mapping[str, bytes], digests: Digests, settings: GossipSettings
    ) -> None:
        self._here = here
        self._digests = digests
        self._settings = settings
        self._clock = HybridClock()
        self._held: dict[str, SharedEntry] = {}
        self._buckets: dict[str, int] = {}
        self._present: list[str] = []
        self._own_entries = 0
        self._noted: dict[str, SharedEntry] = {}
        entries = (from_note(name, note) for name, note in kept.items())
        self.hold([entry for entry in entries if entry is not None])

    def refusal(self, share: Share) -> Failed | None:
        """Why the request is not taken on, if so. To take back a key that is not there is no
        error."""
        limits = self._settings
        try:
            key_bytes = len(share.key.encode())
        except UnicodeEncodeError:
            return Failed("bad_key", "a key is UTF-8: it has no lone surrogates", True)
        if not share.key:
            return Failed("bad_key", "the key is empty", True)
        if key_bytes > limits.max_shared_key_bytes:
            shown = repr(f"{share.key[:MAX_KEY_SHOWN]}…")
            admitted = f"{limits.max_shared_key_bytes:,} are admitted if it is shared"
            return Failed("bad_key", f"the key {shown} has {key_bytes:,} bytes, {admitted}", True)
        if len(share.value) > limits.max_shared_value_bytes:
            admitted = f"{limits.max_shared_value_bytes:,} are admitted if it is shared"
            reason = f"the value has {len(share.value):,} bytes, {admitted}"
            return Failed("too_large", reason, True)
        fault = fault_of_value(share.kind, share.value)
        if fault:
            return Failed("bad_value", fault, True)
        room = self._room()
        fault = room.fault(share)
        return Failed("refused", fault, True) if fault else None

    def clock_refusal(self, now: Now) -> str:
        """Why no version that is made now would be taken in by others, or empty: what this node
        has seen is too far ahead of its wall clock, which was put back."""
        ahead_ms = self._clock.time_ms - now.wall_ms
        if ahead_ms <= self._settings.max_wall_ahead_ms:
            return ""
        return f"the latest shared value is {ahead_ms // 1_000:,} s ahead of this node's clock"

    def stamp(self, share: Share, now: Now) -> SharedEntry:
        """What is asked for, with a version above all that this node has seen.

        There is an entry for each request. A key that is taken back and is not held gets a
        tombstone too: its value may be on the way here, and older.
        """
        time_ms, count = self._clock.read(now.wall_ms)
        return SharedEntry(share.key, share.kind, share.value, time_ms, count, self._here)

    def later(
        self, news: Iterable[SharedEntry], now: Now
    ) -> tuple[tuple[SharedEntry, ...], tuple[str, ...]]:
        """What of the news is later than what is held, and admitted; and for each that is not, why.
        Nothing of it is held yet."""
        limits = self._settings
        room = self._room()
        latest: dict[str, SharedEntry] = {}
        reasons: list[str] = []
        for entry in news:
            known = latest.get(entry.key) or self._held.get(entry.key)
            if entry == known:
                continue
            if not can_be(entry, limits) or (is_own(entry.key) and not can_be_own(entry)):
                reasons.append("no such shared value can be")
            elif beats(entry, known) and entry.time_ms > now.wall_ms + limits.max_wall_ahead_ms:
                seconds = f"{limits.max_wall_ahead_ms / 1_000:g} s"
                reasons.append(f"shared value from a clock more than {seconds} ahead")
            elif beats(entry, known):
                self._clock.saw(entry)
                if room.takes(entry):
                    latest[entry.key] = entry
                else:
                    reasons.append("too many shared keys")
        return tuple(latest.values()), tuple(reasons)

    def notes(self, entries: Iterable[SharedEntry]) -> list[tuple[str, bytes]]:
        """What the disk is to remember, for entries that were stamped here or found later; to be
        called once for each, when it is about to be written.

        An entry never overwrites a later one that is on its way to the disk: that one is written
        once more. Until they are held or forgone, entries have their place in the table.
        """
        written = []
        for entry in entries:
            latest = entry
            for other in (self._held.get(entry.key), self._noted.get(entry.key)):
                if other is not None and beats(other, latest):
                    latest = other
            self._noted[entry.key] = latest
            written.append(to_note(latest))
        return written

    def forgo(self, entries: Iterable[SharedEntry]) -> None:
        """The disk did not take these: give up their place."""
        for entry in entries:
            if self._noted.get(entry.key) == entry:
                del self._noted[entry.key]

    def hold(self, entries: Iterable[SharedEntry]) -> None:
        """They are on the disk now: from here on they are read, and are in the digests."""
        for entry in entries:
            self._clock.saw(entry)
            known = self._held.get(entry.key)
            if beats(entry, known):
                self._replace(known, entry)
            noted = self._noted.get(entry.key)
            if noted is not None and not beats(noted, self._held[entry.key]):
                del self._noted[entry.key]

    def page(self, prefix: str, after: str) -> SharedListed:
        """The first of the keys that begin with `prefix` and come after `after`, deletions left
        out: as many as fit into a message."""
        # The order of str is that of the characters, as is the order of their UTF-8.
        start = max(bisect_left(self._present, prefix), bisect_right(self._present, after))
        chosen: list[SharedEntry] = []
        size_bytes, cursor = 0, ""
        with_own = prefix.startswith(RESERVED)
        for i in range(start, len(self._present)):
            entry = self._held[self._present[i]]
            if not entry.key.startswith(prefix):
                break
            if is_own(entry.key) and not with_own:
                continue
            size_bytes += text_bytes(entry.key) + len(entry.value) + 2 * STAMP_BYTES
            full = size_bytes > MESSAGE_BYTES or len(chosen) >= self._settings.shared_page_keys
            if chosen and full:
                cursor = chosen[-1].key
                break
            chosen.append(entry)
        return SharedListed(
            tuple(entry.key for entry in chosen),
            tuple(entry.kind for entry in chosen),
            tuple(entry.value for entry in chosen),
            tuple(version_text(entry) for entry in chosen),
            tuple(entry.node for entry in chosen),
            cursor,
        )

    def denied_keys(self) -> tuple[str, ...]:
        """The keys of clients that are denied."""
        return denied_keys(self._present[own_part(self._present)])

    def in_buckets(self, buckets: Container[int]) -> tuple[SharedEntry, ...]:
        """What is held in these, deletions too, in the order of the keys."""
        keys = sorted(key for key, bucket in self._buckets.items() if bucket in buckets)
        return tuple(self._held[key] for key in keys)

    def later_than(
        self, theirs: Iterable[SharedEntry], buckets: Container[int]
    ) -> tuple[SharedEntry, ...]:
        """What is held in these buckets, and somebody who holds `theirs` there does not know."""
        known: dict[str, SharedEntry] = {}
        for entry in theirs:
            if beats(entry, known.get(entry.key)):
                known[entry.key] = entry
        return tuple(e for e in self.in_buckets(buckets) if beats(e, known.get(e.key)))

    def _room(self) -> _Room:
        own = own_part(self._present)
        present = len(self._present) - (own.stop - own.start)
        entries = len(self._held) - self._own_entries
        return _Room(self._held, self._noted, entries, present, self._settings)

    def _replace(self, known: SharedEntry | None, entry: SharedEntry) -> None:
        name = f"shared {entry.key}"
        if known is None:
            self._buckets[entry.key] = self._digests.bucket_of(name)
            self._own_entries += is_own(entry.key)
        if _is_there(entry) and not _is_there(known):
            insort(self._present, entry.key)
        elif _is_there(known) and not _is_there(entry):
            del self._present[bisect_left(self._present, entry.key)]
        self._held[entry.key] = entry
        self._digests.set(name, _fact(entry))


class _Room:
    """How many more keys there may be, what is on its way to the disk being counted in. For those
    of the network's own there always is room. `entries` and `present` are without these."""

    def __init__(
        self,
        held: Mapping[str, SharedEntry],
        noted: Mapping[str, SharedEntry],
        entries: int,
        present: int,
        limits: GossipSettings,
    ) -> None:
        self._held = held
        self._coming: dict[str, SharedEntry] = {}
        self._limits = limits
        self._entries_left = limits.max_shared_entries - entries
        self._keys_left = limits.max_shared_keys - present
        for entry in noted.values():
            self._count(entry)

    def fault(self, share: Share) -> str:
        """Why there is no room for an own entry, or empty. What is held already may always be
        taken back, and replaced while it is there."""
        known = self._known(share.key)
        if is_own(share.key):
            return ""
        if known is None and self._entries_left <= 0:
            many = f"{self._limits.max_shared_entries:,} shared keys, those taken back included"
            return f"there are {many}: no more are admitted"
        if share.kind != "absent" and not _is_there(known) and self._keys_left <= 0:
            return f"there are {self._limits.max_shared_keys:,} shared keys: no more are admitted"
        return ""

    def takes(self, news: SharedEntry) -> bool:
        """Count it in, and be True, if there is room. For a key that is known there always is:
        nodes that have taken it in agree on what became of it. For the same reason others' keys
        may pass the bound of own ones: two sides of a partition may have reached it each."""
        is_new = self._known(news.key) is None and not is_own(news.key)
        if is_new and self._entries_left <= 0:
            return False
        self._count(news)
        return True

    def _count(self, entry: SharedEntry) -> None:
        known = self._known(entry.key)
        if not is_own(entry.key):
            self._entries_left -= known is None
            self._keys_left += _is_there(known) - _is_there(entry)
        self._coming[entry.key] = entry

    def _known(self, key: str) -> SharedEntry | None:
        return self._coming.get(key) or self._held.get(key)


def _is_there(entry: SharedEntry | None) -> bool:
    return entry is not None and entry.kind != "absent"


def _fact(entry: SharedEntry) -> str:
    """Equal where the same value of the same version is held."""
    value = hashlib.blake2b(entry.value, digest_size=8).hexdigest()
    return f"{version_text(entry)} {entry.kind} {value}"
