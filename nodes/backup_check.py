"""Is a backup whole, and each file in it what it was? All of it is looked at, with constant memory.

A check is an iterator that yields how many bytes were looked at, so that whoever runs it can tell
how far it is, and stop. Nothing of the backup is believed that its sums do not confirm.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Generator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, TypeVar

from nodes.backup_folder import PIECE_BYTES, strays
from nodes.backup_format import (
    FILES,
    KEYS,
    MANIFEST,
    MAX_LINE_BYTES,
    OWN,
    RENAMED,
    UNFINISHED,
    BadBackup,
    FileLine,
    Manifest,
    Part,
    denied_of,
    file_of,
    key_of,
    read_manifest,
)
from nodes.entries import Exact

T = TypeVar("T")

Check = Generator[int, None, T]

BATCH_LINES = 500
BATCH_BYTES = 2 * 2**20
"""So many lines, and so much of them, are held at once."""


def check(folder: Path) -> Check[Manifest]:
    """Look at all of the backup in this folder; what it has. Raises BadBackup, with a sentence that
    names the file and what is wrong with it, and OSError."""
    manifest = manifest_of(folder)
    _check_names(folder)
    for part in (*manifest.keys, manifest.shared, manifest.denied, manifest.files):
        yield from _check_sum(folder, part.path, part.size_bytes, part.sha256)
    last_key = ""
    for part in manifest.keys:
        last_key = yield from _check_lines(folder, part, key_of, _key, last_key)
    yield from _check_lines(folder, manifest.shared, key_of, _key)
    yield from _check_lines(folder, manifest.denied, denied_of, str)
    yield from _check_lines(folder, manifest.files, file_of, _name)
    for stray in strays(folder, manifest):
        raise BadBackup(f"{folder / stray} does not belong to the backup")
    content_bytes = 0
    for file in _lines_of(folder, manifest.files, file_of):
        yield from _check_sum(folder, file.path, file.size_bytes, file.sha256)
        content_bytes += file.size_bytes
    if content_bytes != manifest.content_bytes:
        raise BadBackup(f"{folder / MANIFEST} counts the bytes of files wrongly")
    return manifest


def manifest_of(folder: Path) -> Manifest:
    """What the backup says that it has. Raises BadBackup, also where it is not whole."""
    if not folder.is_dir():
        raise BadBackup(f"{folder} is no folder")
    if (folder / UNFINISHED).exists():
        raise BadBackup(f"{folder} has an unfinished backup: run gossamer backup {folder} again")
    try:
        with opened(folder / MANIFEST) as file:
            text = file.read()
    except FileNotFoundError:
        raise BadBackup(f"{folder} has no backup: there is no {MANIFEST}") from None
    try:
        return read_manifest(text)
    except BadBackup as error:
        raise BadBackup(f"{folder}: {error}") from None


def batches_of(
    folder: Path, part: Part, read: Callable[[bytes], T]
) -> Generator[list[T], None, None]:
    """What stands in a part, some lines at a time. Raises BadBackup for one that cannot be read."""
    batch: list[T] = []
    size_bytes = 0
    with opened(folder / part.path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
            try:
                batch.append(read(line.removesuffix(b"\n")))
            except ValueError as error:
                raise BadBackup(f"{folder / part.path}, line {number}: {error}") from error
            size_bytes += len(line)
            if len(batch) == BATCH_LINES or size_bytes > BATCH_BYTES:
                yield batch
                batch, size_bytes = [], 0
    if batch:
        yield batch


def _lines_of(folder: Path, part: Part, read: Callable[[bytes], T]) -> Iterator[T]:
    return (item for batch in batches_of(folder, part, read) for item in batch)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to be read, and no link to one elsewhere. Raises BadBackup, and FileNotFoundError."""
    if path.is_symlink():
        raise BadBackup(f"{path} is a symbolic link, which no backup has")
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise BadBackup(f"{path} is no file")
        yield file


def _check_names(folder: Path) -> None:
    for name in sorted(os.listdir(folder)):
        if name not in OWN:
            raise BadBackup(f"{folder / name} does not belong to the backup")
    for name in (KEYS, FILES, RENAMED):
        if (folder / name).is_symlink() or not (folder / name).is_dir():
            raise BadBackup(f"{folder / name} is missing, or no folder")


def _check_sum(folder: Path, path: str, size_bytes: int, digest: str) -> Check[None]:
    found, there = sha256(), 0
    try:
        with opened(folder / path) as file:
            there = os.fstat(file.fileno()).st_size
            if there == size_bytes:
                while piece := file.read(PIECE_BYTES):
                    found.update(piece)
                    yield len(piece)
    except FileNotFoundError:
        raise BadBackup(f"{folder / path} is missing") from None
    if there != size_bytes:
        raise BadBackup(f"{folder / path} has {there:,} bytes where it had {size_bytes:,}")
    if found.hexdigest() != digest:
        raise BadBackup(f"{folder / path} was changed: its SHA-256 is another")


def _check_lines(
    folder: Path,
    part: Part,
    read: Callable[[bytes], T],
    name_of: Callable[[T], str],
    last: str = "",
) -> Check[str]:
    """As many as there should be, and sorted, all after `last`; the last one's name."""
    count = 0
    for item in _lines_of(folder, part, read):
        name = name_of(item)
        count += 1
        if name <= last:
            where = f"{folder / part.path}, line {count}"
            raise BadBackup(f"{where}: {name!r:.300} is not after {last!r:.300}")
        last = name
        yield 0
    if count != part.count:
        raise BadBackup(f"{folder / part.path} has {count:,} lines where it had {part.count:,}")
    return last


def _key(record: Exact) -> str:
    return record.key


def _name(file: FileLine) -> str:
    return file.name
