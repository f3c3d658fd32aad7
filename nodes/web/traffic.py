"""What passes through this gateway: counted for Prometheus, and the last of it for who looks on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that was answered: which it is in their order, when, for which key if for one."""

    number: int
    at_s: float
    operation: str
    status: int
    took_ms: float
    key: str


class Traffic:
    """Of one gateway. Belongs to its event loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "gossamer_gateway_requests",
            "Requests that were answered, by what they asked and the status of the answer.",
            ("operation", "status"),
            registry=self.registry,
        )
        self._durations = Histogram(
            "gossamer_gateway_request_duration_seconds",
            "How long requests took to be answered, or to begin to be.",
            ("operation",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._bytes = Counter(
            "gossamer_gateway_bytes",
            "Bytes of bodies, in from who asks and out to them.",
            ("direction",),
            registry=self.registry,
        )
        self._connections = Gauge(
            "gossamer_gateway_requests_in_progress",
            "Requests that are being answered.",
            registry=self.registry,
        )
        self._last: deque[Passed] = deque(maxlen=MAX_KEPT)
        self._number = 0

    @property
    def number(self) -> int:
        """Of the last request that was answered."""
        return self._number

    def begin(self) -> float:
        """A request has come; what `end` is told of when."""
        self._connections.inc()
        return time.perf_counter()

    def end(self, began: float, operation: str, status: int, key: str = "") -> None:
        """It was answered."""
        now = time.perf_counter()
        self._connections.dec()
        self._requests.labels(operation, status).inc()
        self._durations.labels(operation).observe(now - began)
        self._number += 1
        took_ms = (now - began) * 1_000
        self._last.append(Passed(self._number, now, operation, status, took_ms, key))

    def count_bytes(self, direction: str, count: int) -> None:
        """Of a body, "in" or "out"."""
        self._bytes.labels(direction).inc(count)

    def since(self, number: int) -> Iterator[Passed]:
        """What was answered after that one, as far as it is still kept."""
        skipped = max(0, len(self._last) - (self._number - number))
        return islice(self._last, skipped, None)
