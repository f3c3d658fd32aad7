"""Arriving: a node says that it is there, and waits until it may serve."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from actors.actor import Envelope
from actors.arriving import Arriving
from actors.gossip_settings import GossipSettings
from actors.membership import Member
from actors.messages import GiveUp, MembersChanged, Tell
from tests.actors.comings import Coming
from tests.actors.envelopes import A, B, C, all_of, bounced, member, message, messages
from tests.actors.gossipers import NET, equal, fresh, notes_of, run_answered, told
from tests.actors.parts import nodes

ME, OTHER, THIRD = member(A), member(B), member(C)
SETTINGS = GossipSettings()
FORMER = replace(ME, boot=0, address="10.0.0.9:7000")
AT_FORMER = f"@{FORMER.address}"


# Saying so.


def test_who_arrives_tells_the_others_and_the_addresses_that_it_was_given() -> None:
    """Once; its rumours reach them later, or not at all."""
    coming = Coming(OTHER, THIRD)
    coming.arriving.arrive([OTHER.address])
    assert sorted(coming.due()) == [f"@{OTHER.address}", B, C]
    assert coming.arriving.wake_at is None
    assert coming.due(10_000) == []


def test_who_arrives_tells_eight_at_most() -> None:
    """Some of them; in a large network rumours do the rest."""
    others = nodes(100)
    chosen = []
    for seed in (1, 2):
        coming = Coming(*others)
        coming.arriving = Arriving(coming.members, coming.outbox, Random(seed), SETTINGS)
        coming.arriving.network = NET
        coming.arriving.arrive([])
        chosen.append(coming.due())
    assert [len(set(some)) for some in chosen] == [SETTINGS.all_neighbours] * 2
    assert chosen[0] != chosen[1]


def test_who_is_alone_tells_nobody() -> None:
    """It wants no turn either."""
    coming = Coming()
    coming.arriving.arrive([])
    assert coming.due() == []
    assert coming.arriving.wake_at is None


def test_what_bounced_is_told_again() -> None:
    """A connection may just be being made: after 100 ms, then 200, up to the usual interval."""
    coming = Coming(OTHER)
    coming.arriving.arrive([])
    assert coming.due() == [B]
    times = []
    for _ in range(7):
        coming.arriving.bounced(B)
        assert coming.due() == []
        assert coming.wait() == [B]
        times.append(coming.now_ms)
    assert times == [100, 300, 700, 1_500, 3_100, 5_100, 7_100]


def test_who_waits_tells_the_others_until_one_has_answered() -> None:
    """They may have been told, and their answer been lost; then it is told no more."""
    coming = Coming(OTHER, THIRD)
    coming.arriving.start_again(ME)
    coming.arriving.arrive([])
    assert sorted(coming.due()) == [B, C]
    times = []
    for _ in range(6):
        assert sorted(coming.wait()) == [B, C]
        times.append(coming.now_ms)
    assert times == [100, 300, 700, 1_500, 3_100, 5_100]
    coming.arriving.answered(B)
    coming.wait()
    assert coming.arriving.wake_at is None
    assert coming.due(60_000) == []


def test_who_waits_asks_the_addresses_that_it_was_given_as_often() -> None:
    """All members may have moved, and who is at such an address may have started later."""
    coming = Coming(OTHER)
    coming.arriving.start_again(ME)
    coming.arriving.arrive(["10.0.0.7:7000"])
    assert coming.due() == ["@10.0.0.7:7000", B]
    assert [coming.wait() for _ in range(3)] == [["@10.0.0.7:7000", B]] * 3
    coming.arriving.answered(B)
    while coming.arriving.wake_at is not None:
        coming.wait()
    assert coming.now_ms <= 2 * SETTINGS.given_patience_ms


@pytest.mark.parametrize("waits", [False, True])
def test_who_is_down_is_told_again_only_while_this_node_waits_for_anybody(waits: bool) -> None:
    """Else it is tried now and then anyway; but all may have been down, and it be back."""
    coming = Coming(member(B, state="dead"))
    if waits:
        coming.arriving.start_again(ME)
    coming.arriving.bounced(B)
    assert (coming.arriving.wake_at is not None) is waits


def test_what_bounced_of_a_stranger_is_not_told_again() -> None:
    """Nor of one that has left: only members are told until they have heard it."""
    coming = Coming(OTHER, member(C, state="left"))
    coming.arriving.bounced("9" * 16)
    coming.arriving.bounced(C)
    coming.arriving.bounced("@10.0.0.7:7000")
    assert coming.arriving.wake_at is None


def test_who_has_left_meanwhile_is_not_told() -> None:
    """There is no connection to it any more."""
    coming = Coming(OTHER, THIRD)
    coming.arriving.arrive([])
    coming.members.declare(B, "left")
    assert coming.due() == [C]


# Serving.


def test_a_node_that_enters_a_network_serves_at_once() -> None:
    """It has just been let in."""
    coming = Coming(OTHER)
    coming.arriving.arrive([])
    assert coming.arriving.is_confirmed


def test_a_node_that_starts_again_says_for_whom_it_waits() -> None:
    """For any other member, whether it is down or not; the first ten by name."""
    assert Coming(OTHER, member(C, state="dead")).arriving.start_again(ME) == (
        "waiting for one of node-b, node-c to confirm that this node is still a member"
    )
    waiting = Coming(*nodes(13)).arriving.start_again(ME)
    assert "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 3 more to confirm" in waiting


def test_a_node_that_starts_again_serves_when_a_member_has_answered() -> None:
    """A stranger's word, or that of one who left, does not count."""
    coming = Coming(OTHER, member(C, state="left"))
    coming.arriving.start_again(ME)
    for node in ("9" * 16, C):
        coming.arriving.answered(node)
        assert not coming.arriving.is_confirmed
    coming.arriving.answered(B)
    assert coming.arriving.is_confirmed


@pytest.mark.parametrize("former", [None, ME, replace(ME, boot=0)])
def test_a_node_alone_that_stayed_where_it_was_serves_at_once(former: Member | None) -> None:
    """It waits for nobody, and asks nobody."""
    coming = Coming(member(B, state="left"))
    assert coming.arriving.start_again(former) == ""
    assert coming.arriving.is_confirmed
    assert coming.due() == []


# Moving.


def test_a_node_that_moved_asks_where_it_was_before() -> None:
    """Its folder may be a copy: it asks again and again, and serves when it has heard nothing."""
    coming = Coming()
    waiting = coming.arriving.start_again(FORMER)
    assert waiting == f"looking whether this node still runs at {FORMER.address}, " + (
        "where it was before"
    )
    assert coming.due() == [AT_FORMER]
    times = [0]
    while not coming.arriving.is_confirmed:
        if coming.wait() == [AT_FORMER]:
            times.append(coming.now_ms)
    assert times == [0, 100, 300, 700]
    assert SETTINGS.moved_patience_ms <= coming.now_ms < 2 * SETTINGS.moved_patience_ms
    assert coming.arriving.wake_at is None


def test_the_second_begins_when_the_former_address_is_asked() -> None:
    """However long the node took to start."""
    coming = Coming()
    coming.now_ms = 50_000
    coming.arriving.start_again(FORMER)
    assert coming.due() == [AT_FORMER]
    coming.due(SETTINGS.moved_patience_ms - 1)
    assert not coming.arriving.is_confirmed
    coming.due(1)
    assert coming.arriving.is_confirmed


def test_a_node_that_moved_waits_for_both() -> None:
    """For a member's word, and for the silence of its former address."""
    coming = Coming(OTHER)
    assert "node-b" in coming.arriving.start_again(FORMER)
    coming.due()
    coming.arriving.answered(B)
    assert not coming.arriving.is_confirmed
    while coming.arriving.wake_at is not None:
        coming.wait()
    assert coming.arriving.is_confirmed


def test_silence_alone_does_not_let_a_node_serve() -> None:
    """While there are members that could say that it has left."""
    coming = Coming(OTHER)
    coming.arriving.start_again(FORMER)
    coming.due()
    coming.due(10_000)
    assert not coming.arriving.is_confirmed


@pytest.mark.parametrize("former", [None, ME, replace(ME, boot=0)])
def test_a_node_that_is_where_it_was_has_not_moved(former: Member | None) -> None:
    """Nor one that enters a network: it was nowhere before."""
    coming = Coming(OTHER)
    assert not coming.arriving.has_moved
    coming.arriving.start_again(former)
    coming.due()
    assert not coming.arriving.has_moved


def test_a_node_that_moved_has_moved_also_when_nobody_is_at_its_former_address() -> None:
    """As long as it runs."""
    coming = Coming(OTHER)
    coming.arriving.start_again(FORMER)
    assert coming.arriving.has_moved
    coming.due()
    coming.due(SETTINGS.moved_patience_ms)
    coming.arriving.answered(B)
    assert coming.arriving.is_confirmed
    assert coming.arriving.has_moved


# The same, of a whole gossiper.


def ready(out: list[Envelope]) -> bool:
    """Is the node told who owns the ring?"""
    return any(changed.network for changed in messages(out, MembersChanged))


def test_a_gossiper_that_moved_serves_after_a_second() -> None:
    """Alone in its network, at another address than it has on its disk."""
    node = fresh(notes=notes_of(FORMER))
    out = node.take()
    assert [e.to.node for e in all_of(out, Tell)] == [AT_FORMER]
    assert FORMER.address in messages(out, MembersChanged)[0].waiting
    times = [at_ms for at_ms, e in run_answered(node, 5_000) if ready([e])]
    assert times
    assert SETTINGS.moved_patience_ms <= times[0] < 2 * SETTINGS.moved_patience_ms


def test_a_gossiper_tells_again_what_bounced() -> None:
    """It wants a turn for that."""
    node = fresh(me=member(A, boot=2), notes=notes_of(ME, OTHER))
    tell = all_of(node.take(), Tell)[0]
    assert tell.to.node == B
    node.take(bounced(tell))
    retell_ms = SETTINGS.retell_ms
    sent = run_answered(node, retell_ms)
    assert retell_ms in [at_ms for at_ms, e in sent if e.message == tell.message]


def test_a_gossiper_that_is_told_that_it_runs_elsewhere_ends() -> None:
    """The other one had this folder first: it speaks under the same id."""
    node = fresh(notes=notes_of(FORMER, OTHER))
    begun = node.take()
    out = node.take(told(FORMER, by=A))
    assert message(out, GiveUp).code == "refused"
    assert FORMER.address in message(out, GiveUp).reason
    assert not ready(node.take(*equal(begun)))
    assert not ready([e for _, e in run_answered(node, 5_000)])
