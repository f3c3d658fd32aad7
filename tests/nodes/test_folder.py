"""What keeps a data folder from being used is said in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.errors import GossamerError
from nodes.disk import LmdbDisk

ROOT = Path(__file__).parent.parent.parent

HOLDS = """
import sys
from pathlib import Path
from nodes.disk import LmdbDisk
disk = LmdbDisk(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""
"""Holds the data folder until its stdin ends."""


def sentence_for(folder: Path) -> str:
    """What is said when this folder is opened."""
    with pytest.raises(GossamerError) as refusal:
        LmdbDisk(folder)
    assert (refusal.value.code, "\n" in str(refusal.value)) == ("failed", False)
    return str(refusal.value)


def test_a_folder_is_made_with_its_parents_for_its_owner_alone(tmp_path: Path) -> None:
    """What it holds is nobody else's business."""
    folder = tmp_path / "of" / "node1"
    LmdbDisk(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "format").read_text() == "gossamer data 1\n"


def test_a_folder_is_used_once_in_a_process(tmp_path: Path) -> None:
    """Until it is given back."""
    disk = LmdbDisk(tmp_path)
    expected = f"the data folder {tmp_path} is in use by process {os.getpid()}"
    assert sentence_for(tmp_path) == expected
    assert sentence_for(tmp_path) == expected
    disk.close()
    LmdbDisk(tmp_path).close()


def test_a_folder_is_used_by_one_process(tmp_path: Path) -> None:
    """The sentence says by which; a lock dies with its process."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    holder = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "ready\n"
        said = sentence_for(tmp_path)
        assert said == f"the data folder {tmp_path} is in use by process {holder.pid}"
        holder.kill()
    LmdbDisk(tmp_path).close()


def test_a_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    """And left as it was: another version will read it."""
    LmdbDisk(tmp_path).close()
    (tmp_path / "format").write_text("gossamer data 2\n")
    said = sentence_for(tmp_path)
    assert str(tmp_path) in said
    assert "'gossamer data 2'" in said
    assert "'gossamer data 1'" in said
    assert (tmp_path / "format").read_text() == "gossamer data 2\n"


def test_a_database_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """A folder `db` without a format was made by something else."""
    (tmp_path / "db").mkdir()
    assert "has the format 'unknown'" in sentence_for(tmp_path)
    assert list((tmp_path / "db").iterdir()) == []


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    """Nor is what would be below it."""
    file = tmp_path / "file"
    file.touch()
    assert sentence_for(file) == f"{file} is no folder, so it cannot be the data folder"
    assert "Not a directory" in sentence_for(file / "data")


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    """Root may write anywhere, so the test gives that right up for the while."""
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        said = sentence_for(tmp_path)
    finally:
        os.seteuid(user)
    assert said == f"the data folder {tmp_path} cannot be used: Permission denied"


def test_a_database_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """As a copy that was not finished is; to read what is missing would end the process."""
    LmdbDisk(tmp_path).close()
    os.truncate(tmp_path / "db" / "data.mdb", 9_000)
    assert "data.mdb is cut short. If it cannot be repaired" in sentence_for(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The sentence says what LMDB makes of it."""
    LmdbDisk(tmp_path).close()
    (tmp_path / "db" / "data.mdb").write_bytes(b"rubbish" * 2_000)
    assert sentence_for(tmp_path).startswith(f"the database in {tmp_path} cannot be opened: ")
