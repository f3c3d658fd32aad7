"""Which chunks are named by the lists that a node keeps: eight bytes of memory for each, for there
may be millions. Of a chunk that only begins like one of them it is believed too: it is kept then
though it might go, which one of a hundred thousand million million is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from actors.chunks import DIGEST_BYTES

_HEAD_BYTES = 8


class ListReferences:
    """Over the lists that it is told of."""

    def __init__(self) -> None:
        self._named: dict[str, array[int]] = {}
        self._sorted: array[int] | None = array("Q")

    def add(self, list_id: str, data: bytes) -> None:
        """A list, whose bytes are these."""
        heads = [
            int.from_bytes(data[i : i + _HEAD_BYTES], "big")
            for i in range(0, len(data), DIGEST_BYTES)
        ]
        self._named[list_id] = array("Q", heads)
        self._sorted = None

    def remove(self, list_id: str) -> None:
        """It is no more."""
        if self._named.pop(list_id, None) is not None:
            self._sorted = None

    def refer(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it named? No list is named by a list."""
        if self._sorted is None:
            self._sorted = array("Q", sorted(_all(self._named.values())))
        found = []
        for id in ids:
            head = int(id[: 2 * _HEAD_BYTES], 16)
            i = bisect_left(self._sorted, head)
            is_named = i < len(self._sorted) and self._sorted[i] == head
            found.append(is_named and len(id) == 2 * DIGEST_BYTES)
        return found


def _all(named: Iterable[array[int]]) -> Iterable[int]:
    for heads in named:
        yield from heads
