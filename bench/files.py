"""Files beside SeaweedFS: one large file and many small ones, given to three nodes of each system
and fetched again, next to what the disk, SHA-256 and ZeroMQ take for the same bytes.

Every system is started anew for each of its turns, with an empty folder, and is alone meanwhile: so
nothing is there already, and nobody's idle processes weigh on another's figures.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, Protocol

from bench import machine
from bench.file_yardsticks import YARDSTICKS
from bench.peers import Say
from bench.process import NotInstalled
from bench.small_files import Small, SmallFiles, measure_small

MIB: Final = 2**20
FILE_MIB: Final = 1_024
NAME: Final = "large.bin"

UPLOAD: Final = "upload"
DOWNLOAD: Final = "download to a file"
DROPPED: Final = "download, dropped"
TRANSFERS: Final = (UPLOAD, DOWNLOAD, DROPPED)


class System(Protocol):
    """Three nodes, and how files are given to them. The memory that is returned is a client's, in
    MB; 0 where the client is this process."""

    name: str
    note: str
    pids: Sequence[int]

    def upload(self, file: Path) -> float:
        """Return once it counts as kept, under the name that it has."""

    def download(self, name: str, to: Path | None) -> float:
        """Return once it is at the path and synced; or once it has come, and was dropped."""

    def small_files(self) -> SmallFiles:
        """The same for many small files."""


Start = Callable[[Path], AbstractContextManager[System]]
"""Start three nodes with their data in a folder. Raises NotInstalled."""


class Memory(NamedTuple):
    """Resident memory in MB of all processes of a system together, and of the client at most."""

    before: float
    peak: float
    after: float
    client: float


@dataclass(slots=True)
class Measured:
    """What was measured: in each list one of a round. Seconds by what was done, and by whom: a
    system or, alone, a yardstick."""

    size_bytes: int
    files: int
    systems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    memory: dict[str, list[Memory]] = field(default_factory=dict)
    small: dict[str, list[Small]] = field(default_factory=dict)


def run(starts: Sequence[Start], rounds: int, size_mib: int, files: int, say: Say) -> Measured:
    """Measure all that is installed with a file of so many MiB, and so many small ones; `say` is
    told what is being done."""
    measured = Measured(size_mib * MIB, files)
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as name:
        folder = Path(name)
        source = folder / NAME
        make_file(source, measured.size_bytes)
        missing: set[Start] = set()
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for what, yardstick in YARDSTICKS.items():
                measured.seconds.setdefault((what, ""), []).append(yardstick(source))
            # Nobody always comes after the same other one.
            turn = number % len(starts)
            for start in (*starts[turn:], *starts[:turn]):
                if start not in missing:
                    try:
                        _measure(start, source, measured, say)
                    except NotInstalled as error:
                        missing.add(start)
                        say(f"{error}.")
    return measured


def make_file(file: Path, size_bytes: int) -> None:
    """Bytes that look like chance, and are the same in every run."""
    rng = Random(1)
    with file.open("wb") as opened:
        for _ in range(size_bytes // MIB):
            opened.write(rng.randbytes(MIB))
        os.fsync(opened.fileno())


def _measure(start: Start, source: Path, measured: Measured, say: Say) -> None:
    """One turn of one system. Its folder is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=source.parent) as name, start(Path(name)) as system:
        say(system.name)
        if system.name not in measured.systems:
            measured.systems.append(system.name)
            measured.notes.append(f"{system.name}: {system.note}")
        memory = _transfers(system, source, measured)
        measured.memory.setdefault(system.name, []).append(memory)
        small = asyncio.run(measure_small(system.small_files(), measured.files))
        measured.small.setdefault(system.name, []).append(small)


def _transfers(system: System, source: Path, measured: Measured) -> Memory:
    before = sum(map(machine.memory_mb, system.pids))
    for pid in system.pids:
        machine.forget_peak(pid)
    target = source.with_name("target")
    clients = []
    for what in TRANSFERS:
        began = time.perf_counter()
        if what == UPLOAD:
            clients.append(system.upload(source))
        else:
            clients.append(system.download(source.name, target if what == DOWNLOAD else None))
        took_s = time.perf_counter() - began
        measured.seconds.setdefault((what, system.name), []).append(took_s)
    _compare(source, target)
    target.unlink()
    peak = sum(map(machine.peak_mb, system.pids))
    return Memory(before, peak, sum(map(machine.memory_mb, system.pids)), max(clients))


def _compare(source: Path, target: Path) -> None:
    with source.open("rb") as ours, target.open("rb") as theirs:
        while piece := ours.read(MIB):
            assert theirs.read(MIB) == piece, "what was downloaded is not what was uploaded"
        assert not theirs.read(1)
