"""A download without I/O: what is asked of whom, what is believed, and in which order it comes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from actors.chunks import LIST, MAX_DIGESTS, chunk_id, list_of
from actors.downloading import WINDOW, Download, FileIndex, Opening
from actors.errors import FileMissing, GossamerError, TimedOut, Unavailable, Unreachable
from actors.messages import ChunkGot, GetChunk, GetFile
from tests.actors.dictionary_files import DictionaryFiles, answer_all, put_file

SIZE = 100
TIMEOUT_MS = 5_000
DATA = bytes(range(250)) * 4


def served(data: bytes = DATA) -> DictionaryFiles:
    """A server with a file of these bytes, in chunks of 100."""
    server = DictionaryFiles()
    put_file(server, "f.txt", data, SIZE)
    return server


def opened(server: DictionaryFiles) -> FileIndex | GossamerError:
    """What comes of opening the file."""
    opening, now_ms = Opening("f.txt", TIMEOUT_MS), 0
    while opening.outcome is None:
        for number, outcome in answer_all(server, opening.due(now_ms)):
            opening.answered(number, outcome, now_ms)
        now_ms += 100
    return opening.outcome


def index_of(server: DictionaryFiles) -> FileIndex:
    """The file, opened."""
    index = opened(server)
    assert isinstance(index, FileIndex)
    return index


def fetched(server: DictionaryFiles, download: Download) -> list[tuple[int, bytes | None]]:
    """All that it gives, to its end."""
    pieces, now_ms = [], 0
    while download.outcome is None:
        for number, outcome in answer_all(server, download.due(now_ms)):
            download.answered(number, outcome, now_ms)
        pieces += download.take()
        now_ms += 100
    return pieces


def joined(pieces: list[tuple[int, bytes | None]]) -> bytes:
    """The bytes of all."""
    return b"".join(data for _, data in pieces if data is not None)


def test_a_file_comes_in_its_order() -> None:
    """All chunks, each once."""
    server = served()
    download = Download(index_of(server), TIMEOUT_MS)
    assert joined(fetched(server, download)) == DATA
    assert download.outcome == 10


def test_answers_may_come_in_any_order() -> None:
    """What comes too early waits for what is before it."""
    server = served()
    download = Download(index_of(server), TIMEOUT_MS)
    answers = answer_all(server, download.due(0))
    last = answers.pop()
    for number, outcome in reversed(answers[1:]):
        download.answered(number, outcome, 0)
    assert download.take() == []
    download.answered(*answers[0], 0)
    assert [chunk for chunk, _ in download.take(2)] == [0, 1]
    assert joined(download.take()) == DATA[2 * SIZE : 9 * SIZE]
    download.answered(*last, 0)
    assert joined(download.take()) == DATA[9 * SIZE :]


def test_an_error_says_which_chunk_is_nowhere() -> None:
    """For whoever looks for it in logs and folders."""
    server = served()
    download = Download(index_of(server), TIMEOUT_MS)
    lost = chunk_id(DATA[3 * SIZE : 4 * SIZE])
    server.refuse = lambda r: (
        "chunks_missing" if isinstance(r, GetChunk) and r.chunk == lost else ""
    )
    now_ms = 0
    while download.outcome is None:
        for number, outcome in answer_all(server, download.due(now_ms)):
            download.answered(number, outcome, now_ms)
        now_ms += 1_000
    assert isinstance(download.outcome, Unavailable)
    told = f"told to say chunks_missing: number 4 of 10 of 'f.txt', {lost}"
    assert (str(download.outcome), download.outcome.code) == (told, "chunks_missing")


def test_no_more_is_asked_than_there_is_credit() -> None:
    """What was not taken counts: memory is bounded."""
    server = served(bytes(SIZE) * 40)
    download = Download(index_of(server), TIMEOUT_MS)
    asks = download.due(0)
    assert [ask.turn for ask in asks] == list(range(WINDOW))
    for number, outcome in answer_all(server, asks):
        download.answered(number, outcome, 0)
    assert download.due(0) == []
    assert len(download.take()) == WINDOW
    assert len(download.due(0)) == WINDOW


def test_only_what_is_wanted_is_asked_for() -> None:
    """A part of the file, without what is kept."""
    server = served()
    download = Download(index_of(server), TIMEOUT_MS, 2, 5, {3})
    pieces = fetched(server, download)
    assert [index for index, _ in pieces] == [2, 3, 4]
    assert pieces[1] == (3, None)
    assert download.outcome == server.count(GetChunk) == 2


def test_a_wrong_chunk_is_asked_for_again_checked() -> None:
    """Of the same endpoint, whose copy may be rotten, then of the next; nothing is given out."""
    server = served()
    index = index_of(server)
    download = Download(index, TIMEOUT_MS, 0, 1)
    [ask] = download.due(0)
    assert ask.request == GetChunk(index.chunk(0), False, TIMEOUT_MS)
    download.answered(ask.number, ChunkGot(b"wrong"), 0)
    assert download.take() == []
    [again] = download.due(1_000)
    assert again.request == GetChunk(index.chunk(0), True, TIMEOUT_MS)
    assert again.turn == ask.turn
    download.answered(again.number, ChunkGot(b"wrong"), 1_000)
    assert download.take() == []
    [other] = download.due(2_000)
    assert (other.request, other.turn) == (again.request, ask.turn + 1)


def test_a_digest_that_is_told_is_not_worked_out() -> None:
    """That is done elsewhere, where it stops nothing."""
    server = served()
    index = index_of(server)
    download = Download(index, TIMEOUT_MS, 0, 1)
    [ask] = download.due(0)
    download.answered(ask.number, ChunkGot(b"x" * SIZE), 0, index.chunk(0))
    assert download.take() == [(0, b"x" * SIZE)]


def test_a_chunk_that_is_wrong_everywhere_ends_it() -> None:
    """After the time-out: wrong bytes are no progress."""
    server = served()
    server.spoil = lambda request: True
    download = Download(index_of(server), TIMEOUT_MS)
    assert fetched(server, download) == []
    assert "wrong wherever" in str(download.outcome)


def test_a_missing_file_is_an_error() -> None:
    """It is known with the first answer."""
    server = DictionaryFiles()
    assert isinstance(opened(server), FileMissing)
    assert server.asked == [GetFile("f.txt", TIMEOUT_MS)]


@pytest.mark.parametrize("error", [TimedOut("no answer", definite=True), Unreachable("nobody")])
def test_who_fails_is_asked_again_while_there_is_progress(error: GossamerError) -> None:
    """The time-out counts from the last chunk that came."""
    server = served()
    download = Download(index_of(server), TIMEOUT_MS, 0, 2)
    first, second = download.due(0)
    download.answered(second.number, error, 4_000)
    for number, outcome in answer_all(server, [first]):
        download.answered(number, outcome, 4_900)
    [second] = download.due(9_000)
    download.answered(second.number, error, 9_000)
    assert download.outcome is None
    [second] = download.due(9_900)
    download.answered(second.number, error, 9_900)
    assert download.outcome is error


def test_lists_are_fetched_first() -> None:
    """And believed no more than chunks are."""
    server = served(b"".join(bytes([i % 251, i // 251]) for i in range(MAX_DIGESTS + 1)) * 50)
    file = server.files["f.txt"]
    digests = list_of(file.chunks)
    id = chunk_id(digests, is_list=True)
    server.files["f.txt"] = replace(file, is_nested=True, chunks=(id,))
    server.chunks[id] = digests
    server.spoil = lambda request: request.chunk.endswith(LIST) and not request.checked
    index = index_of(server)
    assert index.digests == digests
    assert index.chunk_count == len(file.chunks)
    assert server.count(GetChunk) == 2


def test_a_small_file_has_no_chunks() -> None:
    """It is in its manifest."""
    server = DictionaryFiles()
    put_file(server, "f.txt", b"", SIZE)
    file = replace(
        server.files["f.txt"],
        size_bytes=3,
        content=b"abc",
        chunk_bytes=0,
        sha256=sha256(b"abc").hexdigest(),
    )
    server.files["f.txt"] = file
    index = index_of(server)
    assert (index.chunk_count, index.manifest.content) == (0, b"abc")
    assert fetched(server, Download(index, TIMEOUT_MS)) == []


def test_a_spoilt_manifest_is_refused() -> None:
    """Before anything is done with it."""
    server = served()
    server.files["f.txt"] = replace(server.files["f.txt"], size_bytes=10**6)
    assert "spoilt" in str(opened(server))
