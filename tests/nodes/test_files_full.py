"""Disks that are full, and quotas: uploads are refused clearly, all else goes on, and room that is
made is used."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.errors import GossamerError
from tests.cli.processes import gossamer
from tests.networks import NodeProcess, Processes, addresses, client_of, start_all, wait_until
from tests.nodes.hasty import SERVE_HASTY
from tests.nodes.load import measured
from tests.nodes.sick import run_or_skip
from tests.nodes.stored import MIB, chunk_files, chunk_ids, content, copies, drafts, is_whole

REFUSED = 6
AT_ONCE_S = 2.0
ROOM_S = 40.0
FILE = 4 * MIB
MOST = 20

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[None]:
    """A file system of 48 MiB for each of three nodes."""
    mounted = []
    for number in (1, 2, 3):
        folder = tmp_path / f"node{number}"
        folder.mkdir()
        run_or_skip(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)])
        mounted.append(folder)
    yield
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def started(processes: Processes, *options: str) -> list[NodeProcess]:
    """Three nodes that collect what is not needed after a second."""
    listed = addresses(processes.ports.take(3))
    options = ("--chunk-grace", "1s", *options)
    nodes = [
        processes.node(f"node{n}", listed, listen, *options, serve=SERVE_HASTY)
        for n, listen in enumerate(listed, 1)
    ]
    start_all(nodes)
    return nodes


def upload(node: NodeProcess, number: int, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """By the command, a file of four chunks."""
    (folder / f"file{number}.bin").write_bytes(content(FILE, seed=number))
    command = ("upload", f"file{number}.bin", "--endpoint", node.listen)
    return gossamer(*command, cwd=folder)


def fill(nodes: list[NodeProcess], folder: Path) -> int:
    """Upload files until one is refused, in a sentence and at once; how many were not."""
    for number in range(MOST):
        began = time.monotonic()
        done = upload(nodes[number % 3], number, folder)
        if done.returncode:
            measured("said", done.stderr.decode())
            measured("refused after seconds", time.monotonic() - began)
            assert done.returncode == REFUSED
            assert done.stderr.startswith(b"gossamer: the disk")
            assert done.stderr.count(b"\n") == 1
            assert time.monotonic() - began < AT_ONCE_S
            return number
    raise AssertionError(f"{MOST} files fit")


def check_that_all_else_goes_on(nodes: list[NodeProcess], count: int) -> None:
    """Files and keys are read, small values are written, and what is on the disks is whole."""
    for node in nodes:
        assert drafts(node) == []
        assert all(map(is_whole, chunk_files(node).values()))
        with client_of(node.listen) as client:
            client.put(f"key:{node.name}", "small")
            assert client.get(f"key:{node.name}") == "small"
            assert [f.name for f in client.files()] == sorted(f"file{n}.bin" for n in range(count))
            for number in range(count):
                assert client.open(f"file{number}.bin").read() == content(FILE, seed=number)


def use_until_there_is_room(nodes: list[NodeProcess], count: int, folder: Path) -> None:
    """A file is removed: then another one has room, after a while."""
    with client_of(nodes[1].listen) as client:
        client.remove("file0.bin")
        began = time.monotonic()
        done = []

        def fits() -> bool:
            done.append(upload(nodes[0], count, folder))
            assert done[-1].returncode in (0, REFUSED), done[-1].stderr
            return done[-1].returncode == 0

        wait_until("there is room again", fits, ROOM_S)
        measured("room again after seconds", time.monotonic() - began)
        for number in range(1, count + 1):
            assert client.open(f"file{number}.bin").read() == content(FILE, seed=number)


@pytest.mark.usefixtures("small_disks")
def test_full_disks_refuse_uploads_and_nothing_else(processes: Processes, tmp_path: Path) -> None:
    """Until there is room."""
    nodes = started(processes)
    count = fill(nodes, tmp_path)
    assert count >= 2
    check_that_all_else_goes_on(nodes, count)
    use_until_there_is_room(nodes, count, tmp_path)


@pytest.mark.seeds
def test_a_quota_refuses_uploads_and_nothing_else(processes: Processes, tmp_path: Path) -> None:
    """As a full disk does; and no node ever keeps more than it may."""
    nodes = started(processes, "--files-quota", "10MiB")
    count = fill(nodes, tmp_path)
    assert count == 2
    assert all(sum(f.stat().st_size for f in chunk_files(n).values()) <= 10 * MIB for n in nodes)
    check_that_all_else_goes_on(nodes, count)
    use_until_there_is_room(nodes, count, tmp_path)


def test_one_small_node_of_three_does_not_stop_the_others(
    processes: Processes, tmp_path: Path
) -> None:
    """Two copies are enough; what it lacks is known to be missing."""
    listed = addresses(processes.ports.take(3))
    nodes = [processes.node(f"node{n}", listed, listed[n - 1]) for n in (1, 2)]
    nodes.append(processes.node("node3", listed, listed[2], "--files-quota", "2MiB"))
    start_all(nodes)
    for number in range(3):
        assert upload(nodes[number], number, tmp_path).returncode == 0
    ids = [id for number in range(3) for id in chunk_ids(content(FILE, seed=number))]
    assert all(copies(nodes[:2])[id] == 2 for id in ids)
    assert len(chunk_files(nodes[2])) == 2
    with client_of(nodes[2].listen) as client:
        for number in range(3):
            assert client.open(f"file{number}.bin").read() == content(FILE, seed=number)
        with pytest.raises(GossamerError):
            client.open("file3.bin")
    nodes[0].kill()
    refused = upload(nodes[1], 3, tmp_path)
    measured("said with one killed", refused.stderr.decode())
    assert refused.returncode == REFUSED
    assert refused.stderr == b"gossamer: the disk of node3 has no room for the chunk\n"
