"""The one port to the chunks on a disk, which the file server is handed: what `keep` has returned
from is synced. An error other than DiskFull ends the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class StoreCounts(NamedTuple):
    """What there is: chunks and lists, and their bytes."""

    chunks: int
    size_bytes: int


class ChunkStore(Protocol):
    """Chunks by their ids. Whether the bytes still are what the id says is not looked at here."""

    def read(self, id: str) -> bytes | None:
        """The bytes that are kept under this id; None if there are none, or they cannot be read."""

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it kept?"""

    def keep(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Put all of these on the disk and sync them. Raises DiskFull, from actors.disk, where none
        was kept for lack of room; what was kept before is still there."""

    def drop(self, ids: Sequence[str]) -> None:
        """Forget these, as far as they are kept. A crash may bring them back."""

    def partitions(self) -> list[int]:
        """The partitions in which something may be kept, in their order: in no other is."""

    def of_partition(self, partition: int) -> list[str]:
        """The ids of all that is kept in a partition, in their order."""

    def lists(self) -> list[str]:
        """The ids of all lists, in their order."""

    def counts(self) -> StoreCounts:
        """How much is kept."""

    def room_bytes(self) -> int:
        """How much more may be kept, at least."""
