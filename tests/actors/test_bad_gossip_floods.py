"""Requests and answers that no honest node sends: none makes a node send, or keep, much."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import replace

import pytest

from actors.actor import Envelope, reply
from actors.digests import BUCKETS, Digests
from actors.membership import Member
from actors.messages import (
    Ack,
    Change,
    Compared,
    Exchange,
    Failed,
    KeysChanged,
    ListShared,
    Message,
    Nack,
    Ping,
    PingReq,
    Remember,
    Rumour,
    Share,
    Shared,
    SharedListed,
    Tell,
    WatchKeys,
)
from actors.shared import SharedEntry
from nodes.wire import encode
from tests.actors.envelopes import (
    WALL_MS,
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
from tests.actors.gossipers import NET, belonging, compare_with, from_peer, remembered
from tests.actors.parts import node

ME, OTHER, THIRD = member(A), member(B), member(C)
STRANGER = "f" * 16


def others_of(out: Sequence[Envelope]) -> list[Envelope]:
    """What goes out to other nodes."""
    return [e for e in out if e.to.node != A]


def shared(gossiper: Turns) -> tuple[str, ...]:
    """The shared keys as a client is shown them."""
    listed = gossiper.take(to("gossiper", ListShared("", ""), client()))
    return message(listed, SharedListed).keys


def entry(key: str = "k", **changes: object) -> SharedEntry:
    """What node B shared."""
    return replace(SharedEntry(key, "bytes", b"v", WALL_MS, 0, B), **changes)  # type: ignore[arg-type]


def elsewhere(count: int, of: Member) -> list[Member]:
    """A member that says to be at so many addresses, later at each."""
    return [
        replace(of, address=f"10.9.{n // 250}.{n % 250}:1", incarnation=n)
        for n in range(1, count + 1)
    ]


# One message makes a node send a few.


def test_a_ping_is_answered_once() -> None:
    """However many addresses a stranger gives."""
    gossiper = belonging(OTHER)
    news = tuple(elsewhere(1_000, replace(THIRD, id=STRANGER, name="")))
    assert len(others_of(gossiper.take(from_peer(Ping(NET, 0, news), STRANGER)))) <= 2


def test_who_has_left_is_told_so_at_a_few_addresses() -> None:
    """Not wherever a stranger says that it is."""
    gossiper = belonging(OTHER, replace(THIRD, state="left"))
    news = tuple(elsewhere(1_000, THIRD))
    assert len(others_of(gossiper.take(from_peer(Tell(NET, news, ()), STRANGER)))) <= 10


def test_digests_that_nobody_asked_for_are_not_answered_with_all_that_is_known() -> None:
    """Else a small message would make many large ones."""
    gossiper = belonging(OTHER, THIRD)
    forged = Compared(NET, ("0",) * BUCKETS)
    out = gossiper.take(*[from_peer(forged, B, number) for number in range(1, 100)])
    assert messages(out, Exchange) == []


@pytest.mark.parametrize("count", [1, BUCKETS - 1, BUCKETS + 1, 100_000])
def test_digests_of_another_number_than_there_are_do_no_more(count: int) -> None:
    """What is known is told once."""
    gossiper = belonging(OTHER, THIRD)
    out = gossiper.take(reply(compare_with(gossiper, B), Compared(NET, ("0",) * count)))
    known = [m for exchange in messages(out, Exchange) for m in exchange.members]
    assert sorted(m.id for m in known) == [A, B, C]


@pytest.mark.parametrize(
    "buckets", [(BUCKETS,), (2**63 - 1,), (0,) * 100_000, tuple(range(10_000))]
)
def test_buckets_that_there_are_not_are_none(buckets: tuple[int, ...]) -> None:
    """There is one answer for each bucket that there is."""
    gossiper = belonging(OTHER, THIRD)
    out = gossiper.take(from_peer(Exchange(NET, buckets, (), ()), B))
    known = [m for t in messages(out, Tell) for m in t.members]
    assert len(known) == len(set(known)) <= 3


def test_pings_for_others_are_bounded() -> None:
    """Of a flood of requests a thousand at a time are done; all others are refused at once."""
    gossiper = belonging(OTHER, THIRD)
    flood = [from_peer(PingReq(NET, C), B, number) for number in range(5_000)]
    out = gossiper.take(*flood)
    assert 1_000 <= len(all_of(out, Ping)) <= 1_002
    assert len(all_of(out, Nack)) == 4_000


def test_a_stranger_cannot_have_others_pinged() -> None:
    """Nor is it answered: it is counted."""
    gossiper = belonging(OTHER, THIRD)
    out = gossiper.take(*[from_peer(PingReq(NET, C), STRANGER, n) for n in range(100)])
    assert reasons(out) == ["ping request of a stranger"] * 100
    assert others_of(out) == []


def test_pings_for_a_stranger_are_refused() -> None:
    """And so are those for the node itself, and for who has left."""
    gossiper = belonging(OTHER, replace(THIRD, state="left"))
    for target in (STRANGER, A, C, "", "x" * 60_000):
        out = gossiper.take(from_peer(PingReq(NET, target), B))
        assert (len(all_of(out, Nack)), all_of(out, Ping)) == (1, [])


# Answers that nobody asked for.


def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    """Also of whom it comes from, and if its number is that of another request."""
    gossiper = belonging(member(B, state="dead"), THIRD)
    before = gossiper.actor.wake_at
    out = gossiper.take(*[from_peer(Ack(NET, WALL_MS, ()), C, n) for n in range(100)])
    assert others_of(out) == []
    assert gossiper.actor.wake_at == before


def test_only_who_was_pinged_answers_for_itself() -> None:
    """A number that is guessed does not keep a dead member alive."""
    gossiper = belonging(OTHER, THIRD)
    suspected = []
    for _ in range(20):
        out = gossiper.take_when_due()
        forged = [from_peer(Ack(NET, WALL_MS, ()), STRANGER, e.id) for e in all_of(out, Ping)]
        nacks = [reply(e, Nack(NET)) for e in all_of(out, PingReq)]
        out += gossiper.take(*forged, *nacks)
        suspected += [m for r in messages(out, Rumour) for m in r.members if m.state == "suspect"]
    assert suspected


def test_what_is_kept_of_those_who_answered_is_bounded() -> None:
    """A stranger can have any number of names."""
    gossiper = belonging(OTHER)
    answers = [from_peer(Ack(NET, WALL_MS, ()), f"{n:016x}", n) for n in range(20_000)]
    gossiper.take(*answers)
    parts = [gossiper.actor._detector, gossiper.actor._push_pull]  # type: ignore[attr-defined]
    kept = [held for part in parts for held in vars(part).values() if isinstance(held, Sized)]
    assert len(kept) > 5
    assert max(map(len, kept)) < 100


# Shared values.


@pytest.mark.parametrize(
    "forged",
    [
        entry(key=""),
        entry(key="k" * 257),
        entry(value=b"v" * 4_097),
        entry(kind="json", value=b"{"),
        entry(kind="absent"),
        entry(node="nobody"),
        entry(node=""),
        entry(time_ms=2**63 - 1),
        entry(count=2**63 - 1),
        entry(time_ms=WALL_MS + 60_000),
    ],
)
def test_a_forged_value_is_not_taken_in(forged: SharedEntry) -> None:
    """It is counted, however it comes; nothing is written, and the clock is as it was."""
    gossiper = belonging(OTHER)
    told = Rumour(NET, STRANGER, "1.0", 1, 8, (), (forged,), (), False, 0)
    for said in (told, Tell(NET, (), (forged,)), Exchange(NET, (), (), (forged,))):
        out = gossiper.take(from_peer(said, STRANGER))
        assert len(reasons(out)) == 1
        assert messages(out, Remember) == []
    out = gossiper.take(to("gossiper", Share("mine", "bytes", b"v", 1_000), client()))
    assert messages(remembered(gossiper, out), Shared)


def test_the_clocks_of_strangers_do_not_count() -> None:
    """Else they could say that this node's clock is off, and it would share nothing."""
    gossiper = belonging(OTHER, THIRD)
    gossiper.take(*[from_peer(Ping(NET, 0, ()), f"{n:016x}") for n in range(40)])
    out = gossiper.take(to("gossiper", Share("mine", "bytes", b"v", 1_000), client()))
    assert messages(out, Failed) == []


def test_whatever_is_taken_in_can_be_sent_on() -> None:
    """Also keys of one bucket that take six bytes a letter: all goes into frames."""
    gossiper = belonging(OTHER)
    keys: list[str] = []
    number = 0
    while len(keys) < 3_000:
        key = f"{number:x}".rjust(256, "\x01")
        number += 1
        if Digests.bucket_of(f"shared {key}") == 0:
            keys.append(key)
    forged = [entry(key, kind="absent", value=b"") for key in keys]
    for first in range(0, len(forged), 500):
        told = from_peer(Tell(NET, (), tuple(forged[first : first + 500])), STRANGER)
        remembered(gossiper, gossiper.take(told))
    compare = next(e for e in gossiper.run_for(10_000) if type(e.message).__name__ == "Compare")
    out = gossiper.take(reply(compare, Compared(NET, ("0",) * BUCKETS)))
    asked: list[Message] = [Exchange(NET, tuple(range(BUCKETS)), (), ())]
    out += gossiper.take(*[from_peer(m, B) for m in asked])
    for envelope in others_of(out):
        assert encode([envelope], A)


def test_whatever_changes_are_heard_of_can_be_told() -> None:
    """Long keys, of a stranger: in an answer that fits into a frame."""
    gossiper = belonging(OTHER)
    gossiper.take(to("gossiper", WatchKeys("", "", 10_000), client()))
    changes = tuple(Change("k" * 60_000, "v", "json") for _ in range(60))
    cursor = message(gossiper.run_for(2_500), KeysChanged).cursor
    for seq in (1, 2):
        told = Rumour(NET, STRANGER, "1.0", seq, 0, (), (), changes, False, 0)
        gossiper.take(from_peer(told, STRANGER))
    out = gossiper.take(to("gossiper", WatchKeys("", cursor, 10_000), client()))
    for envelope in all_of(out, KeysChanged):
        assert encode([envelope], A)


def test_a_forged_wish_to_hear_of_changes_ends() -> None:
    """It holds as long as any."""
    gossiper = belonging(OTHER)
    told = Rumour(NET, STRANGER, "1.0", 1, 8, (), (), (), False, 2**63 - 1)
    out = gossiper.take(from_peer(told, STRANGER))
    assert [e.message for e in out if type(e.message).__name__ == "Watched"] != []
    assert "9223372036854775807" not in str([e for e in out if e.to.node == A])


def test_gossip_of_another_network_is_dropped_and_counted() -> None:
    """All of it."""
    gossiper = belonging(OTHER)
    strange: list[Message] = [
        Ping("else", 0, (node(1),)),
        Ack("else", 0, (node(1),)),
        PingReq("else", B),
        Nack("else"),
    ]
    out = gossiper.take(*[from_peer(m, B) for m in strange])
    assert others_of(out) == []
    assert reasons(out) == ["gossip of another network"] * 4
