"""Between storages: which of their copies differ, what each lacks, and tombstones that may go.

Each carries the epoch of the sender's layout. Who is at another epoch answers LayoutIs instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.messages.base import Message
from actors.versions import Stamp


@dataclass(frozen=True, slots=True)
class CompareTrees(Message):
    """The digests of 64 groups of the partitions that we both own."""

    epoch: int
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedTrees(Message):
    """The roots of my trees of the partitions in those groups that differ. `ready` is false while
    this replica still makes its trees: ask again later. `clock` is this replica's: what it has
    collected had a counter, too."""

    ready: bool
    clock: int
    partitions: tuple[int, ...]
    roots: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = ("partitions", "roots")


@dataclass(frozen=True, slots=True)
class Pull(Message):
    """These are the leaves of my tree of a partition: which entries do you have in those that
    differ, after the key `after`?"""

    epoch: int
    partition: int
    leaves: tuple[str, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Pulled(Message):
    """Keys with their versions, in the order of the disk; `dead` are tombstones. Ask again with
    `after` set to the cursor; an empty cursor: that was all."""

    keys: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    dead: tuple[bool, ...]
    cursor: str
    columns: ClassVar[tuple[str, ...]] = ("keys", "stamps", "dead")


@dataclass(frozen=True, slots=True)
class Confirm(Message):
    """Do you hold these tombstones, or something newer, on the disk; or, where you do not own the
    key, nothing of it?"""

    epoch: int
    keys: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("keys", "stamps")


@dataclass(frozen=True, slots=True)
class Confirmed(Message):
    """For each whether it is so."""

    held: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Collect(Message):
    """All members confirmed these tombstones at the epoch `confirmed`, which is yours, too: once
    yours is two higher they may go, if their owners are the same all the time."""

    confirmed: int
    keys: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("keys", "stamps")
