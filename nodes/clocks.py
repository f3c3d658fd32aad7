"""The two clocks: one that only goes forward, for timers, and one that people read."""

from __future__ import annotations

import time

from actors.actor import Now


def monotonic_ms() -> int:
    """The clock of all timers."""
    return time.monotonic_ns() // 1_000_000


def monotonic_us() -> int:
    """The clock of what is measured."""
    return time.monotonic_ns() // 1_000


def wall_us() -> int:
    """The clock that is written down, in microseconds since 1970."""
    return time.time_ns() // 1_000


def now() -> Now:
    """Both, for a turn."""
    return Now(time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000)
