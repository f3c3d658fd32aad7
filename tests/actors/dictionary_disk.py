"""A disk made of dictionaries, for the tests of the actors: the port in its plainest form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actors.chunks import chunks_of
from actors.disk import Batch, DiskFull
from actors.ring import partition_of
from actors.versions import NOTHING, Record, Stamp, Version


class DictionaryDisk:
    """A disk port. `commits` has every commit; `full` makes the next ones fail. Keys are in the
    order of strings wherever an order is the disk's own."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = {record.key: record for record in records}
        self.notes: dict[str, bytes] = {}
        self.hinted_until: dict[tuple[str, str], int] = {}
        self.clock_limit = 0
        self.commits: list[Batch] = []
        self.full = False

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """What is committed for each key."""
        return [self.records.get(key) for key in keys]

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """The committed versions."""
        return [held.version if held else NOTHING for held in self.read(keys)]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Living keys in order."""
        living = sorted(key for key, held in self.records.items() if held.kind != "absent")
        keys = [key for key in living if key.startswith(prefix) and key > after]
        return keys[:limit], len(keys) > limit

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """Keys of a partition with their versions."""
        keys = sorted(k for k in self.records if partition_of(k) == partition and k > after)
        return [(key, self.records[key].version) for key in keys[:limit]]

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """The tombstones."""
        dead = sorted(k for k, held in self.records.items() if held.kind == "absent" and k > after)
        return [(key, self.records[key].stamp) for key in dead[:limit]]

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """Records that have expired, the first to expire first."""
        expired = [
            held
            for held in self.records.values()
            if held.kind != "absent" and 0 < held.expires_ms <= wall_ms
        ]
        return sorted(expired, key=lambda held: (held.expires_ms, held.key))[:limit]

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Keys hinted for a member, with when each hint expires."""
        hints = [(k, ms) for (m, k), ms in self.hinted_until.items() if m == member and k > after]
        return sorted(hints)[:limit]

    def hint_counts(self) -> dict[str, int]:
        """How many hints there are for each member."""
        members = sorted(member for member, _ in self.hinted_until)
        return {member: members.count(member) for member in members}

    def hinted(self, key: str) -> list[str]:
        """The members for whom there is a hint of this key."""
        return sorted(member for member, hinted in self.hinted_until if hinted == key)

    def referred(self, chunks: Sequence[str]) -> list[bool]:
        """Of each chunk: does a manifest name it?"""
        named = {id for held in self.records.values() for id in chunks_of(held)}
        return [id in named for id in chunks]

    def commit(self, batch: Batch) -> None:
        """Apply all of it, unless the disk is full."""
        if self.full:
            raise DiskFull
        self.commits.append(batch)
        self.records.update((held.key, held) for held in batch.records)
        for key, version in batch.dropped:
            if key in self.records and self.versions([key]) == [version]:
                del self.records[key]
        self.notes.update(batch.notes)
        self.notes = {name: note for name, note in self.notes.items() if note}
        for member, key in batch.unhinted:
            self.hinted_until.pop((member, key), None)
        for member, key, expires_ms in batch.hints:
            self.hinted_until.setdefault((member, key), expires_ms)
        self.clock_limit = batch.clock_limit
