"""Whose answers count for the failure detector, and how it answers the pings of others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.messages import Ack, Nack, Ping, PingReq
from tests.actors.envelopes import WALL_MS, A, B, C, all_of, member, reasons, the
from tests.actors.gossipers import NET, from_peer
from tests.actors.parts import Detecting, node, nodes

ME, OTHER, THIRD = member(A), member(B), member(C)
FIVE = nodes(5)
TARGET, STRANGER = FIVE[0].id, "f" * 16
PROBE_MS, TIMEOUT_MS, WINDOW_MS = 500, 500, 1_000


def ack_by(sender: str, request: Envelope) -> Envelope:
    """An answer to this request, by whomever."""
    return from_peer(Ack(NET, WALL_MS, ()), sender, request.id)


def nack_by(sender: str, request: Envelope) -> Envelope:
    """As well, that there was none."""
    return from_peer(Nack(NET), sender, request.id)


def pinged(detecting: Detecting, *news: object, sender: str = B) -> list[Envelope]:
    """Somebody pings, and says this; what is sent."""
    ping = from_peer(Ping(NET, 0, news), sender, 7)  # type: ignore[arg-type]
    detecting.detector.on_ping(ping, detecting.now())
    return detecting.outbox.take()


# Whose answers count.


@pytest.mark.parametrize("sender", [FIVE[1].id, STRANGER])
def test_nobody_answers_a_ping_for_who_was_pinged(sender: str) -> None:
    """Another may guess the number: the member is looked for on, and found to be silent."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    detecting.detector.on_ack(ack_by(sender, ping), detecting.now())
    assert len(all_of(detecting.due(TIMEOUT_MS), PingReq)) == 3
    detecting.run_for(WINDOW_MS, detecting.all_but(TARGET))
    assert detecting.declared == [node(1, state="suspect")]


@pytest.mark.parametrize("sender", [TARGET, STRANGER])
def test_nobody_answers_for_a_helper(sender: str) -> None:
    """Neither that it had an answer, nor that it had none: it is waited for to the end."""
    detecting = Detecting(*FIVE)
    detecting.probe(TARGET)
    for request in all_of(detecting.due(TIMEOUT_MS), PingReq):
        detecting.detector.on_ack(ack_by(sender, request), detecting.now())
        detecting.detector.on_nack(nack_by(sender, request))
    detecting.run_for(WINDOW_MS - TIMEOUT_MS, lambda request: None)
    assert detecting.declared == [node(1, state="suspect")]
    assert detecting.detector.health == 3


def test_a_member_that_was_pinged_cannot_say_that_it_is_not_there() -> None:
    """Only helpers say that they had no answer."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    detecting.detector.on_nack(nack_by(TARGET, ping))
    detecting.ack(ping)
    detecting.run_for(5_000, detecting.ack)
    assert detecting.declared == []


def test_nobody_answers_who_is_pinged_for_another() -> None:
    """The member itself does, and then its answer is handed on; once."""
    detecting = Detecting(*FIVE)
    detecting.due()
    request = from_peer(PingReq(NET, TARGET), FIVE[1].id, 7)
    detecting.detector.on_ping_req(request, detecting.now())
    ping = the(detecting.outbox.take(), Ping)
    detecting.detector.on_ack(ack_by(STRANGER, ping), detecting.now())
    assert detecting.outbox.take() == []
    for handed_on in (1, 0):
        detecting.detector.on_ack(ack_by(TARGET, ping), detecting.now())
        assert len(all_of(detecting.outbox.take(), Ack)) == handed_on


def test_only_the_answer_of_who_was_pinged_itself_is_expected() -> None:
    """A helper's is not: what it hands on is not its own word."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    requests = all_of(detecting.due(TIMEOUT_MS), PingReq)
    assert detecting.detector.expects(ack_by(TARGET, ping))
    assert not detecting.detector.expects(ack_by(FIVE[1].id, ping))
    for request in requests:
        assert not detecting.detector.expects(ack_by(request.to.node, request))
        assert not detecting.detector.expects(ack_by(TARGET, request))
    detecting.ack(ping)
    assert not detecting.detector.expects(ack_by(TARGET, ping))


@pytest.mark.parametrize("bounced", [False, True])
def test_a_member_is_pinged_once_more_when_others_are_asked_to(bounced: bool) -> None:
    """Only the ping may have been lost, or its answer, or there was no connection yet."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    if bounced:
        detecting.bounce(ping)
    again = [e for e in all_of(detecting.due(TIMEOUT_MS), Ping) if e.to.node == TARGET]
    assert len(again) == 1
    for request in again:
        detecting.ack(request)
        detecting.run_for(WINDOW_MS, detecting.ack)
        assert detecting.declared == []


# Who asks for help.


def test_a_stranger_is_not_helped() -> None:
    """It is counted, and gets no answer."""
    detecting = Detecting(*FIVE)
    detecting.detector.on_ping_req(from_peer(PingReq(NET, TARGET), STRANGER), detecting.now())
    out = detecting.outbox.take()
    assert reasons(out) == ["ping request of a stranger"]
    assert all_of(out, Ping) == all_of(out, Nack) == []


def test_who_has_left_is_not_helped() -> None:
    """It is a stranger now."""
    detecting = Detecting(*FIVE, member(C, state="left"))
    detecting.detector.on_ping_req(from_peer(PingReq(NET, TARGET), C), detecting.now())
    assert reasons(detecting.outbox.take()) == ["ping request of a stranger"]


# Whose own word is asked for.


def test_a_member_is_asked_for_its_own_word_once_in_a_while() -> None:
    """However often somebody says incredible things of it; its answer is expected meanwhile."""
    detecting = Detecting(*FIVE)
    detecting.due()
    for _ in range(10):
        detecting.detector.ask(FIVE[4].id, detecting.now())
    ping = the(detecting.outbox.take(), Ping)
    assert (ping.to.node, ping.message) == (FIVE[4].id, Ping(NET, WALL_MS, (ME, FIVE[4])))
    assert detecting.detector.expects(ack_by(FIVE[4].id, ping))
    assert not detecting.detector.expects(ack_by(STRANGER, ping))
    detecting.run_for(TIMEOUT_MS, detecting.ack)
    assert not detecting.detector.expects(ack_by(FIVE[4].id, ping))
    detecting.detector.ask(FIVE[4].id, detecting.now())
    assert len(all_of(detecting.outbox.take(), Ping)) == 1


def test_who_says_nothing_when_it_is_asked_for_its_word_is_not_suspected() -> None:
    """A stranger's lie made this node ask."""
    detecting = Detecting(*FIVE)
    detecting.due()
    detecting.detector.ask(TARGET, detecting.now())
    ping = the(detecting.outbox.take(), Ping)
    detecting.bounce(ping)
    detecting.run_for(TIMEOUT_MS, detecting.ack)
    assert detecting.declared == []


# What it answers.


def test_a_ping_is_answered_once_and_says_no_more_than_it_must() -> None:
    """Who asks is known as it says that it is."""
    [answer] = pinged(Detecting(OTHER), OTHER)
    assert (answer.to, answer.id) == (Address(B, "gossiper"), 7)
    assert answer.message == Ack(NET, WALL_MS, ())


def test_who_asks_hears_what_is_known_of_it() -> None:
    """Where that is not what it says of itself: it may be a lie, which it will refute."""
    for known in (replace(OTHER, state="suspect"), replace(OTHER, incarnation=9)):
        [answer] = pinged(Detecting(known), OTHER)
        assert answer.message == Ack(NET, WALL_MS, (known,))


def test_a_doubt_of_this_node_is_answered_with_its_own_word() -> None:
    """Also if the one who asks has merely never heard of it."""
    [answer] = pinged(Detecting(OTHER), OTHER, replace(ME, state="dead"))
    assert answer.message == Ack(NET, WALL_MS, (ME,))


def test_a_member_that_is_thought_to_be_elsewhere_is_answered_where_it_says_that_it_is() -> None:
    """Once: others may have been made to believe that it has moved."""
    known = replace(OTHER, incarnation=1, address="10.0.0.9:7000")
    [answer] = pinged(Detecting(known), OTHER)
    assert (answer.to.node, answer.id) == (f"@{OTHER.address}", 7)
    assert answer.message == Ack(NET, WALL_MS, (known,))


def test_who_neither_is_known_nor_says_where_it_is_is_not_answered() -> None:
    """Nor is one at an address that cannot be."""
    assert pinged(Detecting(OTHER), sender=C) == []
    assert pinged(Detecting(OTHER), replace(THIRD, address="nowhere"), sender=C) == []
