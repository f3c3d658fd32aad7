"""Backups and restores that end in the middle are gone on with, and are not whole before."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from nodes import backup as making
from nodes import backup_check
from nodes import restore as restoring
from nodes.backup_folder import Index, LinesFile
from nodes.backup_format import MANIFEST, UNFINISHED, BadBackup
from nodes.client import Client
from nodes.partial_file import PartialFile
from tests.nodes.backups import has_all, make, put_back


class Stopped(Exception):
    """The process ended here."""


def stop_at(text: str, count: int) -> Any:
    """Ends what it is told of, at the n-th time that such a text is told."""
    seen = 0

    def told(said: str) -> None:
        nonlocal seen
        seen += text in said
        if seen == count:
            raise Stopped(said)

    return told


@pytest.mark.parametrize(
    ("text", "count"), [("keys", 1), ("keys", 3), ("bytes", 1), ("files,", 1), ("files,", 4)]
)
def test_an_interrupted_backup_is_none_and_is_gone_on_with(
    full: Client,
    target: Client,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    count: int,
) -> None:
    """Wherever it was; no restore takes it before."""
    monkeypatch.setattr(making, "PART_BYTES", 1)
    full.put_many({f"many/{n}": "x" * 1_000 for n in range(3_000)})
    with pytest.raises(Stopped):
        make(full, folder, told=stop_at(text, count))
    assert (folder / UNFINISHED).exists()
    with pytest.raises(BadBackup, match="unfinished"):
        put_back(target, folder)
    made = make(full, folder)
    assert made.resumed
    assert (made.keys, made.files) == (3_007, 4)
    assert sorted(os.listdir(folder)) == sorted(
        ["backup.json", "denied.txt", "files", "files.jsonl", "keys", "renamed", "shared.jsonl"]
    )
    done = put_back(target, folder)
    assert done.keys.put == 3_007
    assert has_all(target)


def test_what_was_fetched_is_not_fetched_again(full: Client, folder: Path) -> None:
    """Files that were there when it ended, listed or not."""
    with pytest.raises(Stopped):
        make(full, folder, told=stop_at("4 files", 1))
    (folder / "files.jsonl.new").write_bytes(b"\0" * 50)
    made = make(full, folder)
    assert (made.resumed, made.files, made.fetched_files) == (True, 4, 0)


def test_an_interrupted_update_is_gone_on_with(full: Client, folder: Path) -> None:
    """With or without being told to update: it is no whole backup any more."""
    make(full, folder)
    full.put("color", "red")
    with pytest.raises(Stopped):
        make(full, folder, told=stop_at("keys", 1), update=True)
    assert not (folder / MANIFEST).exists()
    assert make(full, folder).resumed
    assert put_back(full, folder).keys.equal == 7


@pytest.mark.parametrize(("text", "count"), [("keys put", 1), ("files put", 2)])
def test_an_interrupted_restore_is_done_again(
    full: Client,
    target: Client,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    count: int,
) -> None:
    """And sends only what is not there."""
    monkeypatch.setattr(backup_check, "BATCH_LINES", 2)
    monkeypatch.setattr(restoring, "BATCH_LINES", 2)
    make(full, folder)
    with pytest.raises(Stopped):
        put_back(target, folder, told=stop_at(text, count))
    done = put_back(target, folder)
    assert done.keys.equal + done.files.equal > 0
    assert done.keys.equal + done.keys.put == 7
    assert done.files.equal + done.files.put == 4
    assert has_all(target)


@pytest.mark.parametrize("where", [LinesFile, PartialFile, Index])
def test_a_full_disk_is_a_sentence(
    full: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, where: type
) -> None:
    """And when there is room the next run goes on."""

    def no_room(_file: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(where, "finish", no_room)
        with pytest.raises(BadBackup, match="cannot be written: No space left on device"):
            make(full, folder)
    assert make(full, folder).files == 4
