"""Gossip that no honest node sends: it is bounded, it is counted, and it breaks nothing.

What anybody can make a node believe of others, those refute: tests/simulation/test_bad_gossip.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.actor import EVERYBODY, Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.membership import (
    MAX_ADDRESS_CHARACTERS,
    MAX_COUNT_STEP,
    MAX_FIRST_COUNT,
    MAX_HEEDED_COUNT,
    MAX_VOUCHED_COUNT,
    Member,
)
from actors.messages import (
    Ack,
    Alarm,
    Change,
    Dropped,
    GiveUp,
    ListMembers,
    MembersListed,
    Ping,
    Rumour,
    Tell,
)
from actors.shared import SharedEntry
from nodes.codec import MAX_INT, MAX_ITEMS, MAX_STR_BYTES
from nodes.wire import Malformed, decode_gossip, encode
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    member,
    message,
    messages,
    reasons,
    to,
)
from tests.actors.gossipers import NET, acks, belonging, from_peer
from tests.actors.parts import nodes

ME, OTHER, THIRD = member(A), member(B), member(C)
STRANGER = "f" * 16
MADE_UP = "a boot or incarnation that no node can have"


def rumour(
    *news: Member,
    origin: str = STRANGER,
    seq: int = 1,
    ttl: int = 8,
    shared: Sequence[SharedEntry] = (),
    changes: Sequence[Change] = (),
) -> Envelope:
    """Somebody published this, in whosever name."""
    said = Rumour(NET, origin, "1.0", seq, ttl, news, tuple(shared), tuple(changes), False, 0)
    return from_peer(said, origin)


def with_count(of: Member, field: str, count: int) -> Member:
    """At this boot or incarnation."""
    return replace(of, boot=count) if field == "boot" else replace(of, incarnation=count)


def as_c(me: Member) -> Member:
    """What node A says of itself, as if it were node C: so one test can ask both."""
    return replace(THIRD, boot=me.boot, incarnation=me.incarnation, state=me.state)


def listed(gossiper: Turns) -> dict[str, Member]:
    """The members as a client is shown them."""
    out = gossiper.take(to("gossiper", ListMembers(), client()))
    return {m.id: m for m in message(out, MembersListed).members}


def others_of(out: Sequence[Envelope]) -> list[Envelope]:
    """What goes out to other nodes."""
    return [e for e in out if e.to.node != A]


def ping_of(gossiper: Turns, target: str) -> Envelope:
    """The next ping of this member; whoever else is pinged meanwhile answers."""
    while True:
        out = gossiper.take_when_due()
        for ping in all_of(out, Ping):
            if ping.to.node == target:
                return ping
        gossiper.take(*acks(out))


def published(rumour: Envelope) -> list[bytes]:
    """The frames of what was published, by an actor with the shortest of names."""
    everybody = Address(EVERYBODY, "gossiper")
    return encode([replace(rumour, to=everybody, sender=Address(STRANGER, ""))], STRANGER)


# Counts that no node can have.


@pytest.mark.parametrize("field", ["boot", "incarnation"])
@pytest.mark.parametrize("source", [B, STRANGER])
@pytest.mark.parametrize(
    "forged",
    [MAX_COUNT_STEP + 2, MAX_FIRST_COUNT, MAX_HEEDED_COUNT, MAX_VOUCHED_COUNT, MAX_INT],
)
def test_a_count_that_is_made_up_is_not_believed(field: str, forged: int, source: str) -> None:
    """Beyond a step, in whosever name: the member's own, too, for anybody can speak in it."""
    gossiper = belonging(OTHER, THIRD)
    news = with_count(member(B, state="dead"), field, forged)
    for envelope in (from_peer(Tell(NET, (news,), ()), source), rumour(news, origin=source)):
        assert reasons(gossiper.take(envelope, after_ms=1_000)) == [MADE_UP]
        assert listed(gossiper)[B].boot == 1


@pytest.mark.parametrize("field", ["boot", "incarnation"])
@pytest.mark.parametrize("forged", [MAX_FIRST_COUNT, MAX_VOUCHED_COUNT, MAX_INT])
def test_an_answer_that_was_not_asked_for_vouches_for_no_count(field: str, forged: int) -> None:
    """It has the number of no ping, or comes from another than was pinged."""
    gossiper = belonging(OTHER, THIRD)
    for source, other in ((B, C), (C, B)):
        ping = ping_of(gossiper, other)
        news = with_count(member(source), field, forged)
        for number in (ping.id, ping.id + 1, 0):
            answer = from_peer(Ack(NET, 0, (news,)), source, number)
            assert reasons(gossiper.take(answer)) == [MADE_UP]
        assert listed(gossiper)[source] == member(source)


@pytest.mark.parametrize("field", ["boot", "incarnation"])
@pytest.mark.parametrize("count", [MAX_FIRST_COUNT, MAX_VOUCHED_COUNT])
def test_what_a_member_answers_of_itself_is_believed(field: str, count: int) -> None:
    """However far it was driven up; but not what it says of others with it."""
    gossiper = belonging(OTHER, THIRD)
    far, gossip = with_count(OTHER, field, count), with_count(THIRD, field, count)
    out = gossiper.take(reply(ping_of(gossiper, B), Ack(NET, 0, (far, gossip))))
    assert reasons(out) == [MADE_UP]
    assert listed(gossiper) == {A: ME, B: far, C: THIRD}


@pytest.mark.parametrize("field", ["boot", "incarnation"])
@pytest.mark.parametrize("count", [MAX_VOUCHED_COUNT + 1, MAX_INT])
def test_a_member_answers_with_no_count_that_nothing_is_above(field: str, count: int) -> None:
    """It has been made up: no node heeds what would drive it up so far."""
    gossiper = belonging(OTHER)
    far = with_count(OTHER, field, count)
    out = gossiper.take(reply(ping_of(gossiper, B), Ack(NET, 0, (far,))))
    assert reasons(out) == [MADE_UP]
    assert listed(gossiper)[B] == OTHER


@pytest.mark.parametrize("count", [MAX_FIRST_COUNT + 1, MAX_VOUCHED_COUNT, MAX_INT])
def test_nobody_begins_with_a_count_that_is_made_up(count: int) -> None:
    """Of a member that is not known yet."""
    gossiper = belonging(OTHER)
    news = member(C, boot=count)
    assert reasons(gossiper.take(from_peer(Tell(NET, (news,), ()), STRANGER))) == [MADE_UP]
    assert C not in listed(gossiper)


COUNTS = [1, MAX_COUNT_STEP, MAX_FIRST_COUNT, MAX_HEEDED_COUNT - 1, MAX_HEEDED_COUNT]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("field", ["boot", "incarnation"])
@pytest.mark.parametrize("step", [0, 1, MAX_COUNT_STEP])
def test_whatever_others_believe_a_member_gets_above(field: str, count: int, step: int) -> None:
    """It was driven up, and answers so; then it is said to be dead, and so of each refutation."""
    accused = belonging(OTHER)
    driven = with_count(replace(ME, state="dead"), field, count)
    accused.take(from_peer(Tell(NET, (driven,), ()), B))
    truth = listed(accused)[A]
    assert getattr(truth, field) >= count
    believer = belonging(OTHER, as_c(ME))
    believer.take(reply(ping_of(believer, C), Ack(NET, 0, (as_c(truth),))))
    for seq in range(1, 7, 2):
        assert listed(believer)[C] == as_c(truth)
        lie = with_count(replace(truth, state="dead"), field, getattr(truth, field) + step)
        if field == "boot" and step:
            lie = replace(lie, incarnation=0)
        believer.take(rumour(as_c(lie), origin=C, seq=seq))
        assert listed(believer)[C] == as_c(lie)
        accused.take(from_peer(Tell(NET, (lie,), ()), B))
        truth = listed(accused)[A]
        believer.take(rumour(as_c(truth), origin=C, seq=seq + 1))


# What is said of this node itself.


def test_what_is_said_in_ones_own_name_is_heard_by_nobody_there() -> None:
    """A rumour of its own is nothing new to a node; it is not passed on either."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    out = gossiper.take(rumour(replace(ME, state="dead"), origin=A))
    assert messages(out, Rumour) == []
    assert listed(gossiper)[A] == ME


def test_a_copy_of_oneself_is_an_alarm_and_no_more() -> None:
    """Whoever says to be this node, however often, is counted; a person hears of it once."""
    gossiper = belonging(OTHER)
    elsewhere = replace(ME, address="10.9.9.9:1")
    out = [
        e
        for _ in range(50)
        for e in gossiper.take(from_peer(Ping(NET, 0, (elsewhere,)), A), after_ms=1)
    ]
    assert len(messages(out, Alarm)) == 1
    assert reasons(out) == ["another node claims this node's id"] * 50
    assert messages(out, GiveUp) == []


def test_claims_to_be_this_node_are_not_answered_in_any_number() -> None:
    """One message makes this node send no more than a few."""
    gossiper = belonging(OTHER)
    claims = tuple(
        replace(ME, address=f"10.9.{n // 250}.{n % 250}:1", incarnation=n) for n in range(1, 5_000)
    )
    out = gossiper.take(from_peer(Tell(NET, claims, ()), STRANGER))
    assert len(others_of(out)) < 50


# Many members.


@pytest.mark.parametrize("in_rumours", [False, True])
def test_members_are_bounded(in_rumours: bool) -> None:
    """Of a hundred thousand, so many are taken in as there may be; all others are counted."""
    gossiper = belonging(OTHER, settings=GossipSettings(max_members=50))
    many, some = nodes(MAX_ITEMS), GossipSettings().max_rumour_members
    told = [from_peer(Tell(NET, tuple(many), ()), STRANGER)]
    if in_rumours:
        parts = [many[first : first + some] for first in range(0, MAX_ITEMS, some)]
        told = [rumour(*part, seq=seq) for seq, part in enumerate(parts, 1)]
    dropped = messages(gossiper.take(*told), Dropped)
    too_many = [d.count for d in dropped if d.reason == "too many members"]
    assert sum(too_many) == MAX_ITEMS - 48
    assert len(too_many) <= len(told)
    assert len(listed(gossiper)) == 50


SETTINGS = GossipSettings()
LONGEST = Change("\x01" * 1_020, "\x01" * 80, "json")
"""A letter takes six bytes: as much as a node may store under."""


@pytest.mark.parametrize(
    "larger",
    [
        rumour(*nodes(SETTINGS.max_rumour_members + 1)),
        rumour(changes=[Change("k", "v", "json")] * (SETTINGS.max_rumour_changes + 1)),
        rumour(changes=[Change("k" * 1_100, "v", "json")]),
        rumour(changes=[Change("k", "v" * MAX_STR_BYTES, "json")]),
        rumour(changes=[LONGEST] * 150),
    ],
)
def test_a_rumour_larger_than_a_node_makes_is_refused(larger: Envelope) -> None:
    """Each node would send it to all others, and wait with what is honest."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    out = gossiper.take(larger) + gossiper.run_for(5_000)
    assert reasons(out) == ["no such rumour can be"]
    assert [r for r in messages(out, Rumour) if r.origin == STRANGER] == []
    assert set(listed(gossiper)) == {A, B}


def test_what_waits_to_be_passed_on_is_bounded_in_bytes() -> None:
    """However many large rumours there are of strangers; the oldest are counted, and forgotten."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    many = [rumour(seq=seq, changes=[LONGEST] * 135) for seq in range(1, 101)]
    out = gossiper.take(*many) + gossiper.run_for(3_000)
    passed_on = [r for r in messages(out, Rumour) if r.origin == STRANGER]
    size_bytes = sum(6 * len(c.key + c.version) for r in passed_on for c in r.changes)
    assert SETTINGS.max_queued_bytes // 2 < size_bytes <= SETTINGS.max_queued_bytes
    assert passed_on[-1].seq == 100
    dropped = [d.count for d in messages(out, Dropped) if d.reason == "rumour queue full"]
    assert sum(dropped) == 100 - len(passed_on)


def test_a_rumour_as_large_as_a_node_makes_can_be_passed_on() -> None:
    """Encoded anew it may be larger than it came: the node must not end of that."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    host = "h" * (MAX_ADDRESS_CHARACTERS - 6)
    members = [
        replace(m, name="n" * 100, address=f"{host}:65535", gossip_address=f"{host}:65534")
        for m in nodes(SETTINGS.max_rumour_members)
    ]
    for large in (rumour(*members), rumour(changes=[LONGEST] * 135, seq=2)):
        out = gossiper.take(*decode_gossip(published(large), A), after_ms=1_000)
        passed_on = [e for e in all_of(out, Rumour) if messages([e], Rumour)[0].origin == STRANGER]
        assert len(passed_on) == 1
        assert encode(passed_on, A)


# How far, and again.


@pytest.mark.parametrize(
    ("ttl", "passed_on"), [(0, []), (1, [0]), (8, [7]), (9, [7]), (10**9, [7])]
)
def test_no_rumour_goes_further_than_an_own_one(ttl: int, passed_on: list[int]) -> None:
    """Whatever it says."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    out = gossiper.take(rumour(THIRD, ttl=ttl))
    assert [r.ttl for r in messages(out, Rumour) if r.origin == STRANGER] == passed_on


@pytest.mark.parametrize("wrong", ["-1", "9223372036854775808", "0.5", "null", '"8"', "true", "[]"])
def test_what_is_no_number_of_hops_is_malformed(wrong: str) -> None:
    """Nothing of the message is taken in."""
    frames = published(rumour(THIRD, ttl=123_456))
    forged = [frames[0].replace(b"123456", wrong.encode()), *frames[1:]]
    with pytest.raises(Malformed):
        decode_gossip(forged, A)


def test_a_replayed_rumour_is_not_passed_on_again() -> None:
    """However often it is sent."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    gossiper.take(rumour(THIRD))
    out = [e for _ in range(100) for e in gossiper.take(rumour(THIRD))]
    assert messages(out, Rumour) == []


def test_replayed_old_news_changes_nothing() -> None:
    """Under whatever numbers, by whomever."""
    now = member(B, boot=3, incarnation=5)
    gossiper = belonging(now)
    for seq, old in enumerate((replace(now, incarnation=4, state="dead"), member(B, boot=2)), 1):
        gossiper.take(rumour(old, seq=seq), rumour(old, origin=B, seq=seq))
        gossiper.take(from_peer(Tell(NET, (old,), ()), B))
        assert listed(gossiper)[B] == now


def test_rumours_of_a_flood_of_origins_are_bounded() -> None:
    """In a round so many are passed on, and all others are counted."""
    gossiper = belonging(OTHER)
    gossiper.take(after_ms=1_000)
    news = [replace(THIRD, incarnation=n) for n in range(5_000)]
    flood = [rumour(m, origin=f"{n:016x}", seq=MAX_INT) for n, m in enumerate(news)]
    out = gossiper.take(*flood) + gossiper.run_for(10_000)
    assert len(messages(out, Rumour)) <= 1_000 + 100
    assert "rumour queue full" in reasons(out)


# Addresses.

NO_ADDRESSES = [
    "",
    ":",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "x y:1",
    "a:b:c",
    "\0:1",
    "ipc:///x",
]


@pytest.mark.parametrize("address", [*NO_ADDRESSES, "h" * 300 + ":1"])
def test_what_is_no_host_and_port_is_no_address(address: str) -> None:
    """It is counted, and neither connected to nor answered at."""
    gossiper = belonging(OTHER)
    for wrong in (replace(THIRD, address=address), replace(THIRD, gossip_address=address)):
        told = gossiper.take(from_peer(Tell(NET, (wrong,), ()), STRANGER), rumour(wrong))
        assert "no such member can be" in reasons(told)
    asked = gossiper.take(from_peer(Ping(NET, 0, (replace(THIRD, address=address),)), C))
    claimed = replace(ME, address=address, incarnation=5)
    claimed_out = gossiper.take(from_peer(Tell(NET, (claimed,), ()), STRANGER))
    assert C not in listed(gossiper)
    assert f"@{address}" not in [e.to.node for e in [*asked, *claimed_out]]
