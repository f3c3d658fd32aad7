"""What a read is made of: keys that have the same owners, and what is written back of them."""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import Trace
from actors.jobs import GetJob, HealJob, ProbeJob
from actors.layout import Sets
from actors.messages import Level
from actors.quorum import Quorum
from actors.sizes import STAMP_BYTES, text_bytes
from actors.versions import Record, Version

ReadJob = GetJob | HealJob | ProbeJob


class ReadPart:
    """Keys of a job that have the same owners, and what each owner holds of them."""

    __slots__ = (
        "answers",
        "bytes_held",
        "chosen",
        "is_done",
        "job",
        "positions",
        "quorum",
        "sets",
        "size_bytes",
        "spare",
        "trace",
    )

    def __init__(
        self, job: ReadJob, sets: Sets, positions: Sequence[int], size_bytes: int, level: Level
    ) -> None:
        self.job = job
        self.sets = sets
        self.positions = positions
        self.size_bytes = size_bytes
        self.trace: Trace | None = job.request.trace
        self.quorum = Quorum(sets, level)
        self.spare: Sequence[str] = ()
        self.answers: dict[str, list[Record]] = {}
        self.bytes_held = 0
        self.is_done = False
        self.chosen: list[Version] = []

    @property
    def is_over(self) -> bool:
        """Does nobody wait for it any more?"""
        return self.is_done or not self.job.open

    def wants(self, node: str) -> bool:
        """Does the job still wait for it?"""
        return not self.is_over and node not in self.quorum.no


class BackPart:
    """The latest of some keys of a read, on its way to the owners that hold less. It goes to those
    in `spare`, of whom it is not known what they hold, only once another cannot store it."""

    __slots__ = ("is_done", "job", "positions", "quorum", "records", "size_bytes", "spare", "trace")

    def __init__(
        self,
        job: ReadJob,
        positions: Sequence[int],
        records: Sequence[Record],
        quorum: Quorum,
        spare: Sequence[str],
    ) -> None:
        self.job = job
        self.positions = positions
        self.records = records
        self.quorum = quorum
        self.spare = spare
        self.trace: Trace | None = job.request.trace
        self.size_bytes = sum([len(r.value) + text_bytes(r.key) + STAMP_BYTES for r in records])
        self.is_done = False

    def wants(self, node: str) -> bool:
        """Does the job still wait for it?"""
        if self.is_done or not self.job.open:
            return False
        return node not in self.quorum.yes and node not in self.quorum.no


def keys_of(job: ReadJob) -> tuple[str, ...]:
    """The keys that a job reads."""
    return job.message.keys if isinstance(job, GetJob) else job.keys
