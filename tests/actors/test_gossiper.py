"""The gossiper: what it answers other nodes and clients, and how it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import State, digest_of
from actors.messages import (
    TO_GOSSIPERS,
    Ack,
    Bounced,
    Compare,
    Deny,
    Departed,
    Failed,
    Finished,
    Forget,
    GiveUp,
    KeysChanged,
    Leave,
    ListMembers,
    ListShared,
    MembersChanged,
    MembersListed,
    Message,
    Nack,
    Observe,
    Ping,
    PingReq,
    Rumour,
    Share,
    Shared,
    SharedListed,
    Stop,
    Strike,
    Struck,
    Tell,
    WatchKeys,
    WatchMembers,
)
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    C,
    all_of,
    client,
    from_host,
    member,
    message,
    messages,
    reasons,
    the,
    to,
)
from tests.actors.gossipers import (
    NET,
    ROUND_MS,
    acks,
    belonging,
    decided,
    fresh,
    from_peer,
    listed,
    notes_of,
    remembered,
    run_answered,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
DOWN: list[State] = ["dead", "stopped"]
SETTINGS = GossipSettings()

REQUESTS: dict[Message, type[Message]] = {
    WatchMembers("", 1_000): MembersListed,
    Share("k", "json", b"1", 1_000): Shared,
    ListShared("", ""): SharedListed,
    WatchKeys("", "", 1_000): KeysChanged,
    Leave("", 1_000): Departed,
    Forget("node-c", False, 1_000): Departed,
    Deny("writer-17", True, 1_000): Shared,
}
"""What a client may ask of a gossiper that serves, and what it is answered."""


# Pings.


def test_a_ping_is_answered() -> None:
    """With the wall clock, and no more where there is nothing to say."""
    node = belonging(OTHER)
    ack = the(node.take(from_peer(Ping(NET, 0, (OTHER,)), B, 9)), Ack)
    assert (ack.to, ack.id) == (Address(B, "gossiper"), 9)
    assert ack.message == Ack(NET, node.now().wall_ms, ())


def test_who_asks_is_told_what_is_said_of_it() -> None:
    """So it can refute it, as this node can what it is told with a ping."""
    said = member(B, state="suspect")
    node = belonging(said)
    accused = member(A, state="suspect")
    ack = message(node.take(from_peer(Ping(NET, 0, (accused,)), B)), Ack)
    assert ack.news == (member(A, incarnation=1), said)


def test_a_stranger_that_says_who_it_is_becomes_known() -> None:
    """It is answered at its address: the switch has no connection to it yet."""
    node = belonging(OTHER)
    out = node.take(from_peer(Ping(NET, 0, (THIRD,)), C, 9))
    assert {e.to.node for e in all_of(out, Ack)} <= {C, f"@{THIRD.address}"}
    assert listed(node) == (ME, OTHER, THIRD)


def test_a_stranger_that_does_not_is_not_answered() -> None:
    """Nobody knows where it is."""
    assert messages(belonging(OTHER).take(from_peer(Ping(NET, 0, ()), C)), Ack) == []


def test_a_node_pings_for_others() -> None:
    """And says that it is there itself, if the other one is not."""
    node = belonging(OTHER, THIRD)
    asked = from_peer(PingReq(NET, C), B, 9)
    ping = next(e for e in node.take(asked) if e.to.node == C)
    assert message(node.take(reply(ping, Ack(NET, 0, ()))), Ack).network == NET
    node.take(asked)
    assert [(e.to.node, e.id) for e in all_of(node.run_for(500), Nack)] == [(B, 9)]


def test_who_has_left_is_told_so_when_it_asks() -> None:
    """At the address that it gives."""
    gone = member(C, state="left")
    ack = the(belonging(OTHER, gone).take(from_peer(Ping(NET, 0, (THIRD,)), C, 9)), Ack)
    assert (ack.to.node, ack.id) == (f"@{THIRD.address}", 9)
    assert ack.message == Ack(NET, belonging().now().wall_ms, (gone,))


@pytest.mark.parametrize("state", DOWN)
def test_notes_are_compared_with_who_was_down(state: State) -> None:
    """It missed much, and so may this node have."""
    node = belonging(OTHER, member(C, state=state))
    back = Ack(NET, 0, (member(C, boot=2),))
    assert [e.to.node for e in all_of(node.take(from_peer(back, C)), Compare)] == [C]
    assert all_of(node.take(from_peer(back, C)), Compare) == []


def test_a_node_that_stood_still_does_not_judge_by_that() -> None:
    """Whom it had pinged has answered, perhaps: it waits on from where it stood."""
    node = belonging(OTHER, THIRD)
    node.take(after_ms=500)
    node.take(after_ms=10_000)
    assert listed(node) == (ME, OTHER, THIRD)


# Names, ids and departures.


def test_departure_is_final() -> None:
    """Later news of a member that left is no news; it is told so, at the address it gives."""
    node = belonging(member(B, state="left"))
    back = replace(member(B, boot=9), address="10.0.0.9:7000")
    counted, tell = node.take(told(back))
    assert reasons([counted]) == ["word of a node that has left"]
    gone = member(B, state="left")
    assert (tell.to.node, tell.message) == ("@10.0.0.9:7000", Tell(NET, (gone,), ()))


def test_a_node_that_left_for_good_gives_up() -> None:
    """Another one has its name."""
    out = belonging(OTHER).take(told(member(A, state="left")))
    assert message(out, GiveUp).code == "refused"
    assert reasons(out) == []


# Clients.


def test_a_client_is_told_all_members() -> None:
    """In the order of their names, those that left included."""
    node = belonging(replace(OTHER, name="zoe"), replace(THIRD, name="amy", state="left"))
    answer = the(node.take(to("gossiper", ListMembers(), client(), 6)), MembersListed)
    assert (answer.to, answer.id) == (client(), 6)
    assert isinstance(answer.message, MembersListed)
    assert answer.message.network == NET
    assert [m.name for m in answer.message.members] == ["amy", "node-a", "zoe"]


def test_a_fresh_node_tells_that_it_knows_only_itself() -> None:
    """Without a network; and what it waits for."""
    node = fresh(OTHER.address)
    node.take()
    answer = node.take(to("gossiper", ListMembers(), client()))
    waiting = f"waiting for {OTHER.address} to answer"
    listed_now = MembersListed("", digest_of((ME,), waiting), (ME,), waiting)
    assert message(answer, MembersListed) == listed_now


def test_nothing_that_a_client_may_ask_is_forgotten_here() -> None:
    """The requests above are all that a gossiper answers, but for the list of members."""
    assert {type(request) for request in REQUESTS} == TO_GOSSIPERS - {ListMembers}


@pytest.mark.parametrize("request_", [r for r in REQUESTS if not isinstance(r, WatchMembers)])
def test_a_node_that_does_not_serve_yet_says_why(request_: Message) -> None:
    """One without a network, or not confirmed yet; who watches members is told with the list."""
    for node, why in (
        (fresh(OTHER.address), f"waiting for {OTHER.address} to answer"),
        (fresh(notes=notes_of(ME, OTHER)), "to confirm that this node is still a member"),
    ):
        node.take()
        answer = the(node.take(to("gossiper", request_, client(), 6)), Failed)
        assert (answer.to, answer.id) == (client(), 6)
        assert isinstance(answer.message, Failed)
        assert (answer.message.code, answer.message.definite) == ("not_ready", True)
        assert why in answer.message.reason


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_node_that_serves_answers(request_: Message) -> None:
    """At once, or when its disk or the others have answered, or when there is something to say."""
    node = belonging(OTHER, member(C, state="dead"))
    out = node.take(to("gossiper", request_, client(), 6))
    out += node.take(*(reply(e, Struck("ok", "")) for e in all_of(out, Strike)))
    out += remembered(node, out)
    if isinstance(request_, Leave):
        out += remembered(node, node.take(decided(Layout(2, (B,), (), (A,)))))
    out += [e for _, e in run_answered(node, 300)]
    [answer] = [e for e in out if e.to == client()]
    assert (type(answer.message), answer.id) == (REQUESTS[request_], 6)


# Stopping, and the rest.


def test_a_node_that_stops_says_good_bye() -> None:
    """To everybody, though a round is not over, and to members, which answer; it stays a member."""
    node = belonging(OTHER, THIRD)
    out = node.take(from_host("gossiper", Stop()))
    stopped = member(A, incarnation=1, state="stopped")
    assert message(out, Rumour).members == (stopped,)
    pings = all_of(out, Ping)
    assert [(e.to.node, e.message) for e in pings] == [
        (B, Ping(NET, WALL_MS, (stopped,))),
        (C, Ping(NET, WALL_MS, (stopped,))),
    ]
    assert node.take(*acks(pings[:1])) == []
    assert the(node.take(*acks(pings[1:])), Finished).to == Address(A, HOST)


def test_a_node_that_stops_tells_again_what_was_lost() -> None:
    """A connection may just be being made. With one answer the others have a round more."""
    node = belonging(OTHER, THIRD)
    [lost, _] = all_of(node.take(from_host("gossiper", Stop())), Ping)
    node.take(reply(lost, Bounced(lost.to, lost.message)))
    pings = all_of(node.take_when_due(), Ping)
    assert [e.to.node for e in pings] == [B, C]
    assert node.take(*acks(pings[:1])) == []
    out: list[Envelope] = []
    heard_ms = node.now_ms
    while not all_of(out, Finished):
        out = node.take_when_due()
        assert {e.to.node for e in all_of(out, Ping)} <= {C}
    assert node.now_ms == heard_ms + ROUND_MS


def test_a_node_that_stops_does_not_wait_long_for_answers() -> None:
    """All the others may have been cut off, or have stopped meanwhile."""
    node = belonging(OTHER, THIRD)
    out = node.take(from_host("gossiper", Stop()))
    while not all_of(out, Finished):
        out = node.take_when_due()
    assert node.now_ms == SETTINGS.farewell_ms
    node = belonging(OTHER, THIRD)
    node.take(from_host("gossiper", Stop()))
    gone = [member(n, incarnation=1, state="stopped") for n in (B, C)]
    assert all_of(node.take(told(*gone)), Finished)


def test_a_node_that_stops_tells_eight_at_most() -> None:
    """Who is down is not told; rumours reach the others."""
    living = [member(f"{i:016x}", name=f"n{i}", port=8000 + i) for i in range(1, 20)]
    node = belonging(member("0" * 16, name="down", state="dead"), *living)
    pings = all_of(node.take(from_host("gossiper", Stop())), Ping)
    assert [e.to.node for e in pings] == [m.id for m in living[:8]]


def test_a_node_that_stops_judges_nobody_any_more() -> None:
    """Nor does it say anything more once it has finished."""
    node = belonging(OTHER, THIRD)
    pings = all_of(node.take(from_host("gossiper", Stop())), Ping)
    out = [e for _, e in run_answered(node, 500)]
    assert all_of(out, MembersChanged) == []
    assert all_of(node.take(*acks(pings)), Finished) == []
    assert run_answered(node, 5_000) == []


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_node_that_stops_does_nothing_for_clients_any_more(request_: Message) -> None:
    """They are told so, and ask elsewhere."""
    node = belonging(OTHER)
    node.take(from_host("gossiper", Stop()))
    [answer] = node.take(to("gossiper", request_, client(), 6))
    assert (answer.to, answer.id) == (client(), 6)
    assert answer.message == Failed("stopping", "the node is shutting down", True)


def test_a_fresh_node_stops_without_a_word() -> None:
    """Nobody knows it."""
    node = fresh(OTHER.address)
    node.take()
    assert [e.message for e in node.take(from_host("gossiper", Stop()))] == [Finished()]


def test_what_is_not_for_a_gossiper_is_dropped_and_counted() -> None:
    """It is told to the host, and nobody is answered."""
    out = belonging(OTHER).take(from_peer(Observe(1), B))
    assert reasons(out) == ["gossiper was sent Observe"]
    assert [e.to for e in out] == [Address(A, HOST)]


def test_a_node_that_has_not_entered_answers_pings_all_the_same() -> None:
    """Others may have counted it in before it knows; it answers at the address that they give."""
    node = fresh(OTHER.address)
    node.take()
    out = node.take(from_peer(Ping(NET, 0, (OTHER,)), B, 7))
    [ack] = all_of(out, Ack)
    assert (ack.to, ack.id) == (Address(f"@{OTHER.address}", "gossiper"), 7)
    assert message([ack], Ack).network == NET
