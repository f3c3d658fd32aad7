"""Members that were given up: they are gone at once, and their places among the owners go when the
data has moved. Where they were most of the old owners all that are left are asked instead.
"""

from __future__ import annotations

import pytest

from actors.acceptor import follows
from actors.layout import (
    MAX_GONE,
    Layout,
    aborted,
    bumped,
    fault,
    founding,
    given_up,
    joint,
    layout_from_bytes,
    layout_to_bytes,
    settled,
)
from actors.merging import Merging
from actors.quorum import Quorum
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import D, placement_of

E = "e" * 16
FIVE = founding([A, B, C, D, E])
LOST = given_up(FIVE, (B, A))
MOVING = joint(LOST, (C, D, E))
PARTITIONS = range(4096)


def orphaned(layout: Layout, *left: str) -> int:
    """A partition of whose old owners just these are left, when A and B are lost."""
    old_owners = placement_of(layout).old_owners
    return next(p for p in PARTITIONS if {*old_owners(p)} - {A, B} == {*left})


def test_who_was_given_up_is_no_member() -> None:
    """It keeps its places among the owners, and is gone in every other way."""
    assert Layout(2, FIVE.base, (), (B, A)) == LOST
    assert (LOST.members, LOST.voters, LOST.lost) == ((C, D, E), (C, D, E), (A, B))
    assert fault(LOST) == ""
    assert layout_from_bytes(layout_to_bytes(LOST)) == LOST
    assert all(placement_of(LOST).sets(p) == placement_of(FIVE).sets(p) for p in PARTITIONS)


def test_who_was_given_up_has_left_when_the_data_has_moved() -> None:
    """Then nothing tells it from others that did."""
    assert settled(MOVING) == Layout(4, (C, D, E), (), (B, A))
    assert settled(MOVING).lost == ()
    assert aborted(MOVING) == Layout(4, FIVE.base, (), (B, A))
    assert bumped(LOST).lost == (A, B)


def test_a_move_ends_where_somebody_is_given_up() -> None:
    """Where none of the base is left, the new owners are whom data can be had from."""
    moving = joint(founding([A, B]), (A, B, C))
    assert given_up(moving, (C,)) == Layout(3, (A, B), (), (C,))
    assert given_up(moving, (A, B)) == Layout(3, (A, B, C), (), (A, B))
    assert given_up(joint(founding([A]), (B, C)), (A,)) == Layout(3, (B, C), (), (A,))


def test_somebody_has_to_be_left() -> None:
    """Or there is nobody who could decide anything."""
    assert fault(given_up(founding([A]), (A,))) == "a layout has an epoch above zero, and members"
    assert fault(given_up(joint(founding([A]), (B,)), (A, B)))


def test_who_is_gone_is_no_new_owner() -> None:
    """It cannot come back."""
    assert fault(joint(LOST, (A, C, D))) == "one that is gone cannot come back"


def test_the_given_up_are_the_last_to_be_forgotten() -> None:
    """However many have left: as long as they have their places they must not be members again."""
    many = tuple(f"{i:016x}" for i in range(MAX_GONE))
    layout = Layout(7, (A, B, C), (), (*many[:-1], A))
    gone = given_up(layout, (B, "0" * 16)).gone
    assert len(gone) == MAX_GONE
    assert gone[-2:] == (A, B)


def test_a_layout_that_gives_somebody_up_may_follow_any() -> None:
    """A stable one, or a joint one, whose move ends; but it gives up none but members."""
    moving = joint(FIVE, (A, B, C))
    for before in (FIVE, moving, LOST):
        assert follows(before, given_up(before, (C,)))
        assert follows(before, given_up(before, (C, D)))
        assert not follows(before, given_up(before, ("f" * 16,)))
        assert not follows(before, Layout(before.epoch + 1, (A, B, D, E), (), (*before.gone, C)))
    assert follows(LOST, MOVING)
    assert follows(MOVING, settled(MOVING))
    assert not follows(LOST, joint(LOST, (A, C, D, E)))
    assert not follows(FIVE, joint(LOST, (C, D, E)))


def test_where_a_majority_of_the_old_owners_is_left_it_is_needed() -> None:
    """Somebody may have written to the one that is left with the one that is not."""
    placement = placement_of(MOVING)
    partition = orphaned(FIVE, C, D)
    old = placement.old_owners(partition)
    assert placement.sets(partition) == (old, placement.new_owners(partition))
    assert placement.sources(partition) == (old, 2)


@pytest.mark.parametrize("left", [C, D, E])
def test_where_most_old_owners_were_given_up_all_that_are_left_are_needed(left: str) -> None:
    """The old one has what was written before, and a new one may have what only it has."""
    placement = placement_of(MOVING)
    partition = orphaned(FIVE, left)
    assert {*placement.owners(partition)} == {C, D, E}
    assert placement.sources(partition) == (placement.owners(partition), 3)
    assert placement.sets(partition)[-1] == placement.new_owners(partition)
    quorum = Quorum(placement.sets(partition), "quorum")
    for answered in (C, D):
        quorum.yes[answered] = None
        assert not quorum.met()
    quorum.yes[E] = None
    assert quorum.met()


@pytest.mark.parametrize("gone", [C, D, E])
def test_one_that_does_not_answer_is_enough_to_go_without(gone: str) -> None:
    """It may be back; or it is given up as well."""
    partition = orphaned(FIVE, C)
    quorum = Quorum(placement_of(MOVING).sets(partition), "quorum")
    quorum.no[gone] = None
    assert quorum.lost()


def test_before_the_data_moves_most_keys_of_the_given_up_have_no_quorum() -> None:
    """Who would be asked is not decided yet."""
    quorum = Quorum(placement_of(LOST).sets(orphaned(FIVE, C)), "quorum")
    quorum.no.update({A: None, B: None})
    assert quorum.lost()


def test_where_all_old_owners_were_given_up_the_new_ones_begin_with_what_they_have() -> None:
    """It may have moved to them before."""
    moving = joint(given_up(FIVE, (A, B, C)), (D, E))
    placement = placement_of(moving)
    partition = next(p for p in PARTITIONS if {*placement.old_owners(p)} == {A, B, C})
    assert {*placement.owners(partition)} == {D, E}
    assert placement.sources(partition)[1] == 2
    assert placement.moves(partition)


def test_a_new_owner_merges_from_all_that_are_left() -> None:
    """With one of them missing it has not got the partition."""
    made = Merging(D, checks=True)
    for layout in (FIVE, LOST, MOVING):
        made.adopt(placement_of(layout))
    partition = orphaned(FIVE, C)
    wanted = {p: (sorted(peers), count) for p, peers, count in made.wanted()}
    assert wanted[partition] == ([C, E], 2)
    assert made.is_wanted(partition, E)
    before = made.moved
    made.merged(partition, C)
    assert made.moved == before
    made.merged(partition, E)
    assert made.moved == before + 1
    made.adopt(placement_of(settled(MOVING)))
    assert partition not in made.behind()


def test_the_one_that_is_left_merges_from_the_new_owners_too() -> None:
    """They may have got something before the others were given up."""
    made = Merging(C, checks=True)
    for layout in (FIVE, LOST, MOVING):
        made.adopt(placement_of(layout))
    partition = orphaned(FIVE, C)
    wanted = {p: (sorted(peers), count) for p, peers, count in made.wanted()}
    assert wanted[partition] == ([D, E], 2)


def test_alone_nothing_is_to_be_merged() -> None:
    """Of two members one was given up: the other has all there is."""
    made = Merging(B, checks=True)
    lost = given_up(founding([A, B]), (A,))
    for layout in (founding([A, B]), lost, joint(lost, (B,))):
        made.adopt(placement_of(layout))
    assert made.moved == made.moving == 4096
