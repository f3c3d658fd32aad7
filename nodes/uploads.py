"""Uploads: one pass over a file or stream with constant memory, read and hashed in threads."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from typing import BinaryIO, cast

from actors.chunks import CHUNK_BYTES, MAX_CHUNK_BYTES
from actors.uploading import Upload, Uploaded
from nodes.background import Background
from nodes.file_ports import FilePorts
from nodes.transfers import Progress, Transfer, digest_of, good


class Source:
    """What is uploaded, read in a thread. `size_bytes` is None if it is not known before."""

    def __init__(self, file: BinaryIO, chunk_bytes: int, *, owned: bool) -> None:
        self._file = file
        self._chunk_bytes = chunk_bytes
        self._owned = owned
        self._whole = sha256()
        self._start = 0
        self.can_be_read_again = False
        # Some know it although they can be read only once.
        self.size_bytes: int | None = getattr(file, "size_bytes", None)

    def measure(self) -> None:
        """Find out whether it can be read again, and how large it is."""
        seekable = getattr(self._file, "seekable", None)
        if seekable is not None and seekable():
            self._start = self._file.tell()
            self.size_bytes = max(0, self._file.seek(0, os.SEEK_END) - self._start)
            self._file.seek(self._start)
            self.can_be_read_again = True

    def next(self) -> tuple[bytes, str]:
        """The next chunk and its digest; the last one is shorter, if need be empty."""
        data = self._read()
        self._whole.update(data)
        return data, digest_of(data)

    def sha256(self) -> str:
        """Of all that `next` has given, in hex."""
        return self._whole.hexdigest()

    def at(self, index: int) -> tuple[bytes, str]:
        """A chunk once more, and its digest; it goes on afterwards where it was."""
        here = self._file.tell()
        self._file.seek(self._start + index * self._chunk_bytes)
        data = self._read()
        self._file.seek(here)
        return data, digest_of(data)

    def close(self) -> None:
        """Close it, if it was opened here."""
        if self._owned:
            self._file.close()

    def _read(self) -> bytes:
        parts: list[bytes] = []
        missing = self._chunk_bytes
        while missing and (part := self._file.read(missing)):
            if not isinstance(part, bytes):
                raise TypeError(f"a file is read as bytes, not as {type(part).__name__}")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def check_chunk_bytes(chunk_bytes: int) -> int:
    """The size, if chunks may have it. Raises ValueError."""
    if 1 <= chunk_bytes <= MAX_CHUNK_BYTES:
        return chunk_bytes
    raise ValueError(f"a chunk has 1 to {MAX_CHUNK_BYTES:,} bytes, not {chunk_bytes:,}")


async def upload(
    ports: FilePorts,
    file: str | os.PathLike[str] | BinaryIO,
    name: str,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Uploaded:
    """Upload a path, or what is read of a file object from where it is. Raises OSError if it
    cannot be read, else GossamerError."""
    check_chunk_bytes(chunk_bytes)
    reader = ports.thread()
    source: Source | None = None
    try:
        if isinstance(file, (str, os.PathLike)):
            opened = await reader.run(_open, file)
            source = Source(opened, chunk_bytes, owned=True)
        else:
            source = Source(file, chunk_bytes, owned=False)
        await reader.run(source.measure)
        return await _Sending(ports, reader, source, name, progress, chunk_bytes).run()
    finally:
        reader.close(None if source is None else source.close)


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    # Without a buffer: a chunk is read with one call.
    return cast(BinaryIO, open(path, "rb", buffering=0))


class _Sending:
    """One upload under way."""

    def __init__(
        self,
        ports: FilePorts,
        reader: Background,
        source: Source,
        name: str,
        progress: Progress | None,
        chunk_bytes: int,
    ) -> None:
        self._ports = ports
        self._reader = reader
        self._source = source
        self._progress = progress
        self._chunk_bytes = chunk_bytes
        size_bytes = source.size_bytes
        self._upload = Upload(
            name,
            size_bytes,
            ports.timeout_ms,
            chunk_bytes,
            can_be_read_again=source.can_be_read_again,
        )
        self._told_bytes = -1

    async def run(self) -> Uploaded:
        """To its end."""
        async with self._ports.use() as calls:
            transfer = Transfer(self._upload, self._upload.answered, calls, self._ports.hashers)
            next_chunk: asyncio.Future[tuple[bytes, str]] | None
            next_chunk = self._reader.run(self._source.next)
            while self._upload.outcome is None:
                if (index := self._upload.wanted) is not None:
                    self._upload.again(*await self._reader.run(self._source.at, index))
                    continue
                if next_chunk is not None and next_chunk.done() and self._upload.room:
                    next_chunk = self._take_in(next_chunk)
                    continue
                transfer.send()
                self._tell()
                if self._upload.outcome is None:
                    await transfer.news(*self._waited_for(next_chunk))
            self._tell()
            return good(self._upload.outcome)

    def _take_in(
        self, read: asyncio.Future[tuple[bytes, str]]
    ) -> asyncio.Future[tuple[bytes, str]] | None:
        """Hand in what was read, while the next chunk is being read, if there is one."""
        data, id = read.result()
        is_last = len(data) < self._chunk_bytes
        following = None if is_last else self._reader.run(self._source.next)
        if data:
            self._upload.chunk(data, id)
        if is_last:
            self._upload.end(self._source.sha256())
        return following

    def _waited_for(
        self, read: asyncio.Future[tuple[bytes, str]] | None
    ) -> list[asyncio.Future[tuple[bytes, str]]]:
        return [read] if read is not None and self._upload.room else []

    def _tell(self) -> None:
        done_bytes = self._upload.done_bytes
        if self._progress is not None and done_bytes > self._told_bytes:
            self._told_bytes = done_bytes
            self._progress(done_bytes, self._source.size_bytes)
