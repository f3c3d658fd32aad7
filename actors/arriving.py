"""A node that belongs to a network tells the others that it is there; and one that starts again
serves nothing before another member has answered it, and did not say that it has left. Where it is
the only member that is left, by the layout on its own disk, there is nobody to be asked.

One that starts again at another address first asks at the former one: if its data folder was
copied, another node with its id is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import ENDPOINT, Now
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import LIVING, Member, Members
from actors.messages import Tell
from actors.outbox import Outbox


class Arriving:
    """`is_confirmed` says whether the node may serve."""

    def __init__(
        self, members: Members, outbox: Outbox, rng: Random, settings: GossipSettings
    ) -> None:
        self._members = members
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._untold: dict[str, None] = {}
        self._given: tuple[str, ...] = ()
        self._retell_at_ms = 0
        self._retell_pause_ms = settings.retell_ms
        self._former = ""
        self._moved_until_ms: int | None = None
        self._was_answered = True
        self._keeps_all = False
        self.network = ""

    @property
    def is_confirmed(self) -> bool:
        """May this node serve?"""
        return self._was_answered and not self._former

    @property
    def looks_for_a_copy(self) -> bool:
        """Is it not clear yet whether another node with this one's id runs where it was before?"""
        return bool(self._former)

    @property
    def has_moved(self) -> bool:
        """Was this node elsewhere when it ran last?"""
        return self._moved_until_ms is not None or bool(self._former)

    @property
    def wake_at(self) -> int | None:
        """When to tell again: monotonic ms."""
        if self._moved_until_ms is not None and self._former:
            return min(self._retell_at_ms, self._moved_until_ms)
        return self._retell_at_ms if self._is_untold else None

    @property
    def _is_untold(self) -> bool:
        return bool(self._untold or self._given or self._former)

    def start_again(self, former: Member | None) -> str:
        """A node that belonged already; what it waits for, or empty. `former` is what it had
        remembered of itself."""
        others = self._members.others()
        if former is not None and former.address != self._members.me.address:
            self._former = former.address
        if others:
            self._was_answered = False
            names = ", ".join(m.name for m in others[:10])
            more = f" and {len(others) - 10} more" if len(others) > 10 else ""
            return f"waiting for one of {names}{more} to confirm that this node is still a member"
        if self._former:
            return f"looking whether this node still runs at {self._former}, where it was before"
        return ""

    def arrive(self, peers: Sequence[str]) -> None:
        """Say so to the others themselves, or some of them: rumours may not reach them yet. `peers`
        are addresses that the node was told of; where all have moved, nobody is elsewhere."""
        others = [m.id for m in self._members.others()]
        count = min(self._settings.all_neighbours, len(others))
        self._untold = dict.fromkeys(self._rng.sample(others, count))
        self._given = tuple(peers)

    def answered(self, node: str) -> None:
        """A member has answered, and did not say that this node has left."""
        if self._members.is_known(node):
            self._was_answered = True

    def on_layout(self, layout: Layout) -> None:
        """Another layout is on the disk; the list of members follows it already."""
        self._keeps_all = layout.members == (self._members.me.id,)

    def bounced(self, node: str) -> None:
        """A message bounces while a connection is being made: tell again, but not for ever who is
        down: it is tried now and then anyway."""
        member = self._members.get(node)
        if member is not None and (member.state in LIVING or not self._was_answered):
            self._untold[node] = None

    def due(self, now: Now) -> None:
        """Tell those who have not been told."""
        if self._keeps_all and not self._members.others():
            self._was_answered = True
        if self._former and self._moved_until_ms is None:
            self._moved_until_ms = now.mono_ms + self._settings.moved_patience_ms
        if self._moved_until_ms is not None and now.mono_ms >= self._moved_until_ms:
            self._former = ""
        if now.mono_ms < self._retell_at_ms or not self._is_untold:
            return
        self._retell_at_ms = now.mono_ms + self._retell_pause_ms
        self._retell_pause_ms = min(2 * self._retell_pause_ms, self._settings.push_pull_ms)
        untold, self._untold = self._untold, {}
        given, self._given = self._given, ()
        for address in given:
            self._tell(f"{ENDPOINT}{address}")
        for member_id in untold:
            if self._members.is_known(member_id):
                self._tell(member_id)
        if not self._was_answered:
            # They may have been told, and their answer been lost.
            self._untold, self._given = untold, given
        if self._former:
            self._tell(f"{ENDPOINT}{self._former}")

    def _tell(self, node: str) -> None:
        self._outbox.tell(node, Tell(self.network, (self._members.me,), ()))
