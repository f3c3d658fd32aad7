"""The chunks on the disk: what was kept is there, whole; a full disk keeps nothing."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import ring
from actors.chunks import MAX_CHUNK_BYTES, chunk_id, partition_of_chunk
from actors.disk import DiskFull
from nodes import chunk_folder
from nodes.chunk_folder import ChunkFolder
from nodes.folder import DataFolderError
from tests.nodes.sick import run_or_skip

MIB = 2**20
A, B = (chunk_id(data) for data in (b"a", b"b"))
LIST = chunk_id(b"a" * 32, is_list=True)

Reopen = Callable[..., ChunkFolder]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Reopen]:
    """Open the folder in `tmp_path`, after it was closed if it was open."""
    opened: list[ChunkFolder] = []

    def reopen(quota_bytes: int | None = None) -> ChunkFolder:
        for folder in opened:
            folder.close()
        opened[:] = [ChunkFolder(tmp_path, quota_bytes)]
        return opened[0]

    yield reopen
    for folder in opened:
        folder.close()


@pytest.fixture
def folder(reopen: Reopen) -> ChunkFolder:
    """A new folder."""
    return reopen()


def path_of(tmp_path: Path, id: str) -> Path:
    """Where a chunk lies."""
    return tmp_path / "chunks" / f"{partition_of_chunk(id):03x}" / id


def files(tmp_path: Path) -> list[str]:
    """The names of all files below."""
    return sorted(p.name for p in tmp_path.rglob("*") if not p.is_dir())


def fail(
    monkeypatch: pytest.MonkeyPatch, call: str, number: int, after: int = 0
) -> Callable[[], bool]:
    """Let a system call fail once, after so many that succeed; did it?"""
    real, calls = getattr(os, call), iter([*[None] * after, OSError(number, os.strerror(number))])
    failed = []

    def wrapped(*arguments: object, **named: object) -> object:
        if error := next(calls, None):
            failed.append(error)
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, wrapped)
    return lambda: bool(failed)


def test_what_was_kept_is_there_after_a_restart(reopen: Reopen) -> None:
    """Chunks and lists, with how many they are and their bytes."""
    kept = [(A, b"a"), (B, b"b"), (LIST, b"a" * 32)]
    reopen().keep(kept)
    for folder in (reopen(), reopen()):
        assert [folder.read(id) for id, _ in kept] == [data for _, data in kept]
        assert folder.has([A, chunk_id(b"c"), LIST, B]) == [True, False, True, True]
        assert folder.lists() == [LIST]
        assert folder.counts() == (3, 34)
        assert A in folder.of_partition(partition_of_chunk(A))


@settings(max_examples=25, deadline=None)
@given(
    calls=st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 9), max_size=5)), min_size=1, max_size=8
    )
)
def test_a_folder_answers_as_a_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[bool, list[int]]]
) -> None:
    """Whatever is kept and dropped, and whenever it is closed and opened again."""
    datas = [bytes([n]) * (n * 32 + 1) for n in range(10)]
    ids = [chunk_id(data, is_list=n % 3 == 0) for n, data in enumerate(datas)]
    model: dict[str, bytes] = {}
    path = tmp_path_factory.mktemp("chunks")
    for is_kept, numbers in calls:
        folder = ChunkFolder(path)
        if is_kept:
            folder.keep([(ids[n], datas[n]) for n in numbers])
            model.update((ids[n], datas[n]) for n in numbers)
        else:
            folder.drop([ids[n] for n in numbers])
            model = {id: data for id, data in model.items() if id not in [ids[n] for n in numbers]}
        assert [folder.read(id) for id in ids] == [model.get(id) for id in ids]
        assert folder.has(ids) == [id in model for id in ids]
        assert folder.counts() == (len(model), sum(map(len, model.values())))
        assert folder.lists() == sorted(id for id in model if id.endswith(".list"))
        listed = [id for p in range(ring.PARTITIONS) for id in folder.of_partition(p)]
        assert sorted(listed) == sorted(model)
        assert {*map(partition_of_chunk, model)} <= {*folder.partitions()}
        folder.close()


def test_partitions_are_those_of_the_ring(
    reopen: Reopen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A ring of fewer has its chunks in fewer folders, each in order."""
    monkeypatch.setattr(ring, "PARTITIONS", 4)
    datas = [bytes([n]) for n in range(32)]
    folder = reopen()
    folder.keep([(chunk_id(data), data) for data in datas])
    listed = [folder.of_partition(p) for p in range(4)]
    assert listed == [sorted(ids) for ids in listed]
    assert sorted(id for ids in listed for id in ids) == sorted(map(chunk_id, datas))
    assert folder.partitions() == [0, 1, 2, 3]
    assert {p.name for p in (tmp_path / "chunks").iterdir()} == {
        *("000", "001", "002", "003", "drafts")
    }


def test_what_is_there_is_not_written_again(folder: ChunkFolder, tmp_path: Path) -> None:
    """Not even where other bytes come under the same id, nor twice in one call."""
    folder.keep([(A, b"a"), (A, b"x")])
    written = path_of(tmp_path, A).stat()
    assert folder.take_sync_us() > 0
    folder.keep([(A, b"y")])
    assert path_of(tmp_path, A).stat() == written
    assert folder.counts().chunks == 1
    assert folder.take_sync_us() == 0


def test_only_the_owner_can_read_it(folder: ChunkFolder, tmp_path: Path) -> None:
    """Folders and files alike."""
    folder.keep([(A, b"a")])
    modes = {p.is_dir(): p.stat().st_mode & 0o777 for p in (tmp_path / "chunks").rglob("*")}
    assert modes == {True: 0o700, False: 0o600}
    assert (tmp_path / "chunks").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize(
    ("call", "after"),
    [("open", 1), ("write", 1), ("fdatasync", 1), ("mkdir", 1), ("rename", 0), ("rename", 1)],
)
def test_on_a_full_disk_nothing_is_kept(
    reopen: Reopen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    after: int,
    number: int,
) -> None:
    """Wherever it shows. What was kept before is still there, and room can be found."""
    folder = reopen()
    folder.keep([(A, b"a")])
    more = [(chunk_id(data), data) for data in (b"b", b"c", b"d")]
    with monkeypatch.context() as patched:
        has_failed = fail(patched, call, number, after)
        with pytest.raises(DiskFull, match="no room"):
            folder.keep(more)
        assert has_failed()
    assert files(tmp_path) == [A]
    assert folder.counts() == (1, 1)
    folder.keep(more)
    assert folder.counts() == (4, 4)
    assert reopen().has([id for id, _ in more]) == [True] * 3


@pytest.mark.parametrize("call", ["write", "fdatasync", "rename", "fsync"])
def test_any_other_error_is_the_end(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A sync that is tried again would seem to succeed."""
    fail(monkeypatch, call, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        folder.keep([(A, b"a")])


def test_a_sync_without_room_is_the_end(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the chunks have their names, what a failed sync of a folder has left is not known."""
    fail(monkeypatch, "fsync", errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        folder.keep([(A, b"a")])


def test_a_quota_bounds_the_bytes_of_all_chunks(reopen: Reopen, tmp_path: Path) -> None:
    """To the byte; what is dropped makes room."""
    folder = reopen(10)
    folder.keep([(A, b"x" * 6)])
    assert folder.room_bytes() == 4
    with pytest.raises(DiskFull):
        folder.keep([(B, b"x" * 3), (LIST, b"xx")])
    assert files(tmp_path) == [A]
    folder.keep([(B, b"x" * 4)])
    assert reopen(10).room_bytes() == reopen(8).room_bytes() == 0
    reopen(10).drop([A, A, LIST])
    assert reopen(10).room_bytes() == 6


@pytest.mark.parametrize(
    ("blocks", "free", "room_bytes"),
    [(2**20, 2**15, 2**27 - 2**26), (2**20, 2**14, 0), (2**20, 0, 0), (2**12, 2**11, 7 * 2**20)],
)
def test_some_room_is_left_to_the_database(
    folder: ChunkFolder,
    monkeypatch: pytest.MonkeyPatch,
    blocks: int,
    free: int,
    room_bytes: int,
) -> None:
    """64 MiB, or a sixteenth of a small file system. Nothing is kept in it."""
    found = os.statvfs_result((4096, 4096, blocks, free, free, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda fd: found)
    assert folder.room_bytes() == room_bytes
    if not room_bytes:
        with pytest.raises(DiskFull):
            folder.keep([(A, b"a")])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    run_or_skip(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)])
    yield path
    run_or_skip(["umount", "--lazy", str(path)])


def keep_one_by_one(folder: ChunkFolder, datas: list[bytes]) -> None:
    """A call for each."""
    for data in datas:
        folder.keep([(chunk_id(data), data)])


def test_a_small_disk_fills_up_to_its_reserve(small_disk: Path) -> None:
    """And takes chunks again when some are gone."""
    folder = ChunkFolder(small_disk)
    datas = [bytes([n]) * MIB for n in range(20)]
    with pytest.raises(DiskFull):
        keep_one_by_one(folder, datas)
    kept = folder.counts().chunks
    assert 12 <= kept <= 15
    assert os.statvfs(small_disk).f_bavail * 4096 >= MIB
    assert all(folder.has([chunk_id(data) for data in datas[:kept]]))
    folder.drop([chunk_id(datas[0])])
    folder.keep([(chunk_id(datas[19]), datas[19])])
    folder.close()


def test_drafts_of_a_killed_process_are_removed(reopen: Reopen, tmp_path: Path) -> None:
    """They never had a name."""
    reopen()
    (tmp_path / "chunks" / "drafts" / "17").write_bytes(b"half")
    assert reopen().counts() == (0, 0)
    assert files(tmp_path) == []


def test_names_that_are_no_chunks_are_left_alone(reopen: Reopen, tmp_path: Path) -> None:
    """Wherever they are; and a chunk in the folder of another partition is none."""
    reopen().keep([(A, b"a")])
    home = path_of(tmp_path, A).parent
    away = tmp_path / "chunks" / f"{partition_of_chunk(A) ^ 1:03x}"
    away.mkdir()
    others = [home / "README", home / f"{B}.lists", away / A, tmp_path / "chunks" / "README"]
    for other in others:
        other.write_bytes(b"?")
    (home / chunk_id(b"c")).mkdir()
    folder = reopen()
    assert folder.counts() == (1, 1)
    assert folder.of_partition(partition_of_chunk(A)) == [A]
    assert folder.of_partition(partition_of_chunk(A) ^ 1) == []
    assert all(other.read_bytes() == b"?" for other in others)


@pytest.mark.parametrize("id", ["", "../lock", "a", A.upper(), f"{A}/", f"{A}.list.list"])
def test_what_is_no_name_of_a_chunk_is_never_looked_for(
    folder: ChunkFolder, tmp_path: Path, id: str
) -> None:
    """It is not there, and cannot be kept."""
    (tmp_path / "lock").write_bytes(b"secret")
    assert folder.read(id) is None
    assert folder.has([id]) == [False]
    folder.drop([id])
    with pytest.raises(ValueError, match="is not the name of a chunk"):
        folder.keep([(id, b"a")])
    assert files(tmp_path) == ["lock"]


def test_links_and_pipes_are_never_followed(folder: ChunkFolder, tmp_path: Path) -> None:
    """They are no chunks; one that is kept takes their place."""
    (tmp_path / "secret").write_bytes(b"secret")
    for id in (A, B):
        path_of(tmp_path, id).parent.mkdir()
    path_of(tmp_path, A).symlink_to(tmp_path / "secret")
    os.mkfifo(path_of(tmp_path, B))
    assert [folder.read(id) for id in (A, B)] == [None, None]
    assert folder.has([A, B]) == [False, False]
    folder.keep([(A, b"a"), (B, b"b")])
    assert [folder.read(id) for id in (A, B)] == [b"a", b"b"]
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("call", ["open", "fstat", "read"])
def test_what_cannot_be_read_is_not_there(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The chunk is lost, not the node: others have it."""
    folder.keep([(A, b"a")])
    with monkeypatch.context() as patched:
        fail(patched, call, errno.EIO)
        assert folder.read(A) is None
    assert folder.read(A) == b"a"


def test_without_descriptors_nothing_is_called_unreadable(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that is fine would be given up for it."""
    folder.keep([(A, b"a")])
    fail(monkeypatch, "open", errno.EMFILE)
    with pytest.raises(OSError, match="Too many open files"):
        folder.read(A)


def test_never_more_is_read_than_a_chunk_may_have(folder: ChunkFolder, tmp_path: Path) -> None:
    """A file that has grown is seen to be wrong by one byte."""
    folder.keep([(A, b"a" * MAX_CHUNK_BYTES), (B, b"")])
    assert folder.read(A) == b"a" * MAX_CHUNK_BYTES
    assert folder.read(B) == b""
    os.truncate(path_of(tmp_path, A), 50 * MIB)
    assert len(folder.read(A) or b"") == MAX_CHUNK_BYTES + 1


def test_more_chunks_than_are_synced_together_are_kept(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them."""
    monkeypatch.setattr(chunk_folder, "SYNCED_TOGETHER", 2)
    chunks = [(chunk_id(bytes([n])), bytes([n])) for n in range(5)]
    folder.keep(chunks)
    assert [folder.read(id) for id, _ in chunks] == [data for _, data in chunks]


def test_file_then_folder_are_synced_before_it_counts(
    folder: ChunkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes before the name, each folder once a call, and a new folder's own name."""
    calls = []
    for call in ("fdatasync", "rename", "fsync"):

        def noted(*arguments: object, call: str = call, real: object = getattr(os, call)) -> object:
            calls.append(call)
            assert callable(real)
            return real(*arguments)

        monkeypatch.setattr(os, call, noted)
    monkeypatch.setattr(ring, "PARTITIONS", 1)
    folder.keep([(A, b"a"), (B, b"b")])
    assert calls == [*["fdatasync"] * 2, *["rename"] * 2, *["fsync"] * 2]
    calls.clear()
    folder.keep([(LIST, b"c")])
    assert calls == ["fdatasync", "rename", "fsync"]


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """In a sentence."""
    (tmp_path / "chunks").write_bytes(b"")
    sentence = f"the data folder {tmp_path} cannot be used: "
    with pytest.raises(DataFolderError, match=f"^{re.escape(sentence)}"):
        ChunkFolder(tmp_path)
