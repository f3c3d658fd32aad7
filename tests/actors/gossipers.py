"""Gossipers, fresh ones and such as belong to a network, and what reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.gossiper import Gossiper
from actors.layout import Layout, founding
from actors.membership import Member, members_to_bytes
from actors.messages import (
    Ack,
    Change,
    Compare,
    Compared,
    LayoutIs,
    ListMembers,
    MembersChanged,
    MembersListed,
    Message,
    Ping,
    Remember,
    Remembered,
    Rumour,
    Tell,
)
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    Turns,
    all_of,
    client,
    member,
    message,
    messages,
    to,
)

NET = "net"
ROUND_MS = GossipSettings().gossip_ms
"""After so long a gossiper may publish again."""


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
    """Node A's gossiper, in a network with these, one of which has said so since its start, and who
    keep the data together. Whom it has pinged so far has answered."""
    node = fresh(notes=notes_of(member(A), *others), settings=settings)
    out = node.take(layout_is(*(m.id for m in others if m.state != "left")))
    if any(m.state != "left" for m in others):
        out = node.take(*equal(out))
    node.take(*acks(out))
    remembered(node, out)
    return node


def decided(layout: Layout) -> Envelope:
    """Node A's storage has this layout on its disk."""
    return to("gossiper", LayoutIs(layout), Address(A, "storage"), 0)


def layout_is(*others: str) -> Envelope:
    """Node A's storage has a layout on its disk, of node A and these."""
    return decided(founding((A, *others)))


def equal(out: Sequence[Envelope]) -> list[Envelope]:
    """Whoever was asked to compare notes knows the same."""
    return [reply(compare, Compared(NET, ())) for compare in all_of(out, Compare)]


def compare_with(node: Turns, peer: str) -> Envelope:
    """The next time that the gossiper asks this node to compare notes."""
    while True:
        for compare in all_of(node.take_when_due(), Compare):
            if compare.to.node == peer:
                return compare


def remembered(node: Turns, out: Sequence[Envelope], code: str = "ok") -> list[Envelope]:
    """Storage answers what the gossiper wants to be remembered, until it wants nothing more; all
    that it sends meanwhile."""
    told: list[Envelope] = []
    while remembers := all_of(out, Remember):
        out = node.take(*(reply(envelope, Remembered(code)) for envelope in remembers))
        told += out
    return told


def run_answered(node: Turns, duration_ms: int) -> list[tuple[int, Envelope]]:
    """All turns that the gossiper asks for within this time, whoever it pings being there: what it
    sent in them, and when."""
    until_ms = node.now_ms + duration_ms
    sent: list[tuple[int, Envelope]] = []
    while node.actor.wake_at is not None and node.actor.wake_at <= until_ms:
        out = node.take_when_due()
        while out:
            sent += [(node.now_ms, envelope) for envelope in out]
            answers = acks(out)
            out = node.take(*answers) if answers else []
    node.now_ms = until_ms
    return sent


def acks(out: Sequence[Envelope]) -> list[Envelope]:
    """Whoever is pinged is there, and has nothing to say."""
    return [reply(ping, Ack(NET, WALL_MS, ())) for ping in all_of(out, Ping)]


def published(node: Turns) -> list[Rumour]:
    """What the gossiper publishes within a round, without that anything arrives."""
    out = node.take(after_ms=ROUND_MS)
    return [e.message for e in out if isinstance(e.message, Rumour)]


def listed(node: Turns) -> tuple[Member, ...]:
    """The members that a client is told of."""
    return message(node.take(to("gossiper", ListMembers(), client())), MembersListed).members


def from_peer(message: Message, node: str, number: int = 1) -> Envelope:
    """An envelope from another node's gossiper."""
    return to("gossiper", message, Address(node, "gossiper"), number)


def told(*news: Member, by: str = B) -> Envelope:
    """Another node tells what it knows."""
    return from_peer(Tell(NET, news, ()), by, 0)


def rumour(
    *news: Member,
    origin: str = B,
    boot: str = "1.0",
    seq: int = 1,
    ttl: int = 2,
    network: str = NET,
    changes: tuple[Change, ...] = (),
    missed: bool = False,
    watched_ms: int = 0,
) -> Envelope:
    """Another node published news."""
    said = Rumour(network, origin, boot, seq, ttl, news, (), changes, missed, watched_ms)
    return from_peer(said, origin, 0)


def to_router(out: Sequence[Envelope]) -> list[MembersChanged]:
    """What the router is told of the members, or of what the node waits for."""
    told_router = [e for e in out if e.to.actor == "router"]
    return messages(told_router, MembersChanged)


def answer(request: Envelope, message: Message, node: str) -> Envelope:
    """The node that was asked at an endpoint answers under its id."""
    return from_peer(message, node, request.id)


def notes(envelope: Envelope) -> dict[str, bytes]:
    """What is to be remembered."""
    assert isinstance(envelope.message, Remember)
    return dict(envelope.message.notes)
