"""What a caller may ask of a read or a write besides: how many of a key's owners must have
answered, and how long a value is to live.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors.messages import Level

LEVELS: Final[tuple[Level, ...]] = ("all", "quorum", "one")

MAX_TTL_MS = 10 * 365 * 86_400_000

_TEXT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|)")
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "": 1_000}


def check_level(name: str, level: Level) -> Level:
    """The level, if it is one; `name` is `w` or `r`. Raises ValueError."""
    if level in LEVELS:
        return level
    raise ValueError(f"{name} is one of {', '.join(map(repr, LEVELS))}, not {level!r:.60}")


def ttl_ms(ttl: float | str | None) -> int:
    """Milliseconds, 0 for a value that is to stay. `ttl` is in seconds, or a text such as "500ms",
    "60s", "10m", "2h" or "1d". Raises ValueError for what is not above zero, and up to ten years.
    """
    if ttl is None:
        return 0
    length_ms = _length_ms(ttl)
    if not 0.5 <= length_ms <= MAX_TTL_MS:
        raise ValueError(f"a time to live of {ttl!r:.60} is not between 1 ms and 10 years")
    return max(1, round(length_ms))


def _length_ms(ttl: float | str) -> float:
    if isinstance(ttl, str):
        match = _TEXT.fullmatch(ttl.strip())
        if match is not None:
            return float(match[1]) * _UNITS_MS[match[2]]
    elif isinstance(ttl, (int, float)) and not isinstance(ttl, bool):
        # A whole number too large for a float is too large in any case.
        return math.inf if abs(ttl) > MAX_TTL_MS else ttl * 1_000.0
    raise ValueError(f"{ttl!r:.60} is no time to live: give seconds, or a text like '60s' or '2h'")
