"""What passes through this gateway: counted for Prometheus, and the last of it for who looks on."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_KEPT = 2_000


class Passed(NamedTuple):
    """A request that was answered; `key` is where what it is about is stored, if that is one."""

    operation: str
    status: int
    took_ms: float
    key: str


class _Took:
    """How long the requests of an operation took: how many in each bucket, and all together."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0


class Traffic(Collector):
    """Of one gateway. Belongs to its event loop: so it counts with plain numbers, which are made
    into metrics when somebody asks for them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(self)
        self._answered: dict[tuple[str, int], int] = {}
        self._took: dict[str, _Took] = {}
        self._bytes = {"in": 0, "out": 0}
        self._in_progress = 0
        self._last: deque[Passed] = deque(maxlen=MAX_KEPT)
        self._number = 0

    @property
    def number(self) -> int:
        """Of the last request that was answered."""
        return self._number

    def begin(self) -> float:
        """A request has come; what `end` is told of when."""
        self._in_progress += 1
        return time.perf_counter()

    def end(self, began: float, operation: str, status: int, key: str = "") -> None:
        """It was answered."""
        took_s = time.perf_counter() - began
        self._in_progress -= 1
        kind = operation, status
        self._answered[kind] = self._answered.get(kind, 0) + 1
        took = self._took.get(operation)
        if took is None:
            took = self._took[operation] = _Took()
        took.counts[bisect_left(BUCKETS_S, took_s)] += 1
        took.total_s += took_s
        self._number += 1
        self._last.append(Passed(operation, status, took_s * 1_000, key))

    def count_bytes(self, direction: Literal["in", "out"], count: int) -> None:
        """Of a body."""
        self._bytes[direction] += count

    def since(self, number: int) -> Iterator[Passed]:
        """What was answered after that one, as far as it is still kept."""
        skipped = max(0, len(self._last) - (self._number - number))
        return islice(self._last, skipped, None)

    def collect(self) -> Iterator[Metric]:
        """What was counted, as metrics."""
        requests = CounterMetricFamily(
            "gossamer_gateway_requests",
            "Requests that were answered, with this status; 499 where who asked has hung up.",
            labels=["operation", "status"],
        )
        for (operation, status), count in self._answered.items():
            requests.add_metric([operation, str(status)], count)
        yield requests
        durations = HistogramMetricFamily(
            "gossamer_gateway_request_duration_seconds",
            "How long requests took, until the last of their answers was sent.",
            labels=["operation"],
        )
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        for operation, took in self._took.items():
            buckets = list(zip(bounds, accumulate(took.counts), strict=True))
            durations.add_metric([operation], buckets, took.total_s)
        yield durations
        text = "Bytes of bodies: in, of requests, and out, of answers."
        family = CounterMetricFamily("gossamer_gateway_bytes", text, labels=["direction"])
        for direction, size_bytes in self._bytes.items():
            family.add_metric([direction], size_bytes)
        yield family
        text = "Requests that are being answered."
        name = "gossamer_gateway_requests_in_progress"
        yield GaugeMetricFamily(name, text, value=self._in_progress)
