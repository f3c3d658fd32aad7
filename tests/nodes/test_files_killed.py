"""Nodes and clients are killed in the middle of a transfer: it goes on, or is gone on with."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from actors.errors import TimedOut
from nodes.partial_file import partial_name
from tests.cli.processes import Process, gossamer
from tests.networks import NodeProcess, client_of, start_all, wait_until
from tests.nodes.load import measured
from tests.nodes.stored import MIB, chunk_ids, content, copies, drafts

CHUNKS = 24
SIZE = CHUNKS * MIB - 1
COPIED_S = 30.0
VICTIMS = [pytest.param(0, marks=pytest.mark.seeds), 1, pytest.param(2, marks=pytest.mark.seeds)]

pytestmark = pytest.mark.timeout(150)


def kills_at(node: NodeProcess, at_bytes: int) -> Callable[[int, int | None], None]:
    """What is told of the progress, and kills the node when so much is done."""
    is_killed = False

    def progress(done_bytes: int, _size_bytes: int | None) -> None:
        nonlocal is_killed
        if done_bytes >= at_bytes and not is_killed:
            is_killed = True
            node.kill()

    return progress


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_node_is_killed_in_the_middle_of_an_upload(three: list[NodeProcess], victim: int) -> None:
    """Each in its turn, also the only one that the client was told of."""
    data = content(SIZE, seed=victim)
    name = f"up{victim}.bin"
    began = time.monotonic()
    with client_of(three[0].listen) as client:
        up = client.upload(io.BytesIO(data), name, kills_at(three[victim], SIZE // 3))
    measured(f"seconds of an upload during which node{victim + 1} dies", time.monotonic() - began)
    assert up.chunks == CHUNKS
    start_all([three[victim]])
    with client_of(three[victim].listen) as client:
        assert client.open(name).read() == data
    ids = chunk_ids(data)
    wait_until("all copies are there", lambda: all(copies(three)[id] == 3 for id in ids), COPIED_S)
    assert drafts(three[victim]) == []


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_node_is_killed_in_the_middle_of_a_download(
    three: list[NodeProcess], tmp_path: Path, victim: int
) -> None:
    """Each in its turn, also the only one that the client was told of."""
    data = content(SIZE, seed=10)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(data), "down.bin")
        began = time.monotonic()
        client.download("down.bin", tmp_path, kills_at(three[victim], SIZE // 3))
        took_s = time.monotonic() - began
    measured(f"seconds of a download during which node{victim + 1} dies", took_s)
    assert (tmp_path / "down.bin").read_bytes() == data
    start_all([three[victim]])
    with client_of(three[victim].listen) as client:
        assert client.open("down.bin").read() == data


def start_and_kill(*arguments: str, cwd: Path, when: Callable[[], object]) -> None:
    """The command is killed at a moment that is before its end."""
    process = Process(*arguments, cwd=cwd)
    try:
        wait_until("some is there", when)
    finally:
        process.kill()


def test_an_upload_that_was_killed_goes_on_where_it_was(
    three: list[NodeProcess], tmp_path: Path
) -> None:
    """Run again, the command sends only what is not there."""
    data = content(64 * MIB, seed=20)
    ids = set(chunk_ids(data))
    (tmp_path / "cut.bin").write_bytes(data)
    command = ("upload", "cut.bin", "--json", "--endpoint", three[0].listen)

    def kept() -> int:
        return sum(count >= 2 for id, count in copies(three).items() if id in ids)

    start_and_kill(*command, cwd=tmp_path, when=lambda: kept() >= 8)
    before = kept()
    done = gossamer(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = orjson.loads(done.stdout)
    measured("chunks that were there, and that were sent", (before, told["sent_chunks"]))
    assert 0 < told["sent_chunks"] <= 64 - before
    with client_of(three[1].listen) as client:
        assert client.open("cut.bin").read() == data


def test_a_download_that_was_killed_goes_on_where_it_was(
    three: list[NodeProcess], tmp_path: Path
) -> None:
    """Run again, the command fetches only what is not there; until then there is no file."""
    data = content(64 * MIB, seed=20)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(data), "cut.bin")
    part = tmp_path / partial_name("cut.bin")
    command = ("download", "cut.bin", "--json", "--endpoint", three[0].listen)

    def written() -> int:
        return part.stat().st_size // MIB if part.exists() else 0

    start_and_kill(*command, cwd=tmp_path, when=lambda: written() >= 8)
    before = written()
    assert [path.name for path in tmp_path.iterdir()] == [part.name]
    done = gossamer(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = orjson.loads(done.stdout)
    measured("chunks that were there, and that were fetched", (before, told["fetched_chunks"]))
    assert 0 < told["fetched_chunks"] <= 64 - before
    assert (tmp_path / "cut.bin").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["cut.bin"]


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_node_is_killed_when_all_chunks_are_there(three: list[NodeProcess], victim: int) -> None:
    """While the file itself is put: it is there in the end, or the client says that it may be."""
    data = content(SIZE, seed=30 + victim)
    name = f"last{victim}.bin"
    began = time.monotonic()
    with client_of(three[0].listen, timeout_s=10) as client:
        doubts = []
        try:
            client.upload(io.BytesIO(data), name, kills_at(three[victim], SIZE))
        except TimedOut as doubt:
            doubts.append(doubt)
        measured(
            f"seconds of the end of an upload as node{victim + 1} dies", time.monotonic() - began
        )
    measured("doubts", doubts)
    assert not any(doubt.definite for doubt in doubts)
    start_all([three[victim]])
    with client_of(three[victim].listen) as client:
        assert doubts or client.open(name).read() == data
        if name in [file.name for file in client.files()]:
            assert client.open(name).read() == data
