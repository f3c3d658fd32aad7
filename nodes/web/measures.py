"""/metrics of a gateway: its own traffic, and the network as it sees it. A network that does not
answer has one metric, which says that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from actors.errors import GossamerError
from actors.membership import Member, State
from nodes.async_client import AsyncClient
from nodes.status import Status
from nodes.web.traffic import Traffic

STATES: tuple[State, ...] = ("alive", "suspect", "dead", "stopped", "leaving")


class Measures:
    """Of the gateway with this traffic."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    async def answer(self, request: Request, client: AsyncClient) -> Response:
        """GET /metrics: what the network says is asked for with each of them; where it does not
        answer, all else is told, and that it does not."""
        seen: tuple[tuple[Member, ...], Status] | None = None
        try:
            seen = await asyncio.gather(client.members(), client.status())
        except GossamerError as error:
            if error.code == "not_allowed":
                # A node has answered: it is who asks that is turned away.
                raise
        network = list(network_metrics(seen))
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        registry = CollectorRegistry()
        registry.register(_Made(network))
        text = encode(self._traffic.registry)
        # Two registries in one text: that of OpenMetrics has its end said once.
        text = text.removesuffix(b"# EOF\n") + encode(registry)
        return Response(text, headers={"Content-Type": kind})


class _Made(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def network_metrics(seen: tuple[tuple[Member, ...], Status] | None) -> Iterator[Metric]:
    """Of what the network has answered, if it has."""
    text = "1 if a node of the network has answered this scrape; 0 if none has."
    yield GaugeMetricFamily("gossamer_network_up", text, value=seen is not None)
    if seen is None:
        return
    members, status = seen
    states = Counter(member.state for member in members)
    family = GaugeMetricFamily(
        "gossamer_members", "Members of the network by their state.", labels=["state"]
    )
    for state in STATES:
        family.add_metric([state], states[state])
    yield family
    text = (
        "Partitions of the network that lack a copy (under_replicated), lack so many that their "
        "keys are unavailable, or are still to be moved to a new owner (moving)."
    )
    family = GaugeMetricFamily("gossamer_network_partitions", text, labels=["state"])
    family.add_metric(["under_replicated"], status.under_replicated)
    family.add_metric(["unavailable"], status.without_quorum)
    left = sum(transfer.to_move - transfer.moved for transfer in status.transfers)
    family.add_metric(["moving"], left)
    yield family
    for name, help, value in (
        (
            "gossamer_layout_epoch",
            "The number of the layout, which says who keeps what; 0 before there is one.",
            status.epoch,
        ),
        (
            "gossamer_network_hints",
            "Writes that wait for members that have missed them.",
            sum(status.hints.values()),
        ),
        (
            "gossamer_network_chunks_missing",
            "Copies of chunks of files that are still to be made.",
            status.files.missing,
        ),
        (
            "gossamer_network_chunks_lost",
            "Copies of chunks of files that no node has.",
            status.files.lost,
        ),
    ):
        yield GaugeMetricFamily(name, help, value=value)
