"""Layouts as they come: taken once they are on the disk, passed on to who is behind, never taken
back; and what makes no sense is dropped.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.layout import MAX_GONE, NO_LAYOUT, Layout, joint, layout_from_bytes, settled
from actors.messages import (
    NO_BALLOT,
    Accept,
    Accepted,
    AskLayout,
    Ballot,
    Bounced,
    Fetch,
    Hello,
    LayoutIs,
    MembersChanged,
    Message,
    Prepare,
    Promised,
    Stop,
    SyncReport,
    Welcome,
)
from tests.actors.envelopes import A, B, C, all_of, messages, reasons
from tests.actors.stewards import SETTINGS, NotesDisk, Stewarding, alive, as_state, stable

D = "d" * 16
ONE = stable(5, A, B, C)
TWO = joint(ONE, (A, B, C, D))


def test_a_node_has_no_layout_until_it_hears_of_one() -> None:
    """Then it owns nothing, and is welcome nowhere."""
    node = Stewarding()
    node.turn()
    assert node.layout == NO_LAYOUT
    assert not node.steward.is_welcome


def test_the_founding_layout_is_kept_and_told() -> None:
    """It is the layout once it is on the disk; then all its members hear of it."""
    node = Stewarding()
    first = stable(1, A, B)
    out = node.turn(during=lambda: node.steward.found(first, node.now()))
    assert layout_from_bytes(node.disk.notes["layout"]) == first
    assert (node.layout, node.steward.placement.layout, node.adopted) == (first, first, [first])
    assert [e.to.node for e in all_of(out, LayoutIs)] == [B]


def test_a_network_is_founded_once() -> None:
    """A node that has a layout founds no other; and none is founded that cannot be."""
    node = Stewarding(layout=ONE)
    node.turn(during=lambda: node.steward.found(stable(1, A), node.now()))
    assert node.layout == ONE
    fresh = Stewarding()
    fresh.turn(during=lambda: fresh.steward.found(Layout(1, ("x",), (), ()), fresh.now()))
    assert fresh.layout == NO_LAYOUT


def test_a_later_layout_is_taken_once_it_is_on_the_disk() -> None:
    """Only then is the rest of the storage told; a restart finds it there."""
    node = Stewarding(layout=ONE)
    node.hear(LayoutIs(TWO), B)
    assert (node.layout, node.adopted) == (TWO, [TWO])
    assert Stewarding(disk=node.disk, boot=2).layout == TWO


def test_a_layout_that_the_disk_has_no_room_for_is_not_taken() -> None:
    """It is heard of again later."""
    node = Stewarding(layout=ONE)
    node.disk.full = True
    node.hear(LayoutIs(TWO), B)
    assert (node.layout, node.adopted) == (ONE, [])
    node.disk.full = False
    node.hear(LayoutIs(TWO), B)
    assert (node.layout, node.adopted) == (TWO, [TWO])


def test_of_two_layouts_in_a_turn_only_the_last_is_acted_in() -> None:
    """The other is on no disk."""
    node = Stewarding(layout=ONE)
    three = settled(TWO)
    node.turn(node.envelope(LayoutIs(TWO), B), node.envelope(LayoutIs(three), B))
    assert (node.layout, node.adopted) == (three, [three])


def test_an_earlier_layout_is_answered_with_the_own_one() -> None:
    """Whoever says it is behind."""
    node = Stewarding(layout=TWO)
    [told] = all_of(node.hear(LayoutIs(ONE), B), LayoutIs)
    assert (told.to, told.message) == (Address(B, "storage"), LayoutIs(TWO))


def test_a_node_without_a_layout_is_told_of_it() -> None:
    """Its router may have said that it has none."""
    node = Stewarding(layout=TWO)
    out = node.turn()
    out = node.hear(LayoutIs(NO_LAYOUT), B)
    assert messages(out, LayoutIs) == [LayoutIs(TWO)]
    assert reasons(out) == []


def test_the_router_hands_in_what_it_heard() -> None:
    """A later layout from the own node is taken, an earlier one answered to nobody."""
    node = Stewarding(layout=ONE)
    node.turn()
    router = Address(A, "router")
    storage = Address(A, "storage")
    out = node.turn(Envelope(storage, router, LayoutIs(stable(4, A)), 1))
    assert all_of(out, LayoutIs) == []
    node.turn(Envelope(storage, router, LayoutIs(TWO), 1))
    assert node.layout == TWO


@pytest.mark.parametrize("asker", [B, A])
def test_who_asks_is_told_of_a_later_layout(asker: str) -> None:
    """And of nothing if there is none."""
    node = Stewarding(layout=ONE)
    node.turn()
    assert messages(node.hear(AskLayout(4), asker), LayoutIs) == [LayoutIs(ONE)]
    assert node.hear(AskLayout(5), asker) == []


def test_who_asks_from_a_later_layout_is_asked_for_it() -> None:
    """It is the one who asked that knows more."""
    node = Stewarding(layout=ONE)
    node.turn()
    [asked] = node.hear(AskLayout(6), B)
    assert (asked.to.node, asked.message) == (B, AskLayout(5))


def test_one_that_is_out_is_told_of_the_same_layout_too() -> None:
    """It waits to hear that others know."""
    node = Stewarding(layout=stable(6, A, B, gone=(C,)))
    node.turn()
    assert messages(node.hear(AskLayout(6), C), LayoutIs) == [LayoutIs(node.layout)]


def test_members_ask_around() -> None:
    """One other at a time that is not down, every two seconds; without a layout more often."""
    node = Stewarding(layout=stable(5, A, B, C))
    b, c = alive(B, C)
    node.gossip(as_state(b, "dead"), c)
    asks = all_of(node.run_for(SETTINGS.layout_ask_ms * 5), AskLayout)
    assert [e.to.node for e in asks] == [C] * 5
    fresh = Stewarding()
    fresh.gossip(b)
    asks = all_of(fresh.run_for(SETTINGS.hello_retry_ms * 5), AskLayout)
    assert [(e.to.node, e.message) for e in asks] == [(B, AskLayout(0))] * 5


def test_one_that_is_out_waits_until_a_majority_knows() -> None:
    """It tells those that do not; one that was never a member has nothing to wait for."""
    out = stable(6, B, C, D, gone=(A,))
    node = Stewarding(layout=out)
    asks = all_of(node.turn(), AskLayout)
    assert [e.to.node for e in asks] == [B, C, D]
    assert messages(node.hear(AskLayout(5), B), LayoutIs) == [LayoutIs(out)]
    node.hear(AskLayout(6), B)
    assert not node.steward.is_released
    node.hear(LayoutIs(out), B)
    assert not node.steward.is_released
    node.hear(LayoutIs(out), C)
    assert node.steward.is_released
    assert not Stewarding(layout=stable(6, B, C, D)).steward.is_released


def test_a_layout_knows_its_members_lives_no_longer_than_they_are_members() -> None:
    """Nobody that is gone ever comes back."""
    node = Stewarding(layout=TWO)
    node.hear(Hello(1, "1.1"), D)
    assert f"boot {D}" in node.disk.notes
    node.hear(LayoutIs(stable(7, A, B, C, gone=(D,))), B)
    node.turn()
    assert f"boot {D}" not in node.disk.notes


LATE = stable(9, A, B, C)
BALLOT = Ballot(1, B)
GARBAGE: list[tuple[Message, str]] = [
    (LayoutIs(Layout(9, (), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(0, (A,), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(-1, (A,), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(9, (B, A), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(9, (A, A), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(9, ("A" * 16,), (), ())), "a layout that cannot be"),
    (LayoutIs(Layout(9, (A,), (), (A,))), "a layout that cannot be"),
    (LayoutIs(Layout(9, (A,), (), ("b" * 16,) * (MAX_GONE + 1))), "a layout that cannot be"),
    (LayoutIs(stable(2**41, A)), "a layout that cannot be"),
    (LayoutIs(stable(5, A, B)), "another layout of the same epoch"),
    (AskLayout(-1), "an epoch that cannot be"),
    (AskLayout(2**41), "an epoch that cannot be"),
    (SyncReport(-1, 1, 1), "an epoch that cannot be"),
    (SyncReport(5, 1, 1), "a report that cannot be"),
    (Prepare(ONE, NO_BALLOT), "a ballot that cannot be"),
    (Prepare(ONE, Ballot(1, C)), "a ballot that cannot be"),
    (Prepare(ONE, Ballot(2**40 + 1, B)), "a ballot that cannot be"),
    (Prepare(stable(5, A, C), BALLOT), "a ballot that cannot be"),
    (Prepare(stable(5, A, B), BALLOT), "another layout of the same epoch"),
    (Prepare(replace(LATE, next=(A, A)), BALLOT), "a layout that cannot be"),
    (Accept(ONE, NO_BALLOT, TWO), "a ballot that cannot be"),
    (Accept(ONE, BALLOT, ONE), "a proposal that cannot follow"),
    (Accept(ONE, BALLOT, replace(TWO, epoch=7)), "a proposal that cannot follow"),
    (Accept(ONE, BALLOT, stable(6, A, B)), "a proposal that cannot follow"),
    (Accept(ONE, BALLOT, replace(TWO, gone=(D,))), "a proposal that cannot follow"),
    (Accept(TWO, BALLOT, stable(7, A, B)), "a proposal that cannot follow"),
    (Hello(0, "1.0"), "a life that cannot be"),
    (Hello(2**62 + 1, "1.0"), "a life that cannot be"),
    (Hello(1, ""), "a life that cannot be"),
    (Hello(1, "x" * 65), "a life that cannot be"),
]


@pytest.mark.parametrize(("garbage", "reason"), GARBAGE)
def test_what_makes_no_sense_is_dropped(garbage: Message, reason: str) -> None:
    """It changes nothing, is answered by nothing, and is counted."""
    node = Stewarding(layout=ONE, boot=1)
    node.gossip(*alive(A, B, C))
    notes = dict(node.disk.notes)
    out = node.hear(garbage, B)
    assert reasons(out) == [reason]
    assert len(out) == 1
    assert (node.layout, node.disk.notes) == (ONE, notes)


UNASKED: list[Message] = [
    Promised(5, BALLOT, NO_BALLOT, NO_LAYOUT),
    Promised(99, Ballot(2**62, "x"), BALLOT, stable(1, A)),
    Accepted(5, BALLOT),
    Welcome(True, 1),
    Welcome(False, 99),
    MembersChanged("net", (), ""),
]


@pytest.mark.parametrize("unasked", UNASKED)
def test_an_answer_that_nobody_asked_for_is_nothing(unasked: Message) -> None:
    """It may be late; and what is said within a node is heard from no other."""
    node = Stewarding(layout=ONE)
    node.gossip(*alive(A, B, C))
    assert node.hear(unasked, B) == []
    assert (node.layout, node.steward.refused) == (ONE, "")


def test_what_is_not_for_the_steward_is_left_to_others() -> None:
    """And what was handed back to it is its business, though it does nothing about it."""
    node = Stewarding(layout=ONE)
    steward, now = node.steward, node.now()
    fetch = Fetch(5, ("k",))
    assert not steward.on(node.envelope(fetch, B), now)
    assert not steward.on(node.envelope(Stop(), A), now)
    assert not steward.on(node.envelope(Bounced(Address(B, "storage"), fetch), A), now)
    assert steward.on(node.envelope(Bounced(Address(B, "storage"), AskLayout(5)), A), now)


def test_notes_of_an_earlier_epoch_are_not_heeded() -> None:
    """What was promised for a layout that has come is forgotten."""
    node = Stewarding(layout=ONE)
    node.hear(Prepare(ONE, Ballot(7, B)), B)
    disk = NotesDisk({"paxos": node.disk.notes["paxos"]})
    again = Stewarding(layout=TWO, disk=disk)
    out = again.hear(Prepare(TWO, Ballot(1, B)), B)
    assert messages(out, Promised) == [Promised(6, Ballot(1, B), NO_BALLOT, NO_LAYOUT)]
