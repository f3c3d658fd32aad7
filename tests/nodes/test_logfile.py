"""A log file keeps to its limit, whatever happens, and every line in it is whole or ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.logfile import LogFile


def contents(folder: Path) -> dict[str, bytes]:
    """All files, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_at_its_limit_moves_up_and_the_oldest_goes(tmp_path: Path) -> None:
    """`.1` is the youngest of those kept."""
    file = LogFile(tmp_path / "log", limit_bytes=10, kept=2)
    for n in range(8):
        file.write(b"%d---\n" % n)
    file.close()
    assert contents(tmp_path) == {
        "log": b"6---\n7---\n",
        "log.1": b"4---\n5---\n",
        "log.2": b"2---\n3---\n",
    }


def test_a_line_longer_than_the_limit_gets_a_file_of_its_own(tmp_path: Path) -> None:
    """An empty file is never rotated."""
    file = LogFile(tmp_path / "log", limit_bytes=10, kept=1)
    for line in (b"a" * 30 + b"\n", b"b" * 30 + b"\n"):
        file.write(line)
    assert contents(tmp_path) == {"log": b"b" * 30 + b"\n", "log.1": b"a" * 30 + b"\n"}


def test_a_restart_goes_on_where_the_file_ended(tmp_path: Path) -> None:
    """Its size counts, and a line that a crash cut off is ended first."""
    (tmp_path / "log").write_bytes(b"1234\n12")
    file = LogFile(tmp_path / "log", limit_bytes=14, kept=1)
    file.write(b"abcd\n")
    assert (tmp_path / "log").read_bytes() == b"1234\n12\nabcd\n"
    file.write(b"efgh\n")
    assert contents(tmp_path) == {"log": b"efgh\n", "log.1": b"1234\n12\nabcd\n"}


def test_a_rotation_that_fails_raises_and_the_file_stays_within_its_limit(tmp_path: Path) -> None:
    """What cannot be moved away is not added to; when it can, the log goes on."""
    file = LogFile(tmp_path / "log", limit_bytes=10, kept=1)
    file.write(b"12345678\n")
    (tmp_path / "log.1").mkdir()
    for _ in range(2):
        with pytest.raises(OSError, match="directory"):
            file.write(b"lost\n")
    assert (tmp_path / "log").read_bytes() == b"12345678\n"
    (tmp_path / "log.1").rmdir()
    file.write(b"kept\n")
    assert contents(tmp_path) == {"log": b"kept\n", "log.1": b"12345678\n"}


def test_a_closed_file_is_not_opened_again(tmp_path: Path) -> None:
    """Closing twice is closing."""
    file = LogFile(tmp_path / "log")
    file.close()
    file.close()
    with pytest.raises(OSError, match="closed"):
        file.write(b"late\n")
    assert contents(tmp_path) == {}
