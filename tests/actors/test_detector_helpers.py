"""The failure detector among others: it pings for them, doubts itself, looks into what they say of
each other, and tries those who are down for ever."""

from __future__ import annotations

import pytest

from actors.actor import SWITCH, Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.membership import State
from actors.messages import Ack, ListMembers, MembersListed, Nack, Ping, PingReq, Reconnect
from tests.actors.envelopes import WALL_MS, A, all_of, client, member, message, messages, the, to
from tests.actors.gossipers import NET, belonging, from_peer, remembered
from tests.actors.parts import Detecting, node, nodes, of_kind

SETTINGS = GossipSettings()
PROBE_MS, TIMEOUT_MS, WINDOW_MS = 500, 500, 1_000
FIVE = nodes(5)
TARGET, HELPED = FIVE[0].id, FIVE[1].id
LEAST_MS, MOST_MS = 1_500, 6_000


def ask(detecting: Detecting, target: str, number: int = 7) -> Envelope:
    """Another node asks this one to ping a member for it."""
    request = from_peer(PingReq(NET, target), HELPED, number)
    detecting.detector.on_ping_req(request, detecting.now())
    return request


def sent(detecting: Detecting) -> list[Envelope]:
    """What is sent at once, the node's own probes left out."""
    return detecting.outbox.take()


def quiet(*others: int, down: State = "dead") -> Detecting:
    """Has just probed and tried, so that what is sent next has another reason."""
    detecting = Detecting(*FIVE, *[node(n, state=down) for n in others])
    for envelope in detecting.due():
        detecting.ack(envelope)
    return detecting


# For others.


def test_a_helper_pings_and_passes_the_answer_on() -> None:
    """Under the number of who asked, with the news that it brought."""
    detecting = quiet()
    request = ask(detecting, TARGET)
    ping = the(sent(detecting), Ping)
    assert ping.to.node == TARGET
    detecting.now_ms += 20
    detecting.ack(ping, FIVE[2])
    [answer] = sent(detecting)
    assert answer == reply(request, Ack(NET, WALL_MS + 20, (FIVE[2],)))


def test_a_helper_without_an_answer_says_so() -> None:
    """After the time-out: so it is known that the helper itself is there."""
    detecting = quiet()
    request = ask(detecting, TARGET)
    sent(detecting)
    assert all_of(detecting.due(TIMEOUT_MS - 1), Nack) == []
    assert the(detecting.due(1), Nack) == reply(request, Nack(NET))


def test_a_helper_whose_ping_bounces_says_so_at_once() -> None:
    """And only once."""
    detecting = quiet()
    request = ask(detecting, TARGET)
    detecting.bounce(the(sent(detecting), Ping))
    assert sent(detecting) == [reply(request, Nack(NET))]
    assert all_of(detecting.due(TIMEOUT_MS), Nack) == []


@pytest.mark.parametrize("target", [A, "f" * 16])
def test_a_helper_cannot_ping_itself_nor_a_stranger(target: str) -> None:
    """It has no answer either, and says so."""
    detecting = quiet()
    request = ask(detecting, target)
    assert sent(detecting) == [reply(request, Nack(NET))]


def test_a_helper_does_not_ping_who_has_left() -> None:
    """It has no connection there any more."""
    detecting = quiet()
    detecting.hear(node(1, state="left"))
    request = ask(detecting, TARGET)
    assert sent(detecting) == [reply(request, Nack(NET))]


def test_pings_for_others_are_bounded() -> None:
    """Past a thousand at a time they are refused; later there is room again."""
    detecting = quiet()
    for number in range(5_000):
        ask(detecting, TARGET, number)
    out = sent(detecting)
    assert len(all_of(out, Ping)) == 1_000
    assert len(all_of(out, Nack)) == 4_000
    assert len(all_of(detecting.due(TIMEOUT_MS), Nack)) == 1_000
    ask(detecting, TARGET)
    assert len(all_of(sent(detecting), Ping)) == 1


def test_an_answer_to_a_ping_for_another_ends_no_probe_of_ones_own() -> None:
    """And the other way round."""
    detecting = Detecting(*FIVE)
    detecting.probe(TARGET)
    ask(detecting, TARGET)
    detecting.ack(the(sent(detecting), Ping))
    assert len(all_of(detecting.due(TIMEOUT_MS), PingReq)) == 3


# Its own health.


def test_helpers_that_say_nothing_make_a_node_doubt_itself() -> None:
    """One step for each: perhaps nothing reaches this node at all."""
    detecting = Detecting(*FIVE)
    detecting.probe(TARGET)
    first, *_ = all_of(detecting.due(TIMEOUT_MS), PingReq)
    detecting.nack(first)
    assert detecting.detector.health == 0
    detecting.run_for(WINDOW_MS - TIMEOUT_MS, lambda e: None)
    assert detecting.detector.health == 2


def test_health_has_bounds() -> None:
    """From none to seven steps."""
    detecting = Detecting(*FIVE)
    detecting.run_for(120_000)
    assert detecting.detector.health == SETTINGS.max_health
    for other in FIVE:
        detecting.hear(node(int(other.id, 16), incarnation=1))
    detecting.run_for(120_000, detecting.ack)
    assert detecting.detector.health == 0


def test_each_answer_is_a_step_back_to_health() -> None:
    """An answer to an own probe, and no other."""
    detecting = Detecting(*FIVE)
    for _ in range(3):
        detecting.detector.was_suspected()
    assert detecting.detector.health == 3
    ping = detecting.probe(TARGET)
    before = detecting.detector.health
    detecting.ack(ping)
    detecting.ack(ping)
    assert detecting.detector.health == before - 1


def test_a_node_in_bad_health_takes_its_time() -> None:
    """Its pings are rarer, and are waited for longer: by a step each."""
    detecting = Detecting(*FIVE)
    for _ in range(3):
        detecting.detector.was_suspected()
    out = detecting.run_for(4 * WINDOW_MS - 1)
    [(_, first), *_, (_, second)] = pings = of_kind(out, Ping)
    assert sorted(pings) == sorted([(0, first), (4 * TIMEOUT_MS, first), (4 * PROBE_MS, second)])
    assert first != second
    assert [at_ms for at_ms, _ in of_kind(out, PingReq)] == [4 * TIMEOUT_MS] * 3
    assert detecting.declared == []
    detecting.due(1)
    assert [m.state for m in detecting.declared] == ["suspect"]


def test_time_in_which_the_node_stood_still_does_not_count() -> None:
    """What it waits for may have come meanwhile, and lie in front of it; and it is not well."""
    detecting = Detecting(*FIVE)
    detecting.hear(node(2, state="suspect"))
    ping = detecting.probe(TARGET)
    detecting.now_ms += 60_000
    detecting.detector.shift(60_000)
    assert detecting.detector.health == 1
    detecting.due()
    assert detecting.declared == []
    detecting.ack(ping)
    detecting.run_for(MOST_MS - 1_000, detecting.all_but(HELPED))
    assert "dead" not in detecting.states().values()
    detecting.run_for(MOST_MS, detecting.all_but(HELPED))
    assert detecting.states()["n2"] == "dead"


def test_a_node_that_was_paused_accuses_nobody_at_once() -> None:
    """A gossiper sees by its clock that it stood still."""
    gossiper = belonging(*FIVE)
    assert all_of(gossiper.run_for(PROBE_MS), Ping)
    out = gossiper.take(to("gossiper", ListMembers(), client()), after_ms=60_000)
    assert {m.state for m in message(out, MembersListed).members} == {"alive"}


# What others say.


def test_a_suspicion_by_others_is_looked_into_at_once() -> None:
    """By this node itself, before its turn comes."""
    detecting = quiet()
    detecting.hear(node(1, state="suspect"), accuser=HELPED)
    ping = the(sent(detecting), Ping)
    assert ping.to.node == TARGET
    assert node(1, state="suspect") in message([ping], Ping).news


def test_what_is_found_is_told_once_as_this_nodes_own_finding() -> None:
    """Others count it as a confirmation."""
    detecting = quiet()
    detecting.hear(node(1, state="suspect"), accuser=HELPED)
    detecting.run_for(WINDOW_MS, detecting.all_but(TARGET))
    assert detecting.declared == [node(1, state="suspect")]


def test_an_answer_to_it_confirms_nothing() -> None:
    """The member's own word has to come, and is on its way."""
    detecting = quiet()
    detecting.hear(node(1, state="suspect"), accuser=HELPED)
    detecting.run_for(WINDOW_MS, detecting.ack)
    assert detecting.declared == []
    assert detecting.states()["n1"] == "suspect"


@pytest.mark.parametrize("accuser", [TARGET, "f" * 16])
def test_a_stranger_accuses_nobody_nor_a_member_itself(accuser: str) -> None:
    """Only another member that has looked."""
    detecting = quiet()
    detecting.hear(node(1, state="suspect"), accuser=accuser)
    assert sent(detecting) == []


def test_in_a_large_network_a_few_look_into_it() -> None:
    """About twice as many as are needed, however many there are."""
    looking = 0
    detecting = Detecting(*nodes(998))
    for number in range(1, 999):
        detecting.hear(node(number, state="suspect"), accuser=node(number % 998 + 1).id)
        looking += len(sent(detecting))
    assert SETTINGS.confirmations <= looking <= 4 * SETTINGS.confirmations


def test_a_suspicion_ends_sooner_when_others_confirm_it() -> None:
    """And each accuser counts once."""
    times_ms = []
    for accusers in ([2], [2, 2, 2], [2, 3], [2, 3, 4, 5]):
        detecting = Detecting(*nodes(6))
        for accuser in accusers:
            detecting.hear(node(1, state="suspect"), accuser=node(accuser).id)
        while detecting.states()["n1"] != "dead":
            detecting.run_for(10, detecting.ack)
        times_ms.append(detecting.now_ms)
    assert times_ms == [6_000, 6_000, 3_750, 1_500]


def test_its_own_word_ends_a_suspicion() -> None:
    """It comes at a later incarnation; the one before is no news any more."""
    detecting = Detecting(*FIVE)
    detecting.hear(node(1, state="suspect"), accuser=HELPED)
    detecting.hear(node(1, incarnation=1))
    detecting.hear(node(1, state="suspect"), accuser=FIVE[2].id)
    detecting.run_for(2 * MOST_MS, detecting.ack)
    assert detecting.states()["n1"] == "alive"


def test_a_later_suspicion_has_its_whole_time() -> None:
    """What was said at an earlier incarnation does not count for it."""
    detecting = Detecting(*FIVE)
    for accuser in FIVE[1:]:
        detecting.hear(node(1, state="suspect"), accuser=accuser.id)
    detecting.hear(node(1, state="suspect", incarnation=1), accuser=HELPED)
    detecting.run_for(MOST_MS - 1, detecting.ack)
    assert detecting.states()["n1"] == "suspect"


def test_a_suspicion_has_its_end_although_nobody_vouches_for_it() -> None:
    """It came by push-pull."""
    detecting = Detecting(*FIVE)
    detecting.hear(node(1, state="suspect"))
    detecting.run_for(MOST_MS, detecting.ack)
    assert detecting.declared == [node(1, state="dead")]


def test_who_was_suspected_before_this_node_began_is_found_out_too() -> None:
    """It reads so in its own notes, or is told so when it is let in."""
    for suspect in (node(1, state="suspect"), node(1, state="dead")):
        detecting = Detecting(suspect, *FIVE[1:])
        detecting.run_for(2 * MOST_MS, detecting.all_but(TARGET))
        assert detecting.states()["n1"] == "dead"


# Those who are down.


def test_one_that_is_down_is_tried_every_two_seconds_for_ever() -> None:
    """By a connection made anew, and some pings over it."""
    detecting = Detecting(*FIVE, node(6, state="dead"))
    out = detecting.run_for(3_600_000, detecting.all_but(node(6).id))
    anew = [at_ms for at_ms, e in out if isinstance(e.message, Reconnect)]
    assert anew.pop(0) == 0  # it has just been heard that it is dead
    assert anew == list(range(0, 3_600_001, 2_000))
    pings_ms = [at_ms for at_ms, to in of_kind(out, Ping) if to == node(6).id]
    assert pings_ms[:4] == [150, 500, 1_200, 2_150]
    assert len(pings_ms) in (3 * len(anew) - 3, 3 * len(anew))


def test_the_switch_is_told_to_connect_anew_first() -> None:
    """A ping before that would wait for the old connection."""
    detecting = Detecting(node(6, state="stopped"))
    reconnect = the(detecting.due(), Reconnect)
    assert reconnect.to == Address(A, SWITCH)
    assert reconnect.message == Reconnect(node(6).id)
    [ping] = messages(detecting.due(150), Ping)
    assert ping.news == (member(A), node(6, state="stopped"))


@pytest.mark.parametrize("down", ["dead", "stopped"])
def test_all_that_are_down_have_their_turn(down: State) -> None:
    """At random: after a partition either side finds the other."""
    detecting = Detecting(*FIVE, *[node(n, state=down) for n in range(6, 16)])
    tried = [
        e.message.member_id
        for _, e in detecting.run_for(200_000, detecting.ack)
        if isinstance(e.message, Reconnect)
    ]
    assert set(tried) == {node(n).id for n in range(6, 16)}


def test_who_left_is_never_tried() -> None:
    """It is never pinged either, also if it leaves while it is tried."""
    detecting = Detecting(*FIVE, node(6, state="dead"), node(7, state="left"))
    detecting.due()
    detecting.hear(node(6, state="left"))
    out = detecting.run_for(60_000, detecting.ack)
    assert {node(6).id, node(7).id}.isdisjoint(e.to.node for _, e in out)
    assert [e for _, e in out if isinstance(e.message, Reconnect)] == []


def test_who_comes_back_is_not_tried_on() -> None:
    """It is pinged in its turn, as all are."""
    detecting = Detecting(*FIVE, node(6, state="dead"))
    detecting.due()
    detecting.hear(node(6, incarnation=1))
    out = detecting.run_for(5_000, detecting.ack)
    assert [e for _, e in out if isinstance(e.message, Reconnect)] == []
    assert len([to for _, to in of_kind(out, Ping) if to == node(6).id]) <= 2


def test_a_restart_with_a_suspect_in_its_notes_does_not_end_the_node() -> None:
    """What became of it is found out."""
    gossiper = belonging(node(1, state="suspect"), *FIVE[1:])
    for _ in range(100):
        remembered(gossiper, gossiper.take_when_due())
    listed = message(gossiper.take(to("gossiper", ListMembers(), client())), MembersListed)
    assert [m.state for m in listed.members if m.name == "n1"] == ["dead"]
