"""Files through a client over real sockets, with nodes that do what the test tells them to."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from actors.errors import FileMissing, Refused, TimedOut
from actors.messages import CheckFile, GetChunk, GetFile, Message, PutChunk, PutFile, RemoveFile
from nodes.async_client import AsyncClient
from nodes.client import Client
from tests.networks import wait_until
from tests.nodes.scripted import background, failure
from tests.nodes.scripted_files import CHUNK, MIXED, Fate, FileNode

DATA = bytes(range(256)) * 256 * 40
"""40 chunks that are alike."""


@pytest.fixture
def client(nodes: list[FileNode]) -> Iterator[Client]:
    """A client of the first one."""
    with Client(nodes[0].address, timeout=20) as client:
        yield client


# Up and down.


def test_a_file_comes_back_as_it_was(client: Client, source: Path, tmp_path: Path) -> None:
    """From a path to a path, and both ends tell what they did."""
    up = client.upload(source, chunk_bytes=CHUNK)
    assert (up.name, up.size_bytes) == ("report.txt", len(MIXED))
    assert up.sha256 == sha256(MIXED).hexdigest()
    assert (up.sent_chunks, up.chunks) == (21, 21)
    down = client.download("report.txt", tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_bytes() == MIXED
    assert (down.version, down.path, down.fetched_chunks) == (
        up.version,
        tmp_path / "copy.txt",
        21,
    )
    assert sorted(os.listdir(tmp_path)) == ["copy.txt", "source"]


def test_a_second_upload_sends_nothing(client: Client, source: Path) -> None:
    """What is there is found out first."""
    client.upload(source, chunk_bytes=CHUNK)
    again = client.upload(source, "other.txt", chunk_bytes=CHUNK)
    assert (again.sent_chunks, again.chunks) == (0, 21)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_every_size_comes_back(client: Client, size: int) -> None:
    """Empty, small, and at the edges of chunks."""
    data = DATA[7 : 7 + size]
    client.upload(io.BytesIO(data), "f.txt", chunk_bytes=CHUNK)
    out = io.BytesIO()
    client.download("f.txt", out)
    assert out.getvalue() == data


def test_a_stream_is_uploaded_in_one_pass(client: Client) -> None:
    """One that cannot be sought and gives little at a time."""
    out, into = os.pipe()

    def write() -> None:
        with open(into, "wb") as file:
            file.write(MIXED)

    writer = threading.Thread(target=write)
    writer.start()
    with open(out, "rb", buffering=0) as file:
        up = client.upload(file, "f.txt", chunk_bytes=CHUNK)
    writer.join()
    assert up.sha256 == sha256(MIXED).hexdigest()


def test_a_file_object_is_read_from_where_it_is(client: Client) -> None:
    """And left open."""
    file = io.BytesIO(b"before" + MIXED)
    file.seek(6)
    client.upload(file, "f.txt", chunk_bytes=CHUNK)
    assert not file.closed
    assert client.open("f.txt").read() == MIXED


def test_progress_is_told_to_the_end(client: Client, source: Path, tmp_path: Path) -> None:
    """It never goes back, and ends with all of it."""
    told: list[tuple[int, int | None]] = []
    client.upload(source, chunk_bytes=CHUNK, progress=lambda *p: told.append(p))
    assert told == sorted(told)
    assert told[-1] == (len(MIXED), len(MIXED))
    told.clear()
    client.download("report.txt", tmp_path, lambda *p: told.append(p))
    assert told == sorted(told)
    assert told[-1] == (len(MIXED), len(MIXED))


def test_several_nodes_serve_one_file(
    nodes: list[FileNode], client: Client, source: Path, tmp_path: Path
) -> None:
    """Each about as many chunks, in both directions."""
    client.upload(source, chunk_bytes=CHUNK)
    # By now all connections are there.
    client.upload(io.BytesIO(MIXED[1:]), "g.txt", chunk_bytes=CHUNK)
    client.download("g.txt", tmp_path)
    for kind in (PutChunk, GetChunk):
        assert all(any(isinstance(r, kind) for r in node.asked) for node in nodes)


# What goes wrong.


def dies_at(count: int, kind: type[Message]) -> Fate:
    """A fate: to die with the so-manieth request of this kind."""
    left = [count]

    def fate(request: Message) -> str:
        if isinstance(request, kind):
            left[0] -= 1
            return "die" if left[0] == 0 else ""
        return ""

    return fate


@pytest.mark.parametrize("victim", [0, 1])
def test_an_upload_goes_on_when_a_node_dies(
    nodes: list[FileNode], client: Client, source: Path, victim: int
) -> None:
    """The one that was asked as well as another."""
    client.upload(source, chunk_bytes=CHUNK)
    nodes[victim].fate = dies_at(2, PutChunk)
    client.upload(io.BytesIO(MIXED[1:]), "g.txt", chunk_bytes=CHUNK)
    assert not nodes[victim].is_alive()
    assert nodes[0].files.files["g.txt"].sha256 == sha256(MIXED[1:]).hexdigest()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_download_goes_on_when_a_node_dies(
    nodes: list[FileNode], client: Client, source: Path, victim: int, tmp_path: Path
) -> None:
    """The one that was asked as well as another."""
    client.upload(source, chunk_bytes=CHUNK)
    nodes[victim].fate = dies_at(3, GetChunk)
    client.download("report.txt", tmp_path)
    assert not nodes[victim].is_alive()
    assert (tmp_path / "report.txt").read_bytes() == MIXED


@pytest.mark.parametrize("was_put", [True, False])
def test_a_node_that_dies_while_the_file_is_put(
    nodes: list[FileNode], client: Client, source: Path, was_put: bool
) -> None:
    """Whether it was put is found out of another one; if it is not there nobody knows."""

    def fate(request: Message) -> str:
        if isinstance(request, PutFile):
            if was_put:
                nodes[0].files.answer(request)
            return "die"
        return ""

    nodes[0].fate = fate
    if was_put:
        assert client.upload(source, chunk_bytes=CHUNK).sent_chunks == 21
    else:
        with pytest.raises(TimedOut) as caught:
            client.upload(source, chunk_bytes=CHUNK)
        assert not caught.value.definite
    assert nodes[0].files.count(PutFile) == was_put


def test_answers_that_are_lost_are_asked_for_elsewhere(
    nodes: list[FileNode], source: Path, tmp_path: Path
) -> None:
    """A node that hangs does not hold up the others for long."""
    with Client(nodes[0].address, timeout=3) as client:
        client.upload(source, chunk_bytes=CHUNK)
        nodes[1].fate = lambda request: "lose" if isinstance(request, GetChunk) else ""
        client.download("report.txt", tmp_path)
    assert (tmp_path / "report.txt").read_bytes() == MIXED


def test_wrong_bytes_are_never_written(
    nodes: list[FileNode], client: Client, source: Path, tmp_path: Path
) -> None:
    """The node is told to look at the chunk, and it is asked of others."""
    client.upload(source, chunk_bytes=CHUNK)
    nodes[0].files.spoil = lambda request: not request.checked
    client.download("report.txt", tmp_path)
    assert (tmp_path / "report.txt").read_bytes() == MIXED


def test_nobody_that_answers_is_a_time_out(nodes: list[FileNode], source: Path) -> None:
    """After the time without progress."""
    with Client(nodes[0].address, timeout=0.5) as client:
        for node in nodes:
            node.fate = lambda request: "lose" if isinstance(request, CheckFile) else ""
        with pytest.raises(TimedOut):
            client.upload(source, chunk_bytes=CHUNK)


def test_a_refused_file_is_not_sent(nodes: list[FileNode], client: Client, source: Path) -> None:
    """It is known before the first chunk leaves."""
    nodes[0].files.refuse = lambda r: "too_large" if isinstance(r, CheckFile) else ""
    with pytest.raises(Refused):
        client.upload(source, chunk_bytes=CHUNK)
    assert nodes[0].files.count(PutChunk) == 0


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "con", "a\nb", "\udcff"])
def test_a_bad_name_is_not_even_sent(nodes: list[FileNode], client: Client, name: str) -> None:
    """In whatever direction."""
    with pytest.raises(Refused):
        client.upload(io.BytesIO(b"x"), name)
    with pytest.raises(Refused):
        client.download(name)
    with pytest.raises(Refused):
        client.remove(name)
    assert nodes[0].files.asked == []


def test_a_missing_file_leaves_nothing_behind(client: Client, tmp_path: Path) -> None:
    """Not even an empty one."""
    with pytest.raises(FileMissing):
        client.download("none.txt", tmp_path)
    assert os.listdir(tmp_path) == []


def test_closing_ends_an_upload_that_waits_for_input(nodes: list[FileNode], client: Client) -> None:
    """Whoever waits is told, and nothing hangs."""
    out, into = os.pipe()
    with open(out, "rb", buffering=0) as file, open(into, "wb", buffering=0) as writer:
        writer.write(b"x")
        call = background(client.upload, file, "f.txt")
        wait_until("it was asked for members", lambda: nodes[0].asked)
        client.close()
        assert "closed" in str(failure(call))


def test_an_open_file_fetches_only_what_is_read(
    nodes: list[FileNode], client: Client, source: Path
) -> None:
    """It is a file object as any other."""
    client.upload(source, chunk_bytes=CHUNK)
    with client.open("report.txt") as file:
        assert nodes[0].files.count(GetChunk) == 0
        file.seek(3 * CHUNK - 2)
        assert file.read(4) == MIXED[3 * CHUNK - 2 : 3 * CHUNK + 2]
        assert nodes[0].files.count(GetChunk) <= 2
        assert file.seek(-8, os.SEEK_END) == len(MIXED) - 8
        assert file.read() == b"the rest"
        file.seek(0)
        assert file.read() == MIXED
        assert file.read() == b""


def test_an_open_file_is_that_which_was_opened(client: Client, source: Path) -> None:
    """Whatever is put in its place."""
    client.upload(source, chunk_bytes=CHUNK)
    with client.open("report.txt") as file:
        client.upload(io.BytesIO(b"another"), "report.txt")
        assert file.read() == MIXED
    assert client.open("report.txt").read() == b"another"


def test_files_are_listed_and_removed(client: Client) -> None:
    """In the order of their names; removing what is not there is done."""
    for name in ("b.txt", "a.txt", "c.txt"):
        client.upload(io.BytesIO(name.encode()), name)
    assert [file.name for file in client.files()] == ["a.txt", "b.txt", "c.txt"]
    [entry] = client.files("b")
    assert (entry.size_bytes, entry.type) == (5, "text/plain")
    assert entry.sha256 == sha256(b"b.txt").hexdigest()
    assert entry.time.isoformat() == "2023-11-14T22:13:20+00:00"
    client.remove("b.txt")
    client.remove("b.txt")
    assert [file.name for file in client.files()] == ["a.txt", "c.txt"]


def test_a_removal_of_unknown_outcome_says_so(nodes: list[FileNode]) -> None:
    """It may have happened."""
    nodes[0].fate = lambda request: "lose" if isinstance(request, RemoveFile) else ""
    with Client(nodes[0].address, timeout=0.3) as client:
        list(client.files())
        with pytest.raises(TimedOut) as caught:
            client.remove("a.txt")
    assert not caught.value.definite


def test_the_same_awaited(nodes: list[FileNode], source: Path, tmp_path: Path) -> None:
    """AsyncClient has the same methods, and transfers may go on side by side."""

    async def use() -> None:
        async with AsyncClient(nodes[0].address) as client:
            await asyncio.gather(
                *(client.upload(source, f"{n}.txt", chunk_bytes=CHUNK) for n in range(3))
            )
            assert [file.name async for file in client.files()] == ["0.txt", "1.txt", "2.txt"]
            await client.download("0.txt", tmp_path)
            async with await client.open("1.txt") as file:
                file.seek(-8, os.SEEK_END)
                assert await file.read() == b"the rest"
            await client.remove("2.txt")
            with pytest.raises(FileMissing):
                await client.open("2.txt")

    asyncio.run(use())
    assert (tmp_path / "0.txt").read_bytes() == MIXED
    assert nodes[0].files.count(GetFile) >= 2
