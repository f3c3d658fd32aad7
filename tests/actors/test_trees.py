"""Trees are made in the background, and are always those of what is on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Now
from actors.merkle import LEAVES, entry_hash, place_of, root_of
from actors.ring import partition_of
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.trees import Trees
from tests.actors.part_disk import PartDisk
from tests.actors.storage_parts import keys_in, record, records, tombstone

KEYS = [*keys_in(7, 12), *keys_in(8, 2)]
"""Keys of two partitions."""


@dataclass(frozen=True)
class Step:
    """Something that happens: to a key, or to the trees."""

    what: Literal["put", "delete", "collect", "make"]
    key: str


STEPS = st.lists(
    st.builds(Step, st.sampled_from(["put", "delete", "collect", "make"]), st.sampled_from(KEYS)),
    min_size=5,
    max_size=40,
)


def made(disk: PartDisk, *partitions: int, settings: StorageSettings | None = None) -> Trees:
    """Trees of what is on the disk."""
    trees = Trees(disk, settings or StorageSettings())
    trees.own(partitions)
    now_ms = 0
    while not trees.is_ready:
        assert trees.wake_at is not None
        now_ms = max(now_ms, trees.wake_at)
        trees.due(Now(now_ms, 0))
    return trees


def commit(stage: Stage, trees: Trees) -> None:
    """What is staged is committed, and the trees are told."""
    ok, changes = stage.commit()
    assert ok
    trees.apply(changes)


@given(st.lists(st.sampled_from(KEYS), min_size=8, unique=True), STEPS, st.integers(1, 6))
def test_trees_are_always_those_of_the_disk(held: list[str], steps: list[Step], pace: int) -> None:
    """Whatever is written, deleted or collected, before, while and after they are made."""
    disk = PartDisk([record(key) for key in held])
    stage = Stage(disk, 100)
    trees = Trees(disk, StorageSettings(tree_keys=pace, tree_pause_ms=1))
    trees.own([7, 8])
    for now_ms, step in enumerate(steps):
        if step.what == "make":
            trees.due(Now(now_ms, 0))
        elif step.what == "collect":
            held_now = disk.records.get(step.key)
            if held_now is not None:
                stage.collect([(step.key, held_now.stamp)])
        else:
            make = record if step.what == "put" else tombstone
            stage.put([make(step.key, 2 + now_ms)])
        commit(stage, trees)
    for now_ms in range(len(steps), len(steps) + 200):
        trees.due(Now(now_ms, 0))
    assert trees.is_ready
    fresh = made(disk, 7, 8)
    assert [trees.leaves(p) for p in (7, 8)] == [fresh.leaves(p) for p in (7, 8)]
    assert [trees.root(p) for p in (7, 8)] == [fresh.root(p) for p in (7, 8)]


def test_a_leaf_is_the_exclusive_or_of_its_entries() -> None:
    """And the root the hash over the leaves."""
    disk = PartDisk([record(key) for key in KEYS])
    trees = made(disk, 7)
    expected = [0] * LEAVES
    for key in KEYS:
        if partition_of(key) == 7:
            _, leaf, mark = place_of(key)
            expected[leaf] ^= entry_hash(mark, disk.versions([key])[0])
    assert trees.leaves(7) == tuple(expected)
    assert trees.root(7) == root_of(expected)


def test_of_what_is_not_owned_there_is_no_tree() -> None:
    """It has no leaves, and does not get any."""
    disk = PartDisk([record(key) for key in KEYS])
    trees = made(disk, 8)
    stage = Stage(disk, 100)
    stage.put([record(KEYS[0], 2)])
    commit(stage, trees)
    assert trees.root(7) == 0
    assert trees.leaves(7) == (0,) * LEAVES


def test_trees_are_made_a_few_keys_at_a_time() -> None:
    """With a pause after each few, so that the node has time for other things."""
    disk = PartDisk(records(10_000))
    trees = Trees(disk, StorageSettings(tree_keys=500, tree_pause_ms=20))
    trees.own(range(1000))
    for now_ms in range(0, 100, 20):
        before = disk.listed
        trees.due(Now(now_ms, 0))
        assert 0 < disk.listed - before <= 500
        assert trees.wake_at == now_ms + 20
        between = disk.listed
        trees.due(Now(now_ms + 19, 0))
        assert disk.listed == between


def test_what_is_made_stays_made() -> None:
    """When other partitions become own ones only their trees are made."""
    disk = PartDisk([record(key) for key in KEYS])
    trees = made(disk, 7)
    root = trees.root(7)
    trees.own([7, 8])
    assert not trees.is_ready
    assert trees.root(7) == root
    trees.due(Now(1000, 0))
    assert trees.is_ready
    assert trees.root(8) != 0
    trees.own([8])
    assert trees.is_ready
    assert trees.root(7) == 0


def test_one_that_is_half_made_is_given_up_with_its_partition() -> None:
    """And made from the start when it is an own one again."""
    disk = PartDisk([record(key) for key in KEYS])
    trees = Trees(disk, StorageSettings(tree_keys=5))
    trees.own([7])
    trees.due(Now(0, 0))
    trees.own([8])
    trees.own([7])
    for now_ms in range(100, 1000, 100):
        trees.due(Now(now_ms, 0))
    assert trees.root(7) == made(disk, 7).root(7)


def test_a_partition_that_became_empty_is_as_one_that_always_was() -> None:
    """Its root is zero, and its leaves are."""
    disk = PartDisk([tombstone("k")])
    partition = partition_of("k")
    trees = made(disk, partition)
    assert trees.root(partition) != 0
    stage = Stage(disk, 100)
    stage.collect([("k", tombstone("k").stamp)])
    commit(stage, trees)
    assert trees.root(partition) == 0
    assert trees.leaves(partition) == (0,) * LEAVES


def test_groups_are_over_what_is_asked_for() -> None:
    """Two replicas that share some partitions compare these alone."""
    mine = made(PartDisk([record(key) for key in KEYS]), 7, 8)
    theirs = made(PartDisk([record(key) for key in keys_in(7, 12)]), 7, 8)
    assert mine.groups([7]) == theirs.groups([7])
    assert mine.groups([7, 8]) != theirs.groups([7, 8])
