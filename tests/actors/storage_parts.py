"""The parts of storage actors over dictionary disks, and a network that connects them: whatever is
sent arrives a millisecond later, or is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from heapq import heappop, heappush
from itertools import count
from random import Random

from actors.actor import HOST, Address, Envelope, Now
from actors.collecting import Collecting
from actors.expiring import Expiring
from actors.fence import Fence
from actors.hinting import Hinting
from actors.layout import NO_LAYOUT, Layout, Placement
from actors.membership import State
from actors.messages import Fetch, Fetched, MembersChanged
from actors.outbox import Outbox
from actors.ring import partition_of
from actors.shedding import Shedding
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.syncing import Syncing
from actors.trees import Trees
from actors.versions import NEVER, Record, Stamp
from tests.actors.envelopes import WALL_MS, A, B, C, member
from tests.actors.part_disk import PartDisk

D = "d" * 16
"""The id of a fourth node."""

LATENCY_MS = 1


@cache
def placement_of(layout: Layout) -> Placement:
    """Made once, for all tests."""
    return Placement(layout)


def record(key: str, counter: int = 1, value: bytes = b"v", *, expires_ms: int = 0) -> Record:
    """A value."""
    return Record(key, "bytes", value, Stamp(counter, B, "1.0"), expires_ms)


def tombstone(key: str, counter: int = 1) -> Record:
    """A tombstone."""
    return Record(key, "absent", b"", Stamp(counter, B, "1.0"))


def records(number: int, counter: int = 1, size_bytes: int = 10) -> list[Record]:
    """So many values, whose keys are all over the partitions."""
    return [record(f"key{i}", counter, b"v" * size_bytes) for i in range(number)]


def keys_in(partition: int, number: int) -> list[str]:
    """So many keys of a partition."""
    found: list[str] = []
    for i in count():
        if len(found) == number:
            return found
        if partition_of(f"k{i}") == partition:
            found.append(f"k{i}")
    raise AssertionError


def key_owned_by(owners: dict[Layout, str]) -> str:
    """A key that in each of these layouts has these owners, who are given by the letters of their
    ids, when nothing moves any more."""
    wanted = {layout: {letter * 16 for letter in letters} for layout, letters in owners.items()}
    for key in (f"k{i}" for i in count()):
        p = partition_of(key)
        if all({*placement_of(layout).new_owners(p)} == ids for layout, ids in wanted.items()):
            return key
    raise AssertionError


class Replica:
    """The parts of one storage actor, which take turns as the actor lets them."""

    def __init__(self, here: str, settings: StorageSettings, held: Iterable[Record] = ()) -> None:
        self.here = here
        self.settings = settings
        self.disk = PartDisk(held)
        self.layout = NO_LAYOUT
        self.is_welcome = True
        self.fetched = 0
        """How many records it was asked for."""
        self.start()

    def start(self) -> None:
        """All but the disk begins anew."""
        settings, disk = self.settings, self.disk
        self.outbox = outbox = Outbox(Address(self.here, "storage"), 0)
        self.stage = stage = Stage(disk, 1000)
        self.fence = fence = Fence(self.here, self, stage, outbox)
        self.trees = trees = Trees(disk, settings)
        self.syncing = Syncing(self.here, disk, trees, stage, fence, outbox, Random(1), settings)
        self.hinting = Hinting(disk, stage, outbox, settings)
        self.collecting = Collecting(self.here, disk, stage, fence, outbox, settings)
        self.expiring = Expiring(disk, stage, settings)
        self.shedding = Shedding(self.here, disk, stage, settings)

    def adopt(self, layout: Layout, now: Now) -> None:
        """This layout is on the disk."""
        self.layout = layout
        for part in (self.syncing, self.hinting, self.collecting, self.shedding):
            part.on_layout(placement_of(layout), now)

    def meet(self, changed: MembersChanged, now: Now) -> None:
        """These are the members."""
        for part in (self.syncing, self.hinting, self.collecting):
            part.on_members(changed, now)

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """As the storage actor's."""
        for envelope in inbox:
            if isinstance(envelope.message, Fetch):
                self._on_fetch(envelope, envelope.message)
                continue
            for part in (self.syncing, self.hinting, self.collecting):
                if part.on(envelope, now):
                    break
        for due in self._parts():
            due.due(now)
            assert due.wake_at is None or due.wake_at > now.mono_ms, f"{due} would spin"
        ok, changes = self.stage.commit()
        self.trees.apply(changes)
        for then in self.stage.take_then():
            then(ok)
        return self.outbox.take()

    @property
    def wake_at(self) -> int | None:
        """When one of them is to do something."""
        times = [part.wake_at for part in self._parts()]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _parts(self) -> tuple[Trees | Syncing | Hinting | Collecting | Expiring | Shedding, ...]:
        what_may_go = self.collecting, self.expiring, self.shedding
        return self.trees, self.syncing, self.hinting, *what_may_go

    def _on_fetch(self, envelope: Envelope, fetch: Fetch) -> None:
        def fetched() -> Fetched:
            found: list[Record] = []
            size_bytes = 0
            for key, held in zip(fetch.keys, self.disk.read(fetch.keys), strict=True):
                size_bytes += len(held.value) if held else 0
                if found and size_bytes > self.settings.max_reply_bytes:
                    break
                found.append(held or Record(key, "absent", b"", NEVER))
            self.fetched += len(found)
            return Fetched(
                tuple([held.kind for held in found]),
                tuple([held.value for held in found]),
                tuple([held.stamp for held in found]),
                tuple([held.expires_ms for held in found]),
            )

        self.fence.answer(envelope, fetch.epoch, fetched)


class Replicas:
    """Several of them. `lose` says of an envelope whether it is lost, `copies` how many arrive of
    one that is not; `sent` counts messages by their kinds."""

    def __init__(self, *ids: str, settings: StorageSettings | None = None) -> None:
        self.settings = settings or StorageSettings()
        self.all = {here: Replica(here, self.settings) for here in ids}
        self.now_ms = 0
        self.lose: Callable[[Envelope], bool] = lambda _: False
        self.copies = 1
        self.sent: Counter[str] = Counter()
        self.to_host: list[Envelope] = []
        self._on_the_way: list[tuple[int, int, Envelope]] = []
        self._order = count()

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def hold(self, held: Sequence[Record], *ids: str) -> None:
        """These replicas have had these records for ever."""
        for here in ids or tuple(self.all):
            self.all[here].disk = PartDisk(held)
            self.all[here].start()

    def adopt(self, layout: Layout, *ids: str) -> None:
        """These replicas, or all, adopt a layout."""
        for here in ids or tuple(self.all):
            self.all[here].adopt(layout, self.now())

    def meet(self, **states: State) -> None:
        """All know of all; who is not alive stands there by the letter of its id."""
        members = tuple([member(here, state=states.get(here[0], "alive")) for here in self.all])
        for replica in self.all.values():
            replica.meet(MembersChanged("net", members, ""), self.now())

    def run_for(self, duration_ms: int) -> None:
        """All turns of so much time."""
        self.run_until(lambda: False, duration_ms, is_bound=False)

    def run_until(
        self, condition: Callable[[], bool], most_ms: int = 60_000, *, is_bound: bool = True
    ) -> int:
        """All turns until it is so; how long it took."""
        start_ms, end_ms = self.now_ms, self.now_ms + most_ms
        while not condition():
            times = [at_ms for r in self.all.values() if (at_ms := r.wake_at) is not None]
            times += [self._on_the_way[0][0]] if self._on_the_way else []
            next_ms = max(self.now_ms, min(times, default=end_ms))
            if next_ms >= end_ms:
                assert not is_bound, "it did not come about in time"
                self.now_ms = end_ms
                break
            self.now_ms = next_ms
            self._turns()
        return self.now_ms - start_ms

    def _turns(self) -> None:
        inboxes: dict[str, list[Envelope]] = {here: [] for here in self.all}
        while self._on_the_way and self._on_the_way[0][0] <= self.now_ms:
            envelope = heappop(self._on_the_way)[2]
            if envelope.to.node in inboxes:
                inboxes[envelope.to.node].append(envelope)
        for here, replica in self.all.items():
            wake_at = replica.wake_at
            if inboxes[here] or (wake_at is not None and wake_at <= self.now_ms):
                for envelope in replica.turn(inboxes[here], self.now()):
                    self._send(envelope)

    def _send(self, envelope: Envelope) -> None:
        if envelope.to.actor == HOST:
            self.to_host.append(envelope)
            return
        self.sent[type(envelope.message).__name__] += 1
        if not self.lose(envelope):
            for _ in range(self.copies):
                at_ms = self.now_ms + LATENCY_MS
                heappush(self._on_the_way, (at_ms, next(self._order), envelope))

    def are_alike(self, *ids: str) -> bool:
        """Do these, or all, hold the same?"""
        disks = [self.all[here].disk.records for here in ids or tuple(self.all)]
        return all(len(d) == len(disks[0]) for d in disks) and all(d == disks[0] for d in disks)

    def are_checked(self, *ids: str) -> bool:
        """Is none of these, or of all, behind?"""
        return not any(self.all[here].syncing.behind() for here in ids or tuple(self.all))


def three(settings: StorageSettings | None = None) -> Replicas:
    """Of A, B and C, who own everything."""
    return Replicas(A, B, C, settings=settings)
