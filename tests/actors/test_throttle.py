"""What is taken through a throttle comes at its rate, whatever the sizes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.throttle import Throttle


def take_all(throttle: Throttle, sizes: list[int]) -> int:
    """Take these as soon as each may be; when the last was."""
    now_ms = 0
    for size_bytes in sizes:
        if not throttle.is_open(now_ms):
            assert throttle.open_at_ms > now_ms
            now_ms = throttle.open_at_ms
            assert throttle.is_open(now_ms)
        throttle.take(size_bytes)
    return now_ms


@given(
    st.integers(1_000, 1_000_000),
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=50),
)
def test_no_more_comes_than_the_rate_admits(rate: int, sizes: list[int]) -> None:
    """All but the last was taken within its time, and what the bucket held from the start."""
    throttle = Throttle(rate)
    taken_ms = take_all(throttle, sizes)
    assert sum(sizes[:-1]) <= throttle.burst_bytes + rate * (taken_ms + 1) / 1000


@given(
    st.integers(1_000, 1_000_000),
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=50),
)
def test_no_less_comes_than_the_rate_admits(rate: int, sizes: list[int]) -> None:
    """Nobody waits longer than what was taken before him needs."""
    assert take_all(Throttle(rate), sizes) <= sum(sizes[:-1]) * 1000 / rate + len(sizes)


def test_what_is_larger_than_the_bucket_is_taken_all_the_same() -> None:
    """And the next waits until it is made up for."""
    throttle = Throttle(1_000)
    assert throttle.is_open(0)
    throttle.take(5_100)
    assert not throttle.is_open(4_999)
    assert throttle.open_at_ms == 5_001
    assert throttle.is_open(5_001)


def test_what_did_not_come_is_given_back() -> None:
    """So that who asked for more than there was does not wait for it."""
    throttle = Throttle(1_000)
    assert throttle.is_open(0)
    throttle.take(5_000)
    throttle.take(-5_000)
    assert throttle.is_open(0)


def test_what_is_not_used_is_not_saved_up() -> None:
    """After a long pause no more comes at once than a tenth of a second's."""
    throttle = Throttle(1_000)
    assert throttle.is_open(0)
    assert throttle.is_open(1_000_000)
    throttle.take(100)
    assert not throttle.is_open(1_000_000)
