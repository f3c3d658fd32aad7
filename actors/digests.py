"""One digest of all that a node knows, and one of each of 64 buckets: equal where the facts are,
in whatever order they were learnt.

A digest is the sum of its facts' SHA-1 modulo 2^160, so that a fact is replaced by taking away the
one and adding the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

BUCKETS = 64

_MODULUS = 2**160


class Digests:
    """Of named facts; each `set` replaces what was known under the name."""

    __slots__ = ("_facts", "_sums", "_whole")

    def __init__(self) -> None:
        self._facts: dict[str, int] = {}
        self._sums = [0] * BUCKETS
        self._whole = 0

    def set(self, name: str, fact: str) -> None:
        """This is known under the name now; an empty fact removes what was known."""
        digest = _sha1(name.encode())
        # The name's digest has a fixed length: no other name and fact run together to the same.
        new = int.from_bytes(_sha1(digest + fact.encode())) if fact else 0
        step = new - self._facts.pop(name, 0)
        if fact:
            self._facts[name] = new
        bucket = _bucket(digest)
        self._sums[bucket] = (self._sums[bucket] + step) % _MODULUS
        self._whole = (self._whole + step) % _MODULUS

    def whole(self) -> str:
        """The digest of everything, in hex: equal where the same is known."""
        return _hex(self._whole)

    def buckets(self) -> tuple[str, ...]:
        """The digest of each bucket, in hex."""
        return tuple(map(_hex, self._sums))

    def differing(self, theirs: Sequence[str]) -> tuple[int, ...]:
        """The buckets that are not alike, in order. All, if theirs are not so many as there are."""
        if len(theirs) != BUCKETS:
            return tuple(range(BUCKETS))
        return tuple(i for i, mine in enumerate(self.buckets()) if mine != theirs[i])

    @staticmethod
    def bucket_of(name: str) -> int:
        """Where the fact of this name is."""
        return _bucket(_sha1(name.encode()))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _bucket(digest: bytes) -> int:
    return digest[0] % BUCKETS


def _hex(number: int) -> str:
    return f"{number:040x}"
