"""A gossiper that starts again: it remembers its network, and serves when that still knows it."""

from __future__ import annotations

from dataclasses import replace

from actors.membership import members_from_bytes
from actors.messages import (
    Compared,
    Connect,
    GiveUp,
    Join,
    MembersChanged,
    Remember,
    Rumour,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    member,
    message,
    messages,
    the,
)
from tests.actors.gossipers import (
    NET,
    fresh,
    from_peer,
    notes,
    notes_of,
    remembered,
)

ME, OTHER, THIRD = member(A), member(B), member(C)


def test_a_restart_needs_no_join() -> None:
    """A node that belongs tells the members it remembers, whomever it was told to join."""
    others = (OTHER, THIRD)
    node = fresh(OTHER.address, me=member(A, boot=2), notes=notes_of(ME, *others))
    out = node.take()
    assert messages(out, Join) == []
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert messages(out, Rumour)[0].members == (member(A, boot=2),)
    assert members_from_bytes(notes(the(out, Remember))["members"])[0].boot == 2


def test_a_restarted_node_serves_when_a_member_has_confirmed_it() -> None:
    """Its name may have been taken over while it was away, and its keys with it."""
    node = fresh(me=member(A, boot=2), notes=notes_of(ME, OTHER))
    out = node.take()
    waiting = messages(out, MembersChanged)[0]
    assert (waiting.network, waiting.members) == ("", ())
    assert OTHER.name in waiting.waiting
    assert messages(remembered(node, out), MembersChanged) == []
    stranger = from_peer(Compared(NET, ()), C)
    assert messages(node.take(stranger), MembersChanged) == []
    out = remembered(node, node.take(from_peer(Compared(NET, ()), B)))
    ready = MembersChanged(NET, (member(A, boot=2), OTHER), "")
    assert messages(out, MembersChanged)[0] == ready


def test_a_restarted_node_that_was_replaced_never_serves() -> None:
    """It is told that it has left, and ends."""
    node = fresh(me=member(A, boot=2), notes=notes_of(ME, OTHER))
    remembered(node, node.take())
    out = node.take(from_peer(Compared(NET, (replace(ME, state="left"), OTHER)), B))
    assert message(out, GiveUp).code == "refused"
    assert messages(out, MembersChanged) == []


def test_a_node_alone_serves_at_once_after_a_restart() -> None:
    """There is nobody who could have taken its place."""
    node = fresh(me=member(A, boot=2), notes=notes_of(ME))
    assert messages(node.take(), MembersChanged)[0].members == (member(A, boot=2),)
