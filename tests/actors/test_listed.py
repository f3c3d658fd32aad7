"""The list of members that clients are told of, by a node that others have confirmed or not yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope
from actors.membership import State
from actors.messages import AskVitals, GossiperVitals, ListMembers, MembersListed, WatchMembers
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    client,
    from_host,
    member,
    message,
    messages,
    the,
    to,
)
from tests.actors.gossipers import belonging, equal, fresh, layout_is, notes_of, remembered, told

ME, OTHER, THIRD = member(A), member(B), member(C)
WAITS = "waiting for one of node-b, node-c to confirm that this node is still a member"


def restarted(*others: object) -> Turns:
    """Node A's gossiper in its second life, with these in its notes; none has answered it."""
    return fresh(me=replace(ME, boot=2), notes=notes_of(ME, *others))  # type: ignore[arg-type]


def listing(node: Turns) -> MembersListed:
    """What a client is told."""
    out = node.take(to("gossiper", ListMembers(), client()))
    listed = message(out, MembersListed)
    assert isinstance(listed, MembersListed)
    return listed


def states(node: Turns) -> list[State]:
    """Those that a client is told, in the order of the names."""
    return [m.state for m in listing(node).members]


@pytest.mark.parametrize(
    ("remembered_as", "shown"),
    [
        ("alive", "suspect"),
        ("leaving", "suspect"),
        ("suspect", "suspect"),
        ("dead", "dead"),
        ("stopped", "stopped"),
        ("left", "left"),
    ],
)
def test_nobody_is_alive_by_memory_alone(remembered_as: State, shown: State) -> None:
    """Until another member has confirmed this node; it says why it waits."""
    node = restarted(OTHER, replace(THIRD, state=remembered_as))
    node.take()
    assert states(node) == ["alive", "suspect", shown]
    assert listing(node).waiting.startswith("waiting for one of node-b")


def test_who_was_heard_since_the_start_is_shown_as_it_is() -> None:
    """Though it has not confirmed this node."""
    node = restarted(OTHER, THIRD)
    node.take()
    before = listing(node)
    node.take(told(OTHER, by=B))
    assert states(node) == ["alive", "alive", "suspect"]
    assert listing(node).digest != before.digest


def test_once_confirmed_a_node_knows_what_the_others_know() -> None:
    """It lists them as they are, and waits for nothing once it knows who keeps the data."""
    node = restarted(OTHER, THIRD)
    begun = node.take()
    assert (listing(node).waiting, states(node)) == (WAITS, ["alive", "suspect", "suspect"])
    node.take(*equal(begun))
    assert states(node) == ["alive"] * 3
    assert "which members keep the data" in listing(node).waiting
    remembered(node, node.take(layout_is(B, C)))
    assert listing(node).waiting == ""


def test_a_node_that_enters_a_network_knows_who_is_alive() -> None:
    """It was just told by a member."""
    assert states(belonging(OTHER, THIRD)) == ["alive"] * 3
    assert listing(belonging(OTHER)).waiting == ""


def test_who_watches_a_node_that_waits_hears_when_it_does_no_more() -> None:
    """It is told the list as it is at once, and another one then."""
    node = restarted(OTHER, THIRD)
    begun = node.take()
    first = message(watch(node, ""), MembersListed)
    assert isinstance(first, MembersListed)
    assert first == listing(node)
    assert messages(watch(node, first.digest), MembersListed) == []
    told_next = message(node.take(*equal(begun)), MembersListed)
    assert isinstance(told_next, MembersListed)
    assert {m.state for m in told_next.members} == {"alive"}


def watch(node: Turns, seen: str) -> list[Envelope]:
    """A client has seen the list with this digest, and wants to know of another."""
    return node.take(to("gossiper", WatchMembers(seen, 60_000), client()))


def test_a_node_counts_what_it_lists() -> None:
    """For its metrics, also while it waits."""
    node = restarted(OTHER, replace(THIRD, state="dead"))
    node.take()
    vitals = the(node.take(from_host("gossiper", AskVitals())), GossiperVitals)
    assert vitals.to == Address(A, HOST)
    assert vitals.message == GossiperVitals(("alive", "suspect", "dead"))
