"""The session asks file servers for files, and knows which of these requests are writes."""

from __future__ import annotations

import pytest

from actors.actor import Address, reply
from actors.errors import TimedOut
from actors.messages import (
    FILES_FROM_CLIENTS,
    CheckFile,
    ChunkGot,
    ChunkPut,
    ChunksHeld,
    ChunksMissing,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    GetChunk,
    GetFile,
    HoldChunks,
    ListFiles,
    Message,
    PutChunk,
    PutFile,
    RemoveFile,
)
from tests.actors.calls import OK, ONE, TWO, asked, caller

CHUNK = "ab" * 32
PUT = PutFile("a.txt", 1, CHUNK, 1, False, (CHUNK,), b"", 9_000)
ANSWERS: list[tuple[Message, Message]] = [
    (CheckFile("a.txt", 1, b"a", 9_000), FileChecked("text/plain")),
    (HoldChunks((CHUNK,), 9_000), ChunksHeld((True,))),
    (PutChunk(CHUNK, b"a", 9_000), ChunkPut()),
    (PUT, FilePut("1", "text/plain")),
    (PUT, ChunksMissing((CHUNK,))),
    (GetFile("a.txt", 9_000), FileGot(1, CHUNK, "text/plain", 0, 1, False, (CHUNK,), b"", "1")),
    (GetChunk(CHUNK, False, 9_000), ChunkGot(b"a")),
    (ListFiles("", "", 10, 9_000), FilesListed((), (), (), (), (), "")),
    (RemoveFile("a.txt", 9_000), FileRemoved()),
]
"""Every request, and the answers that it can have."""
WRITES = (PutFile, RemoveFile)


def test_every_request_has_an_answer() -> None:
    """None of what a client may send to a file port is left out above."""
    assert {type(request_) for request_, _ in ANSWERS} == FILES_FROM_CLIENTS


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
def test_an_operation_ends_with_its_reply(request_: Message, answer: Message) -> None:
    """The file server of the first endpoint is asked."""
    session = caller(ONE, TWO)
    number = session.call(request_)
    [envelope] = session.take()
    assert (envelope.to, envelope.message) == (Address(f"@{ONE}", "fileserver"), request_)
    session.take(reply(envelope, answer))
    assert session.outcomes == {number: answer}


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
def test_another_answer_is_an_error(request_: Message, answer: Message) -> None:
    """The operation ends with it; for a write nobody knows what was done."""
    session = caller(ONE)
    number = session.call(request_)
    [envelope] = session.take()
    session.take(reply(envelope, OK))
    assert "is no answer to" in str(session.error(number))
    assert session.error(number).definite == (not isinstance(request_, WRITES))


def test_an_answer_is_about_every_chunk() -> None:
    """One of another length is none."""
    session = caller(ONE)
    number = session.call(HoldChunks((CHUNK, CHUNK), 9_000))
    [envelope] = session.take()
    session.take(reply(envelope, ChunksHeld((True,))))
    assert "is no answer to" in str(session.error(number))


@pytest.mark.parametrize("request_", [request_ for request_, _ in ANSWERS])
def test_a_lost_connection(request_: Message) -> None:
    """What changes nothing is asked elsewhere; of a write nobody knows whether it was done."""
    session = caller(ONE, TWO)
    number = session.call(request_)
    session.take()
    out = session.down(ONE)
    if isinstance(request_, WRITES):
        assert out == []
        error = session.error(number)
        assert isinstance(error, TimedOut)
        assert not error.definite
    else:
        assert [e.to for e in out] == [Address(f"@{TWO}", "fileserver")]


def test_the_endpoint_whose_turn_it_is_comes_first() -> None:
    """Counted round; the others follow, if it does not answer."""
    session = caller(ONE, TWO)
    chunk = GetChunk(CHUNK, False, 9_000)
    for turn, first, second in [(1, TWO, ONE), (2, ONE, TWO)]:
        session.session.submit(chunk, 9_000, session.now(), turn=turn)
        assert asked(session.take()) == [first]
        assert asked(session.run_for(3_000)) == [second]
