"""Ids, digests and sums, as they are sent: so many digits of lower-case hex."""

from __future__ import annotations

_DIGITS = frozenset("0123456789abcdef")


def is_hex(text: str, length: int) -> bool:
    """Are these so many digits, and nothing else?"""
    return len(text) == length and _DIGITS.issuperset(text)
