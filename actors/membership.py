"""Who is in the network: one record a member, and the one rule of which news beats which.

Only the member itself raises its boot and incarnation. Others may say of it, at the incarnation
that they know, that they suspect it, that it is dead, or that it left for good; it refutes what is
not so by raising its incarnation above theirs (Das, Gupta and Motivala, SWIM, 2002, section 4.2).
"""

from __future__ import annotations

import bisect
import hashlib
import json
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, fields, replace
from typing import Literal

from actors.digests import Digests
from actors.hexadecimal import is_hex

State = Literal["alive", "suspect", "dead", "stopped", "leaving", "left"]

MAX_NAME_BYTES = 100
MAX_ADDRESS_CHARACTERS = 262

MAX_COUNT_STEP = 2**20
MAX_FIRST_COUNT = 2**40
MAX_HEEDED_COUNT = 2**61
MAX_VOUCHED_COUNT = 2**62
"""Bounds of boots and incarnations: above what is known of a member, and of one that is not known;
a node starts, or refutes, far less often, and what is beyond has been made up. When a member that
was pinged answers, its own word is taken however far it has got; and it heeds a little less, so
that it can always get above what others were made to believe."""

RANK: dict[State, int] = {
    "alive": 0,
    "leaving": 1,
    "suspect": 2,
    "dead": 3,
    "stopped": 4,
    "left": 5,
}
"""Of two records with the same boot and incarnation the higher rank is the later news."""

LIVING: frozenset[State] = frozenset({"alive", "leaving", "suspect"})
"""The states of those that are pinged, and that others may be asked to ping by."""
UP: frozenset[State] = frozenset({"alive", "leaving"})
"""One that is suspected is in neither: nothing is begun because of it, and nothing given up."""

MADE_UP = "a boot or incarnation that no node can have"
KEEPS_DATA = "a member that keeps data is said to have left"

_HOST = re.compile(r"[A-Za-z0-9._%:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One node as the others know it. The addresses are `host:port`; `id` is for the life of the
    data folder, `boot` counts its starts, `incarnation` the news within a start."""

    id: str
    name: str
    address: str
    gossip_address: str
    files_address: str
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
    if not is_hex(member.id, 16):
        return "an id has 16 digits of lower-case hex"
    if wrong := fault_of_name(member.name):
        return wrong
    for address in (member.address, member.gossip_address, member.files_address):
        host, _, port = address.rpartition(":")
        if not _HOST.fullmatch(host) or len(address) > MAX_ADDRESS_CHARACTERS:
            return "an address is host:port"
        if not port.isdecimal() or not 1 <= int(port) <= 65_535:
            return "an address has a port from 1 to 65535"
    return ""


def is_made_up(news: Member, known: Member | None, most: int = MAX_FIRST_COUNT) -> bool:
    """Does this later news count boots or incarnations as no node could? Up to `most` it may count
    from nothing, if nothing is known of the member or it says so itself."""
    if known is None or most > MAX_FIRST_COUNT:
        if max(news.boot, news.incarnation) <= most:
            return False
        if known is None:
            return True
    steps = news.boot - known.boot, news.incarnation
    if news.boot == known.boot:
        steps = 0, news.incarnation - known.incarnation
    return max(steps) > MAX_COUNT_STEP


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of taking in news. `fresh` is what was later than known, this node's own
    refutation included; `problems` why other news was not acted on; `made_up` the ids of known
    members whose news counts too far to be believed of others.

    Of this node itself: whether it has left for good, whether it refuted something, and whether
    that was an honest suspicion; `claims` is what was said of it elsewhere than where it is, which
    is still to be refuted.
    """

    fresh: tuple[Member, ...]
    problems: tuple[str, ...]
    made_up: tuple[str, ...]
    left: bool
    refuted: bool
    was_suspected: bool
    claims: tuple[Member, ...]


class Members:
    """All the members that a node knows, itself (`me`) included; `digests` are kept up to date.

    `version` counts the changes; `unkept` is set by those that are to be remembered on the disk:
    who belongs, where it is, and whether it stopped or left. The rest is found out anew.
    """

    def __init__(
        self, me: Member, known: Iterable[Member], max_members: int, digests: Digests
    ) -> None:
        self._members: dict[str, Member] = {}
        self._order: list[str] = []
        self._views: dict[str, tuple[Member, ...]] = {}
        self._max_members = max_members
        self._digests = digests
        self._keepers: frozenset[str] = frozenset()
        self._gone: frozenset[str] = frozenset()
        self.version = 0
        self.unkept = False
        self.me = me
        for member in known:
            self._put(member)
        self._put(me)
        self.unkept = False

    def __getitem__(self, member_id: str) -> Member:
        return self._members[member_id]

    def __len__(self) -> int:
        return len(self._members)

    def get(self, member_id: str) -> Member | None:
        """The member, if it is known."""
        return self._members.get(member_id)

    def all(self) -> tuple[Member, ...]:
        """Those that left included, in the order of their ids."""
        return self._view("all", lambda: map(self._members.__getitem__, self._order))

    def present(self) -> tuple[Member, ...]:
        """Those that have not left: they own the ring."""
        return self._view("present", lambda: [m for m in self.all() if m.state != "left"])

    def others(self) -> tuple[Member, ...]:
        """Those present, without this node."""
        me = self.me.id
        return self._view("others", lambda: [m for m in self.present() if m.id != me])

    def living(self) -> tuple[Member, ...]:
        """Those others that are not known to be down."""
        return self._view("living", lambda: [m for m in self.others() if m.state in LIVING])

    def _view(self, name: str, make: Callable[[], Iterable[Member]]) -> tuple[Member, ...]:
        """Made once for each version of the list: it may be long."""
        view = self._views.get(name)
        if view is None:
            view = self._views[name] = tuple(make())
        return view

    def update_me(self, state: State) -> None:
        """Later news of this node, which only it can make."""
        self._raise_me(self.me, state)

    def declare(self, member_id: str, state: State) -> Member:
        """What this node says of another, at the incarnation that it knows."""
        member = replace(self._members[member_id], state=state)
        self._put(member)
        return member

    def follow_layout(self, keepers: Iterable[str], gone: Iterable[str]) -> tuple[Member, ...]:
        """It was decided which members keep the data, and which do no more: these have left, and
        those have not, whatever was believed. What has changed by that."""
        self._keepers, self._gone = frozenset(keepers), frozenset(gone)
        back = [m for m in self.all() if m.state == "left" and m.id in self._keepers]
        return (
            *[self.declare(m.id, "left") for m in self.others() if m.id in self._gone],
            *[self.declare(m.id, "dead") for m in back if m.id != self.me.id],
            *self._replace(),
        )

    def _replace(self) -> list[Member]:
        """Who is down, has the name of a newcomer that is up, and keeps no data, has left. If that
        one keeps data, or is suspected, it may be the one whose place was to be taken: not long
        after the start the dead are taken for alive, and then suspected."""
        down = [m for m in self.others() if m.state not in LIVING and m.id not in self._keepers]
        if not (down and self._keepers):
            return []
        newcomers = [m for m in self.present() if m.id not in self._keepers]
        names = {m.name for m in newcomers if m.state in UP}
        return [self.declare(m.id, "left") for m in down if m.name in names]

    def merge(self, news: Iterable[Member], vouched: str = "", *, doubted: bool = False) -> Merged:
        """Take in what is later than what is known. `vouched` is the id of a member that tells it
        as the answer to a ping. With `doubted` the death of somebody who lives as far as this node
        knows is but a suspicion: two sides that were cut off say many such things of each other."""
        fresh: list[Member] = []
        problems: list[str] = []
        made_up: list[str] = []
        claims: list[Member] = []
        left = was_suspected = False
        me = self.me
        for member in news:
            if member.id == me.id:
                left = left or (member.state == "left" and me.state != "left")
                was_suspected |= member == replace(me, state="suspect")
                self._answer_claim(member, claims, problems)
                continue
            later = self._later(member, doubted=doubted)
            if later is None:
                continue
            # Nobody says of itself that it is suspect, or dead.
            is_own_word = member.id == vouched and member.state not in ("suspect", "dead")
            why_not = self._why_not(later, vouched=is_own_word)
            if why_not:
                problems.append(why_not)
                if why_not == MADE_UP and later.id in self._members:
                    made_up.append(later.id)
            else:
                self._put(later)
                fresh.append(later)
        if fresh:
            fresh += self._replace()
        refuted = self.me is not me
        if refuted:
            fresh.append(self.me)
        return Merged(
            tuple(fresh),
            tuple(problems),
            tuple(made_up),
            left,
            refuted,
            was_suspected,
            tuple(claims),
        )

    def _later(self, member: Member, *, doubted: bool) -> Member | None:
        """The news as it is to be taken, if it is later than what is known."""
        known = self._members.get(member.id)
        if doubted and member.state == "dead" and known is not None and known.state in LIVING:
            member = replace(member, state="suspect")
        if member.id in self._gone:
            member = replace(member, state="left")
        return member if beats(member, known) else None

    def _why_not(self, later: Member, *, vouched: bool) -> str:
        """Why this later news is not to be believed, or empty."""
        if fault(later):
            return "no such member can be"
        if later.state == "left" and later.id in self._keepers:
            return KEEPS_DATA
        most = MAX_VOUCHED_COUNT if vouched else MAX_FIRST_COUNT
        if is_made_up(later, self._members.get(later.id), most):
            return MADE_UP
        return "" if self.has_room_for(later.id) else "too many members"

    def _answer_claim(self, news: Member, claims: list[Member], problems: list[str]) -> None:
        """What others say of this node: what is later than its own word and not so, it refutes."""
        me = self.me
        if news.state == "left" or me.state == "left":
            return
        is_elsewhere = _whereabouts(news) != _whereabouts(me)
        is_later = (news.boot, news.incarnation) >= (me.boot, me.incarnation)
        if not (beats(news, me) or (is_elsewhere and is_later)):
            return
        if is_made_up(news, me, MAX_HEEDED_COUNT):
            problems.append(MADE_UP)
            return
        if is_elsewhere:
            claims.append(news)
        else:
            self._raise_me(news, me.state)

    def refute(self, claim: Member) -> None:
        """Say once more where this node is, above what was said of it."""
        above = max(claim, self.me, key=lambda m: (m.boot, m.incarnation))
        self._raise_me(above, self.me.state)

    def _raise_me(self, above: Member, state: State) -> None:
        self.me = replace(self.me, boot=above.boot, incarnation=above.incarnation + 1, state=state)
        self._put(self.me)

    def _put(self, member: Member) -> None:
        known = self._members.get(member.id)
        if known is None:
            bisect.insort(self._order, member.id)
        self._members[member.id] = member
        self._views.clear()
        self.version += 1
        self.unkept = self.unkept or known is None or _to_keep(known) != _to_keep(member)
        # Of one that left nothing more is news, so nodes may have seen it leave at different
        # times, for ever.
        fact = f"{member.boot} {member.incarnation} {member.state}"
        self._digests.set(f"member {member.id}", "left" if member.state == "left" else fact)

    def in_buckets(self, buckets: Container[int]) -> tuple[Member, ...]:
        """Those whose facts are in these buckets of the digests."""
        return tuple([m for m in self.all() if Digests.bucket_of(f"member {m.id}") in buckets])

    def later_than(self, theirs: Iterable[Member], buckets: Container[int]) -> tuple[Member, ...]:
        """What this node knows, and somebody who knows `theirs` in these buckets does not."""
        known = {m.id: m for m in theirs}
        return tuple([m for m in self.in_buckets(buckets) if beats(m, known.get(m.id))])

    def has_room_for(self, member_id: str) -> bool:
        """Is it a member, or may there be one more?"""
        return member_id in self._members or len(self) < self._max_members

    def is_known(self, member_id: str) -> bool:
        """Is this the id of a member that has not left?"""
        return member_id in self._members and self._members[member_id].state != "left"

    def displaced(self) -> tuple[Member, ...]:
        """Those that have this node's name and address, and cannot be there: it is this node that
        listens. Their folder was lost; they are down for good."""
        me = self.me
        here = [m for m in self.others() if (m.name, m.address) == (me.name, me.address)]
        return tuple([self.declare(m.id, "dead") for m in here if m.state in LIVING])

    def holder_of_name(self, name: str) -> Member | None:
        """The member that has this name and has not given it up by stopping, dying or leaving."""
        named = [m for m in self.present() if m.name == name]
        return next((m for m in named if m.state not in ("stopped", "dead")), None)

    def shown(self) -> tuple[Member, ...]:
        """For people: in the order of their names."""
        return tuple(sorted(self.all(), key=lambda m: (m.name, m.id)))


def digest_of(members: Iterable[Member], waiting: str = "") -> str:
    """A SHA-1 (hex) that tells this list, of a node that waits for this, from any other."""
    data = members_to_bytes(members) + waiting.encode()
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _whereabouts(member: Member) -> tuple[str, ...]:
    return member.name, member.address, member.gossip_address, member.files_address


def _to_keep(member: Member) -> tuple[object, ...]:
    return member.id, *_whereabouts(member), member.state in ("stopped", "left") and member.state


_FIELDS = tuple([field.name for field in fields(Member)])


def members_to_bytes(members: Iterable[Member]) -> bytes:
    """As JSON, for the disk."""
    return json.dumps([{name: getattr(m, name) for name in _FIELDS} for m in members]).encode()


def members_from_bytes(data: bytes) -> list[Member]:
    """The members that were kept; none of no bytes. Raises ValueError or TypeError if spoilt."""
    rows = [dict(row) for row in json.loads(data)] if data else []
    # One kept before there were files has no address for them: it tells it at its next start.
    return [Member(**{"files_address": row.get("gossip_address"), **row}) for row in rows]
