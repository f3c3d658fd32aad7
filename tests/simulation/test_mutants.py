"""The seeds would find it: with one rule of the protocol left out, some seed breaks a promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from actors.actor import Envelope, Now
from actors.asks import Ask
from actors.entering import Entering
from actors.jobs import WriteJob
from actors.joining import Joining
from actors.messages import ClockRaised, Store, Write
from actors.router import Router
from actors.session import Session
from actors.storage import DiskFull, Storage
from actors.versions import Record, Stamp
from actors.window import Windows
from nodes.simulated.disk import SimulatedDisk
from tests.simulation.founding import counted_on_in_vain
from tests.simulation.scenario import what_is_wrong

MOST_SEEDS = 60
MOST_FOUNDINGS = 200

Mutant = Callable[[pytest.MonkeyPatch], None]


def acknowledged_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    """What is written is synced only by the next commit."""
    commit = SimulatedDisk.commit

    def late(
        disk: SimulatedDisk,
        records: Sequence[Record],
        notes: Sequence[tuple[str, bytes]],
        clock_limit: int,
    ) -> None:
        if notes:
            commit(disk, records, notes, clock_limit)
            return
        if disk.full:
            raise DiskFull
        disk.sync()
        disk.write(records, notes, clock_limit)

    patch.setattr(SimulatedDisk, "commit", late)


def acknowledged_although_the_disk_is_full(patch: pytest.MonkeyPatch) -> None:
    """A commit that failed for lack of room is taken for one that did not."""
    commit = Storage._commit
    patch.setattr(Storage, "_commit", lambda storage: commit(storage) or True)


def stored_without_asking_the_clock(patch: pytest.MonkeyPatch) -> None:
    """The coordinator stamps by its own clock alone."""

    def on_write(router: Router, job: WriteJob, write: Write) -> None:
        router._open(job)
        for owner, positions in router._by_owner(job, write.keys).items():
            router._stamp(job, positions)
            router._stores.setdefault((owner, None), []).append((job, positions))

    patch.setattr(Router, "_on_write", on_write)


def a_counter_used_again(patch: pytest.MonkeyPatch) -> None:
    """The coordinator does not count what it stamped itself."""

    def stamp(router: Router, job: WriteJob, positions: Sequence[int]) -> None:
        for i in positions:
            job.stamps[i] = Stamp(router._clock + 1, router._here.node, router._boot)

    patch.setattr(Router, "_stamp", stamp)


def repeated_under_a_new_stamp(patch: pytest.MonkeyPatch) -> None:
    """A Store that was not answered is stamped anew before it is repeated."""
    tick = Router._tick

    def restamp(router: Router, now: Now) -> None:
        for ask in router._asks._asks.values():
            if isinstance(ask.message, Store) and now.mono_ms >= ask.retry_at_ms:
                stamps = []
                for stamp in ask.message.stamps:
                    router._clock += 1
                    stamps.append(stamp._replace(counter=router._clock))
                ask.message = replace(ask.message, stamps=tuple(stamps))
        tick(router, now)

    patch.setattr(Router, "_tick", restamp)


def duplicates_taken_for_new_writes(patch: pytest.MonkeyPatch) -> None:
    """Every Write is one that was never seen before."""
    patch.setattr(Windows, "first_time", lambda windows, sender, number: True)


def a_clock_that_is_not_raised(patch: pytest.MonkeyPatch) -> None:
    """The router does not hear which counters its node holds."""
    on = Router._on

    def deaf(router: Router, envelope: Envelope, now: Now) -> None:
        if not isinstance(envelope.message, ClockRaised):
            on(router, envelope, now)

    patch.setattr(Router, "_on", deaf)


def a_clock_that_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    """After a restart the node's clock begins anew."""
    commit = SimulatedDisk.commit

    def forget(
        disk: SimulatedDisk,
        records: Sequence[Record],
        notes: Sequence[tuple[str, bytes]],
        clock_limit: int,
    ) -> None:
        commit(disk, records, notes, 0)

    patch.setattr(SimulatedDisk, "commit", forget)


def the_last_to_arrive_wins(patch: pytest.MonkeyPatch) -> None:
    """Storage does not look whether it holds something newer."""

    def stage(storage: Storage, store: Store) -> tuple[str, ...]:
        for key, kind, value, stamp in zip(
            store.keys, store.kinds, store.values, store.stamps, strict=True
        ):
            storage._staged[key] = Record(key, kind, value, stamp)
        return ("ok",) * len(store.keys)

    patch.setattr(Storage, "_stage_store", stage)


def called_unsent_although_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    """A Store that bounced once is taken for one that never left."""
    patch.setattr(Ask, "harmless", lambda ask: True)


def a_time_out_called_definite(patch: pytest.MonkeyPatch) -> None:
    """A write that ran out of time is said not to have happened."""

    def time_out(job: WriteJob) -> None:
        job.settle(range(len(job.codes)), "unavailable")

    patch.setattr(WriteJob, "time_out", time_out)


def sent_again_by_the_client(patch: pytest.MonkeyPatch) -> None:
    """A write whose connection was lost is sent to the next endpoint."""
    on_link_down = Session._on_link_down

    def again(session: Session, endpoint: str, now: Now) -> None:
        for operation in session._operations.values():
            for attempt in [a for a, e in operation.sent_to.items() if e == endpoint]:
                del operation.sent_to[attempt]
                del session._attempts[attempt]
        on_link_down(session, endpoint, now)

    patch.setattr(Session, "_on_link_down", again)


def promised_without_the_disk(patch: pytest.MonkeyPatch) -> None:
    """A promise to follow a founder is not kept on the disk."""

    def bind(entering: Entering, founder: str, then: Callable[[], None]) -> None:
        entering._joining.bound_to = founder
        then()

    patch.setattr(Entering, "_bind", bind)


def promised_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    """A promise leaves before it is on the disk."""

    def bind(entering: Entering, founder: str, then: Callable[[], None]) -> None:
        entering._joining.bound_to = founder
        then()
        entering._memory.keep(lambda: [("bound_to", founder.encode())], lambda code: None)

    patch.setattr(Entering, "_bind", bind)


def promised_to_whoever_asks(patch: pytest.MonkeyPatch) -> None:
    """A promise is given anew to the next founder."""
    on_bind = Entering._on_bind

    def again(entering: Entering, envelope: Envelope, founder: str) -> None:
        if not entering._memory.is_busy:
            entering._joining.bound_to = ""
        on_bind(entering, envelope, founder)

    patch.setattr(Entering, "_on_bind", again)


def followed_another_than_promised(patch: pytest.MonkeyPatch) -> None:
    """A node joins whatever network it is offered."""
    patch.setattr(Joining, "may_follow", lambda joining, number, members: True)


@pytest.mark.parametrize(
    "mutant",
    [
        promised_without_the_disk,
        promised_before_the_sync,
        promised_to_whoever_asks,
        followed_another_than_promised,
    ],
)
def test_a_mutant_of_the_founding_is_caught(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it some founder counts on a node that goes elsewhere."""
    mutant(monkeypatch)
    assert any(counted_on_in_vain(seed) for seed in range(MOST_FOUNDINGS))


@pytest.mark.parametrize(
    "mutant",
    [
        acknowledged_before_the_sync,
        acknowledged_although_the_disk_is_full,
        stored_without_asking_the_clock,
        a_counter_used_again,
        repeated_under_a_new_stamp,
        duplicates_taken_for_new_writes,
        a_clock_that_is_not_raised,
        a_clock_that_is_not_kept,
        the_last_to_arrive_wins,
        called_unsent_although_it_was_sent,
        a_time_out_called_definite,
        sent_again_by_the_client,
    ],
)
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the first seeds shows what the rule is for."""
    mutant(monkeypatch)
    assert any(what_is_wrong(seed) for seed in range(MOST_SEEDS))
