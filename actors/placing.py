"""How chunks get to their owners: all are sent each chunk, and it is acknowledged when a majority
of them has it on the disk. Whoever is slower is not waited for, nor held in memory: what it does
not get now it gets when copies are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from actors.actor import Address, Envelope
from actors.chunks import MAX_CHUNK_BYTES, chunk_id, is_chunk_id, is_list_id
from actors.errands import Errand, is_refusal
from actors.file_desk import FileDesk
from actors.keeping import Keeping
from actors.layout import majority
from actors.messages import (
    ChunkKept,
    ChunkPut,
    ChunksHeld,
    Failed,
    HoldChunks,
    KeepChunk,
    Message,
    PutChunk,
    Touch,
    Touched,
)

TOUCH_MS = 3_000
"""So long others are waited for that are asked what they keep."""

MAX_IDS = 1_000
MAX_CHECKED = 32
"""Of which the bytes are read: that takes a millisecond each, and others wait."""

Held = Callable[[dict[str, bool], int], None]
"""Called with which chunks are on enough disks, and the epoch in which that was so."""


@dataclass(slots=True, eq=False)
class _Put:
    """A chunk on its way: to its owners that have it on the disk, `yes`, and those that will not,
    `codes`. `errands` are those that are not answered."""

    chunk: str
    size_bytes: int
    owners: tuple[str, ...]
    request: Envelope
    yes: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    errands: dict[str, Errand] = field(default_factory=dict)
    is_over: bool = False


@dataclass(slots=True, eq=False)
class _Hold:
    """Which of some chunks are on enough disks: `kept` counts them. First their owners are asked,
    then, of those that are still short, all others."""

    chunks: tuple[str, ...]
    then: Held
    epoch: int
    checked: bool
    kept: dict[str, int]
    waits: int = 0
    asked_all: bool = False


class Placing:
    """Of the file server whose `desk` it is. `touch` is called for chunks of this node that are
    counted on, and tells which it has, read and looked at if they are to be `checked`."""

    def __init__(
        self, desk: FileDesk, keeping: Keeping, touch: Callable[[Sequence[str], bool], list[bool]]
    ) -> None:
        self._desk = desk
        self._keeping = keeping
        self._touch = touch
        self._puts: dict[_Put, int] = {}
        self.open_bytes = 0

    @property
    def wake_at(self) -> int | None:
        """When a chunk has been on its way for too long: monotonic ms."""
        return min(self._puts.values(), default=None)

    # One chunk.

    def on_put(self, envelope: Envelope, put: PutChunk) -> None:
        """A client's."""
        desk = self._desk
        refusal = self._refusal(put)
        if refusal is not None:
            desk.outbox.reply(envelope, refusal)
            return
        owners = desk.owners(put.chunk)
        job = _Put(put.chunk, len(put.data), owners, envelope)
        deadline_ms = desk.deadline_ms(put.timeout_ms)
        self._puts[job] = deadline_ms
        self.open_bytes += job.size_bytes
        keep = KeepChunk(put.chunk, put.data)
        patience_ms = deadline_ms - desk.now.mono_ms + desk.settings.retry_ms
        for owner in owners:
            if owner == desk.node:
                desk.later(partial(self._keep, job, put))
            elif desk.is_down(owner):
                job.codes[owner] = "unavailable"
            else:
                then = partial(self._on_kept, job, owner)
                to = Address(owner, "fileserver")
                job.errands[owner] = desk.errands.ask(
                    to, keep, then, desk.now, patience_ms=patience_ms, trace=envelope.trace
                )
        self._end_if_done(job)

    def _keep(self, job: _Put, put: PutChunk) -> None:
        """On the own disk: a turn later, so that the others were sent it before this one writes."""
        then = partial(self._kept, job, self._desk.node)
        self._keeping.keep(put.chunk, put.data, then, checked=True)

    def _refusal(self, put: PutChunk) -> Failed | None:
        size = len(put.data)
        if not is_chunk_id(put.chunk) or not 1 <= size <= MAX_CHUNK_BYTES:
            reason = f"a chunk has 1 to {MAX_CHUNK_BYTES:,} bytes, and its SHA-256 for a name"
            return Failed("refused", reason, True)
        if chunk_id(put.data, is_list=is_list_id(put.chunk)) != put.chunk:
            return Failed("refused", "the chunk is not what its name says", True)
        if self.open_bytes + size > self._desk.settings.max_open_bytes:
            return Failed("overloaded", "too many chunks are under way at this node", True)
        return None

    def _on_kept(self, job: _Put, owner: str, answer: Message | None) -> None:
        del job.errands[owner]
        if isinstance(answer, ChunkKept):
            self._kept(job, owner, answer.code)
        else:
            code = answer.code if isinstance(answer, Failed) else "unavailable"
            self._kept(job, owner, code)

    def _kept(self, job: _Put, owner: str, code: str) -> None:
        if code == "ok":
            job.yes.add(owner)
        else:
            job.codes[owner] = code
        self._end_if_done(job)

    def _end_if_done(self, job: _Put) -> None:
        desk = self._desk
        if job.is_over:
            return
        needed = majority(len(job.owners))
        if len(job.yes) >= needed:
            desk.outbox.reply(job.request, ChunkPut())
        elif len(job.owners) - len(job.codes) < needed or not job.owners:
            desk.outbox.reply(job.request, self._failure(job))
        else:
            return
        self._end(job)

    def _failure(self, job: _Put) -> Failed:
        full = [owner for owner, code in job.codes.items() if code == "disk_full"]
        if full:
            disks, have = ("disk", "has") if len(full) == 1 else ("disks", "have")
            reason = f"the {disks} of {self._names(full)} {have} no room for the chunk"
            return Failed("disk_full", reason, True)
        names = self._names(job.codes)
        reason = f"too few of the nodes that keep this chunk can be reached ({names} cannot)"
        return Failed("unavailable", reason, True)

    def _names(self, nodes: Iterable[str]) -> str:
        return ", ".join(sorted(map(self._desk.name_of, nodes)))

    def _end(self, job: _Put) -> None:
        """Who has not been sent it yet does not get it now."""
        job.is_over = True
        del self._puts[job]
        self.open_bytes -= job.size_bytes
        for errand in list(job.errands.values()):
            if not errand.is_sent:
                self._desk.errands.call_off(errand, self._desk.now)

    def due(self) -> None:
        """Give up what has taken too long."""
        now_ms = self._desk.now.mono_ms
        for job in [j for j, deadline_ms in self._puts.items() if now_ms >= deadline_ms]:
            names = self._names([o for o in job.owners if o not in job.yes])
            reason = f"no answer in time from {names}; the chunk may be sent again"
            self._desk.outbox.reply(job.request, Failed("timed_out", reason, True))
            self._end(job)

    # Which are there.

    def on_hold(self, envelope: Envelope, hold: HoldChunks) -> None:
        """A client asks which chunks it need not send."""
        outbox, most = self._desk.outbox, most_ids(checked=hold.checked)
        if not 1 <= len(hold.chunks) <= most or not all(map(is_chunk_id, hold.chunks)):
            reason = f"a request names 1 to {most:,} chunks by their ids"
            outbox.reply(envelope, Failed("refused", reason, True))
            return

        def then(held: dict[str, bool], _epoch: int) -> None:
            outbox.reply(envelope, ChunksHeld(tuple([held[id] for id in hold.chunks])))

        self.hold(hold.chunks, then, checked=hold.checked)

    def hold(self, chunks: Sequence[str], then: Held, *, checked: bool = False) -> None:
        """Let all that these need not be collected for a while, wherever they are; and tell which
        are on enough disks of members that are to stay."""
        ids = tuple(dict.fromkeys(chunks))
        hold = _Hold(ids, then, self._desk.epoch, checked, dict.fromkeys(ids, 0), waits=1)
        self._ask(hold, self._desk.by_owner(ids))

    def _ask(self, hold: _Hold, asked: dict[str, list[str]]) -> None:
        desk = self._desk
        for node, ids in asked.items():
            if node == desk.node:
                self._count(hold, ids, self._touch(ids, hold.checked))
            elif not desk.is_down(node):
                hold.waits += 1
                desk.errands.ask(
                    Address(node, "fileserver"),
                    Touch(hold.epoch, tuple(ids), hold.checked),
                    partial(self._on_touched, hold, ids),
                    desk.now,
                    patience_ms=TOUCH_MS,
                )
        self._answered(hold)

    def _on_touched(self, hold: _Hold, ids: list[str], answer: Message | None) -> None:
        if isinstance(answer, Touched) and len(answer.kept) == len(ids):
            self._count(hold, ids, answer.kept)
        elif not is_refusal(answer):
            self._desk.outbox.drop("an answer about other chunks")
        self._answered(hold)

    def _count(self, hold: _Hold, ids: Sequence[str], kept: Sequence[bool]) -> None:
        for id, is_kept in zip(ids, kept, strict=True):
            hold.kept[id] += is_kept

    def _answered(self, hold: _Hold) -> None:
        """All that were asked have answered, or will not."""
        hold.waits -= 1
        if hold.waits:
            return
        held = {id: self._is_enough(id, count) for id, count in hold.kept.items()}
        short = [id for id in hold.chunks if not held[id]]
        if not short or hold.asked_all:
            hold.then(held, hold.epoch)
            return
        # After a change of the layout chunks may still be with their former owners.
        hold.asked_all, hold.waits = True, 1
        asked: dict[str, list[str]] = {}
        for node in self._desk.keepers:
            ids = [id for id in short if node not in self._desk.owners(id)]
            if ids:
                asked[node] = ids
        self._ask(hold, asked)

    def _is_enough(self, chunk: str, count: int) -> bool:
        owners = self._desk.owners(chunk)
        return bool(owners) and count >= majority(len(owners))


def most_ids(*, checked: bool) -> int:
    """So many chunks may be asked about at once."""
    return MAX_CHECKED if checked else MAX_IDS
