"""Mutants that leave out a rule of how keys are written and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from actors.actor import Envelope, Now
from actors.asks import Ask, Asks
from actors.desk import Desk
from actors.disk import Batch, DiskFull
from actors.jobs import WriteJob
from actors.messages import ClockRaised, Store
from actors.quorum import Quorum
from actors.read_parts import ReadPart
from actors.reading import Reading
from actors.router import Router
from actors.session import Session
from actors.stage import Change, Stage
from actors.versions import Record, Stamp
from actors.window import Windows
from actors.writing import WritePart, Writing
from nodes.simulated.disk import SimulatedDisk


def w_ignored(patch: pytest.MonkeyPatch) -> None:
    """A write is acknowledged when one owner has stored it."""
    store = Writing._store

    def of_one(writing: Writing, part: WritePart) -> None:
        store(writing, part)
        without = part.quorum.no
        part.quorum = Quorum(part.sets, "one")
        part.quorum.no = without

    patch.setattr(Writing, "_store", of_one)


def no_write_back(patch: pytest.MonkeyPatch) -> None:
    """What a read found is told, although not every owner that answered holds it."""

    def tell(
        reading: Reading, part: ReadPart, holders: object, entries: Sequence[tuple[int, Record]]
    ) -> None:
        for i, record in entries:
            reading._fill(part, i, record, ())

    patch.setattr(Reading, "_write_back", tell)


def stamped_twice(patch: pytest.MonkeyPatch) -> None:
    """In another epoch a write is begun from its beginning."""
    restart = Writing.restart

    def anew(writing: Writing, job: WriteJob) -> None:
        for i in job.unsettled():
            job.stamps[i] = None
        restart(writing, job)

    patch.setattr(Writing, "restart", anew)


def repeated_under_a_new_stamp(patch: pytest.MonkeyPatch) -> None:
    """A Store that was not answered is stamped anew before it is repeated."""
    tick = Router._tick

    def restamp(router: Router, now: Now) -> None:
        for ask in router._asks._asks.values():
            if isinstance(ask.message, Store) and now.mono_ms >= ask.retry_at_ms:
                stamps = tuple([router._desk.stamp() for _ in ask.message.stamps])
                ask.message = replace(ask.message, stamps=stamps)
        tick(router, now)

    patch.setattr(Router, "_tick", restamp)


def a_counter_used_again(patch: pytest.MonkeyPatch) -> None:
    """The coordinator does not count what it stamped itself."""
    patch.setattr(Desk, "stamp", lambda desk: Stamp(desk.clock + 1, desk.node, desk._boot))


def duplicates_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """An answer that the network has doubled counts as those of two owners."""

    class Counting(dict[str, None]):
        answers = 0

        def __setitem__(self, owner: str, nothing: None) -> None:
            self.answers += 1
            super().__setitem__(owner, nothing)

    begin = Quorum.__init__

    def begun(quorum: Quorum, *arguments: Any) -> None:
        begin(quorum, *arguments)
        quorum.yes = Counting()

    def met(quorum: Quorum) -> bool:
        assert isinstance(quorum.yes, Counting)
        return quorum.yes.answers >= max(quorum._needs, default=0)

    def answered(asks: Asks, envelope: Envelope) -> Ask | None:
        ask = asks._asks.get(envelope.id)
        if ask is None or ask.to != envelope.sender:
            return None
        return ask if ask.answered_by(envelope.message) else None

    patch.setattr(Quorum, "__init__", begun)
    patch.setattr(Quorum, "met", met)
    patch.setattr(Asks, "answered", answered)


def acknowledged_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    """What is written is synced only by the next commit."""
    commit = SimulatedDisk.commit

    def late(disk: SimulatedDisk, batch: Batch) -> None:
        if batch.notes:
            commit(disk, batch)
            return
        if disk.full:
            raise DiskFull
        disk.sync()
        disk.write(batch)

    patch.setattr(SimulatedDisk, "commit", late)


def acknowledged_although_the_disk_is_full(patch: pytest.MonkeyPatch) -> None:
    """A commit that failed for lack of room is taken for one that did not."""
    commit = Stage.commit

    def pretend(stage: Stage) -> tuple[bool, list[Change]]:
        return True, commit(stage)[1]

    patch.setattr(Stage, "commit", pretend)


def stamped_by_the_own_clock_alone(patch: pytest.MonkeyPatch) -> None:
    """The coordinator does not heed the clocks that it was told."""

    def on_observed(writing: Writing, ask: Ask, clock: int) -> None:
        for part in ask.parts:
            if isinstance(part, WritePart) and not part.storing and part.job.open:
                part.quorum.yes[ask.to.node] = None
                writing._stamp_if_met(part)

    patch.setattr(Writing, "on_observed", on_observed)


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

    def forget(disk: SimulatedDisk, batch: Batch) -> None:
        batch.clock_limit = 0
        commit(disk, batch)

    patch.setattr(SimulatedDisk, "commit", forget)


def the_last_to_arrive_wins(patch: pytest.MonkeyPatch) -> None:
    """Storage does not look whether it holds something newer."""

    def put(stage: Stage, records: Sequence[Record]) -> list[bool]:
        keys = [record.key for record in records]
        for record, held in zip(records, stage._disk.versions(keys), strict=True):
            stage._records[record.key] = record
            stage._changes[record.key] = record.key, held, record.version
        return [False] * len(records)

    patch.setattr(Stage, "put", put)


def called_unsent_although_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    """A Store that came to nothing once is taken for one that never left."""
    fail = Writing._fail

    def lie(writing: Writing, part: WritePart) -> None:
        part.job.settle(part.positions, "unavailable")
        writing._close(part.job)
        fail(writing, part)

    patch.setattr(Writing, "_fail", lie)


def a_time_out_called_definite(patch: pytest.MonkeyPatch) -> None:
    """A write that ran out of time is said not to have happened."""

    def time_out(job: WriteJob) -> None:
        job.settle(range(len(job.codes)), "unavailable")

    patch.setattr(WriteJob, "time_out", time_out)


def expired_without_a_mark(patch: pytest.MonkeyPatch) -> None:
    """That a value has expired is told by the clock of whoever is asked."""
    write_back = Reading._write_back

    def tell(
        reading: Reading,
        part: ReadPart,
        holders: Sequence[str],
        entries: Sequence[tuple[int, Record]],
    ) -> None:
        for i, record in entries:
            if record.kind == "absent" and record.expires_ms:
                reading._fill(part, i, record, ())
        kept = [e for e in entries if e[1].kind != "absent" or not e[1].expires_ms]
        if kept:
            write_back(reading, part, holders, kept)

    patch.setattr(Reading, "_write_back", tell)


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


MUTANTS = (
    w_ignored,
    no_write_back,
    stamped_twice,
    repeated_under_a_new_stamp,
    a_counter_used_again,
    duplicates_counted_twice,
    acknowledged_before_the_sync,
    acknowledged_although_the_disk_is_full,
    stamped_by_the_own_clock_alone,
    duplicates_taken_for_new_writes,
    a_clock_that_is_not_raised,
    a_clock_that_is_not_kept,
    the_last_to_arrive_wins,
    called_unsent_although_it_was_sent,
    a_time_out_called_definite,
    expired_without_a_mark,
    sent_again_by_the_client,
)
