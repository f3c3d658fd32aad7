"""A data folder belongs to one process at a time, and only to versions that know its format.

Whatever keeps a folder from being used is said in one sentence, a DataFolderError.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from actors.errors import GossamerError

FORMAT = "gossamer data 1"
REMEDY = (
    "If it cannot be repaired, start the node with an empty folder: it gets its data from others"
)


class DataFolderError(GossamerError):
    """The data folder cannot be used; the sentence says which folder, and why."""


class DataFolder:
    """A folder that this process has locked. It is made if it is missing, and its parents too.

    Raises DataFolderError where it is in use, is of another format, or cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with errors_of(path):
            if path.exists() and not path.is_dir():
                raise DataFolderError(f"{path} is no folder, so it cannot be the data folder")
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with errors_of(path):
                self._lock()
                self._check_format()
                # So that the folder itself outlives a loss of power. Parents that were made for
                # it are the business of whoever names so deep a path.
                sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._lock_fd)

    def _lock(self) -> None:
        # Unlike a lock by fcntl, this one is also refused to a second use in the same process.
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._lock_fd, 20, 0).decode().strip()
            holder = f"process {pid}" if pid else "another process"
            raise DataFolderError(f"the data folder {self.path} is in use by {holder}") from None
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)

    def _check_format(self) -> None:
        file = self.path / "format"
        if file.exists():
            found = file.read_text(errors="replace").strip()
        elif (self.path / "db").exists():
            found = "unknown"
        else:
            write_synced(file, f"{FORMAT}\n")
            return
        if found != FORMAT:
            raise DataFolderError(
                f"the data folder {self.path} has the format {found[:80]!r}; "
                f"this version of Gossamer reads {FORMAT!r} only"
            )


@contextlib.contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn the system's errors into a sentence about the data folder `path`."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(f"the data folder {path} cannot be used: {error.strerror}") from error


def write_synced(file: Path, text: str) -> None:
    """Write a file that is either not there or complete, also after a loss of power."""
    draft = file.with_name(f"{file.name}.new")
    with draft.open("w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    draft.rename(file)
    sync_folder(file.parent)


def sync_folder(path: Path) -> None:
    """Put on the disk which files a folder has."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
