"""A backup: all keys, shared values, files and names of denied keys of a network, in a folder.

Each key and each file is read from a quorum, so each is as it was at a moment between the beginning
and the end; not all at the same one. What is there already is not fetched again, whether an earlier
run was interrupted or a whole backup is brought up to date.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from actors.errors import FileMissing, GossamerError
from nodes.async_client import AsyncClient
from nodes.background import Background
from nodes.backup_check import opened
from nodes.backup_folder import FILE_MODE, PIECE_BYTES, BackupFolder, Index, LinesFile
from nodes.backup_format import (
    DENIED,
    SHARED,
    BadBackup,
    FileLine,
    Manifest,
    Network,
    Part,
    Unfinished,
    key_line,
    keys_path,
)
from nodes.downloads import download
from nodes.entries import Exact
from nodes.file_methods import FileEntry
from nodes.side_by_side import persistently, side_by_side

if TYPE_CHECKING:
    from hashlib import _Hash

PART_BYTES = 16 * 2**20
"""A part with keys is finished when it has as many; so much is fetched again after a kill -9."""

FILES_AT_ONCE = 4

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What the backup has. Of its files `fetched_files` were not there already, and `removed` in
    the folder belonged to nothing any more. `resumed`: an earlier run had begun it."""

    folder: Path
    keys: int
    shared: int
    denied: int
    files: int
    size_bytes: int
    fetched_files: int
    fetched_bytes: int
    removed: int
    resumed: bool
    started: str
    finished: str


async def back_up(
    client: AsyncClient, folder: str | Path, *, update: bool = False, told: Told | None = None
) -> BackedUp:
    """Make a backup in a folder that is empty or missing, go on with one that was interrupted
    there, or, with `update`, bring a whole one up to date. It takes an admin's key. `told` is
    called on the event loop with how far it is.

    The client's time-out is the time without progress. Raises GossamerError: BadBackup where the
    folder is not to be used, or cannot be.
    """
    path = Path(folder)
    # Who may not make one, or cannot reach the network, is told before there is a folder.
    await persistently(client.export_page, client.timeout, is_first=True)
    network = await persistently(partial(network_of, client), client.timeout)
    fresh = Unfinished(network, _now(), (), "")
    held: list[BackupFolder] = []
    disk = client.file_ports.thread()
    try:
        await disk.run(lambda: held.append(BackupFolder(path, fresh, update=update)))
        return await _Backup(client, held[0], network, disk, told).run()
    except GossamerError:
        raise
    except OSError as error:
        where = error.filename or path
        raise BadBackup(f"{where} cannot be written: {error.strerror or error}") from error
    finally:
        # Whoever begins anew at once finds the folder free, unless it is the client that ends.
        with contextlib.suppress(GossamerError):
            await disk.run(close_all, held)
        disk.close(partial(close_all, held))


def close_all(held: list[BackupFolder]) -> None:
    """Close what is in the list, and leave nothing in it."""
    while held:
        held.pop().close()


async def network_of(client: AsyncClient) -> Network:
    """Which network that is: its secret's fingerprint, and the ids of its members."""
    status, members = await asyncio.gather(client.status(), client.members())
    return Network(status.fingerprint, tuple(sorted([member.id for member in members])))


class _Backup:
    """One that is being made."""

    def __init__(
        self,
        client: AsyncClient,
        folder: BackupFolder,
        network: Network,
        disk: Background,
        told: Told | None,
    ) -> None:
        self._client = client
        self._folder = folder
        self._network = network
        self._disk = disk
        self._told = told
        self._fetched_files = 0
        self._fetched_bytes = 0

    async def run(self) -> BackedUp:
        """To its end."""
        await self._keys()
        shared = await self._shared()
        denied = await self._denied()
        files, content_bytes = await self._files()
        state = self._folder.state
        manifest = Manifest(
            self._network, state.started, _now(), state.keys, shared, denied, files, content_bytes
        )
        removed = await self._disk.run(self._folder.finish, manifest)
        return BackedUp(
            self._folder.path,
            manifest.key_count,
            shared.count,
            denied.count,
            files.count,
            content_bytes,
            self._fetched_files,
            self._fetched_bytes,
            removed,
            self._folder.resumed,
            manifest.started,
            manifest.finished,
        )

    async def _keys(self) -> None:
        """Page after page into the next part; what is finished is noted with where it ends."""
        state = self._folder.state
        parts, cursor = list(state.keys), state.cursor
        count = sum(part.count for part in parts)
        lines = None
        while cursor is not None:
            ask = partial(self._client.export_page, cursor)
            page, cursor = await persistently(ask, self._client.timeout)
            if page:
                if lines is None:
                    path = keys_path(len(parts) + 1)
                    lines = await self._disk.run(self._folder.lines, path)
                await self._disk.run(_add, lines, page)
                count += len(page)
                self._tell(f"{count:,} keys")
            if lines is not None and (lines.size_bytes >= PART_BYTES or cursor is None):
                parts.append(await self._disk.run(lines.finish))
                lines = None
            if lines is None:
                state = Unfinished(state.network, state.started, tuple(parts), cursor)
                await self._disk.run(self._folder.save, state)

    async def _shared(self) -> Part:
        lines = await self._disk.run(self._folder.lines, SHARED)
        page = await shared_records(self._client)
        await self._disk.run(_add, lines, page)
        return await self._disk.run(lines.finish)

    async def _denied(self) -> Part:
        names = await persistently(self._client.denied, self._client.timeout)
        lines = await self._disk.run(self._folder.lines, DENIED)
        await self._disk.run(lines.add, [name.encode() for name in sorted(names)])
        return await self._disk.run(lines.finish)

    async def _files(self) -> tuple[Part, int]:
        """Some files at once, listed in their order; the list, and the bytes of all of them."""
        index = await self._disk.run(self._folder.index)
        entries = self._entries(index)
        lines = side_by_side(entries, self._file, FILES_AT_ONCE)
        async with contextlib.aclosing(entries), contextlib.aclosing(lines):
            async for line in lines:
                if line is not None:
                    await self._disk.run(index.add, line)
                    self._tell(f"{index.count:,} files, {index.content_bytes:,} bytes")
        return await self._disk.run(index.finish), index.content_bytes

    async def _entries(self, index: Index) -> AsyncGenerator[FileEntry, None]:
        """The files of the network that are not in the list yet."""
        cursor: str | None = index.last_name
        while cursor is not None:
            ask = partial(self._client.files_page, "", cursor)
            page, cursor = await persistently(ask, self._client.timeout)
            for entry in page:
                yield entry

    async def _file(self, entry: FileEntry) -> FileLine | None:
        """Have the bytes of a file; None where it was removed meanwhile."""
        path = self._folder.place_of(entry.name)
        target = self._folder.path / path
        if await self._is_there(target, entry):
            time = entry.time.isoformat(timespec="milliseconds")
            return FileLine(entry.name, entry.size_bytes, entry.sha256, entry.type, time, path)
        ports, name = self._client.file_ports, entry.name

        def progress(done_bytes: int, size_bytes: int | None) -> None:
            self._tell(f"{name}: {done_bytes:,} of {size_bytes:,} bytes")

        ask = partial(download, ports, name, target, progress, FILE_MODE)
        try:
            fetched = await persistently(ask, self._client.timeout)
        except FileMissing:
            return None
        self._fetched_files += 1
        self._fetched_bytes += fetched.size_bytes
        # It may have been replaced since it was listed: it is noted as it was fetched.
        time = fetched.time.isoformat(timespec="milliseconds")
        return FileLine(name, fetched.size_bytes, fetched.sha256, fetched.type, time, path)

    async def _is_there(self, target: Path, entry: FileEntry) -> bool:
        """Is what is in its place just this file?"""
        if target.is_symlink() or not target.is_file():
            return False
        if target.stat().st_size != entry.size_bytes:
            return False
        with opened(target) as file:
            digest = sha256()
            while await self._client.file_ports.hashers.run(_hash_piece, file, digest):
                self._tell(f"looking at {entry.name}")
        return digest.hexdigest() == entry.sha256

    def _tell(self, text: str) -> None:
        if self._told is not None:
            self._told(text)


async def shared_records(client: AsyncClient) -> list[Exact]:
    """All shared values to the byte, in the order of their keys."""
    records: list[Exact] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = await persistently(partial(client.shared_page, cursor), client.timeout)
        records += page
    return records


def _add(lines: LinesFile, records: Sequence[Exact]) -> None:
    lines.add([key_line(record) for record in records])


def _hash_piece(file: BinaryIO, digest: _Hash) -> bool:
    """Take in the next piece; was there one?"""
    piece = file.read(PIECE_BYTES)
    digest.update(piece)
    return bool(piece)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
