"""The journal of a database: what was done since the database was last put on the disk.

It is a file of one size, and is written from its beginning again each time that the database was.
To write a little at the end of a file that has its blocks already is the cheapest thing that can be
synced: a tenth of what a database's pages cost, which lie here and there. Entries are numbered, one
after the other through all rounds, so what an earlier round left in the file is not taken for this
one's. Behind each stand zeros, until the next takes their place; a head lies within a sector, which
is written whole or not at all. So where there is neither a head nor zeros, something was destroyed.
"""

from __future__ import annotations

import errno
import os
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn
from zlib import crc32

from actors.disk import DiskFull
from nodes.folder import REMEDY, DataFolderError, sync_folder

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

HEAD = struct.Struct(">QIII")
"""An entry's number, the bytes of its body, their CRC-32, and that of the three before it."""

HEAD_CRC_AT = HEAD.size - 4
ALIGNED_BYTES = 32
END = bytes(ALIGNED_BYTES)


class Entry(NamedTuple):
    """A number, and what was noted under it: None where that is no longer whole."""

    number: int
    body: bytes | None
    end: int


class Journal:
    """The file at `path`, of `size_bytes`; with `is_new` it is made. `last` is the number of the
    last entry, in the database or in the file.

    Raises DataFolderError where the file is missing or too short, DiskFull where there is no room
    to make it, and else OSError.
    """

    def __init__(self, path: Path, size_bytes: int, *, is_new: bool) -> None:
        self._path = path
        self._size_bytes = self._used_bytes = size_bytes
        self.last = 0
        self._end = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._fill(is_new)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def find(self, last: int) -> None:
        """Look for the entries that follow the number `last`, which the database holds.

        Raises DataFolderError where some are missing that once were there.
        """
        self.last, self._end = last, 0
        while not self._is_over(self._end):
            entry = self._entry(self._end)
            if entry is None:
                self._refuse(f"what follows entry {self.last} is damaged")
            if self._end == 0 and entry.number <= self.last:
                return  # of the round before
            if entry.number != self.last + 1:
                self._refuse(f"entry {entry.number} follows {self.last} in it")
            if entry.body is None:
                # The last one may have been cut short. None is written before the one before it
                # was synced, so where another follows, this one was whole once.
                after = self._entry(entry.end)
                if after and after.number == entry.number + 1:
                    self._refuse(f"entry {entry.number} is damaged")
                return
            self.last, self._end = entry.number, entry.end

    def bodies(self) -> Iterator[bytes]:
        """What was noted since the database was last put on the disk, in that order."""
        at = 0
        while at < self._end:
            entry = self._entry(at)
            if entry is None or entry.body is None:
                raise OSError(errno.EIO, "the journal has changed under the node")
            yield entry.body
            at = entry.end

    def has_room(self, body: bytes) -> bool:
        """Is there room for this entry?"""
        return self._end + _aligned(HEAD.size + len(body)) + len(END) <= self._used_bytes

    def append(self, body: bytes) -> None:
        """Note this, and sync it. Raises DiskFull where that was not done for lack of room; after
        any other OSError it is not known."""
        number = self.last + 1
        head = HEAD.pack(number, len(body), crc32(body), 0)[:HEAD_CRC_AT]
        size_bytes = _aligned(HEAD.size + len(body))
        padding = bytes(size_bytes - HEAD.size - len(body))
        entry = b"".join((head, crc32(head).to_bytes(4, "big"), body, padding, END))
        self._write(entry, self._end)
        os.fdatasync(self._fd)
        self.last, self._end = number, self._end + size_bytes

    def begin_again(self, last: int) -> None:
        """The database is on the disk up to the number `last`.

        How much of the file is used until the next time is left to chance: copies of the same data
        would else be put on their disks at the same time, and a quorum would wait for that."""
        self.last, self._end = last, 0
        half = self._size_bytes // 2
        self._used_bytes = self._size_bytes - secrets.randbelow(half)

    def _fill(self, is_new: bool) -> None:
        if is_new:
            # With zeros: where room is only reserved, each write changes the file's metadata, and
            # costs two syncs.
            self._write(bytes(self._size_bytes), 0)
            os.fsync(self._fd)
            sync_folder(self._path.parent)
        elif os.fstat(self._fd).st_size < self._size_bytes:
            self._refuse("a part of it is missing")

    def _write(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._fd, view, at)
                view, at = view[written:], at + written
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise DiskFull("the disk has no room for the journal") from error

    def _is_over(self, at: int) -> bool:
        """Has nothing been written there in this round, nor in one before?"""
        return os.pread(self._fd, ALIGNED_BYTES, at) in (b"", END)

    def _entry(self, at: int) -> Entry | None:
        head = os.pread(self._fd, HEAD.size, at)
        if len(head) < HEAD.size:
            return None
        number, size_bytes, crc, head_crc = HEAD.unpack(head)
        if not number or crc32(head[:HEAD_CRC_AT]) != head_crc:
            return None
        body = os.pread(self._fd, size_bytes, at + HEAD.size)
        end = at + _aligned(HEAD.size + size_bytes)
        return Entry(number, body if crc32(body) == crc else None, end)

    def _refuse(self, why: str) -> NoReturn:
        """What was acknowledged may be lost: the node must not begin without it."""
        raise DataFolderError(f"the journal {self._path} cannot be used: {why}. {REMEDY}")


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNED_BYTES) * ALIGNED_BYTES
