"""Between a client and the file server of the node that it asks, over that node's file port.

A client cuts the file, names the chunks and sends those that are missing; the node places them, and
keeps the manifest last. Of a download it is the other way round. Whatever is sent here may be sent
again, and to another node, but for PutFile and RemoveFile, which are writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.messages.base import Message


@dataclass(frozen=True, slots=True)
class CheckFile(Message):
    """Would a file of this name and size, which begins with `head`, be admitted?"""

    name: str
    size_bytes: int
    head: bytes
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class FileChecked(Message):
    """It would, and would be of this type. (A header has a `type` of its own.)"""

    content_type: str


@dataclass(frozen=True, slots=True)
class HoldChunks(Message):
    """Which of these are kept on enough disks already? Those are not collected for a while. Let
    those be `checked` that need not be sent again: they are read, and rotten ones are not kept."""

    chunks: tuple[str, ...]
    timeout_ms: int
    checked: bool = False


@dataclass(frozen=True, slots=True)
class ChunksHeld(Message):
    """Of each whether it is."""

    held: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class PutChunk(Message):
    """Keep this chunk, or list of chunks."""

    chunk: str
    data: bytes
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class ChunkPut(Message):
    """It is on enough disks."""


@dataclass(frozen=True, slots=True)
class PutFile(Message):
    """All chunks are there: let this be the file of that name, in place of any that was. The fields
    are those of a manifest."""

    name: str
    size_bytes: int
    sha256: str
    chunk_bytes: int
    is_nested: bool
    chunks: tuple[str, ...]
    content: bytes
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class FilePut(Message):
    """It is, as this version, and is taken to be of this type."""

    version: str
    content_type: str


@dataclass(frozen=True, slots=True)
class ChunksMissing(Message):
    """The file is not there: these of its chunks are not on enough disks."""

    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetFile(Message):
    """The manifest of the file of that name."""

    name: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class FileGot(Message):
    """As it is kept, with its version."""

    size_bytes: int
    sha256: str
    content_type: str
    time_ms: int
    chunk_bytes: int
    is_nested: bool
    chunks: tuple[str, ...]
    content: bytes
    version: str


@dataclass(frozen=True, slots=True)
class GetChunk(Message):
    """The bytes of a chunk, or of a list. One request is the credit for one chunk: no more is sent
    than was asked for. Who looks at the bytes himself need not have them `checked` before they are
    sent, until they were found wrong."""

    chunk: str
    checked: bool
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class ChunkGot(Message):
    """These are they."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ListFiles(Message):
    """The files whose names begin with `prefix` and come after `after`, in the order of their
    UTF-8."""

    prefix: str
    after: str
    limit: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class FilesListed(Message):
    """A page of them. Ask again with `after` set to the cursor; an empty cursor: that was all."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    types: tuple[str, ...]
    times_ms: tuple[int, ...]
    sha256s: tuple[str, ...]
    cursor: str
    columns: ClassVar[tuple[str, ...]] = ("names", "sizes", "types", "times_ms", "sha256s")


@dataclass(frozen=True, slots=True)
class RemoveFile(Message):
    """Let there be no file of that name."""

    name: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class FileRemoved(Message):
    """There is none."""
