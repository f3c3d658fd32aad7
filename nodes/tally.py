"""What is dropped or refused, counted by reason: the first of a kind is logged at once, the rest in
summaries, so that neither silence nor a flood hides anything. What happens whenever somebody goes,
or is slow, and nobody can mend, is counted like all else, but is no warning.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from actors.actor import LATE
from actors.outbox import NOT_THERE
from nodes.unread import GONE

SUMMARY_MS: Final = 10_000
MAX_REASONS: Final = 100
EXPECTED: Final = (
    f"{LATE} ",
    NOT_THERE,
    GONE,
)
"""How reasons begin that are no warnings: the first of each is logged at level debug."""

OTHER: Final = "other"
"""The reason under which all are counted once there are MAX_REASONS: memory stays bounded."""


class Tally:
    """Counts by reason. May be used from several threads; `now_ms` is monotonic."""

    def __init__(self, log: FilteringBoundLogger, event: str = "dropped") -> None:
        self._log = log
        self._event = event
        self._counts: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._unsaid_since_ms = 0
        self._said_ms: int | None = None
        self._lock = Lock()

    @property
    def counts(self) -> dict[str, int]:
        """How many of each reason since the start."""
        with self._lock:
            return dict(self._counts)

    def add(self, reason: str, now_ms: int, /, *, count: int = 1, **fields: Any) -> None:
        """Count one, or more. The first of a reason is logged as a warning, with `fields`; later
        ones in summaries, at most every SUMMARY_MS: by this, or by `summarise` when no more
        come. Those that are expected are but counted."""
        with self._lock:
            if reason not in self._counts and len(self._counts) >= MAX_REASONS:
                reason = OTHER
            is_first = reason not in self._counts
            self._counts[reason] += count
            is_expected = reason.startswith(EXPECTED)
            if count > is_first and not is_expected:
                if not self._unsaid:
                    self._unsaid_since_ms = now_ms
                self._unsaid[reason] += count - is_first
        if is_first:
            say = self._log.debug if is_expected else self._log.warning
            say(self._event, reason=reason, **fields)
        self.summarise(now_ms)

    def summarise(self, now_ms: int, *, at_once: bool = False) -> None:
        """Log what was counted and not said yet, if a summary is due; a host calls it now and then,
        and with `at_once` before it ends."""
        with self._lock:
            since_ms = self._unsaid_since_ms
            if not self._unsaid or not (at_once or now_ms >= self._due_ms()):
                return
            unsaid = dict(self._unsaid.most_common())
            self._unsaid.clear()
            self._said_ms = now_ms
        self._log.warning(self._event, counts=unsaid, over_ms=now_ms - since_ms)

    def _due_ms(self) -> int:
        last_ms = self._unsaid_since_ms if self._said_ms is None else self._said_ms
        return last_ms + SUMMARY_MS
