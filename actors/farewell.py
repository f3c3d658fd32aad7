"""A node that goes tells others so until they have answered: to have sent it is not enough, for a
connection may just be being made, or end with what was on its way.
"""

from __future__ import annotations

from actors.actor import Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.membership import Members
from actors.messages import Ping
from actors.outbox import Outbox


class Farewell:
    """Of the node whose `members` these are, from the first `due` on. Its pings carry the node's
    own record: who answers one has taken that in."""

    def __init__(
        self, network: str, members: Members, outbox: Outbox, settings: GossipSettings
    ) -> None:
        self._network = network
        self._members = members
        self._outbox = outbox
        self._settings = settings
        # Where nobody else lives the dead are told: they may be called so wrongly.
        self._to_dead = not members.living()
        self._pings: dict[int, str] = {}
        self._answered: set[str] = set()
        self._until_ms: int | None = None
        self._again_ms = 0

    @property
    def wake_at(self) -> int:
        """When to tell again, or to give up: monotonic ms."""
        return self._again_ms if self._until_ms is None else min(self._again_ms, self._until_ms)

    @property
    def is_heard(self) -> bool:
        """Does another member know?"""
        return bool(self._answered)

    def is_over(self, now: Now) -> bool:
        """Has everybody answered who can be expected to, or had time enough?"""
        return not self._untold() or (self._until_ms is not None and now.mono_ms >= self._until_ms)

    def on_ack(self, envelope: Envelope, now: Now) -> None:
        """A member answers. When the first has, the others are given one more round."""
        if self._pings.get(envelope.id) == envelope.sender.node and self._until_ms is not None:
            if not self._answered:
                self._until_ms = min(self._until_ms, now.mono_ms + self._settings.gossip_ms)
            self._answered.add(envelope.sender.node)

    def due(self, now: Now) -> None:
        """Tell those who have not answered."""
        if self._until_ms is None:
            self._until_ms = now.mono_ms + self._settings.farewell_ms
        if now.mono_ms < self._again_ms:
            return
        self._again_ms = now.mono_ms + self._settings.retell_ms
        for member_id in self._untold():
            ping = Ping(self._network, now.wall_ms, (self._members.me,))
            self._pings[self._outbox.send(member_id, ping)] = member_id

    def _untold(self) -> list[str]:
        """Of some members: they tell the others."""
        members = self._members.others() if self._to_dead else self._members.living()
        some = members[: self._settings.all_neighbours]
        return [m.id for m in some if m.id not in self._answered]
