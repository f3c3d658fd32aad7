"""What the figures are to be seen against: the disk alone, an import, a node with nothing to do."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.process import python

BLOCK_BYTES = 4_096
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

        return median(times_us(append, seconds))


def times_us(call: Callable[[], None], seconds: float) -> Iterator[float]:
    """Call it for this long, at least once; how long each call takes."""
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


def anonymous_mb(pid: int) -> float:
    """What of a process's resident memory is not a part of a file, in millions of bytes. Pages of a
    file that is mapped count as resident, and are given back when others need the memory."""
    return _status_mb(pid, "RssAnon:")


def _status_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith(field)]
    return int(kibibytes) * 1_024 / 1e6


def forget_peak(pid: int) -> None:
    """Let `peak_mb` be the peak from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """The most resident memory that a process had, in millions of bytes."""
    return _status_mb(pid, "VmHWM:")


def disk_mb(folder: Path) -> float:
    """What the files of a folder take of the disk, in millions of bytes."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()) / 1e6


def cpu_percent(pid: int, seconds: float) -> float:
    """The share of a core that a process takes in this time, its threads together."""
    return cpu_percents([pid], seconds)[0]


def cpu_percents(pids: Sequence[int], seconds: float) -> list[float]:
    """The same of several processes in the same time."""
    began, before_s = time.perf_counter(), [cpu_s(pid) for pid in pids]
    time.sleep(seconds)
    used_s = [cpu_s(pid) - before for pid, before in zip(pids, before_s, strict=True)]
    took_s = time.perf_counter() - began
    return [100 * each / took_s for each in used_s]


class Others:
    """How many cores the rest of the machine keeps busy, beside these processes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._at_s, self._others_s = time.perf_counter(), self._cpu_s()

    def cores(self) -> float:
        """Since it was last asked, or else made."""
        at_s, others_s = self._at_s, self._others_s
        self._at_s, self._others_s = time.perf_counter(), self._cpu_s()
        return max(0.0, (self._others_s - others_s) / (self._at_s - at_s))

    def _cpu_s(self) -> float:
        # User, nice, system; then idle and waiting; then interrupts of two kinds, and what was
        # stolen by other machines on the same hardware.
        fields = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
        user, nice, system, _, _, hard, soft, stolen = map(int, fields)
        busy = user + nice + system + hard + soft + stolen
        return busy / os.sysconf("SC_CLK_TCK") - sum(map(cpu_s, self._pids))


def cpu_s(pid: int) -> float:
    """The processor time that a process has taken, its threads together."""
    # The clock of a process, as clock_getcpuclockid(3) has it.
    return time.clock_gettime(~pid << 3 | 2)
