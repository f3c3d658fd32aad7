"""Another network is at an address that a node was told to join: it stays in its own, and tells."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from actors.actor import HOST, Address, Envelope
from actors.arriving import MAX_OTHERS
from actors.gossiper import Gossiper
from actors.membership import Member
from actors.messages import Elsewhere, Tell
from actors.rumours import MAX_NAME_CHARACTERS
from tests.actors.comings import Coming
from tests.actors.envelopes import A, B, C, Turns, all_of, member, messages, reasons
from tests.actors.gossipers import NET, fresh, from_peer, listed, notes_of

ME, OTHER, THIRD = member(A), member(B), member(C)
GIVEN = "10.0.0.7:7000"
STRANGER = "9" * 16
SAID = Elsewhere(GIVEN, "other", NET)


def of_other(number: int, *members: Member, network: str = "other") -> Envelope:
    """A stranger tells this, of another network."""
    return from_peer(Tell(network, members, ()), STRANGER, number)


def said_by(coming: Coming, envelope: Envelope) -> tuple[bool, list[Envelope]]:
    """Was it an answer, and what comes of it?"""
    assert isinstance(envelope.message, Tell)
    was_answer = coming.arriving.on_other_network(envelope, envelope.message)
    return was_answer, coming.outbox.take()


def test_that_another_network_is_at_a_given_address_is_told_once() -> None:
    """By name of both; the same network at another address is no more news, but one more is."""
    coming = Coming()
    coming.arriving.arrive([GIVEN, "10.0.0.8:7000", "10.0.0.9:7000"])
    coming.due()
    first, second, third = [e.id for e in coming.sent]
    was_answer, out = said_by(coming, of_other(first))
    assert was_answer
    assert [(e.to.actor, e.message) for e in out] == [(HOST, SAID)]
    assert said_by(coming, of_other(second)) == (True, [])
    _, out = said_by(coming, of_other(third, network="third"))
    assert messages(out, Elsewhere) == [Elsewhere("10.0.0.9:7000", "third", NET)]


def test_only_the_answer_of_a_given_address_is_believed() -> None:
    """Nothing that comes unasked, or a second time; nor what the node's own network says."""
    coming = Coming(OTHER)
    coming.arriving.arrive([GIVEN])
    coming.due()
    given, told_b = [e.id for e in sorted(coming.sent, key=lambda e: e.to.node)]
    for number in (0, 77, told_b):
        assert said_by(coming, of_other(number)) == (False, [])
    assert said_by(coming, of_other(given, network=NET)) == (False, [])
    assert said_by(coming, of_other(given))[0]
    assert said_by(coming, of_other(given)) == (False, [])


def test_so_many_other_networks_are_told_of_and_no_more() -> None:
    """What stands in their names is not trusted, either."""
    coming = Coming()
    coming.arriving.arrive([f"10.0.0.7:{7000 + n}" for n in range(MAX_OTHERS + 5)])
    coming.due()
    answers = [of_other(e.id, network=f"{n:x<100}") for n, e in enumerate(coming.sent)]
    told = [m for a in answers for m in messages(said_by(coming, a)[1], Elsewhere)]
    assert len(told) == MAX_OTHERS
    assert {len(m.other) for m in told} == {MAX_NAME_CHARACTERS}


def test_a_given_address_is_told_again_for_a_while() -> None:
    """A connection may just be being made, there or back; after ten seconds nobody is there."""
    coming = Coming(OTHER)
    coming.arriving.arrive([GIVEN, OTHER.address])
    assert coming.due() == [f"@{GIVEN}", f"@{OTHER.address}", B]
    times = [0]
    while coming.arriving.wake_at is not None:
        if told := coming.wait():
            assert told == [f"@{GIVEN}"]
            times.append(coming.now_ms)
    assert times == [0, 100, 300, 700, 1_500, 3_100, 5_100, 7_100, 9_100]


def test_a_given_address_that_has_answered_is_told_no_more() -> None:
    """It is known now what is there."""
    coming = Coming()
    coming.arriving.arrive([GIVEN])
    coming.due()
    coming.wait()
    assert said_by(coming, of_other(coming.sent[0].id))[0]
    assert coming.arriving.wake_at is None


def test_who_was_told_to_join_this_node_hears_what_network_it_is_of() -> None:
    """At the address where it says that it listens; it is none of this node's members."""
    out = said_by(Coming(OTHER), of_other(7, replace(THIRD, id=STRANGER)))
    to, here = Address(f"@{THIRD.address}", "gossiper"), Address(A, "gossiper")
    assert out == (False, [Envelope(to, here, Tell(NET, (), ()), 7)])


@pytest.mark.parametrize(
    "unasked",
    [
        of_other(0, replace(THIRD, id=STRANGER)),
        of_other(7, THIRD),
        of_other(7, replace(THIRD, id=STRANGER), OTHER),
        of_other(7, replace(THIRD, id=STRANGER, address="nowhere")),
        of_other(7),
    ],
)
def test_nobody_else_hears_of_it(unasked: Envelope) -> None:
    """Who expects no answer, speaks of others, or says of itself what cannot be."""
    assert said_by(Coming(OTHER), unasked) == (False, [])


def test_a_fresh_node_tells_nobody_what_network_it_is_of() -> None:
    """It is of none yet."""
    coming = Coming()
    coming.arriving.network = ""
    assert said_by(coming, of_other(7, replace(THIRD, id=STRANGER))) == (False, [])


def test_two_gossipers_of_two_networks_tell_each_other() -> None:
    """The one that was told to join the other's address; it stays, and nothing is counted there."""
    mine = fresh(GIVEN, notes=notes_of(ME))
    theirs = Turns(Gossiper(OTHER, "1.0", (), {**notes_of(OTHER), "network": b"other"}, Random(1)))
    theirs.take()
    [tell] = [e for e in all_of(mine.take(), Tell) if e.to.node == f"@{GIVEN}"]
    out = theirs.take(tell)
    assert reasons(out) == ["gossip of another network"]
    out = mine.take(*all_of(out, Tell))
    assert messages(out, Elsewhere) == [SAID]
    assert reasons(out) == []
    assert listed(mine) == (ME,)
