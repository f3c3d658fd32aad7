"""What a disk keeps beside the values: when they expire, what others lack, what is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.disk import Batch, DiskFull
from actors.ring import partition_of
from actors.versions import NOTHING, Kind, Record, Stamp, Version
from nodes.disk import LmdbDisk

MIB = 2**20
NODE, OTHER = "00112233445566aa", "00112233445566ab"
LONG = "k" * 1_024
KEYS = ["a", "a\0", "\x00", "é" * 235, LONG]
"""Short ones and long ones, and one that is long only after a time or a member."""


def record(key: str, counter: int = 1, expires_ms: int = 0, kind: Kind = "json") -> Record:
    value = b"" if kind == "absent" else b"1"
    return Record(key, kind, value, Stamp(counter, NODE, "1.00000000000000ff"), expires_ms)


def tombstone(key: str, counter: int = 2, expires_ms: int = 0) -> Record:
    return record(key, counter, expires_ms, "absent")


def buried(tombstones: list[tuple[str, Stamp]]) -> list[tuple[str, Version]]:
    """The same, as what is to be dropped."""
    return [(key, Version(stamp, True)) for key, stamp in tombstones]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LmdbDisk]:
    """A new disk."""
    opened = LmdbDisk(tmp_path / "data")
    yield opened
    opened.close()


def expired(disk: LmdbDisk, wall_ms: int, limit: int = 100) -> list[tuple[str, int]]:
    """The keys of what has expired, and when."""
    return [(found.key, found.expires_ms) for found in disk.expired(wall_ms, limit)]


def index_entries(disk: LmdbDisk) -> int:
    """How many entries there are of keys that expire, whether they are right or not."""
    return disk._database.txn.stat(disk._expiries.table)["entries"]


def test_what_has_expired_is_found_the_earliest_first(disk: LmdbDisk) -> None:
    """At its time, not before, and so long as it is there."""
    disk.commit(Batch([record(key, 3, 1_000 - at) for at, key in enumerate(KEYS)]))
    disk.commit(Batch([record("never"), record("later", 1, 2**60)]))
    in_time = [(key, 1_000 - at) for at, key in enumerate(KEYS)][::-1]
    assert expired(disk, 995) == []
    assert expired(disk, 998) == in_time[:3]
    assert expired(disk, 2**59) == in_time
    assert expired(disk, 2**59, 2) == in_time[:2]
    [first] = disk.expired(2**59, 1)
    assert (first.stamp.counter, first.kind) == (3, "json")


def test_what_expires_may_have_the_same_time(disk: LmdbDisk) -> None:
    """All of it is found."""
    disk.commit(Batch([record(key, 1, 7) for key in KEYS]))
    assert sorted(expired(disk, 7)) == sorted((key, 7) for key in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_what_was_written_over_does_not_expire(disk: LmdbDisk, key: str) -> None:
    """Whatever it was written over with; nothing is left behind of the time that it had."""
    for counter, (newer, found) in enumerate(
        [
            (record(key, 2, 10), [(key, 10)]),
            (record(key, 3, 20), [(key, 20)]),
            (record(key, 4, 20), [(key, 20)]),
            (record(key, 5), []),
            (record(key, 6, 5), [(key, 5)]),
            (tombstone(key, 7), []),
            (record(key, 8, 5), [(key, 5)]),
            (tombstone(key, 8, 5), []),
        ]
    ):
        disk.commit(Batch([newer]))
        assert expired(disk, 100) == found, counter
        assert index_entries(disk) == len(found)


def test_of_several_records_of_a_key_the_last_one_expires(disk: LmdbDisk) -> None:
    """The others of a commit never were."""
    disk.commit(Batch([record("a", 1, 10), record("a", 2, 20), record("b", 1, 5), record("b", 2)]))
    assert expired(disk, 100) == [("a", 20)]
    assert index_entries(disk) == 1


def test_tombstones_are_listed_until_they_are_collected(disk: LmdbDisk) -> None:
    """A collected one is gone from everywhere."""
    disk.commit(Batch([*map(record, KEYS), record("alive")]))
    disk.commit(Batch([*map(tombstone, KEYS)]))
    assert sorted(disk.tombstones("", 100)) == sorted((k, tombstone(k).stamp) for k in KEYS)
    disk.commit(Batch(dropped=buried(disk.tombstones("", 100))))
    assert disk.tombstones("", 100) == []
    assert disk.versions([*KEYS, "alive"]) == [NOTHING] * len(KEYS) + [record("alive").version]
    assert [disk.entries(partition_of(key), "", 10) for key in KEYS] == [[]] * len(KEYS)
    disk.commit(Batch([record(LONG, 9)]))
    assert disk.entries(partition_of(LONG), "", 10) == [(LONG, record(LONG, 9).version)]


def test_a_living_record_may_be_dropped_too(disk: LmdbDisk) -> None:
    """It leaves its partition, and its expiry goes with it; a later one stays."""
    disk.commit(Batch([record(key, 3, 500) for key in KEYS]))
    disk.commit(Batch([record("later", 4)]))
    stale = [("later", record("later", 3).version)]
    disk.commit(Batch(dropped=[(key, record(key, 3).version) for key in KEYS] + stale))
    assert disk.versions(KEYS) == [NOTHING] * len(KEYS)
    assert all(disk.entries(partition_of(key), "", 9) == [] for key in KEYS)
    assert index_entries(disk) == 0
    assert disk.versions(["later"]) == [record("later", 4).version]


def test_only_the_tombstone_that_was_meant_is_collected(disk: LmdbDisk) -> None:
    """Not a later one, nor a value, nor what comes with the same commit."""
    meant = tombstone("", 2).stamp
    disk.commit(Batch([tombstone("later", 3), record("alive", 2), tombstone("now", 2)]))
    dropped = buried([(key, meant) for key in ("later", "alive", "now", "unknown")])
    disk.commit(Batch([record("now", 3)], dropped=dropped))
    assert disk.versions(["later", "alive", "now", "unknown"]) == [
        Version(tombstone("", 3).stamp, True),
        Version(meant, False),
        Version(record("", 3).stamp, False),
        NOTHING,
    ]
    assert disk.entries(partition_of("now"), "", 10) == [("now", record("now", 3).version)]


def test_hints_are_kept_for_each_member(tmp_path: Path) -> None:
    """With the time at which each expires; one that is there stays as it is."""
    disk = LmdbDisk(tmp_path)
    disk.commit(Batch(hints=[(OTHER, key, 7) for key in KEYS] + [(NODE, "a", 8), (NODE, "a", 9)]))
    disk.commit(Batch(hints=[(OTHER, LONG, 10), (OTHER, "a", 10)]))
    for _ in range(2):
        assert sorted(disk.hints(OTHER, "", 100)) == sorted((key, 7) for key in KEYS)
        assert disk.hints(NODE, "", 100) == [("a", 8)]
        assert disk.hints("ffffffffffffffff", "", 100) == []
        assert disk.hint_counts() == {NODE: 1, OTHER: len(KEYS)}
        assert (disk.hinted("a"), disk.hinted(LONG)) == ([NODE, OTHER], [OTHER])
        assert disk.hinted(LONG[1:]) == []
        disk.close()
        disk = LmdbDisk(tmp_path)
    disk.close()


def test_a_hint_is_dropped_before_another_is_added(disk: LmdbDisk) -> None:
    """So what a member missed while it was given what it had missed before is not forgotten."""
    disk.commit(Batch(hints=[(NODE, LONG, 7), (NODE, "a", 7)]))
    disk.commit(Batch(hints=[(NODE, LONG, 9)], unhinted=[(NODE, LONG), (NODE, "b"), (OTHER, "a")]))
    assert sorted(disk.hints(NODE, "", 9)) == [("a", 7), (LONG, 9)]
    disk.commit(Batch(unhinted=[(NODE, LONG), (NODE, LONG), (NODE, "a")]))
    assert disk.hints(NODE, "", 9) == []
    assert (disk.hint_counts(), disk.hinted("a")) == ({}, [])


def test_a_full_disk_keeps_what_it_has_beside_the_values(tmp_path: Path) -> None:
    """Nothing of a refused commit is counted, found or gone."""
    disk = LmdbDisk(tmp_path, quota_bytes=4 * MIB)
    disk.commit(Batch([record("a", 1, 10), tombstone("dead")], hints=[(NODE, "a", 7)]))
    too_much = [
        Record(f"b{number}", "bytes", b"x" * MIB, record("").stamp, 5) for number in range(5)
    ]
    with pytest.raises(DiskFull):
        disk.commit(
            Batch(
                [record("a", 2), *too_much],
                dropped=buried(disk.tombstones("", 1)),
                hints=[(NODE, "b", 7), (OTHER, "b", 7)],
                unhinted=[(NODE, "a")],
            )
        )
    assert disk.hint_counts() == {NODE: 1}
    assert (disk.hinted("a"), disk.hinted("b")) == ([NODE], [])
    assert expired(disk, 100) == [("a", 10)]
    assert disk.tombstones("", 9) == [("dead", tombstone("dead").stamp)]
    disk.close()
