"""Files that are put, read, listed and removed through a node that coordinates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.chunks import INLINE_BYTES, chunk_id, manifest_from_bytes
from actors.messages import (
    Bounced,
    CheckFile,
    ChunkGot,
    ChunkPut,
    ChunksMissing,
    Dropped,
    Failed,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    GetChunk,
    GetFile,
    ListFiles,
    PutChunk,
    PutFile,
    PutRecord,
    Released,
    RemoveFile,
    TakeChunk,
)
from actors.spaces import file_key
from tests.actors.file_servers import A, B, C, D, FileServers, lists_of, put_file
from tests.actors.test_placing import code

CHUNKS = (b"abcd", b"efgh", b"ij")
NAME = "letters.txt"
PUT = put_file(NAME, *CHUNKS, chunk_bytes=4)


def with_chunks(*chunks: bytes) -> FileServers:
    """Four nodes, some of which keep these."""
    network = FileServers(A, B, C, D)
    for data in chunks:
        assert network.ask(PutChunk(chunk_id(data), data, 5_000)) == ChunkPut()
    return network


def small(name: str, content: bytes) -> PutFile:
    """A file that rides in its manifest."""
    return PutFile(name, len(content), chunk_id(content), 0, False, (), content, 5_000)


def test_a_file_is_there_once_its_manifest_is() -> None:
    """As any node tells it."""
    network = with_chunks(*CHUNKS)
    answer = network.ask(GetFile(NAME, 5_000))
    assert code(answer) == "file_missing"
    assert network.ask(PUT) == FilePut("1-a-b", "text/plain; charset=utf-8")
    got = network.ask(GetFile(NAME, 5_000), at=D)
    assert isinstance(got, FileGot)
    assert (got.size_bytes, got.sha256, got.chunks) == (10, PUT.sha256, PUT.chunks)
    assert (got.content_type, got.version, got.chunk_bytes) == (
        "text/plain; charset=utf-8",
        "1-a-b",
        4,
    )


def test_a_file_with_a_chunk_that_is_not_on_enough_disks_is_not_put() -> None:
    """The answer names those that are to be sent again."""
    network = with_chunks(*CHUNKS[:2])
    assert network.ask(PUT) == ChunksMissing((PUT.chunks[2],))
    assert network.names() == []


def test_a_file_whose_beginning_is_nowhere_is_not_put() -> None:
    """It cannot be judged either."""
    network = with_chunks(*CHUNKS[1:])
    assert network.ask(PUT) == ChunksMissing((PUT.chunks[0],))


def test_a_small_file_rides_in_its_manifest() -> None:
    """And comes with it."""
    network = with_chunks()
    assert isinstance(network.ask(small("a.txt", b"small")), FilePut)
    got = network.ask(GetFile("a.txt", 5_000))
    assert isinstance(got, FileGot)
    assert (got.content, got.chunks) == (b"small", ())
    assert not network.all_held()


@pytest.mark.parametrize(
    "put",
    [
        replace(PUT, sha256="x"),
        replace(PUT, size_bytes=13),
        replace(PUT, size_bytes=8),
        replace(PUT, chunk_bytes=0),
        replace(PUT, chunk_bytes=2**22),
        replace(PUT, chunks=("x", *PUT.chunks[1:])),
        replace(PUT, is_nested=True),
        replace(PUT, content=b"more"),
        replace(small("a.txt", b"small"), sha256=PUT.sha256),
        replace(small("a.txt", b"small"), content=b"smell"),
        replace(small("a.txt", b"small"), size_bytes=4),
        small("a.txt", bytes(INLINE_BYTES + 1)),
    ],
)
def test_what_is_no_manifest_is_refused(put: PutFile) -> None:
    """Nothing is written."""
    network = with_chunks(*CHUNKS)
    assert code(network.ask(put)) == "refused"
    assert network.names() == []


def test_a_name_that_is_not_admitted_is_refused_wherever_it_comes() -> None:
    """In a put, a check, a get and a removal."""
    network = with_chunks(*CHUNKS)
    for request in (
        replace(PUT, name="../passwd.txt"),
        CheckFile("a/b.txt", 3, b"abc", 5_000),
        GetFile("a/b.txt", 5_000),
        RemoveFile("a/b.txt", 5_000),
    ):
        assert code(network.ask(request)) == "bad_name"


def test_a_type_that_is_not_admitted_is_refused_before_and_after_the_chunks() -> None:
    """By its name here; what the content tells is told in test_names.py."""
    network = with_chunks(*CHUNKS)
    assert code(network.ask(CheckFile("a.exe", 3, b"MZ", 5_000))) == "bad_type"
    assert code(network.ask(replace(PUT, name="a.exe"))) == "bad_type"
    assert isinstance(network.ask(CheckFile("a.txt", 3, b"abc", 5_000)), FileChecked)


def test_a_file_that_is_too_large_is_refused() -> None:
    """64 GiB are admitted."""
    network = with_chunks()
    assert code(network.ask(CheckFile("a.txt", 64 * 2**30 + 1, b"a", 5_000))) == "file_too_large"
    assert isinstance(network.ask(CheckFile("a.txt", 64 * 2**30, b"a", 5_000)), FileChecked)


def test_the_manifest_of_a_large_file_names_lists() -> None:
    """Whose chunks are looked for too; the lists come first."""
    chunks = [b"%06d" % n for n in range(2_000)]
    network = with_chunks(*chunks)
    ids = tuple(map(chunk_id, chunks))
    [data] = lists_of(ids)
    list_id = chunk_id(data, is_list=True)
    whole = b"".join(chunks)
    put = PutFile("n.txt", len(whole), chunk_id(whole), 6, True, (list_id,), b"", 5_000)
    assert network.ask(put) == ChunksMissing((list_id,))
    network.ask(PutChunk(list_id, data, 5_000))
    assert isinstance(network.ask(put), FilePut)
    got = network.ask(GetFile("n.txt", 5_000))
    assert isinstance(got, FileGot)
    assert (got.is_nested, got.chunks) == (True, (list_id,))
    assert network.ask(GetChunk(list_id, True, 5_000), at=B) == ChunkGot(data)
    for node in network.nodes.values():
        node.store.drop([ids[1_500]])
    assert network.ask(put) == ChunksMissing((ids[1_500],))


def test_lists_that_name_another_number_of_chunks_are_refused() -> None:
    """The size of the file says how many there are."""
    network = with_chunks(*CHUNKS)
    [data] = lists_of(PUT.chunks)
    list_id = chunk_id(data, is_list=True)
    network.ask(PutChunk(list_id, data, 5_000))
    put = replace(PUT, is_nested=True, chunks=(list_id,), size_bytes=15)
    assert code(network.ask(put)) == "refused"


def test_a_manifest_is_written_in_the_epoch_after_its_chunks_were_held_at_the_latest() -> None:
    """Who collects chunks counts on it."""
    network = with_chunks(*CHUNKS)
    network.ask(PUT)
    [record] = network.sent_of(PutRecord)
    assert record.last_epoch == 2
    assert manifest_from_bytes(record.value).chunks == PUT.chunks
    assert record.key == file_key(NAME)


def test_files_are_listed_in_pages_with_what_is_to_be_known_of_them() -> None:
    """Those that begin with a prefix."""
    network = with_chunks()
    for n in range(5):
        network.ask(small(f"f{n}.txt", b"x" * n))
    network.ask(small("other.txt", b""))
    first = network.ask(ListFiles("f", "", 3, 5_000))
    assert isinstance(first, FilesListed)
    assert (first.names, first.cursor) == (("f0.txt", "f1.txt", "f2.txt"), "f2.txt")
    assert first.sizes == (0, 1, 2)
    assert first.types == ("text/plain; charset=utf-8",) * 3
    rest = network.ask(ListFiles("f", first.cursor, 3, 5_000))
    assert isinstance(rest, FilesListed)
    assert (rest.names, rest.cursor) == (("f3.txt", "f4.txt"), "")
    none = network.ask(ListFiles("g", "", 3, 5_000))
    assert none == FilesListed((), (), (), (), (), "")


def test_a_manifest_that_is_spoilt_is_told_and_stops_nobody() -> None:
    """The file can be put again, or removed; the others are listed."""
    network = with_chunks()
    network.ask(small("fine.txt", b"fine"))
    for name, spoilt in (("bad.txt", b"nothing"), ("worse.txt", b"[" * 5_000)):
        network.manifests[file_key(name)] = spoilt
        answer = network.ask(GetFile(name, 5_000))
        assert isinstance(answer, Failed)
        assert f"the manifest of '{name}' is spoilt" in answer.reason
    listed = network.ask(ListFiles("", "", 100, 5_000))
    assert isinstance(listed, FilesListed)
    assert listed.names == ("fine.txt",)
    assert network.nodes[A].told.count(Dropped("spoilt manifest", 1)) == 2
    assert isinstance(network.ask(small("bad.txt", b"again")), FilePut)
    assert network.ask(RemoveFile("worse.txt", 5_000)) == FileRemoved()
    assert isinstance(network.ask(GetFile("bad.txt", 5_000)), FileGot)


def test_a_file_that_is_removed_is_missing_and_to_remove_it_again_is_done() -> None:
    """As with keys."""
    network = with_chunks(*CHUNKS)
    network.ask(PUT)
    assert network.ask(RemoveFile(NAME, 5_000)) == FileRemoved()
    assert code(network.ask(GetFile(NAME, 5_000))) == "file_missing"
    assert network.ask(RemoveFile(NAME, 5_000)) == FileRemoved()


# Reading chunks.


def test_a_chunk_is_read_through_any_node() -> None:
    """From the own disk, where it is there."""
    network = with_chunks(*CHUNKS)
    for node in network.nodes:
        for data in CHUNKS:
            assert network.ask(GetChunk(chunk_id(data), True, 5_000), at=node) == ChunkGot(data)


def test_a_rotten_chunk_is_read_from_another_node_and_repaired() -> None:
    """The client sees nothing of it."""
    network = with_chunks(*CHUNKS)
    id = chunk_id(CHUNKS[0])
    holder, *_ = sorted(network.holders(id))
    network.nodes[holder].store.held[id] = b"rot"
    assert network.ask(GetChunk(id, True, 5_000), at=holder) == ChunkGot(CHUNKS[0])
    assert network.nodes[holder].store.held[id] == CHUNKS[0]


def test_a_rotten_chunk_of_another_node_is_found_by_who_reads_it_there() -> None:
    """That node looks at it then, and repairs it."""
    network = with_chunks(*CHUNKS)
    id = chunk_id(CHUNKS[0])
    [outside] = set(network.nodes) - network.holders(id)
    network.ask(PUT)
    for holder in network.holders(id):
        network.nodes[holder].store.held[id] = b"rot"
        for _ in network.holders(id):
            assert network.ask(GetChunk(id, True, 5_000), at=outside) == ChunkGot(CHUNKS[0])
        network.run_for(20_000)
        assert network.nodes[holder].store.held[id] == CHUNKS[0]


def test_who_looks_himself_gets_what_is_there_until_he_doubts_it() -> None:
    """It costs the node nothing to send it."""
    network = with_chunks(*CHUNKS)
    id = chunk_id(CHUNKS[0])
    holder, *_ = sorted(network.holders(id))
    network.nodes[holder].store.held[id] = b"rot"
    assert network.ask(GetChunk(id, False, 5_000), at=holder) == ChunkGot(b"rot")
    assert network.ask(GetChunk(id, True, 5_000), at=holder) == ChunkGot(CHUNKS[0])


def test_a_chunk_that_nobody_has_is_missing_where_all_could_be_asked() -> None:
    """Else it is not known."""
    network = with_chunks()
    assert code(network.ask(GetChunk(chunk_id(b"x"), True, 2_000))) == "chunks_missing"
    network.kill(B)
    assert code(network.ask(GetChunk(chunk_id(b"x"), True, 2_000))) == "unavailable"


def test_a_node_that_does_not_answer_is_passed_over() -> None:
    """Another has the chunk."""
    network = with_chunks(*CHUNKS)
    id = chunk_id(CHUNKS[0])
    [outside] = set(network.nodes) - network.holders(id)
    silent, *_ = sorted(network.holders(id))
    network.cut.add(silent)
    for _ in range(3):
        assert network.ask(GetChunk(id, True, 20_000), at=outside) == ChunkGot(CHUNKS[0])


def test_chunks_are_taken_from_several_nodes() -> None:
    """Another owner is asked first every time."""
    network = with_chunks(*CHUNKS)
    id = chunk_id(CHUNKS[0])
    [outside] = set(network.nodes) - network.holders(id)
    for _ in range(6):
        network.ask(GetChunk(id, True, 5_000), at=outside)
    asked = [e.to.node for e in network.sent if isinstance(e.message, TakeChunk)]
    assert {asked.count(node) for node in network.holders(id)} == {2}


def test_what_was_told_and_came_back_is_no_news() -> None:
    """At the beginning of a network others are often not there yet."""
    network = with_chunks()
    told, to = Address(A, "fileserver"), Address(B, "fileserver")
    network.deliver(Envelope(told, told, Bounced(to, Released(("0" * 64,))), 10**6))
    assert not any(isinstance(message, Dropped) for message in network.nodes[A].told)
