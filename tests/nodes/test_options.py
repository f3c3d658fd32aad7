"""What may be asked of a read or a write besides: levels, and how long a value is to live."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

from actors.messages import Level
from nodes.options import LEVELS, MAX_TTL_MS, check_level, ttl_ms

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


def test_the_levels_are_those_of_the_protocol() -> None:
    """Each is taken as it is."""
    assert sorted(LEVELS) == sorted(get_args(Level))
    assert [check_level("w", level) for level in LEVELS] == list(LEVELS)


@pytest.mark.parametrize("level", ["", "ONE", "two", 2, None, ["one"]])
def test_what_is_no_level_is_a_value_error(level: Any) -> None:
    """It says which there are."""
    with pytest.raises(ValueError, match=r"^r is one of 'all', 'quorum', 'one', not"):
        check_level("r", level)
