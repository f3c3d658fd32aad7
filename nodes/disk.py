"""The disk of a node: LMDB in a locked data folder. What `commit` has returned from is synced."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import lmdb

from actors.chunks import chunks_of
from actors.disk import Batch
from actors.ring import partition_of
from actors.spaces import FILES
from actors.versions import NOTHING, Record, Stamp, Version, boot_name
from nodes.batch_format import Packed, pack_all, pack_batch, unpack_batch
from nodes.database import Database, database_errors_of
from nodes.hints import Hints
from nodes.index import Index
from nodes.records import (
    PARTITION_BYTES,
    encode_key,
    expires_ms_of,
    group_of,
    kind_of,
    lower_bound,
    stamp_of,
    unpack_record,
    whole_key,
)
from nodes.references import References

if TYPE_CHECKING:
    from nodes.database import Transaction

TIME_BYTES = 8
FILES_UTF8 = FILES.encode()


@dataclass(frozen=True, slots=True)
class Boot:
    """What a node takes from its disk when it starts. `count` and `name` are this start's alone."""

    node_id: str
    count: int
    name: str
    clock_limit: int
    notes: dict[str, bytes]


class LmdbDisk:
    """The storage actor's disk port. One thread may open it and then one other use it.

    `quota_bytes` bounds the size of the database's file. Raises DataFolderError where the folder
    cannot be used. `boot` is synced before this returns.
    """

    boot: Boot

    def __init__(self, path: Path, quota_bytes: int | None = None) -> None:
        self._database = Database(path, quota_bytes, self._prepare, self._redo)
        try:
            with database_errors_of(path):
                self.boot = self._begin()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self, env: lmdb.Environment) -> None:
        """Open the tables."""
        # Living records and tombstones lie apart, so that a page of keys neither steps over long
        # runs of tombstones nor looks into values. The partitions hold the keys of both. The
        # expiries hold each living record that expires, under the time at which it does.
        self._records = env.open_db(b"records")
        self._tombstones = env.open_db(b"tombstones")
        self._partitions = Index(env.open_db(b"partitions"))
        self._expiries = Index(env.open_db(b"expiries"))
        self._notes = env.open_db(b"notes")
        self._node = env.open_db(b"node")
        self._hints = Hints(env.open_db(b"hints"))
        self._references = References(env.open_db(b"references"))

    def _begin(self) -> Boot:
        """Count this start."""
        txn = self._database.txn
        self._hints.count(txn)
        node_id = bytes(txn.get(b"id", db=self._node) or secrets.token_hex(8).encode())
        count = int(bytes(txn.get(b"boots", b"0", self._node))) + 1
        self._clock_limit = int(bytes(txn.get(b"clock_limit", b"0", self._node)))
        notes = {bytes(name).decode(): bytes(note) for name, note in txn.cursor(self._notes)}

        def apply(txn: Transaction) -> None:
            txn.put(b"id", node_id, db=self._node)
            txn.put(b"boots", str(count).encode(), db=self._node)

        # Room is found for it on a full disk too: each commit frees more pages than this one needs.
        self._database.write(apply, b"", at_once=True)
        self._database.sync_us = 0
        name = boot_name(count, secrets.randbits(64))
        return Boot(node_id.decode(), count, name, self._clock_limit, notes)

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """The record of each key, a tombstone too; None where there is none."""
        found: list[Record | None] = []
        txn = self._database.txn
        for key in keys:
            name = encode_key(key)
            packed = txn.get(name, db=self._records) or txn.get(name, db=self._tombstones)
            found.append(unpack_record(key, bytes(packed)) if packed else None)
        return found

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """The version of each key, NOTHING where there is none. No value is read for it."""
        return self._versions(self._database.txn, map(encode_key, keys))

    def _versions(self, txn: Transaction, names: Iterable[bytes]) -> list[Version]:
        found = []
        for name in names:
            packed = txn.get(name, None, self._records)
            if packed is not None:
                found.append(Version(stamp_of(packed), False))
                continue
            packed = txn.get(name, None, self._tombstones)
            found.append(NOTHING if packed is None else Version(stamp_of(packed), True))
        return found

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` living keys that begin with `prefix` and come after `after`, in order; and
        whether there are more.

        The work is bounded by the limit, but for long keys: those that share their first 476 bytes
        are all looked at to find which are next.
        """
        with self._database.txn.cursor(self._records) as cursor:
            keys = _living(cursor, prefix.encode(), after.encode(), limit + 1)
            found = [key.decode() for key in islice(keys, limit + 1)]
        return found[:limit], len(found) > limit

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """Up to `limit` keys of a partition, tombstones too, with their versions. They come in an
        order of the disk's own, in which they follow `after`; "" is before all."""
        head = _head(partition)
        txn = self._database.txn
        listed = [
            (name[PARTITION_BYTES:], long_key)
            for name, long_key in islice(self._partitions.names(txn, head, head, after), limit)
        ]
        keys = [(long_key or name).decode() for name, long_key in listed]
        return list(zip(keys, self._versions(txn, [name for name, _ in listed]), strict=True))

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """Up to `limit` tombstones, in an order of the disk's own, in which they follow `after`."""
        start = encode_key(after)
        with self._database.txn.cursor(self._tombstones) as cursor:
            if not cursor.set_range(start):
                return []
            following = ((name, packed) for name, packed in cursor if name != start)
            return [
                ((whole_key(packed) or bytes(name)).decode(), stamp_of(packed))
                for name, packed in islice(following, limit)
            ]

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """Up to `limit` records with a value whose `expires_ms` is not 0 and not after `wall_ms`,
        the first to expire first. Their values are left out."""
        found: list[Record] = []
        txn = self._database.txn
        names = self._expiries.names(txn, _time(0), _time(wall_ms))
        for name, value in islice(names, limit):
            key = self._expiries.key(name[TIME_BYTES:], value)
            packed = txn.get(encode_key(key), b"", self._records)
            expires_ms = int.from_bytes(name[:TIME_BYTES], "big")
            found.append(Record(key, kind_of(packed), b"", stamp_of(packed), expires_ms))
        return found

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Up to `limit` keys hinted for a member, with when each hint expires, in an order of the
        disk's own, in which they follow `after`."""
        return self._hints.page(self._database.txn, member, after, limit)

    def hint_counts(self) -> dict[str, int]:
        """How many hints there are for each member, of those for whom there are any."""
        return {member: self._hints.counts[member] for member in sorted(self._hints.counts)}

    def hinted(self, key: str) -> list[str]:
        """The members for whom there is a hint of this key."""
        return self._hints.members(self._database.txn, key) if self._hints.counts else []

    def referred(self, chunks: Sequence[str]) -> list[bool]:
        """Of each chunk or list, by its id: does a manifest that is kept here refer to it?"""
        txn = self._database.txn
        return [self._references.has(txn, id) for id in chunks]

    def commit(self, batch: Batch) -> None:
        """Apply all of it and sync it; with nothing to apply, do nothing.

        Raises DiskFull where nothing was applied for lack of room. After any other error the disk
        cannot be used again.
        """
        if batch.is_empty() and batch.clock_limit == self._clock_limit:
            return
        packed = pack_all(batch.records)
        counts: dict[str, int] = {}

        def apply(txn: Transaction) -> None:
            nonlocal counts
            counts = self._apply(txn, batch, packed)

        self._database.write(apply, pack_batch(batch, packed))
        self._hints.counts = counts
        self._clock_limit = batch.clock_limit

    def _apply(self, txn: Transaction, batch: Batch, packed: Sequence[Packed]) -> dict[str, int]:
        """What `hint_counts` is from now on is returned."""
        self._put_records(txn, packed)
        self._drop(txn, batch.dropped)
        for name, note in batch.notes:
            if note:
                txn.put(name.encode(), note, db=self._notes)
            else:
                txn.delete(name.encode(), db=self._notes)
        txn.put(b"clock_limit", b"%d" % batch.clock_limit, db=self._node)
        return self._hints.apply(txn, batch.hints, batch.unhinted)

    def _redo(self, txn: Transaction, body: bytes) -> None:
        batch = unpack_batch(body)
        # How many hints there are was counted already, or will be.
        self._apply(txn, batch, pack_all(batch.records))

    def take_sync_us(self) -> int:
        """How long the last commit took to be synced; 0 if it was taken already."""
        taken, self._database.sync_us = self._database.sync_us, 0
        return taken

    def close(self) -> None:
        """Close the database and give the folder back."""
        self._database.close()

    def _put_records(self, txn: Transaction, records: Sequence[Packed]) -> None:
        living: list[tuple[bytes, bytes]] = []
        dead: list[tuple[bytes, bytes]] = []
        listed: list[tuple[bytes, bytes]] = []
        for record, key, value in records:
            is_dead = record.kind == "absent"
            (dead if is_dead else living).append((key, value))
            former = txn.get(key, db=self._records)
            former_ms = 0 if former is None else expires_ms_of(former)
            expires_ms = 0 if is_dead else record.expires_ms
            if expires_ms != former_ms:
                self._move_expiry(txn, record.key, former_ms, expires_ms)
            if key.startswith(FILES_UTF8):
                self._move_references(txn, record.key, former, record)
            # A key stays in its partition once it is there: only a new one costs a page of it.
            if is_dead:
                is_new = not txn.delete(key, db=self._records) and (
                    txn.get(key, db=self._tombstones) is None
                )
            else:
                is_new = former is None and not txn.delete(key, db=self._tombstones)
            if is_new:
                listed.append(self._partitions.item(_head(partition_of(record.key)), record.key))
        _put(txn, self._records, living)
        _put(txn, self._tombstones, dead)
        _put(txn, self._partitions.table, listed)

    def _move_expiry(self, txn: Transaction, key: str, former_ms: int, expires_ms: int) -> None:
        if former_ms:
            self._expiries.remove(txn, _time(former_ms), key)
        if expires_ms:
            self._expiries.add(txn, _time(expires_ms), key)

    def _move_references(
        self, txn: Transaction, key: str, former: memoryview | None, record: Record | None
    ) -> None:
        """Of a manifest: what it named, if it was there, and what it names, if it is."""
        held = None if former is None else unpack_record(key, bytes(former))
        self._references.move(txn, key, chunks_of(held), chunks_of(record))

    def _drop(self, txn: Transaction, dropped: Sequence[tuple[str, Version]]) -> None:
        for key, version in dropped:
            table = self._tombstones if version.dead else self._records
            encoded = encode_key(key)
            packed = txn.get(encoded, db=table)
            if packed is not None and stamp_of(packed) == version.stamp:
                expires_ms = 0 if version.dead else expires_ms_of(packed)
                self._move_expiry(txn, key, expires_ms, 0)
                if encoded.startswith(FILES_UTF8) and not version.dead:
                    self._move_references(txn, key, packed, None)
                txn.delete(encoded, db=table)
                self._partitions.remove(txn, _head(partition_of(key)), key)


def _put(txn: Transaction, db: lmdb._Database, items: list[tuple[bytes, bytes]]) -> None:
    if items:
        with txn.cursor(db) as cursor:
            cursor.putmulti(items)


def _head(partition: int) -> bytes:
    return partition.to_bytes(PARTITION_BYTES, "big")


def _time(wall_ms: int) -> bytes:
    return wall_ms.to_bytes(TIME_BYTES, "big")


def _living(
    cursor: lmdb.Cursor[memoryview], prefix: bytes, after: bytes, needed: int
) -> Iterator[bytes]:
    """The keys, in UTF-8, that begin with `prefix` and come after `after`: at least the first
    `needed`, in order."""
    if not cursor.set_range(lower_bound(max(prefix, after))):
        return
    begins_with = lower_bound(prefix)
    group = b""
    long_keys: list[bytes] = []
    for name in cursor.iternext(values=False):
        encoded = bytes(name)
        if long_keys and not encoded.startswith(group):
            yield from sorted(long_keys)
            long_keys.clear()
        if not encoded.startswith(begins_with):
            break
        group = group_of(encoded)
        if group:
            key = whole_key(cursor.value())
            if key > after and key.startswith(prefix):
                long_keys.append(key)
                if len(long_keys) > 2 * needed:
                    long_keys = nsmallest(needed, long_keys)
        elif encoded > after:
            yield encoded
    yield from sorted(long_keys)
