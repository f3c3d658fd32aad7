"""Mutants that leave out a rule of how the chunks of files are kept, found and handed over."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actors.fileserver import FileServer
from actors.keeping import Keeping
from actors.straying import Straying
from nodes.simulated.chunks import SimulatedChunks


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
    left_without_handing_over,
    dropped_before_all_owners_have_it,
    rotten_chunks_believed,
    lists_that_refer_to_nothing,
    acknowledged_before_the_disk_has_it,
    duplicates_taken_for_new_files,
]
