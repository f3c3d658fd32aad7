"""Quorums: distinct owners are counted, of each preference list, whether or not they are there."""

from __future__ import annotations

from itertools import combinations

import pytest

from actors.layout import Sets
from actors.messages import Level
from actors.quorum import Quorum, needs
from tests.actors.coordinators import D, E
from tests.actors.envelopes import A, B, C

STABLE: Sets = ((A, B, C),)
JOINT: Sets = ((A, B, C), (C, D, E))


def quorum(sets: Sets, level: Level = "quorum", yes: str = "", no: str = "") -> Quorum:
    """A quorum of which the nodes of these letters have, or will not."""
    counted = Quorum(sets, level)
    counted.yes.update({letter * 16: None for letter in yes})
    counted.no.update({letter * 16: None for letter in no})
    return counted


@pytest.mark.parametrize(
    ("owners", "needed"),
    [
        (1, {"one": 1, "quorum": 1, "all": 1}),
        (2, {"one": 1, "quorum": 2, "all": 2}),
        (3, {"one": 1, "quorum": 2, "all": 3}),
    ],
)
def test_a_majority_or_one_or_all_are_needed(owners: int, needed: dict[Level, int]) -> None:
    """Of each list so many as its length asks for."""
    sets = (tuple(f"{i:016x}" for i in range(owners)),)
    assert {level: needs(sets, level) for level in needed} == {
        level: (count,) for level, count in needed.items()
    }


def test_two_majorities_have_an_owner_in_common() -> None:
    """That is what they are for; while data moves, in both lists."""
    for sets in (STABLE, JOINT):
        members = sorted({owner for owners in sets for owner in owners})
        met = [
            {*chosen}
            for count in range(len(members) + 1)
            for chosen in combinations(members, count)
            if quorum(sets, yes="".join(node[0] for node in chosen)).met()
        ]
        for owners in sets:
            assert all(one & other & {*owners} for one in met for other in met)


@pytest.mark.parametrize(
    ("level", "yes", "is_met"),
    [
        ("quorum", "ab", True),
        ("quorum", "a", False),
        ("quorum", "ade", False),
        ("one", "c", True),
        ("one", "", False),
        ("all", "ab", False),
        ("all", "abc", True),
    ],
)
def test_only_owners_count(level: Level, yes: str, is_met: bool) -> None:
    """Whoever else has answered does not."""
    assert quorum(STABLE, level, yes).met() is is_met


@pytest.mark.parametrize(
    ("level", "yes", "is_met"),
    [
        ("quorum", "abde", True),
        ("quorum", "acd", True),
        ("quorum", "ab", False),
        ("quorum", "cde", False),
        ("one", "c", True),
        ("one", "ab", False),
        ("all", "abcd", False),
    ],
)
def test_while_data_moves_each_list_has_to_be_met(level: Level, yes: str, is_met: bool) -> None:
    """A node that is in both counts in both."""
    assert quorum(JOINT, level, yes).met() is is_met


@pytest.mark.parametrize(
    ("sets", "level", "no", "is_lost"),
    [
        (STABLE, "quorum", "a", False),
        (STABLE, "quorum", "ab", True),
        (STABLE, "quorum", "ad", False),
        (STABLE, "one", "ab", False),
        (STABLE, "all", "c", True),
        (JOINT, "quorum", "ad", False),
        (JOINT, "quorum", "de", True),
        (JOINT, "one", "cde", True),
    ],
)
def test_it_is_lost_when_too_few_are_left_of_a_list(
    sets: Sets, level: Level, no: str, is_lost: bool
) -> None:
    """Whatever the others say."""
    assert quorum(sets, level, no=no).lost() is is_lost


def test_it_is_complete_when_nobody_is_waited_for() -> None:
    """Every owner has, or will not."""
    assert not quorum(STABLE, yes="ab").complete()
    assert quorum(STABLE, yes="ab", no="c").complete()
    assert not quorum(JOINT, yes="abc", no="d").complete()
    assert quorum(JOINT, yes="abc", no="de").complete()


def test_each_owner_stands_once_among_all_of_them() -> None:
    """The old ones first, each in the order of preference."""
    assert quorum(((B, A, C),)).owners() == (B, A, C)
    assert quorum(((B, A, C), (C, E, B))).owners() == (B, A, C, E)
