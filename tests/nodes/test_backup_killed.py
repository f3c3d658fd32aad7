"""Backups and restores while nodes are killed: three real processes, of which two are enough."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from nodes import backup as making
from nodes.backup_check import check
from tests.networks import ROOT, NodeProcess, Processes, client_of
from tests.nodes.backups import make, put_back
from tests.nodes.stored import MIB, content

KEYS = {f"key/{n:05d}": "x" * 200 for n in range(4_000)}
FILES = {f"file{n}.bin": content(2 * MIB, n) for n in range(4)}

SOAK_KEYS = 200_000
SOAK_FILE_BYTES = 2 * 2**30
MAX_RSS_BYTES = 200 * 2**20

MEASURED = """
import sys
from nodes.cli import main
try:
    main()
finally:
    sys.stderr.write(open("/proc/self/status").read())
"""
"""The command, which says at its end how much memory it had in use at most."""


def kill_at(text: str, count: int, node: NodeProcess) -> Callable[[str], None]:
    """Kills the node at the n-th time that such a text is told."""
    seen = 0

    def told(said: str) -> None:
        nonlocal seen
        seen += text in said
        if seen == count:
            node.kill()

    return told


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("bytes", 1, marks=pytest.mark.seeds),
        pytest.param("keys", 2, marks=pytest.mark.seeds),
        pytest.param("files,", 2, marks=pytest.mark.seeds),
    ],
)
def test_a_node_that_is_killed_does_not_end_them(
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    count: int,
) -> None:
    """All that was acknowledged is in the backup, and comes back while another one is killed."""
    monkeypatch.setattr(making, "PART_BYTES", 100_000)
    nodes = processes.nodes_that_list_each_other(3)
    with client_of(*[node.listen for node in nodes]) as client:
        client.put_many(KEYS)
        for name, data in FILES.items():
            client.upload(io.BytesIO(data), name)
        folder = tmp_path / "backup"
        made = make(client, folder, told=kill_at(text, count, nodes[0]))
        assert (made.keys, made.files, made.resumed) == (4_000, 4, False)
        for name, data in FILES.items():
            assert (folder / "files" / name).read_bytes() == data
        nodes[0].start()
        nodes[0].wait_ready()
        for key in list(KEYS)[:1_000]:
            client.delete(key)
        client.remove("file1.bin")
        again = text.replace("keys", "keys put").replace("files,", "files put")
        done = put_back(client, folder, told=kill_at(again, 1, nodes[1]))
        assert (done.keys.put, done.keys.equal) == (1_000, 3_000)
        assert (done.files.put, done.files.equal) == (1, 3)
        assert client.get_many(KEYS) == KEYS
        assert client.open("file1.bin").read() == FILES["file1.bin"]


@pytest.mark.soak
def test_much_is_copied_with_constant_memory(processes: Processes, tmp_path: Path) -> None:
    """The command takes no more for many keys and large files than for few and small ones."""
    nodes = processes.nodes_that_list_each_other(1)
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        for seed in range(SOAK_FILE_BYTES // (64 * MIB)):
            file.write(content(64 * MIB, seed))
    with client_of(nodes[0].listen) as client:
        for start in range(0, SOAK_KEYS, 10_000):
            client.put_many({f"{n:07d}": "x" * 100 for n in range(start, start + 10_000)})
        client.upload(source)
    source.unlink()
    folder = tmp_path / "backup"
    made = run("backup", str(folder), node=nodes[0])
    assert (made["keys"], made["size_bytes"]) == (SOAK_KEYS, SOAK_FILE_BYTES)
    assert sum(check(folder)) > SOAK_FILE_BYTES
    done = run("restore", str(folder), node=nodes[0])
    assert (done["keys"]["equal"], done["files"]["equal"]) == (SOAK_KEYS, 1)


def run(*arguments: str, node: NodeProcess) -> dict[str, Any]:
    """What the command prints as JSON, if it took no more memory than it may."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments, "--json", "--endpoint", node.listen],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    [kibibytes] = re.findall(rb"VmHWM:\s+(\d+) kB", done.stderr)
    assert int(kibibytes) * 1_024 < MAX_RSS_BYTES
    fields: dict[str, Any] = orjson.loads(done.stdout)
    return fields
