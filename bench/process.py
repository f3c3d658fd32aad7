"""Processes that are measured: each ends when its `with` block does, however that is left.

They stay in the process group of the one that measures, so that whoever kills the group kills all.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

ROOT = Path(__file__).parent.parent
START_S = 30.0
STOP_S = 5.0

GOSSAMER = "from nodes.cli import main; main()"
"""The command as it is installed, here also where it is not."""


class NodeProcess(NamedTuple):
    """A node that serves."""

    pid: int
    address: str


@contextlib.contextmanager
def python(
    *arguments: str, output: int, errors: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python with these arguments; `output` and `errors` are as subprocess.Popen has them."""
    env = {name: v for name, v in os.environ.items() if not name.startswith("GOSSAMER_")}
    env["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env=env,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def node(data: Path) -> Iterator[NodeProcess]:
    """A network of one node, on free ports, with its data in `data`. Raises RuntimeError if it does
    not serve within START_S."""
    arguments = ("serve", "--name", "bench", "--listen", "127.0.0.1:0", "--data", str(data))
    with (
        tempfile.TemporaryFile() as console,
        python(
            "-c", GOSSAMER, *arguments, output=console.fileno(), errors=subprocess.STDOUT
        ) as process,
    ):
        address = _address(process, data / "log.jsonl")
        if address is None:
            console.seek(0)
            raise RuntimeError(f"the node does not serve:\n{console.read().decode()}")
        yield NodeProcess(process.pid, address)


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    """Where the node listens, by its log, once that says that the node is ready; None if it ended
    or took too long."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
        events = {event["event"]: event for event in map(orjson.loads, lines)}
        if "ready" in events:
            return str(events["started"]["address"])
        time.sleep(0.01)
    return None
