"""A file of the network as a file object that is read only, and fetches what is read.

It is the file as it was when it was opened: one put in its place meanwhile makes no difference.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Self

from actors.downloading import Download, FileIndex
from nodes.file_ports import FilePorts
from nodes.transfers import Transfer, good

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class AsyncRemoteFile:
    """What AsyncClient.open gives; `async with` or `close` ends it."""

    def __init__(self, ports: FilePorts, index: FileIndex) -> None:
        self.name = index.name
        self.size_bytes = index.manifest.size_bytes
        self.sha256 = index.manifest.sha256
        self.type = index.manifest.content_type
        self.closed = False
        self._ports = ports
        self._index = index
        self._at = 0
        self._last: tuple[int, bytes] = (-1, b"")

    async def read(self, size: int | None = -1) -> bytes:
        """The next bytes, up to `size`, or all that follow. Empty at the end."""
        data = await self.read_at(self._at, size)
        self._at += len(data)
        return data

    async def read_at(self, offset: int, size: int | None = -1) -> bytes:
        """As `read`, from a place in the file. Raises GossamerError."""
        if self.closed:
            raise ValueError("the file was closed")
        end = self.size_bytes
        if size is not None and size >= 0:
            end = min(end, offset + size)
        if offset >= end:
            return b""
        if self._index.chunk_count == 0:
            return self._index.manifest.content[offset:end]
        full = self._index.manifest.chunk_bytes
        first, last = offset // full, (end - 1) // full
        pieces = await self._chunks(first, last + 1)
        data = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        return data[offset - first * full : end - first * full]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place, as io.IOBase.seek; where that is."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}.get(whence)
        if base is None:
            raise ValueError(f"whence is 0, 1 or 2, not {whence}")
        if base + offset < 0:
            raise ValueError("there is nothing before the beginning of a file")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    async def close(self) -> None:
        """Read no more."""
        self.closed = True
        self._last = (-1, b"")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _chunks(self, first: int, end: int) -> list[bytes]:
        """These chunks. The last one is kept, since who reads in small steps needs it again."""
        pieces: list[bytes] = []
        if first == self._last[0]:
            pieces.append(self._last[1])
            first += 1
        if first < end:
            async with self._ports.use() as calls:
                machine = Download(self._index, self._ports.timeout_ms, first, end)
                transfer = Transfer(machine, machine.answered, calls, self._ports.hashers)
                while machine.outcome is None:
                    transfer.send()
                    taken = [data for _, data in machine.take() if data is not None]
                    pieces += taken
                    if not taken and machine.outcome is None:
                        await transfer.news()
                good(machine.outcome)
        self._last = (end - 1, pieces[-1])
        return pieces


class RemoteFile(io.RawIOBase):
    """What Client.open has inside a BufferedReader; `wait` runs on the client's event loop."""

    def __init__(
        self, file: AsyncRemoteFile, wait: Callable[[Coroutine[Any, Any, bytes]], bytes]
    ) -> None:
        self._file = file
        self._wait = wait
        self.name = file.name

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer, as far as there is something to read."""
        view = memoryview(buffer).cast("B")
        data = self._wait(self._file.read(len(view)))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """All that follows, many chunks at once."""
        return self._wait(self._file.read())

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As io.IOBase.seek."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()
