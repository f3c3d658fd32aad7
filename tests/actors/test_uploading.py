"""An upload without I/O: what is asked, what is sent, and what becomes of failures."""

from __future__ import annotations

from hashlib import sha256

import pytest

from actors.chunks import INLINE_BYTES, LIST_DIGESTS, MAX_DIGESTS, chunk_id
from actors.errors import Overloaded, Refused, TimedOut, Unavailable, Unreachable
from actors.messages import (
    CheckFile,
    ChunksHeld,
    FileChecked,
    GetFile,
    HoldChunks,
    PutChunk,
    PutFile,
)
from actors.requests import Ask
from actors.uploading import GROUP, HOLD_AGAIN_MS, MAX_HELD, WINDOW, Upload, Uploaded
from tests.actors.dictionary_files import DictionaryFiles, answer_all, outcome_of

SIZE = 20_000
"""Of a chunk here: a file of one is too large for its manifest."""
TIMEOUT_MS = 5_000
DOUBT = TimedOut("no answer; the write may have happened", definite=False)


class Uploading:
    """An upload of these chunks to this server, and the time."""

    def __init__(
        self, server: DictionaryFiles, *pieces: bytes, seekable: bool = True, size: int = SIZE
    ) -> None:
        self.server = server
        self.pieces = pieces
        self.now_ms = 0
        told = sum(map(len, pieces)) if seekable else None
        self.upload = Upload("f.txt", told, TIMEOUT_MS, size, can_be_read_again=seekable)
        self._next = 0

    def feed(self) -> None:
        """Hand in what there is room for."""
        upload = self.upload
        while (index := upload.wanted) is not None:
            upload.again(self.pieces[index], chunk_id(self.pieces[index]))
        while upload.room and self._next < len(self.pieces):
            piece = self.pieces[self._next]
            upload.chunk(piece, chunk_id(piece))
            self._next += 1
        if self._next == len(self.pieces):
            upload.end(sha256(b"".join(self.pieces)).hexdigest())

    def due(self, after_ms: int = 0) -> list[Ask]:
        """What is asked so much later."""
        self.now_ms += after_ms
        self.feed()
        return self.upload.due(self.now_ms)

    def step(self, after_ms: int = 0) -> list[Ask]:
        """Let what is asked now be answered."""
        asks = self.due(after_ms)
        for number, outcome in answer_all(self.server, asks):
            self.upload.answered(number, outcome, self.now_ms)
        return asks

    def run(self) -> Uploaded:
        """To its good end."""
        outcome = self.end()
        assert isinstance(outcome, Uploaded), outcome
        return outcome

    def end(self) -> object:
        """To its end."""
        while self.upload.outcome is None:
            if not self.step() and self.upload.outcome is None:
                assert self.upload.wake_at is not None
                self.now_ms = max(self.now_ms, self.upload.wake_at)
        return self.upload.outcome


def pieces(count: int, size: int = SIZE) -> list[bytes]:
    """So many different chunks."""
    return [bytes([index % 251, index // 251]) * (size // 2) for index in range(count)]


def test_a_file_of_several_chunks_is_there_at_the_end() -> None:
    """All chunks were sent, and the manifest names them in their order."""
    server = DictionaryFiles()
    parts = [*pieces(3), b"rest"]
    uploaded = Uploading(server, *parts).run()
    data = b"".join(parts)
    file = server.files["f.txt"]
    assert (file.size_bytes, file.sha256) == (len(data), sha256(data).hexdigest())
    assert b"".join(server.chunks[chunk] for chunk in file.chunks) == data
    assert (uploaded.sent_chunks, uploaded.chunks, uploaded.version) == (4, 4, file.version)


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES])
def test_a_small_file_rides_in_its_manifest(size: int) -> None:
    """One request is all."""
    server = DictionaryFiles()
    uploaded = Uploading(server, *([b"x" * size] if size else [])).run()
    assert [type(request) for request in server.asked] == [PutFile]
    assert server.files["f.txt"].content == b"x" * size
    assert (uploaded.sent_chunks, uploaded.chunks) == (0, 0)


def test_a_second_upload_sends_nothing() -> None:
    """What is there already is found out, not sent."""
    server = DictionaryFiles()
    Uploading(server, *pieces(3)).run()
    server.asked.clear()
    uploaded = Uploading(server, *pieces(3)).run()
    assert server.count(PutChunk) == 0
    assert (uploaded.sent_chunks, uploaded.chunks) == (0, 3)


def test_a_chunk_that_comes_twice_is_sent_once() -> None:
    """It is one thing, and the file names it twice."""
    server = DictionaryFiles()
    assert Uploading(server, b"x" * SIZE, b"x" * SIZE).run().sent_chunks == 1
    assert len(server.files["f.txt"].chunks) == 2


def test_nothing_is_sent_before_the_file_is_admitted() -> None:
    """A refusal comes first, and is the end."""
    server = DictionaryFiles()
    server.refuse = lambda request: "too_large" if isinstance(request, CheckFile) else ""
    uploading = Uploading(server, *pieces(40))
    assert isinstance(uploading.end(), Refused)
    [check] = server.asked
    assert check == CheckFile("f.txt", 40 * SIZE, pieces(1)[0], TIMEOUT_MS)


def test_memory_is_bounded_whatever_the_size() -> None:
    """So much is taken in, asked about and under way at once."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(100))
    uploading.step()
    assert uploading.upload.room == 0
    groups = uploading.due()
    assert [len(a.request.chunks) for a in groups if isinstance(a.request, HoldChunks)] == [
        GROUP
    ] * 2
    for ask in groups:
        uploading.upload.answered(ask.number, ChunksHeld((False,) * GROUP), 0)
    assert len(uploading.due()) == WINDOW
    assert uploading.upload.room == 0
    assert uploading.upload.done_bytes == 0
    assert MAX_HELD == 2 * GROUP


def test_chunks_are_sent_to_several_nodes_in_turn() -> None:
    """So that not all goes through one."""
    uploading = Uploading(DictionaryFiles(), *pieces(4))
    uploading.step()
    uploading.step()
    turns = [ask.turn for ask in uploading.due()]
    assert len(set(turns)) == 4


def test_a_file_of_many_chunks_has_lists() -> None:
    """Its manifest names those; they go the same way as chunks."""
    server = DictionaryFiles()
    parts = pieces(MAX_DIGESTS + 1, 64)
    Uploading(server, *parts, size=64).run()
    file = server.files["f.txt"]
    assert file.is_nested
    assert len(file.chunks) == 1
    digests = server.chunks[file.chunks[0]]
    assert digests == b"".join(sha256(part).digest() for part in parts)
    assert len(parts) < LIST_DIGESTS


def test_an_overloaded_node_is_asked_again_after_a_pause() -> None:
    """And then the next one; that is no failure."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(2))
    [check] = uploading.due()
    uploading.upload.answered(check.number, Overloaded("busy"), uploading.now_ms)
    assert uploading.due() == []
    [again] = uploading.due(after_ms=50)
    assert (again.request, again.turn) == (check.request, check.turn + 1)
    uploading.upload.answered(again.number, FileChecked("text/plain"), uploading.now_ms)
    uploading.run()


def test_no_progress_for_the_time_out_is_the_end() -> None:
    """What the last answer was is the error."""
    uploading = Uploading(DictionaryFiles(), *pieces(2))
    while uploading.upload.outcome is None:
        for ask in uploading.due():
            uploading.upload.answered(ask.number, Unreachable("nobody"), uploading.now_ms)
        uploading.now_ms += 100
    assert isinstance(uploading.upload.outcome, Unreachable)
    assert TIMEOUT_MS <= uploading.now_ms <= TIMEOUT_MS + 1_500


def test_a_slow_source_is_not_a_time_out() -> None:
    """While nothing is asked for nobody is late."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(2), seekable=False)
    upload = uploading.upload
    upload.chunk(uploading.pieces[0], chunk_id(uploading.pieces[0]))
    [check] = upload.due(0)
    upload.answered(check.number, FileChecked("text/plain"), 0)
    upload.chunk(uploading.pieces[1], chunk_id(uploading.pieces[1]))
    upload.end(sha256(b"".join(uploading.pieces)).hexdigest())
    [hold] = upload.due(60_000)
    upload.answered(hold.number, Overloaded("busy"), 60_001)
    assert upload.outcome is None


def in_doubt(server: DictionaryFiles, *, was_put: bool) -> Uploading:
    """An upload that does not know whether its file was put."""
    uploading = Uploading(server, *pieces(1))
    while True:
        [ask] = uploading.due()
        if isinstance(ask.request, PutFile):
            if was_put:
                server.answer(ask.request)
            uploading.upload.answered(ask.number, DOUBT, uploading.now_ms)
            return uploading
        uploading.upload.answered(
            ask.number, outcome_of(server.answer(ask.request)), uploading.now_ms
        )


def test_whether_the_file_was_put_is_found_out() -> None:
    """If it is there it is not put again."""
    server = DictionaryFiles()
    uploaded = in_doubt(server, was_put=True).run()
    assert uploaded.version == server.files["f.txt"].version
    assert server.count(PutFile) == 1


def test_a_file_that_is_not_found_is_not_put_again() -> None:
    """It may have been there and be replaced by now, which putting it again would undo."""
    server = DictionaryFiles()
    uploading = in_doubt(server, was_put=False)
    assert uploading.end() is DOUBT
    assert (server.count(GetFile), server.count(PutFile)) == (1, 0)


def test_a_doubt_that_comes_too_late_is_the_end() -> None:
    """There is no time left to find out."""
    uploading = Uploading(DictionaryFiles(), b"small")
    [put] = uploading.due()
    uploading.upload.answered(put.number, DOUBT, TIMEOUT_MS)
    assert uploading.upload.outcome is DOUBT


def test_chunks_that_were_lost_are_read_and_sent_again() -> None:
    """Then the file is put again."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(3))
    while server.count(PutFile) == 0:
        if len(server.chunks) == 3:
            del server.chunks[chunk_id(pieces(3)[1])]
        uploading.step()
    assert uploading.run().sent_chunks == 4
    assert len(server.chunks) == 3


def test_a_stream_cannot_be_read_again() -> None:
    """The error says so."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(3), seekable=False)
    while server.count(PutFile) == 0:
        if len(server.chunks) == 3:
            server.chunks.popitem()
        uploading.step()
    outcome = uploading.end()
    assert isinstance(outcome, Unavailable)
    assert "from its beginning" in str(outcome)


def test_a_file_that_has_changed_meanwhile_is_not_mixed() -> None:
    """What is read again has to be what was read first."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(3))
    while uploading.upload.wanted is None:
        if len(server.chunks) == 3:
            server.chunks.popitem()
        uploading.step()
    uploading.pieces = (b"other" * 4_000,) * 3
    assert "was changed" in str(uploading.end())
    assert server.files == {}


def test_lists_that_were_lost_are_made_again() -> None:
    """They need no reading."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(MAX_DIGESTS + 1, 64), seekable=False, size=64)
    while server.count(PutFile) == 0:
        lists = [chunk for chunk in server.chunks if chunk.endswith(".list")]
        for chunk in lists:
            del server.chunks[chunk]
        uploading.step()
    uploading.run()
    assert server.files["f.txt"].is_nested


def test_losses_without_end_end_the_upload() -> None:
    """A few rounds are enough."""
    server = DictionaryFiles()
    uploading = Uploading(server, *pieces(2))
    while uploading.upload.outcome is None:
        if len(server.chunks) == 2:
            server.chunks.clear()
        uploading.step()
    assert isinstance(uploading.upload.outcome, Unavailable)


def test_a_long_upload_holds_what_it_has_sent() -> None:
    """Every ten minutes, or it would be collected; what is lost is sent again."""
    server = DictionaryFiles()
    parts = pieces(GROUP + 1)
    uploading = Uploading(server, *parts)
    upload = uploading.upload
    for part in parts[:GROUP]:
        upload.chunk(part, chunk_id(part))
    while upload.room < MAX_HELD:
        for number, outcome in answer_all(server, upload.due(0)):
            upload.answered(number, outcome, 0)
    assert upload.due(0) == []
    assert upload.wake_at == HOLD_AGAIN_MS
    [hold] = upload.due(HOLD_AGAIN_MS)
    assert hold.request == HoldChunks(tuple(map(chunk_id, parts[:GROUP])), TIMEOUT_MS)
    upload.answered(hold.number, ChunksHeld((False,) + (True,) * (GROUP - 1)), HOLD_AGAIN_MS)
    assert upload.wanted == 0
    assert upload.wake_at == 2 * HOLD_AGAIN_MS


def test_a_growing_stream_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is not known before: it is refused once it is too large."""
    monkeypatch.setattr("actors.uploading.CHECK_AGAIN_BYTES", 2 * SIZE)
    upload = Upload("f.txt", None, TIMEOUT_MS, SIZE)
    told: list[int] = []
    for piece in pieces(8):
        upload.chunk(piece, chunk_id(piece))
        for ask in upload.due(0):
            assert isinstance(ask.request, CheckFile)
            told.append(ask.request.size_bytes)
            upload.answered(ask.number, FileChecked("text/plain"), 0)
    assert told == [0, 2 * SIZE, 4 * SIZE, 8 * SIZE]
