"""A gossiper that starts again: it remembers its network, and serves when that still knows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Envelope, reply
from actors.digests import BUCKETS
from actors.gossip_settings import GossipSettings
from actors.membership import Member, State, members_from_bytes
from actors.messages import (
    Ack,
    Admitted,
    Compare,
    Compared,
    Connect,
    Exchange,
    GiveUp,
    Join,
    MembersChanged,
    Ping,
    Remember,
    Remembered,
    Rumour,
    Subscribe,
    Tell,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    member,
    message,
    messages,
    reasons,
    the,
)
from tests.actors.gossipers import (
    NET,
    answer,
    compare_with,
    equal,
    fresh,
    from_peer,
    layout_is,
    listed,
    notes,
    notes_of,
    remembered,
    rumour,
    to_router,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
AGAIN = member(A, boot=2)
DOWN: list[State] = ["dead", "stopped"]


def restarted(*others: Member, settings: GossipSettings | None = None) -> Turns:
    """Node A's gossiper in its second life, not yet confirmed."""
    node = fresh(me=AGAIN, notes=notes_of(ME, *others), settings=settings)
    remembered(node, node.take(layout_is(*(m.id for m in others))))
    return node


def exchange(node: Turns, peer: str = B) -> Envelope:
    """The gossiper asks for what differs: the peer knows something else."""
    return the(node.take(reply(compare_with(node, peer), Compared(NET, ("else",)))), Exchange)


def confirmed(node: Turns, peer: str = B) -> list[Envelope]:
    """The gossiper has asked, and the peer knows the same."""
    return node.take(*equal([compare_with(node, peer)]))


def serves(out: list[Envelope]) -> bool:
    """Is the router told who there is?"""
    return any(changed.network for changed in to_router(out))


def test_a_restart_needs_no_join() -> None:
    """A node that belongs tells the members it remembers, whomever it was told to join."""
    node = fresh(OTHER.address, me=AGAIN, notes=notes_of(ME, OTHER, THIRD))
    out = node.take()
    assert messages(out, Join) == []
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert message(out, Subscribe).addresses == (OTHER.gossip_address, THIRD.gossip_address)
    assert messages(out, Rumour)[0].members == (AGAIN,)
    assert {e.to.node for e in all_of(out, Tell)} == {B, C, f"@{OTHER.address}"}


def test_a_folder_stays_as_it_is_until_the_node_is_confirmed() -> None:
    """It may be a copy, and the other one lives."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    assert all_of(node.take(), Remember) == []
    out = confirmed(node)
    assert members_from_bytes(notes(the(out, Remember))["members"]) == [AGAIN, OTHER]


def test_a_restarted_node_asks_at_once_whether_it_is_still_a_member() -> None:
    """And often, until it has been confirmed."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    assert [e.to.node for e in all_of(node.take(), Compare)] == [B]
    assert len(all_of(node.run_for(2_000), Compare)) > 5


def test_a_restarted_node_serves_when_a_member_has_confirmed_it() -> None:
    """Its name may have been taken over while it was away, and its keys with it."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    out = node.take(layout_is(B))
    [waiting] = to_router(out)
    assert (waiting.network, waiting.members) == ("", ())
    assert OTHER.name in waiting.waiting
    out = node.take(*equal(out))
    changed = MembersChanged(NET, (AGAIN, OTHER), "")
    assert [(e.to.actor, e.message) for e in all_of(out, MembersChanged)] == [
        ("storage", changed),
        ("router", changed),
        ("fileserver", changed),
        (HOST, changed),
    ]


def test_a_restarted_node_serves_when_its_exchange_is_answered() -> None:
    """What it did not know it knows then, and it was not that it has left."""
    node = restarted(OTHER)
    asked = exchange(node)
    out = node.take(answer(asked, Tell(NET, (THIRD,), ()), B))
    assert serves(out)
    assert messages(remembered(node, out), MembersChanged)[-1].members == (AGAIN, OTHER, THIRD)


def test_a_restarted_node_serves_when_all_of_its_exchanges_are_answered() -> None:
    """It may have been too much for one message, and that it has left be in the last answer."""
    node = restarted(OTHER, THIRD, settings=GossipSettings(max_tell_bytes=300))
    parts = all_of(node.take(reply(compare_with(node, B), Compared(NET, ("else",)))), Exchange)
    assert len(parts) > 1
    for part in parts[:-1]:
        assert not serves(node.take(answer(part, Tell(NET, (), ()), B)))
    assert serves(node.take(answer(parts[-1], Tell(NET, (), ()), B)))


@pytest.mark.parametrize(
    "word",
    [
        told(OTHER),
        told(AGAIN, OTHER),
        from_peer(Compared(NET, ("else",)), B),
        from_peer(Compare(NET, "else"), B),
        from_peer(Exchange(NET, (1,), (OTHER,), ()), B),
        from_peer(Ping(NET, 0, (OTHER,)), B),
        from_peer(Ack(NET, 0, ()), B),
        rumour(OTHER),
        from_peer(Compared(NET, ()), C),
        from_peer(Compared("else", ()), B),
    ],
)
def test_no_other_word_confirms_a_restarted_node(word: Envelope) -> None:
    """Nor that of a stranger, or of another network, though it has the number of what was asked."""
    node = restarted(OTHER)
    asked = compare_with(node, B)
    assert not serves(remembered(node, node.take(replace(word, id=asked.id))))


def test_an_answer_that_was_not_asked_for_confirms_nothing() -> None:
    """It may be one to an earlier life of the node; what it asks now is answered in time."""
    node = restarted(OTHER)
    asked = compare_with(node, B)
    out = node.take(from_peer(Compared(NET, ()), B, asked.id + 1_000))
    assert reasons(out) == ["unasked Compared"]
    assert not serves(out)
    assert serves(node.take(*equal([asked])))
    assert reasons(node.take(*equal([asked]))) == ["late Compared"]


def test_a_tell_of_another_than_was_asked_confirms_nothing() -> None:
    """Each node numbers what it tells in its own way: the number alone proves nothing."""
    node = restarted(OTHER, THIRD)
    asked = exchange(node, B)
    assert not serves(node.take(from_peer(Tell(NET, (), ()), C, asked.id)))
    assert serves(node.take(answer(asked, Tell(NET, (), ()), B)))


def answer_in_parts(asked: Envelope, *others: Member) -> list[Envelope]:
    """What node B tells, which knows these others, where little goes into one message."""
    settings = GossipSettings(max_tell_bytes=1)
    peer = fresh(me=OTHER, notes=notes_of(OTHER, *others), settings=settings)
    remembered(peer, peer.take())
    everything = Exchange(NET, tuple(range(BUCKETS)), (), ())
    parts = all_of(peer.take(replace(asked, message=everything)), Tell)
    return [part for part in parts if part.id == asked.id]


def test_the_first_part_of_an_answer_says_whether_the_node_has_left() -> None:
    """Though others come before it in any other order; no further part lets it serve."""
    node = restarted(OTHER)
    parts = answer_in_parts(exchange(node), member("9" * 16), replace(AGAIN, state="left"))
    assert len(parts) == 3
    out = node.take(parts[0])
    assert message(out, GiveUp).code == "refused"
    assert not serves(out)
    assert not any(serves(remembered(node, node.take(part))) for part in parts[1:])


def test_the_first_part_of_an_answer_confirms_a_node_that_has_not_left() -> None:
    """Nothing in the parts that follow concerns the node itself."""
    node = restarted(OTHER)
    parts = answer_in_parts(exchange(node), member("9" * 16), THIRD)
    assert len(parts) == 3
    assert serves(node.take(parts[0]))


def test_a_restarted_node_that_was_replaced_never_serves() -> None:
    """It is told that it has left, and ends."""
    node = restarted(OTHER)
    asked, compare = exchange(node), compare_with(node, B)
    out = node.take(answer(asked, Tell(NET, (replace(ME, state="left"), OTHER), ()), B))
    assert message(out, GiveUp).code == "refused"
    assert not serves(out)
    assert not serves(node.take(*equal([compare])))
    assert not serves(node.run_for(10_000))


def test_a_node_that_left_does_not_come_back() -> None:
    """It has that on its disk: it ends at once, and speaks to nobody."""
    node = fresh(me=AGAIN, notes={**notes_of(ME, OTHER), "left": b"yes"})
    out = node.take()
    assert message(out, GiveUp).code == "refused"
    assert "another data folder" in message(out, GiveUp).reason
    assert len(out) == 1
    assert node.run_for(10_000) == []


@pytest.mark.parametrize("state", DOWN)
def test_a_member_that_was_down_is_asked_too(state: State) -> None:
    """All may have been down: it may be back."""
    node = fresh(me=AGAIN, notes=notes_of(ME, member(B, state=state)))
    assert [e.to.node for e in all_of(node.take(), Compare)] == [B]


def test_a_node_alone_serves_at_once_after_a_restart() -> None:
    """There is nobody who could have taken its place."""
    node = fresh(me=AGAIN, notes=notes_of(ME))
    assert [m.members for m in to_router(node.take(layout_is()))] == [(AGAIN,)]


def test_a_restarted_node_is_known_by_its_higher_boot() -> None:
    """Whatever was said of its life before."""
    node = restarted(OTHER)
    asked = exchange(node)
    node.take(answer(asked, Tell(NET, (member(A, incarnation=7, state="dead"),), ()), B))
    assert listed(node) == (AGAIN, OTHER)


def test_a_node_that_waits_does_not_ping() -> None:
    """It does not judge others before they have confirmed that it belongs."""
    node = restarted(OTHER, THIRD)
    assert all_of(node.run_for(3_000), Ping) == []
    assert all_of(confirmed(node), Ping)


def test_a_node_that_waits_answers_others() -> None:
    """All may have been started again at once: else none would ever serve."""
    node, peer = restarted(OTHER), fresh(me=member(B, boot=2), notes=notes_of(OTHER, ME))
    out = [*remembered(peer, peer.take()), *node.take(told(member(B, boot=2)))]
    remembered(peer, peer.take(*(e for e in out if e.to.node == B)))
    peer.take(told(AGAIN, by=A))
    compare = the(node.run_for(200), Compare)
    compared = the(peer.take(compare), Compared)
    assert serves(node.take(compared))


def test_a_network_that_was_entered_is_entered_again_as_it_was_kept() -> None:
    """Who was found to be down for good at its entry is down after a restart, too."""
    node, kept = fresh(OTHER.address), dict[str, bytes]()
    ghost = replace(THIRD, name=ME.name, address=ME.address)
    joined = the(node.take(), Join)
    out = node.take(answer(joined, Admitted(NET, (OTHER, ghost)), B))
    while remembers := all_of(out, Remember):
        kept.update(notes(remembers[0]))
        out = node.take(reply(remembers[0], Remembered("ok")))
    assert replace(ghost, state="dead") in members_from_bytes(kept["members"])
