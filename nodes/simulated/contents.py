"""What is on a simulated disk, and what a crash would leave of it.

All that was written is held once, in the order in which it is asked for. Of what was written since
the last sync the former state is kept beside it: a crash puts that back, a sync forgets it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from itertools import islice, takewhile

from actors.chunks import chunks_of
from actors.disk import Batch
from actors.ring import partition_of
from actors.versions import Record


class SortedKeys:
    """A set of keys that is read in order."""

    def __init__(self) -> None:
        self._keys: list[str] = []

    def add(self, key: str) -> None:
        """Add a key that is not there."""
        insort(self._keys, key)

    def remove(self, key: str) -> None:
        """Remove a key that is there."""
        del self._keys[bisect_left(self._keys, key)]

    def page(self, prefix: str, after: str, limit: int) -> list[str]:
        """Up to `limit` keys that begin with `prefix` and come after `after`."""
        start = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        following = islice(self._keys, start, None)
        return list(islice(takewhile(lambda key: key.startswith(prefix), following), limit))


class Contents:
    """What is read is what was written. `apply` writes."""

    def __init__(self) -> None:
        self.node_id = ""
        self.boots = 0
        self.clock_limit = 0
        self.notes: dict[str, bytes] = {}
        self.records: dict[str, Record] = {}
        self.living = SortedKeys()
        self.dead = SortedKeys()
        self.partitions: defaultdict[int, SortedKeys] = defaultdict(SortedKeys)
        self.expiries: list[tuple[int, str]] = []
        self.hints: dict[str, dict[str, int]] = {}
        self.references: Counter[str] = Counter()
        self._former_records: dict[str, Record | None] = {}
        self._former_notes: dict[str, bytes] = {}
        self._former_hints: dict[tuple[str, str], int | None] = {}
        self.synced_clock_limit = 0

    def apply(self, batch: Batch) -> None:
        """Write all of it; hints are dropped before others are added."""
        for record in batch.records:
            self._put_record(record.key, record)
        for key, version in batch.dropped:
            held = self.records.get(key)
            if held and held.version == version:
                self._put_record(key, None)
        for name, note in batch.notes:
            self._put_note(name, note)
        for member, key in batch.unhinted:
            self._put_hint(member, key, None)
        for member, key, expires_ms in batch.hints:
            if key not in self.hints.get(member, {}):
                self._put_hint(member, key, expires_ms)
        self.clock_limit = batch.clock_limit

    def sync(self) -> None:
        """What was written stays."""
        self._former_records.clear()
        self._former_notes.clear()
        self._former_hints.clear()
        self.synced_clock_limit = self.clock_limit

    def crash(self) -> None:
        """What was not synced is as it was before."""
        for key, record in self._former_records.items():
            self._put_record(key, record)
        for name, note in self._former_notes.items():
            self._put_note(name, note)
        for (member, key), expires_ms in self._former_hints.items():
            self._put_hint(member, key, expires_ms)
        self.clock_limit = self.synced_clock_limit
        self.sync()

    def synced_records(self) -> list[Record]:
        """What a crash would leave, in the order of the keys."""
        synced = {**self.records, **self._former_records}
        return [record for _, record in sorted(synced.items()) if record]

    def synced_record(self, key: str) -> Record | None:
        """What a crash would leave of the key."""
        former = self._former_records
        return former[key] if key in former else self.records.get(key)

    def synced_note(self, name: str) -> bytes:
        """The note that a crash would leave, or nothing."""
        return self._former_notes.get(name, self.notes.get(name, b""))

    def _put_record(self, key: str, record: Record | None) -> None:
        former = self.records.get(key)
        self._former_records.setdefault(key, former)
        was, now = self._keys_with(former), self._keys_with(record)
        if was is not now:
            if was is not None:
                was.remove(key)
            if now is not None:
                now.add(key)
        if (former is None) != (record is None):
            listed = self.partitions[partition_of(key)]
            (listed.add if record else listed.remove)(key)
        if former and former.kind != "absent" and former.expires_ms:
            del self.expiries[bisect_left(self.expiries, (former.expires_ms, key))]
        if record and record.kind != "absent" and record.expires_ms:
            insort(self.expiries, (record.expires_ms, key))
        for id in chunks_of(former):
            self.references[id] -= 1
            if not self.references[id]:
                del self.references[id]
        self.references.update(chunks_of(record))
        if record:
            self.records[key] = record
        else:
            self.records.pop(key, None)

    def _keys_with(self, record: Record | None) -> SortedKeys | None:
        if record is None:
            return None
        return self.dead if record.kind == "absent" else self.living

    def _put_note(self, name: str, note: bytes) -> None:
        self._former_notes.setdefault(name, self.notes.get(name, b""))
        if note:
            self.notes[name] = note
        else:
            self.notes.pop(name, None)

    def _put_hint(self, member: str, key: str, expires_ms: int | None) -> None:
        hints = self.hints.setdefault(member, {})
        self._former_hints.setdefault((member, key), hints.get(key))
        if expires_ms is None:
            hints.pop(key, None)
        else:
            hints[key] = expires_ms
        if not hints:
            del self.hints[member]
