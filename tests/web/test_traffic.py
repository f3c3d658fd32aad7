"""What passes through a gateway is counted, and shown as Prometheus has it."""

from __future__ import annotations

import re

from prometheus_client import generate_latest

from nodes.web.traffic import BUCKETS_S, MAX_KEPT, Traffic
from tests.web.gateways import Http


def bytes_of(http: Http, direction: str) -> float:
    """Those that were counted so far."""
    text = http("GET", "/metrics").body.decode()
    found = re.search(
        rf'^gossamer_gateway_bytes_total{{direction="{direction}"}} (\S+)$', text, re.M
    )
    assert found
    return float(found[1])


def test_requests_are_counted_by_operation_and_status() -> None:
    """With how long they took, in buckets that each have those of the smaller ones too."""
    traffic = Traffic()
    began = [traffic.begin() for _ in range(4)]
    traffic.end(began[0], "get_key", 200, "a")
    traffic.end(began[1] - 0.3, "get_key", 200, "b")
    traffic.end(began[2] - 60, "get_key", 404)
    text = generate_latest(traffic.registry).decode()
    about = "gossamer_gateway_request_duration_seconds"
    for line in (
        'gossamer_gateway_requests_total{operation="get_key",status="200"} 2.0',
        'gossamer_gateway_requests_total{operation="get_key",status="404"} 1.0',
        "gossamer_gateway_requests_in_progress 1.0",
        f'{about}_bucket{{le="0.25",operation="get_key"}} 1.0',
        f'{about}_bucket{{le="0.5",operation="get_key"}} 2.0',
        f'{about}_bucket{{le="{BUCKETS_S[-1]}",operation="get_key"}} 2.0',
        f'{about}_bucket{{le="+Inf",operation="get_key"}} 3.0',
        f'{about}_count{{operation="get_key"}} 3.0',
    ):
        assert line in text.splitlines()


def test_the_last_requests_are_kept_for_who_looks_on() -> None:
    """Those after one that was seen, or as many of them as are kept."""
    traffic = Traffic()
    for n in range(MAX_KEPT + 10):
        traffic.end(traffic.begin(), "get_key", 200, f"key-{n}")
    assert [passed.key for passed in traffic.since(MAX_KEPT + 8)] == [
        f"key-{MAX_KEPT + 8}",
        f"key-{MAX_KEPT + 9}",
    ]
    assert len(list(traffic.since(0))) == MAX_KEPT


def test_the_bytes_of_bodies_are_counted(http: Http) -> None:
    """Of what came in, also of what was refused, and of what went out."""
    came, went = bytes_of(http, "in"), bytes_of(http, "out")
    answer = http("PUT", "/v1/kv/counted", b"x" * 10_000)
    refused = http("PUT", "/v1/kv/counted", b"x" * 10_000, content_type="application/json")
    assert (answer.status, refused.status) == (200, 400)
    assert bytes_of(http, "in") == came + 20_000
    assert bytes_of(http, "out") > went + len(answer.body) + len(refused.body)
