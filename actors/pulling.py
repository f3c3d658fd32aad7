"""Takes from other replicas, a partition at a time, what they hold and this one lacks: a list of
the entries in the leaves that differ, then the records of those that are later than held.

Several partitions are under way at once, so that many small ones do not wait for each other's
answers, but never one from two peers, for they would send much of the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from actors.actor import Envelope, Now
from actors.disk import Disk
from actors.merkle import hex_of
from actors.messages import Fetch, Fetched, Pull, Pulled
from actors.outbox import Outbox
from actors.repeats import Repeats
from actors.ring import partition_of
from actors.sizes import fitting
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.throttle import Throttle
from actors.trees import Trees
from actors.versions import MAX_CLOCK_STEP, NEVER, Record, Stamp, Version

MAX_UNDER_WAY = 16
MAX_EXPIRY_MS = 2**62

FIRST_GUESS_BYTES = 1_000
"""So large is an entry taken to be before any was seen."""

Ended = Callable[[int, str, str], None]
"""A partition, a peer, and what became of it: "ok", "failed", or "full" where the disk is."""


@dataclass(slots=True, eq=False)
class _Pulling:
    """One partition from one peer. `root` is the peer's; `leaves` are what this replica had when it
    began, and so are the same in all requests; `wanted` are keys to be fetched, `cursor` is where
    the list goes on, `reserved_bytes` what the answer under way is thought to bring. `repairs`:
    what is lacking should have been here."""

    partition: int
    peer: str
    root: int
    repairs: bool
    leaves: tuple[str, ...] = ()
    cursor: str = ""
    wanted: deque[str] = field(default_factory=deque)
    fetching: tuple[str, ...] = ()
    reserved_bytes: int = 0


class PullQueue:
    """Tells `ended` of each partition how it went, unless it was cleared."""

    def __init__(
        self,
        disk: Disk,
        trees: Trees,
        stage: Stage,
        outbox: Outbox,
        settings: StorageSettings,
        ended: Ended,
    ) -> None:
        self._disk = disk
        self._trees = trees
        self._stage = stage
        self._outbox = outbox
        self._settings = settings
        self._ended = ended
        self._requests: Repeats[_Pulling] = Repeats(outbox, settings.sync_retry_ms)
        self._throttle = Throttle(settings.repair_bytes_per_s)
        self._queue: deque[_Pulling] = deque()
        self._active: dict[int, _Pulling] = {}
        self._thirsty: deque[_Pulling] = deque()
        self._entry_bytes = FIRST_GUESS_BYTES
        self._epoch = 0
        self.bytes_pulled = 0
        """The keys and values that were taken from others, in all."""
        self.repaired = 0
        """Records that were lacking, or older than those of others, and should not have been."""

    @property
    def is_idle(self) -> bool:
        """Is nothing under way or waiting?"""
        return not self._queue and not self._active

    @property
    def wake_at(self) -> int | None:
        """When a request is to be repeated, or more may be fetched: monotonic ms."""
        times = [self._requests.wake_at, self._throttle.open_at_ms if self._thirsty else None]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def begin(self, epoch: int) -> None:
        """Forget all that is under way; from now on ask in this epoch."""
        for pulling in self._active.values():
            self._throttle.take(-pulling.reserved_bytes)
        self._epoch = epoch
        self._requests.clear()
        self._queue.clear()
        self._active.clear()
        self._thirsty.clear()

    def pull(self, partition: int, peer: str, root: int, *, repairs: bool) -> None:
        """Take from this peer what it has of a partition, where its tree has this root. `repairs`:
        it is no partition that is only just moving here."""
        self._queue.append(_Pulling(partition, peer, root, repairs))

    def give_up(self, peer: str) -> None:
        """This peer cannot be asked for now."""
        queued = [p for p in self._queue if p.peer == peer]
        self._queue = deque([p for p in self._queue if p.peer != peer])
        self._requests.forget(peer)
        for pulling in [p for p in self._active.values() if p.peer == peer]:
            self._end(pulling, "failed")
        for pulling in queued:
            self._ended(pulling.partition, peer, "failed")

    def due(self, now: Now) -> None:
        """Repeat requests, fetch what the throttle held up, and begin what is next."""
        for pulling in self._requests.due(now):
            self._end(pulling, "failed")
        while self._thirsty and self._throttle.is_open(now.mono_ms):
            self._go_on(self._thirsty.popleft(), now)
        self.fill(now)

    def fill(self, now: Now) -> None:
        """Begin the next partitions, while few enough are under way."""
        put_off: list[_Pulling] = []
        while self._queue and len(self._active) < MAX_UNDER_WAY:
            pulling = self._queue.popleft()
            if pulling.partition in self._active:
                put_off.append(pulling)
            elif self._trees.root(pulling.partition) == pulling.root:
                self._ended(pulling.partition, pulling.peer, "ok")
            else:
                self._active[pulling.partition] = pulling
                pulling.leaves = tuple(map(hex_of, self._trees.leaves(pulling.partition)))
                self._list(pulling, now)
        self._queue.extendleft(reversed(put_off))

    def on_answer(self, envelope: Envelope, now: Now) -> bool:
        """An answer, a refusal, or a request that could not be sent: is it to one of these?"""
        pulling = self._requests.take(envelope)
        if pulling is None:
            return False
        match envelope.message:
            case Pulled() as pulled:
                self._on_pulled(pulling, pulled, now)
            case Fetched() as fetched:
                self._on_fetched(pulling, fetched, now)
            case _:
                self._end(pulling, "failed")
        return True

    def _list(self, pulling: _Pulling, now: Now) -> None:
        pulling.fetching = ()
        pull = Pull(self._epoch, pulling.partition, pulling.leaves, pulling.cursor)
        self._requests.ask(pulling.peer, pull, pulling, now)

    def _on_pulled(self, pulling: _Pulling, pulled: Pulled, now: Now) -> None:
        fault = self._fault_of_list(pulling, pulled)
        if fault:
            self._spoilt(pulling, fault)
            return
        self._count(sum(len(key.encode()) for key in pulled.keys))
        held = self._disk.versions(pulled.keys)
        theirs = map(Version, pulled.stamps, pulled.dead)
        for key, mine, version in zip(pulled.keys, held, theirs, strict=True):
            if version > mine:
                pulling.wanted.append(key)
        pulling.cursor = pulled.cursor
        self._go_on(pulling, now)

    def _go_on(self, pulling: _Pulling, now: Now) -> None:
        """Fetch what is wanted of the page, ask for the next page, or be done. All that went before
        is on the disk."""
        if not pulling.wanted and not pulling.cursor:
            self._end(pulling, "ok")
            self.fill(now)
        elif not self._throttle.is_open(now.mono_ms):
            self._thirsty.append(pulling)
        elif pulling.wanted:
            self._fetch(pulling, now)
        else:
            self._list(pulling, now)

    def _fetch(self, pulling: _Pulling, now: Now) -> None:
        most = max(1, self._throttle.burst_bytes // self._entry_bytes)
        count = min(len(pulling.wanted), most, self._settings.page_keys)
        keys = tuple([pulling.wanted[i] for i in range(count)])
        keys = keys[: fitting(keys)]
        pulling.reserved_bytes = min(len(keys) * self._entry_bytes, self._settings.max_reply_bytes)
        self._throttle.take(pulling.reserved_bytes)
        pulling.fetching = keys
        self._requests.ask(pulling.peer, Fetch(self._epoch, keys), pulling, now)

    def _on_fetched(self, pulling: _Pulling, fetched: Fetched, now: Now) -> None:
        self._throttle.take(-pulling.reserved_bytes)
        pulling.reserved_bytes = 0
        fault = self._fault_of_records(pulling, fetched)
        if fault:
            self._spoilt(pulling, fault)
            return
        count = len(fetched.kinds)
        records = list(
            map(
                Record,
                pulling.fetching,
                fetched.kinds,
                fetched.values,
                fetched.stamps,
                fetched.expiries,
            )
        )
        size_bytes = sum(len(record.key.encode()) + len(record.value) for record in records)
        self._count(size_bytes)
        self._entry_bytes = max(1, (3 * self._entry_bytes + size_bytes // count + 3) // 4)
        for _ in range(count):
            pulling.wanted.popleft()
        # What is not there any more was a tombstone, and is collected.
        held = self._stage.put([record for record in records if record.stamp != NEVER])

        def kept(ok: bool) -> None:
            if ok and pulling.repairs:
                self.repaired += held.count(False)
            if self._active.get(pulling.partition) is not pulling:
                return
            if ok:
                self._go_on(pulling, now)
            else:
                self._end(pulling, "full")

        self._stage.then(kept)

    def _count(self, size_bytes: int) -> None:
        self.bytes_pulled += size_bytes
        self._throttle.take(size_bytes)

    def _end(self, pulling: _Pulling, how: str) -> None:
        if self._active.get(pulling.partition) is not pulling:
            return
        del self._active[pulling.partition]
        if pulling in self._thirsty:
            self._thirsty.remove(pulling)
        self._throttle.take(-pulling.reserved_bytes)
        self._ended(pulling.partition, pulling.peer, how)

    def _spoilt(self, pulling: _Pulling, fault: str) -> None:
        self._outbox.drop(fault)
        self._end(pulling, "failed")

    def _fault_of_list(self, pulling: _Pulling, pulled: Pulled) -> str:
        """Why this cannot be the list that was asked for, or empty."""
        if pulling.fetching or not len(pulled.keys) == len(pulled.stamps) == len(pulled.dead):
            return "a list of entries that was not asked for, or not of one length"
        if pulled.cursor and pulled.cursor == pulling.cursor:
            return "a list of entries that does not go on"
        if any(partition_of(key) != pulling.partition for key in pulled.keys):
            return "a list of entries with keys of another partition"
        return self._fault_of_stamps(pulled.stamps)

    def _fault_of_records(self, pulling: _Pulling, fetched: Fetched) -> str:
        """Why these cannot be the records that were asked for, or empty."""
        count = len(fetched.kinds)
        columns = (fetched.values, fetched.stamps, fetched.expiries)
        if not 1 <= count <= len(pulling.fetching) or any(len(c) != count for c in columns):
            return "records that were not asked for, or not of one length"
        for kind, value, stamp in zip(fetched.kinds, fetched.values, fetched.stamps, strict=True):
            if kind == "absent" and value:
                return "a tombstone with a value"
            if stamp == NEVER and kind != "absent":
                return "a record without a stamp"
        if not all(0 <= expires_ms <= MAX_EXPIRY_MS for expires_ms in fetched.expiries):
            return "a record that expires at no time there is"
        return self._fault_of_stamps([stamp for stamp in fetched.stamps if stamp != NEVER])

    def _fault_of_stamps(self, stamps: Sequence[Stamp]) -> str:
        most = self._stage.clock + MAX_CLOCK_STEP
        if not all(1 <= stamp.counter <= most for stamp in stamps):
            return "a record with a counter far ahead of the clock"
        return ""
