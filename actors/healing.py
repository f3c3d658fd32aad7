"""Keys that are to be the same on all of their owners: those that storage has hints of, and those
of which an answer to a read came late and was not the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from actors.actor import Envelope
from actors.desk import Desk, Open
from actors.jobs import HealJob
from actors.messages import Healed
from actors.reading import Reading

MAX_KEYS = 100
"""So many keys at once are healed because of a late answer; more will be found by and by."""


class Healing:
    """Of the router whose `desk` it is: reads that wait for every owner, and write the latest to
    all who lack it."""

    def __init__(
        self,
        desk: Desk,
        opened: Open,
        reading: Reading,
        timeout_ms: int,
        close: Callable[[HealJob], None],
    ) -> None:
        self._desk = desk
        self._open = opened
        self._reading = reading
        self._timeout_ms = timeout_ms
        self._close = close
        self._doubtful: dict[str, None] = {}
        self._own: HealJob | None = None

    def doubt(self, keys: Sequence[str]) -> None:
        """Some owner has not the latest of these."""
        for key in keys:
            if len(self._doubtful) < MAX_KEYS:
                self._doubtful.setdefault(key)

    def begin(self, request: Envelope, keys: tuple[str, ...]) -> None:
        """As storage asks."""
        desk = self._desk
        if keys and desk.epoch:
            job = HealJob(request, keys, desk.now.mono_ms + self._timeout_ms)
            self._run(job)

    def flush(self) -> None:
        """Heal what is doubtful, unless some of it is being healed."""
        if self._doubtful and (self._own is None or not self._own.open):
            keys, self._doubtful = tuple(self._doubtful), {}
            desk = self._desk
            # It is asked by nobody else: there is nobody to be answered.
            own = Envelope(desk.here, desk.here, Healed((), ()))
            self._own = HealJob(own, keys, desk.now.mono_ms + self._timeout_ms)
            self._run(self._own)

    def _run(self, job: HealJob) -> None:
        self._open.add(job)
        self._reading.begin(job, range(len(job.keys)))
        self._close(job)
