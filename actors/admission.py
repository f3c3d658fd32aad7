"""Which requests a coordinator works on: a few at a time, as many as their bytes allow, and each
client's in its turn. The rest wait, so neither many nor large requests keep others from being
served, and no more is held in copies than the work needs.
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

from actors.actor import Address
from actors.jobs import GetJob, WriteJob

AdmittedJob = GetJob | WriteJob

MIN_VALUE_BYTES = 1_024
FIRST_VALUE_BYTES = 256 * 1_024
"""How large a value is taken to be before any was read."""

MAX_HELD = 1_000
"""Requests of a client that does not read its answers; those beyond are refused."""

_SLOWLY = 16


class Admission:
    """Of a router. A job is taken to cost the bytes that it writes, or those that it may read: as
    many as the values read of late had, and no more than a reply has room for. One that has gone on
    for `patience_ms` waits for others, and costs nothing but its own client: where owners are
    silent, that stops nobody else."""

    def __init__(
        self, max_bytes: int, max_client_bytes: int, max_reply_bytes: int, patience_ms: int
    ) -> None:
        self._max_bytes = max_bytes
        self._max_client_bytes = max_client_bytes
        self._patience_ms = patience_ms
        self._max_reply_bytes = max_reply_bytes
        self._value_bytes = FIRST_VALUE_BYTES
        self._waiting: dict[Address, dict[AdmittedJob, None]] = {}
        self._begun: dict[AdmittedJob, int] = {}
        self._begun_by: Counter[Address] = Counter()
        self._begun_bytes = 0
        # In the order in which their patience ends; each until when. Those alone are in the sum.
        self._fresh: dict[AdmittedJob, int] = {}
        self._written: Counter[Address] = Counter()
        self._held: dict[Address, None] = {}

    def add(self, job: AdmittedJob) -> None:
        """It waits for its turn."""
        client = job.request.sender
        self._waiting.setdefault(client, {})[job] = None
        if isinstance(job, WriteJob):
            self._written[client] += job.bytes_held

    @property
    def is_idle(self) -> bool:
        """Is nothing held of any job?"""
        return not (self._waiting or self._begun or self._begun_by or self._written)

    @property
    def holds(self) -> bool:
        """Is there a client that does not read?"""
        return bool(self._held)

    def bytes_written_by(self, client: Address) -> int:
        """The bytes of all values that it has under way to be written."""
        return self._written[client]

    def hold(self, client: Address, *, is_held: bool) -> None:
        """Begin with nothing of this client, until it is no longer held."""
        if is_held:
            self._held[client] = None
        else:
            self._held.pop(client, None)

    def is_full(self, client: Address) -> bool:
        """Does as much wait as may wait of a client that is held?"""
        return client in self._held and len(self._waiting.get(client, ())) >= MAX_HELD

    def next(self, now_ms: int) -> AdmittedJob | None:
        """A job that is to begin now, if there is one."""
        self._forget_slow(now_ms)
        if self._begun_bytes >= self._max_bytes:
            return None
        client = next(filter(self._may_begin, self._waiting), None)
        if client is None:
            return None
        jobs = self._waiting.pop(client)
        job = next(iter(jobs))
        del jobs[job]
        if jobs:
            self._waiting[client] = jobs  # behind all others
        self._begun[job] = cost = self._cost(job)
        self._begun_by[client] += cost
        self._begun_bytes += cost
        self._fresh[job] = now_ms + self._patience_ms
        return job

    def _may_begin(self, client: Address) -> bool:
        return client not in self._held and self._begun_by[client] < self._max_client_bytes

    def has_begun(self, job: AdmittedJob) -> bool:
        """Or does it wait, or is it over?"""
        return job in self._begun

    def end(self, job: AdmittedJob) -> None:
        """It is over, begun or not."""
        client = job.request.sender
        if job in self._begun:
            cost = self._begun.pop(job)
            if self._fresh.pop(job, None) is not None:
                self._begun_bytes -= cost
            self._begun_by[client] -= cost
            if not self._begun_by[client]:
                del self._begun_by[client]
        else:
            jobs = self._waiting[client]
            del jobs[job]
            if not jobs:
                del self._waiting[client]
        if isinstance(job, WriteJob):
            self._written[client] -= job.bytes_held
            if not self._written[client]:
                del self._written[client]

    def learn(self, values: int, size_bytes: int) -> None:
        """So many values were read, of so many bytes together. That they are large counts at once,
        that they are small by and by."""
        if values:
            found = size_bytes // values
            slowly = self._value_bytes + (found - self._value_bytes) // _SLOWLY
            self._value_bytes = max(found, slowly, MIN_VALUE_BYTES)

    def _forget_slow(self, now_ms: int) -> None:
        slow = takewhile(lambda job: self._fresh[job] <= now_ms, self._fresh)
        for job in list(slow):
            del self._fresh[job]
            self._begun_bytes -= self._begun[job]

    def _cost(self, job: AdmittedJob) -> int:
        if isinstance(job, WriteJob):
            return job.bytes_held
        return min(len(job.codes) * self._value_bytes, self._max_reply_bytes)
