"""A node that starts again after all others were lost: nobody confirms it, and still it can be told
to give them up. If any of them is there after all, it is not done.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.layout import Layout, founding
from actors.membership import Member
from actors.messages import (
    Compare,
    Compared,
    Departed,
    Exchange,
    Failed,
    Forget,
    GiveUp,
    LayoutIs,
    ListMembers,
    Message,
    Ping,
    Share,
    Stop,
    Strike,
    Struck,
    Tell,
)
from tests.actors.envelopes import A, B, C, Turns, all_of, client, member, message, the, to
from tests.actors.gossipers import (
    NET,
    answer,
    decided,
    equal,
    fresh,
    from_peer,
    layout_is,
    listed,
    notes_of,
    remembered,
    rumour,
    to_router,
    told,
)
from tests.actors.parts import nodes

ME, OTHER, THIRD = member(A), member(B), member(C)
AGAIN = member(A, boot=2)
SETTINGS = GossipSettings()
SILENCE_MS = SETTINGS.silence_ms
PATIENT_MS = 10_000
FOUNDED = founding((A, B, C))


def restarted(*others: Member) -> Turns:
    """Node A's gossiper in its second life; none of these has answered it."""
    node = fresh(me=AGAIN, notes=notes_of(ME, *others))
    remembered(node, node.take(layout_is(*(m.id for m in others))))
    node.run_for(10_000)
    return node


def forget(who: str, timeout_ms: int = PATIENT_MS, *, accept_loss: bool = True) -> Envelope:
    """A client wants this one struck out, at a loss."""
    return to("gossiper", Forget(who, accept_loss, timeout_ms), client(5), 5)


def given_up(node: Turns, who: str, layout: Layout) -> list[Envelope]:
    """Nobody is heard, and the storage is asked to give this one up; what is sent when that has
    come to this layout."""
    assert all_of(node.take(forget(who)), Failed) == []
    strike = the(node.run_for(SILENCE_MS), Strike)
    return node.take(decided(layout), reply(strike, Struck("ok", "")))


def without(*gone: str) -> Layout:
    """The layout in which these were given up."""
    return Layout(2**20 * len(gone) + 1, FOUNDED.base, (), gone)


def failed(out: list[Envelope]) -> Failed:
    """The client is told that nothing was done; nobody was asked to do anything."""
    assert all_of(out, Strike) == []
    envelope = the(out, Failed)
    assert (envelope.to, envelope.id) == (client(5), 5)
    answer_ = message(out, Failed)
    assert answer_.definite
    return answer_


# Nobody is there.


def test_a_node_that_nobody_confirms_gives_up_who_is_lost() -> None:
    """It tells its storage that it has heard of none of the others; who asked hears of the end."""
    node = restarted(OTHER, THIRD)
    node.take(forget("node-b"))
    asked_ms = node.now_ms
    node.run_for(SILENCE_MS - 1)
    strike = the(node.run_for(1), Strike)
    assert strike.to == Address(A, "storage")
    left_ms = PATIENT_MS * 9 // 10 - (node.now_ms - asked_ms)
    assert strike.message == Strike(B, True, left_ms, alone=True)
    out = node.take(decided(without(B)), reply(strike, Struck("ok", "")))
    departed = the(out, Departed)
    assert (departed.to, departed.id) == (client(5), 5)
    assert listed(node)[1] == replace(OTHER, state="left")


def test_a_node_serves_when_all_others_were_given_up() -> None:
    """Not before: there is one less to be asked, and no less doubt."""
    node = restarted(OTHER, THIRD)
    out = given_up(node, "node-b", without(B))
    assert all(not changed.network for changed in to_router(out + node.run_for(10_000)))
    out = given_up(node, "node-c", without(B, C))
    told_router = to_router(remembered(node, out) + out)
    assert told_router[-1].network == NET
    assert [(m.name, m.state) for m in told_router[-1].members] == [
        ("node-a", "alive"),
        ("node-b", "left"),
        ("node-c", "left"),
    ]


def test_a_newcomer_that_got_into_no_layout_can_be_given_up_too() -> None:
    """It was let in, and lost before it had anything; nobody could have replaced this node."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    remembered(node, node.take(layout_is()))
    assert all(not changed.network for changed in to_router(node.run_for(10_000)))
    out = given_up(node, "node-b", founding((A,)))
    assert to_router(remembered(node, out) + out)[-1].network == NET


def test_what_was_given_up_in_an_earlier_life_is_not_waited_for() -> None:
    """The layout is on the disk before the list of members is."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER, THIRD))
    assert [changed.network for changed in to_router(node.take())] == [""]
    out = node.take(decided(without(B, C)))
    assert to_router(remembered(node, out) + out)[-1].network == NET


def test_a_node_that_is_no_member_of_the_layout_waits_on() -> None:
    """Who is, is to be asked."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    node.take(decided(founding((B,))))
    assert all(not changed.network for changed in to_router(node.run_for(10_000)))


def test_a_loss_that_storage_refuses_changes_nothing() -> None:
    """The client hears why."""
    node = restarted(OTHER, THIRD)
    node.take(forget("node-b"))
    strike = the(node.run_for(SILENCE_MS), Strike)
    out = node.take(reply(strike, Struck("disk_full", "the disk of the node is full")))
    assert failed(out).code == "disk_full"
    assert listed(node)[1] == replace(OTHER, state="suspect")


# All are asked first.


def test_all_others_are_asked_whether_they_are_there() -> None:
    """Several times each in a small network, and twice at least in a large one."""
    for count in (2, 100):
        node = restarted(*nodes(count))
        out = node.take(forget("n1")) + node.run_for(SILENCE_MS)
        asked = [e.to.node for e in all_of(out, Compare)]
        assert min(asked.count(m.id) for m in nodes(count)) >= 2


def test_who_may_not_wait_for_that_is_told() -> None:
    """A time-out of a second is too short for it."""
    node = restarted(OTHER)
    answer_ = failed(node.take(forget("node-b", 1_000)) + node.run_for(10_000))
    assert answer_.code == "not_ready"
    assert "all are asked for 3 s first whether they are there: allow a longer time-out" in (
        answer_.reason
    )


def test_each_request_waits_for_itself() -> None:
    """What was asked later is answered later."""
    node = restarted(OTHER, THIRD)
    node.take(forget("node-b"))
    node.run_for(1_000)
    node.take(forget("node-c"))
    assert message(node.run_for(SILENCE_MS - 1_000), Strike).member == B
    assert message(node.run_for(1_000), Strike).member == C


def test_so_many_may_wait() -> None:
    """More are told to try again."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER), settings=GossipSettings(max_forwarded=2))
    node.take(layout_is(B), forget("node-b"), forget("node-b"))
    assert failed(node.take(forget("node-b"))).code == "overloaded"


# Somebody is there.


@pytest.mark.parametrize("who", ["node-b", "node-c"])
def test_once_the_node_is_confirmed_all_is_as_ever(who: str) -> None:
    """Who is not found to be down by pings is not given up, be it the one that answered or not."""
    node = restarted(OTHER, THIRD)
    compares = all_of(node.take(forget(who)), Compare)
    answer_ = failed(node.take(*equal(compares[:1])))
    assert (answer_.code, answer_.reason) == (
        "refused",
        f"{who} is alive: let it leave, or wait until it is dead",
    )


@pytest.mark.parametrize(
    "word",
    [
        told(OTHER),
        from_peer(Ping(NET, 0, ()), B),
        from_peer(Compare(NET, "else"), B),
        from_peer(Compared(NET, ("else",)), B),
        from_peer(Exchange(NET, (), (), ()), B),
        rumour(OTHER),
    ],
)
@pytest.mark.parametrize("who", ["node-b", "node-c"])
def test_who_is_heard_is_there(who: str, word: Envelope) -> None:
    """Though it has not confirmed this node: then nobody is given up, neither it nor another."""
    node = restarted(OTHER, THIRD)
    node.take(forget(who))
    node.run_for(1_000)
    out = [e for e in node.take(word) if not isinstance(e.message, Failed)]
    answer_ = failed(out + node.run_for(SILENCE_MS))
    assert answer_.code == "not_ready"
    assert answer_.reason == (
        "node-b is there, and has not confirmed yet that this node is still a member"
    )


@pytest.mark.parametrize(
    "word",
    [
        from_peer(Ping(NET, 0, ()), "9" * 16),
        from_peer(Ping(NET, 0, ()), A),
        from_peer(Ping("else", 0, ()), B),
    ],
)
def test_a_word_of_no_other_member_does_not_count(word: Envelope) -> None:
    """A stranger's, the own one, or that of another network."""
    node = restarted(OTHER)
    node.take(forget("node-b"), word)
    assert all_of(node.run_for(SILENCE_MS), Strike)


def test_a_word_from_before_does_not_count() -> None:
    """It may have been lost since; who is there says so again when it is asked."""
    node = restarted(OTHER)
    node.take(told(OTHER))
    node.run_for(1)
    node.take(forget("node-b"))
    assert all_of(node.run_for(SILENCE_MS), Strike)


def test_a_node_that_moved_first_looks_whether_its_folder_was_copied() -> None:
    """Until that is clear it does nothing that cannot be undone."""
    settings = GossipSettings(moved_patience_ms=10_000)
    former = replace(ME, address="10.0.0.9:7000")
    node = fresh(me=AGAIN, notes=notes_of(former, OTHER), settings=settings)
    node.take(layout_is(B), forget("node-b"))
    answer_ = failed(node.run_for(SILENCE_MS))
    assert answer_.code == "not_ready"
    assert answer_.reason == "this node still looks whether another runs with its id: ask again"
    node.run_for(10_000)
    node.take(forget("node-b"))
    assert all_of(node.run_for(SILENCE_MS), Strike)


def test_a_node_that_was_forgotten_itself_hears_that_and_ends() -> None:
    """Nothing is forgotten then; who asked is told to look for the reason."""
    node = restarted(OTHER, THIRD)
    compare = all_of(node.take(forget("node-c")), Compare)[0]
    peer = compare.to.node
    exchange = the(node.take(reply(compare, Compared(NET, ("else",)))), Exchange)
    out = node.take(answer(exchange, Tell(NET, (replace(ME, state="left"),), ()), peer))
    assert message(out, GiveUp).code == "refused"
    assert failed(out).code == "stopping"


def test_a_node_that_stops_forgets_nothing_more() -> None:
    """Who waits is told."""
    node = restarted(OTHER)
    node.take(forget("node-b"))
    assert failed(node.take(to("gossiper", Stop(), Address(A, "host")))).code == "stopping"
    assert all_of(node.run_for(2 * SILENCE_MS), Strike) == []


# What is not done.


def test_without_accepting_the_loss_it_is_refused_at_once() -> None:
    """With what helps."""
    answer_ = failed(restarted(OTHER).take(forget("node-b", accept_loss=False)))
    assert answer_.code == "not_ready"
    assert "if all others are lost for good, forget each of them with --accept-loss" in (
        answer_.reason
    )


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ("node-a", "node-a is the node that was asked: it can leave"),
        ("node-z", "there is no member 'node-z'; the members are node-a and node-b"),
    ],
)
def test_it_has_to_be_clear_who_is_meant(who: str, reason: str) -> None:
    """Nobody is asked before that."""
    assert failed(restarted(OTHER).take(forget(who))).reason == reason


@pytest.mark.parametrize("request_", [Share("k", "json", b"1", 9_000), ListMembers()])
def test_nothing_else_is_taken_before_the_node_is_confirmed(request_: Message) -> None:
    """But for the list of members, as ever."""
    out = restarted(OTHER).take(to("gossiper", request_, client(5), 5))
    assert bool(all_of(out, Failed)) is isinstance(request_, Share)


def test_a_node_without_a_network_has_nobody_to_forget() -> None:
    """It is not ready."""
    node = fresh(OTHER.address)
    node.take()
    assert failed(node.take(forget("node-b"))).code == "not_ready"


def test_only_the_own_storage_says_who_is_left() -> None:
    """A layout that another node tells of confirms nothing."""
    node = restarted(OTHER, THIRD)
    node.take(to("gossiper", LayoutIs(without(B, C)), Address(B, "storage"), 0))
    assert all(not changed.network for changed in to_router(node.run_for(10_000)))
