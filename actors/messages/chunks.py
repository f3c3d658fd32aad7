"""Between the file servers of nodes, over their file ports; and what they ask storages, to learn
whether a chunk is referred to.

A chunk never changes, so what is told of it in one epoch is true in every other; messages that are
counted on carry the epoch of the sender's layout all the same, and who is at another answers with
LayoutIs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.messages.base import Message


@dataclass(frozen=True, slots=True)
class KeepChunk(Message):
    """Keep this, as one of its owners."""

    chunk: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ChunkKept(Message):
    """It is on the disk ("ok"), or not (an error's code)."""

    code: str


@dataclass(frozen=True, slots=True)
class Touch(Message):
    """Which of these do you keep? Somebody counts on them: let them be for a while. Only to be
    there is not enough where they are to be `checked`."""

    epoch: int
    chunks: tuple[str, ...]
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Touched(Message):
    """Of each whether it is kept."""

    kept: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class TakeChunk(Message):
    """The bytes of a chunk. `doubted`: they were wrong when you sent them last."""

    chunk: str
    doubted: bool


@dataclass(frozen=True, slots=True)
class ChunkTaken(Message):
    """These, if it is kept here and is what it is called."""

    is_kept: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class CompareChunks(Message):
    """What do you keep in the partitions that I own, and I may lack? `owned` has a bit for each, in
    hex, as in Report. `sums` are of what I keep in those `partitions` in which I keep anything;
    where yours is the same there is nothing to tell. Begin with the partition `first`, and in that
    after the id `after`."""

    epoch: int
    owned: str
    partitions: tuple[int, ...]
    sums: tuple[str, ...]
    first: int
    after: str
    columns: ClassVar[tuple[str, ...]] = ("partitions", "sums")


@dataclass(frozen=True, slots=True)
class ChunksCompared(Message):
    """Ids of what is kept here in those that differ, by partitions. `is_all`, or else there are
    more after the last of them."""

    chunks: tuple[str, ...]
    is_all: bool


@dataclass(frozen=True, slots=True)
class Refer(Message):
    """Does anything that you keep refer to these: a manifest, if you are a storage, or a list?"""

    epoch: int
    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Referred(Message):
    """Of each whether it does."""

    held: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Released(Message):
    """Something that referred to these is gone: look whether they are needed. Within a node as soon
    as it is so on the disk; then to their owners."""

    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskFiles(Message):
    """How do your files do?"""

    epoch: int


@dataclass(frozen=True, slots=True)
class FilesReport(Message):
    """Of the chunks kept here: how many there are, and their bytes; how many this node is known to
    lack and may get; and how many it keeps for others until they have them. Since it was started:
    how many were found rotten, were brought from elsewhere, were collected, and were looked at by
    the scrub. At last, how many it lacks that are on no node, although a file needs them."""

    chunks: int
    size_bytes: int
    missing: int
    strays: int
    rotten: int
    repaired: int
    collected: int
    scrubbed: int
    lost: int
