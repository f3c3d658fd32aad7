"""The chunks of this node: what comes is looked at before it is kept, what is read may be looked at
before it is told, and what is wrong is dropped, so that it is missing and can be brought again.

A turn's chunks are put on the disk together, and only then acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actors.chunk_store import ChunkStore, StoreCounts
from actors.chunks import chunk_id, ids_in, is_list_id, partition_of_chunk
from actors.disk import DiskFull
from actors.list_references import ListReferences

Kept = Callable[[str], None]
"""Called with "ok" once it is on the disk, or an error's code."""


class Keeping:
    """Over a store. `came` is called with the id of what was brought and is there, also if it was
    there before; `gone` with one that was found rotten and is there no more."""

    def __init__(
        self,
        store: ChunkStore,
        came: Callable[[str], None],
        gone: Callable[[str], None],
    ) -> None:
        self._store = store
        self._came = came
        self._gone = gone
        self._staged: dict[str, bytes] = {}
        self._then: list[tuple[str, Kept]] = []
        self._sums: dict[int, int] | None = None
        self._lists: ListReferences | None = None
        self.rotten = 0

    @property
    def counts(self) -> StoreCounts:
        """How much is kept."""
        return self._store.counts()

    def keep(self, id: str, data: bytes, then: Kept, *, checked: bool = False) -> None:
        """Keep this when the turn is over; `checked` if it is known to be what it is called."""
        if not checked and chunk_id(data, is_list=is_list_id(id)) != id:
            then("bad_value")
            return
        if is_list_id(id):
            try:
                ids_in(data)
            except ValueError:
                then("bad_value")
                return
        is_there = self._store.has([id])[0]
        if is_there and self._store.read(id) != data:
            # It would not be written again.
            self._drop_rotten(id)
            is_there = False
        if not is_there:
            self._staged[id] = data
        self._then.append((id, then))

    def commit(self) -> None:
        """Put on the disk what was staged, and say so."""
        staged, self._staged = self._staged, {}
        waiting, self._then = self._then, []
        code = "ok"
        if staged:
            try:
                self._store.keep(list(staged.items()))
            except DiskFull:
                code = "disk_full"
            else:
                for id, data in staged.items():
                    self._count(id)
                    if self._lists is not None and is_list_id(id):
                        self._lists.add(id, data)
        for id, then in waiting:
            is_kept = code == "ok" or id not in staged
            if is_kept:
                self._came(id)
            then("ok" if is_kept else code)

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it on the disk?"""
        return self._store.has(ids)

    def is_coming(self, id: str) -> bool:
        """Is it on the disk, or will it be when the turn is over?"""
        return id in self._staged or self._store.has([id])[0]

    def read(self, id: str, *, checked: bool) -> bytes | None:
        """What is kept under this id, if anything; `checked`, if that is what it is called."""
        data = self._store.read(id)
        if data is None:
            # It may be there and not to be read, or have been removed by somebody else.
            if self._store.has([id])[0]:
                self._drop_rotten(id)
            else:
                self._look_again(partition_of_chunk(id))
            return None
        if checked and chunk_id(data, is_list=is_list_id(id)) != id:
            self._drop_rotten(id)
            return None
        return data

    def drop(self, ids: Sequence[str]) -> None:
        """They are not needed here."""
        present = [id for id, has in zip(ids, self._store.has(ids), strict=True) if has]
        self._store.drop(present)
        for id in present:
            self._count(id)
            if self._lists is not None and is_list_id(id):
                self._lists.remove(id)

    def of_partition(self, partition: int) -> list[str]:
        """The ids of what is kept in a partition, in their order."""
        return self._store.of_partition(partition)

    def sums(self) -> Mapping[int, int]:
        """Of each partition in which something is kept, what tells it from anything else: an
        exclusive or of the digests' beginnings, so that one more is one operation."""
        return self._known()

    def partitions(self) -> list[int]:
        """Those in which something may be kept, or should be, in their order."""
        return sorted({*self._store.partitions(), *self._known()})

    def is_as_known(self, partition: int) -> bool:
        """Is on the disk what was put there? From now on what is there counts."""
        before = self._known().get(partition, 0)
        self._sum_up(partition)
        return self._known().get(partition, 0) == before

    def refer(self, ids: Sequence[str]) -> list[bool]:
        """Of each: does a list that is kept here name it?"""
        if self._lists is None:
            self._lists = ListReferences()
            for id in self._store.lists():
                data = self.read(id, checked=True)
                if data is not None:
                    self._lists.add(id, data)
        return self._lists.refer(ids)

    def named_by(self, list_id: str) -> tuple[str, ...]:
        """The chunks that a list names; none if it is not here."""
        data = self.read(list_id, checked=True)
        return ids_in(data) if data else ()

    def _drop_rotten(self, id: str) -> None:
        self.rotten += 1
        self.drop([id])
        self._gone(id)

    def _known(self) -> dict[int, int]:
        """The sums; they are made when they are first asked for."""
        if self._sums is None:
            self._sums = {}
            for partition in self._store.partitions():
                self._sum_up(partition)
        return self._sums

    def _sum_up(self, partition: int) -> None:
        total = 0
        for id in self._store.of_partition(partition):
            total ^= _number(id)
        self._set_sum(partition, total)

    def _set_sum(self, partition: int, total: int) -> None:
        if total:
            self._known()[partition] = total
        else:
            self._known().pop(partition, None)

    def _look_again(self, partition: int) -> None:
        """Where nothing is known to be, nothing can be missing."""
        if self._sums is not None and partition in self._sums:
            self._sum_up(partition)

    def _count(self, id: str) -> None:
        if self._sums is not None:
            partition = partition_of_chunk(id)
            self._set_sum(partition, self._sums.get(partition, 0) ^ _number(id))


def _number(id: str) -> int:
    return int(id[:16], 16) ^ (1 if is_list_id(id) else 0)
