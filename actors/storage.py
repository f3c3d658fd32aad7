"""The Storage actor: a replica. What it acknowledges, and what it reveals, is on the disk.

A turn has three parts: stage what arrived, commit all of it at once, then answer by what the commit
did and by what is committed. The parts of the actor: `steward` (which layout there is), `syncing`
and `trees` (what this replica lacks), `hinting` (what others lack), `expiring`, `collecting` and
`shedding` (what may go), `referring` (which chunks of files are needed).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random

from actors.actor import HOST, Address, Envelope, Now
from actors.collecting import Collecting
from actors.disk import Disk
from actors.expiring import Expiring
from actors.fence import Fence
from actors.hinting import Hinting
from actors.layout import Layout
from actors.messages import (
    AskReport,
    AskVitals,
    Bounced,
    ClockRaised,
    Failed,
    Fetch,
    Fetched,
    FilesHandedOver,
    Finished,
    GiveUp,
    Inspect,
    Inspected,
    LayoutIs,
    MembersChanged,
    Message,
    Refer,
    Remember,
    Remembered,
    Report,
    Scan,
    Scanned,
    Stop,
    StorageVitals,
    Store,
    Stored,
    WantEpoch,
    Welcomed,
)
from actors.outbox import NOT_THERE, Outbox
from actors.referring import Referring
from actors.shedding import Shedding
from actors.sizes import STAMP_BYTES, fitting
from actors.spaces import AFTER_FILES, FILES
from actors.stage import Stage
from actors.steward import Steward
from actors.storage_settings import StorageSettings
from actors.syncing import Syncing
from actors.trees import Trees
from actors.versions import MAX_CLOCK_STEP, NEVER, Kind, Record, Stamp

PLAIN = frozenset({Store, Fetch, Scan, Inspect, AskReport, AskVitals, Refer})
"""Requests that leave the parts of the actor as they are: what was not due before is not after."""

READ_STEP = 64
"""So many keys are read at a time: a request for many large values is not held in memory whole."""


class Storage:
    """`here` is the node's id; `boot_count`, `boot` and `notes` are of its present life, and
    `clock_limit` is what the disk held for the clock when it was opened."""

    def __init__(
        self,
        here: str,
        disk: Disk,
        boot_count: int,
        boot: str,
        clock_limit: int,
        notes: dict[str, bytes],
        rng: Random,
        settings: StorageSettings | None = None,
    ) -> None:
        self._here = Address(here, "storage")
        self._disk = disk
        self._settings = settings = settings or StorageSettings()
        self._stage = stage = Stage(disk, clock_limit)
        self._outbox = outbox = Outbox(self._here, boot_count << 40)
        self._told_clock = clock_limit
        self._is_welcome = False
        self._has_given_up = False
        self._has_told_gossiper = True
        self._is_started = False
        self._wake_at: int | None = 0
        self._steward = Steward(
            here, boot_count, boot, notes, stage, outbox, rng, settings, self._adopted
        )
        self._fence = fence = Fence(here, self._steward, stage, outbox)
        self._trees = Trees(disk, settings)
        self._syncing = Syncing(here, disk, self._trees, stage, fence, outbox, rng, settings)
        self._hinting = Hinting(disk, stage, outbox, settings)
        self._expiring = Expiring(disk, stage, settings)
        self._collecting = Collecting(here, disk, stage, fence, outbox, settings)
        self._shedding = Shedding(here, disk, stage, settings)
        self._referring = Referring(disk, stage, fence, outbox)
        self._files_want_epoch = False

    @property
    def wake_at(self) -> int | None:
        """When any of its parts has something to do. Looked for once a turn: hosts ask often."""
        return self._wake_at

    def _next_wake(self, now: Now) -> int | None:
        times = [self._steward.wake_at, self._trees.wake_at]
        if self._steward.is_welcome:
            # The others are not asked what is due before: what they wait for may be long past.
            times += [
                self._syncing.wake_at,
                self._hinting.wake_at,
                self._expiring.wake_at,
                self._collecting.wake_at,
                self._shedding.wake_at,
            ]
        wakes = [at_ms for at_ms in times if at_ms is not None]
        return max(min(wakes), now.mono_ms + 1) if wakes else None

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Stage, commit, answer."""
        if not self._is_started:
            self._is_started = True
            if self._steward.layout.epoch:
                self._adopted(now)
        for envelope in inbox:
            self._on(envelope, now)
        may_be_due = not self._is_asleep(now) or any(type(e.message) not in PLAIN for e in inbox)
        if may_be_due:
            self._do_what_is_due(now)
        self._referring.look()
        is_done, changes = self._stage.commit()
        self._trees.apply(changes)
        if self._stage.clock > self._told_clock:
            # First of this turn's envelopes: the router must know the clock before any
            # acknowledgement of this turn passes through it.
            self._told_clock = self._stage.clock
            self._outbox.to("router", ClockRaised(self._stage.clock))
        self._referring.tell(changes)
        for then in self._stage.take_then():
            then(is_done)
        if may_be_due:
            self._tell_host()
            self._wake_at = self._next_wake(now)
        return self._outbox.take()

    def _is_asleep(self, now: Now) -> bool:
        return self._wake_at is None or now.mono_ms < self._wake_at

    def _do_what_is_due(self, now: Now) -> None:
        syncing = self._syncing
        if self._here.node in self._steward.layout.next:
            self._steward.report_sync(syncing.moving, syncing.moved)
        self._steward.wants_bump(self._collecting.waits or self._files_want_epoch)
        self._steward.due(now)
        self._trees.due(now)
        if self._steward.is_welcome:
            syncing.due(now)
            self._hinting.due(now)
            self._expiring.due(now)
            self._collecting.due(now)
            self._shedding.due(now)

    def _tell_host(self) -> None:
        layout = self._steward.layout
        is_gone = self._here.node in layout.gone
        if not self._has_told_gossiper and (self._steward.is_released or not is_gone):
            # One that leaves goes on until enough others know that it may.
            self._has_told_gossiper = True
            self._outbox.to("gossiper", LayoutIs(layout))
        if self._steward.is_welcome and not self._is_welcome:
            self._is_welcome = True
            self._outbox.to("router", Welcomed())
        if self._steward.refused and not self._has_given_up:
            self._has_given_up = True
            self._outbox.to(HOST, GiveUp("refused", self._steward.refused))

    def _adopted(self, now: Now) -> None:
        """A layout is on the disk. The router and the file server hear of it before anything is
        answered in it."""
        layout, placement = self._steward.layout, self._steward.placement
        for actor in ("router", "fileserver", HOST):
            self._outbox.to(actor, LayoutIs(layout))
        self._has_told_gossiper = False
        self._syncing.on_layout(placement, now)
        self._collecting.on_layout(placement, now)
        self._shedding.on_layout(placement, now)
        self._hinting.on_layout(placement, now)

    def _on(self, envelope: Envelope, now: Now) -> None:
        match envelope.message:
            case Store() as store:
                self._on_store(envelope, store)
            case Fetch() as fetch:
                self._fence.answer(envelope, fetch.epoch, partial(self._fetched, fetch))
            case Scan() as scan:
                self._fence.answer(envelope, scan.epoch, partial(self._scanned, scan))
            case Inspect(key):
                self._stage.then(lambda _: self._outbox.reply(envelope, self._inspected(key)))
            case AskReport(epoch):
                self._fence.answer(envelope, epoch, self._report)
            case AskVitals():
                self._stage.then(lambda _: self._outbox.reply(envelope, self._vitals()))
            case Remember(notes, founding):
                self._on_remember(envelope, notes, founding, now)
            case MembersChanged() as changed:
                self._steward.on(envelope, now)
                self._syncing.on_members(changed, now)
                self._hinting.on_members(changed, now)
                self._collecting.on_members(changed, now)
            case Refer() as refer:
                self._referring.on_refer(envelope, refer)
            case FilesHandedOver() if envelope.sender.node == self._here.node:
                self._steward.may_leave()
            case WantEpoch(wanted) if envelope.sender.node == self._here.node:
                self._files_want_epoch = wanted
            case Stop():
                self._stage.then(lambda _: self._outbox.reply(envelope, Finished()))
            case other:
                # The steward last: that others have another layout concerns all who asked them.
                parts = (self._syncing, self._collecting, self._hinting, self._steward)
                if not any(part.on(envelope, now) for part in parts):
                    self._drop(envelope, other)

    def _drop(self, envelope: Envelope, message: Message) -> None:
        match message:
            case Bounced():
                # Who waits for it asks again; what nobody waits for is told again.
                self._outbox.drop(NOT_THERE)
            case Fetched() | Failed():
                self._outbox.drop_answer(envelope)
            case other:
                self._outbox.drop(f"storage was sent {type(other).__name__}")

    # Writes.

    def _on_store(self, envelope: Envelope, store: Store) -> None:
        """Keep what is newer than what is held; older news is acknowledged all the same, for the
        newer value supersedes it, and on a full disk too."""
        refusal = self._fence.refusal(store.epoch)
        if refusal is not None:
            self._outbox.reply(envelope, refusal)
            return
        codes, records = [], []
        most = self._stage.clock + MAX_CLOCK_STEP
        for key, kind, value, stamp, expires_ms in zip(
            store.keys, store.kinds, store.values, store.stamps, store.expiries, strict=True
        ):
            is_fine = 0 < stamp.counter <= most
            codes.append("ok" if is_fine else "refused")
            if is_fine:
                records.append(Record(key, kind, value, stamp, expires_ms))
        is_held = iter(self._stage.put(records))
        waits = [code == "ok" and not next(is_held) for code in codes]

        def then(is_done: bool) -> None:
            pairs = zip(codes, waits, strict=True)
            stored = [c if is_done or not must_wait else "disk_full" for c, must_wait in pairs]
            self._outbox.reply(envelope, Stored(tuple(stored)))

        self._stage.then(then)

    def _on_remember(
        self,
        envelope: Envelope,
        notes: Sequence[tuple[str, bytes]],
        founding: Layout | None,
        now: Now,
    ) -> None:
        for name, note in notes:
            self._stage.note(name, note)
        if founding is not None:
            self._steward.found(founding, now)
        self._stage.then(
            lambda done: self._outbox.reply(envelope, Remembered("ok" if done else "disk_full"))
        )

    # Reads.

    def _fetched(self, fetch: Fetch) -> Fetched:
        kinds: list[Kind] = []
        values: list[bytes] = []
        stamps: list[Stamp] = []
        expiries: list[int] = []
        size_bytes = 0
        for start in range(0, len(fetch.keys), READ_STEP):
            for record in self._disk.read(fetch.keys[start : start + READ_STEP]):
                size_bytes += STAMP_BYTES + (len(record.value) if record else 0)
                if size_bytes > self._settings.max_reply_bytes and values:
                    return Fetched(tuple(kinds), tuple(values), tuple(stamps), tuple(expiries))
                kinds.append(record.kind if record else "absent")
                values.append(record.value if record else b"")
                stamps.append(record.stamp if record else NEVER)
                expiries.append(record.expires_ms if record else 0)
        return Fetched(tuple(kinds), tuple(values), tuple(stamps), tuple(expiries))

    def _scanned(self, scan: Scan) -> Scanned:
        limit = max(1, min(scan.limit, self._settings.max_page_keys))
        keys, more = self._disk.page(scan.prefix, scan.after, limit)
        if not scan.prefix.startswith(FILES) and keys and keys[-1] >= FILES:
            # Among the keys of clients those of manifests are not listed.
            keys = [key for key in keys if key < FILES]
            after = max(scan.after, AFTER_FILES)
            rest, more = self._disk.page(scan.prefix, after, limit - len(keys))
            keys += rest
        count = fitting(keys)
        return Scanned(tuple(keys[:count]), more or count < len(keys))

    def _inspected(self, key: str) -> Inspected:
        [record] = self._disk.read([key])
        epoch, hinted = self._steward.layout.epoch, tuple(self._disk.hinted(key))
        if record is None:
            return Inspected(epoch, "absent", NEVER, 0, 0, hinted)
        size_bytes = len(record.value)
        return Inspected(epoch, record.kind, record.stamp, record.expires_ms, size_bytes, hinted)

    def _report(self) -> Report:
        syncing, counts = self._syncing, self._hinting.counts()
        return Report(
            self._steward.layout.epoch,
            syncing.behind_hex(),
            syncing.moving,
            syncing.moved,
            tuple(counts),
            tuple(counts.values()),
        )

    def _vitals(self) -> StorageVitals:
        syncing = self._syncing
        return StorageVitals(
            syncing.owned,
            len(syncing.behind()),
            syncing.moving,
            syncing.moved,
            sum(self._hinting.counts().values()),
            syncing.repaired,
            self._steward.is_welcome,
        )
