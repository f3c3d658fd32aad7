"""How many partitions there are while something is simulated.

A simulation has a few keys, and what nodes do for each of 4,096 partitions would take most of its
time. With fewer everything is the same, but for the keys that share a partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from actors import layout, ring

FEW = 128


@contextmanager
def partitions(count: int) -> Iterator[None]:
    """So many as long as this lasts; nothing else may be run meanwhile."""
    before = ring.PARTITIONS
    _set(count)
    try:
        yield
    finally:
        _set(before)


def _set(count: int) -> None:
    ring.PARTITIONS = count
    layout.forget_tables()
