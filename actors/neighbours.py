"""Whose publications a node hears: everybody's in a small network, beyond that those of a random,
slowly changing handful. The handful is logarithmic in the size, so that rumours still reach all;
and each node hears the next one by id too, so that there is nobody whom nobody hears.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Now
from actors.gossip_settings import GossipSettings
from actors.membership import LIVING, Member


class Neighbours:
    """The present choice of the node `here`, by id; the longest chosen are first."""

    def __init__(self, here: str, rng: Random, settings: GossipSettings) -> None:
        self._here = here
        self._rng = rng
        self._settings = settings
        self._chosen: list[str] = []
        self._change_at_ms = 0

    def choose(self, others: Sequence[Member], now: Now) -> tuple[Member, ...]:
        """Of the others, in order of id, those to hear. Who lives stays chosen; who does not is
        replaced at once; and one is exchanged every `neighbour_change_ms`."""
        if len(others) <= self._settings.all_neighbours:
            self._chosen = []
            return tuple(others)
        living = [m.id for m in others if m.state in LIVING]
        nearest = self._next(living or [m.id for m in others])
        living = [i for i in living if i != nearest]
        lively = set(living)
        # The logarithm to base 2, rounded up, and two to spare; one of them is the nearest.
        wanted = (len(others) - 1).bit_length() + 1
        chosen = [m for m in self._chosen if m in lively][:wanted]
        if not chosen:
            self._change_at_ms = now.mono_ms + self._settings.neighbour_change_ms
        elif now.mono_ms >= self._change_at_ms:
            self._change_at_ms = now.mono_ms + self._settings.neighbour_change_ms
            self._exchange(chosen, living)
        self._fill(chosen, living, wanted)
        # Too few live. The others are listened for, those first that were before.
        present = [m.id for m in others if m.id != nearest]
        known = set(present)
        self._fill(chosen, [m for m in self._chosen if m in known], wanted)
        self._fill(chosen, present, wanted)
        self._chosen = chosen
        heard = {nearest, *chosen}
        return tuple(m for m in others if m.id in heard)

    def _next(self, ids: Sequence[str]) -> str:
        """The first after this node's own, in the circle of the ids."""
        return next((i for i in ids if i > self._here), ids[0])

    def _exchange(self, chosen: list[str], living: Sequence[str]) -> None:
        """One for another, if there is another."""
        fresh = [m for m in living if m not in chosen]
        if fresh:
            chosen.remove(self._rng.choice(chosen))
            chosen.append(self._rng.choice(fresh))

    def _fill(self, chosen: list[str], candidates: Sequence[str], wanted: int) -> None:
        """Add random ones of these until there are enough."""
        if len(chosen) < wanted:
            fresh = [m for m in candidates if m not in chosen]
            chosen += self._rng.sample(fresh, min(wanted - len(chosen), len(fresh)))
