"""What docs/replication.md says in tables and numbers is what the code does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from actors import layout
from actors.asks import AskSettings
from actors.layout import MAX_MEMBERS, Layout, majority
from actors.messages import BETWEEN_NODES, Level
from actors.ring import PARTITIONS, REPLICAS
from actors.router_settings import RouterSettings
from actors.storage_settings import StorageSettings
from actors.versions import CLOCK_RESERVE, MAX_CLOCK_STEP, Stamp, Version

DOC = (Path(__file__).parents[2] / "docs" / "replication.md").read_text()
TEXT = " ".join(DOC.split())
SETTINGS = (StorageSettings(), AskSettings(), RouterSettings())
NUMBERS = {2: "two", 3: "three"}

A, B, C = "00000000000000a1", "00000000000000a2", "00000000000000a3"
STABLE = Layout(4, (A, B), (), ())
JOINT = Layout(5, (A, B), (B, C), ())


def table(first_title: str) -> list[list[str]]:
    """The rows of the table that begins with this title."""
    _, _, below = DOC.partition(f"| {first_title} |")
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def settings_table() -> dict[str, str]:
    """What is said of each setting; there are three to a row, but for the last one."""
    cells = [cell for row in table("setting") for cell in row if cell]
    return {name.strip("`"): value for name, value in zip(cells[::2], cells[1::2], strict=True)}


def said_of(value: object) -> str:
    """A setting's value as the page writes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:,}"


def kind(of: Layout) -> str:
    """Stable or joint."""
    return "joint" if of.next else "stable"


def test_the_settings_are_those_of_the_code() -> None:
    """Each is a field of one of the settings, and as it is unless somebody sets it otherwise."""
    known = {f.name: getattr(s, f.name) for s in SETTINGS for f in fields(s)}
    for name, value in settings_table().items():
        assert value == said_of(known[name])


def test_every_setting_that_is_named_is_in_the_table() -> None:
    """And what is in the table is named in the text above it."""
    text = DOC.partition("## Settings")[0]
    switches = "read_repair|hinted_handoff|anti_entropy"
    named = set(re.findall(rf"`(\w+_(?:ms|keys|hints|bytes_per_s)|{switches})`", text))
    assert named == settings_table().keys()


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("joint", STABLE, layout.joint(STABLE, (B, C))),
        ("settled", JOINT, layout.settled(JOINT)),
        ("aborted", JOINT, layout.aborted(JOINT)),
        ("bumped", STABLE, layout.bumped(STABLE)),
        ("given_up", STABLE, layout.given_up(STABLE, (B,))),
        ("given_up", JOINT, layout.given_up(JOINT, (B,))),
    ],
)
def test_a_step_between_layouts_is_as_told(step: str, before: Layout, after: Layout) -> None:
    """From which kind to which, to which members, one epoch higher."""
    rows = {row[0].strip("`"): row for row in table("step")}
    _, origin, end, base, following, _ = rows[step]
    assert kind(before) in origin.split(" or ")
    assert kind(after) == end
    assert {"the same": before.base, "what was next": before.next}[base] == after.base
    assert {"none": (), "those wished for": (B, C)}[following] == after.next
    assert after.epoch == before.epoch + 1


def test_every_step_between_layouts_is_told() -> None:
    """The table has one row for each function that makes a layout, the founding first."""
    makers: list[Callable[..., Layout]] = [
        layout.founding,
        layout.joint,
        layout.settled,
        layout.aborted,
        layout.bumped,
        layout.given_up,
    ]
    rows = table("step")
    assert [row[0].strip("`") for row in rows] == [maker.__name__ for maker in makers]
    founded = layout.founding([B, A])
    assert rows[0][1:5] == ["none", kind(founded), "the first members", "none"]
    assert f"at epoch {founded.epoch} |" in DOC


def test_the_parts_of_a_layout_are_named() -> None:
    """The epoch without quotes, the others as the code calls them."""
    parts = [field.name for field in fields(Layout)]
    assert parts[0] == "epoch"
    about = TEXT.partition("## Layouts")[2].partition("```")[0]
    assert re.findall(r"`(\w+)`", about) == parts[1:]


def test_the_levels_are_those_of_the_code() -> None:
    """And how many of three owners each means."""
    rows = {row[0].strip("`"): row[1] for row in table("level")}
    assert rows.keys() == set(get_args(Level))
    assert rows["quorum"] == NUMBERS[majority(REPLICAS)]
    assert rows["all"] == NUMBERS[REPLICAS]


def test_every_message_between_replicas_is_told_of() -> None:
    """Each of the modules of replicas, of repair and of consensus, once."""
    modules = {"actors.messages." + name for name in ("replicas", "repair", "consensus")}
    types: Sequence[str] = [m.__name__ for m in BETWEEN_NODES if m.__module__ in modules]
    named = [name for row in table("message") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(re.sub(r"(?<!^)(?=[A-Z])", "_", t).lower() for t in types)


@pytest.mark.parametrize(
    "said",
    [
        f"one of {PARTITIONS:,} partitions",
        f"every partition {NUMBERS[REPLICAS]} *owners*",
        f"majority of the owners, {NUMBERS[majority(REPLICAS)]} of {NUMBERS[REPLICAS]}",
        f"At most {MAX_MEMBERS:,} members",
        f"The {PARTITIONS:,} partitions are in 64 groups of {PARTITIONS // 64}",
    ],
)
def test_the_numbers_are_those_of_the_rules(said: str) -> None:
    """Those that nobody can set."""
    assert said in TEXT


def test_the_bounds_of_clocks_are_those_of_the_rule() -> None:
    """Written as powers of two."""
    assert (CLOCK_RESERVE, MAX_CLOCK_STEP) == (2**20, 2**40)
    assert "a limit that is 2^20 ahead" in TEXT
    assert "A counter more than 2^40 ahead" in TEXT


def test_the_parts_of_a_stamp_are_compared_in_the_order_told() -> None:
    """The counter, the coordinator, its boot, and the part that is kept free; then the mark."""
    assert Stamp._fields == ("counter", "node", "boot", "ballot")
    assert "a counter, the id of the coordinator, and the name of its *boot*" in TEXT
    value, mark = Version(Stamp(7, A, "1.b"), False), Version(Stamp(7, A, "1.b"), True)
    assert value < mark < Version(Stamp(8, A, "1.b"), False)


def test_the_turns_are_those_of_the_router() -> None:
    """How much is begun with at once, and how long that counts."""
    assert f"as many as are taken to need {RouterSettings().max_begun_bytes // 2**20} MiB" in TEXT
    assert "has gone on for half a second" in TEXT
    assert RouterSettings().begun_patience_ms == 500
