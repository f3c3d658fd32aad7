"""What stands in for the storages of a network of which only the gossipers are simulated: they
agree at once on which members keep the data, and there is no data to be moved.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.layout import Layout, founding, joint, settled
from actors.membership import LIVING, Member


class SharedLayout:
    """The one layout that all nodes have on their disks."""

    def __init__(self, founders: Iterable[str]) -> None:
        self.layout: Layout = founding(tuple(founders))
        self._keepers = frozenset(self.layout.base)

    def wish(self, members: Iterable[Member]) -> bool:
        """A node has these members: those that are new come in, and those that wish to leave, or
        are down and have another in their place, go. Is there another layout by that?"""
        living = {m.name: m.id for m in members if m.state in LIVING}
        gone = {
            m.id
            for m in members
            if m.state in ("leaving", "left") or living.get(m.name, m.id) != m.id
        }
        coming = {m.id for m in members if m.state in ("alive", "leaving")}
        is_wider = self._decide(self._keepers | coming.difference(self.layout.gone))
        return self._decide(self._keepers - gone) or is_wider

    def strike(self, member_id: str) -> bool:
        """This one is to go. Is there another layout by that?"""
        return self._decide(self._keepers - {member_id})

    def _decide(self, keepers: frozenset[str]) -> bool:
        if keepers == self._keepers or not keepers:
            return False
        self.layout, self._keepers = settled(joint(self.layout, sorted(keepers))), keepers
        return True
