"""How metrics are made of what a node has counted, and that Prometheus can read them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from actors.messages import FilesReport, Get, PutChunk, RouterVitals, StorageVitals
from nodes.meter import BOUNDS_US, Meter
from nodes.metrics import METRICS, NodeCollector, Snapshot


def snapshot() -> Snapshot:
    """Of a node that has something of everything."""
    requests, files = Meter(), Meter()
    requests.received_bytes, requests.sent_bytes = 1_000, 2_000
    for took_us in (100, 3_000, 20_000_000):
        requests.count(Get, "ok", took_us)
    requests.count(Get, "not_allowed")
    files.count(PutChunk, "disk_full", 7_000)
    return Snapshot(
        version="1.2.3",
        node='one "1"',
        node_id="a" * 16,
        is_ready=True,
        epoch=3,
        members=["alive", "alive", "dead"],
        meters={"requests": requests, "files": files},
        dropped={"malformed message": 4},
        storage=StorageVitals(100, 10, 50, 30, 7, 8, True),
        router=RouterVitals(repaired=9, hedged=10),
        files=FilesReport(1, 2, 3, 4, 5, 6, 7, 8, 9),
    )


def written(shown: Snapshot) -> tuple[str, str]:
    """In the format of Prometheus, and as OpenMetrics."""
    collector, registry = NodeCollector(), CollectorRegistry()
    registry.register(collector)
    collector.snapshot = shown
    return generate_latest(registry).decode(), as_openmetrics(registry)


def as_openmetrics(registry: CollectorRegistry) -> str:
    return write_openmetrics(registry).decode()  # type: ignore[no-untyped-call, no-any-return]


def from_openmetrics(text: str) -> list[Metric]:
    return list(read_openmetrics(text))  # type: ignore[no-untyped-call]


def values(shown: Snapshot) -> dict[str, float]:
    """Each sample, as it is written, without those of buckets."""
    lines = [line for line in written(shown)[0].splitlines() if not line.startswith("#")]
    pairs = [line.rsplit(" ", 1) for line in lines if "_bucket" not in line]
    return {name: float(value) for name, value in pairs}


def test_every_metric_is_there_with_what_was_counted() -> None:
    """A line for each, with its labels."""
    assert values(snapshot()) == {
        'gossamer_build_info{version="1.2.3"}': 1,
        'gossamer_node_info{node="one \\"1\\"",node_id="aaaaaaaaaaaaaaaa"}': 1,
        "gossamer_ready": 1,
        'gossamer_requests_total{operation="get",outcome="ok"}': 3,
        'gossamer_requests_total{operation="get",outcome="not_allowed"}': 1,
        'gossamer_requests_total{operation="put_chunk",outcome="disk_full"}': 1,
        'gossamer_request_duration_seconds_count{operation="get"}': 3,
        'gossamer_request_duration_seconds_sum{operation="get"}': 20.0031,
        'gossamer_request_duration_seconds_count{operation="put_chunk"}': 1,
        'gossamer_request_duration_seconds_sum{operation="put_chunk"}': 0.007,
        'gossamer_received_bytes_total{port="requests"}': 1_000,
        'gossamer_received_bytes_total{port="files"}': 0,
        'gossamer_sent_bytes_total{port="requests"}': 2_000,
        'gossamer_sent_bytes_total{port="files"}': 0,
        'gossamer_dropped_total{reason="malformed message"}': 4,
        'gossamer_members{state="alive"}': 2,
        'gossamer_members{state="suspect"}': 0,
        'gossamer_members{state="dead"}': 1,
        'gossamer_members{state="stopped"}': 0,
        'gossamer_members{state="leaving"}': 0,
        'gossamer_members{state="left"}': 0,
        "gossamer_layout_epoch": 3,
        'gossamer_partitions{state="owned"}': 100,
        'gossamer_partitions{state="behind"}': 10,
        'gossamer_partitions{state="to_move"}': 50,
        'gossamer_partitions{state="moved"}': 30,
        "gossamer_hints": 7,
        'gossamer_repaired_records_total{how="comparison"}': 8,
        'gossamer_repaired_records_total{how="read"}': 9,
        "gossamer_hedged_reads_total": 10,
        "gossamer_chunks": 1,
        "gossamer_chunk_bytes": 2,
        "gossamer_chunks_missing": 3,
        "gossamer_chunks_stray": 4,
        "gossamer_chunks_rotten_total": 5,
        "gossamer_chunks_repaired_total": 6,
        "gossamer_chunks_collected_total": 7,
        "gossamer_chunks_scrubbed_total": 8,
        "gossamer_chunks_lost": 9,
    }


def test_the_buckets_of_a_histogram_add_up() -> None:
    """Each has what was no longer than its bound, in seconds; the last has all."""
    found = {
        sample.labels["le"]: sample.value
        for family in read_text(written(snapshot())[0])
        for sample in family.samples
        if sample.name.endswith("_bucket") and sample.labels["operation"] == "get"
    }
    assert list(found) == [*[str(bound_us / 1_000_000) for bound_us in BOUNDS_US], "+Inf"]
    assert [found[bound] for bound in ("0.0005", "0.0025", "0.005", "10.0", "+Inf")] == [
        *(1, 1, 2, 2),
        3,
    ]


def test_what_an_actor_has_not_told_is_missing_rather_than_wrong() -> None:
    """The rest is there all the same."""
    shown = values(replace(snapshot(), storage=None, router=None, files=None))
    gone = values(snapshot()).keys() - shown.keys()
    assert {name.partition("{")[0] for name in gone} == {
        "gossamer_hedged_reads_total",
        "gossamer_hints",
        "gossamer_partitions",
        "gossamer_repaired_records_total",
        *[name for name in METRICS if name.startswith("gossamer_chunk")],
    }


def test_both_formats_have_exactly_the_metrics_that_are_named() -> None:
    """With the kinds, the labels and the help that are written down."""
    text, openmetrics = written(snapshot())
    for families in (list(read_text(text)), from_openmetrics(openmetrics)):
        found = {}
        for family in families:
            kinds = {"counter": "_total", "info": "_info"}
            suffix = kinds.get(family.type, "")
            name = family.name
            if not name.endswith(suffix):
                name += suffix
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name] = labels, family.documentation
        assert found == {name: (set(m.labels), m.help) for name, m in METRICS.items()}


@pytest.mark.parametrize("name", METRICS)
def test_names_and_help_follow_the_conventions_of_prometheus(name: str) -> None:
    """Counters end with _total and nothing else does, units are base units, help is a sentence."""
    kind, labels, text = METRICS[name]
    assert re.fullmatch(r"gossamer(_[a-z]+)+", name)
    assert name.endswith("_total") == (kind == "counter")
    assert name.endswith("_info") == (kind == "info")
    assert name.endswith("_seconds") == (kind == "histogram")
    assert not re.search(r"_(ms|us|milliseconds|kb|kilobytes|mib|count|bucket|sum)\b", name)
    assert all(re.fullmatch(r"[a-z_]+", label) and label != "le" for label in labels)
    assert text.endswith(".")
    assert len(text) > 10
