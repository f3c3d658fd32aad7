"""Rumours of a whole gossiper: what it takes in, passes on, and publishes itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import EVERYBODY, HOST, Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.messages import (
    Ack,
    Change,
    Compare,
    Compared,
    Exchange,
    MembersChanged,
    Message,
    Nack,
    Ping,
    PingReq,
    Remember,
    Rumour,
    Tell,
)
from tests.actors.envelopes import A, B, C, all_of, member, messages, reasons, the
from tests.actors.gossipers import (
    ROUND_MS,
    belonging,
    from_peer,
    listed,
    published,
    remembered,
    rumour,
    run_answered,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)


def test_a_rumour_is_taken_in_and_passed_on() -> None:
    """With one hop less to go, under the number that its origin gave it."""
    node = belonging(OTHER)
    passed_on = the(node.take(rumour(THIRD, seq=7, ttl=2), after_ms=ROUND_MS), Rumour)
    assert passed_on.to == Address(EVERYBODY, "gossiper")
    assert passed_on.message == rumour(THIRD, seq=7, ttl=1).message


def test_a_rumour_is_heard_once() -> None:
    """A duplicate is neither taken in nor passed on."""
    node = belonging(OTHER)
    node.take(rumour(THIRD, seq=7), after_ms=ROUND_MS)
    assert node.take(rumour(member(C, boot=9), seq=7)) == []
    assert published(node) == []
    assert listed(node) == (ME, OTHER, THIRD)


def test_a_rumour_of_another_life_is_another_rumour() -> None:
    """An origin counts from the beginning in each of its lives."""
    node = belonging(OTHER)
    node.take(rumour(THIRD, seq=7), rumour(member(C, boot=2), seq=7, boot="2.0"))
    assert len(published(node)) == 2
    assert listed(node) == (ME, OTHER, member(C, boot=2))


def test_a_rumour_that_has_gone_far_enough_is_not_passed_on() -> None:
    """It is taken in all the same."""
    node = belonging(OTHER)
    out = node.take(rumour(THIRD, ttl=0))
    assert messages(remembered(node, out), MembersChanged)[0].members == (ME, OTHER, THIRD)
    assert published(node) == []


def test_no_rumour_lives_longer_than_the_nodes_own() -> None:
    """Whatever it says: a forged ttl does not keep a network busy."""
    node = belonging(OTHER, settings=GossipSettings(ttl_hops=4))
    node.take(rumour(THIRD, ttl=10**9))
    assert [r.ttl for r in published(node)] == [3]


def test_a_node_does_not_pass_on_its_own_rumour() -> None:
    """It comes back to it through others."""
    node = belonging(OTHER)
    assert node.take(rumour(replace(ME, boot=9), origin=A)) == []
    assert published(node) == []


def test_a_node_publishes_once_in_a_round() -> None:
    """At once if it was silent for a round; what comes meanwhile waits for the next."""
    node = belonging(OTHER)
    node.take(after_ms=ROUND_MS)
    times = []
    for seq in range(1, 6):
        news = rumour(member(C, incarnation=seq), seq=seq)
        out = [(node.now_ms, e) for e in node.take(news, after_ms=ROUND_MS // 4)]
        out += run_answered(node, ROUND_MS // 4)
        times += [at_ms for at_ms, e in out if isinstance(e.message, Rumour)]
    assert [time - times[0] for time in times] == [0, 200, 200, 400, 400]


def test_a_rumour_that_was_missed_is_made_up_for() -> None:
    """A number was skipped and does not come: notes are compared with its origin."""
    node = belonging(OTHER, THIRD, settings=GossipSettings(push_pull_ms=10**6))
    run_answered(node, 1_000)
    node.take(rumour(seq=1), rumour(seq=3))
    sent = [(at_ms, e.to.node) for at_ms, e in run_answered(node, 1_000) if all_of([e], Compare)]
    assert sent == [(1_000 + GossipSettings().gap_patience_ms, B)]


@pytest.mark.parametrize(
    "strange",
    [
        rumour(THIRD, network="else").message,
        Compare("else", "digest"),
        Compared("else", ()),
        Compared("else", ("digest",)),
        Exchange("else", (1,), (THIRD,), ()),
        Tell("else", (THIRD,), ()),
        Ping("else", 0, (THIRD,)),
        Ack("else", 0, (THIRD,)),
        PingReq("else", B),
        Nack("else"),
    ],
)
def test_what_is_of_another_network_is_dropped_and_counted(strange: Message) -> None:
    """Two networks never merge."""
    node = belonging(OTHER)
    out = node.take(from_peer(strange, B))
    assert [e.to.actor for e in out] == [HOST]
    assert reasons(out) == ["gossip of another network"]


def test_much_news_is_published_in_several_rumours() -> None:
    """Each with a number of its own."""
    node = belonging(settings=GossipSettings(max_rumour_members=2))
    news = tuple(member(f"{i:016x}", name=f"n{i}", port=8000 + i) for i in range(5))
    node.take(told(*news))
    rumours = published(node)
    assert [len(r.members) for r in rumours] == [2, 2, 1]
    assert len({r.seq for r in rumours}) == 3
    assert [m for r in rumours for m in r.members] == list(news)


def test_news_that_was_told_is_published() -> None:
    """What is known already is not, nor is it remembered again."""
    node = belonging(OTHER)
    remembered(node, node.take(told(THIRD, OTHER)))
    assert [r.members for r in published(node)] == [(THIRD,)]
    assert messages(node.take(told(THIRD, OTHER)), Remember) == []
    assert published(node) == []


def test_a_suspicion_that_was_told_is_not_published() -> None:
    """Who publishes one vouches for it: it has looked for itself."""
    node = belonging(OTHER, THIRD)
    node.take(told(member(C, state="suspect")))
    assert listed(node)[2].state == "suspect"
    assert [m for r in published(node) for m in r.members] == []


# What is passed on.


@pytest.mark.parametrize(
    "stale",
    [
        rumour(OTHER),
        rumour(member(B, boot=0, incarnation=9)),
        rumour(),
        rumour(member(A, state="suspect")),
        rumour(member(A, state="left")),
        rumour(replace(THIRD, name="")),
    ],
)
def test_what_is_no_news_here_is_not_passed_on(stale: Envelope) -> None:
    """It was told already in another rumour, or cannot be believed, or is a lie about this node."""
    node = belonging(OTHER)
    node.take(after_ms=ROUND_MS)
    out = node.take(stale) + node.take(after_ms=ROUND_MS)
    assert [r for r in messages(out, Rumour) if r.origin == B] == []


@pytest.mark.parametrize(
    "always",
    [rumour(changes=(Change("k", "v", "json"),)), rumour(missed=True), rumour(watched_ms=1_000)],
)
def test_what_is_of_concern_to_clients_is_passed_on_always(always: Envelope) -> None:
    """Each number once: a node does not keep what it has heard of changes."""
    node = belonging(OTHER)
    node.take(after_ms=ROUND_MS)
    assert len([r for r in messages(node.take(always), Rumour) if r.origin == B]) == 1
    assert [r for r in published(node) if r.origin == B] == []


def test_a_suspicion_is_passed_on_once_for_each_accuser() -> None:
    """Others count who has looked in vain, so a further accuser is news."""
    fourth = member("d" * 16)
    node = belonging(OTHER, THIRD, fourth, member("e" * 16), member("f" * 16))
    node.take(after_ms=ROUND_MS)
    suspect = replace(fourth, state="suspect")
    passed_on = []
    for seq, origin in enumerate((B, B, C, C), 1):
        out = node.take(rumour(suspect, origin=origin, seq=seq)) + node.take(after_ms=ROUND_MS)
        passed_on.append([r.seq for r in messages(out, Rumour) if r.origin == origin])
    assert passed_on == [[1], [], [3], []]
