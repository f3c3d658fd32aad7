"""Others that go for good: one is asked to leave, one that is down is struck out of the layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.actor import Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.membership import State
from actors.messages import Departed, Failed, Leave, Message, Noted, Strike
from tests.actors.envelopes import A, B, C, all_of, client, member, message, the
from tests.actors.goings import Going, forget, leave, refused
from tests.actors.gossipers import ROUND_MS, from_peer

OTHER, THIRD = member(B), member(C)
SETTINGS = GossipSettings()
DOWN: list[State] = ["dead", "stopped"]


# One is asked to leave.


def test_another_is_asked_to_leave_itself() -> None:
    """Only a node itself says that it leaves, and logs it; the client hears what it answers."""
    going = Going(OTHER, THIRD)
    [forwarded] = going.ask(leave("node-b"), number=5)
    assert forwarded.to == Address(B, "gossiper")
    assert forwarded.message == leave()
    left = replace(OTHER, incarnation=2, state="left")
    going.departing.on_answer(reply(forwarded, Departed(left)))
    [answer] = going.keep()
    assert (answer.to, answer.id, answer.message) == (client(5), 5, Departed(left))
    going.departing.on_answer(reply(forwarded, Departed(left)))
    assert going.keep() == []


def test_its_refusal_is_handed_on() -> None:
    """As it is."""
    going = Going(OTHER)
    forwarded = the(going.ask(leave(B)), Leave)
    failed = Failed("disk_full", "its disk is full", True)
    going.departing.on_answer(reply(forwarded, failed))
    assert message(going.keep(), Failed) == failed


def test_only_who_was_asked_answers() -> None:
    """Anybody could guess a number."""
    going = Going(OTHER, THIRD)
    forwarded = the(going.ask(leave(B)), Leave)
    forged = from_peer(Departed(replace(OTHER, state="left")), C, forwarded.id)
    going.departing.on_answer(forged)
    assert going.keep() == []


def test_another_that_cannot_be_reached_has_not_left() -> None:
    """A connection may just be being made, so it is tried for a second; then the client is told."""
    going = Going(OTHER)
    forwarded = the(going.ask(leave(B)), Leave)
    tries = 1
    while going.now_ms < SETTINGS.farewell_ms:
        going.departing.on_bounced(forwarded.id, going.now())
        assert going.keep() == []
        forwarded = the(going.due(ROUND_MS), Leave)
        tries += 1
    going.departing.on_bounced(forwarded.id, going.now())
    assert tries == 1 + SETTINGS.farewell_ms // ROUND_MS
    assert message(going.keep(), Failed) == Failed(
        "unavailable", "the node cannot be reached", True
    )


def test_another_that_does_not_answer_may_have_left() -> None:
    """The client hears of it before it gives up by itself."""
    going = Going(OTHER)
    going.ask(leave(B, 10_000))
    assert going.departing.wake_at == 9_000
    assert going.due(8_999) == []
    failed = message(going.due(1), Failed)
    assert (failed.code, failed.definite) == ("timed_out", False)
    assert going.departing.wake_at is None


@pytest.mark.parametrize("state", DOWN)
def test_one_that_is_down_cannot_be_asked(state: State) -> None:
    """It can be forgotten."""
    going = Going(member(B, state=state))
    assert refused(going.ask(leave(B))) == f"node-b is {state}: it can be forgotten"


def test_so_many_may_be_asked_at_a_time() -> None:
    """More are told to try again."""
    going = Going(OTHER)
    for number in range(SETTINGS.max_forwarded):
        going.ask(leave(B), number)
    failed = message(going.ask(leave(B)), Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)


# One is struck out.


def strike(out: list[Envelope]) -> Envelope:
    """What the storage is asked to have decided; nothing else is sent."""
    [envelope] = out
    assert envelope.to == Address(A, "storage")
    assert isinstance(envelope.message, Strike)
    return envelope


@pytest.mark.parametrize("state", DOWN)
@pytest.mark.parametrize("name", ["node-b", B])
@pytest.mark.parametrize("accept_loss", [False, True])
def test_one_that_is_down_is_struck_out(name: str, state: State, accept_loss: bool) -> None:
    """When it is out of the layout; then everybody is told, the log and the client too."""
    gone = member(B, incarnation=4, state="left")
    going = Going(replace(gone, state=state), THIRD)
    asked = strike(going.ask(forget(name, accept_loss=accept_loss), number=5))
    assert asked.message == Strike(B, accept_loss, 9_000)
    assert going.published() == []
    out = going.struck(asked, "ok")
    assert message(out, Noted).what == "a client had node-b forgotten"
    answer = the(out, Departed)
    assert (answer.to, answer.id, answer.message) == (client(5), 5, Departed(gone))
    assert going.published() == [gone]


@pytest.mark.parametrize(
    ("code", "definite"),
    [("unavailable", True), ("refused", True), ("disk_full", True), ("timed_out", False)],
)
def test_one_that_is_not_out_of_the_layout_is_not_struck_out(code: str, definite: bool) -> None:
    """The client is told why; only where the time is over it may still be done."""
    going = Going(member(B, state="dead"), THIRD)
    out = going.struck(strike(going.ask(forget(B))), code, "because")
    assert [e.message for e in out] == [Failed(code, "because", definite)]
    assert going.members[B].state == "dead"
    assert going.published() == []


def test_an_answer_of_the_storage_counts_once() -> None:
    """And what nobody waits for is passed over."""
    going = Going(member(B, state="dead"), THIRD)
    asked = strike(going.ask(forget(B)))
    assert going.struck(replace(asked, id=asked.id + 1), "ok") == []
    assert all_of(going.struck(asked, "ok"), Departed)
    assert going.struck(asked, "ok") == []


def test_one_that_is_struck_out_as_it_comes_back_has_left() -> None:
    """The layout has been decided; what is told is its latest record."""
    going = Going(member(B, state="dead"), THIRD)
    asked = strike(going.ask(forget(B)))
    going.members.merge([member(B, boot=2)])
    gone = member(B, boot=2, state="left")
    assert message(going.struck(asked, "ok"), Departed) == Departed(gone)
    assert going.published() == [gone]


def test_so_many_may_be_struck_out_at_a_time() -> None:
    """More are told to try again."""
    going = Going(member(B, state="dead"))
    for number in range(SETTINGS.max_forwarded):
        strike(going.ask(forget(B), number))
    failed = message(going.ask(forget(B)), Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)


@pytest.mark.parametrize("state", ["alive", "leaving", "suspect"])
def test_one_that_may_be_there_is_not_struck_out(state: State) -> None:
    """Let it leave, or wait."""
    going = Going(member(B, state=state))
    reason = f"node-b is {state}: let it leave, or wait until it is dead"
    assert refused(going.ask(forget(B, accept_loss=True))) == reason
    assert going.published() == []


def test_a_node_does_not_strike_itself_out() -> None:
    """It can leave."""
    reason = "node-a is the node that was asked: it can leave"
    assert refused(Going(OTHER).ask(forget("node-a"))) == reason


@pytest.mark.parametrize("request_of", [leave, forget])
def test_it_has_to_be_clear_who_is_meant(request_of: Callable[[str], Message]) -> None:
    """One member, by a name that no other has, or by its id."""
    going = Going(member(B, name="twin", state="dead"), member(C, name="twin", state="dead"))
    assert refused(going.ask(request_of("twin"))) == "2 members are called 'twin': give its id"
    reason = "there is no member 'none'; the members are node-a and twin"
    assert refused(going.ask(request_of("none"))) == reason
    gone = Going(member(B, state="left"), THIRD)
    for name in ("node-b", B):
        assert refused(gone.ask(request_of(name))) == f"{name} has left already"


@pytest.mark.parametrize("request_of", [leave, forget])
def test_the_host_of_a_name_is_enough_if_there_is_one_member(
    request_of: Callable[[str], Message],
) -> None:
    """Who is asked to leave, or refused to be forgotten; where two are there, who they are."""
    going = Going(member(B, name="four:7100"), member(C, name="five:7100"))
    [answer] = going.ask(request_of("four"))
    if isinstance(answer.message, Failed):
        assert answer.message.reason.startswith("four:7100 is alive")
    else:
        assert answer.to == Address(B, "gossiper")
    both = Going(member(B, name="four:7100"), member(C, name="four:7200"))
    reason = "2 members are at 'four': four:7100 and four:7200"
    assert refused(both.ask(request_of("four"))) == reason
    assert "there is no member ''" in refused(both.ask(forget("")))
    gone = Going(member(B, name="four:7100", state="left"))
    assert refused(gone.ask(request_of("four"))) == "four has left already"


def test_a_name_of_one_that_left_means_who_has_it_now() -> None:
    """Its heir; who left is meant by its id alone."""
    going = Going(member(B, state="left"), member(C, name="node-b", state="dead"))
    asked = strike(going.ask(forget("node-b"))).message
    assert isinstance(asked, Strike)
    assert asked.member == C
