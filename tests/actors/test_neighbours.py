"""Whom a node hears: all of a few, a handful of many, and everybody by way of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from actors.actor import Now
from actors.gossip_settings import GossipSettings
from actors.membership import Member, State
from actors.neighbours import Neighbours
from tests.actors.envelopes import WALL_MS, member

SETTINGS = GossipSettings()
CHANGE_MS = SETTINGS.neighbour_change_ms


def at(mono_ms: int) -> Now:
    """A time."""
    return Now(mono_ms, WALL_MS + mono_ms)


def members(count: int, state: State = "alive") -> tuple[Member, ...]:
    """So many, in order of id."""
    return tuple(replace(member(), id=f"{i:016x}", state=state) for i in range(count))


def with_state(all_of_them: Sequence[Member], some: Sequence[Member], state: State) -> list[Member]:
    """The members, some of them now in this state."""
    ids = {m.id for m in some}
    return [replace(m, state=state) if m.id in ids else m for m in all_of_them]


def neighbours(seed: int = 1) -> Neighbours:
    """Of a node that has chosen nobody yet."""
    return Neighbours("f" * 16, Random(seed), SETTINGS)


def ids(chosen: Sequence[Member]) -> set[str]:
    """Who they are."""
    return {m.id for m in chosen}


@pytest.mark.parametrize("count", range(SETTINGS.all_neighbours + 1))
def test_of_a_few_all_are_heard(count: int) -> None:
    """Whatever their state: the dead may come back."""
    for others in (members(count), members(count, "dead")):
        assert neighbours().choose(others, at(0)) == others


@pytest.mark.parametrize(
    ("count", "wanted"), [(9, 6), (16, 6), (17, 7), (256, 10), (257, 11), (999, 12), (2_999, 14)]
)
def test_of_many_a_handful_is_heard(count: int, wanted: int) -> None:
    """The logarithm of their number to base 2, rounded up, and two more; in order of id."""
    chosen = neighbours().choose(members(count), at(0))
    assert len(chosen) == len(ids(chosen)) == wanted
    assert list(chosen) == sorted(chosen, key=lambda m: m.id)


def test_the_choice_follows_from_the_randomness() -> None:
    """The same for the same seed, another for another."""
    others = members(100)
    assert neighbours(1).choose(others, at(0)) == neighbours(1).choose(others, at(0))
    assert neighbours(1).choose(others, at(0)) != neighbours(2).choose(others, at(0))


def test_a_choice_stands() -> None:
    """While they live and nothing is due the same are heard, as they are known now."""
    mine, others = neighbours(), members(100)
    before = mine.choose(others, at(0))
    suspected = with_state(others, before[:2], "suspect")
    suspected = with_state(suspected, before[2:4], "leaving")
    now = mine.choose(suspected, at(CHANGE_MS - 1))
    assert ids(now) == ids(before)
    assert {m.state for m in now} == {"alive", "suspect", "leaving"}


@pytest.mark.parametrize("state", ["dead", "stopped"])
def test_who_dies_is_replaced_at_once(state: State) -> None:
    """By one who lives; the others stay."""
    mine, others = neighbours(), members(100)
    before = mine.choose(others, at(0))
    after = mine.choose(with_state(others, before[:2], state), at(1))
    assert len(after) == len(before)
    assert ids(before[2:]) < ids(after)
    assert {m.state for m in after} == {"alive"}


def test_who_leaves_is_replaced_at_once() -> None:
    """It is not among the others any more; the rest stay."""
    mine, others = neighbours(), members(100)
    before = mine.choose(others, at(0))
    after = mine.choose([m for m in others if m != before[3]], at(1))
    assert len(after) == len(before)
    assert ids(before) - ids(after) == {before[3].id}


def test_a_network_that_grows_adds_to_the_choice() -> None:
    """Those chosen stay, and as many come as the size asks for; and go again as it shrinks."""
    mine = neighbours()
    few = mine.choose(members(16), at(0))
    many = mine.choose(members(17), at(1))
    assert ids(few) < ids(many)
    assert mine.choose(members(16), at(2)) == tuple(m for m in many if m in few)


def test_one_is_exchanged_from_time_to_time() -> None:
    """One of them, each time that long after the last."""
    mine, others = neighbours(), members(100)
    choices = [mine.choose(others, at(i * CHANGE_MS // 2)) for i in range(9)]
    changes = [len(ids(new) - ids(old)) for old, new in pairwise(choices)]
    assert changes == [0, 1] * 4
    assert {len(chosen) for chosen in choices} == {9}


def test_a_long_sleep_is_no_reason_to_exchange_all() -> None:
    """However long nobody asked, one is exchanged."""
    mine, others = neighbours(), members(100)
    before = mine.choose(others, at(0))
    after = mine.choose(others, at(100 * CHANGE_MS))
    assert len(ids(after) - ids(before)) == 1
    assert mine.choose(others, at(101 * CHANGE_MS - 1)) == after


def test_in_time_everybody_is_heard() -> None:
    """The exchanges leave nobody out."""
    mine, others = neighbours(), members(50)
    heard: set[str] = set()
    for i in range(500):
        heard |= ids(mine.choose(others, at(i * CHANGE_MS)))
    assert heard == ids(others)


def test_who_does_not_live_is_heard_if_too_few_do() -> None:
    """All that live, and some others, who stay while they are needed."""
    mine, others = neighbours(), members(20, "dead")
    living = others[5:8]
    others = tuple(with_state(others, living, "alive"))
    chosen = mine.choose(others, at(0))
    assert len(chosen) == 7
    assert ids(living) < ids(chosen)
    assert mine.choose(others, at(1)) == chosen
    assert mine.choose(others, at(CHANGE_MS)) == chosen


def test_who_comes_back_takes_the_place_of_the_dead() -> None:
    """Once enough live, only they are heard."""
    mine = neighbours()
    mine.choose(members(20, "dead"), at(0))
    chosen = mine.choose(members(20), at(1))
    assert len(chosen) == 7
    assert {m.state for m in chosen} == {"alive"}


def test_rumours_reach_everybody_in_six_hops() -> None:
    """In a network of 1,000 nodes, each with a choice of its own, whoever publishes first."""
    everybody = members(1_000)
    heard = {
        me.id: neighbours(seed).choose(everybody[:seed] + everybody[seed + 1 :], at(0))
        for seed, me in enumerate(everybody)
    }
    # Of each node, whose rumours have reached it so far: a bit for each origin.
    reached = {me.id: 1 << i for i, me in enumerate(everybody)}
    for _ in range(6):
        before = dict(reached)
        for me, sources in heard.items():
            for source in sources:
                reached[me] |= before[source.id]
    assert set(reached.values()) == {(1 << 1_000) - 1}


def test_there_is_nobody_whom_nobody_hears() -> None:
    """Each hears the next living one by id, whatever else it has chosen."""
    everybody = list(members(40))
    everybody[7] = replace(everybody[7], state="dead")
    for i in range(40):
        mine = Neighbours(everybody[i].id, Random(3), SETTINGS)
        others = everybody[:i] + everybody[i + 1 :]
        following = 8 if i == 6 else (i + 1) % 40
        assert everybody[following] in mine.choose(others, at(0))
