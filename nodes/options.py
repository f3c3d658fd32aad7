"""Levels, times and sizes, as people give them: how many of a key's owners must have answered, how
long a value is to live, how much room there is for files.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors.messages import Level

LEVELS: Final[tuple[Level, ...]] = ("all", "quorum", "one")

MAX_TTL_MS = 10 * 365 * 86_400_000

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgtp]?)(i?)b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
MAX_SIZE_BYTES = 2**60

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
    return _length_ms("time to live", ttl)


def grace_ms(grace: float | str) -> int:
    """Milliseconds of a time that is given as that of `ttl_ms`. Raises ValueError likewise."""
    return _length_ms("time", grace)


def size_bytes(size: int | str) -> int:
    """Bytes. `size` is a number of them, or a text such as "500MB", "1.5 GiB" or "65536", an i for
    powers of 1,024. Raises ValueError for what is not above zero, and up to 1 EiB."""
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        raise ValueError(f"{size!r:.60} is no size: give bytes, or a text like '10GB' or '500MiB'")
    number = float(size) if isinstance(size, int) and abs(size) <= MAX_SIZE_BYTES else math.inf
    if isinstance(size, str):
        match = _SIZE.fullmatch(size.strip())
        if match is None or (match[3] and not match[2]):
            raise ValueError(f"{size!r:.60} is no size: give one like '10GB' or '500MiB'")
        unit = 1_024 if match[3] else 1_000
        number = float(match[1]) * unit ** _POWERS[(match[2] or "").lower()]
    if not 1 <= number <= MAX_SIZE_BYTES:
        raise ValueError(f"a size of {size!r:.60} is not between 1 B and 1 EiB")
    return round(number)


def rate_bytes(rate: int | str) -> int:
    """Bytes a second, given as those of `size_bytes`, or 0. Raises ValueError likewise."""
    return 0 if rate in (0, "0") and not isinstance(rate, bool) else size_bytes(rate)


def _length_ms(what: str, length: float | str) -> int:
    length_ms = _as_ms(what, length)
    if not 0.5 <= length_ms <= MAX_TTL_MS:
        raise ValueError(f"a {what} of {length!r:.60} is not between 1 ms and 10 years")
    return max(1, round(length_ms))


def _as_ms(what: str, length: float | str) -> float:
    if isinstance(length, str):
        match = _TEXT.fullmatch(length.strip())
        if match is not None:
            return float(match[1]) * _UNITS_MS[match[2]]
    elif isinstance(length, (int, float)) and not isinstance(length, bool):
        # A whole number too large for a float is too large in any case.
        return math.inf if abs(length) > MAX_TTL_MS else length * 1_000.0
    raise ValueError(f"{length!r:.60} is no {what}: give seconds, or a text like '60s' or '2h'")
