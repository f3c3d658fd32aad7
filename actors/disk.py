"""The one port to the disk, which the storage actor is handed: what `commit` has returned from is
synced, and what is read is what was committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from actors.versions import Record, Stamp, Version


class DiskFull(Exception):
    """There is no room: nothing of the commit was applied."""


@dataclass(slots=True)
class Batch:
    """What is to be committed as one. Of several records of a key, or notes of a name, the last
    counts; an empty note deletes the note.

    `dropped` are records to be forgotten, each only if the key still has that version.
    `hints` are (member id, key, expires_ms by the wall clock); one that is there already stays as
    it is. `unhinted` are (member id, key) of hints to be dropped, which is done before.
    """

    records: list[Record] = field(default_factory=list)
    notes: list[tuple[str, bytes]] = field(default_factory=list)
    clock_limit: int = 0
    dropped: list[tuple[str, Version]] = field(default_factory=list)
    hints: list[tuple[str, str, int]] = field(default_factory=list)
    unhinted: list[tuple[str, str]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Is there nothing to be written but the clock's limit?"""
        return not (self.records or self.notes or self.dropped or self.hints or self.unhinted)


class Disk(Protocol):
    """An error other than DiskFull ends the process."""

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """The record of each key, a tombstone too; None where there is none."""

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """The version of each key, NOTHING where there is none. No value is read for it."""

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` keys that begin with `prefix` and come after `after`, tombstones left out,
        in order; and whether there may be more."""

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """Up to `limit` keys of a partition, tombstones too, with their versions. They come in an
        order of the disk's own, in which they follow `after`; "" is before all."""

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """Up to `limit` tombstones, in an order of the disk's own, in which they follow `after`."""

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """Up to `limit` records with a value whose `expires_ms` is not 0 and not after `wall_ms`;
        their values may be left out."""

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Up to `limit` keys hinted for a member, with when each hint expires, in an order of the
        disk's own, in which they follow `after`."""

    def hint_counts(self) -> dict[str, int]:
        """How many hints there are for each member, of those for whom there are any."""

    def hinted(self, key: str) -> list[str]:
        """The members for whom there is a hint of this key."""

    def referred(self, chunks: Sequence[str]) -> list[bool]:
        """Of each chunk or list, by its id: does a manifest that is kept here refer to it?"""

    def commit(self, batch: Batch) -> None:
        """Apply all of it and sync it, or raise DiskFull and apply nothing."""
