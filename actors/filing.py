"""Files by their names: a manifest is a record, written and read by the own router with all
promises of a key. It is written last, when all its chunks are on enough disks, and in no later
epoch than the one after that in which this was so: who collects chunks counts on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from actors.actor import Address, Envelope
from actors.chunks import (
    Manifest,
    chunk_count,
    fault_of,
    ids_in,
    manifest_from_bytes,
    manifest_to_bytes,
)
from actors.fetching import Fetching
from actors.file_desk import FileDesk
from actors.messages import (
    CheckFile,
    ChunksMissing,
    Failed,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    Get,
    GetFile,
    Got,
    List,
    Listed,
    ListFiles,
    Message,
    PutFile,
    PutRecord,
    RemoveFile,
    Write,
    Written,
)
from actors.names import HEAD_BYTES, fault_of_name, verdict
from actors.placing import MAX_IDS, Placing
from actors.spaces import FILES, file_key, file_name

MAX_PAGE = 1_000
SPARE_MS = 500
"""So long after its own time-out the router is waited for."""


@dataclass(slots=True, eq=False)
class _Put:
    """A file that is to be put: `ids` are its chunks and lists, of which those before `held` were
    seen to be on enough disks, at the earliest in the epoch `epoch`."""

    envelope: Envelope
    put: PutFile
    manifest: Manifest
    deadline_ms: int
    ids: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    held: int = 0
    epoch: int = 0
    missing: list[str] = field(default_factory=list)


class Filing:
    """Of the file server whose `desk` it is."""

    def __init__(self, desk: FileDesk, placing: Placing, fetching: Fetching) -> None:
        self._desk = desk
        self._placing = placing
        self._fetching = fetching

    def on(self, envelope: Envelope) -> bool:
        """Is it a client's request about a file?"""
        match envelope.message:
            case CheckFile() as check:
                self._on_check(envelope, check)
            case PutFile() as put:
                self._on_put(envelope, put)
            case GetFile() as get:
                self._on_get(envelope, get)
            case ListFiles() as request:
                self._on_list(envelope, request)
            case RemoveFile() as remove:
                self._on_remove(envelope, remove)
            case _:
                return False
        return True

    # Is it admitted?

    def _on_check(self, envelope: Envelope, check: CheckFile) -> None:
        refusal = self._refusal(check.name, check.size_bytes)
        if refusal is None:
            refusal, kind = self._judged(check.name, check.head)
        self._desk.outbox.reply(envelope, refusal or FileChecked(kind))

    def _refusal(self, name: str, size_bytes: int) -> Failed | None:
        if fault := fault_of_name(name):
            return Failed("bad_name", fault, True)
        most = self._desk.settings.max_file_bytes
        if size_bytes > most:
            reason = f"the file has {size_bytes:,} bytes, and {most:,} are admitted"
            return Failed("file_too_large", reason, True)
        return None

    def _judged(self, name: str, head: bytes) -> tuple[Failed | None, str]:
        kind, fault = verdict(name, head[:HEAD_BYTES], self._desk.settings.extensions)
        return (Failed("bad_type", fault, True) if fault else None), kind

    # Put.

    def _on_put(self, envelope: Envelope, put: PutFile) -> None:
        refusal = self._refusal(put.name, put.size_bytes)
        manifest = Manifest(
            put.size_bytes,
            put.sha256,
            "",
            self._desk.now.wall_ms,
            put.chunk_bytes if put.chunks else 0,
            put.is_nested,
            put.chunks,
            put.content,
        )
        if refusal is None:
            fault = fault_of(manifest, self._desk.settings.min_chunk_bytes)
            refusal = Failed("refused", fault, True) if fault else None
        if refusal is not None:
            self._desk.outbox.reply(envelope, refusal)
            return
        deadline_ms = self._desk.deadline_ms(put.timeout_ms)
        job = _Put(envelope, put, manifest, deadline_ms, list(dict.fromkeys(put.chunks)))
        if put.is_nested:
            job.lists = list(put.chunks)
            self._read_lists(job, 0, [])
        elif put.chunks:
            self._look(job, put.chunks[0])
        else:
            self._judge(job, put.content)

    def _read_lists(self, job: _Put, n: int, named: list[str]) -> None:
        """What do the lists name? The chunks of the file, in their order."""
        if n == len(job.lists):
            if len(named) != chunk_count(job.put.size_bytes, job.put.chunk_bytes):
                self._fail(job, "refused", "the lists name other chunks than the file has")
                return
            first = named[0]
            job.ids = list(dict.fromkeys([*job.lists, *named]))
            self._look(job, first)
            return

        def then(data: bytes | None, _all_answered: bool) -> None:
            if data is None:
                self._desk.outbox.reply(job.envelope, ChunksMissing((job.lists[n],)))
            else:
                self._read_lists(job, n + 1, [*named, *ids_in(data)])

        self._fetching.read(job.lists[n], job.deadline_ms, then)

    def _look(self, job: _Put, first: str) -> None:
        """The content has to agree with the name."""

        def then(data: bytes | None, _all_answered: bool) -> None:
            if data is None:
                self._desk.outbox.reply(job.envelope, ChunksMissing((first,)))
            else:
                self._judge(job, data)

        self._fetching.read(first, job.deadline_ms, then)

    def _judge(self, job: _Put, head: bytes) -> None:
        refusal, kind = self._judged(job.put.name, head)
        if refusal is not None:
            self._desk.outbox.reply(job.envelope, refusal)
            return
        job.manifest = replace(job.manifest, type=kind)
        job.epoch = self._desk.epoch
        self._hold_next(job)

    def _hold_next(self, job: _Put) -> None:
        """All chunks have to be on enough disks, and to stay there until the manifest is."""
        some = job.ids[job.held : job.held + MAX_IDS]
        if not some:
            if job.missing:
                missing = tuple(job.missing[:MAX_IDS])
                self._desk.outbox.reply(job.envelope, ChunksMissing(missing))
            else:
                self._write(job)
            return

        def then(held: dict[str, bool], epoch: int) -> None:
            job.held += len(some)
            job.epoch = min(job.epoch, epoch)
            job.missing += [id for id in some if not held[id]]
            if self._desk.now.mono_ms >= job.deadline_ms:
                reason = "the chunks of the file were not found in time; nothing was written"
                self._fail(job, "unavailable", reason)
            else:
                # In a later turn: there may be a thousand times a thousand of them.
                self._desk.later(partial(self._hold_next, job))

        self._placing.hold(some, then)

    def _write(self, job: _Put) -> None:
        desk = self._desk
        left_ms = max(1, job.deadline_ms - desk.now.mono_ms)
        value = manifest_to_bytes(job.manifest)
        record = PutRecord(file_key(job.put.name), value, job.epoch + 1, left_ms)

        def then(answer: Message | None) -> None:
            failed = _failure_of_write(answer, job.put.name)
            if failed is not None:
                desk.outbox.reply(job.envelope, failed)
                return
            assert isinstance(answer, Written)
            desk.outbox.reply(job.envelope, FilePut(answer.versions[0], job.manifest.type))

        self._ask(record, left_ms, then, job.envelope)

    def _fail(self, job: _Put, code: str, reason: str) -> None:
        self._desk.outbox.reply(job.envelope, Failed(code, reason, True))

    # Get, list, remove.

    def _on_get(self, envelope: Envelope, get: GetFile) -> None:
        desk = self._desk
        if fault := fault_of_name(get.name):
            desk.outbox.reply(envelope, Failed("bad_name", fault, True))
            return
        left_ms = desk.deadline_ms(get.timeout_ms) - desk.now.mono_ms

        def then(answer: Message | None) -> None:
            desk.outbox.reply(envelope, _file_of(answer, get.name))

        request = Get((file_key(get.name),), True, "quorum", max(1, left_ms))
        self._ask(request, left_ms, then, envelope)

    def _on_list(self, envelope: Envelope, request: ListFiles) -> None:
        desk = self._desk
        deadline_ms = desk.deadline_ms(request.timeout_ms)
        limit = max(1, min(request.limit, MAX_PAGE))

        def then(answer: Message | None) -> None:
            if not isinstance(answer, Listed):
                desk.outbox.reply(envelope, _failure_of_read(answer, "the list of files"))
                return
            cursor = file_name(answer.cursor) if answer.cursor else ""
            if answer.keys:
                self._describe(envelope, answer.keys, cursor, deadline_ms)
            else:
                desk.outbox.reply(envelope, FilesListed((), (), (), (), (), cursor))

        left_ms = deadline_ms - desk.now.mono_ms
        after = file_key(request.after) if request.after else ""
        page = List(FILES + request.prefix, after, limit, max(1, left_ms))
        self._ask(page, left_ms, then, envelope)

    def _describe(
        self, envelope: Envelope, keys: tuple[str, ...], cursor: str, deadline_ms: int
    ) -> None:
        """Read the manifests of a page. The answer may have room for the first only."""
        desk = self._desk

        def then(answer: Message | None) -> None:
            if not isinstance(answer, Got) or not {"ok", "not_found"}.issuperset(answer.codes):
                desk.outbox.reply(envelope, _failure_of_read(answer, "the manifests of files"))
                return
            found = zip(keys, answer.codes, answer.values, strict=False)
            files = self._readable([(key, value) for key, code, value in found if code == "ok"])
            count = len(answer.codes)
            listed = FilesListed(
                tuple([name for name, _ in files]),
                tuple([m.size_bytes for _, m in files]),
                tuple([m.type for _, m in files]),
                tuple([m.time_ms for _, m in files]),
                tuple([m.sha256 for _, m in files]),
                cursor if count == len(keys) else file_name(keys[count - 1]),
            )
            desk.outbox.reply(envelope, listed)

        left_ms = max(1, deadline_ms - desk.now.mono_ms)
        self._ask(Get(keys, False, "quorum", left_ms), left_ms, then, envelope)

    def _readable(self, found: list[tuple[str, bytes]]) -> list[tuple[str, Manifest]]:
        """Names with their manifests. One that is spoilt is told by who downloads it, and in the
        log: of its file there is nothing that a list could say."""
        files = []
        for key, value in found:
            try:
                files.append((file_name(key), manifest_from_bytes(value)))
            except ValueError:
                self._desk.outbox.drop("spoilt manifest")
        return files

    def _on_remove(self, envelope: Envelope, remove: RemoveFile) -> None:
        desk = self._desk
        if fault := fault_of_name(remove.name):
            desk.outbox.reply(envelope, Failed("bad_name", fault, True))
            return
        left_ms = max(1, desk.deadline_ms(remove.timeout_ms) - desk.now.mono_ms)

        def then(answer: Message | None) -> None:
            failed = _failure_of_write(answer, remove.name)
            desk.outbox.reply(envelope, failed or FileRemoved())

        key = file_key(remove.name)
        self._ask(Write((key,), ("absent",), (b"",), "quorum", 0, left_ms), left_ms, then, envelope)

    def _ask(
        self,
        request: Message,
        left_ms: int,
        then: Callable[[Message | None], None],
        envelope: Envelope,
    ) -> None:
        """Ask the own router, which answers before the time is over. A write is never repeated."""
        desk = self._desk
        desk.errands.ask(
            Address(desk.node, "router"),
            request,
            then,
            desk.now,
            patience_ms=max(1, left_ms) + SPARE_MS,
            repeats=False,
            trace=envelope.trace,
        )


def _file_of(answer: Message | None, name: str) -> Message:
    """What a client is told of what the router has read."""
    if not isinstance(answer, Got) or answer.codes[0] not in ("ok", "not_found"):
        return _failure_of_read(answer, f"the file {name!r}")
    if answer.codes[0] == "not_found":
        return Failed("file_missing", f"there is no file {name!r}", True)
    try:
        manifest = manifest_from_bytes(answer.values[0])
    except ValueError as error:
        reason = f"the manifest of {name!r} is spoilt: {error}; upload the file again, or remove it"
        return Failed("failed", reason, True)
    return FileGot(
        manifest.size_bytes,
        manifest.sha256,
        manifest.type,
        manifest.time_ms,
        manifest.chunk_bytes,
        manifest.is_nested,
        manifest.chunks,
        manifest.content,
        answer.versions[0],
    )


def _failure_of_read(answer: Message | None, what: str) -> Failed:
    """Why something could not be read."""
    if isinstance(answer, Failed):
        return Failed(answer.code, f"{what} cannot be read: {answer.reason}", True)
    return Failed("unavailable", f"{what} cannot be read: too few nodes have answered", True)


def _failure_of_write(answer: Message | None, name: str) -> Failed | None:
    """Why a record could not be written, or may have been; None if it was."""
    if isinstance(answer, Written) and answer.codes == ("ok",):
        return None
    if isinstance(answer, Failed):
        return Failed(answer.code, f"the file {name!r}: {answer.reason}", answer.definite)
    code = answer.codes[0] if isinstance(answer, Written) else "timed_out"
    sentence = {
        "unavailable": f"too few of the nodes that keep the name {name!r} can be reached",
        "disk_full": f"the disk of a node that keeps the name {name!r} is full",
    }.get(code, f"no answer in time about the name {name!r}; it may have happened")
    return Failed(code, sentence, code == "unavailable")
