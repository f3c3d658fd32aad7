"""What a turn of the storage actor is to write: staged while the turn handles what arrived, then
committed as one, and only then answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from actors.disk import Batch, Disk, DiskFull
from actors.versions import CLOCK_RESERVE, NOTHING, Record, Stamp, Version

Then = Callable[[bool], None]
"""Called after the commit with whether it was done; it was not where the disk is full."""

Change = tuple[str, Version, Version]
"""A key, the version it had, and the one it has now."""


class Stage:
    """`clock` is not below any counter on the disk, `limit` what the disk holds for it."""

    def __init__(self, disk: Disk, clock_limit: int) -> None:
        self._disk = disk
        self.clock = clock_limit
        self._clock_limit = clock_limit
        self._batch = Batch()
        self._records: dict[str, Record] = {}
        self._changes: dict[str, Change] = {}
        self._then: list[Then] = []

    def put(self, records: Sequence[Record]) -> list[bool]:
        """Keep each that is later than what is held, staged or committed. For each whether it, or
        something later, is on the disk already, whatever becomes of this turn's commit."""
        keys = [record.key for record in records]
        changes = self._changes
        is_held = []
        for record, held in zip(records, self._disk.versions(keys), strict=True):
            key, version = record.key, record.version
            is_held.append(version <= held)
            staged = changes.get(key)
            if version > (staged[2] if staged else held):
                self._records[key] = record
                changes[key] = key, held, version
        return is_held

    def drop(self, entries: Iterable[tuple[str, Version]]) -> None:
        """Forget these, if nothing later has come."""
        self._batch.dropped += entries

    def collect(self, tombstones: Iterable[tuple[str, Stamp]]) -> None:
        """Forget these tombstones, if nothing later has come."""
        self.drop([(key, Version(stamp, True)) for key, stamp in tombstones])

    def keys(self) -> list[str]:
        """Of what is to be put or dropped."""
        return [*self._records, *[key for key, _ in self._batch.dropped]]

    def raise_clock(self, counter: int) -> None:
        """Another replica's clock: it may have held, and collected, a counter that high."""
        self.clock = max(self.clock, counter)

    def note(self, name: str, note: bytes) -> None:
        """Keep a note; an empty one forgets it."""
        self._batch.notes.append((name, note))

    def hint(self, member: str, keys: Iterable[str], expires_ms: int) -> None:
        """Keep that the member has not stored these."""
        self._batch.hints += [(member, key, expires_ms) for key in keys]

    def unhint(self, member: str, keys: Iterable[str]) -> None:
        """It has by now, or they are not worth keeping."""
        self._batch.unhinted += [(member, key) for key in keys]

    def then(self, then: Then) -> None:
        """Do this after the commit, in the order in which it was asked for."""
        self._then.append(then)

    def commit(self) -> tuple[bool, list[Change]]:
        """Commit what is staged; whether it was done, and how the versions of keys have changed.
        What is to be done then is in `take_then`."""
        batch, self._batch = self._batch, Batch()
        records, self._records = self._records, {}
        changed, self._changes = self._changes, {}
        dropped = {key: version for key, version in batch.dropped if key not in records}
        versions = self._disk.versions(list(dropped)) if dropped else []
        entries = zip(dropped.items(), versions, strict=True)
        batch.records = list(records.values())
        batch.dropped = [entry for entry, version in entries if entry[1] == version]
        if batch.is_empty() and self.clock <= self._clock_limit:
            return True, []
        clock = max((r.stamp.counter for r in batch.records), default=0)
        clock = max(clock, self.clock)
        batch.clock_limit = (
            self._clock_limit if clock <= self._clock_limit else clock + CLOCK_RESERVE
        )
        try:
            self._disk.commit(batch)
        except DiskFull:
            return False, []
        self._clock_limit = batch.clock_limit
        self.clock = max(self.clock, clock)
        dropped_now = [(key, version, NOTHING) for key, version in batch.dropped]
        return True, [*changed.values(), *dropped_now]

    def take_then(self) -> list[Then]:
        """What is to be done after the commit."""
        then, self._then = self._then, []
        return then
