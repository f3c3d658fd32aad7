"""Which members keep the data: each layout has a number, its epoch, and is decided by a majority of
the members of the one before.

A layout is stable, or joint while data moves from the members `base` to the members `next`: then
every quorum is a majority of the owners in both (joint consensus: Ongaro and Ousterhout, "In search
of an understandable consensus algorithm", USENIX ATC 2014, section 6).

A member may be given up: it is gone at once, but keeps its place among the owners until the data
has moved, and there counts as one that never answers. Where most of the old owners of a partition
were given up there is no majority of them any more: all that are left, old and new, are asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from actors import ring
from actors.hexadecimal import is_hex
from actors.ring import Ring, partition_of

MAX_MEMBERS = 3_000
MAX_GONE = 3_000
"""Of those that left, so many are remembered; the first to be forgotten left first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`base` and `next` are ids, sorted; `next` is empty while the layout is stable. `gone` are the
    ids of those that were members and are no more, the last to leave last; one of them that is in
    the base was given up."""

    epoch: int
    base: tuple[str, ...]
    next: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def target(self) -> tuple[str, ...]:
        """The members when nothing moves any more."""
        return self.next or self.base

    @property
    def members(self) -> tuple[str, ...]:
        """All who have a part in it, in the order of their ids."""
        return tuple(sorted({*self.base, *self.next}.difference(self.gone)))

    @property
    def voters(self) -> tuple[str, ...]:
        """Those of the base who decide what the next layout is."""
        gone = set(self.gone)
        return tuple([m for m in self.base if m not in gone])

    @property
    def lost(self) -> tuple[str, ...]:
        """Those of the base that were given up."""
        gone = set(self.gone)
        return tuple([m for m in self.base if m in gone])


NO_LAYOUT = Layout(0, (), (), ())
"""What a node has before it has heard of any."""


def founding(members: Sequence[str]) -> Layout:
    """The first layout of a network."""
    return Layout(1, tuple(sorted(members)), (), ())


def joint(layout: Layout, target: Sequence[str]) -> Layout:
    """From a stable layout towards other members."""
    return Layout(layout.epoch + 1, layout.base, tuple(sorted(target)), layout.gone)


def settled(layout: Layout) -> Layout:
    """A joint layout whose data has moved."""
    gone = tuple([m for m in (*layout.gone, *layout.base) if m not in layout.next])
    return Layout(layout.epoch + 1, layout.next, (), tuple(dict.fromkeys(gone))[-MAX_GONE:])


def aborted(layout: Layout) -> Layout:
    """A joint layout whose move is given up."""
    return Layout(layout.epoch + 1, layout.base, (), layout.gone)


def given_up(layout: Layout, members: Sequence[str]) -> Layout:
    """Stable, and these are members no more, though nobody has got yet what they had. If the layout
    was joint the move is given up too: some of these may be new owners in it. Where nobody is left
    of the base, those that were to come are."""
    gone = tuple(dict.fromkeys([*layout.gone, *members]))
    base = layout.base if set(layout.base).difference(gone) else layout.next
    # Those that still have their places are never the first to be forgotten.
    lost = [m for m in gone if m in base]
    gone = (*[m for m in gone if m not in base], *lost)
    return Layout(layout.epoch + 1, base, (), gone[-MAX_GONE:])


def bumped(layout: Layout) -> Layout:
    """A stable layout once more, under the next epoch."""
    return Layout(layout.epoch + 1, layout.base, (), layout.gone)


def fault(layout: Layout) -> str:
    """Why this cannot be a layout, or empty. What comes from outside is checked by this."""
    for ids in (layout.base, layout.next):
        if list(ids) != sorted(set(ids)) or len(ids) > MAX_MEMBERS:
            return "the members of a layout are in order, each once, and 3,000 at most"
    if len(layout.gone) > MAX_GONE or len(set(layout.gone)) < len(layout.gone):
        return "those that are gone stand there once each, and are 3,000 at most"
    for ids in (layout.base, layout.next, layout.gone):
        if not all(is_hex(id, 16) for id in ids):
            return "an id has 16 digits of lower-case hex"
    if bool(layout.epoch) != bool(layout.voters):
        return "a layout has an epoch above zero, and members"
    return "one that is gone cannot come back" if {*layout.gone} & {*layout.next} else ""


def layout_to_bytes(layout: Layout) -> bytes:
    """As JSON, for the disk."""
    return json.dumps([layout.epoch, layout.base, layout.next, layout.gone]).encode()


def layout_from_bytes(data: bytes) -> Layout:
    """What was kept; NO_LAYOUT of no bytes. Raises ValueError or TypeError if spoilt."""
    if not data:
        return NO_LAYOUT
    epoch, base, following, gone = json.loads(data)
    return Layout(epoch, tuple(base), tuple(following), tuple(gone))


Sets = tuple[tuple[str, ...], ...]
"""The preference lists of a key: one, or more while its partition moves. A quorum is a majority of
each."""


class Placement:
    """Who owns what in a layout."""

    __slots__ = ("_table", "layout")

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._table = _table_of(layout.base, layout.next, layout.lost)

    def sets(self, partition: int) -> Sets:
        """The preference lists of a partition; the new owners' is last. None without members."""
        return self._table.sets[partition]

    def sets_of(self, key: str) -> Sets:
        """The preference lists of the key's partition."""
        return self._table.sets[partition_of(key)]

    def owners(self, partition: int) -> tuple[str, ...]:
        """All owners of a partition, old and new, in the order of preference."""
        return self._table.owners[partition]

    def old_owners(self, partition: int) -> tuple[str, ...]:
        """Its owners among the members of the base."""
        return self._table.old[partition]

    def new_owners(self, partition: int) -> tuple[str, ...]:
        """Its owners when nothing moves any more."""
        return self._table.new[partition]

    def sources(self, partition: int) -> tuple[tuple[str, ...], int]:
        """From whom a new owner is to merge it, itself included, and from how many of them."""
        old = self._table.old[partition]
        heirs = self._table.heirs[partition]
        return (heirs, len(heirs)) if heirs else (old, majority(len(old)))

    def owned_by(self, member: str) -> tuple[int, ...]:
        """The partitions of which a member is an owner, old or new, in order."""
        return self._table.owned.get(member, ())

    def moves(self, partition: int) -> bool:
        """Has it other owners in the end than at present?"""
        return len(self._table.sets[partition]) > 1

    def kinds_of_sets(self) -> tuple[Sets, ...]:
        """The preference lists that there are, each once."""
        return self._table.kinds


_Told = tuple[Sets, tuple[str, ...], tuple[str, ...]]
"""Of a partition: its preference lists, all of its owners, and its heirs."""


class _Table:
    """What a placement tells, found once for all partitions."""

    __slots__ = ("heirs", "kinds", "new", "old", "owned", "owners", "sets")

    def __init__(
        self, base: tuple[str, ...], following: tuple[str, ...], lost: tuple[str, ...] = ()
    ) -> None:
        none: tuple[str, ...] = ()
        partitions = range(ring.PARTITIONS)
        old = ring_of(base).owners if base else lambda partition: none
        new = ring_of(following).owners if following else old
        self.old = tuple([old(p) for p in partitions])
        self.new = tuple([new(p) for p in partitions])
        # Partitions with the same owners share what is told of them.
        known: dict[tuple[tuple[str, ...], tuple[str, ...]], _Told] = {}
        for pair in zip(self.old, self.new, strict=True):
            if pair not in known:
                heirs = _heirs_of(*pair, lost) if following else none
                # A majority of a list of one is that one: every heir has to answer.
                sets = (*[(heir,) for heir in heirs], pair[1]) if heirs else _sets_of(*pair)
                owners = tuple(dict.fromkeys([owner for list_ in sets for owner in list_]))
                known[pair] = sets, owners, heirs
        told = [known[pair] for pair in zip(self.old, self.new, strict=True)]
        self.sets = tuple([sets for sets, _, _ in told])
        self.owners = tuple([owners for _, owners, _ in told])
        self.heirs = tuple([heirs for _, _, heirs in told])
        self.kinds = tuple(dict.fromkeys([sets for sets, _, _ in known.values()]))
        owned: dict[str, list[int]] = {}
        for p, owners in enumerate(self.owners):
            for owner in owners:
                owned.setdefault(owner, []).append(p)
        self.owned = {member: tuple(partitions) for member, partitions in owned.items()}


def _heirs_of(old: tuple[str, ...], new: tuple[str, ...], lost: tuple[str, ...]) -> tuple[str, ...]:
    """Where so many old owners were given up that the others are no majority: these others and the
    new owners. Any of them may have what nobody else has, so all are needed. Elsewhere none."""
    left = [owner for owner in old if owner not in lost]
    is_lost = bool(old) and len(left) < majority(len(old))
    return tuple(dict.fromkeys([*left, *new])) if is_lost else ()


def _sets_of(old: tuple[str, ...], new: tuple[str, ...]) -> Sets:
    """Two lists only where a quorum of one may be none of the other."""
    if not old:
        return ()
    return (new,) if set(old) == set(new) else (old, new)


@lru_cache(maxsize=16)
def _table_of(
    base: tuple[str, ...], following: tuple[str, ...], lost: tuple[str, ...] = ()
) -> _Table:
    return _Table(base, following, lost)


@lru_cache(maxsize=16)
def ring_of(members: tuple[str, ...]) -> Ring:
    """The ring of some members, made once: a layout after the next has it again."""
    return Ring(members)


def forget_tables() -> None:
    """What was made for another number of partitions is of no use."""
    _table_of.cache_clear()
    ring_of.cache_clear()


def majority(owners: int) -> int:
    """How many of so many owners are a quorum."""
    return owners // 2 + 1
