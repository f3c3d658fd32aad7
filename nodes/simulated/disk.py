"""A disk that can crash: what was written is there, and is lost in a crash unless it was synced.

`commit` writes and then syncs. It can be told to lose power before or after the sync, to fail, or
to be full; the first three end the process in the middle of its turn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from random import Random
from typing import Literal

from actors.disk import Batch, DiskFull
from actors.versions import NOTHING, Record, Stamp, Version, boot_name
from nodes.simulated.contents import Contents

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


class SimulatedDisk:
    """The disk port of a storage actor. It outlives its node's crashes; `wipe` empties it."""

    def __init__(self) -> None:
        self._contents = Contents()
        self.full = False
        self.next_fault: Fault | None = None
        self.syncs = 0

    def boot(self, rng: Random) -> Boot:
        """Start a node: its id, made by the first start, and one more boot, both synced."""
        contents = self._contents
        contents.node_id = contents.node_id or f"{rng.getrandbits(64):016x}"
        contents.boots += 1
        self.sync()
        name = boot_name(contents.boots, rng.getrandbits(64))
        notes = dict(contents.notes)
        return Boot(contents.node_id, contents.boots, name, contents.clock_limit, notes)

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """What was written for each key."""
        return [self._contents.records.get(key) for key in keys]

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """The version of what was written for each key."""
        return [record.version if record else NOTHING for record in self.read(keys)]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Living keys in order."""
        keys = self._contents.living.page(prefix, after, limit + 1)
        return keys[:limit], len(keys) > limit

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """The keys of a partition in order, tombstones too, with their versions."""
        keys = self._contents.partitions[partition].page("", after, limit)
        return list(zip(keys, self.versions(keys), strict=True))

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """The tombstones in the order of their keys."""
        keys = self._contents.dead.page("", after, limit)
        return [(key, self._contents.records[key].stamp) for key in keys]

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """Records that have expired, the first to expire first."""
        contents = self._contents
        count = bisect_left(contents.expiries, (wall_ms + 1, ""))
        return [contents.records[key] for _, key in contents.expiries[: min(count, limit)]]

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Keys hinted for a member in order, with when each hint expires."""
        hints = self._contents.hints.get(member, {})
        return nsmallest(limit, (hint for hint in hints.items() if hint[0] > after))

    def hint_counts(self) -> dict[str, int]:
        """How many hints there are for each member, of those for whom there are any."""
        return {member: len(hints) for member, hints in sorted(self._contents.hints.items())}

    def hinted(self, key: str) -> list[str]:
        """The members for whom there is a hint of this key."""
        return [member for member, hints in sorted(self._contents.hints.items()) if key in hints]

    def referred(self, chunks: Sequence[str]) -> list[bool]:
        """Of each chunk: is it named by a manifest?"""
        return [id in self._contents.references for id in chunks]

    def commit(self, batch: Batch) -> None:
        """Write, then sync; with nothing to apply, do nothing. Raises DiskFull, Crashed or
        DiskFailed as the disk was told to."""
        if batch.is_empty() and batch.clock_limit == self._contents.clock_limit:
            return
        if self.full:
            raise DiskFull
        fault, self.next_fault = self.next_fault, None
        if fault == "error":
            raise DiskFailed
        self.write(batch)
        if fault == "before_sync":
            raise Crashed
        self.sync()
        if fault == "after_sync":
            raise Crashed

    def write(self, batch: Batch) -> None:
        """From here on it is read, and lost in a crash."""
        self._contents.apply(batch)

    def sync(self) -> None:
        """From here on a crash does not lose what was written."""
        self.syncs += 1
        self._contents.sync()

    def crash(self) -> None:
        """Lose what was not synced."""
        self.next_fault = None
        self._contents.crash()

    def wipe(self) -> None:
        """Lose everything; the next start is that of a new node."""
        self.next_fault = None
        self._contents = Contents()

    def synced_records(self) -> list[Record]:
        """What a crash would leave, in the order of the keys, tombstones included."""
        return self._contents.synced_records()

    def synced_version(self, key: str) -> Version:
        """The version of the key that a crash would leave."""
        record = self._contents.synced_record(key)
        return record.version if record else NOTHING

    def synced_note(self, name: str) -> bytes:
        """The note of this name that a crash would leave, or nothing."""
        return self._contents.synced_note(name)

    @property
    def clock_limit(self) -> int:
        """What a crash would leave of it."""
        return self._contents.synced_clock_limit
