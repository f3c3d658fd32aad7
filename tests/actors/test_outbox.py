"""The outbox: what is asked has a number of its own, and what is only told has none."""

from __future__ import annotations

from actors.actor import Address
from actors.messages import Ack, Ping, Tell
from actors.outbox import Outbox
from tests.actors.envelopes import A, B, reasons
from tests.actors.gossipers import NET, from_peer

HERE = Address(A, "gossiper")


def test_each_request_has_a_number_of_its_own() -> None:
    """By which its answer is known."""
    outbox = Outbox(HERE, 100)
    numbers = [outbox.send(B, Ping(NET, 0, ())) for _ in range(3)]
    assert numbers == [101, 102, 103]
    out = outbox.take()
    assert [(e.to, e.sender, e.id) for e in out] == [
        (Address(B, "gossiper"), HERE, n) for n in numbers
    ]
    assert outbox.take() == []


def test_what_is_only_told_has_no_number() -> None:
    """Whatever comes back under one is not taken for an answer to it."""
    outbox = Outbox(HERE, 100)
    outbox.tell(B, Tell(NET, (), ()))
    [told] = outbox.take()
    assert (told.to, told.sender, told.id) == (Address(B, "gossiper"), HERE, 0)
    assert outbox.next_number() == 101


def test_an_answer_has_the_number_of_the_request() -> None:
    """At the node that asked, or at an address that it gave."""
    outbox = Outbox(HERE, 100)
    request = from_peer(Ping(NET, 0, ()), B, 7)
    outbox.reply(request, Ack(NET, 0, ()))
    outbox.answer_at("10.0.0.7:7000", request, Ack(NET, 0, ()))
    assert [(e.to.node, e.to.actor, e.id) for e in outbox.take()] == [
        (B, "gossiper", 7),
        ("@10.0.0.7:7000", "gossiper", 7),
    ]


def test_what_is_dropped_is_told_to_the_host() -> None:
    """So it is counted."""
    outbox = Outbox(HERE, 0)
    outbox.drop("no such thing", 3)
    assert reasons(outbox.take()) == ["no such thing"]
