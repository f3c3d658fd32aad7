"""Hash trees over the entries of a partition: copies with equal roots are equal, and those that
differ do so in few leaves (Merkle, "A digital signature based on a conventional encryption
function", CRYPTO 1987; compared between replicas as in Dynamo, SOSP 2007, section 4.7).

The tree of a partition is flat: 64 leaves under one root. A leaf is the exclusive or of the hashes
of its entries, so an entry is taken out, or put in, without a look at the others. 64 consecutive
partitions make a group, which has a digest of its own. Digests are 64 bits of BLAKE2b. The hash of
an entry, of which there are two for each write, is cheaper: 64 bits of the SHA-1 that the key needs
anyway, mixed with its version (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014, section 3, and its variant 13 of the constants).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b, sha1
from struct import Struct, pack

from actors import ring
from actors.hexadecimal import is_hex
from actors.versions import Version

LEAVES = 64
GROUPS = 64
GROUP_PARTITIONS = ring.PARTITIONS // GROUPS

HASH_BYTES = 8
HEX_DIGITS = 16

_MASK = 2**64 - 1
_DIGEST = Struct(">I8xQ")


def place_of(key: str) -> tuple[int, int, int]:
    """The key's partition and its leaf, bits 0..11 and 12..17 of its SHA-1; and its mark, the last
    64, which tells it from others."""
    start, mark = _DIGEST.unpack(sha1(key.encode(), usedforsecurity=False).digest())
    return (start >> 16) * ring.PARTITIONS >> 16, start >> 14 & 63, mark


def entry_hash(mark: int, version: Version) -> int:
    """What the key with this mark adds to its leaf: zero where there is no record of it."""
    (counter, node, boot, ballot), dead = version
    if not counter:
        return 0
    number = mark + counter * 0x9E3779B97F4A7C15 + _origin_hash(node, boot, ballot, dead) & _MASK
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _MASK
    return number ^ number >> 31


# There are few of these, one for each life of a coordinator.
@lru_cache(maxsize=1024)
def _origin_hash(node: str, boot: str, ballot: str, dead: bool) -> int:
    return _hash(f"{node}\0{boot}\0{ballot}\0{dead:d}".encode())


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
    """A hash, or a sum, as it is sent."""
    return f"{number:016x}"


def fault_of_hashes(texts: Sequence[str], count: int) -> str:
    """Why these are not so many hashes as they are sent, or empty."""
    if len(texts) != count:
        return f"{len(texts)} hashes where {count} belong"
    if not all(is_hex(text, HEX_DIGITS) for text in texts):
        return "a hash has 16 digits of lower-case hex"
    return ""


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=HASH_BYTES).digest(), "big")
