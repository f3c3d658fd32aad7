"""The metrics that nodes and gateways have: what a dashboard or an alert may ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator

MEMBERS = frozenset({"alive", "suspect", "dead", "stopped", "leaving", "left"})
PARTITIONS = frozenset({"owned", "behind", "to_move", "moved"})
NETWORK_PARTITIONS = frozenset({"under_replicated", "unavailable", "moving"})
PORTS = frozenset({"requests", "files"})
ANY: frozenset[str] = frozenset()

METRICS: dict[str, dict[str, frozenset[str]]] = {
    "gossamer_build_info": {"version": ANY},
    "gossamer_node_info": {"node": ANY, "node_id": ANY},
    "gossamer_requests_total": {"operation": ANY, "outcome": ANY},
    "gossamer_members": {"state": MEMBERS},
    "gossamer_layout_epoch": {},
    "gossamer_partitions": {"state": PARTITIONS},
    "gossamer_hints": {},
    "gossamer_hedged_reads_total": {},
    "gossamer_repaired_records_total": {"how": frozenset({"read", "comparison"})},
    "gossamer_chunks": {},
    "gossamer_chunk_bytes": {},
    "gossamer_chunks_missing": {},
    "gossamer_chunks_stray": {},
    "gossamer_chunks_lost": {},
    "gossamer_chunks_rotten_total": {},
    "gossamer_chunks_repaired_total": {},
    "gossamer_chunks_collected_total": {},
    "gossamer_chunks_scrubbed_total": {},
    "gossamer_received_bytes_total": {"port": PORTS},
    "gossamer_sent_bytes_total": {"port": PORTS},
    "gossamer_dropped_total": {"reason": ANY},
    "gossamer_ready": {},
    "gossamer_gateway_requests_total": {"operation": ANY, "status": ANY},
    "gossamer_gateway_bytes_total": {"direction": ANY},
    "gossamer_gateway_requests_in_progress": {},
    "gossamer_network_up": {},
    "gossamer_network_partitions": {"state": NETWORK_PARTITIONS},
    "gossamer_network_hints": {},
    "gossamer_network_chunks_missing": {},
    "gossamer_network_chunks_lost": {},
    "process_cpu_seconds_total": {},
    "process_open_fds": {},
    "process_resident_memory_bytes": {},
    "up": {},
}
"""Each metric's labels, and their values where those are fixed."""

HISTOGRAMS: dict[str, dict[str, frozenset[str]]] = {
    "gossamer_request_duration_seconds": {"operation": ANY},
    "gossamer_gateway_request_duration_seconds": {"operation": ANY},
}

TARGET = {"job": ANY, "instance": ANY}
"""What Prometheus adds to each."""

_STRING = r'"(?:[^"\\]|\\.)*"'
_SELECTOR = re.compile(rf"([a-z_][a-z0-9_]*)(\{{(?:[^}}\"]|{_STRING})*\}})?(?![a-z0-9_]*\s*\()")
_MATCHER = re.compile(rf"([a-z_]+)\s*(=~|!~|!=|=)\s*({_STRING})")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_WORDS = frozenset({"by", "on", "or", "and", "unless", "group_left", "group_right", "bool"})


def labels_of(metric: str) -> dict[str, frozenset[str]] | None:
    """The labels that a metric has for who asks for it; None where there is no such metric."""
    if metric in METRICS:
        return METRICS[metric] | TARGET
    base, _, part = metric.rpartition("_")
    if base in HISTOGRAMS and part in ("bucket", "count", "sum"):
        return HISTOGRAMS[base] | TARGET | ({"le": ANY} if part == "bucket" else {})
    return None


def faults(expression: str) -> Iterator[str]:
    """What an expression of PromQL asks for and there is not."""
    grouped = [
        label.strip() for match in _GROUPING.findall(expression) for label in match.split(",")
    ]
    text = _GROUPING.sub("", re.sub(r"\[[^\]]*\]", "", expression))
    known: set[str] = set()
    for match in _SELECTOR.finditer(text):
        metric, matchers = match[1], match[2] or ""
        if metric in _WORDS:
            continue
        labels = labels_of(metric)
        if labels is None:
            yield f"there is no metric {metric}"
            continue
        known |= labels.keys()
        for label, operator, value in _MATCHER.findall(matchers):
            if label not in labels:
                yield f"{metric} has no label {label}"
            elif operator == "=" and labels[label] and value[1:-1] not in labels[label]:
                yield f"{label} of {metric} is never {value}"
    yield from (f"nothing here has the label {label}" for label in grouped if label not in known)


def metrics_in(expression: str) -> set[str]:
    """The metrics that it asks for, as they are in METRICS and HISTOGRAMS."""
    names = {*re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\bup\b", expression)}
    return {
        known
        for known in (*METRICS, *HISTOGRAMS)
        if names & {known, f"{known}_bucket", f"{known}_sum", f"{known}_count"}
    }
