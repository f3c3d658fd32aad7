"""Downloads that are interrupted, and what a target may be: nothing half is called like a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.errors import GossamerError, Unavailable
from actors.messages import GetChunk
from nodes.client import Client
from nodes.partial_file import partial_name
from tests.nodes.scripted_files import CHUNK, MIXED, FileNode


@pytest.fixture
def client(nodes: list[FileNode]) -> Iterator[Client]:
    """A client of the first one."""
    with Client(nodes[0].address, timeout=20) as client:
        yield client


def test_a_second_run_fetches_what_is_not_there(
    nodes: list[FileNode], source: Path, tmp_path: Path
) -> None:
    """What the first has left is looked at, and what is right of it kept."""
    with Client(nodes[0].address, timeout=0.5) as client:
        client.upload(source, chunk_bytes=CHUNK)
        names = nodes[0].files.files["report.txt"].chunks
        last = names[12]
        nodes[0].files.refuse = lambda r: (
            "unavailable" if isinstance(r, GetChunk) and r.chunk == last else ""
        )
        with pytest.raises(Unavailable):
            client.download("report.txt", tmp_path)
        partial = tmp_path / partial_name("report.txt")
        assert partial.read_bytes() == MIXED[: 12 * CHUNK]
        with open(partial, "r+b") as file:
            file.seek(5 * CHUNK)
            file.write(b"spoilt")
        nodes[0].files.refuse = lambda r: ""
        nodes[0].files.asked.clear()
        down = client.download("report.txt", tmp_path)
    assert down.fetched_chunks == nodes[0].files.count(GetChunk) == 21 - 12 + 1
    assert (tmp_path / "report.txt").read_bytes() == MIXED
    assert sorted(os.listdir(tmp_path)) == ["report.txt", "source"]


def test_the_target_is_replaced_only_by_a_whole_file(
    nodes: list[FileNode], source: Path, tmp_path: Path
) -> None:
    """While it is fetched, and if that fails, the old one is there."""
    target = tmp_path / "target.txt"
    target.write_bytes(b"old")
    with Client(nodes[0].address, timeout=0.3) as client:
        client.upload(source, chunk_bytes=CHUNK)
        nodes[0].files.refuse = lambda r: "unavailable" if isinstance(r, GetChunk) else ""
        with pytest.raises(Unavailable):
            client.download("report.txt", target)
        assert target.read_bytes() == b"old"
        nodes[0].files.refuse = lambda r: ""
        client.download("report.txt", target)
    assert target.read_bytes() == MIXED


def test_a_symbolic_link_is_never_followed(client: Client, source: Path, tmp_path: Path) -> None:
    """Neither where the hidden file should be, which is refused, nor as the target."""
    client.upload(source, chunk_bytes=CHUNK)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / partial_name("report.txt")).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        client.download("report.txt", tmp_path)
    (tmp_path / partial_name("report.txt")).unlink()
    (tmp_path / "report.txt").symlink_to(victim)
    client.download("report.txt", tmp_path)
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "report.txt").is_symlink()


def test_what_is_no_file_is_not_replaced(client: Client, source: Path, tmp_path: Path) -> None:
    """A pipe, or a device."""
    client.upload(source, chunk_bytes=CHUNK)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GossamerError, match="not a file"):
        client.download("report.txt", tmp_path / "pipe")


def test_two_downloads_to_one_place_do_not_mix(
    nodes: list[FileNode], client: Client, source: Path, tmp_path: Path
) -> None:
    """The second is refused while the first goes on."""
    client.upload(source, chunk_bytes=CHUNK)
    stop, begun = threading.Event(), threading.Event()

    def progress(done: int, size: int | None) -> None:
        begun.set()
        stop.wait()

    first = threading.Thread(target=client.download, args=("report.txt", tmp_path, progress))
    first.start()
    begun.wait()
    with Client(nodes[0].address) as other, pytest.raises(GossamerError, match="already"):
        other.download("report.txt", tmp_path)
    stop.set()
    first.join()
    assert (tmp_path / "report.txt").read_bytes() == MIXED
