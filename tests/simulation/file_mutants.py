"""Mutants that leave out a rule of how the chunks of files are kept, found and collected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from actors import sweeping
from actors.file_desk import FileDesk
from actors.fileserver import FileServer
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.messages import PutRecord
from actors.router import Router
from actors.straying import Straying
from actors.sweeping import Sweeping
from nodes.simulated.chunks import SimulatedChunks


def collected_in_the_epoch_of_the_suspicion(patch: pytest.MonkeyPatch) -> None:
    """That all have said no is enough, whatever is still under way."""
    patch.setattr(sweeping, "EPOCHS", 0)


def counted_on_without_a_touch(patch: pytest.MonkeyPatch) -> None:
    """Who asks for chunks, or sends them again, does not keep them from being collected."""

    def has(sweeping: Sweeping, chunks: Sequence[str]) -> list[bool]:
        sweeping.suspect(chunks)
        return sweeping._keeping.has(chunks)

    patch.setattr(Sweeping, "touch", has)


def written_in_any_epoch(patch: pytest.MonkeyPatch) -> None:
    """A manifest may be written long after its chunks were held."""
    on_request = Router._on_request

    def late(router: Router, envelope: Any, now: Any) -> None:
        if isinstance(envelope.message, PutRecord):
            envelope = replace(envelope, message=replace(envelope.message, last_epoch=2**60))
        on_request(router, envelope, now)

    patch.setattr(Router, "_on_request", late)


def believed_without_all_answers(patch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is taken to need nothing."""
    answered = Inquiry._answered

    def anyway(inquiry: Inquiry, question: Any) -> None:
        question.is_whole = True
        answered(inquiry, question)

    patch.setattr(Inquiry, "_answered", anyway)


def acknowledged_by_one_owner(patch: pytest.MonkeyPatch) -> None:
    """A chunk on one disk counts as kept."""
    patch.setattr(FileDesk, "needed", lambda desk, owners: 1)


def left_without_handing_over(patch: pytest.MonkeyPatch) -> None:
    """A node that leaves says at once that its files are with others."""

    def look(straying: Straying, ids: Sequence[str], began: int) -> None:
        straying._is_busy = False
        straying._next_ms = straying._desk.now.mono_ms + 1

    patch.setattr(Straying, "_look", look)


def dropped_before_all_owners_have_it(patch: pytest.MonkeyPatch) -> None:
    """A chunk that a node owns no more goes at once."""

    def drop(straying: Straying, ids: Sequence[str], began: int) -> None:
        straying._keeping.drop(ids)
        straying._is_busy = False
        straying._next_ms = straying._desk.now.mono_ms + 1

    patch.setattr(Straying, "_look", drop)


def rotten_chunks_believed(patch: pytest.MonkeyPatch) -> None:
    """What is read from the disk is not looked at."""
    read = Keeping.read

    def unchecked(keeping: Keeping, id: str, *, checked: bool) -> bytes | None:
        return read(keeping, id, checked=False)

    patch.setattr(Keeping, "read", unchecked)


def lists_that_refer_to_nothing(patch: pytest.MonkeyPatch) -> None:
    """What only a list names is collected."""
    patch.setattr(Keeping, "refer", lambda keeping, ids: [False] * len(ids))


def acknowledged_before_the_disk_has_it(patch: pytest.MonkeyPatch) -> None:
    """A crash loses chunks that were told to be kept."""
    keep, crash = SimulatedChunks.keep, SimulatedChunks.crash
    unsynced: dict[int, list[str]] = {}

    def kept(chunks: SimulatedChunks, new: Sequence[tuple[str, bytes]]) -> None:
        keep(chunks, new)
        unsynced.setdefault(id(chunks), []).extend([id_ for id_, _ in new])
        del unsynced[id(chunks)][:-6]

    def crashed(chunks: SimulatedChunks) -> None:
        for id_ in unsynced.pop(id(chunks), []):
            chunks._chunks.pop(id_, None)
        crash(chunks)

    patch.setattr(SimulatedChunks, "keep", kept)
    patch.setattr(SimulatedChunks, "crash", crashed)


def duplicates_taken_for_new_files(patch: pytest.MonkeyPatch) -> None:
    """A put that arrives twice is done twice."""
    patch.setattr(FileServer, "_is_repeated", lambda server, envelope: False)


MUTANTS = [
    collected_in_the_epoch_of_the_suspicion,
    counted_on_without_a_touch,
    written_in_any_epoch,
    believed_without_all_answers,
    acknowledged_by_one_owner,
    left_without_handing_over,
    dropped_before_all_owners_have_it,
    rotten_chunks_believed,
    lists_that_refer_to_nothing,
    acknowledged_before_the_disk_has_it,
    duplicates_taken_for_new_files,
]
