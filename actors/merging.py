"""Of which of its partitions a replica may lack something. It has merged one when it holds whatever
copies of a majority of the owners held: then any write that was acknowledged is here too. Where
most of the old owners were given up that takes all that are left: any may have what no other has.

In a joint layout the owners to be are to merge what moves, in that epoch, for no write of an
earlier one can follow. After a start, and where an epoch was missed, each partition is merged once.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.layout import NO_LAYOUT, Placement


class Merging:
    """`here` is this replica's id. With `checks` all of its partitions are to be merged after its
    start, else only those that it is new to."""

    def __init__(self, here: str, *, checks: bool) -> None:
        self._here = here
        self._checks = checks
        self._placement = Placement(NO_LAYOUT)
        self._gaining: dict[int, set[str]] = {}
        self._gained: set[int] = set()
        self._unchecked: dict[int, set[str]] = {}
        self._differing: dict[int, dict[str, None]] = {}
        self.own: tuple[int, ...] = ()
        """The partitions that this replica owns, in order."""

    def adopt(self, placement: Placement) -> None:
        """This is the layout now: what is merged stays so where the owners are the same."""
        own = placement.owned_by(self._here)
        unchecked: dict[int, set[str]] = {}
        for p in own:
            if self._here in placement.old_owners(p):
                credits = self._credits(placement, p)
                if credits is not None:
                    unchecked[p] = credits
        differing = {}
        for p, there in self._differing.items():
            owners = placement.owners(p)
            peers = [q for q in there if q in owners]
            if self._here in owners and peers:
                differing[p] = dict.fromkeys(peers)
        moving = [p for p in own if self._moves_here(placement, p)]
        self.own, self._placement = own, placement
        self._gaining, self._gained = {p: set() for p in moving}, set()
        self._unchecked, self._differing = unchecked, differing
        for p in [*moving, *unchecked]:
            self._settle(p)

    def _credits(self, placement: Placement, p: int) -> set[str] | None:
        """From which others a partition is merged that is not merged from enough; None if it is."""
        before = self._placement
        if not before.layout.epoch:
            return set() if self._checks else None
        owners = placement.old_owners(p)
        if p in self._gained and are_same(owners, before.new_owners(p)):
            return None
        if are_same(owners, before.old_owners(p)):
            return self._unchecked.get(p)
        return set()

    def _moves_here(self, placement: Placement, p: int) -> bool:
        return placement.moves(p) and self._here in placement.new_owners(p)

    @property
    def moving(self) -> int:
        """How many partitions with other owners than before this replica is to have merged."""
        return len(self._gaining) + len(self._gained)

    @property
    def moved(self) -> int:
        """How many of them it has."""
        return len(self._gained)

    def is_gaining(self, partition: int) -> bool:
        """Is this replica new to it, and has not merged it yet?"""
        return partition in self._gaining

    @property
    def is_complete(self) -> bool:
        """Is nothing lacking, as far as is known?"""
        return not (self._gaining or self._unchecked or self._differing)

    def behind(self) -> list[int]:
        """The partitions of which something may be lacking, in order."""
        return sorted({*self._gaining, *self._unchecked, *self._differing})

    def wanted(self) -> Iterator[tuple[int, list[str], int]]:
        """For each of them from which others something is still wanted, and from how many."""
        here, sources_of = self._here, self._placement.sources
        for p, credits in {**self._unchecked, **self._gaining}.items():
            sources, needed = sources_of(p)
            others = [q for q in sources if q != here and q not in credits]
            yield p, others, needed - len(credits) - (here in sources)
        for p, peers in self._differing.items():
            yield p, list(peers), len(peers)

    def is_wanted(self, partition: int, peer: str) -> bool:
        """Is it still of use to take what this peer has of a partition?"""
        if peer in self._differing.get(partition, ()):
            return True
        credits = self._gaining.get(partition, self._unchecked.get(partition))
        sources, _ = self._placement.sources(partition)
        return credits is not None and peer in sources and peer not in credits

    def merged(self, partition: int, peer: str) -> None:
        """All that this peer held of a partition in this epoch is on the disk here."""
        peers = self._differing.get(partition)
        if peers is not None:
            peers.pop(peer, None)
            if not peers:
                del self._differing[partition]
        gaining, unchecked = self._gaining.get(partition), self._unchecked.get(partition)
        if gaining is None and unchecked is None:
            return
        if peer in self._placement.sources(partition)[0]:
            for credits in (gaining, unchecked):
                if credits is not None:
                    credits.add(peer)
            self._settle(partition)

    def differs(self, partition: int, peer: str) -> None:
        """This peer may have something that is not here."""
        self._differing.setdefault(partition, {})[peer] = None

    def forget(self, peer: str) -> None:
        """What this peer may have cannot be had now; others are asked in their turn."""
        for p in [p for p, peers in self._differing.items() if peer in peers]:
            del self._differing[p][peer]
            if not self._differing[p]:
                del self._differing[p]

    def _missing(self, p: int, credits: set[str]) -> int:
        sources, needed = self._placement.sources(p)
        return needed - len(credits) - (self._here in sources)

    def _settle(self, p: int) -> None:
        """Is it merged from enough by now?"""
        if p in self._gaining and self._missing(p, self._gaining[p]) <= 0:
            del self._gaining[p]
            self._gained.add(p)
            self._unchecked.pop(p, None)
        if p in self._unchecked and self._missing(p, self._unchecked[p]) <= 0:
            del self._unchecked[p]


def are_same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Are these the same owners, in whatever order?"""
    return one == other or set(one) == set(other)
