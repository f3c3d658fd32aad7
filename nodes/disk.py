"""The disk of a node: LMDB in a locked data folder. What `commit` has returned from is synced.

Room is reserved before it is used: LMDB's map never reaches beyond what is allocated to its file.
So a full disk shows where room is reserved, while nothing is written yet, and an error of a commit
is a broken disk, after which nothing is written, read or acknowledged any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from pathlib import Path

import lmdb

from actors.ring import partition_of
from actors.storage import DiskFull
from actors.versions import NEVER, Record, Stamp, boot_name
from nodes.folder import DataFolder, DataFolderError, errors_of, sync_folder
from nodes.records import (
    encode_key,
    group_of,
    lower_bound,
    pack_record,
    stamp_of,
    unpack_record,
    whole_key,
)

MIN_STEP_BYTES = 2**20
FIRST_STEP_BYTES = 16 * 2**20
MAX_STEP_BYTES = 256 * 2**20
"""The database's file grows by a quarter of its size within these two, and by less, down to
MIN_STEP_BYTES, where the disk has not that much left."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


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

    `quota_bytes` bounds the size of the database's file; it is at least MIN_STEP_BYTES. Raises
    DataFolderError where the folder cannot be used. `boot` is synced before this returns.
    """

    boot: Boot

    def __init__(self, path: Path, quota_bytes: int | None = None) -> None:
        self._quota_bytes = quota_bytes
        with contextlib.ExitStack() as opened:
            opened.callback(DataFolder(path).close)
            with errors_of(path), _database_errors_of(path):
                self._open_database(path / "db", opened)
                self._start_boot()
            self._opened = opened.pop_all()

    def _open_database(self, path: Path, opened: contextlib.ExitStack) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self._env = lmdb.open(
            str(path), map_size=MIN_STEP_BYTES, max_dbs=8, max_spare_txns=1, mode=0o600
        )
        opened.callback(self._env.close)
        self._file = os.open(path / "data.mdb", os.O_RDWR | os.O_CLOEXEC)
        opened.callback(os.close, self._file)
        sync_folder(path)
        sync_folder(path.parent)
        self._size_bytes = os.fstat(self._file).st_size
        used_bytes = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        if self._size_bytes < used_bytes:
            raise DataFolderError(f"{path / 'data.mdb'} is cut short: a part of it is missing")
        self._env.set_mapsize(self._size_bytes)
        if self._size_bytes < MIN_STEP_BYTES:
            self._reserve(FIRST_STEP_BYTES)
        # Living records and tombstones lie apart, so that a page of keys neither steps over long
        # runs of tombstones nor looks into values. The partitions hold the keys of both.
        self._records = self._env.open_db(b"records")
        self._tombstones = self._env.open_db(b"tombstones")
        self._partitions = self._env.open_db(b"partitions")
        self._notes = self._env.open_db(b"notes")
        self._node = self._env.open_db(b"node")

    def _start_boot(self) -> None:
        random_bits = secrets.randbits(64)
        with self._env.begin() as txn:
            new_id = secrets.token_hex(8).encode()
            node_id = txn.get(b"id", new_id, self._node)
            count = int(txn.get(b"boots", b"0", self._node)) + 1
            self._clock_limit = int(txn.get(b"clock_limit", b"0", self._node))
            notes = {name.decode(): note for name, note in txn.cursor(self._notes)}

        def apply(txn: lmdb.Transaction[memoryview]) -> None:
            txn.put(b"id", node_id, db=self._node)
            txn.put(b"boots", str(count).encode(), db=self._node)

        # Room is found for it on a full disk too: each commit frees more pages than this one needs.
        self._transact(apply, 0)
        self._sync_us = 0
        name = boot_name(count, random_bits)
        self.boot = Boot(node_id.decode(), count, name, self._clock_limit, notes)

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """The committed record of each key, a tombstone too; None where there is none."""
        found: list[Record | None] = []
        with self._env.begin(self._records) as txn:
            for key in keys:
                encoded = encode_key(key)
                packed = txn.get(encoded) or txn.get(encoded, None, self._tombstones)
                found.append(unpack_record(key, packed) if packed else None)
        return found

    def stamps(self, keys: Sequence[str]) -> list[Stamp]:
        """The committed stamp of each key, NEVER where there is none. No value is read for it."""
        with self._env.begin(self._records, buffers=True) as txn:
            return [self._stamp(txn, encode_key(key)) for key in keys]

    def _stamp(self, txn: lmdb.Transaction[memoryview], encoded: bytes) -> Stamp:
        packed = txn.get(encoded) or txn.get(encoded, None, self._tombstones)
        return stamp_of(packed) if packed else NEVER

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` living keys that begin with `prefix` and come after `after`, in order; and
        whether there are more.

        The work is bounded by the limit, but for long keys: those that share their first 476 bytes
        are all looked at to find which are next.
        """
        with self._env.begin(self._records) as txn, txn.cursor() as cursor:
            keys = _living(cursor, prefix.encode(), after.encode(), limit + 1)
            found = [key.decode() for key in islice(keys, limit + 1)]
        return found[:limit], len(found) > limit

    def partition_page(self, partition: int, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """Up to `limit` keys of a partition, tombstones too, with their stamps. They come in an
        order of the disk's own, in which they follow `after`; "" is before all."""
        prefix = _prefix(partition)
        found: list[tuple[str, Stamp]] = []
        with (
            self._env.begin(self._records, buffers=True) as txn,
            txn.cursor(self._partitions) as cursor,
        ):
            start = prefix + encode_key(after)
            for name, long_key in cursor if cursor.set_range(start) else ():
                if name[: len(prefix)] != prefix or len(found) == limit:
                    break
                if name != start:
                    encoded = bytes(name[len(prefix) :])
                    key = bytes(long_key or encoded).decode()
                    found.append((key, self._stamp(txn, encoded)))
        return found

    def commit(
        self,
        records: Sequence[Record],
        notes: Sequence[tuple[str, bytes]],
        clock_limit: int,
    ) -> None:
        """Apply all of it and sync it; with nothing to apply, do nothing. Of several records of a
        key, or notes of a name, the last counts; an empty note deletes the note.

        Raises DiskFull where nothing was applied for lack of room. After any other error the disk
        cannot be used again: what a failed sync left behind is not known, and to try it again would
        seem to succeed.
        """
        if not records and not notes and clock_limit == self._clock_limit:
            return

        def apply(txn: lmdb.Transaction[memoryview]) -> None:
            self._put_records(txn, records)
            for name, note in notes:
                if note:
                    txn.put(name.encode(), note, db=self._notes)
                else:
                    txn.delete(name.encode(), db=self._notes)
            if clock_limit != self._clock_limit:
                txn.put(b"clock_limit", str(clock_limit).encode(), db=self._node)

        self._transact(apply, sum(len(record.value) for record in records))
        self._clock_limit = clock_limit

    def take_sync_us(self) -> int:
        """How long LMDB took to write and sync the last commit; 0 if it was taken already."""
        taken, self._sync_us = self._sync_us, 0
        return taken

    def close(self) -> None:
        """Close the database and give the folder back."""
        self._opened.close()

    def _put_records(self, txn: lmdb.Transaction[memoryview], records: Sequence[Record]) -> None:
        living: list[tuple[bytes, bytes]] = []
        dead: list[tuple[bytes, bytes]] = []
        listed: list[tuple[bytes, bytes]] = []
        for record in {record.key: record for record in records}.values():
            key = encode_key(record.key)
            is_dead = record.kind == "absent"
            (dead if is_dead else living).append((key, pack_record(record, key)))
            here, elsewhere = self._records, self._tombstones
            if is_dead:
                here, elsewhere = elsewhere, here
            # A key stays in its partition once it is there: only a new one costs a page of it.
            if txn.get(key, db=here) is None and not txn.delete(key, db=elsewhere):
                long_key = record.key.encode() if group_of(key) else b""
                listed.append((_prefix(partition_of(record.key)) + key, long_key))
        _put(txn, self._records, living)
        _put(txn, self._tombstones, dead)
        _put(txn, self._partitions, listed)

    def _transact(
        self, apply: Callable[[lmdb.Transaction[memoryview]], None], size_bytes: int
    ) -> None:
        """Commit what `apply` does, which holds about `size_bytes`, and reserve room as needed."""
        while True:
            txn = self._env.begin(write=True, buffers=True)
            try:
                apply(txn)
                started_ns = time.perf_counter_ns()
                txn.commit()
                self._sync_us = (time.perf_counter_ns() - started_ns) // 1_000
                return
            except lmdb.MapFullError:
                txn.abort()
                self._reserve(2 * size_bytes)
            except BaseException as error:
                txn.abort()
                self._refuse_if_full(error)
                self._env.close()
                raise

    def _reserve(self, wanted_bytes: int) -> None:
        """Allocate more to the file and map it. Raises DiskFull."""
        step = max(wanted_bytes, min(max(self._size_bytes // 4, FIRST_STEP_BYTES), MAX_STEP_BYTES))
        while step >= MIN_STEP_BYTES:
            step -= step % MIN_STEP_BYTES
            if self._quota_bytes is None or self._size_bytes + step <= self._quota_bytes:
                try:
                    os.posix_fallocate(self._file, self._size_bytes, step)
                except OSError as error:
                    if error.errno not in NO_ROOM:
                        raise
                    # A part of it may have been allocated.
                    os.ftruncate(self._file, self._size_bytes)
                else:
                    self._size_bytes += step
                    self._env.set_mapsize(self._size_bytes)
                    return
            step //= 2
        raise DiskFull(f"the disk has no room beyond the database's {self._size_bytes:,} bytes")

    def _refuse_if_full(self, error: BaseException) -> None:
        """Raise DiskFull for the error of a commit that is known to have applied nothing.

        Some file systems, ZFS and NFS among them, do not keep what they were asked to reserve.
        Where one has no room for the pages, the commit is undone; if it was the last step of the
        commit that failed, the outcome is not known, and LMDB opens no transaction any more.
        """
        if isinstance(error, lmdb.Error) and error.code in NO_ROOM:
            with self._env.begin():
                raise DiskFull("the disk has no room for what it had reserved") from error


def _put(
    txn: lmdb.Transaction[memoryview], db: lmdb._Database, items: list[tuple[bytes, bytes]]
) -> None:
    if items:
        with txn.cursor(db) as cursor:
            cursor.putmulti(items)


def _prefix(partition: int) -> bytes:
    return partition.to_bytes(2, "big")


def _living(
    cursor: lmdb.Cursor[bytes], prefix: bytes, after: bytes, needed: int
) -> Iterator[bytes]:
    """The keys, in UTF-8, that begin with `prefix` and come after `after`: at least the first
    `needed`, in order."""
    if not cursor.set_range(lower_bound(max(prefix, after))):
        return
    begins_with = lower_bound(prefix)
    group = b""
    long_keys: list[bytes] = []
    for encoded in cursor.iternext(values=False):
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


@contextlib.contextmanager
def _database_errors_of(path: Path) -> Iterator[None]:
    """Turn what keeps the database from being opened into a sentence about the data folder."""
    try:
        yield
    except DiskFull:
        raise DataFolderError(f"the disk of the data folder {path} is full") from None
    except lmdb.Error as error:
        raise DataFolderError(f"the database in {path} cannot be opened: {error}") from error
