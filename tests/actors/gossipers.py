"""Gossipers, fresh ones and such as belong to a network, and what reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.gossiper import Gossiper
from actors.membership import Member, members_to_bytes
from actors.messages import Compared, Message, Remember, Remembered
from tests.actors.envelopes import A, Turns, all_of, member, to

NET = "net"


def fresh(
    *join: str,
    me: Member | None = None,
    notes: dict[str, bytes] | None = None,
    settings: GossipSettings | None = None,
) -> Turns:
    """Node A's gossiper, told to join these, with these notes on its disk."""
    me = me or member(A)
    return Turns(Gossiper(me, f"{me.boot}.0", join, notes or {}, Random(1), settings))


def notes_of(*members: Member) -> dict[str, bytes]:
    """What a member of a network has on its disk."""
    return {"network": NET.encode(), "members": members_to_bytes(members)}


def belonging(*others: Member, settings: GossipSettings | None = None) -> Turns:
    """Node A's gossiper, in a network with these, one of which has said so since its start."""
    node = fresh(notes=notes_of(member(A), *others), settings=settings)
    remembered(node, node.take())
    present = [m for m in others if m.state != "left"]
    if present:
        remembered(node, node.take(from_peer(Compared(NET, ()), present[0].id)))
    return node


def remembered(node: Turns, out: Sequence[Envelope], code: str = "ok") -> list[Envelope]:
    """Storage answers what the gossiper wants to be remembered, until it wants nothing more; all
    that it sends meanwhile."""
    told: list[Envelope] = []
    while remembers := all_of(out, Remember):
        out = node.take(*(reply(envelope, Remembered(code)) for envelope in remembers))
        told += out
    return told


def from_peer(message: Message, node: str, number: int = 1) -> Envelope:
    """An envelope from another node's gossiper."""
    return to("gossiper", message, Address(node, "gossiper"), number)


def answer(request: Envelope, message: Message, node: str) -> Envelope:
    """The node that was asked at an endpoint answers under its id."""
    return from_peer(message, node, request.id)


def notes(envelope: Envelope) -> dict[str, bytes]:
    """What is to be remembered."""
    assert isinstance(envelope.message, Remember)
    return dict(envelope.message.notes)
