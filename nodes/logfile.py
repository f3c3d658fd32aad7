"""A file of lines that cannot fill the disk: at its limit it becomes `.1`, the older ones move up.

Written without a buffer, so that a line is either there or its loss is known: the rotating handler
of the standard library keeps what it could not write, and stays closed when that happens during a
rotation.
"""

from __future__ import annotations

import os
from pathlib import Path

LIMIT_BYTES = 64 * 1024 * 1024
KEPT = 3


class LogFile:
    """Appends whole lines to `path`; opens it with the first. Not for several threads at once."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._kept = kept
        self._fd: int | None = None
        self._size_bytes = 0
        self._torn = False
        self._closed = False

    def write(self, line: bytes) -> None:
        """Append `line`, which ends with a newline. Raises OSError when it is not, or not wholly,
        in the file; what is there of it is ended before the next line."""
        fd = self._opened()
        if self._size_bytes and self._size_bytes + len(line) > self._limit_bytes:
            self._rotate()
            fd = self._opened()
        left = memoryview(b"\n" + line if self._torn else line)
        while left:
            written = os.write(fd, left)
            self._size_bytes += written
            self._torn = True
            left = left[written:]
        self._torn = False

    def close(self) -> None:
        """Close the file for good; a later `write` raises OSError. May be called twice."""
        self._closed = True
        self._release()

    def _opened(self) -> int:
        if self._closed:
            raise OSError("the log is closed")
        if self._fd is None:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o640)
            self._size_bytes = os.fstat(self._fd).st_size
            last = os.pread(self._fd, 1, self._size_bytes - 1) if self._size_bytes else b"\n"
            self._torn = last != b"\n"
        return self._fd

    def _rotate(self) -> None:
        self._release()
        for age in range(self._kept, 0, -1):
            younger = self._aged(age - 1)
            if younger.exists():
                os.replace(younger, self._aged(age))

    def _aged(self, age: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{age}") if age else self._path

    def _release(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)
