"""Chunks on a simulated disk, which outlive their node's crashes: what `keep` has returned from is
synced. What was dropped since may come back in a crash.

`keep` can be told to lose power in the middle, so that some of the batch is kept or none, or after
its sync, or to fail; the disk can be full, let bytes rot, and lose a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.chunk_store import StoreCounts
from actors.chunks import is_list_id, partition_of_chunk
from actors.disk import DiskFull
from nodes.simulated.disk import Crashed, DiskFailed, Fault

ROOM_BYTES = 2**40


class SimulatedChunks:
    """The chunk store of a file server; `wipe` empties it."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._chunks: dict[str, bytes] = {}
        self._dropped: dict[str, bytes] = {}
        self.full = False
        self.next_fault: Fault | None = None
        self.syncs = 0

    def read(self, id: str) -> bytes | None:
        """The bytes that are kept under this id, whether or not they have rotted."""
        return self._chunks.get(id)

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it kept?"""
        return [id in self._chunks for id in ids]

    def keep(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Keep all, and sync; what is kept already stays as it is. Raises DiskFull, Crashed or
        DiskFailed as the disk was told to."""
        new = [(id, data) for id, data in chunks if id not in self._chunks]
        if not new:
            return
        if self.full:
            raise DiskFull
        fault, self.next_fault = self.next_fault, None
        if fault == "error":
            raise DiskFailed
        if fault == "before_sync":
            self._chunks.update([each for each in new if self._rng.random() < 0.5])
            raise Crashed
        self._chunks.update(new)
        self._dropped.clear()
        self.syncs += 1
        if fault == "after_sync":
            raise Crashed

    def drop(self, ids: Sequence[str]) -> None:
        """Forget these. That is not synced before something is kept."""
        for id in ids:
            if (data := self._chunks.pop(id, None)) is not None:
                self._dropped[id] = data

    def partitions(self) -> list[int]:
        """The partitions in which something is kept, in their order."""
        return sorted({partition_of_chunk(id) for id in self._chunks})

    def of_partition(self, partition: int) -> list[str]:
        """The ids of all that is kept in a partition, in their order."""
        return [id for id in self.ids() if partition_of_chunk(id) == partition]

    def lists(self) -> list[str]:
        """The ids of all lists, in their order."""
        return [id for id in self.ids() if is_list_id(id)]

    def ids(self) -> list[str]:
        """The ids of all that is kept, in their order."""
        return sorted(self._chunks)

    def counts(self) -> StoreCounts:
        """How much is kept."""
        return StoreCounts(len(self._chunks), sum(map(len, self._chunks.values())))

    def room_bytes(self) -> int:
        """How much more may be kept."""
        return 0 if self.full else max(0, ROOM_BYTES - self.counts().size_bytes)

    def crash(self) -> None:
        """Some of what was dropped and not synced comes back."""
        self.next_fault = None
        for id, data in self._dropped.items():
            if id not in self._chunks and self._rng.random() < 0.5:
                self._chunks[id] = data
        self._dropped.clear()

    def wipe(self) -> None:
        """Lose everything."""
        self.next_fault = None
        self._chunks.clear()
        self._dropped.clear()

    def rot(self, id: str, rng: Random) -> None:
        """Flip a bit of one of the bytes of a chunk that is kept."""
        data = bytearray(self._chunks[id])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        self._chunks[id] = bytes(data)

    def lose(self, id: str) -> None:
        """A chunk that is kept is gone."""
        del self._chunks[id]
