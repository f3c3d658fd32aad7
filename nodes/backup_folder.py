"""The folder of a backup while it is made: it is one process's, and looks whole only when it is.

From its first moment to its last there is an unfinished.json, which no restore passes by; then a
backup.json takes its place. Each file appears under its name when it is whole and on the disk. So
whatever ends the process, or the machine, the next run finds how far this one was.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast
from zlib import crc32

from actors.errors import GossamerError
from nodes.backup_format import (
    FILES,
    INDEX,
    KEYS,
    MANIFEST,
    MAX_LINE_BYTES,
    OWN,
    RENAMED,
    UNFINISHED,
    BadBackup,
    FileLine,
    Manifest,
    Network,
    Part,
    Unfinished,
    file_line,
    file_of,
    file_path,
    manifest_text,
    read_manifest,
    read_unfinished,
    unfinished_text,
)
from nodes.folder import sync_folder

FOLDER_MODE = 0o700
FILE_MODE = 0o600
PIECE_BYTES = 4 * 2**20
"""So much is read at once."""

PASS_NAMES = 100_000
"""So many names of files are held at once while those that belong to nothing are looked for."""

_DRAFT = ".new"
_PROBE = ".gossamer-probe-A\u00e9"


class LinesFile:
    """Lines for a file that takes its place with `finish`. Whatever was there is never written
    into: it may be another backup's too, by a hard link."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path = path
        self._target = folder / path
        self._draft = folder / f"{path}{_DRAFT}"
        self._draft.unlink(missing_ok=True)
        self._file: BinaryIO = _opened(self._draft, "xb")
        self._sum = sha256()
        self._count = 0
        self.size_bytes = 0

    def add(self, lines: Sequence[bytes]) -> None:
        """So many lines more, which have no ends."""
        data = b"".join([line + b"\n" for line in lines])
        self._file.write(data)
        self._sum.update(data)
        self._count += len(lines)
        self.size_bytes += len(data)

    def finish(self) -> Part:
        """That was all."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.rename(self._target)
        sync_folder(self._target.parent)
        return Part(self._path, self._count, self.size_bytes, self._sum.hexdigest())

    def close(self) -> None:
        """Whatever became of it."""
        # A full disk may be told once more: whoever wrote has heard of it.
        with contextlib.suppress(OSError):
            self._file.close()


class Index:
    """The list of files while it grows, in the order of names; a second run goes on with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._draft = folder / f"{INDEX}{_DRAFT}"
        self._file: BinaryIO = _opened(self._draft, "a+b")
        self.last_name = ""
        self.count = 0
        self.content_bytes = 0
        self._file.truncate(self._read())

    def add(self, file: FileLine) -> None:
        """A file that is there, and on the disk."""
        self._file.write(file_line(file) + b"\n")
        self._file.flush()
        self._have(file)

    def finish(self) -> Part:
        """That were all."""
        os.fsync(self._file.fileno())
        self._file.close()
        size_bytes, digest = 0, sha256()
        with self._draft.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                size_bytes += len(piece)
                digest.update(piece)
        self._draft.rename(self._folder / INDEX)
        sync_folder(self._folder)
        return Part(INDEX, self.count, size_bytes, digest.hexdigest())

    def close(self) -> None:
        """Leave it as it is."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _read(self) -> int:
        """Take in what an earlier run has written, and find where it ends: a crash may have left
        half a line, or zeros."""
        end = 0
        self._file.seek(0)
        while (line := self._file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            try:
                file = file_of(line)
                is_there = (self._folder / file.path).stat().st_size == file.size_bytes
            except (ValueError, FileNotFoundError):
                return end
            if not is_there or file.name <= self.last_name:
                return end
            self._have(file)
            end += len(line)
        return end

    def _have(self, file: FileLine) -> None:
        self.last_name = file.name
        self.count += 1
        self.content_bytes += file.size_bytes


class BackupFolder:
    """Begin a backup in the folder `path`, or go on with one; one thread uses this. The folder is
    made if it is missing. With `update` a whole backup may be there, which is then no backup until
    this one is whole. Raises GossamerError where the folder is not to be used, and OSError."""

    def __init__(self, path: Path, state: Unfinished, *, update: bool) -> None:
        self.path = path
        self._lines: LinesFile | None = None
        self._index: Index | None = None
        if path.exists() and not path.is_dir():
            raise BadBackup(f"{path} is no folder")
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._lock_fd = lock(path, fcntl.LOCK_EX)
        try:
            self.state, self.resumed = self._begin(state, update=update)
            for name in (KEYS, FILES, RENAMED):
                (path / name).mkdir(mode=FOLDER_MODE, exist_ok=True)
            (path / MANIFEST).unlink(missing_ok=True)
            sync_folder(path)
            self._plain_only = _folds(path / FILES)
            self._longest_bytes = os.pathconf(path / FILES, "PC_NAME_MAX")
        except BaseException:
            os.close(self._lock_fd)
            raise

    def _begin(self, fresh: Unfinished, *, update: bool) -> tuple[Unfinished, bool]:
        """How far it is, and whether that is more than nothing."""
        path = self.path
        names = sorted(os.listdir(path))
        foreign = [name for name in names if name.removesuffix(_DRAFT) not in OWN]
        if foreign:
            raise BadBackup(f"{path / foreign[0]} is no part of a backup: choose another folder")
        if (path / UNFINISHED).exists():
            found = read_unfinished((path / UNFINISHED).read_bytes())
            _check_network(path, found.network, fresh.network)
            return found, True
        if (path / MANIFEST).exists():
            manifest = read_manifest((path / MANIFEST).read_bytes())
            if not update:
                when = f"which was finished at {manifest.finished}"
                advice = "choose another folder, or bring it up to date with --update"
                raise BadBackup(f"{path} has a backup, {when}: {advice}")
            _check_network(path, manifest.network, fresh.network)
        elif any(not name.endswith(_DRAFT) for name in names):
            raise BadBackup(f"{path} has parts of a backup without its {MANIFEST}: empty it first")
        path.chmod(FOLDER_MODE)
        self.save(fresh)
        return fresh, False

    def save(self, state: Unfinished) -> None:
        """So far it is."""
        self.state = state
        self._write(UNFINISHED, unfinished_text(state))

    def lines(self, path: str) -> LinesFile:
        """A new file of lines, the only one for now."""
        self._lines = LinesFile(self.path, path)
        return self._lines

    def index(self) -> Index:
        """The list of files."""
        self._index = Index(self.path)
        return self._index

    def place_of(self, name: str) -> str:
        """Where the bytes of a file go, within this folder."""
        return file_path(name, plain_only=self._plain_only, longest_bytes=self._longest_bytes)

    def finish(self, manifest: Manifest) -> int:
        """It is whole. How many files were removed because they belong to nothing any more."""
        removed = 0
        for stray in strays(self.path, manifest):
            (self.path / stray).unlink()
            removed += 1
        for name in (KEYS, FILES, RENAMED):
            sync_folder(self.path / name)
        self._write(MANIFEST, manifest_text(manifest))
        (self.path / UNFINISHED).unlink()
        sync_folder(self.path)
        return removed

    def close(self) -> None:
        """Leave it as it is, and to others."""
        for file in (self._lines, self._index):
            if file is not None:
                file.close()
        os.close(self._lock_fd)

    def _write(self, name: str, text: bytes) -> None:
        draft = self.path / f"{name}{_DRAFT}"
        draft.unlink(missing_ok=True)
        with _opened(draft, "xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path / name)
        sync_folder(self.path)


def lock(path: Path, how: int) -> int:
    """A descriptor of the folder, which is locked until that is closed. Raises GossamerError where
    another process has it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise BadBackup(f"{path} is in use by another backup or restore") from None
    except BaseException:
        os.close(fd)
        raise
    return fd


def strays(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The paths of what is in the folders of a backup and does not belong to it. Memory is bounded:
    of many files some names at a time are looked at."""
    parts = {part.path for part in manifest.keys}
    yield from sorted(path for path in _paths(folder, KEYS) if path not in parts)
    passes = 1 + manifest.files.count // PASS_NAMES
    for number in range(passes):
        listed = {f.path for f in indexed(folder) if _pass_of(f.path, passes) == number}
        for path in (*_paths(folder, FILES), *_paths(folder, RENAMED)):
            if _pass_of(path, passes) == number and path not in listed:
                yield path


def indexed(folder: Path) -> Iterator[FileLine]:
    """The files that a backup has, as it lists them. Raises BadBackup for a line that is none."""
    with (folder / INDEX).open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b""), 1):
            try:
                yield file_of(line)
            except ValueError as error:
                raise BadBackup(f"{folder / INDEX}, line {number}: {error}") from error


def _pass_of(path: str, passes: int) -> int:
    return crc32(path.encode(errors="surrogateescape")) % passes


def _paths(folder: Path, name: str) -> Iterator[str]:
    return (f"{name}/{entry.name}" for entry in os.scandir(folder / name))


def _opened(path: Path, mode: str) -> BinaryIO:
    """Of its owner alone, if it is new, and never what a link leads to."""

    def open_it(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)

    return cast(BinaryIO, open(path, mode, opener=open_it))


def _check_network(path: Path, found: Network, now: Network) -> None:
    if not found.may_be(now):
        raise GossamerError(f"{path} has the backup of another network: choose another folder")


def _folds(folder: Path) -> bool:
    """Does the file system take some names that differ for the same, or is it not to be given all
    names? Such as with capitals or without, and letters with accents composed or not."""
    probe = folder / _PROBE
    probe.unlink(missing_ok=True)
    if sys.getfilesystemencoding().lower() != "utf-8":
        return True
    probe.touch(mode=FILE_MODE)
    try:
        others = (_PROBE.lower(), unicodedata.normalize("NFD", _PROBE))
        return any((folder / other).exists() for other in others)
    finally:
        probe.unlink()
