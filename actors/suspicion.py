"""When a suspected member is to be called dead: after a long time on the word of one node, the
sooner the more others have pinged it in vain too.

Dadgar, Phillips and Currey, Lifeguard: Local Health Awareness for More Accurate Failure Detection,
2018, section IV.B.
"""

from __future__ import annotations

import math

from actors.gossip_settings import GossipSettings
from actors.membership import Member


class Suspicion:
    """Of one member at one incarnation, begun at `since_ms` among `living` nodes, itself and this
    one included. `accusers` are those who vouch for it."""

    def __init__(
        self, member: Member, living: int, settings: GossipSettings, since_ms: int
    ) -> None:
        self.member = member
        self.accusers: dict[str, None] = {}
        self._since_ms = since_ms
        # Others than the suspect and the first accuser can confirm.
        self.wanted = max(0, min(settings.confirmations, living - 2))
        self._min_ms = settings.suspicion_ms * max(1.0, math.log10(living + 1))
        self._max_ms = self._min_ms * settings.suspicion_stretch

    def is_of(self, member: Member) -> bool:
        """Is this news of the same life and incarnation?"""
        mine = self.member
        return (mine.boot, mine.incarnation) == (member.boot, member.incarnation)

    def is_confirmed(self) -> bool:
        """Have enough others vouched? More would change nothing."""
        return len(self.accusers) > self.wanted

    @property
    def dead_at_ms(self) -> int:
        """When it has had time enough to refute."""
        if self.wanted == 0:
            return self._since_ms + int(self._min_ms)
        confirmed = min(self.wanted, max(0, len(self.accusers) - 1))
        share = math.log(confirmed + 1) / math.log(self.wanted + 1)
        return self._since_ms + int(self._max_ms - (self._max_ms - self._min_ms) * share)

    def shift(self, by_ms: int) -> None:
        """This node has stood still for so long: that time does not count."""
        self._since_ms += by_ms
