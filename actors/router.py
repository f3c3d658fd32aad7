"""The Router actor: the node that is asked coordinates.

It finds each key's owner on the ring and addresses that owner's storage, here or on another node;
it never hands a client's request to another router. A write takes two rounds: ask the owner's
router for its clock, then stamp the value once, above every clock seen, and store it. A read takes
one. Whatever is asked of a replica is answered, repeated while that is safe, or given up by its
deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from actors.actor import HOST, Address, Envelope, Now, Trace, reply
from actors.asks import Ask, Asks, AskSettings, Parts
from actors.jobs import GetJob, Job, ListJob, WriteJob, cut_reads, cut_stores, failure
from actors.messages import (
    Bounced,
    Change,
    Changed,
    ClockRaised,
    Dropped,
    Failed,
    Fetch,
    Fetched,
    Finished,
    Get,
    List,
    MembersChanged,
    Message,
    Observe,
    Observed,
    Scan,
    Scanned,
    Stop,
    Stored,
    Watched,
    Write,
)
from actors.ring import Ring
from actors.versions import MAX_CLOCK_STEP, Stamp
from actors.window import Windows

# What a turn has gathered for one owner, traced requests each by themselves.
Reads = dict[tuple[str, Trace | None], list[tuple[GetJob, Sequence[int]]]]
Writes = dict[tuple[str, Trace | None], list[tuple[WriteJob, Sequence[int]]]]


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What may be set: times in milliseconds, sizes in bytes."""

    max_key_bytes: int = 1_024
    max_value_bytes: int = 2**20
    max_batch_keys: int = 10_000
    max_list_keys: int = 1_000
    max_open_keys: int = 100_000
    max_open_bytes: int = 64 * 2**20
    max_reply_bytes: int = 2 * 2**20
    max_timeout_ms: int = 600_000
    tick_ms: int = 50
    stop_patience_ms: int = 1_000


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
        self._boot = boot
        self._clock = clock
        self._settings = settings or RouterSettings()
        self._ring = Ring(())
        self._names: dict[str, str] = {}
        self._waiting = "the node has just started"
        self._jobs: dict[Job, None] = {}
        # Numbered above every earlier boot, so that no late answer is taken for a new one.
        self._asks = Asks(self._here, boot_count << 40, asks or AskSettings())
        self._open_keys = 0
        self._open_bytes = 0
        self._seen = Windows()
        self._stop: Envelope | None = None
        self._stop_by_ms = 0
        self._tick_at_ms = 0
        self._reads: Reads = {}
        self._unstamped: Writes = {}
        self._stores: Writes = {}
        self._watched_until_ms = 0
        self._is_watched = False
        self._changed: list[Change] = []
        self._out: list[Envelope] = []

    @property
    def wake_at(self) -> int | None:
        """While anything is under way, often enough to see its time run out."""
        return self._tick_at_ms if self._jobs or self._asks or self._stop else None

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Take in all that arrived, then send one message to each replica."""
        self._out = []
        self._is_watched = now.mono_ms < self._watched_until_ms
        for envelope in inbox:
            self._on(envelope, now)
        if now.mono_ms >= self._tick_at_ms:
            self._tick_at_ms = now.mono_ms + self._settings.tick_ms
            self._tick(now)
        self._flush(now)
        if self._stop and not self._jobs:
            self._out.append(reply(self._stop, Finished()))
            self._stop = None
        return self._out

    def _on(self, envelope: Envelope, now: Now) -> None:
        match envelope.message:
            case Get() | Write() | List():
                self._on_request(envelope, now)
            case Observe():
                self._out.append(reply(envelope, Observed(self._clock)))
            case Observed() | Fetched() | Stored() | Scanned():
                self._on_answer(envelope)
            case Bounced():
                self._on_bounced(envelope, now)
            case ClockRaised(counter):
                self._clock = max(self._clock, counter)
            case MembersChanged() as changed:
                self._on_members_changed(changed)
            case Watched(duration_ms):
                self._watched_until_ms = max(self._watched_until_ms, now.mono_ms + duration_ms)
            case Stop():
                self._stop = envelope
                self._stop_by_ms = now.mono_ms + self._settings.stop_patience_ms
            case other:
                self._drop(f"router was sent {type(other).__name__}")

    def _on_members_changed(self, changed: MembersChanged) -> None:
        ids = tuple(m.id for m in changed.members)
        if ids != self._ring.members:
            self._ring = Ring(ids)
        self._names = {m.id: m.name for m in changed.members}
        self._waiting = changed.waiting

    # A client's request.

    def _on_request(self, envelope: Envelope, now: Now) -> None:
        message = envelope.message
        if isinstance(message, Write) and not self._seen.first_time(envelope.sender, envelope.id):
            self._drop("duplicate write")
            return
        refusal = self._refusal(message)
        if refusal is not None:
            self._out.append(reply(envelope, refusal))
            return
        match message:
            case Get() as get:
                deadline_ms = self._deadline_ms(get.timeout_ms, now)
                job = GetJob(envelope, get, deadline_ms, self._settings.max_reply_bytes)
                self._open(job)
                for owner, positions in self._by_owner(job, get.keys).items():
                    self._reads.setdefault((owner, envelope.trace), []).append((job, positions))
            case Write() as write:
                self._on_write(
                    WriteJob(envelope, write, self._deadline_ms(write.timeout_ms, now)), write
                )
            case List() as request:
                self._on_list(envelope, request, now)

    def _refusal(self, message: Message) -> Failed | None:
        """Why the whole request is not taken on, if so."""
        limits = self._settings
        if self._stop:
            return Failed("stopping", "the node is shutting down", True)
        if not self._ring.members:
            return Failed("not_ready", f"the node is not ready: {self._waiting}", True)
        if isinstance(message, (Get, Write)):
            if not 1 <= len(message.keys) <= limits.max_batch_keys:
                reason = f"a batch has 1 to {limits.max_batch_keys:,} keys, not {len(message.keys)}"
                return Failed("refused", reason, True)
            if self._open_keys + len(message.keys) > limits.max_open_keys:
                return Failed("overloaded", "too many keys are under way at this node", True)
        if self._open_bytes > limits.max_open_bytes:
            return Failed("overloaded", "too many bytes are under way at this node", True)
        return None

    def _deadline_ms(self, timeout_ms: int, now: Now) -> int:
        """A little before the client gives up, so that it hears why."""
        timeout_ms = max(1, min(timeout_ms, self._settings.max_timeout_ms))
        return now.mono_ms + timeout_ms - min(timeout_ms // 10, 200)

    def _by_owner(self, job: Job, keys: tuple[str, ...]) -> dict[str, Sequence[int]]:
        """The positions of the keys of each owner; a key that is not admitted is settled."""
        if min(map(len, keys)) < 1 or max(map(len, keys)) * 4 > self._settings.max_key_bytes:
            bad = [i for i, key in enumerate(keys) if not self._admits(key)]
            job.settle(bad, "bad_key")
        if len(self._ring.members) == 1 and job.open == len(keys):
            return {self._ring.members[0]: range(len(keys))}
        owners: dict[str, list[int]] = {}
        for i, key in enumerate(keys):
            if not job.codes[i]:
                owners.setdefault(self._ring.owners_of(key)[0], []).append(i)
        self._close_if_done(job)
        return dict(owners)

    def _admits(self, key: str) -> bool:
        return 1 <= len(key.encode()) <= self._settings.max_key_bytes

    def _on_write(self, job: WriteJob, write: Write) -> None:
        self._open(job)
        if max(map(len, write.values)) > self._settings.max_value_bytes:
            limit = self._settings.max_value_bytes
            job.settle((i for i, v in enumerate(write.values) if len(v) > limit), "too_large")
        for owner, positions in self._by_owner(job, write.keys).items():
            here = owner == self._here.node
            if here:
                self._stamp(job, positions)
            gathered = self._stores if here else self._unstamped
            gathered.setdefault((owner, job.request.trace), []).append((job, positions))

    def _on_list(self, envelope: Envelope, request: List, now: Now) -> None:
        members = self._ring.members
        limit = max(1, min(request.limit, self._settings.max_list_keys))
        names = tuple(self._names[m] for m in members)
        job = ListJob(envelope, names, limit, self._deadline_ms(request.timeout_ms, now))
        self._open(job)
        for i, member in enumerate(members):
            scan = Scan(request.prefix, request.after, limit)
            self._ask(member, "storage", scan, [(job, (i,))], envelope.trace, now)

    def _open(self, job: Job) -> None:
        self._jobs[job] = None
        self._open_keys += len(job.codes)
        self._open_bytes += job.bytes_held

    def _close_if_done(self, job: Job) -> None:
        if job.open == 0 and job in self._jobs:
            del self._jobs[job]
            self._open_keys -= len(job.codes)
            self._open_bytes -= job.bytes_held
            self._out.append(self._explained(job) or job.answer())
            if self._is_watched and isinstance(job, WriteJob):
                self._changed += job.changes()

    def _explained(self, job: Job) -> Envelope | None:
        """A request for one key that failed is answered with a sentence, and the owner's name."""
        if not isinstance(job, (GetJob, WriteJob)) or len(job.codes) > 1:
            return None
        owner, limits = self._owner_name(job.message.keys[0]), self._settings
        failed = failure(job, owner, limits.max_key_bytes, limits.max_value_bytes)
        return None if failed is None else reply(job.request, failed)

    def _owner_name(self, key: str) -> str:
        owners = self._ring.owners_of(key)
        return self._names[owners[0]] if owners else "the node"

    # Asking the owners.

    def _stamp(self, job: WriteJob, positions: Iterable[int]) -> None:
        """Once for each key, in order: where a key stands twice in a batch, the last one wins."""
        for i in positions:
            self._clock += 1
            job.stamps[i] = Stamp(self._clock, self._here.node, self._boot)

    def _flush(self, now: Now) -> None:
        """One message to each replica, for all that the turn has gathered for it."""
        if self._changed:
            changed, self._changed = Changed(tuple(self._changed)), []
            self._within("gossiper", changed)
        reads, self._reads = self._reads, {}
        unstamped, self._unstamped = self._unstamped, {}
        stores, self._stores = self._stores, {}
        for (owner, trace), gathered in reads.items():
            for keys, parts in cut_reads(gathered):
                self._ask(owner, "storage", Fetch(keys), parts, trace, now)
        for (owner, trace), write_parts in unstamped.items():
            self._ask(owner, "router", Observe(), write_parts, trace, now)
        for (owner, trace), write_parts in stores.items():
            for store, parts in cut_stores(write_parts):
                self._ask(owner, "storage", store, parts, trace, now)

    def _ask(
        self, node: str, actor: str, message: Message, parts: Parts, trace: Trace | None, now: Now
    ) -> None:
        self._out.append(self._asks.send(Address(node, actor), message, parts, trace, now))

    # What the owners answer.

    def _on_answer(self, envelope: Envelope) -> None:
        ask = self._asks.answered(envelope)
        if ask is None:
            self._drop(f"late or unasked {type(envelope.message).__name__}")
            return
        match envelope.message:
            case Fetched() as fetched:
                self._on_fetched(ask, fetched)
            case Observed(clock):
                self._on_observed(ask, clock)
            case Stored(codes):
                self._on_stored(ask, codes)
            case Scanned() as scanned:
                self._on_scanned(ask, scanned)

    def _on_fetched(self, ask: Ask, fetched: Fetched) -> None:
        owner = ask.to.node
        start, end = 0, len(fetched.kinds)
        for job, positions in ask.parts:
            if not isinstance(job, GetJob) or not job.open:
                start += len(positions)
                continue
            answered = positions[: max(0, end - start)]
            held_before = job.bytes_held
            job.fill(answered, fetched, start, self._names.get(owner, owner))
            self._open_bytes += job.bytes_held - held_before
            start += len(positions)
            rest = positions[len(answered) :]
            if rest and rest[0] > 0 and job.is_full():
                job.put_off(rest)
            elif rest:
                self._reads.setdefault((owner, ask.trace), []).append((job, rest))
            self._close_if_done(job)

    def _on_observed(self, ask: Ask, clock: int) -> None:
        if clock > self._clock + MAX_CLOCK_STEP:
            self._drop("clock too far ahead")
            self._give_up(ask, "unavailable")
            return
        self._clock = max(self._clock, clock)
        for job, positions in ask.parts:
            if isinstance(job, WriteJob) and job.open:
                self._stamp(job, positions)
                self._stores.setdefault((ask.to.node, ask.trace), []).append((job, positions))

    def _on_stored(self, ask: Ask, codes: tuple[str, ...]) -> None:
        start = 0
        for job, positions in ask.parts:
            if isinstance(job, WriteJob) and job.open:
                for i, code in zip(positions, codes[start : start + len(positions)], strict=True):
                    if code == "ok":
                        job.replicas[i] = self._names.get(ask.to.node, ask.to.node)
                    job.settle((i,), code)
                self._close_if_done(job)
            start += len(positions)

    def _on_scanned(self, ask: Ask, scanned: Scanned) -> None:
        for job, positions in ask.parts:
            if isinstance(job, ListJob) and job.open:
                # A member may hold keys that it no longer owns: the ring says whose word counts.
                member = ask.to.node
                job.keys += [k for k in scanned.keys if self._ring.owners_of(k)[0] == member]
                if scanned.more and scanned.keys:
                    job.resume_after.append(scanned.keys[-1])
                job.settle(positions, "ok")
                self._close_if_done(job)

    def _on_bounced(self, envelope: Envelope, now: Now) -> None:
        ask = self._asks.bounced(envelope, now)
        if ask is not None:
            self._give_up(ask, "unavailable" if ask.harmless() else "timed_out")

    def _give_up(self, ask: Ask, code: str) -> None:
        for job, positions in ask.parts:
            job.settle(positions, code)
            self._close_if_done(job)

    def _tick(self, now: Now) -> None:
        """Time out what is due, then repeat what went unanswered."""
        stopped = self._stop is not None and now.mono_ms >= self._stop_by_ms
        for job in [j for j in self._jobs if stopped or now.mono_ms >= j.deadline_ms]:
            job.time_out()
            self._close_if_done(job)
        self._out.extend(self._asks.due(now))

    def _drop(self, reason: str) -> None:
        self._within(HOST, Dropped(reason))

    def _within(self, actor: str, message: Message) -> None:
        self._out.append(Envelope(Address(self._here.node, actor), self._here, message))
