"""The list of members that clients are told of: it may be long, so each version is made once.

What a node remembers of others says who they are and where, not whether they are there. So until
another member has confirmed it, it shows none as alive that it has not heard since its start.
"""

from __future__ import annotations

from dataclasses import replace

from actors.announcing import Announcing
from actors.arriving import Arriving
from actors.membership import Member, Members, State, digest_of
from actors.messages import MembersListed


class Listed:
    """Over the list of members; `network` is empty until the node belongs to one."""

    def __init__(self, members: Members, arriving: Arriving, announcing: Announcing) -> None:
        self._members = members
        self._arriving = arriving
        self._announcing = announcing
        self._heard: set[str] = set()
        self.network = ""
        self._made = MembersListed("", "", ())
        self._made_from: tuple[object, ...] = ()
        self._told_from = self._basis()

    def heard(self, node: str) -> None:
        """There was word of this node."""
        if not self._arriving.is_confirmed and self._members.is_known(node):
            self._heard.add(node)

    def listing(self) -> MembersListed:
        """The list as it is."""
        basis = self._basis()
        if basis != self._made_from:
            self._made_from = basis
            waiting = self._announcing.waits
            shown = tuple(map(self._as_known, self._members.shown()))
            self._made = MembersListed(self.network, digest_of(shown, waiting), shown, waiting)
        return self._made

    def states(self) -> tuple[State, ...]:
        """The state of each member of the list."""
        return tuple([member.state for member in self.listing().members])

    def is_news(self) -> bool:
        """Is it another than when this was asked last?"""
        told_from, self._told_from = self._told_from, self._basis()
        return self._told_from != told_from

    def _basis(self) -> tuple[object, ...]:
        """What the list follows from."""
        is_confirmed, waiting = self._arriving.is_confirmed, self._announcing.waits
        return self._members.version, self.network, waiting, is_confirmed, len(self._heard)

    def _as_known(self, member: Member) -> Member:
        is_known = self._arriving.is_confirmed or member.id in self._heard
        if is_known or member.id == self._members.me.id:
            return member
        return replace(member, state="suspect") if member.state in ("alive", "leaving") else member
