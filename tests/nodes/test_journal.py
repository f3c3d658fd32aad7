"""What the journal was given is found again, and nothing else is taken for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.disk import Batch
from actors.versions import Record, Stamp, Version
from nodes import database
from nodes.batch_format import pack_all, pack_batch, unpack_batch
from nodes.disk import LmdbDisk
from nodes.folder import DataFolderError
from nodes.journal import ALIGNED_BYTES, HEAD, Journal

SIZE_BYTES = 1_024
STAMP = Stamp(1, "00112233445566aa", "1.00000000000000ff")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty one, of a database that holds nothing."""
    opened = Journal(tmp_path / "journal", SIZE_BYTES, is_new=True)
    opened.find(0)
    yield opened
    opened.close()


def found(path: Path, last: int = 0) -> list[bytes]:
    """What a journal has for a database that holds the entries up to `last`."""
    journal = Journal(path, SIZE_BYTES, is_new=False)
    try:
        journal.find(last)
        return list(journal.bodies())
    finally:
        journal.close()


def spoil(path: Path, at: int) -> None:
    """Change a byte of the file."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_entries_are_found_again_in_their_order(journal: Journal, tmp_path: Path) -> None:
    """Those that the database has are not."""
    assert found(tmp_path / "journal") == []
    for body in (b"a", b"", b"c" * 100):
        journal.append(body)
    assert journal.last == 3
    assert found(tmp_path / "journal") == list(journal.bodies()) == [b"a", b"", b"c" * 100]
    assert found(tmp_path / "journal", 3) == []


def test_what_an_earlier_round_left_is_not_taken(journal: Journal, tmp_path: Path) -> None:
    """Though it stands just where the next entry would."""
    for body in (b"a1", b"b1", b"c1"):
        journal.append(body)
    journal.begin_again(4)
    assert list(journal.bodies()) == []
    assert found(tmp_path / "journal", 4) == []
    journal.append(b"a2")
    assert found(tmp_path / "journal", 4) == [b"a2"]


def test_an_entry_that_was_cut_short_never_was(journal: Journal, tmp_path: Path) -> None:
    """It was not synced, so nobody was told of it. The next one takes its place."""
    path = tmp_path / "journal"
    journal.append(b"a")
    journal.append(b"b" * 100)
    for offset in (0, 50, 99):
        copy = shutil.copyfile(path, tmp_path / "copy")
        spoil(copy, ALIGNED_BYTES + HEAD.size + offset)
        assert found(copy) == [b"a"]
    again = Journal(copy, SIZE_BYTES, is_new=False)
    again.find(0)
    again.append(b"B")
    again.close()
    assert found(copy) == [b"a", b"B"]


@pytest.mark.parametrize("entry", [0, 1, 2])
@pytest.mark.parametrize("offset", [0, 7, 8, HEAD.size - 1])
def test_a_damaged_head_is_told(journal: Journal, tmp_path: Path, entry: int, offset: int) -> None:
    """Of the first entry, or the last: something that was acknowledged is gone."""
    for body in (b"a", b"b", b"c"):
        journal.append(body)
    spoil(tmp_path / "journal", entry * ALIGNED_BYTES + offset)
    with pytest.raises(DataFolderError, match=rf"what follows entry {entry} is damaged.*empty"):
        found(tmp_path / "journal")


def test_a_damaged_entry_before_another_is_told(journal: Journal, tmp_path: Path) -> None:
    """The node must not begin without it."""
    for body in (b"a", b"b" * 100, b"c"):
        journal.append(body)
    spoil(tmp_path / "journal", ALIGNED_BYTES + HEAD.size + 50)
    with pytest.raises(DataFolderError, match="entry 2 is damaged"):
        found(tmp_path / "journal")


def test_a_journal_of_a_later_database_is_told(journal: Journal, tmp_path: Path) -> None:
    """As where an old copy of the database was put back beside it."""
    for body in (b"a", b"b"):
        journal.append(body)
    journal.begin_again(2)
    journal.append(b"c")
    assert found(tmp_path / "journal", 2) == [b"c"]
    with pytest.raises(DataFolderError, match="entry 3 follows 1 in it"):
        found(tmp_path / "journal", 1)


def test_a_journal_that_is_missing_is_told(tmp_path: Path) -> None:
    """Or a part of it: what was acknowledged last may have been there."""
    LmdbDisk(tmp_path).close()
    os.truncate(tmp_path / "db" / "journal", 1_000)
    with pytest.raises(DataFolderError, match="a part of it is missing"):
        LmdbDisk(tmp_path)
    (tmp_path / "db" / "journal").unlink()
    with pytest.raises(DataFolderError, match="a part of it is missing"):
        LmdbDisk(tmp_path)


def test_a_journal_has_room_for_so_much(journal: Journal, tmp_path: Path) -> None:
    """Its file does not grow."""
    most = SIZE_BYTES - ALIGNED_BYTES - HEAD.size
    assert journal.has_room(bytes(most))
    assert not journal.has_room(bytes(most + 1))
    journal.append(b"a")
    assert not journal.has_room(bytes(most))
    journal.append(bytes(most - ALIGNED_BYTES))
    assert os.path.getsize(tmp_path / "journal") == SIZE_BYTES
    assert found(tmp_path / "journal") == [b"a", bytes(most - ALIGNED_BYTES)]


def test_a_folder_whose_database_is_missing_is_told(tmp_path: Path) -> None:
    """A node that has had one is no new node."""
    LmdbDisk(tmp_path).close()
    (tmp_path / "log.jsonl").touch()
    (tmp_path / "db" / "data.mdb").unlink()
    with pytest.raises(DataFolderError, match=r"is missing.*empty folder"):
        LmdbDisk(tmp_path)
    shutil.rmtree(tmp_path / "db")
    with pytest.raises(DataFolderError, match=r"is missing.*empty folder"):
        LmdbDisk(tmp_path)


def test_a_batch_is_read_as_it_was_written() -> None:
    """All that may be in one, each key once."""
    batch = Batch(
        [
            Record("a", "bytes", b"\0\xff", STAMP, 7),
            Record("é" * 500, "absent", b"", STAMP),
            Record("json", "json", b"[1]", STAMP._replace(ballot="b"), 2**63),
        ],
        [("layout", b"\xff\0"), ("gone", b"")],
        2**63,
        [
            ("dropped", Version(STAMP, True)),
            ("é", Version(STAMP._replace(counter=2**64 - 1), False)),
        ],
        [("member", "key", 2**63)],
        [("other", "key")],
    )
    assert unpack_batch(pack_batch(batch, pack_all(batch.records))) == batch
    twice = Batch([batch.records[0], Record("a", "bytes", b"later", STAMP)])
    assert unpack_batch(pack_batch(twice, pack_all(twice.records))).records == [twice.records[1]]
    assert unpack_batch(pack_batch(Batch(), [])) == Batch()


def test_each_commit_outlives_a_loss_of_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the journal has begun again in between; what the files are then is enough."""
    monkeypatch.setattr(database, "JOURNAL_BYTES", 2**20)
    disk = LmdbDisk(tmp_path / "data")
    sizes = [
        10,
        200_000,
        240_000,
        200_000,
        100_000,
        300_000,
        30,
        240_000,
        240_000,
        240_000,
        250_000,
    ]
    for number, size in enumerate(sizes, 1):
        records = [Record(f"{name}{number}", "bytes", bytes(size), STAMP) for name in "ab"[:number]]
        disk.commit(Batch(records, [("last", b"%d" % number)], number, hints=[("m", "k", number)]))
        shutil.copytree(tmp_path / "data", tmp_path / "copy")
        copy = LmdbDisk(tmp_path / "copy")
        assert copy.boot.notes == {"last": b"%d" % number}
        assert copy.boot.clock_limit == number
        assert copy.hint_counts() == {"m": 1}
        assert copy.page("", "", 100) == disk.page("", "", 100)
        assert len(copy.page("", "", 100)[0]) == 2 * number - 1
        assert copy.read(["a1", f"a{number}"]) == disk.read(["a1", f"a{number}"])
        copy.close()
        shutil.rmtree(tmp_path / "copy")
    disk.close()
