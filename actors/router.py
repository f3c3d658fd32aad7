"""The Router actor: the node that is asked coordinates.

It finds each key's owners by the layout and addresses their storages, here or on other nodes; it
never hands a client's request to another router. How it writes, reads and lists is told in
`writing`, `reading` and `listing`. All is asked in one epoch; when another begins, what is under
way is begun again in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import Address, Envelope, Now, reply
from actors.admission import Admission
from actors.asks import Ask, Asks, AskSettings
from actors.checking import PATIENCE_MS, Checking, SurveyJob
from actors.client_keys import as_stored
from actors.closing import Closing
from actors.desk import Desk, Open
from actors.healing import Healing
from actors.jobs import ExportJob, GetJob, HealJob, Job, ProbeJob, WriteJob, write_job
from actors.layout import Placement
from actors.listing import Listing, ListJob
from actors.membership import LIVING
from actors.messages import (
    AskFiles,
    AskReport,
    AskVitals,
    Bounced,
    Change,
    Changed,
    Check,
    ClockRaised,
    Explain,
    Export,
    Failed,
    Fetch,
    Fetched,
    FilesReport,
    Finished,
    Get,
    Heal,
    Inspect,
    Inspected,
    LayoutIs,
    List,
    MembersChanged,
    Observe,
    Observed,
    PutRecord,
    Report,
    Scan,
    Scanned,
    ShowRing,
    Stop,
    Store,
    Stored,
    Unread,
    Watched,
    Welcomed,
    Write,
)
from actors.read_parts import BackPart
from actors.reading import Reading
from actors.refusing import explained, refusal
from actors.router_settings import RouterSettings
from actors.window import Windows
from actors.writing import Writing

REQUESTS = (Get, Write, List, Check, Explain, ShowRing, Export, PutRecord)
ANSWERS = (Observed, Fetched, Stored, Scanned, Inspected, Report, FilesReport)


class Router:
    """`here` is the node's id, `boot` the name of its present life, `boot_count` its number."""

    def __init__(
        self,
        here: str,
        boot: str,
        boot_count: int,
        clock: int,
        settings: RouterSettings | None = None,
        asks: AskSettings | None = None,
    ) -> None:
        self._here = Address(here, "router")
        self._settings = settings = settings or RouterSettings()
        # Numbered above every earlier boot, so that no late answer is taken for a new one.
        self._asks = Asks(self._here, boot_count << 40, asks or AskSettings())
        self._desk = desk = Desk(self._here, boot, clock, self._asks)
        self._open = Open()
        self._admission = Admission(
            settings.max_begun_bytes,
            settings.max_client_bytes,
            settings.max_reply_bytes,
            settings.begun_patience_ms,
        )
        self._writing = Writing(desk, self._close_if_done)
        self._reading = Reading(desk, settings, self._close_if_done, self._open.grew, self._doubt)
        self._healing = Healing(
            desk, self._open, self._reading, settings.heal_timeout_ms, self._close_if_done
        )
        self._listing = Listing(desk, self._close_if_done, self._probe)
        self._checking = Checking(desk, self._close_if_done)
        self._waiting = "the node has just started"
        self._network = ""
        self._seen = Windows()
        self._probes: dict[ProbeJob, ListJob] = {}
        self._closing = Closing(settings.stop_patience_ms)
        self._tick_at_ms = 0
        self._watched_until_ms = 0
        self._is_watched = False
        self._changed: list[Change] = []

    @property
    def wake_at(self) -> int | None:
        """While anything is under way, often enough to see its time run out; and while replies
        wait, which are tried again then."""
        is_busy = bool(self._open.jobs)
        # What is late is given up at a tick.
        closing_ms = None if is_busy else self._closing.wake_at(is_busy=False)
        if not (is_busy or self._asks or closing_ms or self._admission.holds):
            return None
        times = (self._tick_at_ms, self._writing.wake_at, self._reading.wake_at, closing_ms)
        return min(at_ms for at_ms in times if at_ms is not None)

    @property
    def is_idle(self) -> bool:
        """Is nothing held of any request, nor counted as if it were?"""
        return self._open.is_empty and self._admission.is_idle

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Take in all that arrived, then send one message to each replica."""
        desk = self._desk
        desk.out, desk.now = [], now
        self._is_watched = now.mono_ms < self._watched_until_ms
        for envelope in inbox:
            self._on(envelope, now)
        if now.mono_ms >= self._tick_at_ms:
            self._tick_at_ms = now.mono_ms + self._settings.tick_ms
            self._tick(now)
        self._writing.due()
        while (job := self._admission.next(now.mono_ms)) is not None:
            self._begin(job)
        if not self._closing.has_begun:
            self._healing.flush()
        self._writing.flush()
        self._reading.flush()
        if self._changed:
            changed, self._changed = Changed(tuple(self._changed)), []
            desk.send(desk.node, "gossiper", changed)
        if stop := self._closing.finished(now, is_busy=bool(self._open.jobs)):
            desk.out.append(reply(stop, Finished()))
        return desk.out

    def _on(self, envelope: Envelope, now: Now) -> None:
        match envelope.message:
            case request if isinstance(request, REQUESTS):
                self._on_request(envelope, now)
            case Observe(epoch):
                self._writing.on_observe(envelope, epoch)
            case answer if isinstance(answer, ANSWERS):
                self._on_answer(envelope)
            case Bounced() | Failed():
                self._on_put_off(envelope, now)
            case LayoutIs() as news:
                self._on_layout(envelope, news, now)
            case MembersChanged() as changed:
                self._on_members_changed(changed)
            case Stop():
                self._closing.begin(envelope, now)
            case _:
                self._on_word(envelope, now)

    def _on_word(self, envelope: Envelope, now: Now) -> None:
        """What the other actors of this node, and its host, tell and want to know."""
        match envelope.message:
            case ClockRaised(counter):
                self._desk.clock = max(self._desk.clock, counter)
            case Unread(client, waits):
                self._admission.hold(client, is_held=waits)
            case Welcomed():
                self._desk.welcome = True
            case Heal(keys):
                if not self._closing.has_begun:
                    self._healing.begin(envelope, keys)
            case Watched(duration_ms):
                self._watched_until_ms = max(self._watched_until_ms, now.mono_ms + duration_ms)
            case AskVitals():
                self._desk.out.append(reply(envelope, self._reading.vitals()))
            case other:
                self._desk.drop(f"router was sent {type(other).__name__}")

    def _on_members_changed(self, changed: MembersChanged) -> None:
        desk = self._desk
        self._network = changed.network
        self._waiting = changed.waiting
        if not changed.network:
            return
        desk.rename({m.id: m.name for m in changed.members})
        others = [m for m in changed.members if m.id != desk.node]
        down = frozenset([m.id for m in others if m.state not in LIVING])
        down = down.union(desk.placement.layout.lost)
        fallen, desk.down = sorted(down - desk.down), down
        for node in fallen:
            for ask in self._asks.give_up(node):
                self._given_up(ask)

    def _on_layout(self, envelope: Envelope, news: LayoutIs, now: Now) -> None:
        """The own storage's is on the disk: it counts. Another's goes there first."""
        desk = self._desk
        if envelope.sender.node == desk.node:
            if news.layout.epoch > desk.epoch:
                self._begin_epoch(Placement(news.layout))
            return
        if news.layout.epoch > desk.epoch:
            desk.send(desk.node, "storage", news)
        elif news.layout.epoch < desk.epoch:
            desk.send(envelope.sender.node, "storage", LayoutIs(desk.placement.layout))
        self._on_put_off(envelope, now)

    def _begin_epoch(self, placement: Placement) -> None:
        self._desk.placement = placement
        self._desk.down = self._desk.down.union(placement.layout.lost)
        self._asks.forget_all()
        self._writing.forget_epoch()
        self._reading.forget_epoch()
        self._listing.forget_epoch()
        for job in list(self._open.jobs):
            match job:
                case GetJob() | WriteJob() if not self._admission.has_begun(job):
                    pass
                case WriteJob():
                    self._writing.restart(job)
                case ListJob():
                    self._listing.begin(job)
                case SurveyJob():
                    self._checking.begin(job)
                case GetJob() | HealJob() | ProbeJob():
                    self._reading.restart(job)

    # A request of a client, or of the own file server.

    def _on_request(self, envelope: Envelope, now: Now) -> None:
        self._closing.asked(now)
        envelope = as_stored(envelope)
        is_write = isinstance(envelope.message, (Write, PutRecord))
        if is_write and not self._seen.first_time(envelope.sender, envelope.id):
            self._desk.drop("duplicate write")
            return
        if refusal := self._refusal(envelope):
            self._desk.out.append(reply(envelope, refusal))
            return
        match envelope.message:
            case Get() as get:
                deadline_ms = self._deadline_ms(get.timeout_ms, now)
                self._take_on(GetJob(envelope, get, deadline_ms, self._settings.max_reply_bytes))
            case Write() | PutRecord() as write:
                deadline_ms = self._deadline_ms(write.timeout_ms, now)
                self._take_on(write_job(envelope, write, deadline_ms, now.wall_ms))
            case List() as request:
                self._list(envelope, request, self._deadline_ms(request.timeout_ms, now))
            case Export(after, limit, timeout_ms):
                page = List("", after, limit, timeout_ms)
                self._list(envelope, page, self._deadline_ms(timeout_ms, now))
            case Check(timeout_ms) | Explain(_, timeout_ms) | ShowRing(timeout_ms):
                patience_ms = min(self._deadline_ms(timeout_ms, now), now.mono_ms + PATIENCE_MS)
                survey = SurveyJob(envelope, patience_ms)
                self._open.add(survey)
                self._checking.begin(survey)

    def _list(self, envelope: Envelope, request: List, deadline_ms: int) -> None:
        limit = max(1, min(request.limit, self._settings.max_list_keys))
        page = ListJob(envelope, request, limit, deadline_ms)
        self._open.add(page)
        self._listing.begin(page)

    def _export(self, page: ListJob) -> None:
        """The keys of a page that was to be exported are known: read them."""
        keys, limits = tuple(page.page), self._settings
        request, deadline_ms = page.request, page.deadline_ms
        self._take_on(ExportJob(request, keys, page.cursor, deadline_ms, limits.max_reply_bytes))

    def _begin(self, job: GetJob | WriteJob) -> None:
        match job:
            case GetJob():
                self._reading.begin(job, self._admitted(job, job.message.keys))
            case WriteJob():
                values, limit = job.message.values, self._settings.max_value_bytes
                if max(map(len, values)) > limit:
                    job.settle((i for i, v in enumerate(values) if len(v) > limit), "too_large")
                self._writing.begin(job, self._admitted(job, job.message.keys))
        self._close_if_done(job)

    def _refusal(self, envelope: Envelope) -> Failed | None:
        """Why the whole request is not taken on, if so."""
        message = envelope.message
        if self._closing.has_begun:
            return Failed("stopping", "the node is shutting down", True)
        if not self._network or not self._desk.epoch:
            waiting = self._waiting or "waiting to be told who keeps the data"
            return Failed("not_ready", f"the node is not ready: {waiting}", True)
        if isinstance(message, PutRecord) and envelope.sender.node != self._here.node:
            return Failed("refused", "only a node's own file server keeps manifests", True)
        return refusal(envelope, self._settings, self._open, self._admission)

    def _deadline_ms(self, timeout_ms: int, now: Now) -> int:
        """A little before the client gives up, so that it hears why."""
        timeout_ms = max(1, min(timeout_ms, self._settings.max_timeout_ms))
        return now.mono_ms + timeout_ms - min(timeout_ms // 10, 200)

    def _admitted(self, job: Job, keys: tuple[str, ...]) -> Sequence[int]:
        """The positions of the keys that have no outcome yet; what is no key is settled."""
        if min(map(len, keys)) < 1 or max(map(len, keys)) * 4 > self._settings.max_key_bytes:
            bad = [i for i, key in enumerate(keys) if not self._settings.admits(key)]
            job.settle(bad, "bad_key")
        return range(len(keys)) if job.open == len(keys) else job.unsettled()

    def _take_on(self, job: GetJob | WriteJob) -> None:
        self._open.add(job)
        self._admission.add(job)

    def _close_if_done(self, job: Job) -> None:
        if job.open or not self._open.end(job):
            return
        if isinstance(job, (GetJob, WriteJob)):
            self._admission.end(job)
        if isinstance(job, ProbeJob):
            self._listing.on_probed(self._probes.pop(job), job)
            return
        if isinstance(job, ListJob) and isinstance(job.request.message, Export) and job.page:
            self._export(job)
            return
        answer = self._checking.reply(job) if isinstance(job, SurveyJob) else None
        answer = answer or explained(job, self._desk, self._settings) or job.answer()
        if answer is not None:
            self._desk.out.append(answer)
        if self._is_watched and isinstance(job, WriteJob):
            self._changed += job.changes()

    def _doubt(self, keys: Sequence[str]) -> None:
        if self._settings.read_repair:
            self._healing.doubt(keys)

    def _probe(self, page: ListJob, keys: tuple[str, ...]) -> None:
        page.probe = probe = ProbeJob(page.request, keys, page.deadline_ms)
        self._probes[probe] = page
        self._open.add(probe)
        self._reading.begin(probe, range(len(keys)))

    # What the owners answer.

    def _on_answer(self, envelope: Envelope) -> None:
        ask = self._asks.answered(envelope)
        if ask is None:
            self._desk.drop(self._asks.unwanted(envelope))
            return
        match envelope.message:
            case Fetched() as fetched:
                self._admission.learn(len(fetched.values), sum(map(len, fetched.values)))
                self._reading.on_fetched(ask, fetched)
            case Observed(clock):
                self._writing.on_observed(ask, clock)
            case Stored(codes) if isinstance(ask.parts[0], BackPart):
                self._reading.on_stored(ask, codes)
            case Stored(codes):
                self._writing.on_stored(ask, codes)
            case Scanned() as scanned:
                self._listing.on_scanned(ask, scanned)
            case (Inspected() | Report() | FilesReport()) as answer:
                self._checking.on_answer(ask, answer)

    def _on_put_off(self, envelope: Envelope, now: Now) -> None:
        if ask := self._asks.put_off(envelope, now):
            self._given_up(ask)

    def _given_up(self, ask: Ask) -> None:
        match ask.message:
            case Fetch():
                self._reading.given_up(ask)
            case Store() if isinstance(ask.parts[0], BackPart):
                self._reading.given_up(ask)
            case Store() | Observe():
                self._writing.given_up(ask)
            case Scan():
                self._listing.given_up(ask)
            case Inspect() | AskReport() | AskFiles():
                self._checking.given_up(ask)

    def _tick(self, now: Now) -> None:
        """Time out what is due, then repeat what went unanswered."""
        stopped = self._closing.is_late(now)
        for job in [j for j in self._open.jobs if stopped or now.mono_ms >= j.deadline_ms]:
            job.time_out()
            self._close_if_done(job)
        again, over = self._asks.due(now)
        self._desk.out.extend(again)
        for ask in over:
            self._given_up(ask)
