"""A bucket of bytes that fills at a steady rate: who finds it above zero may take as much as is
needed, be it more than there is, and the next waits until the debt is made up. So the rate holds on
average, and what is larger than the bucket is not held up for ever.
"""

from __future__ import annotations


class Throttle:
    """Counted in thousandths of bytes, so that nothing is lost to rounding. It holds what comes in
    in a tenth of a second, and begins full."""

    def __init__(self, bytes_per_s: int) -> None:
        self._rate = max(1, bytes_per_s)
        self._most = self._rate * 100
        self._level = self._most
        self._filled_ms: int | None = None

    @property
    def burst_bytes(self) -> int:
        """How much may be taken at once without debt."""
        return self._most // 1000

    def is_open(self, now_ms: int) -> bool:
        """May something be taken?"""
        if self._filled_ms is not None:
            filled = self._level + self._rate * (now_ms - self._filled_ms)
            self._level = min(self._most, filled)
        self._filled_ms = now_ms
        return self._level > 0

    def take(self, size_bytes: int) -> None:
        """So much is on its way. Less than nothing gives back what was taken for more than came."""
        self._level -= size_bytes * 1000

    @property
    def open_at_ms(self) -> int:
        """When something may be taken, if nothing is taken until then: monotonic ms."""
        debt = max(0, -self._level)
        return (self._filled_ms or 0) + debt // self._rate + 1
