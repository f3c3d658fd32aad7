"""The measurements of files: systems, yardsticks, many small files, reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from bench import files, http, machine
from bench.file_yardsticks import (
    COPIES,
    STREAM,
    YARDSTICKS,
    hashed_stream,
    one_copy,
    stream,
    three_copies,
)
from bench.files import DOWNLOAD, DROPPED, TRANSFERS, UPLOAD, Measured, Memory, Start, System
from bench.files_gossamer import gossamer
from bench.files_report import Transfer, files_as_json, files_tables, small_rows, transfers
from bench.files_seaweed import seaweed
from bench.process import CommandFailed, NotInstalled, run
from bench.samples import Sample, Spread
from bench.small_files import FILE_BYTES, IN_FLIGHT, Call, Name, Small, measure_small
from tests.networks import ROOT

OTHER = "another"


def printed(tables: Sequence[Table]) -> str:
    """The tables as they are printed."""
    console = Console(width=140)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get()


def small(first_s: float, last_s: float) -> Small:
    """Ten samples of ten files; all but the last take as long as the first."""
    samples = [Sample(10, first_s, [1e3] * 10) for _ in range(9)]
    return Small([*samples, Sample(10, last_s, [2e3] * 10)], samples, 0.5)


def measured(upload_s: Sequence[float], systems: Sequence[str]) -> Measured:
    """Two rounds: Gossamer's uploads take as long as said, all else a second, a yardstick half."""
    result = Measured(2_000_000, 100, list(systems), ["a note"])
    for what in YARDSTICKS:
        result.seconds[what, ""] = [0.5, 0.5]
    for who in systems:
        for what in TRANSFERS:
            is_ours = (what, who) == (UPLOAD, "Gossamer")
            result.seconds[what, who] = list(upload_s) if is_ours else [1.0, 1.0]
        result.memory[who] = [Memory(100, 200, 150, 0), Memory(102, 204, 152, 0)]
        result.small[who] = [small(1.0, 1.25), small(1.0, 1.25)]
    return result


def row_of(rows: Sequence[Transfer], what: str, who: str) -> Transfer:
    """The row of this transfer and system."""
    [row] = [row for row in rows if (row.what, row.who) == (what, who)]
    return row


class Shelf:
    """A client of nothing: files are in a dictionary, and `loses` one in so many."""

    def __init__(self, loses: int = 0) -> None:
        self._kept: dict[Name, bytes] = {}
        self._loses = loses
        self._busy = 0
        self.most_busy = 0
        self.is_open = False

    async def connect(self) -> None:
        """Nothing is there to connect to."""
        self.is_open = True

    def uploads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """Each takes a turn of the event loop."""

        async def upload(name: Name) -> None:
            self._busy += 1
            self.most_busy = max(self.most_busy, self._busy)
            loop = asyncio.get_running_loop()
            turn = loop.create_future()
            loop.call_soon(turn.set_result, None)
            await turn
            self._busy -= 1
            if not self._loses or len(self._kept) % self._loses:
                self._kept[name] = data(name)

        return [upload] * IN_FLIGHT

    def downloads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """At once."""

        async def download(name: Name) -> None:
            assert self._kept[name] == data(name)
            assert len(self._kept[name]) == FILE_BYTES

        return [download] * IN_FLIGHT

    async def count(self) -> int:
        """Of the dictionary."""
        return len(self._kept)

    async def close(self) -> None:
        """Nothing is used any more."""
        self.is_open = False


def check_of(result: Measured, systems: int) -> None:
    """All that is to be measured was, of so many systems."""
    assert len(result.systems) == len(result.notes) == systems
    assert set(result.seconds) == {(what, "") for what in YARDSTICKS} | {
        (what, who) for what in TRANSFERS for who in result.systems
    }
    assert all(len(seconds) == 1 for seconds in result.seconds.values())
    for who in result.systems:
        [memory] = result.memory[who]
        assert 0 < memory.before <= memory.peak
        [smalls] = result.small[who]
        assert [len(smalls.ups), len(smalls.downs)] == [10, 10]
    assert printed(files_tables(result)).count("list of all") == systems


@pytest.mark.seeds
def test_gossamer_is_measured_with_all_yardsticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the others are not installed, which is said once; nothing is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    @contextlib.contextmanager
    def nowhere(_folder: Path) -> Iterator[System]:
        raise NotInstalled("another is not installed")
        yield

    said: list[str] = []
    starts: list[Start] = [gossamer, nowhere]
    check_of(files.run(starts, 1, 2, 200, said.append), 1)
    assert said == ["round 1 of 1", "Gossamer", "another is not installed."]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("weed") is None, reason="SeaweedFS is not installed")
def test_seaweedfs_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes, and synced."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    starts = [partial(seaweed, synced=synced) for synced in (False, True)]
    check_of(files.run(starts, 1, 2, 200, lambda _: None), 2)
    assert list(tmp_path.iterdir()) == []


def test_small_files_are_measured_by_tenths() -> None:
    """Each file goes up and comes down once, with so many under way."""
    shelf = Shelf()
    result = asyncio.run(measure_small(shelf, 1_000))
    assert [sample.calls for sample in result.ups + result.downs] == [100] * 20
    assert all(len(sample.each_us) == sample.calls for sample in result.ups)
    assert shelf.most_busy == IN_FLIGHT
    assert not shelf.is_open


def test_a_file_that_is_lost_is_noticed() -> None:
    """What does not keep all files is not measured."""
    with pytest.raises(AssertionError, match="files are listed, of 200"):
        asyncio.run(measure_small(Shelf(loses=7), 200))


def test_transfers_are_compared_round_by_round() -> None:
    """Uploads with three copies, downloads with a stream; and both with the fastest other."""
    rows = transfers(measured([1.0, 0.25], ["Gossamer", OTHER, "a third"]))
    ours = row_of(rows, UPLOAD, "Gossamer")
    assert (ours.mb_per_s, ours.seconds) == (5.0, 0.625)
    assert ours.to_yardstick == Spread(1.25, 0.5, 2.0)
    assert ours.to_others == Spread(2.5, 1.0, 4.0)
    assert row_of(rows, DOWNLOAD, "Gossamer").to_yardstick is None
    theirs = row_of(rows, UPLOAD, OTHER)
    assert (theirs.to_yardstick, theirs.to_others) == (Spread(0.5, 0.5, 0.5), None)
    assert row_of(rows, STREAM, "").to_yardstick is row_of(rows, COPIES, "").to_others is None


@pytest.mark.parametrize(("upload_s", "reached"), [(1.0, True), (1.01, False)])
def test_uploads_and_downloads_have_targets(upload_s: float, reached: bool) -> None:
    """An upload is held against the fastest other system, a download against the stream."""
    rows = transfers(measured([upload_s] * 2, ["Gossamer", OTHER]))
    assert row_of(rows, UPLOAD, "Gossamer").reached is reached
    assert row_of(rows, DROPPED, "Gossamer").reached is True
    assert row_of(rows, UPLOAD, OTHER).reached is None


def test_without_others_there_is_nothing_to_compare_an_upload_with() -> None:
    """It is reported all the same, and no target is said to be missed."""
    alone = measured([1.0, 1.0], ["Gossamer"])
    assert row_of(transfers(alone), UPLOAD, "Gossamer").reached is None
    assert "Gossamer" in printed(files_tables(alone))


def test_the_last_small_files_are_held_against_the_first() -> None:
    """A file should not cost more the more there are."""
    rows = small_rows(measured([1.0, 1.0], ["Gossamer", OTHER]))
    found = [(row.what, row.who, row.last_to_first, row.reached) for row in rows]
    assert found == [
        ("upload", "Gossamer", 0.8, True),
        ("upload", OTHER, 0.8, None),
        ("download", "Gossamer", 1.0, True),
        ("download", OTHER, 1.0, None),
    ]


def test_the_json_of_files_has_the_rows_of_the_tables() -> None:
    """A program reads the same."""
    report = files_as_json(measured([1.0, 0.25], ["Gossamer", OTHER]))
    rows = [(row["what"], row["who"]) for row in report["transfers"]]
    assert rows == [(what, "") for what in YARDSTICKS] + [
        (what, who) for what in TRANSFERS for who in ("Gossamer", OTHER)
    ]
    assert report["memory_mb"][OTHER] == {"before": 101, "peak": 202, "after": 151, "client": 0}
    assert report["list_s"] == {"Gossamer": 0.5, OTHER: 0.5}


@pytest.mark.parametrize("yardstick", [one_copy, three_copies, stream, hashed_stream])
def test_a_yardstick_leaves_nothing(yardstick: Callable[[Path], float], tmp_path: Path) -> None:
    """But for the file that it is given."""
    file = tmp_path / "file"
    file.write_bytes(bytes(3 * 2**20 + 1))
    assert yardstick(file) > 0
    assert list(tmp_path.iterdir()) == [file]


def test_a_command_that_fails_says_why() -> None:
    """With the end of what it printed."""
    with pytest.raises(CommandFailed, match="ended with 3: so it is"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('so it is'); sys.exit(3)"])


def test_the_memory_of_a_command_is_its_peak() -> None:
    """Also if it has given it back."""
    # From a small process: a child counts what its parent has until it is another program.
    program = (
        "import sys\n"
        "from bench.process import run\n"
        "command = [sys.executable, '-c', \"data = b'x' * 100_000_000; del data\"]\n"
        "print(run(command).peak_mb)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 100 < float(told.stdout) < 200


def test_a_peak_can_be_forgotten() -> None:
    """Then it is that of what followed."""
    data = b"x" * 100_000_000
    high = machine.peak_mb(os.getpid())
    del data
    machine.forget_peak(os.getpid())
    assert machine.peak_mb(os.getpid()) < high


def test_a_request_may_say_what_it_accepts() -> None:
    """Nothing is said where nothing is wanted."""
    request = http.request("GET", "here", "/small/", accept="application/json")
    head = b"GET /small/ HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n"
    assert request == head + b"Accept: application/json\r\n\r\n"
    assert http.request("GET", "here", "/small/") == head + b"\r\n"
