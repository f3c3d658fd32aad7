"""The members as a client is told of them, with what keeps the node that tells it from knowing."""

from __future__ import annotations

from typing import Self

from actors.membership import Member
from actors.messages import MembersListed


class MemberList(tuple[Member, ...]):
    """Members by name, as one node knows them. `waiting` is why that node is not ready, empty where
    it is: as long as no other has confirmed it, those that it has not heard are suspect."""

    waiting: str = ""

    @classmethod
    def of(cls, listed: MembersListed) -> Self:
        """As a node has answered."""
        members = cls(listed.members)
        members.waiting = listed.waiting
        return members
