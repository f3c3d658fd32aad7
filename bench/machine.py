"""What the figures are to be seen against: the disk alone, an import, a node with nothing to do."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from actors.versions import Record, Stamp
from bench.echo import NODE, VALUE
from bench.process import python
from nodes.disk import LmdbDisk

BLOCK_BYTES = 4_096
COMMIT_RECORDS = 64
IMPORT = """
import time
began = time.perf_counter()
import gossamer
print((time.perf_counter() - began) * 1e3)
"""


def sync_us(folder: Path, seconds: float) -> float:
    """How long the disk takes to append a block to a file and sync it: the median."""
    block = os.urandom(BLOCK_BYTES)
    with (folder / "appended").open("wb", buffering=0) as file:

        def append() -> None:
            file.write(block)
            os.fdatasync(file.fileno())

        return median(_times_us(append, seconds))


def commit_us(folder: Path, seconds: float) -> float:
    """How long a durable commit of 64 values of 100 bytes takes, without a node: the median."""
    with closing(LmdbDisk(folder / "committed")) as disk:
        boot = disk.boot.name
        counter = 0

        def commit() -> None:
            nonlocal counter
            records = []
            for _ in range(COMMIT_RECORDS):
                counter += 1
                key = f"key-{counter * 7_919 % 10_000:05}"
                records.append(Record(key, "bytes", VALUE, Stamp(counter, NODE, boot)))
            disk.commit(records, (), 2**40)

        return median(_times_us(commit, seconds))


def _times_us(call: Callable[[], None], seconds: float) -> Iterator[float]:
    """Call it for this long, at least once."""
    until = time.perf_counter() + seconds
    began = 0.0
    while began < until:
        began = time.perf_counter()
        call()
        yield (time.perf_counter() - began) * 1e6


def import_ms(times: int) -> float:
    """How long `import gossamer` takes in a new interpreter: the least of so many times, for what
    else the machine does can only add to it."""
    took = []
    for _ in range(times):
        with python("-c", IMPORT, output=subprocess.PIPE) as process:
            assert process.stdout is not None
            took.append(float(process.stdout.readline()))
    return min(took)


def memory_mb(pid: int) -> float:
    """The resident memory of a process, in millions of bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_percent(pid: int, seconds: float) -> float:
    """The share of a core that a process takes in this time, its threads together."""
    began, before_s = time.perf_counter(), _cpu_s(pid)
    time.sleep(seconds)
    return 100 * (_cpu_s(pid) - before_s) / (time.perf_counter() - began)


def _cpu_s(pid: int) -> float:
    # After the name, which may hold anything, user and system time are the 12th and 13th fields.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
