"""A file server made of dictionaries: it answers what a client may ask, and can be told to
misbehave."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from actors.chunks import chunk_id
from actors.errors import GossamerError, error_for
from actors.messages import (
    CheckFile,
    ChunkGot,
    ChunkPut,
    ChunksHeld,
    ChunksMissing,
    Failed,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    GetChunk,
    GetFile,
    HoldChunks,
    ListFiles,
    Message,
    PutChunk,
    PutFile,
    RemoveFile,
)
from actors.requests import Ask

TIME_MS = 1_700_000_000_000


class DictionaryFiles:
    """`asked` is all that was asked. `refuse` may answer in its place, with a code."""

    def __init__(self) -> None:
        self.chunks: dict[str, bytes] = {}
        self.files: dict[str, FileGot] = {}
        self.asked: list[Message] = []
        self.refuse: Callable[[Message], str] = lambda request: ""
        self.spoil: Callable[[GetChunk], bool] = lambda request: False

    def count(self, kind: type[Message]) -> int:
        """How often that was asked."""
        return sum(isinstance(request, kind) for request in self.asked)

    def answer(self, request: Message) -> Message:
        """What it answers."""
        self.asked.append(request)
        code = self.refuse(request)
        if code:
            return Failed(code, f"told to say {code}", True)
        match request:
            case CheckFile():
                return FileChecked("text/plain")
            case HoldChunks(chunks):
                return ChunksHeld(tuple([chunk in self.chunks for chunk in chunks]))
            case PutChunk(chunk, data):
                assert chunk_id(data, is_list=chunk.endswith(".list")) == chunk
                self.chunks[chunk] = data
                return ChunkPut()
            case PutFile():
                return self._put(request)
            case GetFile(name):
                found = self.files.get(name)
                return found or Failed("file_missing", f"there is no file {name!r}", True)
            case GetChunk(chunk):
                return self._chunk(request, chunk)
            case ListFiles(prefix, after, limit):
                return self._list(prefix, after, limit)
            case RemoveFile(name):
                self.files.pop(name, None)
                return FileRemoved()
        raise AssertionError(f"nobody asks a file server for {request}")

    def _put(self, request: PutFile) -> Message:
        missing = [chunk for chunk in request.chunks if chunk not in self.chunks]
        if missing:
            return ChunksMissing(tuple(missing))
        version = f"{len(self.asked)}"
        self.files[request.name] = FileGot(
            request.size_bytes,
            request.sha256,
            "text/plain",
            TIME_MS,
            request.chunk_bytes,
            request.is_nested,
            request.chunks,
            request.content,
            version,
        )
        return FilePut(version, "text/plain")

    def _chunk(self, request: GetChunk, chunk: str) -> Message:
        data = self.chunks.get(chunk)
        if data is None:
            return Failed("unavailable", "nobody has the chunk", True)
        if self.spoil(request):
            data = bytes([data[0] ^ 1]) + data[1:]
        return ChunkGot(data)

    def _list(self, prefix: str, after: str, limit: int) -> Message:
        names = sorted(n for n in self.files if n.startswith(prefix) and n > after)
        page = names[:limit]
        files = [self.files[name] for name in page]
        return FilesListed(
            tuple(page),
            tuple([file.size_bytes for file in files]),
            tuple([file.content_type for file in files]),
            tuple([file.time_ms for file in files]),
            tuple([file.sha256 for file in files]),
            page[-1] if len(names) > limit else "",
        )


def outcome_of(answer: Message) -> Message | GossamerError:
    """What a session makes of an answer."""
    if isinstance(answer, Failed):
        return error_for(answer.code, answer.reason, answer.definite)
    return answer


def answer_all(
    server: DictionaryFiles, asks: list[Ask]
) -> list[tuple[int, Message | GossamerError]]:
    """Each ask's number with its outcome."""
    return [(ask.number, outcome_of(server.answer(ask.request))) for ask in asks]


def put_file(server: DictionaryFiles, name: str, data: bytes, chunk_bytes: int) -> None:
    """Let it have this file."""
    pieces = [data[i : i + chunk_bytes] for i in range(0, len(data), chunk_bytes)]
    ids = tuple(map(chunk_id, pieces))
    server.chunks.update(zip(ids, pieces, strict=True))
    digest = sha256(data).hexdigest()
    server._put(PutFile(name, len(data), digest, chunk_bytes, False, ids, b"", 1_000))
