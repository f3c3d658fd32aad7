"""What a disk has committed is there: after another commit, after a restart, page by page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.disk import Batch, DiskFull
from actors.ring import partition_of
from actors.versions import NOTHING, Kind, Record, Stamp
from nodes.disk import LmdbDisk
from tests.nodes.keys import keys

NODE = "00112233445566aa"
MIB = 2**20


def record(key: str, value: bytes = b"1", counter: int = 1, kind: Kind = "json") -> Record:
    return Record(key, kind, value, Stamp(counter, NODE, "1.00000000000000ff"))


def tombstone(key: str, counter: int = 2) -> Record:
    return record(key, b"", counter, "absent")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LmdbDisk]:
    """A new disk."""
    opened = LmdbDisk(tmp_path / "data")
    yield opened
    opened.close()


def pages(disk: LmdbDisk, prefix: str, after: str, limit: int) -> Iterator[list[str]]:
    """Page after page, until there are no more."""
    more = True
    while more:
        page, more = disk.page(prefix, after, limit)
        assert all(key > after for key in page)
        assert len(page) == limit if more else len(page) <= limit
        yield page
        after = page[-1] if page else after


def test_what_was_never_written_is_not_there(disk: LmdbDisk) -> None:
    """A new disk is empty."""
    assert disk.read(["a"]) == [None]
    assert disk.versions(["a"]) == [NOTHING]
    assert disk.page("", "", 10) == ([], False)
    assert disk.read([]) == []
    assert disk.versions([]) == []


def test_all_kinds_of_records_come_back(disk: LmdbDisk) -> None:
    """In the order in which they are asked for, as often as they are asked for."""
    stored = [
        record("json", b'{"a":1}'),
        record("bytes", bytes(range(256)), kind="bytes"),
        record("empty", b"", kind="bytes"),
        record("large", b"x" * MIB, kind="bytes"),
        record("k" * 1024, b"2"),
        Record("expires", "json", b"1", Stamp(7, NODE, "1.00000000000000ff", "ballot"), 1_234),
        tombstone("gone"),
    ]
    disk.commit(Batch(stored))
    names = [r.key for r in stored]
    assert disk.read(names) == stored
    assert disk.versions(names) == [r.version for r in stored]
    assert disk.read(["json", "nothing", "json"]) == [stored[0], None, stored[0]]


def test_a_record_replaces_the_one_before(disk: LmdbDisk) -> None:
    """Whether that was a value or a tombstone; within a commit the last counts."""
    for newer in (record("a", b"1"), tombstone("a"), record("a", b"3", 3), tombstone("a", 4)):
        disk.commit(Batch([newer]))
        assert disk.read(["a"]) == [newer]
        assert disk.versions(["a"]) == [newer.version]
        assert disk.page("", "", 10)[0] == ([] if newer.kind == "absent" else ["a"])
    disk.commit(Batch([record("a", b"5", 5), tombstone("a", 6), record("b"), tombstone("b")]))
    assert [r.kind for r in disk.read(["a", "b"]) if r] == ["absent", "absent"]
    assert disk.page("", "", 10) == ([], False)


def test_what_was_committed_outlives_a_restart(tmp_path: Path) -> None:
    """Records, notes and the clock limit."""
    disk = LmdbDisk(tmp_path)
    disk.commit(Batch([record("a"), tombstone("b")], [("network", b"n"), ("bound", b"m")], 2**20))
    disk.commit(Batch(notes=[("bound", b"")], clock_limit=2**21))
    disk.close()
    disk = LmdbDisk(tmp_path)
    assert disk.read(["a", "b"]) == [record("a"), tombstone("b")]
    assert disk.boot.clock_limit == 2**21
    assert disk.boot.notes == {"network": b"n"}
    disk.close()


def test_a_node_keeps_its_id_and_counts_its_boots(tmp_path: Path) -> None:
    """Each start has a count above all before, and a name of its own."""
    boots = []
    for _ in range(3):
        disk = LmdbDisk(tmp_path)
        boots.append(disk.boot)
        disk.close()
    assert len({boot.node_id for boot in boots}) == 1
    assert len(bytes.fromhex(boots[0].node_id)) == 8
    assert [boot.count for boot in boots] == [1, 2, 3]
    assert len({boot.name.partition(".")[2] for boot in boots}) == 3
    assert [boot.name.partition(".")[0] for boot in boots] == ["1", "2", "3"]
    assert (boots[0].clock_limit, boots[0].notes) == (0, {})


def test_two_nodes_have_two_ids(tmp_path: Path) -> None:
    """Nobody hands them out."""
    disks = [LmdbDisk(tmp_path / name) for name in ("one", "two")]
    assert disks[0].boot.node_id != disks[1].boot.node_id
    for disk in disks:
        disk.close()


def test_a_commit_says_how_long_its_sync_took(disk: LmdbDisk) -> None:
    """Once; a commit of nothing new syncs nothing."""
    disk.commit(Batch())
    assert disk.take_sync_us() == 0
    disk.commit(Batch([record("a")], clock_limit=7))
    assert disk.take_sync_us() > 0
    assert disk.take_sync_us() == 0
    disk.commit(Batch(clock_limit=7))
    assert disk.take_sync_us() == 0


def test_one_thread_opens_the_disk_and_another_uses_it(disk: LmdbDisk) -> None:
    """The host opens it and the storage actor's thread has it from then on."""
    found: list[list[Record | None]] = []

    def use() -> None:
        disk.commit(Batch([record("a")]))
        found.append(disk.read(["a"]))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(timeout=10)
    assert found == [[record("a")]]


@st.composite
def listings(draw: st.DrawFn) -> tuple[set[str], set[str], str, str, int]:
    """Keys, those deleted among them, and a prefix, a last key and a limit to list them with."""
    stored = draw(st.sets(keys(), min_size=1, max_size=25))
    some = st.sampled_from(sorted(stored))
    deleted = draw(st.sets(some, max_size=8))
    beginning = st.builds(lambda key, length: key[:length], some, st.integers(0, 1024))
    prefix = draw(st.just("") | beginning | keys())
    after = draw(st.just("") | some | beginning | keys())
    return stored, deleted, prefix, after, draw(st.integers(1, 6))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listing=listings())
def test_pages_have_each_living_key_once_and_in_order(
    disk: LmdbDisk, listing: tuple[set[str], set[str], str, str, int]
) -> None:
    """Whatever the keys, prefix, start and limit are, and whether keys are long or short."""
    stored, deleted, prefix, after, limit = listing
    disk.commit(Batch([*map(record, stored), *map(tombstone, deleted)]))
    listed = [key for page in pages(disk, prefix, after, limit) for key in page]
    living = sorted(stored - deleted)
    assert listed == [key for key in living if key.startswith(prefix) and key > after]
    # The next example finds tombstones only.
    disk.commit(Batch([*map(tombstone, stored)]))


def test_a_page_passes_by_more_long_keys_than_it_returns(disk: LmdbDisk) -> None:
    """Long keys with the same beginning are kept in another order than theirs."""
    names = [f"{'k' * 500}{number:03}" for number in range(200)]
    disk.commit(Batch([record(name) for name in [*reversed(names), "k" * 476, "k" * 475 + "l"]]))
    for limit in (1, 7, 199, 202, 1_000):
        listed = [key for page in pages(disk, "", "", limit) for key in page]
        assert listed == ["k" * 476, *names, "k" * 475 + "l"]
    assert disk.page(names[50][:-1], names[53], 3) == (names[54:57], True)


def test_keys_are_found_by_their_partition(disk: LmdbDisk) -> None:
    """Each once, whatever the page's size, with the version last written, tombstones too."""
    names = [f"{beginning}{number}" for beginning in ("k", "k" * 480) for number in range(3_000)]
    disk.commit(Batch([record(name) for name in names]))
    disk.commit(Batch([tombstone(name) for name in names[::2]]))
    partition = partition_of(names[0])
    expected = {name for name in names if partition_of(name) == partition}
    for limit in (1, 2, 1_000):
        found = [("", NOTHING)]
        while page := disk.entries(partition, found[-1][0], limit):
            assert len(page) <= limit
            found += page
        assert len(found) - 1 == len(expected)
        assert {key for key, _ in found[1:]} == expected
        assert [version for _, version in found[1:]] == disk.versions([key for key, _ in found[1:]])


def test_the_database_grows_by_itself(tmp_path: Path) -> None:
    """By many commits, or by one of more than it grows by in one step."""
    disk = LmdbDisk(tmp_path)
    tiny = [record(f"tiny{number}", bytes([number % 256]) * 30_000) for number in range(800)]
    for one in tiny:
        disk.commit(Batch([one]))
    small = [record(f"small{number}", bytes([number]) * 500_000) for number in range(40)]
    large = [record(f"large{number}", bytes([number]) * MIB) for number in range(40)]
    for one in small:
        disk.commit(Batch([one]))
    disk.commit(Batch(large))
    disk.close()
    disk = LmdbDisk(tmp_path)
    for one in [*tiny, *small, *large]:
        assert disk.read([one.key]) == [one]
    disk.close()


def test_past_its_quota_a_disk_is_full(tmp_path: Path) -> None:
    """Nothing of the commit is applied; reads go on, and so does what needs no more room."""
    disk = LmdbDisk(tmp_path, quota_bytes=4 * MIB)
    disk.commit(Batch([record("a", b"old")], [("note", b"old")], 1))
    too_much = [record(f"b{number}", b"x" * MIB) for number in range(5)]
    with pytest.raises(DiskFull, match="no room"):
        disk.commit(Batch([record("a", b"new"), *too_much], [("note", b"new")], 2))
    assert disk.page("", "", 10) == (["a"], False)
    assert disk.read(["a", "b0"]) == [record("a", b"old"), None]
    disk.commit(Batch([record("c")], clock_limit=3))
    disk.close()
    disk = LmdbDisk(tmp_path, quota_bytes=4 * MIB)
    assert (disk.boot.notes, disk.boot.clock_limit) == ({"note": b"old"}, 3)
    assert (tmp_path / "db" / "data.mdb").stat().st_size <= 4 * MIB
    disk.close()


def store_until_full(disk: LmdbDisk, stored: list[str]) -> None:
    """Add keys to those stored before, one a commit."""
    while True:
        key = f"key{len(stored):06}"
        disk.commit(Batch([record(key, b"x" * 5_000)]))
        stored.append(key)


def test_a_node_starts_although_its_disk_is_full(tmp_path: Path) -> None:
    """Time and again, whatever room each run of the node found left."""
    stored: list[str] = []
    for boots in range(1, 11):
        disk = LmdbDisk(tmp_path, quota_bytes=4 * MIB)
        assert disk.boot.count == boots
        with pytest.raises(DiskFull):
            store_until_full(disk, stored)
        assert disk.page("", "", 10_000)[0] == stored
        disk.close()
    assert all(low < high for low, high in pairwise(stored))
