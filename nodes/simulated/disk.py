"""A disk that can crash: what was written is there, and is lost in a crash unless it was synced.

`commit` writes and then syncs. It can be told to lose power before or after the sync, to fail, or
to be full; the first three end the process in the middle of its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from actors.storage import DiskFull
from actors.versions import NEVER, Record, Stamp, boot_name

Fault = Literal["before_sync", "after_sync", "error"]
"""What the next commit is to meet: a crash before or after its sync, or an error of the disk."""


class Crashed(Exception):
    """The process is gone: nothing of the turn that met this happens any more."""


class DiskFailed(OSError):
    """The disk reported an error: nothing may be acknowledged any more."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What a start of a node takes from its disk; `count` and `name` are of this start alone."""

    node_id: str
    count: int
    name: str
    clock_limit: int
    notes: dict[str, bytes]


@dataclass(slots=True)
class _Contents:
    """What is on a disk."""

    records: dict[str, Record] = field(default_factory=dict)
    notes: dict[str, bytes] = field(default_factory=dict)
    clock_limit: int = 0
    node_id: str = ""
    boots: int = 0

    def copy(self) -> _Contents:
        return _Contents(
            dict(self.records), dict(self.notes), self.clock_limit, self.node_id, self.boots
        )

    def apply(
        self, records: Sequence[Record], notes: Sequence[tuple[str, bytes]], clock_limit: int
    ) -> None:
        self.records.update((record.key, record) for record in records)
        for name, note in notes:
            if note:
                self.notes[name] = note
            else:
                self.notes.pop(name, None)
        self.clock_limit = clock_limit


class SimulatedDisk:
    """The disk port of a storage actor. It outlives its node's crashes; `wipe` empties it."""

    def __init__(self) -> None:
        self._synced = _Contents()
        self._written = _Contents()
        self.full = False
        self.next_fault: Fault | None = None
        self.syncs = 0

    def boot(self, rng: Random) -> Boot:
        """Start a node: its id, made by the first start, and one more boot, both synced."""
        contents = self._written
        contents.node_id = contents.node_id or f"{rng.getrandbits(64):016x}"
        contents.boots += 1
        self.sync()
        name = boot_name(contents.boots, rng.getrandbits(64))
        notes = dict(contents.notes)
        return Boot(contents.node_id, contents.boots, name, contents.clock_limit, notes)

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """What was written for each key."""
        return [self._written.records.get(key) for key in keys]

    def stamps(self, keys: Sequence[str]) -> list[Stamp]:
        """The stamp of what was written for each key."""
        return [record.stamp if record else NEVER for record in self.read(keys)]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Living keys in order."""
        keys = [
            record.key
            for record in self._written.records.values()
            if record.kind != "absent" and record.key.startswith(prefix) and record.key > after
        ]
        keys.sort()
        return keys[:limit], len(keys) > limit

    def commit(
        self, records: Sequence[Record], notes: Sequence[tuple[str, bytes]], clock_limit: int
    ) -> None:
        """Write, then sync. Raises DiskFull, Crashed or DiskFailed as the disk was told to."""
        if self.full:
            raise DiskFull
        fault, self.next_fault = self.next_fault, None
        if fault == "error":
            raise DiskFailed
        self.write(records, notes, clock_limit)
        if fault == "before_sync":
            raise Crashed
        self.sync()
        if fault == "after_sync":
            raise Crashed

    def write(
        self, records: Sequence[Record], notes: Sequence[tuple[str, bytes]], clock_limit: int
    ) -> None:
        """From here on it is read, and lost in a crash."""
        self._written.apply(records, notes, clock_limit)

    def sync(self) -> None:
        """From here on a crash does not lose what was written."""
        self.syncs += 1
        self._synced = self._written.copy()

    def crash(self) -> None:
        """Lose what was not synced."""
        self.next_fault = None
        self._written = self._synced.copy()

    def wipe(self) -> None:
        """Lose everything; the next start is that of a new node."""
        self._synced = _Contents()
        self.crash()

    def synced_records(self) -> list[Record]:
        """What a crash would leave, in the order of the keys, tombstones included."""
        return sorted(self._synced.records.values(), key=lambda record: record.key)

    def synced_note(self, name: str) -> bytes:
        """The note of this name that a crash would leave, or nothing."""
        return self._synced.notes.get(name, b"")

    @property
    def clock_limit(self) -> int:
        """What a crash would leave of it."""
        return self._synced.clock_limit
