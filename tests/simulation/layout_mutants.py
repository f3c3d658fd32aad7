"""Mutants that leave out a rule of how layouts change, data moves and tombstones go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors import collecting
from actors.actor import Envelope, Now
from actors.jobs import GetJob
from actors.messages import AskReport, Fetch, Scan, Store
from actors.moving import Moving
from actors.read_parts import ReadPart
from actors.storage import Storage
from actors.writing import Writing
from nodes.simulated.disk import SimulatedDisk


def _in_epoch(envelope: Envelope, epoch: int) -> Envelope:
    """What is asked, as if it had been asked in this epoch."""
    request: Any = envelope.message
    return replace(envelope, message=replace(request, epoch=epoch))


def an_old_epoch_accepted(patch: pytest.MonkeyPatch) -> None:
    """A replica serves whoever asks, in whatever epoch."""
    take = Storage._on

    def take_anyway(storage: Storage, envelope: Envelope, now: Now) -> None:
        if isinstance(envelope.message, Store | Fetch | Scan | AskReport):
            envelope = _in_epoch(envelope, storage._steward.layout.epoch)
        take(storage, envelope, now)

    observed = Writing.on_observe

    def tell_anyway(writing: Writing, envelope: Envelope, epoch: int) -> None:
        observed(writing, envelope, writing._desk.epoch)

    patch.setattr(Storage, "_on", take_anyway)
    patch.setattr(Writing, "on_observe", tell_anyway)


def joint_reads_of_the_new_owners_alone(patch: pytest.MonkeyPatch) -> None:
    """While data moves, what the owners to be hold is taken for all there is."""
    begin = ReadPart.__init__

    def begun(part: ReadPart, job: GetJob, sets: Any, *arguments: Any) -> None:
        begin(part, job, sets[-1:], *arguments)

    patch.setattr(ReadPart, "__init__", begun)


def one_synced_replica_is_enough(patch: pytest.MonkeyPatch) -> None:
    """A joint layout is settled when of each partition one of the new owners has got it."""
    judge = Moving.judge

    def soon(moving: Moving) -> Any:
        judgement = judge(moving)
        enough = all(any(map(moving._has_all, sets[-1])) for sets in moving._moves)
        return judgement._replace(enough=enough, complete=enough)

    patch.setattr(Moving, "judge", soon)


def collected_on_confirmation_alone(patch: pytest.MonkeyPatch) -> None:
    """Tombstones go as soon as all owners hold them."""
    patch.setattr(collecting, "EPOCHS_TO_WAIT", 0)


def a_wiped_disk_that_keeps_its_id(patch: pytest.MonkeyPatch) -> None:
    """A machine that lost its data comes back as the member that it was."""
    wipe = SimulatedDisk.wipe

    def keep(disk: SimulatedDisk) -> None:
        node_id, boots = disk._contents.node_id, disk._contents.boots
        layout = disk.synced_note("layout")
        wipe(disk)
        disk._contents.node_id, disk._contents.boots = node_id, boots
        disk._contents.notes["layout"] = layout
        disk.sync()

    patch.setattr(SimulatedDisk, "wipe", keep)


MUTANTS = (
    an_old_epoch_accepted,
    joint_reads_of_the_new_owners_alone,
    one_synced_replica_is_enough,
    collected_on_confirmation_alone,
    a_wiped_disk_that_keeps_its_id,
)
