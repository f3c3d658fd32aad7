"""A download, without I/O: a file's manifest and its lists, then chunks with a window of credit.

Nothing is believed: where the SHA-256 of a chunk is not its name the node is asked again, and is
then to look at it before it sends it, so that it finds out that its copy is rotten; after that
others are asked. Pieces come out in the order of the file.

Both machines are used alike: send what is `due`, tell what was `answered`, until there is an
`outcome`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from actors.chunks import (
    DIGEST_BYTES,
    LIST,
    LIST_DIGESTS,
    Manifest,
    chunk_count,
    chunk_id,
    fault_of,
)
from actors.errors import GossamerError
from actors.messages import ChunkGot, FileGot, GetChunk, GetFile, Message
from actors.requests import Answered, Ask, Requests

WINDOW = 12
"""Chunks that were asked for and not handed out: so much memory does a download take."""
LISTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class FileIndex:
    """What a file is and, as raw `digests` one after another, which chunks it has."""

    name: str
    manifest: FileGot
    digests: bytes

    @property
    def chunk_count(self) -> int:
        """How many chunks there are; none if the file is in its manifest."""
        return len(self.digests) // DIGEST_BYTES

    def chunk(self, index: int) -> str:
        """The id of a chunk."""
        return self.digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES].hex()

    def chunk_bytes(self, index: int) -> int:
        """The size of a chunk: the last one has what is left."""
        full = self.manifest.chunk_bytes
        return min(full, self.manifest.size_bytes - index * full)


class _Machine:
    """What both have in common: requests, of which those for chunks are looked at."""

    def __init__(self, name: str, timeout_ms: int) -> None:
        self._name = name
        self._timeout_ms = timeout_ms
        self._requests = Requests(timeout_ms)
        self._error: GossamerError | None = None

    @property
    def wake_at(self) -> int | None:
        """When something is `due` without an answer: monotonic ms."""
        return self._requests.wake_at

    def _fail(self, error: GossamerError) -> None:
        self._error = error
        self._requests.drop_all()

    def _bytes_of(self, answered: Answered, digest: str, size_bytes: int, now_ms: int) -> bytes:
        """The chunk that was asked for; empty if it was another, which is asked for again."""
        assert isinstance(answered.request, GetChunk)
        assert isinstance(answered.outcome, ChunkGot)
        chunk, data = answered.request.chunk, answered.outcome.data
        digest = digest or chunk_id(data)
        if digest == chunk.removesuffix(LIST) and len(data) == size_bytes:
            self._requests.progressed(now_ms)
            return data
        instead = GetChunk(chunk, True, self._timeout_ms)
        elsewhere = answered.request.checked
        if not self._requests.again(answered, instead, now_ms, elsewhere=elsewhere):
            self._fail(GossamerError(f"a chunk of {self._name!r} is wrong wherever it was asked"))
        return b""


class Opening(_Machine):
    """Fetches the manifest of the file `name`, and the lists that it names."""

    def __init__(self, name: str, timeout_ms: int) -> None:
        super().__init__(name, timeout_ms)
        self._manifest: FileGot | None = None
        self._lists: dict[int, bytes] = {}
        self._asked: dict[int, int] = {}
        self._next = 0
        self._requests.ask(GetFile(name, timeout_ms))

    @property
    def outcome(self) -> FileIndex | GossamerError | None:
        """What came of it, once it has ended."""
        manifest = self._manifest
        if self._error is not None or manifest is None:
            return self._error
        if not manifest.is_nested:
            digests = b"".join([bytes.fromhex(chunk) for chunk in manifest.chunks])
            return FileIndex(self._name, manifest, digests)
        if len(self._lists) < len(manifest.chunks):
            return None
        digests = b"".join([self._lists[i] for i in range(len(manifest.chunks))])
        return FileIndex(self._name, manifest, digests)

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""
        manifest = self._manifest
        if manifest is not None and manifest.is_nested and self._error is None:
            while self._next < len(manifest.chunks) and len(self._requests) < LISTS_AT_ONCE:
                request = GetChunk(manifest.chunks[self._next], False, self._timeout_ms)
                self._asked[self._requests.ask(request, self._next)] = self._next
                self._next += 1
        return self._requests.due(now_ms)

    def answered(
        self, number: int, outcome: Message | GossamerError, now_ms: int, digest: str = ""
    ) -> None:
        """Take in how a request has ended; the `digest` of a chunk is worked out if it is not
        given."""
        answered = self._requests.answered(number, outcome, now_ms)
        if answered is None:
            return
        match answered.outcome:
            case GossamerError() as error:
                self._fail(error)
            case FileGot() as manifest:
                self._requests.progressed(now_ms)
                self._on_manifest(manifest)
            case ChunkGot():
                self._on_list(answered, digest, now_ms)

    def _on_manifest(self, manifest: FileGot) -> None:
        fault = fault_of(
            Manifest(
                manifest.size_bytes,
                manifest.sha256,
                manifest.content_type,
                manifest.time_ms,
                manifest.chunk_bytes,
                manifest.is_nested,
                manifest.chunks,
                manifest.content,
            )
        )
        if fault:
            self._fail(GossamerError(f"the manifest of {self._name!r} is spoilt: {fault}"))
        else:
            self._manifest = manifest

    def _on_list(self, answered: Answered, digest: str, now_ms: int) -> None:
        assert self._manifest is not None
        index = self._asked[answered.number]
        count = chunk_count(self._manifest.size_bytes, self._manifest.chunk_bytes)
        size_bytes = list_bytes(count, index)
        data = self._bytes_of(answered, digest, size_bytes, now_ms)
        if data:
            self._lists[index] = data


class Download(_Machine):
    """Fetches the chunks from `first` up to `end`, but for those that are `kept` already."""

    def __init__(
        self,
        index: FileIndex,
        timeout_ms: int,
        first: int = 0,
        end: int | None = None,
        kept: Collection[int] = (),
    ) -> None:
        super().__init__(index.name, timeout_ms)
        self._index = index
        self._kept = kept
        self._asked: dict[int, int] = {}
        self._got: dict[int, bytes | None] = {}
        self._next = self._taken = first
        self._end = index.chunk_count if end is None else end
        self.fetched = 0

    @property
    def outcome(self) -> int | GossamerError | None:
        """How many chunks were fetched, once all were taken."""
        if self._error is not None:
            return self._error
        return self.fetched if self._taken == self._end else None

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""
        while self._error is None and self._next < min(self._end, self._taken + WINDOW):
            if self._next in self._kept:
                self._got[self._next] = None
            else:
                request = GetChunk(self._index.chunk(self._next), False, self._timeout_ms)
                self._asked[self._requests.ask(request, self._next)] = self._next
            self._next += 1
        return self._requests.due(now_ms)

    def answered(
        self, number: int, outcome: Message | GossamerError, now_ms: int, digest: str = ""
    ) -> None:
        """As of Opening."""
        answered = self._requests.answered(number, outcome, now_ms)
        if answered is None:
            return
        index = self._asked[number]
        if isinstance(answered.outcome, GossamerError):
            self._fail(self._located(answered.outcome, index))
            return
        data = self._bytes_of(answered, digest, self._index.chunk_bytes(index), now_ms)
        if data:
            del self._asked[number]
            self._got[index] = data
            self.fetched += 1

    def _located(self, error: GossamerError, index: int) -> GossamerError:
        """Where a chunk is nowhere: which it is, for whoever looks for it in logs and folders."""
        if error.code != "chunks_missing":
            return error
        which = f"number {index + 1:,} of {self._index.chunk_count:,} of {self._name!r}"
        return type(error)(f"{error}: {which}, {self._index.chunk(index)}", code=error.code)

    def take(self, most: int = WINDOW) -> list[tuple[int, bytes | None]]:
        """The chunks that come next in the file: their indices and bytes, or None if kept."""
        pieces: list[tuple[int, bytes | None]] = []
        while self._taken in self._got and len(pieces) < most:
            pieces.append((self._taken, self._got.pop(self._taken)))
            self._taken += 1
        return pieces


def list_bytes(count: int, index: int) -> int:
    """The size of a list of a file of so many chunks."""
    return DIGEST_BYTES * min(LIST_DIGESTS, count - index * LIST_DIGESTS)
