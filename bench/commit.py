"""What a durable commit takes of a node's disk alone, without the node."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from statistics import median

from actors.disk import Batch
from actors.versions import Record, Stamp
from bench.echo import NODE
from bench.machine import times_us
from bench.samples import VALUE
from nodes.disk import LmdbDisk

COMMIT_RECORDS = 64


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
            disk.commit(Batch(records=records, clock_limit=2**40))

        return median(times_us(commit, seconds))
