"""A file that is being downloaded: hidden beside its target until it is whole, then in its place.

What is there from an earlier run is used again. It never follows a symbolic link, nor writes to
what somebody else may have put there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from hashlib import sha256
from pathlib import Path

from actors.downloading import FileIndex
from actors.errors import GossamerError


class PartialFile:
    """Opened with `open`, written with `write`, then `finish`ed or, as it is, `close`d. One thread
    uses it. Raises OSError where the file system does."""

    def __init__(self, target: Path, mode: int = 0o666) -> None:
        self.target = target
        self._mode = mode
        self.path = target.parent / partial_name(target.name)
        self._fd = -1

    def open(self, size_bytes: int) -> None:
        """Make it, or open what an earlier run has left. Raises GossamerError if another one is
        writing it now, or if it is not such a file."""
        if self.target.exists() and not self.target.is_file():
            raise GossamerError(f"{self.target} is not a file that could be replaced")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._fd = os.open(self.path, flags | os.O_EXCL, self._mode)
        except FileExistsError:
            self._fd = os.open(self.path, flags & ~os.O_CREAT)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            raise GossamerError(
                f"{self.path} is not what a download of your own has left: remove it"
            )
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GossamerError(f"{self.target} is being downloaded already") from None
        if os.stat(self.path, follow_symlinks=False).st_ino != found.st_ino:
            # Its writer has just finished: what was opened is the target now.
            raise GossamerError(f"{self.target} has been downloaded this moment")
        if found.st_size > size_bytes:
            os.ftruncate(self._fd, size_bytes)

    def has(self, index: FileIndex, chunk: int) -> bytes | None:
        """The chunk, if it is there and right."""
        data = self.read(index, chunk)
        return data if sha256(data).hexdigest() == index.chunk(chunk) else None

    def read(self, index: FileIndex, chunk: int) -> bytes:
        """What is there in its place."""
        return os.pread(self._fd, index.chunk_bytes(chunk), chunk * index.manifest.chunk_bytes)

    @property
    def size_bytes(self) -> int:
        """How large it is so far."""
        return os.fstat(self._fd).st_size

    def write(self, data: bytes, offset: int) -> None:
        """Write all of it there."""
        view, at = memoryview(data), offset
        while view:
            written = os.pwrite(self._fd, view, at)
            view, at = view[written:], at + written
        # Linux begins to put it on the disk now, rather than when all of it is there.
        os.posix_fadvise(self._fd, offset, len(data), os.POSIX_FADV_DONTNEED)

    def finish(self) -> None:
        """It is whole: sync it, and let it take the place of the target."""
        os.fsync(self._fd)
        os.rename(self.path, self.target)
        folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """It is of no use to anybody: remove it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def close(self) -> None:
        """Leave it as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def partial_name(name: str) -> str:
    """How the hidden file beside a target of this name is called: the same in every run, and never
    too long."""
    return f".gossamer-{sha256(os.fsencode(name)).hexdigest()[:16]}.part"
