"""The ring as a program or a person wants to see it: who owns which partitions, and how those are.

Nobody sends it over: it follows from the layout, which is a list of members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actors import ring
from actors.hexadecimal import is_hex
from actors.layout import Placement
from actors.membership import Member
from actors.messages import RingShown


@dataclass(frozen=True, slots=True)
class RingMember:
    """A member of the network that keeps data, or is to. Of all copies of partitions, `share` is
    the part that is its own once nothing moves any more: `copies` of them. A `silent` one has not
    answered."""

    id: str
    name: str
    state: str
    copies: int
    share: float
    silent: bool


@dataclass(frozen=True, slots=True)
class Ring:
    """Who owns what in the layout `epoch`. `owners[p]` are those of partition p once nothing moves
    any more, in the order of preference, as places in `members`; partition p of `len(owners)` has
    the keys whose position, a SHA-1, begins with it.

    Of the partitions, `moving` have other owners than they are to have, `under_replicated` have an
    owner that is not there with everything, and `unavailable` have too few that are there.
    """

    epoch: int
    members: tuple[RingMember, ...]
    owners: tuple[tuple[int, ...], ...]
    moving: frozenset[int]
    under_replicated: frozenset[int]
    unavailable: frozenset[int]


def ring_of(shown: RingShown, members: Sequence[Member]) -> Ring:
    """What a node has shown, with these members of the network as it knows them."""
    placement = Placement(shown.layout)
    known = {member.id: member for member in members}
    ids = [*placement.layout.members, *placement.layout.lost]
    place = {id: n for n, id in enumerate(ids)}
    owners = [placement.new_owners(p) for p in range(ring.PARTITIONS)]
    copies = dict.fromkeys(ids, 0)
    for those in owners:
        for id in those:
            copies[id] += 1
    total = max(1, sum(copies.values()))
    rows = [
        RingMember(
            id,
            known[id].name if id in known else id,
            known[id].state if id in known else "left",
            copies[id],
            copies[id] / total,
            id in shown.silent,
        )
        for id in ids
    ]
    return Ring(
        shown.layout.epoch,
        tuple(rows),
        tuple([tuple([place[id] for id in those]) for those in owners]),
        frozenset([p for p in range(ring.PARTITIONS) if placement.moves(p)]),
        frozenset(_set_bits(shown.behind)),
        frozenset(_set_bits(shown.without)),
    )


def _set_bits(text: str) -> Iterator[int]:
    """The partitions whose bits are set, the first being the highest; all where it is no hex."""
    digits = ring.PARTITIONS // 4
    bits = int(text, 16) if is_hex(text, digits) else (1 << ring.PARTITIONS) - 1
    return (p for p in range(ring.PARTITIONS) if bits >> (ring.PARTITIONS - 1 - p) & 1)
