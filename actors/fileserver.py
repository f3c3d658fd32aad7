"""The FileServer actor: which chunks are kept where, and which files are made of them.

The node that is asked coordinates, as with keys. A turn takes in what arrived, puts all chunks that
came on the disk at once, and only then acknowledges them. Its parts, over a `file_desk` that they
share: `keeping` (the own disk), `placing`, `fetching` and `filing` (what clients ask), `mending`,
`scrubbing` and `straying` (so that the owners have what they should), `sweeping` (what may go).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Address, Envelope, Now, reply
from actors.chunk_store import ChunkStore
from actors.closing import Closing
from actors.errands import Errands
from actors.fetching import Fetching
from actors.file_desk import FileDesk
from actors.file_settings import FileSettings
from actors.filing import Filing
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.layout import Layout, Placement
from actors.mending import Mending
from actors.messages import (
    FILES_FROM_CLIENTS,
    AskFiles,
    AskVitals,
    Bounced,
    ChunkKept,
    ChunkTaken,
    CompareChunks,
    Failed,
    FilesReport,
    Finished,
    GetChunk,
    HoldChunks,
    KeepChunk,
    LayoutIs,
    MembersChanged,
    PutChunk,
    PutFile,
    Refer,
    Referred,
    Released,
    RemoveFile,
    Stop,
    TakeChunk,
    Touch,
    Touched,
    Unread,
)
from actors.outbox import Outbox
from actors.placing import MAX_IDS, Placing, most_ids
from actors.scrubbing import Scrubbing
from actors.straying import Straying
from actors.sweeping import Sweeping
from actors.window import Windows


class FileServer:
    """`here` is the node's id, `boot_count` the number of its present life."""

    def __init__(
        self,
        here: str,
        store: ChunkStore,
        boot_count: int,
        rng: Random,
        settings: FileSettings | None = None,
    ) -> None:
        own = Address(here, "fileserver")
        settings = settings or FileSettings()
        # Numbered above every earlier boot, so that no late answer is taken for a new one.
        first = boot_count << 40
        self._errands = Errands(own, first, settings.retry_ms, settings.peer_credit)
        self._outbox = Outbox(own, first + (1 << 39))
        self._desk = desk = FileDesk(own, self._errands, self._outbox, settings)
        self._keeping = keeping = Keeping(store, self._came, self._rotted)
        inquiry = Inquiry(desk, keeping)
        self._sweeping = Sweeping(desk, keeping, inquiry)
        self._placing = Placing(desk, keeping, self._sweeping.touch)
        self._fetching = Fetching(desk, keeping, self._brought)
        self._filing = Filing(desk, self._placing, self._fetching)
        self._mending = Mending(desk, keeping, inquiry, self._fetching, rng)
        self._straying = Straying(desk, keeping, inquiry)
        suspect, lost = self._sweeping.suspect, self._mending.compare_with_all
        self._scrubbing = Scrubbing(desk, keeping, suspect, lost)
        self._network = ""
        self._waiting = "the node has just started"
        self._closing = Closing(settings.stop_patience_ms)
        self._open: dict[tuple[Address, int], Envelope] = {}
        self._living: frozenset[str] = frozenset()
        self._seen = Windows()
        self._wake_at: int | None = None

    @property
    def wake_at(self) -> int | None:
        """When any of its parts has something to do: monotonic ms."""
        return self._wake_at

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Take in what arrived, do what is due, put on the disk what came, then tell it."""
        self._desk.now = now
        self._desk.do_later()
        for envelope in inbox:
            self._on(envelope)
        self._do_what_is_due()
        self._keeping.commit()
        if self._closing.is_late(now):
            self._give_up()
        out = self._outbox.take()
        for envelope in out:
            self._open.pop((envelope.to, envelope.id), None)
        if stop := self._closing.finished(now, is_busy=bool(self._open)):
            out.append(reply(stop, Finished()))
        self._wake_at = self._next_wake()
        return [*out, *self._errands.take()]

    @property
    def _works(self) -> bool:
        """Does it see to what it keeps, besides what it is asked?"""
        return bool(self._desk.epoch and self._network) and not self._closing.has_begun

    def _do_what_is_due(self) -> None:
        self._errands.due(self._desk.now)
        self._placing.due()
        self._fetching.due()
        if self._works:
            self._sweeping.due()
            self._mending.due()
            self._straying.due()
            self._scrubbing.due()

    def _next_wake(self) -> int | None:
        times = [self._desk.wake_at, self._errands.wake_at]
        times += [self._placing.wake_at, self._fetching.wake_at]
        times.append(self._closing.wake_at(is_busy=bool(self._open)))
        if self._works:
            times += [self._sweeping.wake_at, self._mending.wake_at]
            times += [self._straying.wake_at, self._scrubbing.wake_at]
        wakes = [at_ms for at_ms in times if at_ms is not None]
        return max(min(wakes), self._desk.now.mono_ms + 1) if wakes else None

    def _on(self, envelope: Envelope) -> None:
        if self._errands.on(envelope, self._desk.now):
            self._learn(envelope)
            return
        if type(envelope.message) in FILES_FROM_CLIENTS:
            self._on_request(envelope)
            return
        match envelope.message:
            case KeepChunk() as keep:
                self._on_keep(envelope, keep)
            case TakeChunk() as take:
                data = self._keeping.read(take.chunk, checked=take.doubted)
                answer = ChunkTaken(data is not None, data or b"")
                self._outbox.reply(envelope, answer)
            case Touch() | Refer() | AskFiles() | CompareChunks():
                self._on_fenced(envelope)
            case AskVitals():
                self._outbox.reply(envelope, self._report())
            case Released(chunks):
                is_own = envelope.sender.node == self._desk.node
                self._sweeping.on_released(chunks[:MAX_IDS], is_own=is_own)
            case MembersChanged() as changed:
                self._on_members(changed)
            case LayoutIs(layout):
                self._on_layout(envelope, layout)
            case Unread(client, waits):
                self._fetching.hold(client, waits=waits)
            case Stop() if not self._closing.has_begun:
                self._closing.begin(envelope, self._desk.now)
            case Bounced():
                pass  # of what is told and not asked: it is told again, or by other ways
            case _:
                self._outbox.drop(self._errands.unwanted(envelope))

    def _on_request(self, envelope: Envelope) -> None:
        """A client's. What is a write is done once, though it may come twice."""
        if self._is_repeated(envelope):
            self._outbox.drop("duplicate write")
            return
        self._closing.asked(self._desk.now)
        if self._closing.has_begun:
            failed = Failed("stopping", "the node is shutting down", True)
            self._outbox.reply(envelope, failed)
            return
        if not self._network or not self._desk.epoch:
            waiting = self._waiting or "waiting to be told who keeps the data"
            failed = Failed("not_ready", f"the node is not ready: {waiting}", True)
            self._outbox.reply(envelope, failed)
            return
        self._open[envelope.sender, envelope.id] = envelope
        match envelope.message:
            case PutChunk() as put:
                self._placing.on_put(envelope, put)
            case HoldChunks() as hold:
                self._placing.on_hold(envelope, hold)
            case GetChunk() as get:
                self._fetching.on_get(envelope, get)
            case _:
                self._filing.on(envelope)

    def _give_up(self) -> None:
        """It has to stop: others may be asked, but for what may have been done."""
        for envelope in self._open.values():
            failed = Failed("stopping", "the node is shutting down", True)
            if isinstance(envelope.message, (PutFile, RemoveFile)):
                reason = "the node is shutting down; it may have been done"
                failed = Failed("timed_out", reason, False)
            self._outbox.reply(envelope, failed)

    def _is_repeated(self, envelope: Envelope) -> bool:
        is_write = isinstance(envelope.message, (PutFile, RemoveFile))
        return is_write and not self._seen.first_time(envelope.sender, envelope.id)

    def _on_keep(self, envelope: Envelope, keep: KeepChunk) -> None:
        def then(code: str) -> None:
            self._outbox.reply(envelope, ChunkKept(code))

        if self._desk.is_leaving:
            then("unavailable")
        else:
            self._keeping.keep(keep.chunk, keep.data, then)

    def _on_fenced(self, envelope: Envelope) -> None:
        """What is counted on is told in the epoch of who asks only."""
        match envelope.message:
            case CompareChunks() as compare:
                self._mending.on_compare(envelope, compare)
            case Touch(epoch, chunks, checked) if len(chunks) <= most_ids(checked=checked):
                refusal = self._desk.refusal(epoch)
                self._outbox.reply(envelope, refusal or self._touched(chunks, checked=checked))
            case Refer(epoch, chunks) if len(chunks) <= MAX_IDS:
                refusal = self._desk.refusal(epoch)
                answer = refusal or Referred(tuple(self._keeping.refer(chunks)))
                self._outbox.reply(envelope, answer)
            case AskFiles(epoch):
                self._outbox.reply(envelope, self._desk.refusal(epoch) or self._report())
            case _:
                self._outbox.drop("a question about too many chunks")

    def _on_members(self, changed: MembersChanged) -> None:
        self._network = changed.network
        self._waiting = changed.waiting
        if not changed.network:
            return
        for node in self._desk.meet(changed.members):
            self._errands.give_up(node, self._desk.now)
        living = frozenset(self._desk.living_others())
        for node in sorted(living - self._living):
            self._mending.on_back(node)
        self._living = living
        self._scrubbing.begin()
        if self._desk.settle():
            self._mending.on_keepers()
            self._straying.on_keepers()

    def _on_layout(self, envelope: Envelope, layout: Layout) -> None:
        """The own storage's is on the disk: it counts. Another's goes there first."""
        desk = self._desk
        if envelope.sender != Address(desk.node, "storage"):
            self._learn(envelope)
        elif layout.epoch > desk.epoch:
            desk.placement = Placement(layout)
            desk.settle()
            self._sweeping.on_layout()
            self._mending.on_keepers()
            self._straying.on_keepers()

    def _learn(self, envelope: Envelope) -> None:
        """Another node may know of a later layout."""
        news = envelope.message
        if isinstance(news, LayoutIs) and news.layout.epoch > self._desk.epoch:
            self._outbox.to("storage", news)

    def _touched(self, chunks: Sequence[str], *, checked: bool) -> Touched:
        kept = self._sweeping.touch(chunks, checked)
        # What is here will be gone with this node, or is handed over without being counted on.
        return Touched(tuple([is_kept and not self._desk.is_leaving for is_kept in kept]))

    def _report(self) -> FilesReport:
        counts = self._keeping.counts
        return FilesReport(
            counts.chunks,
            counts.size_bytes,
            self._mending.missing,
            self._straying.strays,
            self._keeping.rotten,
            self._mending.repaired,
            self._sweeping.collected,
            self._scrubbing.scrubbed,
            self._mending.nowhere,
        )

    # What the parts tell each other.

    def _came(self, chunk: str) -> None:
        self._sweeping.touch([chunk])

    def _rotted(self, chunk: str) -> None:
        self._mending.lost(chunk)

    def _brought(self, chunk: str, data: bytes) -> None:
        self._mending.brought(chunk, data)
