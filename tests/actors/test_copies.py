"""Another node with this node's id: a folder was copied. The copy ends, and a person is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope
from actors.arriving import MAX_PLACES
from actors.gossip_settings import GossipSettings
from actors.intake import COPIED, MAX_ALARMS
from actors.membership import Member
from actors.messages import (
    Alarm,
    Exchange,
    Failed,
    GiveUp,
    MembersChanged,
    Message,
    Ping,
    Remember,
    Tell,
)
from tests.actors.envelopes import A, B, C, Turns, all_of, member, message, messages, reasons, the
from tests.actors.gossipers import (
    NET,
    belonging,
    compare_with,
    equal,
    fresh,
    from_peer,
    layout_is,
    listed,
    notes_of,
    published,
    rumour,
    run_answered,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
ELSEWHERE = replace(ME, address="10.0.0.9:7000", gossip_address="10.0.0.9:8000")
SETTINGS = GossipSettings()
ACCUSED = member(A, state="suspect")
CLAIMED = "another node claims this node's id"


def said(node: Turns) -> list[Member]:
    """What the node publishes next of any member."""
    return [m for r in published(node) for m in r.members]


def told_at(out: Sequence[Envelope], address: str) -> list[tuple[Member, ...]]:
    """The members that somebody is told of who listens there."""
    tells = [e for e in all_of(out, Tell) if e.to.node == f"@{address}"]
    return [tell.members for tell in messages(tells, Tell)]


# While this one runs.


def test_a_claim_to_this_id_is_an_alarm() -> None:
    """A data folder was copied: a person has to mend that. It is counted, too."""
    out = belonging(OTHER).take(told(ELSEWHERE))
    alarm = the(out, Alarm)
    assert alarm.to == Address(A, HOST)
    assert message([alarm], Alarm).reason == (
        "another node runs with this node's id at 10.0.0.9:7000: has a data folder been copied?"
    )
    assert reasons(out) == [CLAIMED]


@pytest.mark.parametrize("boot", [1, 3])
def test_a_claim_is_refuted_and_the_other_one_told(boot: int) -> None:
    """At the address that it gives; this node goes on as it was."""
    node = belonging(OTHER)
    out = node.take(told(replace(ELSEWHERE, boot=boot)))
    mine = member(A, boot=boot, incarnation=1)
    assert told_at(out, ELSEWHERE.address) == [(mine,)]
    assert mine in said(node)
    assert listed(node) == (mine, OTHER)
    assert messages(out, GiveUp) == []


@pytest.mark.parametrize(
    "word",
    [
        told(ELSEWHERE),
        rumour(ELSEWHERE),
        from_peer(Ping(NET, 0, (ELSEWHERE,)), B),
        from_peer(Exchange(NET, (), (ELSEWHERE,), ()), B),
        told(ELSEWHERE, by=A),
        from_peer(Ping(NET, 0, (ELSEWHERE,)), A),
    ],
)
def test_a_claim_is_noticed_whoever_brings_it(word: Envelope) -> None:
    """Another member that has heard it, or the copy itself."""
    out = belonging(OTHER).take(word)
    assert [ELSEWHERE.address in alarm.reason for alarm in messages(out, Alarm)] == [True]
    assert told_at(out, ELSEWHERE.address)


def test_a_claim_that_is_repeated_is_one_alarm() -> None:
    """Each time it is counted; one from a further address is another alarm."""
    node = belonging(OTHER)
    further = replace(ELSEWHERE, address="10.0.0.8:7000", incarnation=50)
    out = [e for i in range(5) for e in node.take(told(replace(ELSEWHERE, incarnation=10 * i)))]
    assert len(messages(out, Alarm)) == 1
    assert reasons(out) == [CLAIMED] * 5
    assert len(messages(node.take(told(further)), Alarm)) == 1


def test_alarms_are_bounded() -> None:
    """Somebody may make claims up; they are counted all the same."""
    node = belonging(OTHER)
    claims = [
        replace(ELSEWHERE, address=f"10.0.9.1:{7000 + i}", incarnation=i + 1)
        for i in range(MAX_ALARMS + 50)
    ]
    out = [e for claim in claims for e in node.take(told(claim))]
    assert len(messages(out, Alarm)) == MAX_ALARMS
    assert reasons(out) == [CLAIMED] * len(claims)


@pytest.mark.parametrize(
    "harmless",
    [
        replace(ELSEWHERE, boot=0),
        replace(ELSEWHERE, state="dead"),
        replace(ELSEWHERE, state="stopped"),
        ACCUSED,
    ],
)
def test_an_old_record_of_this_node_is_no_claim(harmless: Member) -> None:
    """It was elsewhere before it was started again; who is down claims nothing."""
    out = belonging(OTHER).take(told(harmless))
    assert messages(out, Alarm) == []
    assert reasons(out) == []


@pytest.mark.parametrize("message_", [Tell(NET, (ME,), ()), Ping(NET, 0, (ME,)), Tell(NET, (), ())])
def test_a_node_that_hears_itself_takes_no_notice(message_: Message) -> None:
    """By another of its addresses: it is no copy."""
    node = belonging(OTHER)
    out = node.take(from_peer(message_, A))
    assert all_of(out, Alarm) == all_of(out, GiveUp) == []
    assert listed(node) == (ME, OTHER)


def test_a_copy_knows_nothing_better_of_others() -> None:
    """What it says of them is passed over: it is not who it says that it is."""
    node = belonging(OTHER)
    node.take(told(ELSEWHERE, member(B, state="dead"), by=A))
    assert listed(node)[1] == OTHER


@pytest.mark.parametrize("changed", ["name", "address", "gossip_address"])
def test_whatever_is_not_this_nodes_own_is_a_claim(changed: str) -> None:
    """Others would look for it elsewhere, or hear no more of its rumours."""
    value = "other" if changed == "name" else "10.0.0.9:8000"
    claim = replace(ME, incarnation=1, **{changed: value})  # type: ignore[arg-type]
    node = belonging(OTHER)
    out = node.take(rumour(claim))
    assert len(messages(out, Alarm)) == 1
    assert listed(node)[0] == replace(ME, incarnation=2)


@pytest.mark.parametrize("address", ["", "nowhere", "10.0.0.9:0", "x y:1"])
def test_a_claim_without_an_address_is_no_claim(address: str) -> None:
    """Nobody can be there; it is refuted all the same, and nobody is told at it."""
    for claim in (
        replace(ELSEWHERE, incarnation=1, address=address),
        replace(ELSEWHERE, incarnation=1, gossip_address=address),
    ):
        node = belonging(OTHER)
        out = node.take(told(claim))
        assert messages(out, Alarm) == []
        assert [e for e in all_of(out, Tell) if e.to.node.startswith("@")] == []
        assert listed(node)[0] == replace(ME, incarnation=2)


def test_after_a_claim_others_are_told_in_person() -> None:
    """They may look for this node elsewhere now, and not hear its rumours."""
    node = belonging(OTHER, THIRD)
    run_answered(node, 5_000)
    node.take(*equal([compare_with(node, B)]), *equal([compare_with(node, C)]))
    out = node.take(rumour(replace(ELSEWHERE, incarnation=1)))
    out += node.run_for(SETTINGS.push_pull_ms)
    mine = Tell(NET, (replace(ME, incarnation=2),), ())
    assert {B, C} <= {e.to.node for e in all_of(out, Tell) if e.message == mine}


def test_of_many_claims_in_one_message_one_is_answered() -> None:
    """The latest; else a stranger could have this node write to anybody."""
    node = belonging(OTHER)
    claims = [
        replace(ELSEWHERE, address=f"10.0.9.1:{7000 + i}", incarnation=i) for i in range(1, 50)
    ]
    out = node.take(told(*claims))
    assert [e.to.node for e in all_of(out, Tell) if e.to.node.startswith("@")] == [
        f"@{claims[-1].address}"
    ]


# At a start.


def test_a_copy_that_starts_elsewhere_is_told_by_the_original_and_ends() -> None:
    """It asks where its folder says that it was, and has served nothing until then."""
    original = belonging(OTHER)
    copy = fresh(me=replace(ELSEWHERE, boot=2), notes=notes_of(ME, OTHER))
    begun = copy.take()
    asked = next(e for e in all_of(begun, Tell) if e.to.node == f"@{ME.address}")
    out = original.take(replace(asked, to=Address(A, "gossiper")))
    assert len(messages(out, Alarm)) == 1
    answered = next(e for e in all_of(out, Tell) if e.to.node == f"@{ELSEWHERE.address}")
    out = copy.take(replace(answered, to=Address(A, "gossiper")))
    assert ME.address in message(out, GiveUp).reason
    out += copy.take(*equal(begun)) + copy.run_for(5_000)
    assert messages(out, Remember) == []
    assert not any(changed.network for changed in messages(out, MembersChanged))


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_node_that_is_where_it_was_does_not_give_way_to_a_copy(is_confirmed: bool) -> None:
    """Also if it waits yet to be confirmed: it raises an alarm, tells the other, and goes on."""
    here = member(A, boot=2)
    node = fresh(me=here, notes=notes_of(ME, OTHER))
    begun = node.take()
    if is_confirmed:
        node.take(*equal(begun))
    out = node.take(told(replace(ELSEWHERE, boot=2), by=A))
    assert ELSEWHERE.address in message(out, Alarm).reason
    assert told_at(out, ELSEWHERE.address) == [(here,)]
    assert reasons(out) == [CLAIMED]
    assert messages(out, GiveUp) == []
    if not is_confirmed:
        assert any(m.network for m in messages(node.take(*equal(begun)), MembersChanged))


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_node_that_moved_gives_way_until_it_is_confirmed(is_confirmed: bool) -> None:
    """Also if nobody has answered at its former address for long; who is confirmed goes on."""
    node = fresh(me=replace(ELSEWHERE, boot=2), notes=notes_of(ME, OTHER))
    begun = node.take()
    node.run_for(2 * SETTINGS.moved_patience_ms)
    if is_confirmed:
        node.take(*equal(begun))
    out = node.take(told(member(A, boot=3), by=A))
    ends = [ME.address in end.reason for end in messages(out, GiveUp)]
    alarms = [ME.address in alarm.reason for alarm in messages(out, Alarm)]
    assert (ends, alarms) == (([], [True]) if is_confirmed else ([True], []))
    assert told_at(out, ME.address) == ([(listed(node)[0],)] if is_confirmed else [])


def test_a_copy_and_its_original_that_start_together_do_not_serve_both() -> None:
    """The one that has moved waits a second longer, and hears of the other meanwhile."""
    original = fresh(me=member(A, boot=2), notes=notes_of(ME, OTHER))
    copy = fresh(me=replace(ELSEWHERE, boot=2), notes=notes_of(ME, OTHER))
    begun = copy.take()
    asked = next(e for e in all_of(begun, Tell) if e.to.node == f"@{ME.address}")
    original.take(*equal(original.take()))
    copy.take(*equal(begun))
    out = original.take(replace(asked, to=Address(A, "gossiper")))
    assert messages(out, GiveUp) == []
    answered = next(e for e in all_of(out, Tell) if e.to.node == f"@{ELSEWHERE.address}")
    assert messages(copy.take(replace(answered, to=Address(A, "gossiper"))), GiveUp)


# Where others have seen it.

MOVED = replace(ELSEWHERE, boot=3)
REFUSED = Failed("refused", "another node runs with this node's id", True)


def again() -> Turns:
    """Node A's gossiper in its fifth life, at the address that its folder has."""
    return fresh(me=member(A, boot=5), notes=notes_of(ME, OTHER))


def is_ready(out: Sequence[Envelope]) -> bool:
    """Is the rest of the node told who is there?"""
    return any(changed.network for changed in messages(out, MembersChanged))


def test_a_node_that_others_know_elsewhere_asks_there_before_it_serves() -> None:
    """Its folder may be an older copy; where nobody answers within a second it goes on."""
    node = again()
    begun = node.take()
    out = node.take(told(MOVED))
    assert told_at(out, MOVED.address) == [(member(A, boot=5),)]
    assert messages(out, Alarm) == []
    out = node.take(layout_is(B), *equal(begun))
    out += node.run_for(SETTINGS.moved_patience_ms - 1)
    assert not is_ready(out)
    assert len(told_at(out, MOVED.address)) >= 2
    out = node.take(*equal([compare_with(node, B)]))
    assert is_ready(out + node.run_for(SETTINGS.push_pull_ms))


def test_a_claim_is_not_refuted_before_that() -> None:
    """The other one may be right."""
    node = again()
    node.take()
    later = replace(MOVED, boot=6)
    assert told_at(node.take(told(later)), MOVED.address) == [(member(A, boot=5),)]
    assert listed(node)[0] == member(A, boot=5)
    node.run_for(SETTINGS.moved_patience_ms)
    assert listed(node)[0] == member(A, boot=6, incarnation=1)


@pytest.mark.parametrize(
    "harmless",
    [replace(MOVED, state="stopped"), replace(MOVED, state="dead"), replace(MOVED, address="x")],
)
def test_where_nobody_can_be_nobody_is_asked(harmless: Member) -> None:
    """It was there and has stopped, or was lost; or that is no address."""
    node = again()
    begun = node.take()
    node.take(told(harmless))
    assert is_ready(node.take(layout_is(B), *equal(begun)))


def test_each_place_is_asked_once_and_so_many_at_most() -> None:
    """However often others speak of it, and whatever they make up."""
    node = again()
    node.take()
    places = [replace(MOVED, address=f"10.0.9.1:{7000 + i}") for i in range(MAX_PLACES + 5)]
    out = node.take(told(*places), told(*places))
    asked = {e.to.node for e in all_of(out, Tell) if e.to.node.startswith("@10.0.9.1")}
    assert len(asked) == MAX_PLACES
    node.run_for(SETTINGS.moved_patience_ms)
    assert [e for e in node.take(told(*places)) if e.to.node.startswith("@10.0.9.1")] == []


@pytest.mark.parametrize("serves", [False, True])
def test_only_one_that_serves_tells_the_other_that_it_must_not(serves: bool) -> None:
    """Else both could end: each tells the other where it is."""
    node = belonging(OTHER) if serves else fresh(notes=notes_of(ME, OTHER))
    node.take()
    out = node.take(told(ELSEWHERE, by=A))
    refusals = [(e.to.node, e.message) for e in all_of(out, Failed)]
    refused = Failed("refused", COPIED.format(ME.address), True)
    expected = [(f"@{ELSEWHERE.address}", refused)]
    assert refusals == (expected if serves else [])


@pytest.mark.parametrize("serves", [False, True])
def test_who_is_told_that_it_must_not_serve_ends_unless_it_does(serves: bool) -> None:
    """The one that has been serving goes on."""
    node = belonging(OTHER) if serves else again()
    node.take()
    out = node.take(from_peer(REFUSED, A))
    assert [end.reason for end in messages(out, GiveUp)] == ([] if serves else [REFUSED.reason])


def test_nobody_else_can_say_so() -> None:
    """Another member's refusal is of something else."""
    node = again()
    node.take()
    assert messages(node.take(from_peer(REFUSED, B)), GiveUp) == []


def test_a_member_that_comes_from_elsewhere_is_told_where_it_was() -> None:
    """At its new address; it is believed. One that was not there any more is not told."""
    came = replace(THIRD, boot=2, address="10.0.0.9:7000")
    out = belonging(OTHER, THIRD).take(told(came, by=C))
    assert told_at(out, came.address) == [(THIRD,)]
    node = belonging(OTHER, replace(THIRD, state="stopped"))
    assert told_at(node.take(told(came, by=C)), came.address) == []
    assert listed(node)[-1] == came
