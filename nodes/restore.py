"""A backup is put back into a network: an empty one, a broken one, or one with other members.

First all of the backup is looked at, and nothing is written before. What the network has already
just so is not sent; so a restore that was interrupted is simply done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from actors.errors import GossamerError, Refused, TimedOut, Unavailable
from nodes.async_client import AsyncClient
from nodes.background import Background
from nodes.backup import FILES_AT_ONCE, Told, network_of, shared_records
from nodes.backup_check import BATCH_BYTES, BATCH_LINES, batches_of, check
from nodes.backup_folder import lock
from nodes.backup_format import BadBackup, FileLine, Manifest, Part, denied_of, file_of, key_of
from nodes.clocks import now
from nodes.entries import Exact
from nodes.file_methods import FileEntry
from nodes.side_by_side import PAUSE_S, persistently, side_by_side
from nodes.sorted_pages import Sorted

BATCHES_AT_ONCE = 4

SAME_EXPIRY_MS = 5_000
"""Times of expiry that differ by less are the same: a restore gives keys what is left of their
time, from when it has reached a node, by the clock of that."""

GOES_ON = frozenset(
    {"refused", "bad_key", "bad_value", "too_large", "bad_name", "bad_type", "file_too_large"}
)
"""Refusals of a single key or file. What else is refused, all others would be too."""

T = TypeVar("T")
U = TypeVar("U")

OnRefused = Callable[[str, GossamerError], None]
"""Called with what was refused, such as "the file 'a.exe'", and why."""


@dataclass(slots=True)
class Counts:
    """Of keys, shared values or files: those that were put, those that were there already just so,
    and those that were left as they are because one of that name was to be kept."""

    put: int = 0
    equal: int = 0
    kept: int = 0


@dataclass(slots=True)
class Restored:
    """What a restore has done. `expired` keys were left out, as their time is over; `denied` is
    None where the network has another secret, so that the names are those of other keys."""

    keys: Counts = field(default_factory=Counts)
    shared: Counts = field(default_factory=Counts)
    files: Counts = field(default_factory=Counts)
    sent_bytes: int = 0
    expired: int = 0
    denied: int | None = None
    refused: int = 0


async def restore(
    client: AsyncClient,
    folder: str | Path,
    *,
    keep: bool = False,
    told: Told | None = None,
    on_refused: OnRefused | None = None,
) -> Restored:
    """Put all that the backup in this folder has into the network. What is there with another value
    is overwritten, or left with `keep`; what the backup does not have stays in any case. It takes
    an admin's key.

    A key or a file that the network does not admit is told to `on_refused`, and the rest goes on.
    `told` is called on the event loop with how far it is. The client's time-out is the time without
    progress. Raises BadBackup, with nothing written, for a backup that is not whole, and otherwise
    GossamerError.
    """
    path = Path(folder)
    held: list[int] = []
    disk = client.file_ports.thread()
    try:
        if not path.is_dir():
            raise BadBackup(f"{path} is no folder")
        await disk.run(lambda: held.append(lock(path, fcntl.LOCK_SH)))
        # Who may not restore, or cannot reach the network, is told before all is looked at.
        await persistently(client.export_page, client.timeout, is_first=True)
        manifest = await _checked(path, disk, told)
        return await _Restore(client, path, manifest, disk, keep, told, on_refused).run()
    except GossamerError:
        raise
    except OSError as error:
        where = error.filename or path
        raise BadBackup(f"{where} cannot be read: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(GossamerError):
            await disk.run(_close_all, held)
        disk.close(partial(_close_all, held))


async def _checked(path: Path, disk: Background, told: Told | None) -> Manifest:
    """What the backup has, if it is whole."""
    steps, seen_bytes = check(path), 0
    while True:
        steps_done = await disk.run(_some_steps, steps)
        if isinstance(steps_done, Manifest):
            return steps_done
        seen_bytes += steps_done
        if told is not None:
            told(f"looking at the backup: {seen_bytes:,} bytes")


class _Restore:
    """One that is under way, of a backup that is whole."""

    def __init__(
        self,
        client: AsyncClient,
        path: Path,
        manifest: Manifest,
        disk: Background,
        keep: bool,
        told: Told | None,
        on_refused: OnRefused | None,
    ) -> None:
        self._client = client
        self._path = path
        self._manifest = manifest
        self._disk = disk
        self._keep = keep
        self._told = told
        self._on_refused = on_refused
        self._done = Restored()

    async def run(self) -> Restored:
        """To its end: first who is locked out."""
        await self._denied()
        await self._shared()
        await self._keys()
        await self._files()
        return self._done

    async def _denied(self) -> None:
        """Their names mean the same keys only where the secret is the same."""
        network = await persistently(partial(network_of, self._client), self._client.timeout)
        if (
            self._manifest.denied.count
            and network.fingerprint != self._manifest.network.fingerprint
        ):
            return
        denied = set(await persistently(self._client.denied, self._client.timeout))
        self._done.denied = 0
        for name in await self._disk.run(self._all, self._manifest.denied, denied_of):
            if name not in denied:
                await persistently(partial(self._client.deny, name), self._client.timeout)
                self._done.denied += 1

    async def _shared(self) -> None:
        there = {record.key: record for record in await shared_records(self._client)}
        counts, client = self._done.shared, self._client
        for record in await self._disk.run(self._all, self._manifest.shared, key_of):
            if _counted(counts, record, there.get(record.key), _is_same, self._keep):
                continue
            try:
                await persistently(partial(client.share_exact, record), client.timeout)
            except Refused as error:
                self._refused(f"the shared key {record.key!r}", error)
            else:
                counts.put += 1

    async def _keys(self) -> None:
        """Some batches at once."""
        batches = self._batches()
        puts = side_by_side(batches, self._put, BATCHES_AT_ONCE)
        async with contextlib.aclosing(batches), contextlib.aclosing(puts):
            async for _ in puts:
                self._tell(f"{self._done.keys.put:,} of {self._manifest.key_count:,} keys put")

    async def _batches(self) -> AsyncGenerator[list[Exact], None]:
        """The keys that are to be put."""
        there = Sorted(self._client.export_page, lambda record: record.key, self._client.timeout)
        batch: list[Exact] = []
        size_bytes = 0
        for part in self._manifest.keys:
            async with contextlib.aclosing(self._lines(part, key_of)) as records:
                async for record in records:
                    if self._left_out(record):
                        continue
                    found = await there.find(record.key)
                    if _counted(self._done.keys, record, found, _is_same, self._keep):
                        continue
                    batch.append(record)
                    size_bytes += len(record.data)
                    if len(batch) == BATCH_LINES or size_bytes > BATCH_BYTES:
                        yield batch
                        batch, size_bytes = [], 0
        yield batch

    async def _put(self, batch: Sequence[Exact]) -> None:
        """Put these, and those again that the network could not take, while there is progress."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._client.timeout
        while batch:
            batch = [record for record in batch if not self._left_out(record)]
            # All in one tick, so that they leave in one message.
            puts = map(self._client.put_exact, batch)
            outcomes = await asyncio.gather(*puts, return_exceptions=True)
            again: list[Exact] = []
            failure: BaseException | None = None
            for record, outcome in zip(batch, outcomes, strict=True):
                match outcome:
                    case Unavailable() | TimedOut():
                        again.append(record)
                        failure = outcome
                    case Refused():
                        self._refused(f"the key {record.key!r}", outcome)
                    case BaseException():
                        raise outcome
                    case _:
                        self._done.keys.put += 1
            if len(again) < len(batch):
                end_s = loop.time() + self._client.timeout
            elif failure is not None and loop.time() >= end_s:
                raise failure
            if again:
                await asyncio.sleep(PAUSE_S)
            batch = again

    def _left_out(self, record: Exact) -> bool:
        """Has it expired by now?"""
        if _has_expired(record):
            self._done.expired += 1
            return True
        return False

    async def _files(self) -> None:
        """Some at once."""
        files = self._due_files()
        uploads = side_by_side(files, self._upload, FILES_AT_ONCE)
        async with contextlib.aclosing(files), contextlib.aclosing(uploads):
            async for _ in uploads:
                self._tell(f"{self._done.files.put:,} of {self._manifest.files.count:,} files put")

    async def _due_files(self) -> AsyncGenerator[FileLine, None]:
        """The files that are to be put."""
        pages = partial(self._client.files_page, "")
        there = Sorted(pages, lambda entry: entry.name, self._client.timeout)
        async with contextlib.aclosing(self._lines(self._manifest.files, file_of)) as files:
            async for file in files:
                found = await there.find(file.name)
                if not _counted(self._done.files, file, found, _is_same_file, self._keep):
                    yield file

    async def _upload(self, file: FileLine) -> None:
        def progress(done_bytes: int, size_bytes: int | None) -> None:
            self._tell(f"{file.name}: {done_bytes:,} of {size_bytes:,} bytes")

        path = self._path / file.path
        upload = partial(self._client.upload, path, file.name, progress)
        try:
            uploaded = await persistently(upload, self._client.timeout)
        except Refused as error:
            self._refused(f"the file {file.name!r}", error)
            return
        if uploaded.sha256 != file.sha256:
            raise BadBackup(f"{path} was changed while it was restored")
        self._done.files.put += 1
        self._done.sent_bytes += file.size_bytes

    def _refused(self, what: str, error: Refused) -> None:
        """Tell it, and go on; or raise it, where all others would be refused as well."""
        if error.code not in GOES_ON:
            raise error
        self._done.refused += 1
        if self._on_refused is not None:
            self._on_refused(what, error)

    def _all(self, part: Part, read: Callable[[bytes], U]) -> list[U]:
        return [item for batch in batches_of(self._path, part, read) for item in batch]

    async def _lines(self, part: Part, read: Callable[[bytes], U]) -> AsyncGenerator[U, None]:
        """What stands in a part, some lines at a time."""
        batches = batches_of(self._path, part, read)
        try:
            while batch := await self._disk.run(next, batches, ()):
                for line in batch:
                    yield line
        finally:
            with contextlib.suppress(GossamerError):
                await self._disk.run(batches.close)

    def _tell(self, text: str) -> None:
        if self._told is not None:
            self._told(text)


def _counted(
    counts: Counts, wanted: U, found: T | None, same: Callable[[U, T], bool], keep: bool
) -> bool:
    """Is nothing to be done, for the network has this, or something that is to stay? Counted."""
    if found is None:
        return False
    if same(wanted, found):
        counts.equal += 1
        return True
    if keep:
        counts.kept += 1
    return keep


def _is_same(wanted: Exact, found: Exact) -> bool:
    if bool(wanted.expires_ms) != bool(found.expires_ms):
        return False
    is_near = abs(wanted.expires_ms - found.expires_ms) <= SAME_EXPIRY_MS
    return is_near and (wanted.kind, wanted.data) == (found.kind, found.data)


def _is_same_file(wanted: FileLine, found: FileEntry) -> bool:
    return (wanted.size_bytes, wanted.sha256) == (found.size_bytes, found.sha256)


def _has_expired(record: Exact) -> bool:
    return 0 < record.expires_ms <= now().wall_ms


def _some_steps(steps: Iterator[int]) -> int | Manifest:
    """Go on with a check for a while; how many bytes were looked at, or what it comes to."""
    seen_bytes = 0
    for _ in range(BATCH_LINES):
        try:
            seen_bytes += next(steps)
        except StopIteration as end:
            manifest: Manifest = end.value
            return manifest
        if seen_bytes > BATCH_BYTES:
            break
    return seen_bytes


def _close_all(held: list[int]) -> None:
    while held:
        os.close(held.pop())
