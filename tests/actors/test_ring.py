"""All nodes agree on who owns what, nobody owns too much, and little moves when members change."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha1
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import ring as ring_module
from actors.ring import PARTITIONS, REPLICAS, Ring, partition_of, position_of

ROOT = Path(__file__).parents[2]

FULLEST = 1.10
"""At most this many times the mean is held by any member."""

MOVED = 1.20
"""At most this many times the share of who joins or leaves is moved."""

SIZES = (*range(1, 11), 30, 45, 60, 80, 98, 99)

FIXED = tuple(f"{i * 0x9E3779B97F4A7C15 % 2**64:016x}" for i in range(1, 21))
FIVE = Ring(FIXED[:5])

IDS = st.integers(0, 2**64 - 1).map("{:016x}".format)
KEYS = st.text(st.characters(exclude_categories=["Cs"]))


def members(least: int, most: int) -> st.SearchStrategy[list[str]]:
    """Lists of distinct member ids, in any order."""
    return st.lists(IDS, min_size=least, max_size=most, unique=True)


def random_ids(seed: int, count: int) -> list[str]:
    """Member ids as nodes draw them."""
    random = Random(seed)
    return [f"{random.getrandbits(64):016x}" for _ in range(count)]


def owner_lists(ring: Ring) -> list[tuple[str, ...]]:
    """All that a ring decides."""
    return [ring.owners(partition) for partition in range(PARTITIONS)]


def digest(ring: Ring) -> str:
    """A SHA-1 of all owner lists: a line a partition, the ids parted by commas."""
    return sha1("\n".join(map(",".join, owner_lists(ring))).encode()).hexdigest()


def moved(before: Ring, after: Ring) -> int:
    """How many copies have to be made: the owners that have not owned their partition before."""
    pairs = zip(owner_lists(before), owner_lists(after), strict=True)
    return sum(len(set(new) - set(old)) for old, new in pairs)


def mean(count: int) -> float:
    """The mean of the copies held, of so many members."""
    return min(REPLICAS, count) * PARTITIONS / count


def assert_fair(ring: Ring, count: int) -> None:
    """The owners are distinct and enough, nobody holds too much, and shares are told truly."""
    held = dict.fromkeys(ring.members, 0)
    for owners in owner_lists(ring):
        assert len(set(owners)) == len(owners) == min(REPLICAS, count)
        for owner in owners:
            held[owner] += 1
    assert {member: ring.share(member) for member in ring.members} == held
    assert max(held.values()) <= FULLEST * mean(count)


@given(KEYS)
def test_the_partition_is_the_first_12_bits_of_the_position(key: str) -> None:
    """A key's partition is the number that the first three digits of its position are."""
    assert len(position_of(key)) == 40
    assert partition_of(key) == int(position_of(key)[:3], 16)


def test_the_position_is_the_sha1_of_the_keys_utf8() -> None:
    """The standard's own example, the empty key, and one that is not ASCII, are where they are."""
    assert position_of("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert partition_of("abc") == 0xA99
    assert partition_of("") == 0xDA3
    assert partition_of("\N{SNOWMAN}") == int(sha1(b"\xe2\x98\x83").hexdigest()[:3], 16)


def test_a_key_that_is_not_utf8_has_no_position() -> None:
    """A lone surrogate is refused, not replaced."""
    with pytest.raises(UnicodeEncodeError):
        partition_of("\ud800")
    with pytest.raises(UnicodeEncodeError):
        position_of("\ud800")


@given(KEYS)
def test_a_keys_owners_are_those_of_its_partition(key: str) -> None:
    """Keys are placed by partition alone."""
    assert FIVE.owners_of(key) == FIVE.owners(partition_of(key))


def test_the_ring_is_what_it_has_always_been() -> None:
    """A change of any owner, or of their order, is a change of the protocol: here it shows."""
    assert digest(FIVE) == "d8bd53376197875cf602884cb72026ff8afe25ef"
    assert digest(Ring(FIXED)) == "fe81117f59a0e4d676bab9b4aae3a27dde591260"
    owners = ("1715609f7c746c69", "9e3779b97f4a7c15", "78dde6e5fd29f054")
    assert FIVE.owners_of("greeting") == owners


@settings(max_examples=10)
@given(members(0, 12), st.randoms(use_true_random=False))
def test_the_order_of_the_members_does_not_matter(ids: list[str], random: Random) -> None:
    """Nodes that heard of the members in another order, or twice, have the same ring."""
    ring = Ring(ids)
    heard = ids + ids[:3]
    random.shuffle(heard)
    other = Ring(iter(heard))
    assert other.members == ring.members == tuple(sorted(ids))
    assert owner_lists(other) == owner_lists(ring)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_process_computes_the_same_ring(seed: str) -> None:
    """Python's seed for hashing strings, another in every process, has no part in it."""
    program = (
        "import sys\n"
        "from actors.ring import Ring\n"
        "ring = Ring(set(sys.argv[1:]))\n"
        "print(*(','.join(ring.owners(p)) for p in range(4096)), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *FIXED],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=50,
        check=True,
    )
    assert sha1(done.stdout.rstrip()).hexdigest() == digest(Ring(FIXED))


def test_without_members_nobody_owns_anything() -> None:
    """The ring of a node that is not in a network yet can be asked, and names nobody."""
    ring = Ring(())
    assert set(owner_lists(ring)) == {()}
    assert ring.owners_of("greeting") == ()
    assert ring.members == ()


def test_who_is_no_member_holds_nothing() -> None:
    """A share can be asked for a node that has left."""
    assert FIVE.share(FIXED[5]) == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_up_to_three_members_each_hold_everything(count: int) -> None:
    """Members that are no more than the replicas all own every partition."""
    ring = Ring(FIXED[:count])
    assert {frozenset(owners) for owners in owner_lists(ring)} == {frozenset(FIXED[:count])}
    assert all(ring.share(member) == PARTITIONS for member in ring.members)


@settings(max_examples=10)
@given(members(1, 40))
def test_no_member_holds_much_more_than_the_mean(ids: list[str]) -> None:
    """Whatever the members, owners are distinct, enough, and about equally laden."""
    assert_fair(Ring(ids), len(ids))


@settings(max_examples=10)
@given(members(2, 40))
def test_joins_and_leaves_move_little(ids: list[str]) -> None:
    """Not much more than the share of who joins or leaves is moved."""
    with_it, without_it = Ring(ids), Ring(ids[:-1])
    assert moved(without_it, with_it) <= MOVED * mean(len(ids))
    assert moved(with_it, without_it) <= MOVED * mean(len(ids))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", SIZES)
def test_the_bounds_hold_from_one_member_to_a_hundred(count: int, seed: int) -> None:
    """At every size the fullest, a join and a leave stay within their bounds."""
    ids = random_ids(seed, count + 1)
    before, after = Ring(ids[:-1]), Ring(ids)
    assert_fair(before, count)
    assert_fair(after, count + 1)
    assert moved(before, after) <= MOVED * mean(count + 1)
    assert moved(after, before) <= MOVED * mean(count + 1)


@settings(max_examples=10)
@given(members(2, 10))
def test_in_a_small_ring_only_who_joins_is_given_anything(ids: list[str]) -> None:
    """Where nobody is at the cap, a join or a leave lets the others keep their order and place."""
    newcomer = ids[-1]
    before, after = owner_lists(Ring(ids[:-1])), owner_lists(Ring(ids))
    for old, new in zip(before, after, strict=True):
        others = [owner for owner in new if owner != newcomer]
        assert others == list(old[: len(others)])


def test_owners_are_distinct_even_if_all_want_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """When those below the cap own all there is, the cap gives way, and for all others alike."""
    monkeypatch.setattr(ring_module, "_preference", lambda member: list(range(PARTITIONS)))
    ring = Ring(FIXED[:7])
    assert all(len(set(owners)) == REPLICAS for owners in owner_lists(ring))
    assert sorted(map(ring.share, ring.members)) == [236, 2008, 2008, *[2009] * 4]
    assert FULLEST * mean(7) < 2008
