"""A disk made of dictionaries, for the tests of the storage actor's parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1

from actors.disk import Batch, DiskFull
from actors.ring import partition_of
from actors.versions import NOTHING, Record, Stamp, Version


class PartDisk:
    """`commits` counts what was committed, `listed` the entries it gave; `full` makes the next
    commits fail. Its own order of keys is none that the keys' names show."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records: dict[str, Record] = {}
        self.partitions: dict[int, dict[str, None]] = {}
        self.waiting: dict[str, dict[str, int]] = {}
        self.notes: dict[str, bytes] = {}
        self.commits = 0
        self.listed = 0
        self.full = False
        for record in records:
            self._put(record)

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """The records, or None."""
        return [self.records.get(key) for key in keys]

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """Their versions."""
        return [held.version if held else NOTHING for held in self.read(keys)]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Living keys in order."""
        living = sorted(key for key, held in self.records.items() if held.kind != "absent")
        keys = [key for key in living if key.startswith(prefix) and key > after]
        return keys[:limit], len(keys) > limit

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """A page of a partition."""
        keys = _page(self.partitions.get(partition, ()), after, limit)
        self.listed += len(keys)
        return [(key, self.records[key].version) for key in keys]

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """A page of the tombstones."""
        dead = [key for key, held in self.records.items() if held.kind == "absent"]
        return [(key, self.records[key].stamp) for key in _page(dead, after, limit)]

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """Some of those whose time is over."""
        living = [held for held in self.records.values() if held.kind != "absent"]
        return [held for held in living if 0 < held.expires_ms <= wall_ms][:limit]

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """A page of a member's hints."""
        hints = self.waiting.get(member, {})
        return [(key, hints[key]) for key in _page(hints, after, limit)]

    def hint_counts(self) -> dict[str, int]:
        """How many there are."""
        return {member: len(hints) for member, hints in self.waiting.items() if hints}

    def hinted(self, key: str) -> list[str]:
        """For whom there is one."""
        return [member for member, hints in self.waiting.items() if key in hints]

    def commit(self, batch: Batch) -> None:
        """Apply all of it, unless the disk is full."""
        if self.full:
            raise DiskFull
        self.commits += 1
        for record in batch.records:
            self._put(record)
        for key, version in batch.dropped:
            held = self.records.get(key)
            if held is not None and held.version == version:
                del self.records[key]
                del self.partitions[partition_of(key)][key]
        for member, key, expires_ms in batch.hints:
            self.waiting.setdefault(member, {}).setdefault(key, expires_ms)
        for member, key in batch.unhinted:
            self.waiting.get(member, {}).pop(key, None)
        self.notes.update(batch.notes)

    def _put(self, record: Record) -> None:
        self.records[record.key] = record
        self.partitions.setdefault(partition_of(record.key), {})[record.key] = None


def _page(keys: Iterable[str], after: str, limit: int) -> list[str]:
    ordered = sorted(keys, key=_place)
    return [key for key in ordered if not after or _place(key) > _place(after)][:limit]


def _place(key: str) -> bytes:
    return sha1(key.encode(), usedforsecurity=False).digest()[::-1]
