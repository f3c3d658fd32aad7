"""News of members as it comes in: what is told on, what is refuted, and who else has this id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.actor import Envelope, reply
from actors.digests import Digests
from actors.membership import MAX_COUNT_STEP, MAX_HEEDED_COUNT, Member, Members, State
from actors.messages import (
    Ack,
    Compare,
    Dropped,
    Exchange,
    MembersChanged,
    Message,
    Ping,
    Remember,
    Tell,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    member,
    messages,
    reasons,
    the,
)
from tests.actors.gossipers import (
    NET,
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
SAID: list[State] = ["leaving", "suspect", "dead", "stopped"]
ACCUSED = member(A, state="suspect")
FROM_THE_LEFT = "word of a node that has left"
WORDS: list[Message] = [
    Tell(NET, (THIRD,), ()),
    Exchange(NET, (), (THIRD,), ()),
    Ping(NET, 0, (THIRD,)),
]
"""What node C says of itself, in each way that there is."""


def known_to_me(*others: Member, me: Member = ME) -> Members:
    """What node A knows."""
    return Members(me, others, 10, Digests())


def said(node: Turns) -> list[Member]:
    """What the node publishes next of any member."""
    return [m for r in published(node) for m in r.members]


def told_at(out: Sequence[Envelope], address: str) -> list[tuple[Member, ...]]:
    """The members that somebody is told of who listens there."""
    tells = [e for e in all_of(out, Tell) if e.to.node == f"@{address}"]
    return [tell.members for tell in messages(tells, Tell)]


# Refutation.


@pytest.mark.parametrize("state", SAID)
@pytest.mark.parametrize("incarnation", [0, 7])
def test_what_is_not_so_is_refuted(state: State, incarnation: int) -> None:
    """By an incarnation above that of who said it."""
    known = known_to_me()
    merged = known.merge([member(A, incarnation=incarnation, state=state)])
    assert known.me == known[A] == member(A, incarnation=incarnation + 1)
    assert merged.refuted
    assert merged.fresh == (known.me,)
    assert (merged.claims, merged.problems) == ((), ())


def test_a_higher_boot_is_refuted_by_the_same_boot() -> None:
    """This node may have lost count; from now on its word is later than what others know."""
    known = known_to_me()
    known.merge([member(A, boot=5, incarnation=2, state="dead")])
    assert known.me == member(A, boot=5, incarnation=3)


@pytest.mark.parametrize(
    "earlier",
    [
        ME,
        member(A, incarnation=3, state="dead"),
        member(A, boot=0, incarnation=9, state="dead"),
        member(A, incarnation=4),
    ],
)
def test_what_is_no_later_is_not_refuted(earlier: Member) -> None:
    """Others will hear of the present one anyway."""
    me = member(A, incarnation=4)
    known = known_to_me(me=me)
    merged = known.merge([earlier])
    assert not merged.refuted
    assert (known.me, merged.fresh) == (me, ())


def test_a_refutation_does_not_bring_a_stopped_node_back() -> None:
    """Its state stays what the node has said last."""
    known = known_to_me()
    known.update_me("stopped")
    known.merge([member(A, incarnation=9)])
    assert known.me == member(A, incarnation=10, state="stopped")


@pytest.mark.parametrize(
    "beyond",
    [member(A, boot=MAX_HEEDED_COUNT + 1), member(A, incarnation=MAX_HEEDED_COUNT + 1)],
)
def test_what_nobody_believes_is_not_refuted(beyond: Member) -> None:
    """It is counted; but a node heeds much more than others believe who know it."""
    known = known_to_me()
    beyond = replace(beyond, state="dead")
    assert known.merge([beyond]).problems == ("a boot or incarnation that no node can have",)
    assert known.me == ME
    known.merge([member(A, boot=MAX_HEEDED_COUNT, incarnation=MAX_HEEDED_COUNT, state="dead")])
    assert known.me == member(A, boot=MAX_HEEDED_COUNT, incarnation=MAX_HEEDED_COUNT + 1)


def test_above_the_highest_count_a_node_heeds_a_step() -> None:
    """So far others believe what is said of it."""
    highest = member(A, incarnation=MAX_HEEDED_COUNT)
    known = known_to_me(me=highest)
    said = replace(highest, incarnation=MAX_HEEDED_COUNT + MAX_COUNT_STEP, state="dead")
    further = replace(said, incarnation=said.incarnation + 1)
    assert known.merge([further]).problems == ("a boot or incarnation that no node can have",)
    assert known.merge([said]).refuted
    assert known.me == replace(highest, incarnation=said.incarnation + 1)


def test_a_node_that_left_refutes_nothing() -> None:
    """Departure is final; that others know of it is no news either."""
    known = known_to_me(me=member(A, state="left"))
    merged = known.merge([member(A, incarnation=9), member(A, boot=2, state="left")])
    assert merged == replace(merged, fresh=(), left=False, refuted=False, claims=())


def test_a_node_learns_that_it_left_for_good() -> None:
    """That is no claim of another node to its id, and cannot be refuted."""
    merged = known_to_me().merge([member(A, state="left")])
    assert merged.left
    assert not merged.refuted
    assert (merged.claims, merged.problems) == ((), ())


@pytest.mark.parametrize(
    "word",
    [
        told(ACCUSED),
        rumour(ACCUSED),
        from_peer(Ping(NET, 0, (ACCUSED,)), B),
        from_peer(Ack(NET, 0, (ACCUSED,)), B),
        from_peer(Exchange(NET, (), (ACCUSED,), ()), B),
    ],
)
def test_a_refutation_is_published_however_the_accusation_came(word: Envelope) -> None:
    """All may have heard it, so all are told otherwise."""
    node = belonging(OTHER)
    node.take(word)
    assert member(A, incarnation=1) in said(node)
    assert listed(node)[0] == member(A, incarnation=1)


def test_a_refutation_is_nothing_to_remember() -> None:
    """After a restart the boot is higher."""
    node = belonging(OTHER)
    assert all_of(node.take(told(ACCUSED)), Remember) == []


def test_a_node_that_was_accused_takes_its_time() -> None:
    """Perhaps it is slow: it pings the next one only after twice as long."""
    node = belonging(OTHER)
    node.take(told(ACCUSED))
    pings = [at_ms for at_ms, e in run_answered(node, 1_600) if isinstance(e.message, Ping)]
    assert pings == [500, 1_500]


@pytest.mark.parametrize(
    "lie",
    [
        member(A, state="dead"),
        member(A, state="suspect", incarnation=5),
        member(A, state="suspect", boot=2),
        replace(ME, state="suspect", address="10.0.0.9:7000"),
    ],
)
def test_a_lie_does_not_make_a_node_doubt_itself(lie: Member) -> None:
    """Nobody suspects it as anything but what it last said: it pings on as before."""
    node = belonging(OTHER)
    node.take(rumour(lie))
    assert listed(node)[0] != ME
    pings = [at_ms for at_ms, e in run_answered(node, 1_600) if isinstance(e.message, Ping)]
    assert pings == [500, 1_000, 1_500]


def test_a_stopped_node_does_not_strike_itself_out() -> None:
    """Another may take over its name, but that is for others to find."""
    known = known_to_me()
    known.update_me("stopped")
    known.merge([member(B, name=ME.name)])
    assert known.me.state == known[A].state == "stopped"


# Suspicions.


def dead_after_ms(*accusers: str) -> int:
    """When node C is called dead, after these published that they suspect it."""
    others = [member(f"{i:016x}", name=f"n{i}", port=8000 + i) for i in range(8)]
    node = belonging(OTHER, THIRD, *others)
    node.take(*(rumour(member(C, state="suspect"), origin=accuser) for accuser in accusers))
    sent = run_answered(node, 60_000)
    changes = [(at_ms, e.message) for at_ms, e in sent if isinstance(e.message, MembersChanged)]
    return next(at_ms for at_ms, c in changes if member(C, state="dead") in c.members)


def test_a_suspicion_that_is_not_refuted_ends_in_death() -> None:
    """The sooner the more others vouch for it."""
    assert dead_after_ms(B) > dead_after_ms(B, "1".rjust(16, "0")) > 1_000


# What is told on.


def test_what_was_heard_in_private_is_published_and_compared() -> None:
    """Others may not know it; what a rumour told travels by itself."""
    private, public = belonging(OTHER), belonging(OTHER)
    private.take(told(THIRD))
    public.take(rumour(THIRD, ttl=0))
    assert THIRD in said(private)
    assert said(public) == []


@pytest.mark.parametrize(
    "word",
    [
        told(THIRD),
        from_peer(Ping(NET, 0, (THIRD,)), C),
        from_peer(Ack(NET, 0, (THIRD,)), C),
        from_peer(Exchange(NET, (), (THIRD,), ()), C),
    ],
)
def test_news_is_taken_in_from_whatever_brings_it(word: Envelope) -> None:
    """It is remembered, and then acted on."""
    node = belonging(OTHER)
    out = remembered(node, node.take(word))
    assert messages(out, MembersChanged)[-1].members == (ME, OTHER, THIRD)


def test_news_in_private_brings_the_next_push_pull_forward() -> None:
    """To 200 ms from now at the latest."""
    node = belonging(OTHER)
    run_answered(node, 60_000)
    node.take(told(THIRD))
    assert [e for _, e in run_answered(node, 200) if isinstance(e.message, Compare)]


def test_who_left_is_told_so_at_the_address_that_it_gives() -> None:
    """There is no connection to it; what a rumour says of it is left to others."""
    gone = member(C, state="left")
    node = belonging(OTHER, gone)
    back = replace(THIRD, boot=2, address="10.0.0.7:7000")
    out = node.take(told(back, by=C))
    assert told_at(out, back.address) == [(gone,)]
    assert reasons(out) == [FROM_THE_LEFT]
    out = node.take(rumour(back))
    assert told_at(out, back.address) == []
    assert reasons(out) == []


def test_who_left_is_told_so_only_where_it_speaks_for_itself() -> None:
    """And once, however many addresses are in its news: a stranger could give any."""
    gone = member(C, state="left")
    back = [replace(THIRD, boot=2, address=f"10.0.0.7:{7000 + i}") for i in range(1, 9)]
    node = belonging(OTHER, gone)
    assert all_of(node.take(told(*back, by=B)), Tell) == []
    out = node.take(told(*back, by=C))
    assert [e.to.node for e in all_of(out, Tell)] == [f"@{back[0].address}"]
    assert reasons(out) == [FROM_THE_LEFT]
    out = node.take(told(gone, by=C))
    assert all_of(out, Tell) == []
    assert reasons(out) == []


@pytest.mark.parametrize("state", SAID)
@pytest.mark.parametrize("message", WORDS)
def test_who_is_believed_to_be_elsewhere_is_told_so_where_it_says_that_it_is(
    message: Message, state: State
) -> None:
    """Its word is older than what is known, and has to become later; no answer would reach it."""
    later = replace(THIRD, boot=5, address="10.0.0.7:7000", state=state)
    node = belonging(OTHER, later)
    out = node.take(from_peer(message, C))
    assert told_at(out, THIRD.address) == [(later,)]
    assert reasons(out) == []
    assert later in listed(node)


@pytest.mark.parametrize("message", WORDS)
def test_who_left_is_told_so_whatever_it_says(message: Message) -> None:
    """Also if it is where it was; it is counted."""
    gone = replace(THIRD, state="left")
    out = belonging(OTHER, gone).take(from_peer(message, C))
    assert told_at(out, THIRD.address) == [(gone,)]
    assert reasons(out) == [FROM_THE_LEFT]


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (replace(THIRD, boot=5), told(THIRD, by=C)),
        (replace(THIRD, boot=5, address="10.0.0.7:7000"), told(THIRD, by=B)),
        (replace(THIRD, boot=5, address="10.0.0.7:7000"), rumour(THIRD, origin=C)),
        (replace(THIRD, boot=5), told(replace(THIRD, address="nowhere"), by=C)),
        (replace(THIRD, boot=5, address="10.0.0.7:7000"), told(by=C)),
    ],
)
def test_nobody_else_is_told_where_it_is_believed_to_be(known: Member, word: Envelope) -> None:
    """Who is there, is believed, is spoken of by others, or says of itself what cannot be."""
    out = belonging(OTHER, known).take(word)
    assert [e for e in all_of(out, Tell) if e.to.node.startswith("@")] == []


def test_who_is_believed_to_be_at_several_places_is_told_at_one() -> None:
    """A stranger could give any."""
    later = replace(THIRD, boot=5, address="10.0.0.6:7000")
    places = [replace(THIRD, address=f"10.0.0.7:{7000 + i}") for i in range(8)]
    out = belonging(OTHER, later).take(told(*places, by=C))
    assert [e.to.node for e in all_of(out, Tell)] == [f"@{places[0].address}"]


def test_a_member_of_whom_too_much_is_said_is_asked() -> None:
    """It may be so: its own word is believed then, and spreads."""
    node = belonging(OTHER, THIRD)
    far = replace(THIRD, incarnation=MAX_HEEDED_COUNT)
    out = node.take(rumour(far), rumour(far, seq=2), told(far))
    ping = the(out, Ping)
    assert (ping.to.node, listed(node)) == (C, (ME, OTHER, THIRD))
    node.take(reply(ping, Ack(NET, 0, (far,))))
    assert listed(node) == (ME, OTHER, far)
    assert far in said(node)


def test_what_was_made_up_is_counted() -> None:
    """Each reason once in a message, with how often."""
    node = belonging(OTHER)
    news = [member(f"{i:016x}", boot=2**50) for i in range(3)]
    out = node.take(told(*news, replace(THIRD, name="")))
    assert messages(out, Dropped) == [
        Dropped("a boot or incarnation that no node can have", 3),
        Dropped("no such member can be", 1),
    ]
