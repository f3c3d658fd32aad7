"""Downloads: chunks checked and hashed in threads, written in order, with constant memory.

To a path it is written to a hidden file first, which a second run goes on with; the name of the
target only ever leads to a whole file. To a file object it is written as it comes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from actors.downloading import Download, FileIndex, Opening
from actors.errors import GossamerError
from nodes.background import Background
from nodes.calls import Calls
from nodes.file_ports import FilePorts
from nodes.partial_file import PartialFile
from nodes.transfers import Progress, Transfer, good, run_to_end

WRITTEN_TOGETHER = 4
"""So many chunks are handed to the writer at once."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The file as it was fetched, and where it is now, if it has a path. Of its `chunks` those that
    were there already were not fetched. `time` is when the file was put into the network."""

    name: str
    size_bytes: int
    sha256: str
    type: str
    version: str
    path: Path | None
    fetched_chunks: int
    chunks: int
    time: datetime


class Writable(Protocol):
    """A binary file object that may be written to."""

    def write(self, data: bytes, /) -> int | None:
        """Some or all of it; how much."""

    def flush(self) -> object:
        """Hand it on."""


class _Sink(Protocol):
    """Where the file goes; used in one thread."""

    def open(self, size_bytes: int) -> None:
        """Before anything else."""

    def find(self, index: FileIndex) -> frozenset[int]:
        """The chunks that are there already."""

    def read(self, index: FileIndex, chunk: int) -> bytes:
        """One of those."""

    def write(self, data: bytes, offset: int) -> None:
        """In the order of the file."""

    def finish(self) -> None:
        """It is whole."""

    def discard(self) -> None:
        """It is not what it should be."""

    def close(self) -> None:
        """Whatever became of it."""


class _FileSink(PartialFile):
    """A path."""

    def find(self, index: FileIndex) -> frozenset[int]:
        """Those in the hidden file of an earlier run."""
        size_bytes, full = self.size_bytes, index.manifest.chunk_bytes
        return frozenset(
            chunk
            for chunk in range(index.chunk_count)
            if chunk * full < size_bytes and self.has(index, chunk) is not None
        )


class _StreamSink:
    """A file object, which is not closed."""

    def __init__(self, file: Writable) -> None:
        self._file = file

    def open(self, size_bytes: int) -> None:
        """It is open."""

    def find(self, index: FileIndex) -> frozenset[int]:
        """Nothing is there."""
        return frozenset()

    def read(self, index: FileIndex, chunk: int) -> bytes:
        """Never asked for."""
        raise AssertionError("a stream has no chunks to be read again")

    def write(self, data: bytes, offset: int) -> None:
        """One after another."""
        while data:
            written = self._file.write(data)
            if written is None:
                raise GossamerError("a file object that does not wait cannot be written to")
            data = data[written:]

    def finish(self) -> None:
        """All of it was handed on."""
        self._file.flush()

    def discard(self) -> None:
        """What was written is written."""

    def close(self) -> None:
        """It is its owner's."""


def target_of(name: str, to: str | os.PathLike[str] | None) -> Path:
    """The path that a download goes to: `to`, or within that if it is a folder, or else the current
    folder. The `name` has to be one that a file may have."""
    path = Path("." if to is None else to)
    return path / name if path.is_dir() else path


async def download(
    ports: FilePorts,
    name: str,
    to: Path | Writable,
    progress: Progress | None = None,
    mode: int = 0o666,
) -> Downloaded:
    """Fetch the file `name`; at a path it has this `mode`, less the umask. Raises OSError if it
    cannot be written, else GossamerError."""
    writer = ports.thread()
    sink: _Sink = _FileSink(to, mode) if isinstance(to, Path) else _StreamSink(to)
    try:
        async with ports.use() as calls:
            index = await open_index(name, calls, ports)
            await writer.run(sink.open, index.manifest.size_bytes)
            receiving = _Receiving(ports, calls, writer, sink, index, progress)
            fetched = await receiving.run()
    except (GossamerError, OSError):
        if isinstance(sink, _FileSink) and not writer.is_closed:
            # Whoever tries again at once finds it closed.
            await writer.run(sink.close)
        raise
    finally:
        writer.close(sink.close)
    manifest = index.manifest
    return Downloaded(
        name,
        manifest.size_bytes,
        manifest.sha256,
        manifest.content_type,
        manifest.version,
        to if isinstance(to, Path) else None,
        fetched,
        index.chunk_count,
        datetime.fromtimestamp(manifest.time_ms / 1_000, UTC),
    )


async def open_index(name: str, calls: Calls, ports: FilePorts) -> FileIndex:
    """What the file is made of. Raises FileMissing, and what else GossamerError may be."""
    opening = Opening(name, ports.timeout_ms)
    return await run_to_end(opening, Transfer(opening, opening.answered, calls, ports.hashers))


class _Receiving:
    """One download under way, of which the manifest is there."""

    def __init__(
        self,
        ports: FilePorts,
        calls: Calls,
        writer: Background,
        sink: _Sink,
        index: FileIndex,
        progress: Progress | None,
    ) -> None:
        self._ports = ports
        self._calls = calls
        self._writer = writer
        self._sink = sink
        self._index = index
        self._progress = progress
        self._whole = sha256()
        self._done_bytes = 0

    async def run(self) -> int:
        """To its end; how many chunks were fetched."""
        index, manifest = self._index, self._index.manifest
        self._tell(0)
        kept = await self._writer.run(self._sink.find, index)
        machine = Download(index, self._ports.timeout_ms, kept=kept)
        transfer = Transfer(machine, machine.answered, self._calls, self._ports.hashers)
        if manifest.content:
            self._tell(await self._writer.run(self._put, [(0, manifest.content)]))
        writing: asyncio.Future[int] | None = None
        while machine.outcome is None or writing is not None:
            transfer.send()
            if writing is None and (pieces := machine.take(WRITTEN_TOGETHER)):
                writing = self._writer.run(self._put, pieces)
            elif writing is not None and writing.done():
                self._tell(writing.result())
                writing = None
            else:
                await transfer.news(*([] if writing is None else [writing]))
        fetched = good(machine.outcome)
        if self._whole.hexdigest() != manifest.sha256:
            await self._writer.run(self._sink.discard)
            raise GossamerError(f"{index.name!r} is not what its SHA-256 says")
        await self._writer.run(self._sink.finish)
        return fetched

    def _put(self, pieces: Sequence[tuple[int, bytes | None]]) -> int:
        """Hash what comes next, and write what is not there yet; how many bytes that are. In the
        writer's thread."""
        total = 0
        for chunk, fetched in pieces:
            data = self._sink.read(self._index, chunk) if fetched is None else fetched
            self._whole.update(data)
            if fetched is not None:
                self._sink.write(data, chunk * self._index.manifest.chunk_bytes)
            total += len(data)
        return total

    def _tell(self, more_bytes: int) -> None:
        self._done_bytes += more_bytes
        if self._progress is not None:
            self._progress(self._done_bytes, self._index.manifest.size_bytes)
