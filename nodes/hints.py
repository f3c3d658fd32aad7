"""The hints on the disk: which members have not stored which keys, and until when that is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import lmdb

from nodes.index import Index
from nodes.records import CUT

EXPIRES_BYTES = 8


class Hints:
    """In the table `table`. `counts` is how many there are for each member, of those for whom there
    are any, once they were counted."""

    def __init__(self, table: lmdb._Database) -> None:
        self._index = Index(table, EXPIRES_BYTES)
        self.counts: dict[str, int] = {}

    def count(self, txn: lmdb.Transaction[memoryview]) -> None:
        """Count them all, as is done once, when the disk is opened."""
        with txn.cursor(self._index.table) as cursor:
            names = map(bytes, cursor.iternext(values=False))
            found = Counter(name.partition(CUT)[0] for name in names)
        self.counts = {member.decode(): count for member, count in found.items()}

    def apply(
        self,
        txn: lmdb.Transaction[memoryview],
        hints: Sequence[tuple[str, str, int]],
        unhinted: Sequence[tuple[str, str]],
    ) -> dict[str, int]:
        """Drop hints, then add hints; what `counts` is to be if the transaction is committed."""
        if not hints and not unhinted:
            return self.counts
        counts = Counter(self.counts)
        for member, key in unhinted:
            counts[member] -= self._index.remove(txn, _head(member), key)
        for member, key, expires_ms in hints:
            note = expires_ms.to_bytes(EXPIRES_BYTES, "big")
            counts[member] += self._index.add(txn, _head(member), key, note)
        return {member: count for member, count in counts.items() if count}

    def page(
        self, txn: lmdb.Transaction[memoryview], member: str, after: str, limit: int
    ) -> list[tuple[str, int]]:
        """Up to `limit` keys for a member that follow `after`, with when each hint expires."""
        found = self._index.page(txn, _head(member), after, limit)
        return [(key, int.from_bytes(note, "big")) for key, note in found]

    def members(self, txn: lmdb.Transaction[memoryview], key: str) -> list[str]:
        """Those for whom there is a hint of this key."""
        return [
            member for member in sorted(self.counts) if self._index.has(txn, _head(member), key)
        ]


def _head(member: str) -> bytes:
    return member.encode() + CUT
