"""What a replica holds of partitions that are others' now goes, once these have had their time."""

from __future__ import annotations

from actors.actor import Now
from actors.layout import Layout, aborted, bumped, founding, given_up, joint, settled
from actors.shedding import Shedding
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import WALL_MS, A, B, C
from tests.actors.part_disk import PartDisk
from tests.actors.storage_parts import D, key_owned_by, keys_in, placement_of, record, tombstone

SETTINGS = StorageSettings(shed_ms=60_000, sweep_keys=3, tree_pause_ms=10)
THREE = founding([A, B, C])
JOINT = joint(THREE, [A, B, C, D])
FOUR = settled(JOINT)
MINE, OTHERS = key_owned_by({FOUR: "abd"}), key_owned_by({FOUR: "bcd"})
KEPT, FOREIGN = record(MINE), record(OTHERS)


class Keeping:
    """Replica A, which holds these."""

    def __init__(self, *held: Record, settings: StorageSettings = SETTINGS) -> None:
        self.disk = PartDisk(held)
        self.stage = Stage(self.disk, 100)
        self.shedding = Shedding(A, self.disk, self.stage, settings)
        self.now_ms = 0

    def adopt(self, layout: Layout) -> None:
        """This layout is on the disk."""
        self.shedding.on_layout(placement_of(layout), self.now())

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def turn(self, *put: Record) -> None:
        """A turn in which these are written."""
        self.stage.put(put)
        self.shedding.due(self.now())
        ok, _ = self.stage.commit()
        for then in self.stage.take_then():
            then(ok)

    def run_for(self, duration_ms: int) -> int:
        """All turns that it asks for within this time; how many."""
        until_ms, turns = self.now_ms + duration_ms, 0
        while (wake_at := self.shedding.wake_at) is not None and wake_at <= until_ms:
            self.now_ms = max(self.now_ms, wake_at)
            self.turn()
            turns += 1
            wake_at = self.shedding.wake_at
            assert wake_at is None or wake_at > self.now_ms, "it would spin"
        self.now_ms = until_ms
        return turns

    def keys(self) -> set[str]:
        """What it holds."""
        return {*self.disk.records}


def test_what_others_own_is_dropped_a_while_after_the_layout_is_stable() -> None:
    """Not before: one of the new owners may still lack it. What is its own stays."""
    keeping = Keeping(KEPT, FOREIGN)
    keeping.adopt(FOUR)
    keeping.run_for(59_999)
    assert keeping.keys() == {MINE, OTHERS}
    keeping.run_for(60_000)
    assert keeping.keys() == {MINE}


def test_tombstones_go_too() -> None:
    """They bury nothing here any more."""
    keeping = Keeping(tombstone(MINE), tombstone(OTHERS))
    keeping.adopt(FOUR)
    keeping.run_for(120_000)
    assert keeping.keys() == {MINE}


def test_while_a_layout_is_joint_everything_stays() -> None:
    """The new owners are to take it from here, and it may come to nothing."""
    keeping = Keeping(KEPT, FOREIGN)
    keeping.adopt(FOUR)
    keeping.run_for(59_000)
    keeping.adopt(joint(FOUR, [A, B, C]))
    keeping.run_for(10**7)
    assert keeping.keys() == {MINE, OTHERS}


def test_while_somebody_that_was_given_up_has_its_places_everything_stays() -> None:
    """What was moving when it was may be nowhere else."""
    keeping = Keeping(FOREIGN)
    keeping.adopt(given_up(FOUR, (D,)))
    assert keeping.run_for(600_000) == 0
    assert keeping.keys() == {OTHERS}


def test_the_time_begins_anew_with_other_members() -> None:
    """Not where the epoch alone is higher, which it may be often."""
    keeping = Keeping(KEPT, FOREIGN)
    keeping.adopt(FOUR)
    keeping.run_for(40_000)
    keeping.adopt(joint(FOUR, [A, B, C, D, "e" * 16]))
    keeping.adopt(aborted(joint(FOUR, [A, B, C, D, "e" * 16])))
    keeping.run_for(40_000)
    assert keeping.keys() == {MINE, OTHERS}
    keeping.adopt(bumped(bumped(aborted(joint(FOUR, [A, B, C, D, "e" * 16])))))
    keeping.run_for(59_000)
    assert keeping.keys() == {MINE}


def test_what_was_taken_for_a_move_that_was_given_up_goes() -> None:
    """It was to be an owner, and is none."""
    three = founding([B, C, D])
    given_up = aborted(joint(three, [A, B, C, D]))
    keeping = Keeping(FOREIGN)
    keeping.adopt(given_up)
    keeping.run_for(120_000)
    assert keeping.keys() == set()


def test_one_that_owns_everything_has_nothing_to_do() -> None:
    """It asks for no turn."""
    keeping = Keeping(KEPT, FOREIGN)
    keeping.adopt(THREE)
    assert keeping.shedding.wake_at is None
    assert keeping.run_for(10**6) == 0


def test_what_is_written_in_the_same_turn_stays() -> None:
    """A version that was not there when it looked is not dropped."""
    keeping = Keeping(FOREIGN)
    keeping.adopt(FOUR)
    keeping.now_ms = 60_000
    while keeping.shedding.wake_at is not None and keeping.disk.records == {OTHERS: FOREIGN}:
        keeping.turn(record(OTHERS, 7))
        keeping.now_ms += 10
    assert keeping.disk.records == {OTHERS: record(OTHERS, 7)}


def test_it_goes_through_them_in_pages() -> None:
    """So many at a time as are swept, with a pause; and every partition is looked through once."""
    partition = max(p for p in range(4096) if A not in placement_of(FOUR).new_owners(p))
    keeping = Keeping(*[record(key) for key in keys_in(partition, 7)])
    keeping.adopt(FOUR)
    keeping.now_ms = 60_000
    left = []
    for _ in range(4):
        keeping.turn()
        left.append(len(keeping.keys()))
        assert keeping.shedding.wake_at == keeping.now_ms + 10
        keeping.now_ms += 10
    assert left == [4, 1, 0, 0]
    keeping.run_for(10**6)
    assert keeping.shedding.wake_at is None


def test_on_a_full_disk_it_begins_again_later() -> None:
    """With what could not be dropped."""
    keeping = Keeping(KEPT, FOREIGN)
    keeping.adopt(FOUR)
    keeping.disk.full = True
    keeping.run_for(300_000)
    assert keeping.keys() == {MINE, OTHERS}
    keeping.disk.full = False
    keeping.run_for(120_000)
    assert keeping.keys() == {MINE}
