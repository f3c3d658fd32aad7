"""The LMDB database of a data folder. What `transact` has returned from is synced.

Room is reserved before it is used: LMDB's map never reaches beyond what is allocated to its file.
So a full disk shows where room is reserved, while nothing is written yet, and an error of a commit
is a broken disk, after which nothing is written, read or acknowledged any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import lmdb

from actors.disk import DiskFull
from nodes.folder import DataFolder, DataFolderError, errors_of, sync_folder

MIN_STEP_BYTES = 2**20
FIRST_STEP_BYTES = 16 * 2**20
MAX_STEP_BYTES = 256 * 2**20
"""The database's file grows by a quarter of its size within these two, and by less, down to
MIN_STEP_BYTES, where the disk has not that much left."""

MAX_TABLES = 16
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

T = TypeVar("T")


class Database:
    """One thread may open it and then one other use it. `env` is read from; `sync_us` is how long
    LMDB took to write and sync the last commit.

    `quota_bytes` bounds the size of the database's file; it is at least MIN_STEP_BYTES. `prepare`
    is run at the end of opening. Raises DataFolderError where the folder cannot be used.
    """

    env: lmdb.Environment

    def __init__(
        self, folder: Path, quota_bytes: int | None, prepare: Callable[[Database], None]
    ) -> None:
        self._quota_bytes = quota_bytes
        self.sync_us = 0
        with contextlib.ExitStack() as opened:
            opened.callback(DataFolder(folder).close)
            with errors_of(folder), _database_errors_of(folder):
                self._open(folder / "db", opened)
                prepare(self)
            self._opened = opened.pop_all()

    def _open(self, path: Path, opened: contextlib.ExitStack) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self.env = lmdb.open(
            str(path), map_size=MIN_STEP_BYTES, max_dbs=MAX_TABLES, max_spare_txns=2, mode=0o600
        )
        opened.callback(self.env.close)
        self._file = os.open(path / "data.mdb", os.O_RDWR | os.O_CLOEXEC)
        opened.callback(os.close, self._file)
        sync_folder(path)
        sync_folder(path.parent)
        self._size_bytes = os.fstat(self._file).st_size
        used_bytes = (self.env.info()["last_pgno"] + 1) * self.env.stat()["psize"]
        if self._size_bytes < used_bytes:
            raise DataFolderError(f"{path / 'data.mdb'} is cut short: a part of it is missing")
        self.env.set_mapsize(self._size_bytes)
        if self._size_bytes < MIN_STEP_BYTES:
            self._reserve(FIRST_STEP_BYTES)

    def transact(
        self, apply: Callable[[lmdb.Transaction[memoryview]], T], size_bytes: int = 0
    ) -> T:
        """Commit what `apply` does, which holds about `size_bytes`, and reserve room as needed.
        `apply` may be called several times; what it returned at last is returned.

        Raises DiskFull where nothing was applied for lack of room. After any other error the
        database cannot be used again: what a failed sync left behind is not known, and to try it
        again would seem to succeed.
        """
        while True:
            txn = self.env.begin(write=True, buffers=True)
            try:
                result = apply(txn)
                started_ns = time.perf_counter_ns()
                txn.commit()
                self.sync_us = (time.perf_counter_ns() - started_ns) // 1_000
                return result
            except lmdb.MapFullError:
                txn.abort()
                self._reserve(2 * size_bytes)
            except BaseException as error:
                txn.abort()
                self._refuse_if_full(error)
                self.env.close()
                raise

    def close(self) -> None:
        """Close the database and give the folder back."""
        self._opened.close()

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
                    self.env.set_mapsize(self._size_bytes)
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
            with self.env.begin():
                raise DiskFull("the disk has no room for what it had reserved") from error


@contextlib.contextmanager
def _database_errors_of(path: Path) -> Iterator[None]:
    """Turn what keeps the database from being opened into a sentence about the data folder."""
    try:
        yield
    except DiskFull:
        raise DataFolderError(f"the disk of the data folder {path} is full") from None
    except lmdb.Error as error:
        raise DataFolderError(f"the database in {path} cannot be opened: {error}") from error
