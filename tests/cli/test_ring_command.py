"""What ring tells a person and a script of who owns what."""

from __future__ import annotations

import re

import orjson
import pytest

from nodes.look import Look, rendered
from nodes.ring_command import ring_fields
from nodes.ring_picture import block, cells, legend, named, share_bar
from nodes.ring_view import Ring, RingMember
from tests.cli.conftest import Run

PARTITIONS = 4_096
PLAIN = Look(colours=False, unicode=False)
FULL = Look(colours=True, unicode=True)


def ring_of(count: int = 3, **states: frozenset[int]) -> Ring:
    """A ring of so many members, one of which owns the first partitions, the next the next ones."""
    size = PARTITIONS // count + 1
    members = [
        RingMember(f"{n:016x}", f"node{n}", "alive", PARTITIONS, 1 / count, False)
        for n in range(count)
    ]
    owners = [(p // size, (p // size + 1) % count) for p in range(PARTITIONS)]
    no_states = dict.fromkeys(("moving", "under_replicated", "unavailable"), frozenset[int]())
    return Ring(7, tuple(members), tuple(owners), **{**no_states, **states})


def lines(ring: Ring, columns: int, rows: int = 16, look: Look = PLAIN) -> list[str]:
    """The block as text."""
    return [line.plain for line in block(ring, look, columns, rows)]


@pytest.mark.parametrize(
    ("columns", "width"), [(10, 8), (40, 32), (65, 32), (80, 64), (200, 128), (300, 256)]
)
def test_the_block_is_as_wide_as_there_is_room_for(columns: int, width: int) -> None:
    """A row for each first digit, of a power of two of cells."""
    drawn = lines(ring_of(), columns)
    assert [line[0] for line in drawn] == list("0123456789abcdef")
    assert {len(line) for line in drawn} == {2 + width}


def test_few_rows_have_several_digits_each() -> None:
    """Each is called by its first."""
    assert [line[0] for line in lines(ring_of(), 80, 4)] == list("048c")
    assert {len(line) for line in lines(ring_of(), 80, 1)} == {66}


def test_a_cell_has_the_letter_of_its_first_owner() -> None:
    """In the order of the positions."""
    drawn = "".join(line[2:] for line in lines(ring_of(2), 80))
    assert re.fullmatch(r"A{512}B{512}", drawn)


@pytest.mark.parametrize("look", [PLAIN, FULL])
def test_what_is_not_well_is_seen_without_colours(look: Look) -> None:
    """A mark where any partition of a cell is so, the worst of them."""
    ring = ring_of(
        moving=frozenset({0, 4, 8}), under_replicated=frozenset({5, 9}), unavailable=frozenset({11})
    )
    assert lines(ring, 80, look=look)[0][2:5] == ">-!"
    assert not set(lines(ring, 80, look=look)[1]) & set(">-!")
    assert legend(ring).plain == (
        "! 1 of 4,096 unavailable   - 2 of 4,096 lack a copy   > 3 of 4,096 move to new owners"
    )
    assert legend(ring_of()).plain == "every partition has all its copies"


def test_members_do_not_share_a_colour_as_long_as_there_are_some() -> None:
    """Sixteen have one each; beyond that they differ by letter."""
    shown = named(ring_of(16))
    assert len({member.colour for member in shown}) == 16
    many = named(ring_of(70))
    assert len({member.letter for member in many}) == 63


def test_a_ring_that_nobody_owns_yet_is_empty() -> None:
    """Where there is no layout there is nobody to be drawn."""
    nobody = Ring(0, (), ((),) * PARTITIONS, frozenset(), frozenset(), frozenset())
    assert {cell.owner for cell in cells(nobody, 16)} == {None}
    assert set(lines(nobody, 80)[0][2:]) == {"."}


def test_a_share_is_seen_if_it_is_any() -> None:
    """A bar in comparison with the largest share."""
    assert [share_bar(copies, 1_000, 10) for copies in (0, 1, 500, 1_000)] == [
        "",
        "#",
        "#####",
        "#" * 10,
    ]


def test_a_terminal_gets_colours_and_a_pipe_none() -> None:
    """The same picture, with escapes or without any."""
    ring = ring_of(unavailable=frozenset({0}))
    coloured = rendered(block(ring, FULL, 80), FULL, 80)
    assert "\x1b[1;37;41m!" in coloured
    assert "█" in coloured
    plain = rendered(block(ring, PLAIN, 80), PLAIN, 80)
    assert plain.isascii()
    assert "\x1b" not in plain


def test_json_has_the_partitions_only_when_they_are_asked_for() -> None:
    """Counts always; who owns each, and which are how, as lists."""
    ring = ring_of(moving=frozenset({3, 1}))
    fields = orjson.loads(orjson.dumps(ring_fields(ring)))
    assert fields["epoch"] == 7
    counts = {"moving": 2, "under_replicated": 0, "unavailable": 0}
    assert fields["partitions"] == {"total": PARTITIONS, **counts}
    assert fields["members"][1]["name"] == "node1"
    assert set(fields) == {"epoch", "members", "partitions"}
    whole = orjson.loads(orjson.dumps(ring_fields(ring, with_partitions=True)))
    assert whole["owners"][0] == [0, 1]
    assert whole["moving"] == [1, 3]
    assert len(whole["owners"]) == PARTITIONS


def test_a_ring_is_shown(run: Run) -> None:
    """A real one, of one member that owns everything; nothing in colours in a pipe."""
    result = run("ring")
    assert result.exit_code == 0
    row, empty, *drawn, last = result.stdout.splitlines()
    assert row.split() == ["A", "n1", "alive", "#" * 20, "100.0%", "4,096"]
    assert empty == ""
    assert [line[2:] for line in drawn] == ["A" * 64] * 16
    assert last == "every partition has all its copies"
    assert orjson.loads(run("ring", "--json").stdout)["members"][0]["copies"] == PARTITIONS


def test_partitions_are_for_programs(run: Run) -> None:
    """They are too many to read."""
    result = run("ring", "--partitions")
    assert result.exit_code == 2
    assert "--partitions is for --json" in result.stderr
    assert len(orjson.loads(run("ring", "--partitions", "--json").stdout)["owners"]) == PARTITIONS
