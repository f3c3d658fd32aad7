"""What is dropped is said at once, then in summaries, and is always counted."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger

from actors.outbox import NOT_THERE
from nodes.tally import MAX_REASONS, OTHER, Tally
from nodes.unread import GONE


@pytest.fixture
def capture() -> LogCapture:
    """What was logged."""
    return LogCapture()


@pytest.fixture
def tally(capture: LogCapture) -> Tally:
    """A tally that logs to `capture`."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger("debug")
    )
    return Tally(log.bind())


def warning(**fields: Any) -> dict[str, Any]:
    """A captured event of a tally."""
    return {"log_level": "warning", "event": "dropped", **fields}


def test_the_first_of_a_reason_is_logged_at_once_with_its_fields(
    tally: Tally, capture: LogCapture
) -> None:
    """Each reason has its first; later ones say nothing at once."""
    tally.add("malformed", 0, detail="no id")
    tally.add("too_large", 1, size_bytes=5)
    tally.add("malformed", 2, detail="no type")
    assert capture.entries == [
        warning(reason="malformed", detail="no id"),
        warning(reason="too_large", size_bytes=5),
    ]
    assert tally.counts == {"malformed": 2, "too_large": 1}


def test_later_ones_are_summed_up_at_most_every_ten_seconds(
    tally: Tally, capture: LogCapture
) -> None:
    """By whatever is counted next; the summary says how long it covers."""
    for now_ms in (0, 1_000, 2_000, 10_999, 11_000, 11_500, 20_999, 21_000):
        tally.add("malformed", now_ms)
    assert capture.entries == [
        warning(reason="malformed"),
        warning(counts={"malformed": 4}, over_ms=10_000),
        warning(counts={"malformed": 3}, over_ms=9_500),
    ]


def test_a_summary_comes_although_nothing_more_does(tally: Tally, capture: LogCapture) -> None:
    """The host asks for it now and then, and at its end."""
    tally.add("malformed", 0)
    tally.add("malformed", 100)
    tally.summarise(10_099)
    assert len(capture.entries) == 1
    tally.summarise(10_100)
    tally.summarise(30_000)
    tally.add("malformed", 30_001)
    tally.summarise(30_002, at_once=True)
    assert capture.entries[1:] == [
        warning(counts={"malformed": 1}, over_ms=10_000),
        warning(counts={"malformed": 1}, over_ms=0),
    ]


def test_reasons_beyond_a_limit_are_counted_together(tally: Tally, capture: LogCapture) -> None:
    """Whoever makes reasons up fills neither the memory nor the log."""
    for n in range(MAX_REASONS + 50):
        tally.add(f"reason {n}", 0)
    assert tally.counts[OTHER] == 50
    assert len(tally.counts) == MAX_REASONS + 1
    assert len(capture.entries) == MAX_REASONS + 1


@pytest.mark.parametrize("reason", ["late Fetched", NOT_THERE, GONE])
def test_what_is_expected_is_counted_and_no_warning(
    tally: Tally, capture: LogCapture, reason: str
) -> None:
    """Somebody was slow, or has gone: there is nothing to be mended."""
    for now_ms in (0, 1, 20_000):
        tally.add(reason, now_ms, actor="storage")
    tally.add("unasked Fetched", 20_001)
    tally.summarise(60_000, at_once=True)
    assert capture.entries == [
        {**warning(reason=reason, actor="storage"), "log_level": "debug"},
        warning(reason="unasked Fetched"),
    ]
    assert tally.counts == {reason: 3, "unasked Fetched": 1}


def test_threads_lose_no_count(tally: Tally, capture: LogCapture) -> None:
    """One tally serves all threads of a node."""

    def drop() -> None:
        for n in range(1_000):
            tally.add("malformed", n)

    threads = [Thread(target=drop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    tally.summarise(1_000, at_once=True)
    assert tally.counts == {"malformed": 4_000}
    assert sum(entry.get("counts", {"": 1}).popitem()[1] for entry in capture.entries) == 4_000
