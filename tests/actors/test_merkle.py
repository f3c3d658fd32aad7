"""Hashes, leaves and roots: equal for equal entries, and where entries differ few of them do."""

from __future__ import annotations

from hashlib import sha1

from hypothesis import given
from hypothesis import strategies as st

from actors.merkle import (
    GROUPS,
    LEAVES,
    entry_hash,
    fault_of_hashes,
    group_digest,
    grouped,
    hex_of,
    place_of,
    root_of,
)
from actors.ring import partition_of
from actors.versions import NOTHING, Stamp, Version
from nodes.simulated.partitions import partitions
from tests.actors.envelopes import A, B

_, _, KEY = place_of("key")


def group_digests(roots: list[tuple[int, int]]) -> list[str]:
    """Of all groups, over these partitions with these roots."""
    root_of_partition = dict(roots)
    return [
        group_digest([(p, root_of_partition[p]) for p in group])
        for group in grouped(tuple(root_of_partition))
    ]


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_key_is_in_the_leaf_of_its_next_six_bits(key: str) -> None:
    """The first twelve bits of its SHA-1 are its partition; the last 64 tell it from other keys."""
    bits = int(sha1(key.encode()).hexdigest(), 16)
    assert place_of(key) == (partition_of(key), (bits >> 160 - 18) % LEAVES, bits % 2**64)


def test_where_there_are_fewer_partitions_a_key_is_in_its_own() -> None:
    """As in simulations."""
    with partitions(64):
        assert [place_of(f"key{n}")[0] for n in range(99)] == [
            partition_of(f"key{n}") for n in range(99)
        ]


def test_an_entry_is_its_key_its_stamp_and_whether_it_is_dead() -> None:
    """Another of any of these is another hash."""
    stamp = Stamp(1, A, "1.0")
    hashes = [
        entry_hash(KEY, Version(stamp, False)),
        entry_hash(KEY + 1, Version(stamp, False)),
        entry_hash(KEY, Version(stamp, True)),
        entry_hash(KEY, Version(Stamp(2, A, "1.0"), False)),
        entry_hash(KEY, Version(Stamp(1, B, "1.0"), False)),
        entry_hash(KEY, Version(Stamp(1, A, "2.0"), False)),
        entry_hash(KEY, Version(Stamp(1, A, "1.0", "b"), False)),
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(0 < number < 2**64 for number in hashes)


def test_no_entry_adds_nothing() -> None:
    """A key without a record is as if there were no key."""
    assert entry_hash(KEY, NOTHING) == 0


def test_hashes_are_the_same_everywhere() -> None:
    """They are part of the protocol: nodes that differ in them find all of their copies differ."""
    leaves = [entry_hash(KEY, Version(Stamp(1, A, "1.0"), False)), *[0] * (LEAVES - 1)]
    assert hex_of(leaves[0]) == "56b37067a9d6184f"
    assert hex_of(root_of(leaves)) == "c5b8a93d6ab3472b"
    assert group_digests([(0, root_of(leaves))])[:2] == ["12b35c5733f25c91", "e4a6a0577479b2b4"]


def test_a_root_tells_leaves_apart() -> None:
    """Also by where they are; without entries it is zero."""
    empty = [0] * LEAVES
    roots = {root_of([*empty[:i], 5, *empty[i + 1 :]]) for i in range(LEAVES)}
    assert len(roots) == LEAVES
    assert root_of(empty) == 0


def test_a_group_has_64_consecutive_partitions() -> None:
    """A root that differs shows in the digest of its group alone."""
    before = group_digests([(0, 1), (63, 1), (64, 1), (4095, 1)])
    after = group_digests([(0, 1), (63, 2), (64, 1), (4095, 1)])
    assert len(before) == GROUPS
    assert [i for i in range(GROUPS) if before[i] != after[i]] == [0]


def test_a_group_tells_which_partitions_it_is_over() -> None:
    """The same roots of other partitions are another digest."""
    assert group_digests([(0, 1), (1, 0)]) != group_digests([(0, 0), (1, 1)])
    assert group_digests([(0, 1)]) != group_digests([(0, 1), (1, 0)])


def test_what_comes_as_hashes_is_checked() -> None:
    """So many as belong there, of 16 digits of lower-case hex each."""
    assert fault_of_hashes(("0123456789abcdef",), 1) == ""
    assert fault_of_hashes((), 0) == ""
    for wrong in ((), ("0" * 16,) * 2, ("0" * 15,), ("0" * 17,), ("A" * 16,), ("\uff10" * 16,)):
        assert fault_of_hashes(wrong, 1)
