"""Hash trees over the entries of a partition: copies with equal roots are equal, and those that
differ do so in few leaves (Merkle, "A digital signature based on a conventional encryption
function", CRYPTO 1987; compared between replicas as in Dynamo, SOSP 2007, section 4.7).

The tree of a partition is flat: 64 leaves under one root. A leaf is the exclusive or of the hashes
of its entries, so an entry is taken out, or put in, without a look at the others. 64 consecutive
partitions make a group, which has a digest of its own. All hashes are 64 bits of BLAKE2b.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b, sha1
from struct import pack

from actors import ring
from actors.versions import NOTHING, Version

LEAVES = 64
GROUPS = 64
GROUP_PARTITIONS = ring.PARTITIONS // GROUPS

HASH_BYTES = 8
HEX_DIGITS = 16

_HEX = frozenset("0123456789abcdef")


def place_of(key: str) -> tuple[int, int]:
    """The key's partition and its leaf: bits 0..11 and 12..17 of its SHA-1."""
    digest = sha1(key.encode(), usedforsecurity=False).digest()
    bits = int.from_bytes(digest[:3], "big")
    return (bits >> 8) * ring.PARTITIONS >> 16, bits >> 6 & 63


def entry_hash(key: str, version: Version) -> int:
    """What a key and its version add to their leaf: zero where there is no record."""
    if version == NOTHING:
        return 0
    (counter, node, boot, ballot), dead = version
    text = f"{counter:x}\0{node}\0{boot}\0{ballot}\0{dead:d}\0{key}"
    return _hash(text.encode())


def root_of(leaves: Sequence[int]) -> int:
    """The hash over the leaves of a partition: zero where all of them are, as without entries."""
    return _hash(pack(f"<{LEAVES}Q", *leaves)) if any(leaves) else 0


@lru_cache(maxsize=64)
def grouped(partitions: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Of each group those of its partitions that are given, in order."""
    groups: list[list[int]] = [[] for _ in range(GROUPS)]
    for partition in partitions:
        groups[partition // GROUP_PARTITIONS].append(partition)
    return tuple(map(tuple, groups))


@lru_cache(maxsize=64)
def empty_digests(partitions: tuple[int, ...]) -> tuple[str, ...]:
    """The digests of all groups, over these partitions alone, where none has an entry."""
    return tuple([group_digest([(p, 0) for p in group]) for group in grouped(partitions)])


def group_digest(roots: Iterable[tuple[int, int]]) -> str:
    """A hash over partitions of a group, each with its root, in order. Of the same partitions with
    the same roots everybody makes the same."""
    flat = [number for pair in roots for number in pair]
    return hex_of(_hash(pack(f"<{len(flat)}Q", *flat)))


def hex_of(number: int) -> str:
    """A hash as it is sent."""
    return f"{number:016x}"


def fault_of_hashes(texts: Sequence[str], count: int) -> str:
    """Why these are not so many hashes as they are sent, or empty."""
    if len(texts) != count:
        return f"{len(texts)} hashes where {count} belong"
    if not all(len(text) == HEX_DIGITS and _HEX.issuperset(text) for text in texts):
        return "a hash has 16 digits of lower-case hex"
    return ""


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=HASH_BYTES).digest(), "big")
