"""The disk made of dictionaries for the tests of the storage actor's parts, which go through many
partitions: it finds theirs at once, and lists keys in an order that their names do not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1

from actors.disk import Batch
from actors.ring import partition_of
from actors.versions import Record, Stamp, Version
from tests.actors.dictionary_disk import DictionaryDisk


class PartDisk(DictionaryDisk):
    """`partitions` has the keys of each; `listed` counts the entries that were given."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        super().__init__(records)
        self.partitions: dict[int, dict[str, None]] = {}
        self.listed = 0
        for key in self.records:
            self._note(key)

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """A page of a partition."""
        keys = _page(self.partitions.get(partition, ()), after, limit)
        self.listed += len(keys)
        return [(key, self.records[key].version) for key in keys]

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """A page of the tombstones."""
        dead = [key for key, held in self.records.items() if held.kind == "absent"]
        return [(key, self.records[key].stamp) for key in _page(dead, after, limit)]

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """A page of a member's hints."""
        hints = {key: ms for (hinted, key), ms in self.hinted_until.items() if hinted == member}
        return [(key, hints[key]) for key in _page(hints, after, limit)]

    def commit(self, batch: Batch) -> None:
        """As every disk, and note where the keys are."""
        super().commit(batch)
        for key in [*[held.key for held in batch.records], *[key for key, _ in batch.dropped]]:
            self._note(key)

    def _note(self, key: str) -> None:
        keys = self.partitions.setdefault(partition_of(key), {})
        if key in self.records:
            keys[key] = None
        else:
            keys.pop(key, None)


def _page(keys: Iterable[str], after: str, limit: int) -> list[str]:
    ordered = sorted(keys, key=_place)
    return [key for key in ordered if not after or _place(key) > _place(after)][:limit]


def _place(key: str) -> bytes:
    return sha1(key.encode(), usedforsecurity=False).digest()[::-1]
