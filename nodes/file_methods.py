"""What a client can do with files: the methods of AsyncClient and of Client for them.

A file is given to any node and asked of any node. One that is put in the place of another takes it
at once, and whoever reads the other reads on.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from actors.chunks import CHUNK_BYTES
from actors.errors import error_for
from actors.messages import FileRemoved, FilesListed, ListFiles, RemoveFile
from actors.names import fault_of_name
from actors.uploading import Uploaded
from nodes.downloads import Downloaded, Writable, download, open_index, target_of
from nodes.file_ports import FilePorts
from nodes.remote_files import AsyncRemoteFile, RemoteFile
from nodes.transfers import Progress
from nodes.uploads import upload
from nodes.values import check_text

PAGE_FILES = 1_000

T = TypeVar("T")
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the network: its type as it was judged when it was put there, and when that was."""

    name: str
    size_bytes: int
    type: str
    time: datetime
    sha256: str


class AsyncFileMethods:
    """For AsyncClient. `timeout` is, for files, the time without progress; `progress` is called on
    the event loop with the bytes that are done and how many there are, None if nobody knows."""

    file_ports: FilePorts
    """The connections and threads of its transfers."""

    async def upload(
        self,
        file: AnyPath | BinaryIO,
        name: str | None = None,
        progress: Progress | None = None,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> Uploaded:
        """Put a file there, in place of any of that name: what is at a path, or what a binary file
        object has from where it is. It is called as there, unless a `name` is given. What others
        have sent already is not sent again. Raises OSError if it cannot be read, and ValueError
        for one without a name and for chunks of more than 2 MiB."""
        chosen = _checked_name(_name_of(file) if name is None else name)
        return await upload(self.file_ports, file, chosen, progress, chunk_bytes)

    async def download(
        self, name: str, to: AnyPath | Writable | None = None, progress: Progress | None = None
    ) -> Downloaded:
        """Fetch a file to a path, into a folder, or into a binary file object; by default into the
        current folder. At a path it appears when it is whole, in place of any other; where that
        was interrupted the next call goes on. Raises FileMissing, and OSError if it cannot be
        written."""
        _checked_name(name)
        if to is None or isinstance(to, (str, os.PathLike)):
            return await download(self.file_ports, name, target_of(name, to), progress)
        return await download(self.file_ports, name, to, progress)

    async def open(self, name: str) -> AsyncRemoteFile:
        """A file object that fetches what is read. Raises FileMissing."""
        _checked_name(name)
        async with self.file_ports.use() as calls:
            index = await open_index(name, calls, self.file_ports)
        return AsyncRemoteFile(self.file_ports, index)

    async def files(self, prefix: str = "") -> AsyncIterator[FileEntry]:
        """The files whose names begin with `prefix`, in the order of their UTF-8."""
        cursor: str | None = ""
        while cursor is not None:
            entries, cursor = await self.files_page(prefix, cursor)
            for entry in entries:
                yield entry

    async def files_page(
        self, prefix: str = "", cursor: str = "", *, limit: int = PAGE_FILES
    ) -> tuple[tuple[FileEntry, ...], str | None]:
        """Some of what `files` gives, `limit` at most, and the cursor for the next ones, or None if
        these are the last. The first page has the cursor ""."""
        request = ListFiles(check_text(prefix), cursor, limit, self.file_ports.timeout_ms)
        async with self.file_ports.use() as calls:
            listed = await calls.request(request, FilesListed)
        columns = (listed.names, listed.sizes, listed.types, listed.times_ms, listed.sha256s)
        entries = [
            FileEntry(name, size_bytes, kind, datetime.fromtimestamp(time_ms / 1_000, UTC), digest)
            for name, size_bytes, kind, time_ms, digest in zip(*columns, strict=True)
        ]
        return tuple(entries), listed.cursor or None

    async def remove(self, name: str) -> None:
        """Let there be no file of that name, if there is one."""
        request = RemoveFile(_checked_name(name), self.file_ports.timeout_ms)
        async with self.file_ports.use() as calls:
            await calls.request(request, FileRemoved)


class FileMethods(ABC):
    """For Client. File objects and `progress` are used in other threads than the caller's."""

    _client: AsyncFileMethods

    @abstractmethod
    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for what the AsyncClient inside does."""

    def upload(
        self,
        file: AnyPath | BinaryIO,
        name: str | None = None,
        progress: Progress | None = None,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> Uploaded:
        """As AsyncClient.upload."""
        return self._wait(self._client.upload(file, name, progress, chunk_bytes=chunk_bytes))

    def download(
        self, name: str, to: AnyPath | Writable | None = None, progress: Progress | None = None
    ) -> Downloaded:
        """As AsyncClient.download."""
        return self._wait(self._client.download(name, to, progress))

    def open(self, name: str) -> BufferedReader:
        """As AsyncClient.open: a seekable binary file object."""
        return BufferedReader(RemoteFile(self._wait(self._client.open(name)), self._wait))

    def files(self, prefix: str = "") -> Iterator[FileEntry]:
        """As AsyncClient.files, an iterator that fetches page after page."""
        cursor: str | None = ""
        while cursor is not None:
            entries, cursor = self._wait(self._client.files_page(prefix, cursor))
            yield from entries

    def remove(self, name: str) -> None:
        """As AsyncClient.remove."""
        self._wait(self._client.remove(name))


def _name_of(file: AnyPath | BinaryIO) -> str:
    """What a file is called where it is. Raises ValueError for a file object without a name, and
    OSError for a path without one: "." and "/" are folders, and "" is nothing."""
    is_path = isinstance(file, (str, os.PathLike))
    path = file if is_path else getattr(file, "name", None)
    name = Path(path).name if isinstance(path, (str, os.PathLike)) else ""
    if is_path and not name:
        number = errno.EISDIR if path else errno.ENOENT
        raise OSError(number, os.strerror(number), path)
    if not name:
        raise ValueError("a file object without a name needs one: give name=")
    return name


def _checked_name(name: str) -> str:
    """The name, if a file may be called so. Raises Refused. So a name is never more than the last
    part of a path, whoever has chosen it."""
    if fault := fault_of_name(check_text(name)):
        raise error_for("bad_name", fault)
    return name
