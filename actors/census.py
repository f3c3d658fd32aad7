"""Who is there, as gossip has it: enough to wish by, never to decide by."""

from __future__ import annotations

from actors.membership import LIVING, UP, Member


class Census:
    """The last that the gossiper of node `here` has said."""

    def __init__(self, here: str) -> None:
        self.here = here
        self._by_id: dict[str, Member] = {}
        self.members: tuple[Member, ...] = ()
        self.network = ""

    def hear(self, network: str, members: tuple[Member, ...]) -> None:
        """These are the members now."""
        self.network = network
        self.members = members
        self._by_id = {member.id: member for member in members}

    @property
    def is_leaving(self) -> bool:
        """Does this node wish to leave?"""
        member = self._by_id.get(self.here)
        return member is not None and member.state in ("leaving", "left")

    def name(self, member_id: str) -> str:
        """What people call it."""
        member = self._by_id.get(member_id)
        return member_id if member is None else member.name

    def is_known(self, member_id: str) -> bool:
        """Has gossip told of it?"""
        return member_id in self._by_id

    def is_down(self, member_id: str) -> bool:
        """Has gossip told that it is? Not of one that nothing is known of."""
        member = self._by_id.get(member_id)
        return member is not None and member.state not in LIVING and member_id != self.here

    def is_up(self, member_id: str) -> bool:
        """Has gossip told that it is, and does nobody suspect it?"""
        member = self._by_id.get(member_id)
        return member_id == self.here or (member is not None and member.state in UP)

    def others(self) -> tuple[str, ...]:
        """The ids of the other members that are not down."""
        ids = [m.id for m in self.members if m.state in LIVING and m.id != self.here]
        return tuple(sorted(ids))
