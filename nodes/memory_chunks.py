"""Chunks in memory, until the folder that keeps them on the disk is here. To be removed then."""

from __future__ import annotations

from collections.abc import Sequence

from actors.chunk_store import StoreCounts
from actors.chunks import is_list_id, partition_of_chunk
from actors.disk import DiskFull


class MemoryChunks:
    """A ChunkStore that keeps nothing beyond its node's life."""

    def __init__(self, quota_bytes: int | None) -> None:
        self._quota_bytes = quota_bytes if quota_bytes is not None else 2**30
        self._chunks: dict[str, bytes] = {}

    def read(self, id: str) -> bytes | None:
        """The bytes of a chunk."""
        return self._chunks.get(id)

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it kept?"""
        return [id in self._chunks for id in ids]

    def keep(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Keep all, or raise DiskFull."""
        if sum(len(data) for _, data in chunks) > self.room_bytes():
            raise DiskFull
        self._chunks.update(chunks)

    def drop(self, ids: Sequence[str]) -> None:
        """Forget these."""
        for id in ids:
            self._chunks.pop(id, None)

    def of_partition(self, partition: int) -> list[str]:
        """What is kept in a partition."""
        return sorted(id for id in self._chunks if partition_of_chunk(id) == partition)

    def lists(self) -> list[str]:
        """All lists."""
        return sorted(filter(is_list_id, self._chunks))

    def counts(self) -> StoreCounts:
        """How much is kept."""
        return StoreCounts(len(self._chunks), sum(map(len, self._chunks.values())))

    def room_bytes(self) -> int:
        """How much more may be kept."""
        return max(0, self._quota_bytes - self.counts().size_bytes)

    def take_sync_us(self) -> int:
        """There is nothing to sync."""
        return 0

    def close(self) -> None:
        """Forget all."""
        self._chunks.clear()
