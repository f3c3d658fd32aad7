"""What the parts of a router share: who owns what, who is down, the clock, what is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from actors.actor import HOST, Address, Envelope, Now, Trace
from actors.asks import Asks, Part
from actors.jobs import Job
from actors.layout import NO_LAYOUT, Placement, Sets
from actors.messages import Dropped, Message
from actors.sizes import MESSAGE_BYTES
from actors.versions import Stamp

MAX_PART_KEYS = 1_000

P = TypeVar("P", bound="SizedPart")


class SizedPart(Part, Protocol):
    """A part of a job whose size in a message is known: not more than fits into one."""

    @property
    def size_bytes(self) -> int:
        """At most so many bytes."""


Gathered = dict[tuple[str, Trace | None], list[P]]
"""What a turn has gathered for one owner; traced requests each by themselves."""


class Desk:
    """Of the router of the node `here`, in its life `boot`. `placement` is that of the layout on
    the own disk. With `welcome` this node's clock may be counted on."""

    def __init__(self, here: Address, boot: str, clock: int, asks: Asks) -> None:
        self.here = here
        self.node = here.node
        self.clock = clock
        self.asks = asks
        self.placement = Placement(NO_LAYOUT)
        self.names: Mapping[str, str] = {}
        self.down: frozenset[str] = frozenset()
        self.welcome = False
        self.out: list[Envelope] = []
        self.now = Now(0, 0)
        self._boot = boot

    @property
    def epoch(self) -> int:
        """Of the layout in which everything is asked."""
        return self.placement.layout.epoch

    def rename(self, names: Mapping[str, str]) -> None:
        """These are the members. Those that were struck out may still be owners, until the data has
        moved: their names stay until then."""
        lost = [node for node in self.placement.layout.lost if node in self.names]
        self.names = {**{node: self.names[node] for node in lost}, **names}

    def name_all(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """What people call them."""
        return tuple([self.names.get(node, node) for node in nodes])

    def keepers(self, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the owners of a key, and of those of them that are down."""
        owners = dict.fromkeys([node for owners in self.placement.sets_of(key) for node in owners])
        return self.name_all(owners), self.name_all([n for n in owners if n in self.down])

    def stamp(self) -> Stamp:
        """A new one, above every clock that was seen."""
        self.clock += 1
        return Stamp(self.clock, self.node, self._boot)

    def ask(
        self, node: str, actor: str, message: Message, parts: Sequence[Part], trace: Trace | None
    ) -> None:
        """Ask a replica."""
        self.out.append(self.asks.send(Address(node, actor), message, parts, trace, self.now))

    def send(self, node: str, actor: str, message: Message) -> None:
        """Tell a node what is not to be answered."""
        self.out.append(Envelope(Address(node, actor), self.here, message))

    def drop(self, reason: str) -> None:
        """Something from outside was not acted on: let it be counted."""
        self.send(self.node, HOST, Dropped(reason))

    def grouped(self, keys: Sequence[str], positions: Iterable[int]) -> dict[Sets, list[int]]:
        """The positions of those keys that have the same owners."""
        groups: dict[Sets, list[int]] = {}
        sets_of = self.placement.sets_of
        for i in positions:
            groups.setdefault(sets_of(keys[i]), []).append(i)
        return groups


def cut(
    positions: Sequence[int], size_bytes: Callable[[int], int]
) -> Iterator[tuple[list[int], int]]:
    """Pieces that fit into a message each, with their sizes."""
    piece: list[int] = []
    total = 0
    for i in positions:
        more = size_bytes(i)
        if piece and (total + more > MESSAGE_BYTES or len(piece) == MAX_PART_KEYS):
            yield piece, total
            piece, total = [], 0
        piece.append(i)
        total += more
    if piece:
        yield piece, total


def packed(parts: Sequence[P]) -> Iterator[list[P]]:
    """The same parts in the same order, as many together as fit into a message."""
    together: list[P] = []
    total = 0
    for part in parts:
        if together and total + part.size_bytes > MESSAGE_BYTES:
            yield together
            together, total = [], 0
        together.append(part)
        total += part.size_bytes
    if together:
        yield together


class Open:
    """The jobs that are under way, and how much they hold."""

    def __init__(self) -> None:
        self.jobs: dict[Job, None] = {}
        self.keys = 0
        self.bytes = 0

    @property
    def is_empty(self) -> bool:
        """Is nothing under way, and nothing counted?"""
        return not (self.jobs or self.keys or self.bytes)

    def add(self, job: Job) -> None:
        """It begins."""
        self.jobs[job] = None
        self.keys += len(job.codes)
        self.bytes += job.bytes_held

    def grew(self, by_bytes: int) -> None:
        """A job holds so much more."""
        self.bytes += by_bytes

    def end(self, job: Job) -> bool:
        """It is over, if it was not before."""
        if job not in self.jobs:
            return False
        del self.jobs[job]
        self.keys -= len(job.codes)
        self.bytes -= job.bytes_held
        return True
