"""The ring for a person: its partitions as a block of cells, in the order of their positions, and
each of its members with a letter and a colour.

Who owns a partition is a letter, and what it lacks a mark: nothing is told by colours alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal

from rich.style import Style
from rich.text import Text

from nodes.look import Look
from nodes.ring_view import Ring, RingMember
from nodes.terminal import PALETTE, colour_of, printable

PartitionState = Literal["unavailable", "under_replicated", "moving", "whole"]

MARKS: dict[PartitionState, str] = {"unavailable": "!", "under_replicated": "-", "moving": ">"}
_MARK_STYLES: dict[PartitionState, str] = {
    "unavailable": "bold white on red",
    "under_replicated": "black on yellow",
    "moving": "black on cyan",
}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BEYOND = "*"
_NOBODY = "."
_BLOCK = "█"

ROWS = 16
"""A row a first digit of the position."""
MAX_CELLS = 256
LEAST_CELLS = 8
LABEL = 2
"""Columns of what is before a row."""


@dataclass(frozen=True, slots=True)
class Named:
    """A member of the ring as it is shown: its place in `ring.members`, a letter, a colour out of
    256 that no other has as long as there are as many colours."""

    place: int
    member: RingMember
    letter: str
    colour: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Neighbouring partitions: the place of whoever is the first owner of most of them, or None if
    they have none, and the worst that is to be told of any of them."""

    owner: int | None
    state: PartitionState


def named(ring: Ring) -> list[Named]:
    """The members by name, each with its letter and colour."""
    shown: list[Named] = []
    taken: set[int] = set()
    in_order = sorted(enumerate(ring.members), key=lambda pair: (pair[1].name, pair[1].id))
    for n, (place, member) in enumerate(in_order):
        own = colour_of(printable(member.name))
        first = PALETTE.index(own)
        free = [c for c in (*PALETTE[first:], *PALETTE[:first]) if c not in taken]
        colour = free[0] if free else own
        taken.add(colour)
        letter = _LETTERS[n] if n < len(_LETTERS) else _BEYOND
        shown.append(Named(place, member, letter, colour))
    return shown


def cells(ring: Ring, count: int) -> list[Cell]:
    """The ring in `count` cells, a divisor of the number of its partitions."""
    size = len(ring.owners) // count
    drawn: list[Cell] = []
    for start in range(0, len(ring.owners), size):
        partitions = range(start, start + size)
        firsts = Counter([ring.owners[p][0] for p in partitions if ring.owners[p]])
        owner = firsts.most_common(1)[0][0] if firsts else None
        drawn.append(Cell(owner, _worst(ring, partitions)))
    return drawn


def _worst(ring: Ring, partitions: range) -> PartitionState:
    if not ring.unavailable.isdisjoint(partitions):
        return "unavailable"
    if not ring.under_replicated.isdisjoint(partitions):
        return "under_replicated"
    return "whole" if ring.moving.isdisjoint(partitions) else "moving"


def block(ring: Ring, look: Look, columns: int, rows: int = ROWS) -> list[Text]:
    """So many rows (a power of two), each with the digit that its positions begin with; as many
    cells a row as there is room for, down to one a partition."""
    width = LEAST_CELLS
    while width * 2 <= min(MAX_CELLS, columns - LABEL, len(ring.owners) // rows):
        width *= 2
    by_place = {shown.place: shown for shown in named(ring)}
    drawn = cells(ring, rows * width)
    lines: list[Text] = []
    for row in range(rows):
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{row * 16 // rows:x}".ljust(LABEL), "dim")
        glyphs = [_glyph(cell, by_place, look) for cell in drawn[row * width : (row + 1) * width]]
        for style, run in groupby(glyphs, itemgetter(1)):
            line.append("".join([character for character, _ in run]), style)
        lines.append(line)
    return lines


def _glyph(cell: Cell, by_place: dict[int, Named], look: Look) -> tuple[str, str | Style]:
    if cell.state != "whole":
        return MARKS[cell.state], _MARK_STYLES[cell.state]
    if cell.owner is None:
        return _NOBODY, ""
    owner = by_place[cell.owner]
    style = Style(color=f"color({owner.colour})")
    return _BLOCK if look.colours and look.unicode else owner.letter, style


def legend(ring: Ring) -> Text:
    """What the marks mean, of those that there are, and how many partitions are so."""
    counts: list[tuple[PartitionState, int, str]] = [
        ("unavailable", len(ring.unavailable), "unavailable"),
        ("under_replicated", len(ring.under_replicated), "lack a copy"),
        ("moving", len(ring.moving), "move to new owners"),
    ]
    line = Text(no_wrap=True, overflow="crop")
    for state, count, meaning in counts:
        if count:
            line.append("   " if line else "").append(MARKS[state], _MARK_STYLES[state])
            line.append(f" {count:,} of {len(ring.owners):,} {meaning}")
    return line or Text("every partition has all its copies", no_wrap=True, overflow="crop")


def share_bar(copies: int, largest: int, width: int) -> str:
    """A bar as long as its share is in comparison with the largest one, and seen if it is any."""
    return "#" * max(1, round(copies / largest * width)) if copies else ""
