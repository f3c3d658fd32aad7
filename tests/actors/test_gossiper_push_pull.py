"""Push-pull of whole gossipers: what they do with what they are asked and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address
from actors.digests import BUCKETS, Digests
from actors.membership import Members
from actors.messages import Compare, Compared, Exchange, Tell
from tests.actors.envelopes import A, B, C, all_of, member, message, messages, reasons, the
from tests.actors.gossipers import (
    NET,
    belonging,
    compare_with,
    fresh,
    from_peer,
    listed,
    notes_of,
    remembered,
    run_answered,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
ALL = range(BUCKETS)


def test_two_gossipers_come_to_know_the_same() -> None:
    """What one learns in that way it remembers, acts on and publishes."""
    one, two = belonging(OTHER, THIRD), fresh(me=OTHER, notes=notes_of(OTHER, ME))
    remembered(two, two.take())
    asked = compare_with(one, B)
    exchange = the(one.take(the(two.take(asked), Compared)), Exchange)
    tell = next(e for e in all_of(two.take(exchange), Tell) if e.id == exchange.id)
    remembered(one, one.take(tell))
    assert [m.id for m in listed(two)] == [m.id for m in listed(one)] == [A, B, C]


def test_a_gossiper_compares_notes_by_its_own_wish() -> None:
    """A node that is alone wants turns too, and says nothing in them."""
    sent = run_answered(belonging(OTHER), 60_000)
    compares = [e for _, e in sent if isinstance(e.message, Compare)]
    assert 25 < len(compares) < 35
    assert {e.to for e in compares} == {Address(B, "gossiper")}
    assert belonging().run_for(10_000) == []


@pytest.mark.parametrize("kind", [Exchange, Tell])
def test_a_death_that_is_told_in_an_exchange_is_a_suspicion(kind: type) -> None:
    """Two sides that were cut off say many such things of each other when they meet."""
    node = belonging(OTHER, THIRD)
    dead = member(C, state="dead")
    buckets: list[tuple[int, ...]] = [tuple(ALL)] if kind is Exchange else []
    node.take(from_peer(kind(NET, *buckets, (dead,), ()), B))
    assert listed(node)[2] == replace(dead, state="suspect")


def test_an_exchange_is_answered_with_what_was_known_before() -> None:
    """What the other has just said is not said to it again."""
    node = belonging(OTHER)
    asked = from_peer(Exchange(NET, tuple(ALL), (ME, THIRD), ()), B, 7)
    out = node.take(asked)
    answered = [e for e in all_of(out, Tell) if e.id == 7]
    assert [e.message for e in answered] == [Tell(NET, (OTHER,), ())]
    assert listed(node) == (ME, OTHER, THIRD)


def test_the_digest_of_a_compare_is_of_all_that_is_known() -> None:
    """The peer is answered under the number that it chose, that it is equal or with buckets."""
    node = belonging(OTHER)
    known = Digests()
    Members(OTHER, [ME], 10, known)
    equal = the(node.take(from_peer(Compare(NET, known.whole()), B, 5)), Compared)
    assert (equal.to, equal.id) == (Address(B, "gossiper"), 5)
    assert equal.message == Compared(NET, ())
    other = message(node.take(from_peer(Compare(NET, "else"), B, 5)), Compared)
    assert other == Compared(NET, known.buckets())


def test_digests_that_were_not_asked_for_are_dropped_and_counted() -> None:
    """They are late, of an earlier life, or forged."""
    node = belonging(OTHER)
    asked = compare_with(node, B)
    for stray, late in (
        (from_peer(Compared(NET, ("else",)), B, asked.id + 1_000), "unasked"),
        (from_peer(Compared(NET, ("else",)), C, asked.id), "late"),
        (from_peer(Compared(NET, ("else",)), B, 1), "late"),
    ):
        out = node.take(stray)
        assert reasons(out) == [f"{late} Compared"]
        assert messages(out, Exchange) == []
