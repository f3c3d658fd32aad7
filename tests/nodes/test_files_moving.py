"""Chunks go where they belong: to a node whose folder was wiped, to one that is new, and to the
others from one that leaves; nobody reads meanwhile."""

from __future__ import annotations

import io
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from actors.chunks import partition_of_chunk
from actors.layout import ring_of
from nodes.client import Client
from tests.cli.processes import gossamer
from tests.networks import NodeProcess, Processes, addresses, client_of, start_all, wait_until
from tests.nodes.hasty import SERVE_HASTY
from tests.nodes.load import measured
from tests.nodes.stored import MIB, chunk_files, chunk_ids, content, copies

WIPED_S = 60.0
MOVED_S = 60.0
CHUNK = 131_072
SIZE = 8 * MIB + 5

pytestmark = pytest.mark.timeout(240)


def put(client: Client, count: int) -> dict[str, bytes]:
    """Files of 65 small chunks each; by their names."""
    files = {f"file{n}.bin": content(SIZE, seed=n) for n in range(count)}
    for name, data in files.items():
        client.upload(io.BytesIO(data), name, chunk_bytes=CHUNK)
    return files


def ids_of(files: dict[str, bytes]) -> list[str]:
    """All their chunks."""
    return [id for data in files.values() for id in chunk_ids(data, CHUNK)]


def all_copies(nodes: list[NodeProcess], ids: list[str]) -> bool:
    """Has each chunk three copies, and nobody any other?"""
    return copies(nodes) == Counter(dict.fromkeys(ids, 3))


def misplaced(nodes: list[NodeProcess], ids: list[str]) -> list[str]:
    """What is kept by others than its owners, or not by all of them; by looking at the disks."""
    with client_of(nodes[0].listen) as client:
        names = {member.id: member.name for member in client.members() if member.state == "alive"}
    ring = ring_of(tuple(sorted(names)))
    held = {node.name: chunk_files(node).keys() for node in nodes}
    wrong = []
    for id in ids:
        owners = {names[owner] for owner in ring.owners(partition_of_chunk(id))}
        if owners != {name for name, chunks in held.items() if id in chunks}:
            wrong.append(id)
    return wrong


@pytest.mark.parametrize("what", ["data", "chunks"])
def test_a_wiped_folder_is_full_again(three: list[NodeProcess], what: str) -> None:
    """The whole data folder, then it is a new member in the place of the old one; or the chunks."""
    with client_of(three[0].listen) as client:
        ids = ids_of(put(client, 1))
    wait_until("all copies are there", lambda: all_copies(three, ids))
    three[1].kill()
    shutil.rmtree(three[1].data if what == "data" else three[1].data / "chunks")
    began = time.monotonic()
    start_all([three[1]])
    wait_until("all copies are there again", lambda: all_copies(three, ids), WIPED_S)
    measured("all chunks back after seconds", time.monotonic() - began)
    with client_of(three[1].listen) as client:
        assert client.open("file0.bin").read() == content(SIZE, seed=0)
        wait_until("nothing is missing", lambda: client.status().files.missing == 0)
        if what == "chunks":
            assert client.status().files.repaired >= len(ids)


@pytest.mark.seeds
def test_nodes_join_and_leave_under_files(processes: Processes, tmp_path: Path) -> None:
    """Who comes gets its share, who leaves hands it over first; files can be read all the time."""
    listed = addresses(processes.ports.take(5))
    nodes = [
        processes.node(f"node{n}", listed[:3], listen, serve=SERVE_HASTY)
        for n, listen in enumerate(listed, 1)
    ]
    newcomers = nodes[3:]
    del nodes[3:]
    start_all(nodes)
    with client_of(nodes[0].listen) as client:
        files = put(client, 2)
        ids = ids_of(files)
        wait_until("all copies are there", lambda: all_copies(nodes, ids))
        for newcomer in newcomers:
            began = time.monotonic()
            nodes.append(newcomer)
            start_all([newcomer])
            for name, data in files.items():
                assert client.open(name).read() == data
            wait_until("each has its share", lambda: not misplaced(nodes, ids), MOVED_S)
            measured(f"{newcomer.name} has its share after seconds", time.monotonic() - began)
            assert all_copies(nodes, ids)
            wait_until("no strays are left", lambda: client.status().files.strays == 0)
    share = Counter(len(chunk_files(node)) * 5 // len(ids) for node in nodes)
    measured("shares in fifths of all chunks", dict(share))
    began = time.monotonic()
    gone = nodes.pop(0)
    left = gossamer("leave", "--endpoint", gone.listen, cwd=tmp_path)
    assert left.returncode == 0, left.stderr
    assert gone.wait_ended() == 0
    measured("left after seconds", time.monotonic() - began)
    assert all(copies(nodes)[id] == 3 for id in ids)
    with client_of(nodes[-1].listen) as client:
        for name, data in files.items():
            assert client.open(name).read() == data
    wait_until("all are where they belong", lambda: not misplaced(nodes, ids), MOVED_S)
