"""An upload, without I/O: chunks come in, and what is to be asked and sent goes out.

Whether the file is admitted is asked before anything is sent. Then of every group of chunks it is
asked which are there already; the others are sent, a few at a time. The file is put last, when all
chunks are there. Lists of chunks, of a large file, go the same way as chunks.

Use: hand chunks in while there is `room`, those that are `wanted` again first, then `end` it; send
what is `due`, tell what was `answered`, until there is an `outcome`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from actors.chunks import (
    CHUNK_BYTES,
    DIGEST_BYTES,
    INLINE_BYTES,
    LIST_DIGESTS,
    MAX_DIGESTS,
    chunk_id,
    is_list_id,
)
from actors.errors import FileMissing, GossamerError, Unavailable
from actors.messages import (
    CheckFile,
    ChunkPut,
    ChunksHeld,
    ChunksMissing,
    FileChecked,
    FileGot,
    FilePut,
    GetFile,
    HoldChunks,
    Message,
    PutChunk,
    PutFile,
)
from actors.names import HEAD_BYTES
from actors.requests import Ask, Requests

GROUP = 16
WINDOW = 8
MAX_HELD = 32
"""Chunks that were handed in and are not known to be kept: so much memory does an upload take."""

HOLD_AGAIN_MS = 600_000
HOLD_AGAIN_CHUNKS = 256
"""What was sent is asked about again so often and so many at once, or it would be collected before
the file is put."""

MAX_CHECKED_BYTES = 2**63
CHECK_AGAIN_BYTES = 2**30
"""A stream, whose size is not known, is checked again at this size and whenever it has doubled;
a file of known size is checked once."""

MAX_ROUNDS = 8
"""So often chunks that were lost are sent again."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The file as it was put. Of its `chunks` only `sent_chunks` were not there already."""

    name: str
    size_bytes: int
    sha256: str
    type: str
    version: str
    sent_chunks: int
    chunks: int


class Upload:
    """Of the file `name`; `size_bytes` is None if that is not known. What `can_be_read_again` is
    asked for again where chunks were lost. Each chunk but the last has `chunk_bytes`."""

    def __init__(
        self,
        name: str,
        size_bytes: int | None,
        timeout_ms: int,
        chunk_bytes: int = CHUNK_BYTES,
        *,
        can_be_read_again: bool = False,
    ) -> None:
        self.outcome: Uploaded | GossamerError | None = None
        self._name = name
        self._told_bytes = size_bytes
        self._chunk_bytes = chunk_bytes
        self._timeout_ms = timeout_ms
        self._can_be_read_again = can_be_read_again
        self._requests = Requests(timeout_ms)
        # What was handed in: the beginning, the size and the digests of all of it.
        self._head = b""
        self._size_bytes = 0
        self._digests = bytearray()
        self._sha256 = ""
        # What is to be done with it.
        self._is_admitted = False
        self._check_at_bytes = 0
        self._data: dict[str, bytes] = {}
        self._group: list[str] = []
        self._ready: deque[str] = deque()
        self._putting = 0
        self._sent_chunks = 0
        self._lists = 0
        # What was lost, and is asked about again.
        self._wanted: deque[int] = deque()
        self._rounds = 0
        self._hold_at_ms: int | None = None
        self._holding = 0
        self._held = 0
        # The file itself.
        self._put_at_ms = 0
        self._doubt: GossamerError | None = None

    @property
    def room(self) -> int:
        """How many chunks may be handed in."""
        return 0 if self.outcome is not None else max(0, MAX_HELD - len(self._data))

    @property
    def wanted(self) -> int | None:
        """Of which index a chunk is to be handed in `again`, before any other."""
        return self._wanted[0] if self._wanted and self.room else None

    @property
    def done_bytes(self) -> int:
        """Of what was handed in, how much is kept."""
        return self._size_bytes - sum(len(d) for id, d in self._data.items() if not is_list_id(id))

    @property
    def wake_at(self) -> int | None:
        """When something is `due` without an answer: monotonic ms."""
        times = [self._requests.wake_at, None if self._holding else self._hold_at_ms]
        return min((t for t in times if t is not None), default=None)

    def chunk(self, data: bytes, id: str) -> None:
        """The next chunk of the file, and its name."""
        if not self._digests:
            self._head = data[:HEAD_BYTES]
        self._digests += bytes.fromhex(id)
        self._size_bytes += len(data)
        self._take_in(data, id)

    def again(self, data: bytes, id: str) -> None:
        """What was `wanted`."""
        if id == self._id(self._wanted.popleft()):
            self._take_in(data, id)
        else:
            self._fail(GossamerError(f"{self._name!r} was changed while it was sent"))

    def end(self, sha256: str) -> None:
        """That was all; the SHA-256 of the whole, in hex."""
        self._sha256 = sha256

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""
        if self.outcome is None:
            self._ask_what_is_next(now_ms)
        return self._requests.due(now_ms)

    def answered(self, number: int, outcome: Message | GossamerError, now_ms: int) -> None:
        """Take in how a request has ended."""
        answered = self._requests.answered(number, outcome, now_ms)
        if answered is None:
            return
        if not isinstance(answered.outcome, GossamerError):
            self._requests.progressed(now_ms)
        match answered.request, answered.outcome:
            case CheckFile(), FileChecked():
                self._is_admitted = True
            case HoldChunks(chunks), ChunksHeld(held):
                self._on_held(number, chunks, held)
            case PutChunk(chunk), ChunkPut():
                self._on_chunk_put(chunk)
            case PutFile(), FilePut(version, content_type):
                self._succeed(version, content_type)
            case PutFile(), ChunksMissing(chunks):
                self._send_again(chunks)
            case PutFile(), GossamerError(definite=False) as doubt:
                self._find_out(doubt, answered.turn, now_ms)
            case GetFile(), (FileGot() | FileMissing()) as found:
                self._on_found(found)
            case _, GossamerError() as error:
                # A put whose outcome is not known stays so, whatever is not found out after it.
                self._fail(self._doubt or error)

    # What is asked for, in this order.

    def _ask_what_is_next(self, now_ms: int) -> None:
        if not self._is_admitted and self._sha256 and self._size_bytes <= INLINE_BYTES:
            if not self._requests:
                self._put_file(0, now_ms)
            return
        self._ask_admission()
        if not self._is_admitted:
            return
        self._hold_all_again(now_ms)
        is_last = bool(self._sha256) and not self._wanted
        while len(self._group) >= GROUP or (self._group and is_last):
            chunks, self._group = tuple(self._group[:GROUP]), self._group[GROUP:]
            self._requests.ask(HoldChunks(chunks, self._timeout_ms, checked=True))
        while self._ready and self._putting < WINDOW:
            id = self._ready.popleft()
            self._putting += 1
            turn = self._sent_chunks + self._putting
            self._requests.ask(PutChunk(id, self._data[id], self._timeout_ms), turn)
        if is_last and not self._data and not self._requests:
            if self._lists < self._list_count:
                self._take_in_lists()
                self._ask_what_is_next(now_ms)
            else:
                self._put_file(0, now_ms)

    def _ask_admission(self) -> None:
        """Of a file of known size once, of a stream again when it has grown."""
        if not self._digests or self._size_bytes < self._check_at_bytes:
            return
        told_bytes = self._told_bytes
        if told_bytes is None:
            told_bytes = self._size_bytes if self._is_admitted else 0
            self._check_at_bytes = max(CHECK_AGAIN_BYTES, 2 * self._size_bytes)
        else:
            self._check_at_bytes = MAX_CHECKED_BYTES
        request = CheckFile(self._name, told_bytes, self._head, self._timeout_ms)
        self._requests.ask(request)

    def _hold_all_again(self, now_ms: int) -> None:
        """A long upload: one group after another of what was handed in so far."""
        if self._hold_at_ms is None:
            self._hold_at_ms = now_ms + HOLD_AGAIN_MS
        if now_ms < self._hold_at_ms or self._holding:
            return
        count = len(self._digests) // DIGEST_BYTES
        indices = range(self._held, min(count, self._held + HOLD_AGAIN_CHUNKS))
        chunks = dict.fromkeys(id for id in map(self._id, indices) if id not in self._data)
        self._held = indices.stop
        if self._held >= count:
            self._hold_at_ms, self._held = now_ms + HOLD_AGAIN_MS, 0
        if chunks:
            self._holding = self._requests.ask(HoldChunks(tuple(chunks), self._timeout_ms))

    def _put_file(self, turn: int, now_ms: int) -> None:
        self._put_at_ms = now_ms
        self._requests.ask(self._file(), turn)

    def _file(self) -> PutFile:
        """The request that all was for."""
        chunk_bytes, chunks, content = self._chunk_bytes, self._named_chunks(), b""
        if not self._is_admitted:
            count = len(self._digests) // DIGEST_BYTES
            content = b"".join([self._data[self._id(index)] for index in range(count)])
            chunk_bytes, chunks = 0, ()
        return PutFile(
            self._name,
            self._size_bytes,
            self._sha256,
            chunk_bytes,
            bool(self._list_count) and bool(chunks),
            chunks,
            content,
            self._timeout_ms,
        )

    # What comes of it.

    def _on_held(self, number: int, chunks: tuple[str, ...], held: tuple[bool, ...]) -> None:
        if number == self._holding:
            self._holding = 0
            lost = [id for id, is_held in zip(chunks, held, strict=True) if not is_held]
            # What has come anew meanwhile is sent if it has to be.
            lost = [id for id in lost if id not in self._data]
            if lost:
                self._send_again(lost)
            return
        for id, is_held in zip(chunks, held, strict=True):
            if is_held:
                del self._data[id]
            else:
                self._ready.append(id)

    def _on_chunk_put(self, id: str) -> None:
        self._putting -= 1
        del self._data[id]
        if not is_list_id(id):
            self._sent_chunks += 1

    def _send_again(self, lost: Sequence[str]) -> None:
        """These are not on enough disks, although they were."""
        self._rounds += 1
        if self._rounds > MAX_ROUNDS:
            self._fail(Unavailable(f"chunks of {self._name!r} are lost as soon as they are sent"))
            return
        lists = self._list_ids()
        for id in lost:
            if id in lists:
                self._take_in(self._list(lists.index(id)), id)
            elif is_list_id(id) or (index := self._index(id)) < 0:
                self._fail(GossamerError(f"a chunk is missing that {self._name!r} does not have"))
            elif self._can_be_read_again:
                self._wanted.append(index)
            else:
                reason = f"chunks of {self._name!r} were lost: read it again from its beginning"
                self._fail(Unavailable(reason))

    def _find_out(self, doubt: GossamerError, turn: int, now_ms: int) -> None:
        """The file may have been put: ask for it, in the time that is left."""
        left_ms = self._timeout_ms - (now_ms - self._put_at_ms)
        if left_ms <= 0:
            self._fail(doubt)
            return
        self._doubt = doubt
        self._requests.ask(GetFile(self._name, left_ms), turn + 1, left_ms)

    def _on_found(self, found: FileGot | FileMissing) -> None:
        assert self._doubt is not None
        if isinstance(found, FileGot):
            wanted = self._file()
            if (found.sha256, found.chunks) == (wanted.sha256, wanted.chunks):
                self._succeed(found.version, found.content_type)
                return
        # It may have been there, and be replaced by now: to put it again might undo that.
        self._fail(self._doubt)

    def _succeed(self, version: str, content_type: str) -> None:
        self._data.clear()
        chunks = len(self._digests) // DIGEST_BYTES if self._is_admitted else 0
        self.outcome = Uploaded(
            self._name,
            self._size_bytes,
            self._sha256,
            content_type,
            version,
            self._sent_chunks,
            chunks,
        )

    def _fail(self, error: GossamerError) -> None:
        self.outcome = error
        self._requests.drop_all()

    # Chunks and lists by their places.

    def _take_in(self, data: bytes, id: str) -> None:
        if id not in self._data:
            self._data[id] = data
            self._group.append(id)

    def _id(self, index: int) -> str:
        return self._digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES].hex()

    def _index(self, id: str) -> int:
        """Where a chunk is in the file, or -1."""
        digest = bytes.fromhex(id)
        at = self._digests.find(digest)
        while at % DIGEST_BYTES and at >= 0:
            at = self._digests.find(digest, at + 1)
        return at // DIGEST_BYTES if at >= 0 else -1

    @property
    def _list_count(self) -> int:
        count = len(self._digests) // DIGEST_BYTES
        return -(-count // LIST_DIGESTS) if count > MAX_DIGESTS else 0

    def _list(self, index: int) -> bytes:
        size = DIGEST_BYTES * LIST_DIGESTS
        return bytes(self._digests[index * size : (index + 1) * size])

    def _take_in_lists(self) -> None:
        while self._lists < self._list_count and self.room:
            data = self._list(self._lists)
            self._take_in(data, chunk_id(data, is_list=True))
            self._lists += 1

    def _list_ids(self) -> tuple[str, ...]:
        return tuple([chunk_id(self._list(i), is_list=True) for i in range(self._list_count)])

    def _named_chunks(self) -> tuple[str, ...]:
        """What the manifest names: the lists if there are any, else the chunks."""
        count = len(self._digests) // DIGEST_BYTES
        return self._list_ids() or tuple(map(self._id, range(count)))
