"""Members that go for good: one leaves by its own word, one that is down is struck out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.departing import Departing
from actors.gossip_settings import GossipSettings
from actors.membership import Member, State
from actors.messages import (
    Ack,
    Departed,
    Failed,
    Forget,
    Leave,
    MembersChanged,
    Message,
    Noted,
    Ping,
    Remember,
    Retire,
    Rumour,
)
from actors.rumours import Rumours
from tests.actors.envelopes import A, B, C, all_of, client, member, message, messages, the, to
from tests.actors.gossipers import NET, ROUND_MS, belonging, from_peer, remembered
from tests.actors.parts import Parts

ME, OTHER, THIRD = member(A), member(B), member(C)
SETTINGS = GossipSettings()
LEAVES = "a client had this node leave for good"


class Going(Parts):
    """Node A's departures, and what it publishes."""

    def __init__(self, *others: Member) -> None:
        super().__init__(*others)
        self.rumours = Rumours(A, "1.0", self.settings)
        self.departing = Departing(
            self.members, self.memory, self.rumours, self.outbox, self.settings
        )
        self.departing.network = NET

    def ask(self, request: Message, number: int = 1) -> list[Envelope]:
        """A client asks, and the disk keeps what is to be kept; what is sent."""
        envelope = to("gossiper", request, client(number), number)
        if isinstance(request, Leave):
            self.departing.on_leave(envelope, self.now())
        else:
            self.departing.on_forget(envelope)
        return self.keep()

    def due(self, after_ms: int = 0) -> list[Envelope]:
        """What is sent so much later."""
        self.now_ms += after_ms
        self.departing.due(self.now())
        return self.keep()

    def ack(self, ping: Envelope) -> list[Envelope]:
        """Who was pinged answers."""
        self.departing.on_ack(reply(ping, Ack(NET, 0, ())), self.now())
        return self.keep()

    def published(self) -> list[Member]:
        """What it says of members to everybody."""
        self.now_ms += 1_000
        return [m for r in self.rumours.due(NET, self.now()) for m in r.members]


def leave(node: str = "", timeout_ms: int = 10_000) -> Leave:
    """Let this one leave."""
    return Leave(node, timeout_ms)


def refused(out: list[Envelope]) -> str:
    """Why it was not done, and never will be; so there is nothing for the log."""
    failed = message(out, Failed)
    assert all_of(out, Noted) == []
    assert (failed.code, failed.definite) == ("refused", True)
    return failed.reason


def noted(out: list[Envelope]) -> str:
    """What a person may want to find in the log later; nothing else is sent."""
    [envelope] = out
    assert envelope.to == Address(A, HOST)
    return message(out, Noted).what


# This node leaves.


@pytest.mark.parametrize("name", ["", "node-a", A])
def test_a_node_that_is_asked_to_leaves(name: str) -> None:
    """By whichever of its names; everybody is told, then some in person. The log says who asked."""
    going = Going(OTHER, THIRD)
    assert noted(going.ask(leave(name))) == LEAVES
    assert going.members.me == replace(ME, incarnation=2, state="left")
    assert going.published() == [going.members.me]
    pings = all_of(going.due(), Ping)
    assert [e.to.node for e in pings] == [B, C]
    assert {e.message.news for e in pings if isinstance(e.message, Ping)} == {(going.members.me,)}


def test_it_is_leaving_until_that_is_on_the_disk() -> None:
    """Were the power cut, it would not be known to have left, and still be a member."""
    going = Going(OTHER)
    going.departing.on_leave(to("gossiper", leave(), client()), going.now())
    sent, remember = going.written()
    assert sent == []
    assert remember is not None
    assert remember.message == Remember((("left", b"yes"),))
    assert going.members.me == replace(ME, incarnation=1, state="leaving")
    assert going.published() == [going.members.me]
    assert going.departing.wake_at is None


def test_it_retires_once_somebody_knows() -> None:
    """The client is told, and the host is asked to stop a round later, lest the answer be lost."""
    going = Going(OTHER, THIRD)
    going.ask(leave(), number=5)
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
    going.ask(leave())
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
    going.ask(leave())
    going.due()
    assert going.ack(earlier) == []
    assert all_of(going.due(ROUND_MS), Ping)


def test_only_who_was_told_lets_it_retire() -> None:
    """Another may guess the number of the ping."""
    going = Going(OTHER, THIRD)
    going.ask(leave())
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
    out = going.ack(all_of(going.due(), Ping)[0])
    assert [e.id for e in all_of(out, Departed)] == [1, 2]
    out += going.due(ROUND_MS) + going.due(60_000)
    assert len(all_of(out, Retire)) == 1


def test_who_asks_after_the_others_were_answered_is_answered_too() -> None:
    """In the round before the node stops, which it does not put off, and when it is stopping."""
    going = Going(OTHER)
    going.ask(leave(), number=1)
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
    going.ask(leave(), number=1)
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
    assert going.due(60_000) == []
    assert noted(going.ask(leave())) == LEAVES
    assert going.members.me.state == "left"


def test_the_only_member_cannot_leave() -> None:
    """There would be nobody left to know it."""
    reason = "this node is the only member of its network: stop it instead"
    for going in (Going(), Going(member(B, state="left"))):
        assert refused(going.ask(leave())) == reason


def test_a_node_may_leave_those_who_are_down() -> None:
    """Nobody answers, but they are told."""
    going = Going(member(B, state="stopped"))
    going.ask(leave())
    assert [e.to.node for e in all_of(going.due(), Ping)] == [B]
    assert all_of(going.due(SETTINGS.farewell_ms), Departed)
    assert all_of(going.due(ROUND_MS), Retire)


# Another leaves.


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


@pytest.mark.parametrize("state", ["dead", "stopped"])
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


@pytest.mark.parametrize("state", ["dead", "stopped"])
@pytest.mark.parametrize("name", ["node-b", B])
def test_one_that_is_down_is_struck_out(name: str, state: State) -> None:
    """Everybody is told, and the log; the client when it is on the disk."""
    gone = member(B, incarnation=4, state="left")
    going = Going(replace(gone, state=state), THIRD)
    going.departing.on_forget(to("gossiper", Forget(name), client()))
    assert noted(going.outbox.take()) == "a client had node-b forgotten"
    assert message(going.keep(), Departed) == Departed(gone)
    assert going.published() == [gone]


@pytest.mark.parametrize("state", ["alive", "leaving", "suspect"])
def test_one_that_may_be_there_is_not_struck_out(state: State) -> None:
    """Let it leave, or wait."""
    going = Going(member(B, state=state))
    reason = f"node-b is {state}: let it leave, or wait until it is dead"
    assert refused(going.ask(Forget(B))) == reason
    assert going.published() == []


def test_a_node_does_not_strike_itself_out() -> None:
    """It can leave."""
    reason = "node-a is the node that was asked: it can leave"
    assert refused(Going(OTHER).ask(Forget("node-a"))) == reason


@pytest.mark.parametrize("request_of", [leave, Forget])
def test_it_has_to_be_clear_who_is_meant(request_of: type[Forget]) -> None:
    """One member, by a name that no other has, or by its id."""
    going = Going(member(B, name="twin", state="dead"), member(C, name="twin", state="dead"))
    assert refused(going.ask(request_of("twin"))) == "2 members are called 'twin': give its id"
    assert refused(going.ask(request_of("none"))) == "there is no member 'none'"
    gone = Going(member(B, state="left"), THIRD)
    for name in ("node-b", B):
        assert refused(gone.ask(request_of(name))) == f"{name} has left already"


def test_a_name_of_one_that_left_means_who_has_it_now() -> None:
    """Its heir; who left is meant by its id alone."""
    heir = member(C, name="node-b", state="dead")
    going = Going(member(B, state="left"), heir)
    assert message(going.ask(Forget("node-b")), Departed) == Departed(replace(heir, state="left"))


# In a gossiper.


def test_who_hears_of_a_departure_says_so_to_who_left() -> None:
    """It waits for that; and it has no connection any more, so it is told at its address."""
    node = belonging(OTHER, THIRD)
    left = replace(OTHER, incarnation=2, state="left")
    ping = from_peer(Ping(NET, 0, (left,)), B, 7)
    out = node.take(ping)
    ack = the(out, Ack)
    assert (ack.to.node, ack.id) == (f"@{OTHER.address}", 7)
    out += node.run_for(300)
    assert (left,) in [m.members for m in messages(out, Rumour)]


def test_a_node_that_has_left_serves_no_more() -> None:
    """Its router is told."""
    node = belonging(OTHER)
    out = remembered(node, node.take(to("gossiper", leave(), client())))
    waiting = [m.waiting for m in messages(out, MembersChanged)]
    assert waiting[-1] == "it has left its network for good"
