"""What could not be sent comes back: whose business that is, the message tells, not its number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import SWITCH, Address, Envelope
from actors.messages import (
    Ack,
    Admitted,
    Bounced,
    Compared,
    Departed,
    Failed,
    Fresh,
    Leave,
    Message,
    Nack,
    Ping,
    PingReq,
    Reconnect,
    Tell,
)
from tests.actors.envelopes import A, B, C, Turns, all_of, bounced, client, member, message, the, to
from tests.actors.gossipers import NET, acks, belonging, fresh, listed, notes_of, to_router

ME, OTHER, THIRD = member(A), member(B), member(C)
HERE = Address(A, "gossiper")
ANSWERS: list[Message] = [
    Ack(NET, 0, ()),
    Nack(NET),
    Compared(NET, ()),
    Tell(NET, (OTHER,), ()),
    Tell(NET, (), ()),
    Departed(ME),
    Failed("refused", "no", True),
    Fresh(""),
    Admitted(NET, (ME,)),
]


WHY = "10.0.0.7:7000 has another secret"


def returned(said: Message, node: str, number: int) -> Envelope:
    """This could not be sent to that node, under this number."""
    return bounced(Envelope(Address(node, "gossiper"), HERE, said, number))


def ping(node: Turns) -> Envelope:
    """The gossiper's next ping, to whomever."""
    while True:
        pings = all_of(node.take_when_due(), Ping)
        if pings:
            node.take(*acks(pings[1:]))
            return pings[0]


def test_a_ping_that_bounced_has_others_asked_at_once() -> None:
    """The connection may be broken on this side only; it is made anew meanwhile."""
    node = belonging(OTHER, THIRD)
    sent = ping(node)
    out = node.take(bounced(sent))
    assert the(out, PingReq).message == PingReq(NET, sent.to.node)
    anew = the(out, Reconnect)
    assert (anew.to, anew.message) == (Address(A, SWITCH), Reconnect(sent.to.node))


def test_a_request_for_help_that_bounced_is_not_waited_for() -> None:
    """It is pinged once more at the time-out, and suspected then, not at the end of the window."""
    node = belonging(OTHER, THIRD)
    sent = ping(node)
    begun_ms = node.now_ms
    node.take(bounced(the(node.take(bounced(sent)), PingReq)))
    again: list[Envelope] = []
    while not again:
        again = [e for e in all_of(node.take_when_due(), Ping) if e.to == sent.to]
    assert "suspect" not in [m.state for m in listed(node)]
    node.take(*map(bounced, again))
    assert {m.id: m.state for m in listed(node)}[sent.to.node] == "suspect"
    assert node.now_ms - begun_ms == 500


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_bounced_is_nobodys_business(answer: Message) -> None:
    """It has the number that another node chose, which may be one of this node's own."""
    node = belonging(OTHER, THIRD)
    sent = ping(node)
    assert node.take(returned(answer, sent.to.node, sent.id)) == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_bounced_does_not_answer_a_client(answer: Message) -> None:
    """It waits for what it was asked for; that bounces, and it is told."""
    node = belonging(OTHER)
    asked = the(node.take(to("gossiper", Leave("node-b", 10_000), client(), 5)), Leave)
    assert node.take(returned(answer, B, asked.id)) == []
    assert all_of(node.take(bounced(asked)), Failed) == []
    again = the(node.run_for(1_000), Leave)
    failed = message(node.take(bounced(again)), Failed)
    assert (failed.code, failed.definite) == ("unavailable", True)


def test_what_a_node_told_of_itself_is_told_again() -> None:
    """To a member; it is to know that this node is there."""
    node = belonging(OTHER)
    node.run_for(200)
    node.take(returned(Tell(NET, (ME,), ()), B, 0))
    told = [e for e in all_of(node.run_for(2_000), Tell) if e.message == Tell(NET, (ME,), ())]
    assert B in {e.to.node for e in told}


def test_a_member_that_starts_again_says_why_nobody_hears_it() -> None:
    """Once: with a hundred members it is the same with each of them."""
    node = fresh(notes=notes_of(ME, OTHER, THIRD))
    node.take()
    told = []
    for peer in (B, C, B):
        said = bounced(Envelope(Address(peer, "gossiper"), HERE, Tell(NET, (ME,), ()), 0))
        assert isinstance(said.message, Bounced)
        told += to_router(node.take(replace(said, message=replace(said.message, why=WHY))))
    assert [t.waiting for t in told] == [
        f"waiting for one of node-b, node-c to confirm that this node is still a member; {WHY}"
    ]
