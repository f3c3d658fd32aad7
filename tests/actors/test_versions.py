"""Versions: stamps are ordered, and the greater one wins."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.versions import CLOCK_RESERVE, MAX_CLOCK_STEP, NEVER, Stamp, boot_name
from tests.actors.envelopes import A, B

ASCENDING = [
    NEVER,
    Stamp(1, A, "1.0"),
    Stamp(1, A, "2.0"),
    Stamp(1, A, "2.0", "7"),
    Stamp(1, B, "1.0"),
    Stamp(2, A, "1.0"),
]

STAMPS = st.builds(Stamp, st.integers(1, 2**63 - 1), st.sampled_from([A, B]), st.text("01."))


@pytest.mark.parametrize("order", list(permutations(range(len(ASCENDING)), 2)))
def test_a_stamp_is_counter_then_node_then_boot_then_ballot(order: tuple[int, int]) -> None:
    """The counter decides; where it is equal the node does, then its life, then the ballot."""
    lesser, greater = sorted(order)
    assert ASCENDING[lesser] < ASCENDING[greater]


@given(STAMPS)
def test_every_write_is_later_than_never(stamp: Stamp) -> None:
    """A key that was never written has the least stamp of all."""
    assert stamp > NEVER


def test_a_plain_stamp_is_shown_without_a_ballot() -> None:
    """A version is shown as counter (hex), node and boot, and a ballot only if there is one."""
    assert str(Stamp(255, A, "1.0")) == f"ff-{A}-1.0"
    assert str(Stamp(255, A, "1.0", "7")) == f"ff-{A}-1.0-7"


def test_a_boot_is_named_by_its_count_and_its_random_bits() -> None:
    """Two copies of a folder start with the same count, and still differ in the bits."""
    assert boot_name(26, 255) == "1a.00000000000000ff"
    assert boot_name(1, 1) != boot_name(1, 2)


def test_a_reserve_is_far_below_the_largest_step() -> None:
    """A node that restarts, and so skips its reserve, is not taken for an attacker."""
    assert CLOCK_RESERVE * 1_000 < MAX_CLOCK_STEP
