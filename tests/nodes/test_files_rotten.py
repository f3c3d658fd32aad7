"""Chunk files that are spoilt, cut short or deleted under a running node are made whole again."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.status import FileCounts
from tests.cli.processes import gossamer
from tests.networks import NodeProcess, client_of, wait_until
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


def swap_for_folder(file: Path) -> None:
    """Something else is called so."""
    file.unlink()
    file.mkdir()


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


@pytest.mark.parametrize("spoil", WAYS.values(), ids=WAYS)
def test_a_download_is_right_and_mends_what_it_meets(
    three: list[NodeProcess], spoil: Callable[[Path], None]
) -> None:
    """Whichever node has the bad chunk; and the status tells of it."""
    data = content(CHUNKS * MIB, seed=1)
    ids = chunk_ids(data)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(data), "rot.bin")
    wait_until("all copies are there", lambda: all(copies(three)[id] == 3 for id in ids))
    before = counts(three[0])
    spoilt = [chunk_files(node)[id] for node, id in zip(three, ids[1:4], strict=True)]
    for file in spoilt:
        spoil(file)
    for node in three:
        with client_of(node.listen) as client:
            assert client.open("rot.bin").read() == data
    began = time.monotonic()
    # A client asks several nodes, and need not have met all of these: a second one meets the rest.
    for file in spoilt:
        if not is_whole(file):
            [node] = [node for node in three if node.data in file.parents]
            read_all_from(node, data)
    wait_until("all are whole", lambda: all(map(is_whole, spoilt)), REPAIRED_S)
    measured("whole again after seconds", time.monotonic() - began)
    wait_until("it is counted", lambda: counts(three[0]).repaired >= before.repaired + 3)
    if spoil is not Path.unlink:
        assert counts(three[0]).rotten == before.rotten + 3
        said = gossamer("status", "--endpoint", three[0].listen, cwd=three[0].data)
        assert b"found rotten" in said.stdout
        assert b"made anew" in said.stdout
