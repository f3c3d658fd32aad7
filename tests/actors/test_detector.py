"""The failure detector: each node pings one other at a time, and has others ping it too before it
suspects."""

from __future__ import annotations

from random import Random

import pytest

from actors.actor import SWITCH, Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.membership import State
from actors.messages import Ping, PingReq, Reconnect
from tests.actors.envelopes import A, B, C, all_of, member, the
from tests.actors.gossipers import NET, from_peer
from tests.actors.parts import Detecting, node, nodes, of_kind

SETTINGS = GossipSettings()
PROBE_MS, TIMEOUT_MS, WINDOW_MS = 500, 500, 1_000
FIVE = nodes(5)
TARGET = FIVE[0].id


def in_vain(detecting: Detecting) -> list[Envelope]:
    """A ping to this member bounces, for all who are asked for help too; what is sent meanwhile."""
    detecting.bounce(detecting.probe(TARGET))
    sent = detecting.due()
    for request in all_of(sent, PingReq):
        detecting.nack(request)
    return sent


def pinged_again(detecting: Detecting, after_ms: int) -> Envelope:
    """The ping that goes to this member just then, and not before; all others are answered."""
    sent = detecting.run_for(after_ms - 1, detecting.all_but(TARGET))
    assert TARGET not in [e.to.node for _, e in sent]
    out = detecting.due(1)
    [again] = [e for e in out if e.to.node == TARGET]
    for envelope in out:
        if envelope is not again:
            detecting.ack(envelope)
    return again


def asked(detecting: Detecting, target: str = TARGET) -> list[Envelope]:
    """A ping to this member remains without an answer: whom it asks for help."""
    detecting.probe(target)
    return all_of(detecting.due(TIMEOUT_MS), PingReq)


# Whose turn it is.


def test_every_living_member_is_pinged_once_a_round() -> None:
    """One at a time, in random order, and in another one the next time."""
    detecting = Detecting(*nodes(10))
    pinged = [n for _, n in of_kind(detecting.run_for(20 * PROBE_MS - 1, detecting.ack), Ping)]
    rounds = pinged[:10], pinged[10:]
    assert [sorted(one) for one in rounds] == [[m.id for m in nodes(10)]] * 2
    assert rounds[0] != rounds[1] != sorted(rounds[1])


def test_there_is_a_ping_every_so_often() -> None:
    """Whatever the size of the network: the load of a node is constant."""
    for size in (1, 3, 30):
        detecting = Detecting(*nodes(size))
        times_ms = [at_ms for at_ms, _ in of_kind(detecting.run_for(3_000, detecting.ack), Ping)]
        assert times_ms == list(range(0, 3_001, PROBE_MS))


def test_a_node_alone_pings_nobody() -> None:
    """It has nothing to do but to look again later."""
    assert Detecting().run_for(10_000) == []


@pytest.mark.parametrize("state", ["suspect", "leaving"])
def test_a_member_that_may_be_there_is_pinged(state: State) -> None:
    """And is told what is said of it, so that it can refute."""
    doubted = node(1, state=state)
    [(_, ping)] = Detecting(doubted).run_for(PROBE_MS - 1)
    assert isinstance(ping.message, Ping)
    assert doubted in ping.message.news


def test_a_member_that_left_is_never_pinged() -> None:
    """Nor asked for help, nor pinged for others."""
    detecting = Detecting(*FIVE, node(6, state="left"))
    sent = detecting.run_for(60_000)
    assert of_kind(sent, PingReq)
    assert node(6).id not in [e.to.node for _, e in sent]


def test_who_joined_is_pinged_from_the_next_round_on() -> None:
    """And within it, once."""
    detecting = Detecting(*FIVE)
    detecting.run_for(2 * PROBE_MS, detecting.ack)
    detecting.hear(node(6))
    pinged = [n for _, n in of_kind(detecting.run_for(8 * PROBE_MS, detecting.ack), Ping)]
    assert pinged.count(node(6).id) == 1


def test_an_ordinary_ping_says_who_asks_and_no_more() -> None:
    """Whoever is asked may never have heard of this node, or have been told a lie of it."""
    detecting = Detecting(member(B))
    first = detecting.probe(B)
    assert first.message == Ping(NET, detecting.now().wall_ms, (member(A),))
    detecting.ack(first)
    second = detecting.probe(B)
    assert second.message == Ping(NET, detecting.now().wall_ms, (member(A),))


def test_who_is_not_known_to_be_alive_is_told_so() -> None:
    """It can refute that, and answers with its own word."""
    detecting = Detecting(member(B, state="suspect"))
    ping = detecting.probe(B)
    assert isinstance(ping.message, Ping)
    assert ping.message.news == (member(A), member(B, state="suspect"))


# From a ping to a suspicion.


def test_an_answer_in_time_is_the_end_of_it() -> None:
    """Nobody is asked for help, and nothing is said."""
    detecting = Detecting(*FIVE)
    sent = detecting.run_for(10_000, detecting.ack)
    assert of_kind(sent, PingReq) == []
    assert detecting.declared == []


def test_three_others_are_asked_to_ping_it_after_the_time_out() -> None:
    """Not before, not the member itself, and each once."""
    detecting = Detecting(*FIVE)
    detecting.probe(TARGET)
    assert all_of(detecting.due(TIMEOUT_MS - 1), PingReq) == []
    requests = all_of(detecting.due(1), PingReq)
    assert {e.message for e in requests} == {PingReq(NET, TARGET)}
    assert len({e.to.node for e in requests} - {TARGET, A}) == 3


def test_they_are_asked_at_once_if_the_ping_bounces() -> None:
    """There is nothing to wait for."""
    detecting = Detecting(*FIVE)
    detecting.bounce(detecting.probe(TARGET))
    assert detecting.detector.wake_at <= detecting.now_ms
    assert len(all_of(detecting.due(), PingReq)) == 3


def test_nobody_who_is_down_is_asked() -> None:
    """As many of the others as there are."""
    detecting = Detecting(*FIVE[:3], node(4, state="dead"), node(5, state="stopped"))
    assert sorted(e.to.node for e in asked(detecting)) == [FIVE[1].id, FIVE[2].id]


def test_an_answer_by_way_of_a_helper_is_as_good() -> None:
    """It is the way from here that is broken."""
    detecting = Detecting(*FIVE)
    detecting.ack(asked(detecting)[1])
    detecting.run_for(3_000, detecting.ack)
    assert detecting.declared == []


def test_a_late_answer_is_good_until_the_windows_end() -> None:
    """The first ping may still be answered after help was asked for."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    detecting.due(WINDOW_MS - 1)
    detecting.ack(ping)
    detecting.run_for(3_000, detecting.ack)
    assert detecting.declared == []


def test_without_an_answer_it_is_suspect_at_the_windows_end() -> None:
    """Not before, although all helpers say that they had none either."""
    detecting = Detecting(*FIVE)
    for request in asked(detecting):
        detecting.nack(request)
    detecting.run_for(WINDOW_MS - TIMEOUT_MS - 1, detecting.ack)
    assert detecting.declared == []
    detecting.due(1)
    assert detecting.declared == [node(1, state="suspect")]
    assert detecting.states()["n1"] == "suspect"


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_it_is_suspect_earlier_if_nobody_can_reach_it(helpers: int) -> None:
    """All bounced: but connections may just be being made, so a ping has to bounce once more."""
    detecting = Detecting(*FIVE[: 1 + helpers])
    assert len(all_of(in_vain(detecting), PingReq)) == helpers
    again = pinged_again(detecting, TIMEOUT_MS)
    detecting.bounce(again)
    assert detecting.declared == []
    assert detecting.detector.wake_at <= detecting.now_ms
    detecting.due()
    assert detecting.declared == [node(1, state="suspect")]


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_a_ping_that_goes_out_the_second_time_has_until_the_windows_end(helpers: int) -> None:
    """There is a connection now; without an answer it is suspect then, and not pinged again."""
    detecting = Detecting(*FIVE[: 1 + helpers])
    in_vain(detecting)
    pinged_again(detecting, TIMEOUT_MS)
    sent = detecting.run_for(WINDOW_MS - TIMEOUT_MS - 1, detecting.all_but(TARGET))
    assert TARGET not in [e.to.node for _, e in sent]
    assert detecting.declared == []
    detecting.due(1)
    assert detecting.declared == [node(1, state="suspect")]


def test_an_answer_to_the_ping_that_goes_out_the_second_time_is_as_good() -> None:
    """Only the connection was lost."""
    detecting = Detecting(*FIVE)
    in_vain(detecting)
    again = pinged_again(detecting, TIMEOUT_MS)
    detecting.run_for(WINDOW_MS - TIMEOUT_MS - 1, detecting.all_but(TARGET))
    detecting.ack(again)
    detecting.run_for(3_000, detecting.ack)
    assert detecting.declared == []
    assert detecting.states()["n1"] == "alive"


def test_who_could_not_be_pinged_is_pinged_once_more_whatever_the_helpers_do() -> None:
    """At the time-out, for by then there may be a connection; a helper may be silent meanwhile."""
    detecting = Detecting(*FIVE)
    detecting.bounce(detecting.probe(TARGET))
    last, *rest = all_of(detecting.due(), PingReq)
    for request in rest:
        detecting.bounce(request)
    sent = detecting.run_for(TIMEOUT_MS + 100, detecting.all_but(TARGET))
    assert [e.to.node for _, e in sent].count(TARGET) == 1
    detecting.nack(last)
    assert TARGET not in [e.to.node for e in all_of(detecting.due(), Ping)]
    assert detecting.declared == []


def test_a_connection_over_which_a_ping_bounced_is_made_anew_once_a_probe() -> None:
    """It may have been lost, and attempts be rare by now; the next probe does so again."""
    detecting = Detecting(*FIVE)
    anew = the(in_vain(detecting), Reconnect)
    assert (anew.to, anew.message) == (Address(A, SWITCH), Reconnect(TARGET))
    detecting.bounce(pinged_again(detecting, TIMEOUT_MS))
    assert all_of(detecting.due(), Reconnect) == []
    assert detecting.states()["n1"] == "suspect"
    assert the(in_vain(detecting), Reconnect).message == Reconnect(TARGET)


def test_two_pings_of_a_probe_that_bounce_have_one_connection_made_anew() -> None:
    """The first, and the one when help was asked for."""
    detecting = Detecting(*FIVE)
    first = detecting.probe(TARGET)
    [second] = [e for e in all_of(detecting.due(TIMEOUT_MS), Ping) if e.to.node == TARGET]
    detecting.bounce(first)
    detecting.bounce(second)
    assert the(detecting.due(), Reconnect).message == Reconnect(TARGET)


def test_a_request_for_help_that_bounced_has_no_connection_made_anew() -> None:
    """Nor a ping for another, nor one for a member's own word: its own probe will tell."""
    detecting = Detecting(*FIVE)
    request, *_ = asked(detecting)
    detecting.bounce(request)
    detecting.detector.on_ping_req(from_peer(PingReq(NET, TARGET), FIVE[1].id), detecting.now())
    detecting.detector.ask(TARGET, detecting.now())
    for ping in all_of(detecting.outbox.take(), Ping):
        detecting.bounce(ping)
    assert all_of(detecting.outbox.take(), Reconnect) == []


def test_a_helper_that_has_not_answered_yet_is_waited_for() -> None:
    """It may reach the member although this node cannot."""
    detecting = Detecting(*FIVE)
    detecting.bounce(detecting.probe(TARGET))
    first, *rest = all_of(detecting.due(), PingReq)
    for request in rest:
        detecting.bounce(request)
    detecting.run_for(WINDOW_MS - 1, lambda e: None)
    assert [m.id for m in detecting.declared if m.id == TARGET] == []
    detecting.ack(first)
    detecting.due(1)
    assert [m.id for m in detecting.declared if m.id == TARGET] == []


def test_an_answer_after_the_windows_end_changes_nothing() -> None:
    """It is the member's own word that ends a suspicion."""
    detecting = Detecting(*FIVE)
    ping = detecting.probe(TARGET)
    detecting.run_for(WINDOW_MS, detecting.all_but(TARGET))
    detecting.ack(ping)
    assert detecting.states()["n1"] == "suspect"


@pytest.mark.parametrize("state", ["dead", "stopped", "left"])
def test_who_is_known_to_be_down_meanwhile_is_not_suspected(state: State) -> None:
    """Others have found out, or it said so."""
    detecting = Detecting(*FIVE)
    detecting.probe(TARGET)
    detecting.hear(node(1, state=state))
    detecting.run_for(WINDOW_MS, detecting.all_but(TARGET))
    assert detecting.declared == []
    assert detecting.states()["n1"] == state


def test_a_suspect_is_pinged_on_until_it_is_dead() -> None:
    """It is said once that it is suspect, as others count the word of a node once; then its end."""
    detecting = Detecting(*FIVE)
    out = detecting.run_for(60_000, detecting.all_but(TARGET))
    assert detecting.declared == [node(1, state="suspect"), node(1, state="dead")]
    pings_ms = [at_ms for at_ms, to in of_kind(out, Ping) if to == TARGET]
    assert len([at_ms for at_ms in pings_ms if at_ms < pings_ms[0] + 6_000]) > 1


def test_the_connection_to_who_is_called_dead_is_made_anew() -> None:
    """At once: who only stands still would be sent things without end, that all wait for it."""
    detecting = Detecting(*FIVE)
    answer = detecting.all_but(TARGET)
    while detecting.states()["n1"] != "dead":
        out = detecting.due(max(0, detecting.detector.wake_at - detecting.now_ms))
        for envelope in out:
            answer(envelope)
    assert Reconnect(TARGET) in [envelope.message for envelope in out]


# When it wakes.


@pytest.mark.parametrize("seed", range(20))
def test_it_never_spins(seed: int) -> None:
    """Whatever is answered, bounced, said or not, it next wants to wake later than now."""
    rng = Random(seed)
    detecting = Detecting(*nodes(7), seed=seed)

    def answer(envelope: Envelope) -> None:
        ways = (detecting.ack, detecting.nack, detecting.bounce, lambda e: None)
        rng.choice(ways)(envelope)
        if rng.random() < 0.1:
            state: State = rng.choice(("alive", "suspect", "dead", "stopped"))
            number, incarnation = rng.randrange(1, 8), rng.randrange(4)
            accuser = node(rng.randrange(1, 8)).id
            detecting.hear(node(number, state=state, incarnation=incarnation), accuser=accuser)
        if rng.random() < 0.02:
            detecting.detector.shift(rng.randrange(3_000))
            detecting.detector.was_suspected()

    sent = detecting.run_for(120_000, answer)
    assert len(sent) < 120 * 10
    assert C not in detecting.states()
