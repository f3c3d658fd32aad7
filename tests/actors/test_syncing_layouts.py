"""Data moves to who is to own it: pulled in the joint epoch from a majority of the old owners."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from actors.actor import Envelope
from actors.layout import aborted, bumped, founding, joint, settled
from actors.messages import ComparedTrees, CompareTrees, Fetch, Fetched, LayoutIs, Pulled
from actors.ring import partition_of
from actors.storage_settings import StorageSettings
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import D, Replicas, placement_of, record, records, tombstone

QUICK = StorageSettings(tree_keys=100_000, tree_pause_ms=1, anti_entropy=False)
"""Only what moves is pulled, and the trees are made at once."""

HELD = records(500)
THREE = founding([A, B, C])
JOINT = joint(THREE, [A, B, C, D])


def four(settings: StorageSettings = QUICK) -> Replicas:
    """A, B and C hold everything, and D nothing."""
    net = Replicas(A, B, C, D, settings=settings)
    net.hold(HELD, A, B, C)
    net.meet()
    net.adopt(THREE)
    return net


def all_moved(net: Replicas) -> bool:
    """Has everybody what is to move to it?"""
    parts = [replica.syncing for replica in net.all.values()]
    return all(part.moved == part.moving for part in parts)


def test_a_new_owner_fills_itself() -> None:
    """It has everything of its partitions, and says how many of them it has."""
    net = four()
    net.adopt(JOINT)
    syncing = net.all[D].syncing
    placement = placement_of(JOINT)
    assert syncing.moving == sum(D in placement.new_owners(p) for p in range(4096))
    assert syncing.moved == 0
    assert syncing.behind() == [p for p in range(4096) if D in placement.new_owners(p)]
    net.run_until(lambda: all_moved(net), 10_000)
    mine = [r for r in HELD if D in placement.new_owners(partition_of(r.key))]
    assert net.all[D].disk.records == {r.key: r for r in mine}
    assert syncing.behind() == []


def test_a_new_owner_takes_over_the_clocks_of_the_old() -> None:
    """A tombstone that they have collected, and another has not, may have a counter that high."""
    net = four()
    for here, clock in ((A, 7_000), (B, 8_000), (C, 9_000)):
        net.all[here].stage.raise_clock(clock)
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 10_000)
    assert net.all[D].stage.clock >= 8_000


def test_what_moves_is_fetched_once() -> None:
    """Each partition is compared with two old owners, but the second has nothing that is new."""
    net = four()
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 10_000)
    fetched = sum(replica.fetched for replica in net.all.values())
    assert fetched == len(net.all[D].disk.records)


def test_what_a_majority_of_the_old_owners_holds_moves() -> None:
    """Two of the three old owners hold it, so one of any two that are asked does."""
    net = four()
    fresh = record("fresh", 9)
    net.hold([*HELD, fresh], A, B)
    net.meet()
    net.adopt(THREE)
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 10_000)
    owners = placement_of(JOINT).new_owners(partition_of("fresh"))
    assert all(net.all[here].disk.records["fresh"] == fresh for here in owners)


def test_without_a_majority_of_the_old_owners_nothing_has_moved() -> None:
    """One that answers is not enough: what was acknowledged may be with the two others."""
    net = four()
    net.meet(b="dead", c="dead")
    net.adopt(JOINT)
    net.run_for(10_000)
    assert net.all[D].syncing.moved == 0
    net.meet(c="dead")
    net.run_until(lambda: net.all[D].syncing.moved > 0, 10_000)


def test_pages_of_an_earlier_epoch_do_not_count() -> None:
    """An old owner that has not adopted the joint layout says so, and is asked again later."""
    net = four()
    net.adopt(JOINT, A, D)
    net.run_for(3_000)
    assert net.sent["LayoutIs"] > 0
    assert net.all[D].syncing.moved == 0
    net.adopt(JOINT, B, C)
    net.run_until(lambda: all_moved(net), 10_000)


def test_what_comes_after_its_epoch_is_not_taken() -> None:
    """Repairs die with their epoch."""
    net = four()
    net.adopt(JOINT)
    net.run_until(lambda: net.sent["Fetched"] > 0, 5_000)
    before = dict(net.all[D].disk.records)
    net.adopt(aborted(JOINT))
    net.run_for(5_000)
    assert net.all[D].disk.records == before
    assert net.all[D].syncing.moving == 0


def test_a_move_goes_on_after_the_layout_is_settled() -> None:
    """Who was not ready when a majority was takes the rest from the present owners."""
    net = four()
    net.adopt(JOINT)
    net.lose = lambda e: D in (e.to.node, e.sender.node)
    net.run_for(3_000)
    net.adopt(settled(JOINT))
    assert not net.are_checked(D)
    net.lose = lambda _: False
    net.run_until(net.are_checked, 60_000)
    placement = placement_of(settled(JOINT))
    mine = [r.key for r in HELD if D in placement.owners(partition_of(r.key))]
    assert sorted(net.all[D].disk.records) == sorted(mine)


def test_nothing_is_pulled_that_does_not_move() -> None:
    """Without anti-entropy a difference elsewhere stays."""
    net = four()
    still = next(r.key for r in HELD if not placement_of(JOINT).moves(partition_of(r.key)))
    net.all[A].stage.put([record(still, 9)])
    net.all[A].turn([], net.now())
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 10_000)
    assert net.all[B].disk.records[still] == record(still, 1, b"v" * 10)


def test_from_one_to_three() -> None:
    """One old owner is its own majority, and two new ones take all from it at once."""
    net = Replicas(A, B, C, settings=QUICK)
    net.hold([*HELD, tombstone("gone")], A)
    net.meet()
    net.adopt(founding([A]))
    net.adopt(joint(founding([A]), [A, B, C]))
    assert net.all[A].syncing.moved == net.all[A].syncing.moving
    net.run_until(lambda: all_moved(net) and net.are_alike(), 10_000)


def test_new_owners_take_from_the_living() -> None:
    """One of the old owners is down: the two others are a majority."""
    net = four()
    net.lose = lambda e: C in (e.to.node, e.sender.node)
    net.meet(c="dead")
    net.adopt(JOINT)
    net.run_until(lambda: net.all[D].syncing.moved == net.all[D].syncing.moving, 10_000)


def test_one_that_dies_under_way_is_left() -> None:
    """What it was asked for is asked of another as soon as it is known to be dead."""
    net = four()
    net.adopt(JOINT)
    net.run_until(lambda: net.sent["Fetched"] > 20, 5_000)
    net.lose = lambda e: A in (e.to.node, e.sender.node)
    net.meet(a="dead")
    net.run_until(lambda: net.all[D].syncing.moved == net.all[D].syncing.moving, 10_000)


def test_a_raised_epoch_does_not_begin_a_check_anew() -> None:
    """What was checked is, and what was not goes on."""
    net = four(replace(QUICK, anti_entropy=True))
    net.run_until(lambda: net.are_checked(A, B, C), 2_000)
    net.adopt(bumped(THREE))
    assert net.are_checked(A, B, C)


def test_while_its_trees_are_made_a_replica_says_so() -> None:
    """And is asked again a little later."""
    net = four()
    slow = replace(QUICK, tree_keys=5_000, tree_pause_ms=100)
    for here in (A, B, C):
        net.all[here].settings = slow
        net.all[here].start()
    net.meet()
    net.adopt(JOINT)
    answers: list[ComparedTrees] = []

    def note(envelope: Envelope) -> bool:
        if isinstance(envelope.message, ComparedTrees):
            answers.append(envelope.message)
        return False

    net.lose = note
    net.run_until(lambda: net.all[D].syncing.moved == net.all[D].syncing.moving, 60_000)
    assert [a for a in answers if isinstance(a, ComparedTrees) and not a.ready]


@pytest.mark.parametrize("kind", [CompareTrees, ComparedTrees, Pulled, Fetch, Fetched, LayoutIs])
def test_any_message_may_be_lost(kind: type) -> None:
    """Three of ten of one kind are."""
    net = four()
    rng = Random(1)
    net.lose = lambda e: isinstance(e.message, kind) and rng.random() < 0.3
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 120_000)


def test_any_message_may_come_twice() -> None:
    """The second is for nothing."""
    net = four()
    net.copies = 2
    net.adopt(JOINT)
    net.run_until(lambda: all_moved(net), 10_000)
    assert net.all[D].syncing.bytes_pulled < 4 * len(net.all[D].disk.records) * 20
