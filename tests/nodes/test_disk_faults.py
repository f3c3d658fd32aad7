"""A process is killed, a disk is full, a disk is broken: what was committed stays."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.disk import Batch, DiskFull
from actors.versions import Record, Stamp
from nodes.disk import LmdbDisk
from nodes.folder import DataFolderError
from tests.nodes.sick import failing, run_or_skip

ROOT = Path(__file__).parent.parent.parent
MIB = 2**20
STAMP = Stamp(1, "00112233445566aa", "1.00000000000000ff")

COMMITS = """
import sys
from itertools import count
from pathlib import Path
from actors.disk import Batch
from actors.versions import Record, Stamp
from nodes.disk import LmdbDisk
from nodes.folder import DataFolderError
disk = LmdbDisk(Path(sys.argv[1]))
first = int(sys.argv[2])
for n in count(first):
    stamp = Stamp(n, disk.boot.node_id, disk.boot.name)
    parts = [Record(f"{part}{n}", "bytes", b"x" * (n % 9_000), stamp) for part in "abc"]
    disk.commit(Batch(parts, [("last", str(n).encode())], n))
    print(n, flush=True)
"""
"""Says each number once three records, a note and the clock limit with it are committed."""

COMMITS_ON_REQUEST = """
import sys
from pathlib import Path
from actors.disk import Batch
from actors.versions import Record, Stamp
from nodes.disk import LmdbDisk
from nodes.folder import DataFolderError
disk = LmdbDisk(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    try:
        verb, key = line.split()
        if verb != "read":
            stamp = Stamp(1, disk.boot.node_id, disk.boot.name)
            value = bytes(300_000 if verb == "fill" else 1)
            disk.commit(Batch([Record(key, "bytes", value, stamp)]))
        print("done" if disk.read([key])[0] else "absent", flush=True)
    except Exception as error:
        print(type(error).__name__, getattr(error, "code", ""), flush=True)
"""
"""Commits a record, a small one or with `fill` one that is too large for the journal, and reads it,
or only reads it; and says how that went."""

WRITES_UP_TO_A_LIMIT = """
import resource, sys
from pathlib import Path
from actors.disk import Batch, DiskFull
from actors.versions import Record, Stamp
from nodes.disk import LmdbDisk
from nodes.folder import DataFolderError
MIB = 2**20
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10 * MIB, hard))
disk = LmdbDisk(Path(sys.argv[1]))
stored = 0
def store():
    record = Record(f"k{stored}", "bytes", b"x" * MIB, Stamp(1, disk.boot.node_id, disk.boot.name))
    disk.commit(Batch([record]))
try:
    while True:
        store()
        stored += 1
except DiskFull:
    print("full", stored == len(disk.page("", "", 100)[0]) > 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store()
print("stored", stored + 1 == len(disk.page("", "", 100)[0]))
"""
"""Fills the disk up to the size that a process's files may have, then has that limit lifted."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program with pipes to it; all are gone at the end."""
    with contextlib.ExitStack() as stack:

        def start(program: str, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *map(str, arguments)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that the process says, or "" when it has ended."""
    assert process.stdout
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str], line: str) -> str:
    """What the process answers to this line."""
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return line_of(process)


def test_what_was_committed_outlives_kill_9(tmp_path: Path, start: Start) -> None:
    """And what was being committed is there whole or not at all."""
    first, boots = 0, 0
    for acknowledged in (20, 35, 50):
        process = start(COMMITS, tmp_path, first)
        last = first
        while last < first + acknowledged:
            last = int(line_of(process))
        process.kill()
        assert process.stdout
        said = [last, *map(int, process.stdout.read().split())]
        disk = LmdbDisk(tmp_path)
        newest = int(disk.boot.notes["last"])
        assert newest in (said[-1], said[-1] + 1)
        assert disk.boot.clock_limit == newest
        for n in range(newest + 2):
            found = disk.read([f"a{n}", f"b{n}", f"c{n}"])
            values = {record and (record.value, record.stamp.counter) for record in found}
            assert values == ({(b"x" * (n % 9_000), n)} if n <= newest else {None})
        assert disk.boot.count == boots + 2
        first, boots = newest + 1, disk.boot.count
        disk.close()


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of 17 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=17m", "tmpfs", str(folder)]
    if request.param == "ext4":
        image = tmp_path / "image"
        with image.open("wb") as opened:
            opened.truncate(17 * MIB)
        run_or_skip(["mkfs.ext4", "-q", "-O", "^has_journal", str(image)])
        mount = ["mount", "-o", "loop", str(image), str(folder)]
    run_or_skip(mount)
    yield folder
    # Lazily, so that a test that failed with the disk open leaves nothing mounted either.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def store_until_full(disk: LmdbDisk, stored: list[Record]) -> None:
    """Add records to those stored before, two and a note a commit."""
    while True:
        name = f"key{len(stored):03}"
        both = [Record(name + part, "bytes", bytes(60_000), STAMP) for part in "ab"]
        disk.commit(Batch(both, [("last", name.encode())], len(stored)))
        stored.extend(both)


def test_a_full_disk_refuses_commits_until_it_has_room(small_disk: Path) -> None:
    """Nothing of a refused commit is applied, and reads go on."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3 * MIB))
    disk = LmdbDisk(small_disk / "data")
    file = small_disk / "data" / "db" / "data.mdb"
    began_bytes = file.stat().st_size
    stored: list[Record] = []
    with pytest.raises(DiskFull, match="no room"):
        store_until_full(disk, stored)
    many = len(stored)
    assert many > 20
    # It grew by whole steps: a part of one is no use, and is given back.
    assert (file.stat().st_size - began_bytes) % MIB == 0
    assert disk.page("", "", 1_000) == ([record.key for record in stored], False)
    assert disk.read([record.key for record in stored]) == stored
    disk.close()

    disk = LmdbDisk(small_disk / "data")
    assert disk.page("", "", 1_000) == ([record.key for record in stored], False)
    with pytest.raises(DiskFull, match="no room"):
        store_until_full(disk, stored)
    ballast.unlink()
    with pytest.raises(DiskFull, match="no room"):
        store_until_full(disk, stored)
    assert len(stored) > many + 20
    assert disk.read([record.key for record in stored]) == stored
    disk.close()


def test_a_disk_without_room_for_a_database_is_refused(small_disk: Path) -> None:
    """In a sentence, as whatever else keeps a data folder from being used."""
    left = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(left.f_bavail * left.f_frsize - 300_000))
    with pytest.raises(DataFolderError, match=r"^the disk of the data folder .* is full$"):
        LmdbDisk(small_disk / "data")


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path: Path, start: Start) -> None:
    """The signal that comes with it ends nothing."""
    process = start(WRITES_UP_TO_A_LIMIT, tmp_path)
    assert line_of(process) == "full True"
    assert line_of(process) == "stored True"
    assert process.wait() == 0


@pytest.mark.parametrize(("verb", "said"), [("commit", "OSError"), ("fill", "Error 5")])
def test_after_a_failed_sync_nothing_is_acknowledged(
    tmp_path: Path, start: Start, verb: str, said: str
) -> None:
    """The kernel forgets what it could not write, so a sync that is tried again would succeed."""
    process = start(COMMITS_ON_REQUEST, tmp_path / "data")
    assert line_of(process) == "ready"
    assert ask(process, "commit a") == "done"
    with failing(process.pid, "fsync,fdatasync,msync:error=EIO:when=1", tmp_path / "log"):
        assert ask(process, f"{verb} b") == said
        assert ask(process, "commit c") == "Error 0"
        assert ask(process, "read a") == "Error 0"
    process.kill()
    process.wait()
    disk = LmdbDisk(tmp_path / "data")
    assert [record and record.value for record in disk.read(["a", "c"])] == [b"\0", None]
    disk.close()


@pytest.mark.parametrize(
    ("verb", "calls"),
    [("commit", "pwrite64:error=ENOSPC:when=1"), ("fill", "fdatasync:error=ENOSPC:when=1")],
)
def test_where_a_reservation_is_not_kept_the_disk_is_full(
    tmp_path: Path, start: Start, verb: str, calls: str
) -> None:
    """Some file systems have no room in the end; what they refuse to write is not applied."""
    process = start(COMMITS_ON_REQUEST, tmp_path / "data")
    assert line_of(process) == "ready"
    assert ask(process, "commit a") == "done"
    with failing(process.pid, calls, tmp_path / "log"):
        assert ask(process, f"{verb} b") == "DiskFull"
    assert ask(process, "read a") == "done"
    assert ask(process, "read b") == "absent"
    assert ask(process, "commit c") == "done"
    assert ask(process, f"{verb} b") == "done"
    process.kill()
    process.wait()
    disk = LmdbDisk(tmp_path / "data")
    assert disk.page("", "", 10) == (["a", "b", "c"], False)
    disk.close()


def test_a_commit_whose_outcome_is_unknown_is_not_called_refused(
    tmp_path: Path, start: Start
) -> None:
    """The last write of a commit may have reached the disk although it failed."""
    process = start(COMMITS_ON_REQUEST, tmp_path / "data")
    assert line_of(process) == "ready"
    assert ask(process, "commit a") == "done"
    said = "DiskFull"
    first = 0
    # How many pages are written before the last write depends on where they lie in the file.
    while said == "DiskFull":
        first += 1
        assert ask(process, "read b") == "absent"
        with failing(process.pid, f"pwrite64:error=ENOSPC:when={first}+", tmp_path / "log"):
            said = ask(process, "fill b")
    assert said.startswith("PanicError")
    assert ask(process, "commit c") == "Error 0"
