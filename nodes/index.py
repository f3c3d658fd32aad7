"""A table that finds keys by something else: each name in it is a head and then a key.

A key that does not fit into a name after its head is cut as in the table of records, and the whole
key is kept in the value. So two keys never share a name, and no order among the keys of a head is
promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import lmdb

from nodes.records import cut_key


class Index:
    """The table `table`. Beside each name stands a note of `note_bytes` bytes."""

    def __init__(self, table: lmdb._Database, note_bytes: int = 0) -> None:
        self.table = table
        self._note_bytes = note_bytes

    def item(self, head: bytes, key: str, note: bytes = b"") -> tuple[bytes, bytes]:
        """The name and the value of an entry."""
        name, long_key = cut_key(head, key)
        return name, note + long_key

    def add(
        self, txn: lmdb.Transaction[memoryview], head: bytes, key: str, note: bytes = b""
    ) -> bool:
        """Add what is not there yet; was it not?"""
        name, value = self.item(head, key, note)
        return txn.put(name, value, overwrite=False, db=self.table)

    def remove(self, txn: lmdb.Transaction[memoryview], head: bytes, key: str) -> bool:
        """Remove what may be there; was it?"""
        return txn.delete(cut_key(head, key)[0], db=self.table)

    def has(self, txn: lmdb.Transaction[memoryview], head: bytes, key: str) -> bool:
        """Is it there?"""
        return txn.get(cut_key(head, key)[0], db=self.table) is not None

    def names(
        self, txn: lmdb.Transaction[memoryview], first: bytes, last: bytes, after: str = ""
    ) -> Iterator[tuple[bytes, bytes]]:
        """Names with their values, by heads from `first` to `last`, which are of one length; of
        `first` those only that follow `after`."""
        size = len(first)
        start = cut_key(first, after)[0]
        with txn.cursor(self.table) as cursor:
            if not cursor.set_range(start):
                return
            for view, value in cursor:
                name = bytes(view)
                if name[:size] > last:
                    return
                if name != start:
                    yield name, bytes(value)

    def page(
        self, txn: lmdb.Transaction[memoryview], head: bytes, after: str, limit: int
    ) -> list[tuple[str, bytes]]:
        """Up to `limit` keys of a head that follow `after`, each with its note."""
        found = islice(self.names(txn, head, head, after), limit)
        return [
            (self.key(name[len(head) :], value), value[: self._note_bytes]) for name, value in found
        ]

    def key(self, tail: bytes, value: bytes) -> str:
        """The key whose name ends with `tail` after its head, and its value."""
        return (value[self._note_bytes :] or tail).decode()
