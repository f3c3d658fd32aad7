"""The chunks of a node: a file each, in a folder for each partition. What `keep` has returned from
is synced, file and folder.

A chunk is written to a draft, synced, and only then given its name: under the name of a chunk there
is all of it or nothing. What a killed process has left is synced when the folder is opened, for
from then on it counts as kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from actors.chunk_store import StoreCounts
from actors.chunks import MAX_CHUNK_BYTES, is_chunk_id, is_list_id, partition_of_chunk
from actors.disk import DiskFull
from nodes.folder import errors_of, sync_folder
from nodes.journal import NO_ROOM

RESERVE_BYTES = 64 * 2**20
RESERVED_PART = 16
"""So much of the file system, or this part of it where that is less, is left to the database."""

SYNCED_TOGETHER = 32
"""So many files are open at once."""

DRAFTS = "drafts"
PARTITION = re.compile("[0-9a-f]{3}")

NO_FAULT_OF_THE_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""The process or the machine lacks something: a chunk that is not read for that is not spoilt."""


class ChunkFolder:
    """The file server's port to its chunks, in the folder `chunks` of the data folder `path`. One
    thread may open it and then one other use it; the lock of the data folder is held by others.

    `quota_bytes` bounds the bytes of all chunks. Raises DataFolderError where the folder cannot be
    used. What is in it but is not called as a chunk is left alone. The counts are made when it is
    opened, so they are wrong once somebody else has removed a chunk.
    """

    def __init__(self, path: Path, quota_bytes: int | None = None) -> None:
        self._path = path / "chunks"
        self._quota_bytes = quota_bytes
        self._sync_us = 0
        self._drafts = 0
        self._has_new_folder = False
        self._lists: set[str] = set()
        self._chunks = self._size_bytes = 0
        with errors_of(path), contextlib.ExitStack() as opened:
            for folder in (self._path, self._path / DRAFTS):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, self._fd)
            self._remove_drafts()
            self._count()
            os.fsync(self._fd)
            sync_folder(path)
            self._opened = opened.pop_all()

    def _remove_drafts(self) -> None:
        """Those of a process that was killed."""
        with os.scandir(self._path / DRAFTS) as entries:
            for entry in entries:
                if entry.name.isdecimal():
                    os.unlink(entry.path)

    def _count(self) -> None:
        """Look at all that there is, and sync the folders."""
        for partition in self.partitions():
            with self._folder_of(partition) as fd:
                os.fsync(fd)
                for entry in _chunks_in(fd, partition):
                    size_bytes = _size_of(entry.name, fd)
                    if size_bytes is not None:
                        self._add(entry.name, size_bytes)

    def read(self, id: str) -> bytes | None:
        """The bytes that are kept under this id, and no more than MAX_CHUNK_BYTES and one of them.

        None if there are none, or if they cannot be read: whatever error the disk gives for this
        file, EIO or another, it is as lost as if it were not there. Raises OSError only where the
        process has no memory or no file descriptors left.
        """
        if not is_chunk_id(id):
            return None
        try:
            # A pipe of that name would be waited for; a link leads out of the folder.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(self._file(id), flags)
            try:
                found = os.fstat(fd)
                if not stat.S_ISREG(found.st_mode):
                    return None
                return _read(fd, min(found.st_size, MAX_CHUNK_BYTES))
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno in NO_FAULT_OF_THE_FILE:
                raise
            return None

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it kept?"""
        return [self._size_of(id) is not None for id in ids]

    def keep(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Put all of these on the disk and sync them; what is there already is not written again.

        Raises DiskFull where none was kept for lack of room, ValueError where one is not called as
        a chunk. After any other error this process must not use the folder again: what a failed
        sync left behind is not known.
        """
        wanted = {id: data for id, data in chunks if self._size_of(id) is None}
        if bad := [id for id in wanted if not is_chunk_id(id)]:
            raise ValueError(f"{bad[0][:80]!r} is not the name of a chunk")
        if not wanted:
            return
        if sum(map(len, wanted.values())) > self.room_bytes():
            raise DiskFull("there is no room for more chunks")
        started_ns = time.perf_counter_ns()
        with contextlib.ExitStack() as undone:
            try:
                self._write(list(wanted.items()), undone)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                raise DiskFull("the disk has no room for the chunks") from error
            undone.pop_all()
        self._sync_folders(wanted)
        self._sync_us = (time.perf_counter_ns() - started_ns) // 1_000
        for id, data in wanted.items():
            self._add(id, len(data))

    def _write(self, chunks: Sequence[tuple[str, bytes]], undone: contextlib.ExitStack) -> None:
        """Up to their names; `undone` removes what was made."""
        drafts: list[tuple[str, str]] = []
        for start in range(0, len(chunks), SYNCED_TOGETHER):
            with contextlib.ExitStack() as opened:
                fds = []
                for id, data in chunks[start : start + SYNCED_TOGETHER]:
                    self._drafts += 1
                    draft = f"{self._path}/{DRAFTS}/{self._drafts}"
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                    fds.append(fd := os.open(draft, flags, 0o600))
                    opened.callback(os.close, fd)
                    undone.callback(_remove, draft)
                    drafts.append((draft, self._file(id)))
                    _write(fd, data)
                    # Linux begins to write it out now: it is done for the most part when it is
                    # synced, and eight chunks take a third less time.
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                for fd in fds:
                    os.fdatasync(fd)
                    # Now it leaves memory. What is uploaded is seldom read at once, and there it
                    # would push out pages of the database, which is mapped and needs them.
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for draft, file in drafts:
            self._make_folder(os.path.dirname(file))
            os.rename(draft, file)
            undone.callback(_remove, file)

    def _sync_folders(self, ids: Iterable[str]) -> None:
        if self._has_new_folder:
            os.fsync(self._fd)
            self._has_new_folder = False
        for folder in sorted({os.path.dirname(self._file(id)) for id in ids}):
            sync_folder(Path(folder))

    def drop(self, ids: Sequence[str]) -> None:
        """Forget these, as far as they are kept. A crash may bring them back."""
        for id in ids:
            size_bytes = self._size_of(id)
            if size_bytes is not None:
                os.unlink(self._file(id))
                self._chunks -= 1
                self._size_bytes -= size_bytes
                self._lists.discard(id)

    def partitions(self) -> list[int]:
        """The partitions that have a folder, in their order."""
        names = filter(PARTITION.fullmatch, os.listdir(self._fd))
        return sorted([int(name, 16) for name in names])

    def of_partition(self, partition: int) -> list[str]:
        """The ids of all that is kept in a partition, in their order."""
        try:
            with self._folder_of(partition) as fd:
                return sorted([entry.name for entry in _chunks_in(fd, partition)])
        except FileNotFoundError:
            return []

    def lists(self) -> list[str]:
        """The ids of all lists, in their order."""
        return sorted(self._lists)

    def counts(self) -> StoreCounts:
        """How much is kept."""
        return StoreCounts(self._chunks, self._size_bytes)

    def room_bytes(self) -> int:
        """How much more may be kept: by the quota, and by what the file system has left beyond its
        reserve."""
        found = os.fstatvfs(self._fd)
        reserve_bytes = min(RESERVE_BYTES, found.f_blocks * found.f_frsize // RESERVED_PART)
        room_bytes = found.f_bavail * found.f_frsize - reserve_bytes
        if self._quota_bytes is not None:
            room_bytes = min(room_bytes, self._quota_bytes - self._size_bytes)
        return max(0, room_bytes)

    def take_sync_us(self) -> int:
        """How long the last `keep` took to write and sync; 0 if it was taken already."""
        taken, self._sync_us = self._sync_us, 0
        return taken

    def close(self) -> None:
        """Close the folder."""
        self._opened.close()

    @contextlib.contextmanager
    def _folder_of(self, partition: int) -> Iterator[int]:
        fd = os.open(
            f"{partition:03x}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd
        )
        try:
            yield fd
        finally:
            os.close(fd)

    def _file(self, id: str) -> str:
        return f"{self._path}/{partition_of_chunk(id):03x}/{id}"

    def _size_of(self, id: str) -> int | None:
        """The bytes of what is kept; None where nothing is."""
        return _size_of(self._file(id)) if is_chunk_id(id) else None

    def _add(self, id: str, size_bytes: int) -> None:
        self._chunks += 1
        self._size_bytes += size_bytes
        if is_list_id(id):
            self._lists.add(id)

    def _make_folder(self, folder: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
            self._has_new_folder = True


def _chunks_in(fd: int, partition: int) -> Iterator[os.DirEntry[str]]:
    """The files in the folder of a partition that are where their names say."""
    with os.scandir(fd) as entries:
        for entry in entries:
            id = entry.name
            is_here = is_chunk_id(id) and partition_of_chunk(id) == partition
            if is_here and entry.is_file(follow_symlinks=False):
                yield entry


def _size_of(file: str, folder: int | None = None) -> int | None:
    """The bytes of a file; None where there is none, or the disk cannot tell."""
    try:
        found = os.stat(file, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in NO_FAULT_OF_THE_FILE:
            raise
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _read(fd: int, size_bytes: int) -> bytes:
    """What there is, if it is no more than so many bytes, and one more if there is."""
    parts, left = [], size_bytes + 1
    while left and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _remove(file: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(file)
