"""How much fits into one message: counted before it is built, and never too low.

A frame may have 4 MiB. Whoever fills a message stops at about 1 MiB; one entry may pass that, for
no key, value or record is larger than that itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MESSAGE_BYTES = 2**20

MAX_PIECE_KEYS = 1_000

STAMP_BYTES = 100
"""More than a stamp takes in a header, a kind and a length with it."""


def text_bytes(text: str) -> int:
    """At most so many bytes has a text in JSON, where a control character takes six."""
    return 6 * len(text) + 3


def fitting(texts: Iterable[str]) -> int:
    """How many of these, from the first on, fit into a message: at least one, if there is one."""
    count, size_bytes = 0, 0
    for text in texts:
        size_bytes += text_bytes(text)
        if count and size_bytes > MESSAGE_BYTES:
            break
        count += 1
    return count


def pieces(keys: Sequence[str], sizes_bytes: Sequence[int]) -> Iterator[slice]:
    """Cut a batch into slices that fit into a message each, of at most 1,000 keys."""
    start, total_bytes = 0, 0
    for i, (key, size_bytes) in enumerate(zip(keys, sizes_bytes, strict=True)):
        entry_bytes = size_bytes + text_bytes(key)
        is_full = i - start == MAX_PIECE_KEYS or total_bytes + entry_bytes > MESSAGE_BYTES
        if is_full and i > start:
            yield slice(start, i)
            start, total_bytes = i, 0
        total_bytes += entry_bytes
    if keys:
        yield slice(start, len(keys))
