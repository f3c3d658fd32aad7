"""A large file through a gateway, by curl, and by the command `gossamer`, which asks the nodes
itself: uploaded, and downloaded to nowhere.

A network is started anew for each turn, with a gateway if it is that one's, and is alone meanwhile:
so nothing is there already.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench import machine
from bench.curve import Nodes, Start
from bench.files import MIB, NAME, make_file
from bench.peers import Say
from bench.process import gossamer, installed, run
from bench.web_processes import gateway

UP, DOWN = "upload", "download, dropped"
TRANSFERS: Final = (UP, DOWN)
HTTP, COMMAND = "HTTP", "gossamer"
SIDES: Final = (HTTP, COMMAND)


class Moved(NamedTuple):
    """How long a transfer took, from the start of the command to its end; the memory of the gateway
    before it and at most, in MB, or 0 where none had a part in it."""

    seconds: float
    before_mb: float
    peak_mb: float


Transfers = dict[tuple[str, str], list[Moved]]
"""Of what was done and of a side, one of each round."""


def run_files(start: Start, rounds: int, size_mib: int, say: Say) -> Transfers:
    """Measure so many rounds with a file of so many MiB; `say` is told what is being done. Raises
    NotInstalled where there is no curl."""
    curl = installed("curl", "sudo apt install curl")
    transfers: Transfers = {}
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as path:
        source = Path(path) / NAME
        make_file(source, size_mib * MIB)
        for number in range(rounds):
            say(f"a file over HTTP, round {number + 1} of {rounds}")
            # Nobody always comes after the other one.
            for side in SIDES if number % 2 else SIDES[::-1]:
                with _network(start, source.parent) as (nodes, folder):
                    if side == HTTP:
                        moved = _by_http(curl, nodes, folder, source)
                    else:
                        moved = _by_command(nodes, source)
                    for what, each in zip(TRANSFERS, moved, strict=True):
                        transfers.setdefault((what, side), []).append(each)
    return transfers


@contextlib.contextmanager
def _network(start: Start, parent: Path) -> Iterator[tuple[Nodes, Path]]:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        with start(folder / "nodes", None) as nodes:
            yield nodes, folder


def _by_http(curl: str, nodes: Nodes, folder: Path, source: Path) -> list[Moved]:
    with gateway(folder / "web", nodes.address) as web:
        url = f"{web.url}/v1/files/{source.name}"
        curl_it = [curl, "--fail", "--silent", "--show-error", "--output", "/dev/null"]
        moved: list[Moved] = []
        for arguments in (["--upload-file", str(source), url], [url]):
            before_mb = machine.memory_mb(web.pid)
            machine.forget_peak(web.pid)
            took_s = run([*curl_it, *arguments]).seconds
            moved.append(Moved(took_s, before_mb, machine.peak_mb(web.pid)))
    return moved


def _by_command(nodes: Nodes, source: Path) -> list[Moved]:
    uploaded = gossamer("upload", str(source), "--endpoint", nodes.address)
    downloaded = gossamer("download", source.name, "-o", "-", "--endpoint", nodes.address)
    return [Moved(each.seconds, 0, 0) for each in (uploaded, downloaded)]
