"""The window: a request that comes twice is recognised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.window import MAX_SENDERS, SIZE, Window, Windows

NUMBERS = st.lists(st.integers(1, 40) | st.integers(1, 3 * SIZE) | st.integers(1, 2**63 - 1))


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
