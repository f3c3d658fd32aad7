"""Who is in the network: one record a member, and the one rule of which news beats which.

A member's record is written by the member alone: it counts its own boots and incarnations. Others
may only say of it that it left for good, when another node takes over its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

State = Literal["alive", "suspect", "dead", "stopped", "leaving", "left"]

MAX_NAME_BYTES = 100
MAX_ADDRESS_CHARACTERS = 262

RANK: dict[State, int] = {
    "alive": 0,
    "suspect": 1,
    "dead": 2,
    "stopped": 3,
    "leaving": 4,
    "left": 5,
}
"""Of two records with the same boot and incarnation the higher rank is the later news."""


@dataclass(frozen=True, slots=True)
class Member:
    """One node as the others know it. Both addresses are `host:port`; `id` is for the life of the
    data folder, `boot` counts its starts, `incarnation` the news within a start."""

    id: str
    name: str
    address: str
    gossip_address: str
    boot: int
    incarnation: int
    state: State


def beats(news: Member, known: Member | None) -> bool:
    """Is `news` later than what is known of this member? Departure is final."""
    if known is None:
        return True
    if known.state == "left" or news.state == "left":
        return known.state != "left"
    return (news.boot, news.incarnation, RANK[news.state]) > (
        known.boot,
        known.incarnation,
        RANK[known.state],
    )


def fault_of_name(name: str) -> str:
    """Why no member can be called so, or empty."""
    if not name.isprintable() or "/" in name:
        return "a name has printable characters only, and no slash"
    if not 1 <= len(name.encode()) <= MAX_NAME_BYTES or name != name.strip():
        return f"a name has 1 to {MAX_NAME_BYTES} bytes, and no space around them"
    return ""


def fault(member: Member) -> str:
    """Why this cannot be a member, or empty. The bounds keep lists of members small."""
    if not (len(member.id) == 16 and set(member.id) <= set("0123456789abcdef")):
        return "an id has 16 digits of lower-case hex"
    wrong = fault_of_name(member.name)
    if wrong:
        return wrong
    for address in (member.address, member.gossip_address):
        host, _, port = address.rpartition(":")
        if not host or len(address) > MAX_ADDRESS_CHARACTERS or not address.isascii():
            return "an address is host:port"
        if not port.isdigit() or not 1 <= int(port) <= 65_535:
            return "an address has a port from 1 to 65535"
    return ""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of taking in news: what was later than known, what was not acted on and why, and
    whether the news is that this very node has left for good."""

    fresh: tuple[Member, ...]
    problems: tuple[str, ...]
    left: bool


class Members:
    """All the members that a node knows, itself (`me`) included."""

    def __init__(self, me: Member, known: Iterable[Member], max_members: int) -> None:
        self._members = {m.id: m for m in known}
        self._members[me.id] = me
        self._max_members = max_members
        self.me = me

    def __getitem__(self, member_id: str) -> Member:
        return self._members[member_id]

    def __len__(self) -> int:
        return len(self._members)

    def all(self) -> tuple[Member, ...]:
        """Those that left included, in the order of their ids."""
        return tuple(sorted(self._members.values(), key=lambda m: m.id))

    def present(self) -> tuple[Member, ...]:
        """Those that have not left: they own the ring."""
        return tuple(m for m in self.all() if m.state != "left")

    def others(self) -> tuple[Member, ...]:
        """Those present, without this node."""
        return tuple(m for m in self.present() if m.id != self.me.id)

    def update_me(self, state: State) -> None:
        """Later news of this node, which only it can make."""
        self.me = replace(self.me, state=state, incarnation=self.me.incarnation + 1)
        self._members[self.me.id] = self.me

    def merge(self, news: Iterable[Member]) -> Merged:
        """Take in what is later than what is known. A stopped member whose name a living one now
        has is found to have left."""
        fresh, problems, left = [], [], False
        for member in news:
            if member.id == self.me.id:
                if member.state == "left":
                    left = True
                elif beats(member, self.me):
                    problems.append("another node claims this node's id")
            elif beats(member, self._members.get(member.id)):
                if fault(member):
                    problems.append("no such member can be")
                    continue
                if not self.has_room_for(member.id):
                    problems.append("too many members")
                    continue
                self._members[member.id] = member
                fresh.append(member)
        if fresh:
            for member in _taken_over(self.present()):
                self._members[member.id] = gone = replace(member, state="left")
                fresh.append(gone)
        return Merged(tuple(fresh), tuple(problems), left)

    def later_than(self, theirs: Iterable[Member]) -> tuple[Member, ...]:
        """What this node knows, and somebody who knows `theirs` does not."""
        known = {m.id: m for m in theirs}
        return tuple(m for m in self.all() if beats(m, known.get(m.id)))

    def has_room_for(self, member_id: str) -> bool:
        """Is it a member, or may there be one more?"""
        return member_id in self._members or len(self) < self._max_members

    def is_known(self, member_id: str) -> bool:
        """Is this the id of a member that has not left?"""
        return member_id in self._members and self._members[member_id].state != "left"

    def departed(self, news: Iterable[Member]) -> Iterator[tuple[Member, str]]:
        """Those of whom the news says that they are there although they have left for good, each
        with the address where it says that they are."""
        for member in news:
            known = self._members.get(member.id)
            if known is not None and known.state == "left" and member.state != "left":
                yield known, member.address

    def displaced(self) -> tuple[Member, ...]:
        """Those that have this node's name and address, and cannot be there: it is this node that
        listens. Their folder was lost; they have left."""
        me = self.me
        gone = []
        for member in self.others():
            if member.name == me.name and member.address == me.address:
                self._members[member.id] = left = replace(member, state="left")
                gone.append(left)
        return tuple(gone)

    def holder_of_name(self, name: str) -> Member | None:
        """The member that has this name and has not given it up by stopping, dying or leaving."""
        for member in self.present():
            if member.name == name and member.state not in ("stopped", "dead"):
                return member
        return None

    def digest(self) -> str:
        """A SHA-1 (hex) that is equal where the same is known of the same members."""
        sha1 = hashlib.sha1(usedforsecurity=False)
        for m in self.all():
            # Of one that left nothing more is news, so nodes may have seen it leave at different
            # times, for ever.
            known = "left" if m.state == "left" else f"{m.boot} {m.incarnation} {m.state}"
            sha1.update(f"{m.id} {known};".encode())
        return sha1.hexdigest()


def _taken_over(members: Sequence[Member]) -> list[Member]:
    living = {m.name for m in members if m.state not in ("stopped", "dead")}
    return [m for m in members if m.state in ("stopped", "dead") and m.name in living]


def members_to_bytes(members: Iterable[Member]) -> bytes:
    """As JSON, for the disk."""
    return json.dumps([asdict(m) for m in members]).encode()


def members_from_bytes(data: bytes) -> list[Member]:
    """The members that were kept; none of no bytes. Raises ValueError or TypeError if spoilt."""
    return [Member(**fields) for fields in json.loads(data)] if data else []
