"""The references on the disk: of each chunk, the manifests that name it."""

from __future__ import annotations

from collections.abc import Iterable

import lmdb

from actors.chunks import is_chunk_id, is_list_id
from nodes.index import Index
from nodes.records import DIGEST_BYTES


class References:
    """In the table `table`: under each chunk's digest, the keys of those manifests."""

    def __init__(self, table: lmdb._Database) -> None:
        self._index = Index(table)

    def move(
        self,
        txn: lmdb.Transaction[memoryview],
        key: str,
        former: Iterable[str],
        following: Iterable[str],
    ) -> None:
        """The manifest under this key named those chunks, and names these from now on."""
        before, after = dict.fromkeys(former), dict.fromkeys(following)
        for id in before:
            if id not in after:
                self._index.remove(txn, _head(id), key)
        for id in after:
            if id not in before:
                self._index.add(txn, _head(id), key)

    def has(self, txn: lmdb.Transaction[memoryview], id: str) -> bool:
        """Is there a manifest that names this?"""
        if not is_chunk_id(id):
            return False
        head = _head(id)
        return next(self._index.names(txn, head, head), None) is not None


def _head(id: str) -> bytes:
    """The digest, and whether it is that of a list."""
    return bytes.fromhex(id[: 2 * DIGEST_BYTES]) + bytes([is_list_id(id)])
