"""A backup is restored only if each of its files is there, and is what it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from nodes.backup_check import check
from nodes.backup_folder import BackupFolder
from nodes.backup_format import (
    DENIED,
    INDEX,
    MANIFEST,
    SHARED,
    UNFINISHED,
    BadBackup,
    FileLine,
    Manifest,
    Network,
    Part,
    Unfinished,
    keys_path,
)

NETWORK = Network("", ("1",))
CONTENTS = {"a.txt": b"hello", "b.txt": b"x"}

Change = Callable[[Path], object]


def line(key: str) -> bytes:
    """Of a key whose value is 1."""
    return b'{"key":"%b","value":1,"version":"v","expires_ms":0}' % key.encode()


def _part(made: BackupFolder, path: str, *lines: bytes) -> Part:
    written = made.lines(path)
    written.add(lines)
    return written.finish()


def write(folder: Path, *, keys: tuple[str, ...] = ("a", "b", "c")) -> None:
    """A backup with a part for each two keys, a shared value, a denied key and two files."""
    made = BackupFolder(folder, Unfinished(NETWORK, "then", (), ""), update=False)
    parts = []
    for number, start in enumerate(range(0, len(keys), 2), 1):
        parts.append(_part(made, keys_path(number), *map(line, keys[start : start + 2])))
    shared, denied = _part(made, SHARED, line("s")), _part(made, DENIED, b"writer-1")
    index = made.index()
    for name, data in CONTENTS.items():
        (folder / "files" / name).write_bytes(data)
        digest = sha256(data).hexdigest()
        index.add(FileLine(name, len(data), digest, "text/plain", "then", f"files/{name}"))
    files, size = index.finish(), index.content_bytes
    made.finish(Manifest(NETWORK, "then", "now", tuple(parts), shared, denied, files, size))
    made.close()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A folder with a backup."""
    write(tmp_path / "backup")
    return tmp_path / "backup"


def files_of(folder: Path) -> list[Path]:
    """All files of a backup."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def swap_last(path: Path) -> None:
    """Change a byte."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def cut(path: Path) -> None:
    """Leave out the last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    """Put a link to it in its place."""
    moved = path.parent.parent.parent / path.name
    shutil.move(path, moved)
    path.symlink_to(moved)


def test_a_whole_one_is(whole: Path) -> None:
    """All of it is looked at."""
    looked_at = sum(check(whole))
    assert looked_at == sum(p.stat().st_size for p in files_of(whole)) - len(
        (whole / MANIFEST).read_bytes()
    )


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize(
    "change",
    [swap_last, cut, Path.unlink, link, lambda path: path.write_bytes(path.read_bytes() + b"\n")],
    ids=["changed", "cut", "missing", "linked", "longer"],
)
def test_each_file_counts(whole: Path, number: int, change: Change) -> None:
    """Changed, cut short, missing, a link to elsewhere, or longer: the sentence names it."""
    path = files_of(whole)[number]
    change(path)
    with pytest.raises(BadBackup) as caught:
        [*check(whole)]
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["x", "keys/00003.jsonl", "keys/x", "files/c.txt", "files/.hidden", "renamed/x", "x/y"],
)
def test_nothing_else_may_be_there(whole: Path, name: str) -> None:
    """Who has put it there?"""
    (whole / name).parent.mkdir(exist_ok=True)
    (whole / name).touch()
    with pytest.raises(BadBackup, match=f"{name.removesuffix('/y')} does not belong to the backup"):
        [*check(whole)]


@pytest.mark.parametrize("name", ["keys", "files", "renamed"])
def test_a_folder_that_is_missing_is_told(whole: Path, name: str) -> None:
    """Or is a link."""
    shutil.move(whole / name, whole.parent / name)
    with pytest.raises(BadBackup, match=f"{name} is missing, or no folder"):
        [*check(whole)]
    (whole / name).symlink_to(whole.parent / name)
    with pytest.raises(BadBackup, match=f"{name} is missing, or no folder"):
        [*check(whole)]


def test_an_unfinished_one_is_none(whole: Path) -> None:
    """Even where all else is there."""
    (whole / UNFINISHED).touch()
    with pytest.raises(BadBackup, match=r"unfinished backup: run gossamer backup .* again"):
        [*check(whole)]


def test_a_folder_without_a_backup_has_none(tmp_path: Path) -> None:
    """Nor has what is no folder."""
    with pytest.raises(BadBackup, match=r"has no backup: there is no backup\.json"):
        [*check(tmp_path)]
    with pytest.raises(BadBackup, match="is no folder"):
        [*check(tmp_path / "none")]


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a"), ("a", "b", "b"), ("c", "d", "a")])
def test_keys_are_in_order(tmp_path: Path, keys: tuple[str, ...]) -> None:
    """Also from part to part, as whoever goes through them beside a network counts on it."""
    write(tmp_path / "backup", keys=keys)
    with pytest.raises(BadBackup, match="is not after"):
        [*check(tmp_path / "backup")]


def test_lines_that_are_none_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though their sums are right: with the file and the line."""
    monkeypatch.setitem(globals(), "line", lambda key: b"{}")
    write(tmp_path / "backup")
    with pytest.raises(BadBackup, match=r"00001\.jsonl, line 1: there is no text 'key'"):
        [*check(tmp_path / "backup")]


def test_many_files_are_compared_some_at_a_time(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name more is found in whichever pass it belongs to."""
    monkeypatch.setattr("nodes.backup_folder.PASS_NAMES", 1)
    [*check(whole)]
    for n in range(10):
        path = whole / "files" / f"x{n}"
        path.touch()
        with pytest.raises(BadBackup, match=f"x{n} does not belong"):
            [*check(whole)]
        path.unlink()


def test_names_that_a_file_system_does_not_take_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cares for neither case nor accents, or takes short names only."""
    open_folder = partial(BackupFolder, tmp_path / "b", Unfinished(NETWORK, "", (), ""))
    made = open_folder(update=False)
    assert made.place_of("A.txt") == "files/A.txt"
    made.close()
    monkeypatch.setattr("nodes.backup_folder.unicodedata.normalize", lambda _form, name: name)
    made = open_folder(update=False)
    assert made.place_of("A.txt").startswith("renamed/")
    assert made.place_of("a.txt") == "files/a.txt"
    assert made.place_of("a" * 255 + ".txt").startswith("renamed/")
    made.close()
    assert not [*(tmp_path / "b" / "files").iterdir()]
    assert INDEX not in {path.name for path in (tmp_path / "b").iterdir()}
