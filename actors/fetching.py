"""How chunks are read: from the own disk where they are there and right, else from another node
that has them, and each is asked in its turn until one answers with the right bytes.

Requests are credit: no chunk is read that nobody asked for, a few at a time for each client, each
client in its turn, and none for one that does not read what it was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from actors.actor import Address, Envelope, Trace
from actors.chunks import MAX_CHUNK_BYTES, chunk_id, is_chunk_id, is_list_id
from actors.errands import is_refusal
from actors.file_desk import FileDesk
from actors.keeping import Keeping
from actors.messages import ChunkGot, ChunkTaken, Failed, GetChunk, Message, TakeChunk

Read = Callable[[bytes | None, bool], None]
"""Called with the bytes, or with None and whether all that could be asked have said that they have
none."""


@dataclass(slots=True, eq=False)
class _Search:
    """A chunk that is looked for: `nodes` are those still to be asked."""

    chunk: str
    nodes: deque[str]
    then: Read
    deadline_ms: int
    trace: Trace | None
    size_bytes: int
    all_answered: bool = True
    was_doubted: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    envelope: Envelope
    get: GetChunk
    deadline_ms: int


class Fetching:
    """Of the file server whose `desk` it is. `brought` is called with a chunk that this node is to
    keep and did not have."""

    def __init__(
        self, desk: FileDesk, keeping: Keeping, brought: Callable[[str, bytes], None]
    ) -> None:
        self._desk = desk
        self._keeping = keeping
        self._brought = brought
        self._waiting: dict[Address, deque[_Waiting]] = {}
        self._begun: dict[Address, int] = {}
        self._unread: dict[Address, None] = {}
        self._turns = 0
        self.open_bytes = 0

    @property
    def wake_at(self) -> int | None:
        """At once, if a request waits that may begin. Soon, if a client does not read: what it was
        sent is tried again then, and nothing else may tell that there is room for it."""
        if any(map(self._may_begin, self._waiting)):
            return self._desk.now.mono_ms + 1
        if self._waiting or self._unread:
            return self._desk.now.mono_ms + self._desk.settings.tick_ms
        return None

    def hold(self, client: Address, *, waits: bool) -> None:
        """This client does not read; or it does again."""
        if waits:
            self._unread[client] = None
        else:
            self._unread.pop(client, None)

    def on_get(self, envelope: Envelope, get: GetChunk) -> None:
        """A client's request waits for its turn."""
        outbox, client = self._desk.outbox, envelope.sender
        if not is_chunk_id(get.chunk):
            outbox.reply(envelope, Failed("refused", "this is no chunk's id", True))
            return
        waiting = self._waiting.setdefault(client, deque())
        if len(waiting) >= self._desk.settings.max_waiting:
            reason = "read the chunks before asking for more"
            outbox.reply(envelope, Failed("overloaded", reason, True))
            return
        waiting.append(_Waiting(envelope, get, self._desk.deadline_ms(get.timeout_ms)))

    def due(self) -> None:
        """Begin with some of what waits."""
        self._forget_late()
        for _ in range(self._desk.settings.turn_chunks):
            client = next(filter(self._may_begin, self._waiting), None)
            if client is None:
                return
            waiting = self._waiting.pop(client)
            first = waiting.popleft()
            if waiting:
                self._waiting[client] = waiting  # behind all others
            self._begun[client] = self._begun.get(client, 0) + 1
            then = partial(self._answer, client, first)
            checked, trace = first.get.checked, first.envelope.trace
            self.read(first.get.chunk, first.deadline_ms, then, checked=checked, trace=trace)

    def _may_begin(self, client: Address) -> bool:
        settings = self._desk.settings
        is_full = self._begun.get(client, 0) >= settings.client_credit
        return not is_full and client not in self._unread and self._has_room()

    def _has_room(self) -> bool:
        return self.open_bytes < self._desk.settings.max_open_bytes

    def _forget_late(self) -> None:
        """Whoever asked has given up by now."""
        now_ms = self._desk.now.mono_ms
        for client, waiting in list(self._waiting.items()):
            while waiting and now_ms >= waiting[0].deadline_ms:
                late = waiting.popleft()
                failed = Failed("timed_out", "the chunk was not read in time", True)
                self._desk.outbox.reply(late.envelope, failed)
            if not waiting:
                del self._waiting[client]

    def _answer(
        self, client: Address, request: _Waiting, data: bytes | None, all_answered: bool
    ) -> None:
        self._begun[client] -= 1
        if not self._begun[client]:
            del self._begun[client]
        answer: Message
        if data is not None:
            answer = ChunkGot(data)
        elif all_answered:
            answer = Failed("chunks_missing", "no node has this chunk of the file", True)
        else:
            reason = "none of the nodes that may have this chunk of the file can be reached"
            answer = Failed("unavailable", reason, True)
        self._desk.outbox.reply(request.envelope, answer)

    # For whoever needs a chunk.

    def read(
        self,
        chunk: str,
        deadline_ms: int,
        then: Read,
        *,
        checked: bool = True,
        trace: Trace | None = None,
    ) -> None:
        """Read it here, or else wherever it is; `then` may be called at once."""
        data = self._keeping.read(chunk, checked=checked)
        if data is not None:
            then(data, True)
        else:
            self.bring(chunk, self._nodes(chunk), deadline_ms, then, trace=trace)

    def bring(
        self,
        chunk: str,
        nodes: list[str],
        deadline_ms: int,
        then: Read,
        *,
        trace: Trace | None = None,
    ) -> None:
        """Get it from one of these nodes."""
        search = _Search(chunk, deque(nodes), then, deadline_ms, trace, MAX_CHUNK_BYTES)
        search.all_answered = not any(self._desk.is_down(node) for node in self._desk.others())
        self.open_bytes += search.size_bytes
        self._ask_next(search)

    def _nodes(self, chunk: str) -> list[str]:
        """Its owners, another first every time, then all others that are there."""
        desk = self._desk
        there = desk.living_others()
        owners = [node for node in desk.owners(chunk) if node in there]
        self._turns += 1
        first = self._turns % max(1, len(owners))
        return list(dict.fromkeys([*owners[first:], *owners[:first], *there]))

    def _ask_next(self, search: _Search) -> None:
        desk = self._desk
        patience_ms = min(search.deadline_ms - desk.now.mono_ms, 3 * desk.settings.retry_ms)
        if not search.nodes or patience_ms <= 0:
            self._end(search, None)
            return
        node = search.nodes[0]
        desk.errands.ask(
            Address(node, "fileserver"),
            TakeChunk(search.chunk, search.was_doubted),
            partial(self._on_taken, search),
            desk.now,
            patience_ms=patience_ms,
            trace=search.trace,
        )

    def _on_taken(self, search: _Search, answer: Message | None) -> None:
        chunk = search.chunk
        if isinstance(answer, ChunkTaken) and answer.is_kept:
            if chunk_id(answer.data, is_list=is_list_id(chunk)) == chunk:
                self._end(search, answer.data)
                return
            self._desk.outbox.drop("a chunk that is not what it is called")
            if not search.was_doubted:
                # Let that node look at it: the next answer is right, or there is none.
                search.was_doubted = True
                self._ask_next(search)
                return
            search.all_answered = False
        elif is_refusal(answer):
            search.all_answered = False
        search.was_doubted = False
        search.nodes.popleft()
        self._ask_next(search)

    def _end(self, search: _Search, data: bytes | None) -> None:
        self.open_bytes -= search.size_bytes
        search.then(data, search.all_answered)
        if data is not None and self._desk.is_owner(search.chunk):
            self._brought(search.chunk, data)
