"""The window: a request that comes twice is recognised, and a number that is missing is noticed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.window import (
    MAX_HOLES,
    MAX_SENDERS,
    MAX_SENDERS_WITH_GAPS,
    SIZE,
    Gaps,
    Window,
    Windows,
)

NUMBERS = st.lists(st.integers(1, 40) | st.integers(1, 3 * SIZE) | st.integers(1, 2**63 - 1))
PATIENCE_MS = 400


@given(NUMBERS)
def test_no_number_is_new_twice(numbers: list[int]) -> None:
    """Whatever the order, a number is seen for the first time at most once."""
    window = Window()
    new = [number for number in numbers if window.first_time(number)]
    assert len(new) == len(set(new))


@given(st.lists(st.integers(1, SIZE), unique=True))
def test_within_the_window_each_number_is_new_once(numbers: list[int]) -> None:
    """Numbers that come late, but less than a window late, are not taken for duplicates."""
    window = Window()
    assert all(window.first_time(number) for number in numbers)
    assert not any(window.first_time(number) for number in numbers)


def test_a_number_below_the_window_is_refused() -> None:
    """Nobody can tell any more whether it was seen, so it counts as seen."""
    window = Window()
    assert window.first_time(SIZE + 10)
    assert not window.first_time(10)
    assert window.first_time(11)


def test_a_jump_forgets_what_falls_out_of_the_window() -> None:
    """After a jump ahead, the numbers just below it are still new."""
    window = Window()
    assert window.first_time(1)
    assert window.first_time(2**60)
    assert all(window.first_time(2**60 - i) for i in range(1, SIZE))
    assert not window.first_time(1)


def test_each_sender_has_a_window_of_its_own() -> None:
    """The same number of two senders is new twice."""
    windows = Windows()
    assert windows.first_time("one", 1)
    assert windows.first_time("two", 1)
    assert not windows.first_time("one", 1)


def test_the_sender_not_heard_for_longest_is_forgotten() -> None:
    """Memory is bounded: past the limit the one silent for longest makes room."""
    windows = Windows()
    for sender in range(MAX_SENDERS):
        windows.first_time(sender, 1)
    windows.first_time(0, 2)
    windows.first_time("one more", 1)
    assert not windows.first_time(0, 1)
    assert windows.first_time(1, 1)


def gaps(*numbers: int) -> Gaps:
    """Of somebody who heard these numbers of one sender, one a millisecond from 0 on."""
    made = Gaps(PATIENCE_MS)
    for now_ms, number in enumerate(numbers):
        made.note("one", "1", number, now_ms)
    return made


@given(st.lists(st.integers(1, 40), unique=True, min_size=1))
def test_what_is_missing_is_a_gap(numbers: list[int]) -> None:
    """Exactly if a number between the first and the highest was not heard, in whatever order."""
    missing = set(range(numbers[0], max(numbers))) - set(numbers)
    assert (gaps(*numbers).due_ms is not None) == bool(missing)


@given(st.lists(st.integers(1, 5) | st.integers(1, 2**63 - 1), unique=True))
def test_a_gap_is_due_once_its_patience_is_over(numbers: list[int]) -> None:
    """Not before, and then once."""
    mine = gaps(*numbers)
    if mine.due_ms is not None:
        assert mine.overdue(mine.due_ms - 1) == ""
        assert mine.overdue(mine.due_ms) == "one"
    assert mine.due_ms is None


def test_each_gap_is_waited_for_as_long() -> None:
    """When the first is filled, the time of the second counts."""
    mine = gaps(1, 3, 5, 2)
    assert mine.due_ms == 2 + PATIENCE_MS


def test_a_wide_gap_may_be_filled_in_part() -> None:
    """What is missing on either side is still waited for, from the same time on."""
    mine = gaps(1, 5, 3)
    assert mine.due_ms == 1 + PATIENCE_MS
    mine.note("one", "1", 2, 10)
    assert mine.due_ms == 1 + PATIENCE_MS
    mine.note("one", "1", 4, 10)
    assert mine.due_ms is None


def test_very_many_gaps_are_kept_as_fewer() -> None:
    """Memory is bounded: those longest waited for are one."""
    mine = gaps(*range(1, 20 * MAX_HOLES, 2))
    assert mine.due_ms == 1 + PATIENCE_MS
    assert max(map(len, mine._holes.values())) == MAX_HOLES


def test_gaps_of_one_life_are_not_filled_by_another() -> None:
    """Lives are numbered from 1 again; both together are one report."""
    mine = gaps(1, 3)
    mine.note("one", "2", 1, 2)
    mine.note("one", "2", 2, 3)
    mine.note("one", "2", 4, 4)
    assert mine.overdue(1 + PATIENCE_MS) == "one"
    assert mine.due_ms is None


def test_gaps_of_senders_silent_for_long_are_forgotten() -> None:
    """Memory is bounded: past the limit the one silent for longest makes room."""
    mine = gaps(1, 3)
    for i in range(MAX_SENDERS_WITH_GAPS):
        mine.note(f"another {i}", "1", 7, 5)
    assert mine.due_ms is None
    assert len(mine._highest) == MAX_SENDERS_WITH_GAPS
