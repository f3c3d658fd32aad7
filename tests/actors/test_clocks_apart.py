"""Wall clocks: a node whose own one is off learns of it from the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Now
from actors.clocks_apart import MAX_NODES, WallClocks
from tests.actors.envelopes import WALL_MS

NOW = Now(1_000_000, WALL_MS)


def later(duration_ms: int) -> Now:
    """So much later, by both clocks."""
    return Now(NOW.mono_ms + duration_ms, NOW.wall_ms + duration_ms)


def clocks(*offsets_ms: int) -> WallClocks:
    """Heard from as many nodes, whose clocks are so far ahead."""
    heard = WallClocks()
    for i, offset_ms in enumerate(offsets_ms):
        heard.heard(f"{i:016x}", NOW.wall_ms + offset_ms, NOW)
    return heard


def test_who_hears_nobody_trusts_the_own_clock() -> None:
    """There is nothing to compare it with."""
    assert clocks().offset_ms() == 0
    assert clocks().refusal(0) == ""


@pytest.mark.parametrize(
    ("heard", "offset_ms"),
    [
        ((70,), 70),
        ((-70,), -70),
        ((1, 2, 3_600_000), 2),
        ((-5, 0, 5), 0),
        ((0, 3_600_000), 0),
        ((-3_600_000, -2, 40, 50), 0),
        ((100, 200), 100),
        ((-100, -200), -100),
        ((-3_600_000, 3_600_000), 0),
    ],
)
def test_the_offset_is_the_median(heard: tuple[int, ...], offset_ms: int) -> None:
    """One clock that is far off does not matter; between two in the middle it is nearest to 0."""
    assert clocks(*heard).offset_ms() == offset_ms


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=MAX_NODES))
def test_a_node_is_off_only_if_most_others_say_so(heard: list[int]) -> None:
    """More than half of the clocks differ from its own as much, and the same way."""
    offset_ms = clocks(*heard).offset_ms()
    so_much = [o for o in heard if (o >= offset_ms if offset_ms > 0 else o <= offset_ms)]
    assert offset_ms == 0 or 2 * len(so_much) > len(heard)


def test_a_clock_that_is_off_is_told_of_in_a_sentence() -> None:
    """Either way, and only if it is off by more than is admitted."""
    assert (
        clocks(-3_600_000).refusal(5_000)
        == "this node's clock is 3,600 s ahead of those of the other members"
    )
    assert (
        clocks(3_600_000).refusal(5_000)
        == "this node's clock is 3,600 s behind those of the other members"
    )
    assert clocks(5_000).refusal(5_000) == clocks(-5_000).refusal(5_000) == ""
    assert clocks(5_001).refusal(5_000)


def test_what_was_heard_a_minute_ago_does_not_count() -> None:
    """Who was heard last may be all who is left."""
    heard = clocks(9_000, 9_000, 9_000)
    heard.heard("f" * 16, later(60_000).wall_ms, later(60_000))
    assert heard.offset_ms() == 9_000
    heard.heard("f" * 16, later(60_001).wall_ms, later(60_001))
    assert heard.offset_ms() == 0
    assert heard.offset_ms(later(60_000)) == 9_000


def test_who_hears_nobody_any_more_trusts_the_own_clock() -> None:
    """If the time is told when the question is asked."""
    heard = clocks(9_000)
    assert heard.refusal(5_000, later(60_001)) == ""
    assert heard.refusal(5_000, later(60_000))


def test_a_clock_that_is_put_right_is_right_at_once() -> None:
    """The others need not be heard again."""
    heard = clocks(9_000, 9_000)
    put_right = Now(NOW.mono_ms + 10, NOW.wall_ms + 10 + 9_000)
    assert heard.offset_ms(put_right) == 0


def test_the_latest_word_of_a_node_counts() -> None:
    """A node has one clock."""
    heard = clocks(9_000, 0, 0)
    heard.heard(f"{0:016x}", NOW.wall_ms, NOW)
    heard.heard(f"{1:016x}", NOW.wall_ms + 1, NOW)
    assert heard.offset_ms() == 0


def test_the_clocks_last_heard_are_kept() -> None:
    """However many nodes, or names of nodes, there are."""
    heard = clocks(*[9_000] * MAX_NODES)
    heard.heard(f"{0:016x}", NOW.wall_ms + 9_000, NOW)
    for i in range(MAX_NODES - 1):
        heard.heard(f"{100 + i:016x}", NOW.wall_ms, NOW)
    assert heard.offset_ms() == 0
    for i in range(MAX_NODES // 2 + 1):
        heard.heard(f"{i:016x}", NOW.wall_ms + 9_000, NOW)
    assert heard.offset_ms() == 9_000


@pytest.mark.parametrize("wall_ms", [0, 2**63 - 1])
def test_nonsense_is_borne(wall_ms: int) -> None:
    """It is a clock that is far off, and no more."""
    heard = clocks(0, 0)
    heard.heard("f" * 16, wall_ms, NOW)
    assert heard.offset_ms() == 0
    alone = WallClocks()
    alone.heard("f" * 16, wall_ms, NOW)
    assert alone.refusal(5_000)
