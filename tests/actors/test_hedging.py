"""A read asks as many owners as it needs; the others once these take long, or cannot answer."""

from __future__ import annotations

from itertools import permutations

import pytest

from actors.hedging import SLOW_MS
from actors.layout import Sets
from actors.messages import AskVitals, Fetch, Got, Heal, Level, RouterVitals
from actors.quorum import Quorum
from tests.actors.coordinators import (
    OWN,
    D,
    E,
    bounce_all,
    coordinator,
    fetched,
    layout_is,
    members_changed,
    nodes,
    sent,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    from_host,
    get,
    message,
    record,
    to,
)

HEDGE_MS = 10
HELD = record("k", 7, b"v")


def hedging(*members: str, down: tuple[str, ...] = ()) -> Turns:
    """Node A's router, whose reads ask all owners only after HEDGE_MS."""
    return coordinator(*members, down=down, hedge_ms=HEDGE_MS)


def asked_by(node: Turns, number: int = 1, r: Level = "quorum") -> list[str]:
    """Who is asked first by a read, which nobody answers."""
    return nodes(node.take(get("k", number=number, r=r)), Fetch)


def answered(node: Turns, number: int) -> str:
    """Who is asked beside the own replica by a read, which both answer."""
    out = node.take(get("k", number=number))
    [other] = [name for name in nodes(out, Fetch) if name != A]
    got = node.take(*(fetched(sent(out, n, Fetch), HELD) for n in (A, other)))
    assert message(got, Got).values == (b"v",)
    return other


@pytest.mark.parametrize(("r", "count"), [("one", 1), ("quorum", 2), ("all", 3)])
def test_a_read_asks_as_many_owners_as_it_needs(r: Level, count: int) -> None:
    """The own replica is always among them: it is the nearest."""
    asked = asked_by(hedging(), r=r)
    assert (asked[0], len(asked)) == (A, count)


def test_a_coordinator_that_is_no_owner_asks_two_of_the_owners() -> None:
    """Those that are up."""
    asked = asked_by(hedging(B, C, D))
    assert len(asked) == 2
    assert A not in asked
    assert asked_by(hedging(B, C, D, down=(C,))) == [B, D]


def test_the_others_are_asked_once_the_first_take_long() -> None:
    """Who answers first counts."""
    node = hedging()
    out = node.take(get("k"))
    first = nodes(out, Fetch)
    assert node.run_for(HEDGE_MS - 1) == []
    later = node.take_when_due()
    assert node.now_ms == HEDGE_MS
    [third] = nodes(later, Fetch)
    assert {*first, third} == {A, B, C}
    node.take(fetched(sent(out, A, Fetch), HELD))
    assert message(node.take(fetched(sent(later, third, Fetch), HELD)), Got).values == (b"v",)


def test_nobody_else_is_asked_for_what_was_answered_in_time() -> None:
    """The router sleeps then."""
    node = hedging()
    answered(node, 1)
    assert node.actor.wake_at is None
    assert all_of(node.run_for(1_000), Fetch) == []


def test_the_others_are_asked_at_once_when_one_that_was_asked_falls() -> None:
    """There is nothing to wait for."""
    node = hedging()
    [other] = set(asked_by(node)) - {A}
    [third] = {B, C} - {other}
    assert nodes(node.take(members_changed(down=(other,))), Fetch) == [third]


def test_a_question_that_is_handed_back_does_not_hold_a_read_up() -> None:
    """There may be no connection yet: another owner is asked as soon as if it was slow."""
    node = hedging()
    out = node.take(get("k"))
    [other] = set(nodes(out, Fetch)) - {A}
    [third] = {B, C} - {other}
    assert nodes(bounce_all(node, out, other, for_ms=HEDGE_MS), Fetch) == [A, third]


def test_who_let_a_read_wait_is_asked_last_for_a_while() -> None:
    """One that hangs holds up the reads of one turn, not those of every second turn."""
    node = hedging()
    out = node.take(get("k"))
    [slow] = set(nodes(out, Fetch)) - {A}
    node.take(fetched(sent(out, A, Fetch), HELD))
    node.run_for(HEDGE_MS)
    assert slow not in {answered(node, number) for number in range(2, 30)}
    node.run_for(SLOW_MS)
    assert slow in {answered(node, number) for number in range(30, 60)}


def test_the_own_replica_is_asked_last_too_where_it_is_slow() -> None:
    """Its disk may be busy."""
    node = hedging()
    out = node.take(get("k"))
    [other] = set(nodes(out, Fetch)) - {A}
    node.take(fetched(sent(out, other, Fetch), HELD))
    node.run_for(HEDGE_MS)
    assert asked_by(node, 2) == [B, C]


def test_the_reads_of_a_turn_ask_the_same_owners() -> None:
    """So what they ask shares messages, whatever keys they are of and whoever asks."""
    out = hedging().take(*(get(f"k{n}", number=n) for n in range(20)))
    assert len(all_of(out, Fetch)) == 2


def test_by_and_by_all_copies_are_compared() -> None:
    """Other owners come first in other turns: so reads find whoever is behind."""
    node = hedging()
    assert {answered(node, number) for number in range(30)} == {B, C}


def test_what_is_asked_for_is_not_asked_of_others_in_another_epoch() -> None:
    """It is asked anew there, and of as few."""
    node = hedging()
    asked_by(node)
    out = node.take(layout_is(2, A, B, C))
    assert len(all_of(out, Fetch)) == 2
    [fetch] = all_of(node.run_for(HEDGE_MS), Fetch)
    assert message([fetch], Fetch).epoch == 2


def test_to_heal_a_key_all_of_its_owners_are_asked() -> None:
    """Whoever lacks it is sought."""
    out = hedging().take(to("router", Heal(("k",)), OWN))
    assert nodes(out, Fetch) == [A, B, C]


def test_a_read_whose_time_is_over_asks_nobody_else() -> None:
    """Nobody would hear of it, and the router sleeps."""
    node = coordinator(hedge_ms=15_000)
    first = asked_by(node)
    assert {e.to.node for e in all_of(node.run_for(20_000), Fetch)} == {*first}
    assert node.actor.wake_at is None


def test_it_is_counted_how_often_the_others_were_asked() -> None:
    """Each time that a read waited in vain, not when one that was asked fell."""
    node = hedging()
    asked_by(node)
    assert hedged(node) == 0
    node.run_for(HEDGE_MS)
    assert hedged(node) == 1


def hedged(node: Turns) -> int:
    """What the router tells its host of it."""
    return message(node.take(from_host("router", AskVitals())), RouterVitals).hedged


STABLE: Sets = ((A, B, C),)
JOINT: Sets = ((A, B, C), (C, D, E))


@pytest.mark.parametrize("sets", [STABLE, JOINT])
@pytest.mark.parametrize("level", ["one", "quorum", "all"])
def test_the_fewest_are_enough_and_no_more(sets: Sets, level: Level) -> None:
    """In whatever order the owners are preferred; without any of them there would be too few."""
    for order in permutations(Quorum(sets, level).owners()):
        fewest = Quorum(sets, level).fewest(order)
        assert counts(sets, level, fewest)
        if len(sets) == 1:
            assert not any(counts(sets, level, set(fewest) - {node}) for node in fewest)


def counts(sets: Sets, level: Level, yes: tuple[str, ...] | set[str]) -> bool:
    """Is this a quorum?"""
    quorum = Quorum(sets, level)
    quorum.yes.update(dict.fromkeys(yes))
    return quorum.met()
