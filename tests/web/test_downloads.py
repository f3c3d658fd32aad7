"""What a gateway fetches of a file while it is sent: enough to be fast, little for who is slow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import cast

import pytest

from nodes.remote_files import AsyncRemoteFile
from nodes.web.files import AHEAD, BLOCK_BYTES, PIECE_BYTES, sent

CONTENT = Random(1).randbytes(8 * BLOCK_BYTES + 17)


@dataclass
class _File:
    """Notes where it was read."""

    read: list[int] = field(default_factory=list)

    async def read_at(self, offset: int, size: int) -> bytes:
        self.read.append(offset)
        return CONTENT[offset : offset + size]


def _sent(file: _File, first: int, end: int, pieces: int) -> bytes:
    """So many pieces of what is sent, as somebody takes them; the rest is left."""

    async def take() -> bytes:
        came = b""
        stream = sent(cast(AsyncRemoteFile, file), first, end)
        for _ in range(pieces):
            try:
                came += await anext(stream)
            except StopAsyncIteration:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        return came

    return asyncio.run(take())


@pytest.mark.parametrize(
    ("first", "end"),
    [
        (0, len(CONTENT)),
        (BLOCK_BYTES - 1, BLOCK_BYTES + 1),
        (5, 6),
        (3, 3),
        (BLOCK_BYTES, 2 * BLOCK_BYTES),
        (7, 5 * BLOCK_BYTES - 7),
    ],
)
def test_all_of_a_range_is_sent(first: int, end: int) -> None:
    """In order, and no chunk of it is read twice."""
    file = _File()
    assert _sent(file, first, end, 1_000) == CONTENT[first:end]
    assert len({at // BLOCK_BYTES for at in file.read}) == len(file.read)


def test_of_who_takes_hardly_anything_one_block_is_fetched() -> None:
    """Two pieces may be taken by the system and wait to be taken by it."""
    file = _File()
    assert len(_sent(file, 0, len(CONTENT), 3)) == 3 * PIECE_BYTES
    assert file.read == [0]


def test_who_takes_most_of_a_block_has_several_fetched() -> None:
    """While the rest of it is sent."""
    file = _File()
    _sent(file, 0, len(CONTENT), 5)
    assert file.read == [n * BLOCK_BYTES for n in range(1 + AHEAD)]
