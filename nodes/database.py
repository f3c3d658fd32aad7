"""The LMDB database of a data folder, with a journal. What `write` has returned from is synced.

LMDB syncs twice for a commit, and writes a page or two for every key that is far from the others.
So there is one transaction for many writes, and each of them is in the journal before it counts;
when the journal is full the transaction is committed, and both begin again. All is read in that
transaction, which has what it has written. After a crash the journal is read and done again, and so
it is after whatever makes the transaction be given up.

Room is reserved before it is used: LMDB's map never reaches beyond what is allocated to its file.
So a full disk shows where room is reserved, while nothing is written yet, and an error of a commit
is a broken disk, after which nothing is written, read or acknowledged any more. A commit itself
needs some pages too, to list those that are free then; what is in the journal must not fail for
them, so some room is spared for that. Once it had to be used every write is committed at once,
until there is more.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import lmdb

from actors.disk import DiskFull
from nodes.folder import REMEDY, DataFolder, DataFolderError, errors_of, sync_folder
from nodes.journal import NO_ROOM, Journal

MIN_STEP_BYTES = 2**20
FIRST_STEP_BYTES = 16 * 2**20
MAX_STEP_BYTES = 256 * 2**20
"""The database's file grows by a quarter of its size within these two, and by less, down to
MIN_STEP_BYTES, where the disk has not that much left."""

JOURNAL_BYTES = 8 * 2**20
"""The larger it is, the more writes share a page that is written in the end; but until then those
pages are in memory, 200 MB of them where each of many writes is far from the others."""

MAX_ENTRY_BYTES = 2**18
"""What is more than that is committed at once: to write it twice would cost more than it saves."""

SPARE_BYTES = MIN_STEP_BYTES
"""What a commit takes itself is 8 bytes for each page that is freed by what is in the journal."""

MAX_TABLES = 16
JOURNALED = b"journaled"
"""Where the database notes the number of the last journal entry that it holds."""

if TYPE_CHECKING:
    # The class cannot be subscripted where it runs.
    Transaction = lmdb.Transaction[memoryview]
    Apply = Callable[[Transaction], None]


class Database:
    """One thread may open it and then one other use it. `sync_us` is how long the last write took
    to be synced.

    `quota_bytes` bounds the size of the database's file; it is at least 2 MiB. `prepare` makes
    the tables, and `redo` is what to do for a journal entry. Raises DataFolderError where the
    folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        quota_bytes: int | None,
        prepare: Callable[[lmdb.Environment], None],
        redo: Callable[[Transaction, bytes], None],
    ) -> None:
        self._quota_bytes = quota_bytes
        self._redo = redo
        self._txn: Transaction | None = None
        self.sync_us = 0
        with contextlib.ExitStack() as opened:
            opened.callback(DataFolder(folder).close)
            with errors_of(folder), database_errors_of(folder):
                self._open(folder / "db", opened)
                prepare(self._env)
                self._own = self._env.open_db(b"journal")
                with self._env.begin() as txn:
                    self._journal.find(int(txn.get(JOURNALED, b"0", self._own)))
            self._opened = opened.pop_all()

    def _open(self, path: Path, opened: contextlib.ExitStack) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        is_new = not (path / "data.mdb").exists()
        if is_new and (path.parent / "log.jsonl").exists():
            # The log is begun once there is a database.
            raise DataFolderError(f"{path / 'data.mdb'}, the database, is missing. {REMEDY}")
        self._journal = Journal(path / "journal", JOURNAL_BYTES, is_new=is_new)
        opened.callback(self._journal.close)
        # Without LMDB's lock, which lies in a file: the folder has a lock, and one thread uses it.
        self._env = lmdb.open(
            str(path),
            map_size=MIN_STEP_BYTES,
            max_dbs=MAX_TABLES,
            max_spare_txns=2,
            mode=0o600,
            lock=False,
        )
        opened.callback(self._env.close)
        opened.callback(self._give_up)
        self._file = os.open(path / "data.mdb", os.O_RDWR | os.O_CLOEXEC)
        opened.callback(os.close, self._file)
        sync_folder(path)
        sync_folder(path.parent)
        self._size_bytes = os.fstat(self._file).st_size
        used_bytes = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        if self._size_bytes < used_bytes:
            raise DataFolderError(f"{path / 'data.mdb'} is cut short. {REMEDY}")
        self._is_tight = used_bytes > self._size_bytes - SPARE_BYTES
        if self._size_bytes < MIN_STEP_BYTES + SPARE_BYTES:
            self._reserve(FIRST_STEP_BYTES, MIN_STEP_BYTES + SPARE_BYTES)
        self._map()

    @property
    def txn(self) -> Transaction:
        """All that was written, to read from until the next `write`."""
        while self._txn is None:
            self._txn = txn = self._env.begin(write=True, buffers=True)
            try:
                for body in self._journal.bodies():
                    self._redo(txn, body)
            except lmdb.MapFullError:
                self._give_up()
                self._reserve(JOURNAL_BYTES)
        return self._txn

    def write(self, apply: Apply, body: bytes, *, at_once: bool = False) -> None:
        """Do what `apply` does, which `redo` does too, given the body. With `at_once` the database
        is put on the disk. `apply` may be called several times.

        Raises DiskFull where nothing was applied for lack of room. After any other error the
        database cannot be used again: what a failed sync left behind is not known, and to try it
        again would seem to succeed.
        """
        is_small = len(body) <= MAX_ENTRY_BYTES and self._journal.has_room(body)
        try:
            if is_small and not at_once and self._is_roomy():
                self._apply(apply, len(body))
                started_ns = time.perf_counter_ns()
                self._journal.append(body)
                self.sync_us = (time.perf_counter_ns() - started_ns) // 1_000
            else:
                self._commit(apply, len(body))
        except DiskFull:
            self._give_up()
            raise
        except BaseException:
            self._give_up()
            self._env.close()
            raise

    def close(self) -> None:
        """Close the database and give the folder back."""
        self._opened.close()

    def _apply(self, apply: Apply, size_bytes: int) -> None:
        number = b"%d" % (self._journal.last + 1)
        while True:
            txn = self.txn
            try:
                apply(txn)
                txn.put(JOURNALED, number, db=self._own)
                return
            except lmdb.MapFullError:
                self._give_up()
                self._reserve(2 * size_bytes)

    def _commit(self, apply: Apply, size_bytes: int) -> None:
        """Put all that was done, and this, on the disk; the journal is not needed for it then."""
        is_done = False
        while not is_done:
            self._apply(apply, size_bytes)
            txn, self._txn = self.txn, None
            started_ns = time.perf_counter_ns()
            try:
                txn.commit()
                is_done = True
            except lmdb.MapFullError:
                self._take_spare_room()
            except lmdb.Error as error:
                self._refuse_if_full(error)
                raise
        self.sync_us = (time.perf_counter_ns() - started_ns) // 1_000
        self._journal.begin_again(self._journal.last + 1)

    def _is_roomy(self) -> bool:
        """Is there room to be spared? If not, nothing is in the journal only."""
        if self._is_tight:
            self._give_up()
            with contextlib.suppress(DiskFull):
                self._reserve(SPARE_BYTES)
        return not self._is_tight

    def _take_spare_room(self) -> None:
        """For a commit. Raises DiskFull where there is none left."""
        try:
            self._reserve(SPARE_BYTES)
        except DiskFull:
            if self._is_tight:
                raise
            self._is_tight = True
            self._map()

    def _give_up(self) -> None:
        """End the transaction; another does again what is in the journal."""
        txn, self._txn = self._txn, None
        if txn is not None:
            txn.abort()

    def _map(self) -> None:
        self._env.set_mapsize(self._size_bytes - (0 if self._is_tight else SPARE_BYTES))

    def _reserve(self, wanted_bytes: int, least_bytes: int = MIN_STEP_BYTES) -> None:
        """Allocate more to the file and map it. Raises DiskFull."""
        step = max(wanted_bytes, min(max(self._size_bytes // 4, FIRST_STEP_BYTES), MAX_STEP_BYTES))
        while step >= least_bytes:
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
                    self._is_tight = False
                    self._map()
                    return
            step //= 2
        raise DiskFull(f"the disk has no room beyond the database's {self._size_bytes:,} bytes")

    def _refuse_if_full(self, error: lmdb.Error) -> None:
        """Raise DiskFull for the error of a commit that is known to have applied nothing.

        Some file systems, ZFS and NFS among them, do not keep what they were asked to reserve.
        Where one has no room for the pages, the commit is undone; if it was the last step of the
        commit that failed, the outcome is not known, and LMDB opens no transaction any more.
        """
        if error.code in NO_ROOM:
            with self._env.begin():
                raise DiskFull("the disk has no room for what it had reserved") from error


@contextlib.contextmanager
def database_errors_of(path: Path) -> Iterator[None]:
    """Turn what keeps the database from being opened into a sentence about the data folder."""
    try:
        yield
    except DiskFull:
        raise DataFolderError(f"the disk of the data folder {path} is full") from None
    except lmdb.Error as error:
        reason = f"the database in {path} cannot be opened: {error}. {REMEDY}"
        raise DataFolderError(reason) from error
