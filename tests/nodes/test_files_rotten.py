"""Chunk files that are spoilt, cut short or deleted under a running node are made whole again."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from nodes.status import FileCounts
from tests.cli.processes import gossamer
from tests.networks import (
    NodeProcess,
    Processes,
    addresses,
    client_of,
    start_all,
    wait_until,
)
from tests.nodes.load import measured
from tests.nodes.stored import MIB, chunk_files, chunk_ids, content, copies, is_whole

CHUNKS = 6
REPAIRED_S = 15.0
QUICK_SCRUB = ("--scrub-rate", "200MiB", "--scrub-every", "500ms")

pytestmark = pytest.mark.timeout(120)


def flip(file: Path) -> None:
    """One bit is another one."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def halve(file: Path) -> None:
    """The rest is lost."""
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    """All is lost but the name."""
    os.truncate(file, 0)


WAYS: dict[str, Callable[[Path], None]] = {
    "flipped": flip,
    "truncated": halve,
    "emptied": empty,
    "deleted": Path.unlink,
}


def counts(node: NodeProcess) -> FileCounts:
    """What all nodes have counted."""
    with client_of(node.listen) as client:
        return client.status().files


def put(nodes: list[NodeProcess], name: str) -> tuple[bytes, list[str]]:
    """A file of six chunks, of which every node has its copies; and their ids."""
    data = content(CHUNKS * MIB, seed=len(name))
    ids = chunk_ids(data)
    with client_of(nodes[0].listen) as client:
        client.upload(io.BytesIO(data), name)
    wait_until("all copies are there", lambda: all(copies(nodes)[id] == 3 for id in ids))
    return data, ids


@pytest.mark.parametrize("spoil", WAYS.values(), ids=WAYS)
def test_a_download_is_right_and_mends_what_it_meets(
    three: list[NodeProcess], spoil: Callable[[Path], None]
) -> None:
    """Whichever node has bad chunks; and the status tells of it."""
    name = f"{spoil.__name__}.bin"
    data, ids = put(three, name)
    for node in three:
        before = counts(node)
        spoilt = [chunk_files(node)[id] for id in (ids[0], ids[3])]
        for file in spoilt:
            spoil(file)
        began = time.monotonic()
        wait_until("all are whole", partial(is_mended, node, name, data, spoilt), REPAIRED_S)
        measured("whole again after seconds", time.monotonic() - began)
        wait_until("it is counted", partial(is_counted, node, before, spoil))
    if spoil is not Path.unlink:
        said = gossamer("status", "--endpoint", three[0].listen, cwd=three[0].data)
        assert b"found rotten" in said.stdout
        assert b"copied from other nodes" in said.stdout


def is_mended(node: NodeProcess, name: str, data: bytes, spoilt: list[Path]) -> bool:
    """Are these whole? The file is read once more through this node, and is right."""
    with client_of(node.listen) as client:
        assert client.open(name).read() == data
    return all(map(is_whole, spoilt))


def is_counted(node: NodeProcess, before: FileCounts, spoil: Callable[[Path], None]) -> bool:
    """Were two more chunks repaired since, and found rotten unless they were not there at all?"""
    now = counts(node)
    rotten = 0 if spoil is Path.unlink else 2
    return (now.rotten, now.repaired) == (before.rotten + rotten, before.repaired + 2)


@pytest.fixture
def scrubbed(processes: Processes) -> list[NodeProcess]:
    """Three nodes that read through their chunks twice a second."""
    listed = addresses(processes.ports.take(3))
    nodes = [
        processes.node(f"node{n}", listed, listen, *QUICK_SCRUB)
        for n, listen in enumerate(listed, 1)
    ]
    start_all(nodes)
    return nodes


def test_the_scrub_mends_what_nobody_reads(scrubbed: list[NodeProcess]) -> None:
    """All kinds of damage at once, to different nodes; nobody reads meanwhile."""
    data, ids = put(scrubbed, "scrubbed.bin")
    spoilt = []
    for n, (spoil, id) in enumerate(zip(WAYS.values(), ids, strict=False)):
        spoilt.append(chunk_files(scrubbed[n % 3])[id])
        spoil(spoilt[-1])
    assert not any(map(is_whole, spoilt))
    began = time.monotonic()
    wait_until("all are whole", lambda: all(map(is_whole, spoilt)), REPAIRED_S)
    measured("whole again after seconds", time.monotonic() - began)
    wait_until("it is counted", lambda: counts(scrubbed[0]).repaired == len(WAYS))
    told = counts(scrubbed[0])
    assert (told.rotten, told.missing) == (len(WAYS) - 1, 0)
    assert told.scrubbed > CHUNKS
    with client_of(scrubbed[1].listen) as client:
        assert client.open("scrubbed.bin").read() == data
