"""A node leaves by its own word: when a layout without it is on its disk, it has left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.messages import Ack, Departed, Failed, Ping, Remember, Retire
from tests.actors.envelopes import A, B, C, all_of, client, member, message, reasons, the, to
from tests.actors.goings import Going, leave, noted, refused
from tests.actors.gossipers import NET, ROUND_MS, from_peer

ME, OTHER, THIRD = member(A), member(B), member(C)
SETTINGS = GossipSettings()
LEAVES = "a client had this node leave for good"


@pytest.mark.parametrize("name", ["", "node-a", A])
def test_a_node_that_is_asked_to_leaves(name: str) -> None:
    """By whichever of its names; everybody is told, then some in person. The log says who asked."""
    going = Going(OTHER, THIRD)
    assert noted(going.ask(leave(name))) == LEAVES
    assert going.members.me == replace(ME, incarnation=1, state="leaving")
    assert going.decide(B, C) == []
    assert going.members.me == replace(ME, incarnation=2, state="left")
    assert going.published() == [going.members.me]
    pings = all_of(going.due(), Ping)
    assert [e.to.node for e in pings] == [B, C]
    assert {e.message.news for e in pings if isinstance(e.message, Ping)} == {(going.members.me,)}


def test_it_goes_on_serving_while_it_keeps_data() -> None:
    """It only wishes to go, and says so; it has that on its disk, for it may be started anew."""
    going = Going(OTHER)
    going.departing.on_leave(to("gossiper", leave(), client()), going.now())
    sent, remember = going.written()
    assert sent == []
    assert remember is not None
    assert remember.message == Remember((("leaving", b"yes"),))
    going.memory.on_remembered(remember.id, "ok")
    assert noted(going.keep()) == LEAVES
    assert going.decide(A, B) == []
    assert going.members.me == replace(ME, incarnation=1, state="leaving")
    assert going.published() == [going.members.me]


def test_it_does_not_go_before_its_wish_is_on_the_disk() -> None:
    """Though the layout is without it already."""
    going = Going(OTHER)
    assert going.decide(B) == []
    going.departing.on_leave(to("gossiper", leave(), client()), going.now())
    _, remember = going.written()
    assert remember is not None
    assert going.due() == []
    assert going.state() == "leaving"
    going.memory.on_remembered(remember.id, "ok")
    assert noted(going.due()) == LEAVES
    assert going.state() == "left"


def test_it_is_leaving_until_it_is_on_the_disk_that_it_left() -> None:
    """Were the power cut, it would go on leaving; and then it would not."""
    going = Going(OTHER)
    going.ask(leave())
    going.departing.on_layout(Layout(2, (B,), (), (A,)))
    going.departing.due(going.now(), is_out=False)
    sent, remember = going.written()
    assert sent == []
    assert remember is not None
    assert remember.message == Remember((("left", b"yes"), ("leaving", b"")))
    assert going.state() == "leaving"
    going.memory.on_remembered(remember.id, "ok")
    assert going.state() == "left"


def test_one_that_is_in_no_layout_yet_has_not_left_by_that() -> None:
    """One that takes it in may be under way; it goes when it was in one, and is no more."""
    going = Going(OTHER, THIRD)
    going.ask(leave())
    for layout in (Layout(2, (B, C), (), ()), Layout(3, (B, C), (A, B, C), ())):
        going.departing.on_layout(layout)
        assert going.due() == []
        assert going.state() == "leaving"
    going.departing.on_layout(Layout(6, (B, C), (), (A,)))
    assert going.due() == []
    assert going.state() == "left"


def test_a_full_disk_does_not_keep_in_who_keeps_nothing() -> None:
    """Were it started anew, its layout would tell it again; that it is not kept is counted."""
    going = Going(OTHER)
    going.ask(leave())
    going.departing.on_layout(Layout(2, (B,), (), (A,)))
    going.departing.due(going.now(), is_out=False)
    assert reasons(going.keep("disk_full")) == [
        "that the node has left could not be kept: the disk is full"
    ]
    assert going.state() == "left"
    assert [e.to.node for e in all_of(going.due(), Ping)] == [B]


def test_a_node_that_keeps_nothing_stays_unless_it_wished_to_go() -> None:
    """It may not have got into a layout yet."""
    going = Going(OTHER)
    assert going.decide(B) == []
    assert going.due(60_000, is_out=True) == []
    assert going.members.me == ME


def test_a_node_that_wished_to_go_believes_others_that_it_has_left() -> None:
    """The layout may not have reached it; it does not go before its wish is on the disk."""
    going = Going(OTHER)
    going.departing.on_leave(to("gossiper", leave(), client()), going.now())
    going.departing.due(going.now(), is_out=True)
    assert going.state() == "leaving"
    assert noted(going.keep()) == LEAVES
    assert going.due(is_out=True) == []
    assert going.state() == "left"
    assert all_of(going.due(is_out=True), Ping)


def test_a_node_that_was_leaving_goes_on_when_it_is_started_anew() -> None:
    """Nobody has to ask again; who does is answered when it has left."""
    going = Going(OTHER)
    going.departing.start_leaving_again()
    assert going.departing.is_leaving
    assert going.members.me == replace(ME, incarnation=1, state="leaving")
    assert going.decide(A, B) == []
    assert going.ask(leave(), number=7) == []
    assert going.decide(B) == []
    assert going.state() == "left"
    assert [e.id for e in all_of(going.ack(all_of(going.due(), Ping)[0]), Departed)] == [7]


def test_who_asks_is_told_in_time_that_the_node_has_not_left_yet() -> None:
    """Its data may be moving for long; it goes on leaving, and answers who asks again."""
    going = Going(OTHER)
    going.ask(leave(timeout_ms=10_000), number=1)
    going.ask(leave(timeout_ms=20_000), number=2)
    assert going.departing.wake_at == 9_000
    assert going.due(8_999) == []
    [answer] = going.due(1)
    assert (answer.to, answer.id) == (client(1), 1)
    assert answer.message == Failed(
        "timed_out", "the node has not left in time; it may leave yet", False
    )
    assert going.decide(B) == []
    out = going.ack(all_of(going.due(), Ping)[0])
    assert [e.id for e in all_of(out, Departed)] == [2]


def test_so_many_may_wait_for_a_node_to_leave() -> None:
    """More are told to try again."""
    going = Going(OTHER)
    for number in range(SETTINGS.max_forwarded):
        assert all_of(going.ask(leave(), number), Failed) == []
    failed = message(going.ask(leave(), SETTINGS.max_forwarded), Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)


def test_it_retires_once_somebody_knows() -> None:
    """The client is told, and the host is asked to stop a round later, lest the answer be lost."""
    going = Going(OTHER, THIRD)
    going.leave(number=5)
    out = going.ack(all_of(going.due(), Ping)[1])
    departed = the(out, Departed)
    assert (departed.to, departed.id) == (client(5), 5)
    assert departed.message == Departed(going.members.me)
    assert out == [departed]
    assert going.due(ROUND_MS - 1) == []
    [retire] = going.due(1)
    assert (retire.to, retire.message) == (Address(A, HOST), Retire())
    assert going.departing.wake_at is None
    assert going.due(60_000) == []


def test_it_retires_after_its_patience_if_nobody_answers() -> None:
    """Until then it says so again and again; a round after the client is told it stops."""
    going = Going(OTHER)
    going.leave()
    out: list[Envelope] = []
    while not all_of(out, Departed):
        assert going.departing.wake_at is not None
        out = going.due(max(0, going.departing.wake_at - going.now_ms))
        assert all_of(out, Ping) or all_of(out, Departed)
    assert SETTINGS.farewell_ms <= going.now_ms < SETTINGS.farewell_ms + ROUND_MS
    assert [type(e.message) for e in out] == [Departed]
    assert going.departing.wake_at == going.now_ms + ROUND_MS
    assert [e.message for e in going.due(ROUND_MS)] == [Retire()]
    assert going.departing.wake_at is None


def test_an_answer_to_another_ping_does_not_let_it_retire() -> None:
    """It was sent before its sender could know."""
    going = Going(OTHER, THIRD)
    earlier = Envelope(Address(B, "gossiper"), Address(A, "gossiper"), Ping(NET, 0, ()), 999)
    going.leave()
    going.due()
    assert going.ack(earlier) == []
    assert all_of(going.due(ROUND_MS), Ping)


def test_only_who_was_told_lets_it_retire() -> None:
    """Another may guess the number of the ping."""
    going = Going(OTHER, THIRD)
    going.leave()
    first, second = all_of(going.due(), Ping)
    for sender, number in ((C, first.id), (B, second.id), ("f" * 16, first.id)):
        going.departing.on_ack(from_peer(Ack(NET, 0, ()), sender, number), going.now())
    assert going.keep() == []
    assert all_of(going.ack(first), Departed)
    assert all_of(going.due(ROUND_MS), Retire)


def test_who_asks_meanwhile_is_answered_with_the_first() -> None:
    """It leaves once, and the log says so once."""
    going = Going(OTHER)
    for number in (1, 2):
        envelope = to("gossiper", leave(), client(number), number)
        going.departing.on_leave(envelope, going.now())
    assert noted(going.keep()) == LEAVES
    assert going.decide(B) == []
    out = going.ack(all_of(going.due(), Ping)[0])
    assert [e.id for e in all_of(out, Departed)] == [1, 2]
    out += going.due(ROUND_MS) + going.due(60_000)
    assert len(all_of(out, Retire)) == 1


def test_who_asks_after_the_others_were_answered_is_answered_too() -> None:
    """In the round before the node stops, which it does not put off, and when it is stopping."""
    going = Going(OTHER)
    going.leave(number=1)
    going.ack(all_of(going.due(), Ping)[0])
    assert going.due(ROUND_MS // 2) == []
    for number, after_ms, last in ((2, ROUND_MS // 2, [Retire()]), (3, ROUND_MS, [])):
        [departed] = going.ask(leave(), number=number)
        assert (departed.to, departed.id) == (client(number), number)
        assert departed.message == Departed(going.members.me)
        assert [e.message for e in going.due(after_ms)] == last


@pytest.mark.parametrize("told", [False, True])
def test_who_asks_when_it_has_left_hears_that_it_has(told: bool) -> None:
    """The node is about to stop: a client that asks again was perhaps not answered."""
    going = Going(OTHER)
    going.leave(number=1)
    ping = all_of(going.due(), Ping)[0]
    if told:
        going.ack(ping)
    out = going.ask(leave(), number=2) + going.due(SETTINGS.farewell_ms)
    assert 2 in [e.id for e in all_of(out, Departed)]
    assert all_of(out, Failed) == []


def test_a_full_disk_keeps_a_node_in() -> None:
    """It says that it is alive again, and may be asked again."""
    going = Going(OTHER)
    going.departing.on_leave(to("gossiper", leave(), client()), going.now())
    failed = message(going.keep("disk_full"), Failed)
    assert (failed.code, failed.definite) == ("disk_full", True)
    assert going.members.me == replace(ME, incarnation=2)
    assert going.published() == [going.members.me]
    assert not going.departing.is_leaving
    assert going.due(60_000) == []
    assert noted(going.ask(leave())) == LEAVES
    assert going.state() == "leaving"


def test_the_only_member_cannot_leave() -> None:
    """There would be nobody left to know it."""
    reason = "this node is the only member of its network: stop it instead"
    for going in (Going(), Going(member(B, state="left"))):
        assert refused(going.ask(leave())) == reason


def test_a_node_may_leave_those_who_are_down() -> None:
    """Nobody answers, but they are told."""
    going = Going(member(B, state="stopped"))
    going.leave()
    assert [e.to.node for e in all_of(going.due(), Ping)] == [B]
    assert all_of(going.due(SETTINGS.farewell_ms), Departed)
    assert all_of(going.due(ROUND_MS), Retire)
