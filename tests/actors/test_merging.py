"""Which partitions a replica may lack something of, as layouts come and copies are compared."""

from __future__ import annotations

import pytest

from actors.layout import Layout, aborted, bumped, founding, joint, settled
from actors.merging import Merging
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import D, placement_of

THREE = founding([A, B, C])
JOINT = joint(THREE, [A, B, C, D])


def merging(here: str, *layouts: Layout, checks: bool = True) -> Merging:
    """A replica that has adopted these."""
    made = Merging(here, checks=checks)
    for layout in layouts:
        made.adopt(placement_of(layout))
    return made


def merge(made: Merging, *peers: str) -> None:
    """All that is lacking is merged from these peers, where they have it."""
    for peer in peers:
        for partition in made.behind():
            if made.is_wanted(partition, peer):
                made.merged(partition, peer)


def test_after_a_start_everything_is_to_be_checked() -> None:
    """With three owners, against one other: that makes a majority with the own copy."""
    made = merging(A, THREE)
    assert made.behind() == list(range(4096))
    assert {(tuple(peers), count) for _, peers, count in made.wanted()} >= {((B, C), 1)}
    made.merged(5, B)
    assert 5 not in made.behind()


def test_alone_nothing_is_to_be_checked() -> None:
    """The own copy is a majority."""
    assert merging(A, founding([A])).behind() == []


def test_of_two_owners_both_are_a_majority() -> None:
    """So the other is needed."""
    made = merging(A, founding([A, B]))
    assert len(made.behind()) == 4096
    merge(made, B)
    assert made.behind() == []


def test_without_checks_nothing_is_behind_after_a_start() -> None:
    """What does not move is left to others."""
    assert merging(A, THREE, checks=False).behind() == []


@pytest.mark.parametrize("checks", [True, False])
def test_a_new_owner_needs_a_majority_of_the_old_ones(checks: bool) -> None:
    """Its own copy is none of theirs, so of three it needs two."""
    made = merging(D, JOINT, checks=checks)
    moving = made.moving
    assert moving == len(made.own) > 2_500
    assert made.moved == 0
    merge(made, A)
    assert made.moved == 0
    merge(made, B)
    assert 0 < made.moved == moving
    assert made.behind() == []


def test_the_word_of_one_peer_counts_once() -> None:
    """However often it is compared with."""
    made = merging(D, JOINT)
    partition = made.own[0]
    made.merged(partition, A)
    made.merged(partition, A)
    assert partition in made.behind()


def test_what_another_new_owner_has_does_not_count() -> None:
    """It may lack the same."""
    layout = joint(founding([A]), [A, B, C, D])
    made = merging(D, layout)
    partition = next(p for p in made.own if B in placement_of(layout).owners(p))
    made.merged(partition, B)
    assert made.moved == 0
    made.merged(partition, A)
    assert made.moved == 1


def test_an_old_owner_merges_what_moves_between_others() -> None:
    """In the joint epoch all owners to be merge it, and an old one has its own copy."""
    made = merging(A, THREE)
    merge(made, B)
    made.adopt(placement_of(JOINT))
    placement = placement_of(JOINT)
    moving = [p for p in range(4096) if placement.moves(p) and A in placement.new_owners(p)]
    assert made.behind() == moving
    assert made.moving == len(moving)
    merge(made, C)
    assert made.moved == made.moving


def test_what_was_merged_in_the_joint_epoch_stays_so() -> None:
    """When the layout is settled nothing is moving, and nothing is behind."""
    made = merging(D, JOINT)
    merge(made, A, B, C)
    made.adopt(placement_of(settled(JOINT)))
    assert made.behind() == []
    assert (made.moving, made.moved) == (0, 0)


@pytest.mark.parametrize("checks", [True, False])
def test_what_was_not_is_still_behind(checks: bool) -> None:
    """It is then to be merged from a majority of the owners that there are now."""
    made = merging(D, JOINT, checks=checks)
    lacking = made.own[0]
    for partition in made.own[1:]:
        for peer in (A, B, C):
            made.merged(partition, peer)
    made.adopt(placement_of(settled(JOINT)))
    assert made.behind() == [lacking]
    [(_, peers, count)] = list(made.wanted())
    assert (len(peers), count) == (2, 1)


def test_who_missed_the_joint_epoch_is_behind_too() -> None:
    """It has new partitions, of which nothing was merged; of those that did not move it has all."""
    made = merging(A, THREE)
    merge(made, B)
    made.adopt(placement_of(settled(JOINT)))
    placement = placement_of(JOINT)
    assert made.behind() == [
        p for p in range(4096) if placement.moves(p) and A in placement.new_owners(p)
    ]


def test_an_aborted_move_leaves_things_as_they_were() -> None:
    """An old owner has lost nothing by it, and a new one is none any more."""
    old, new = merging(A, THREE), merging(D, THREE)
    for partition in old.own[10:]:
        old.merged(partition, B)
    for made in (old, new):
        made.adopt(placement_of(JOINT))
        made.adopt(placement_of(aborted(JOINT)))
        assert made.moving == 0
    assert old.behind() == list(range(10))
    assert new.behind() == []
    assert new.own == ()


def test_a_raised_epoch_changes_nothing() -> None:
    """What was merged is merged, and what was not is not."""
    made = merging(A, THREE)
    for partition in made.own[10:]:
        made.merged(partition, B)
    made.adopt(placement_of(bumped(THREE)))
    assert made.behind() == list(range(10))


def test_in_a_new_joint_epoch_merging_begins_anew() -> None:
    """What an old owner served in an earlier epoch may lack what was written after."""
    again = joint(aborted(JOINT), [A, B, C, D])
    for layouts in ([aborted(JOINT), again], [again]):
        made = merging(D, JOINT)
        partition = made.own[0]
        one, other, _ = placement_of(JOINT).old_owners(partition)
        made.merged(partition, one)
        for layout in layouts:
            made.adopt(placement_of(layout))
        made.merged(partition, other)
        assert made.moved == 0
        made.merged(partition, one)
        assert made.moved == 1


def test_a_difference_is_behind_until_it_is_merged() -> None:
    """From the peer it was found at."""
    made = merging(A, THREE, checks=False)
    made.differs(7, B)
    assert made.behind() == [7]
    assert list(made.wanted()) == [(7, [B], 1)]
    made.merged(7, C)
    assert made.behind() == [7]
    made.merged(7, B)
    assert made.behind() == []


def test_a_difference_to_one_who_is_gone_is_forgotten() -> None:
    """What it has cannot be had."""
    made = merging(A, THREE, checks=False)
    made.differs(7, B)
    made.differs(7, C)
    made.forget(B)
    assert list(made.wanted()) == [(7, [C], 1)]
    made.adopt(placement_of(Layout(5, (A, B), (), (C,))))
    assert (7, [C], 1) not in list(made.wanted())
