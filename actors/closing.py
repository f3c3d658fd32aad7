"""When an actor that listens for clients, and was told to stop, has finished: once what it has
taken on is answered, and no client has asked for a moment. What is sent to one that is just gone is
never answered, and nobody knows what became of it; clients that hear that it stops ask elsewhere,
so the moment comes soon. Where nobody has asked lately there is nobody to wait for.
"""

from __future__ import annotations

from actors.actor import Envelope, Now

LATELY_MS = 2_000
QUIET_MS = 100


class Closing:
    """Of one actor, which has `patience_ms` from when it was told to stop."""

    def __init__(self, patience_ms: int) -> None:
        self.has_begun = False
        self._patience_ms = patience_ms
        self._stop: Envelope | None = None
        self._asked_ms: int | None = None
        self._quiet_at_ms = 0
        self._until_ms = 0

    def asked(self, now: Now) -> None:
        """A client asks for something: before it was told to stop, or even now."""
        self._asked_ms = now.mono_ms
        self._quiet_at_ms = now.mono_ms + QUIET_MS

    def begin(self, stop: Envelope, now: Now) -> None:
        """It is told to stop."""
        self.has_begun, self._stop = True, stop
        self._until_ms = now.mono_ms + self._patience_ms
        self._quiet_at_ms = now.mono_ms
        if self._asked_ms is not None and now.mono_ms - self._asked_ms < LATELY_MS:
            self._quiet_at_ms += QUIET_MS

    def wake_at(self, *, is_busy: bool) -> int | None:
        """When it has finished, if nobody asks any more, or is late: monotonic ms."""
        if self._stop is None:
            return None
        return self._until_ms if is_busy else min(self._quiet_at_ms, self._until_ms)

    def is_late(self, now: Now) -> bool:
        """Is its time over? Then what is under way is given up."""
        return self.has_begun and now.mono_ms >= self._until_ms

    def finished(self, now: Now, *, is_busy: bool) -> Envelope | None:
        """The word to stop, once, when it is to be answered."""
        wake_at = self.wake_at(is_busy=is_busy)
        if is_busy or wake_at is None or now.mono_ms < wake_at:
            return None
        stop, self._stop = self._stop, None
        return stop
