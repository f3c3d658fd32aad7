"""Levels, times and sizes, as people give them."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

from actors.messages import Level
from nodes.options import (
    LEVELS,
    MAX_SIZE_BYTES,
    MAX_TTL_MS,
    check_level,
    grace_ms,
    rate_bytes,
    size_bytes,
    ttl_ms,
)

TTLS: list[tuple[Any, int]] = [
    (None, 0),
    (60, 60_000),
    (0.25, 250),
    (0.0006, 1),
    ("60", 60_000),
    ("500ms", 500),
    ("60s", 60_000),
    ("10m", 600_000),
    ("2h", 7_200_000),
    ("1d", 86_400_000),
    ("1.5h", 5_400_000),
    ("3650d", MAX_TTL_MS),
    (MAX_TTL_MS / 1_000, MAX_TTL_MS),
]

NO_TTLS: list[Any] = [0, -1, 0.0001, math.nan, math.inf, 10**400, -(10**400), True, False]
NO_TTLS += ["", "0s", "s", "-1s", "60 s", "1e3", "1w", "soon", "3651d", "9" * 400 + "d", "٣s"]
NO_TTLS += [b"60s", [60], {}]


@pytest.mark.parametrize(("ttl", "length_ms"), TTLS)
def test_a_time_to_live_is_seconds_or_a_text_with_a_unit(ttl: Any, length_ms: int) -> None:
    """In milliseconds, 0 where there is none."""
    assert ttl_ms(ttl) == length_ms


@pytest.mark.parametrize("ttl", NO_TTLS, ids=range(len(NO_TTLS)))
def test_what_is_no_time_to_live_is_a_value_error(ttl: Any) -> None:
    """Nothing and less, more than ten years, and nonsense."""
    with pytest.raises(ValueError, match="time to live"):
        ttl_ms(ttl)


def test_a_grace_is_given_as_a_time_to_live_is() -> None:
    """But there is always one."""
    assert [grace_ms(given) for given in ("1h", 2, "250ms")] == [3_600_000, 2_000, 250]
    with pytest.raises(ValueError, match=r"^'soon' is no time: give seconds"):
        grace_ms("soon")
    with pytest.raises(ValueError, match="a time of 0 is not between"):
        grace_ms(0)


def test_a_rate_is_a_size_or_nothing() -> None:
    """Bytes a second."""
    assert [rate_bytes(given) for given in (0, "0", "1KiB", 7)] == [0, 0, 1_024, 7]
    for wrong in (False, "-1", ""):
        with pytest.raises(ValueError, match="size"):
            rate_bytes(wrong)


SIZES: list[tuple[Any, int]] = [
    (1, 1),
    (65_536, 65_536),
    ("65536", 65_536),
    ("7B", 7),
    ("10GB", 10**10),
    ("10gb", 10**10),
    ("500MiB", 500 * 2**20),
    (" 1.5 GiB ", 3 * 2**29),
    ("2kB", 2_000),
    ("1TiB", 2**40),
    (MAX_SIZE_BYTES, 2**60),
    ("1024PiB", 2**60),
]

NO_SIZES: list[Any] = [0, -1, 2**60 + 1, 10**400, True, 1.5, None, b"1", [1]]
NO_SIZES += ["", "GB", "-1", "1G", "1iB", "1e3", "0", "0.4", "2048PiB", "9" * 400, "1 GB B", "٣GB"]


@pytest.mark.parametrize(("size", "bytes_"), SIZES)
def test_a_size_is_a_number_of_bytes_or_a_text_with_a_unit(size: Any, bytes_: int) -> None:
    """Powers of 1,000, or with an i of 1,024."""
    assert size_bytes(size) == bytes_


@pytest.mark.parametrize("size", NO_SIZES, ids=range(len(NO_SIZES)))
def test_what_is_no_size_is_a_value_error(size: Any) -> None:
    """Nothing and less, more than 1 EiB, and nonsense."""
    with pytest.raises(ValueError, match="size"):
        size_bytes(size)


def test_the_levels_are_those_of_the_protocol() -> None:
    """Each is taken as it is."""
    assert sorted(LEVELS) == sorted(get_args(Level))
    assert [check_level("w", level) for level in LEVELS] == list(LEVELS)


@pytest.mark.parametrize("level", ["", "ONE", "two", 2, None, ["one"]])
def test_what_is_no_level_is_a_value_error(level: Any) -> None:
    """It says which there are."""
    with pytest.raises(ValueError, match=r"^r is one of 'all', 'quorum', 'one', not"):
        check_level("r", level)
