"""How many owners have to agree: of each preference list a majority, or one, or all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from actors.layout import Sets, majority
from actors.messages import Level


@lru_cache(maxsize=4_096)
def needs(sets: Sets, level: Level) -> tuple[int, ...]:
    """How many owners of each list have to answer."""
    match level:
        case "one":
            return (1,) * len(sets)
        case "all":
            return tuple([len(owners) for owners in sets])
    return tuple([majority(len(owners)) for owners in sets])


class Quorum:
    """Counts distinct owners, in one epoch. `yes` and `no` are those that have, or will not."""

    __slots__ = ("_needs", "_sets", "no", "yes")

    def __init__(self, sets: Sets, level: Level) -> None:
        self._sets = sets
        self._needs = needs(sets, level)
        self.yes: dict[str, None] = {}
        self.no: dict[str, None] = {}

    def owners(self) -> tuple[str, ...]:
        """All of them, old and new, in the order of preference."""
        if len(self._sets) == 1:
            return self._sets[0]
        return tuple(dict.fromkeys([owner for owners in self._sets for owner in owners]))

    def fewest(self, order: Sequence[str]) -> tuple[str, ...]:
        """The first of these owners that are enough if they all answer; all of them if none are."""
        if len(self._sets) == 1:
            return tuple(order[: self._needs[0]])
        missing = list(self._needs)
        chosen: list[str] = []
        for node in order:
            lists = [n for n, owners in enumerate(self._sets) if missing[n] and node in owners]
            if lists:
                chosen.append(node)
            for n in lists:
                missing[n] -= 1
        return tuple(chosen)

    def met(self) -> bool:
        """Are there enough?"""
        yes = self.yes
        if len(yes) < self._needs[0]:
            return False
        for owners, needed in zip(self._sets, self._needs, strict=True):
            if sum([owner in yes for owner in owners]) < needed:
                return False
        return True

    def lost(self) -> bool:
        """Can there never be enough?"""
        no = self.no
        if not no:
            return False
        for owners, needed in zip(self._sets, self._needs, strict=True):
            if len(owners) - sum([owner in no for owner in owners]) < needed:
                return True
        return False

    def complete(self) -> bool:
        """Has every owner answered, or will not?"""
        if len(self.yes) + len(self.no) < len(self._sets[0]):
            return False
        return all(owner in self.yes or owner in self.no for owner in self.owners())
