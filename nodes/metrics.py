"""A node's metrics: their names, and how they are made of what the node has counted and knows.

Nothing here is done before somebody asks for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from actors.membership import State
from actors.messages import FilesReport, RouterVitals, StorageVitals
from nodes.meter import BOUNDS_US, Meter
from nodes.wire import type_name

Labels = tuple[str, ...]
Values = Mapping[Labels, float]
"""The values of a metric, each by those of its labels."""


class Described(NamedTuple):
    """What a metric is."""

    kind: Literal["counter", "gauge", "histogram", "info"]
    labels: Labels
    help: str


METRICS: Mapping[str, Described] = {
    "gossamer_build_info": Described("info", ("version",), "Which version of Gossamer this is."),
    "gossamer_node_info": Described(
        "info", ("node", "node_id"), "What the node is called, and its id, which it never changes."
    ),
    "gossamer_ready": Described(
        "gauge", (), "1 if the node is ready, as /readyz says; 0 if it is not."
    ),
    "gossamer_requests_total": Described(
        "counter",
        ("operation", "outcome"),
        "Requests of clients that were answered: ok, not_found, or an error's code, the worst of "
        "those of a batch.",
    ),
    "gossamer_request_duration_seconds": Described(
        "histogram",
        ("operation",),
        "How long requests of clients took in the node, without those that wait for something to "
        "happen.",
    ),
    "gossamer_received_bytes_total": Described(
        "counter", ("port",), "Bytes of messages that came to the port, of clients and of nodes."
    ),
    "gossamer_sent_bytes_total": Described(
        "counter", ("port",), "Bytes of messages that clients were answered with at the port."
    ),
    "gossamer_dropped_total": Described(
        "counter", ("reason",), "What was dropped or refused; the log says more of the first."
    ),
    "gossamer_members": Described(
        "gauge",
        ("state",),
        "Members of the network, as this node lists them, itself included. Before another has "
        "confirmed it, those that it only remembers are suspect.",
    ),
    "gossamer_layout_epoch": Described(
        "gauge", (), "The number of the layout, which says who keeps what; 0 before there is one."
    ),
    "gossamer_partitions": Described(
        "gauge",
        ("state",),
        "Partitions of this node: those it owns, those of them of which it may lack something "
        "(behind), those it is to get in this layout (to_move), and those of them it has (moved).",
    ),
    "gossamer_hints": Described(
        "gauge", (), "Writes that wait here for members that have missed them."
    ),
    "gossamer_repaired_records_total": Described(
        "counter",
        ("how",),
        "Records that were brought to an owner that should have had them: by this node's reads, "
        "and to this node by comparison with others.",
    ),
    "gossamer_hedged_reads_total": Described(
        "counter",
        (),
        "Times that a read asked other owners too, because those that it asked first took long.",
    ),
    "gossamer_chunks": Described("gauge", (), "Chunks of files that are kept here."),
    "gossamer_chunk_bytes": Described("gauge", (), "Bytes of the chunks that are kept here."),
    "gossamer_chunks_missing": Described(
        "gauge", (), "Chunks that this node is known to lack, and may get."
    ),
    "gossamer_chunks_stray": Described(
        "gauge", (), "Chunks that are kept here for others, until they have them."
    ),
    "gossamer_chunks_lost": Described(
        "gauge", (), "Chunks that this node lacks and no node has, although a file needs them."
    ),
    "gossamer_chunks_rotten_total": Described(
        "counter", (), "Chunks that were found not to be what they were when they came."
    ),
    "gossamer_chunks_repaired_total": Described(
        "counter", (), "Chunks that were brought from other nodes because they were lacking here."
    ),
    "gossamer_chunks_collected_total": Described(
        "counter", (), "Chunks that went because no file needs them."
    ),
    "gossamer_chunks_scrubbed_total": Described(
        "counter", (), "Chunks that were read only to see that they are whole."
    ),
}
"""Every metric that a node has of its own, by the name that it is read by. Those of the process and
of Python, as every program in Python has them, come with them."""

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a node's metrics are made of. `members` are their states; `meters` are by port. What an
    actor has not told is None, and then its metrics are missing."""

    version: str
    node: str
    node_id: str
    is_ready: bool
    epoch: int
    members: Sequence[State] | None
    meters: Mapping[str, Meter]
    dropped: Mapping[str, int]
    storage: StorageVitals | None
    router: RouterVitals | None
    files: FilesReport | None


class NodeCollector(Collector):
    """Shows `snapshot`, the latest that it was given."""

    snapshot: Snapshot | None = None

    def collect(self) -> Iterator[Metric]:
        """All families of metrics; none before there is a snapshot."""
        if self.snapshot is not None:
            yield from families(self.snapshot)


def families(shown: Snapshot) -> Iterator[Metric]:
    """Those of which there is anything."""
    for name, values in _values(shown).items():
        yield _family(name, values)
    yield _durations(shown.meters)


def _values(shown: Snapshot) -> dict[str, Values]:
    values: dict[str, Values] = {
        "gossamer_build_info": {(shown.version,): 1},
        "gossamer_node_info": {(shown.node, shown.node_id): 1},
        "gossamer_ready": {(): shown.is_ready},
        "gossamer_requests_total": _requests(shown.meters),
        "gossamer_received_bytes_total": {(p,): m.received_bytes for p, m in shown.meters.items()},
        "gossamer_sent_bytes_total": {(p,): m.sent_bytes for p, m in shown.meters.items()},
        "gossamer_dropped_total": {(reason,): n for reason, n in shown.dropped.items()},
        "gossamer_layout_epoch": {(): shown.epoch},
    }
    if shown.members is not None:
        states = Counter(shown.members)
        values["gossamer_members"] = {(state,): states[state] for state in STATES}
    if shown.storage is not None:
        values |= _of_storage(shown.storage)
    repaired: dict[Labels, float] = {}
    if shown.router is not None:
        repaired["read",] = shown.router.repaired
        values["gossamer_hedged_reads_total"] = {(): shown.router.hedged}
    if shown.storage is not None:
        repaired["comparison",] = shown.storage.repaired
    values["gossamer_repaired_records_total"] = repaired
    if shown.files is not None:
        values |= _of_files(shown.files)
    return values


def _of_storage(storage: StorageVitals) -> dict[str, Values]:
    return {
        "gossamer_partitions": {
            ("owned",): storage.owned,
            ("behind",): storage.behind,
            ("to_move",): storage.to_move,
            ("moved",): storage.moved,
        },
        "gossamer_hints": {(): storage.hints},
    }


def _of_files(files: FilesReport) -> dict[str, Values]:
    return {
        "gossamer_chunks": {(): files.chunks},
        "gossamer_chunk_bytes": {(): files.size_bytes},
        "gossamer_chunks_missing": {(): files.missing},
        "gossamer_chunks_stray": {(): files.strays},
        "gossamer_chunks_lost": {(): files.lost},
        "gossamer_chunks_rotten_total": {(): files.rotten},
        "gossamer_chunks_repaired_total": {(): files.repaired},
        "gossamer_chunks_collected_total": {(): files.collected},
        "gossamer_chunks_scrubbed_total": {(): files.scrubbed},
    }


def _requests(meters: Mapping[str, Meter]) -> Values:
    # The lists are made at once, while their thread may go on counting.
    return {
        (type_name(request), outcome): count
        for meter in meters.values()
        for request, operation in list(meter.operations.items())
        for outcome, count in list(operation.outcomes.items())
    }


def _durations(meters: Mapping[str, Meter]) -> Metric:
    name = "gossamer_request_duration_seconds"
    _, labels, text = METRICS[name]
    family = HistogramMetricFamily(name, text, labels=labels)
    bounds = [*[str(bound_us / 1_000_000) for bound_us in BOUNDS_US], "+Inf"]
    for meter in meters.values():
        for request, operation in list(meter.operations.items()):
            counts = list(accumulate(list(operation.buckets)))
            if counts[-1]:
                buckets = list(zip(bounds, counts, strict=True))
                sum_s = operation.sum_us / 1_000_000
                family.add_metric([type_name(request)], buckets, sum_s)
    return family


def _family(name: str, values: Values) -> Metric:
    kind, labels, text = METRICS[name]
    if kind == "info":
        info = InfoMetricFamily(name.removesuffix("_info"), text)
        for given in values:
            info.add_metric((), dict(zip(labels, given, strict=True)))
        return info
    family: CounterMetricFamily | GaugeMetricFamily
    if kind == "counter":
        family = CounterMetricFamily(name.removesuffix("_total"), text, labels=labels)
    else:
        family = GaugeMetricFamily(name, text, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family
