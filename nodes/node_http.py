"""What a node shows of itself over HTTP: /metrics for Prometheus; /livez for who starts it again if
it is stuck; /readyz for who sends it requests. No data, and nothing that changes anything.
"""

from __future__ import annotations

import asyncio
import contextlib

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from actors.actor import HOST, Address, Envelope
from actors.messages import AskVitals, Message
from nodes.addresses import HostPort
from nodes.checkup import FRESH_MS, Checkup, faults, waits_for
from nodes.clocks import monotonic_ms
from nodes.http_port import HttpPort
from nodes.logs import Log
from nodes.mailbox import Mailbox, Post
from nodes.metrics import NodeCollector, Snapshot
from nodes.release import release
from nodes.shown import Shown
from nodes.sockets import Context

OPENMETRICS = "application/openmetrics-text"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""What every Prometheus reads."""

NO_STORE = {"cache-control": "no-store"}


class NodeHttp:
    """Serves from when it is made until `close`. Raises GossamerError where it cannot listen."""

    def __init__(
        self,
        listen: HostPort,
        shown: Shown,
        context: Context,
        mailboxes: dict[str, Mailbox],
        log: Log,
    ) -> None:
        self._shown = shown
        self._post = Post(context, mailboxes)
        self._checkup = Checkup(self._ask)
        self._heard = asyncio.Event()
        self._collector = NodeCollector()
        self._registry = _registry(self._collector)
        self._written: dict[str, bytes] = {}
        self._written_ms = -FRESH_MS
        routes = [
            Route("/metrics", self._metrics),
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
        ]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        name = f"{shown.node.name}-http"
        self._port = HttpPort(app, listen, name, log.events, self._count, self._post.close)
        self.address = self._port.address

    def hear(self, vitals: Message) -> None:
        """An actor has answered. Called in its thread."""
        self._port.call(self._on_vitals, vitals)

    def close(self) -> bool:
        """End it; false if it could not be. `shown.end` tells by now that the node has ended."""
        self._port.call(self._heard.set)
        return self._port.close()

    def _on_vitals(self, vitals: Message) -> None:
        self._checkup.hear(vitals, monotonic_ms())
        self._heard.set()

    def _ask(self, actor: str) -> bool:
        here = self._shown.node.id
        return self._post.send(
            actor, [Envelope(Address(here, actor), Address(here, HOST), AskVitals())]
        )

    def _count(self, reason: str) -> None:
        self._shown.tally.add(reason, monotonic_ms(), port="http")

    async def _look(self) -> tuple[str, list[str]]:
        """How it is now: what has ended it, and which actors are silent, which takes up to 2 s to
        find out. One that has ended is not asked."""
        shown, checkup = self._shown, self._checkup
        if not shown.end():
            checkup.begin(monotonic_ms())
        while not shown.end() and (wait_ms := checkup.wait_ms(monotonic_ms())):
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), wait_ms / 1_000)
        end = shown.end()
        return end, [] if end else checkup.silent(monotonic_ms())

    async def _livez(self, request: Request) -> Response:
        why = faults(*(looked := await self._look()))
        if not why:
            return JSONResponse({"status": "alive"}, headers=NO_STORE)
        body = {"status": "not alive", "reasons": why, "silent": looked[1]}
        return JSONResponse(body, 503, NO_STORE)

    async def _readyz(self, request: Request) -> Response:
        waiting_for = self._waits_for(*await self._look())
        if not waiting_for:
            return JSONResponse({"status": "ready"}, headers=NO_STORE)
        return JSONResponse({"status": "not ready", "waiting_for": waiting_for}, 503, NO_STORE)

    def _waits_for(self, end: str, silent: list[str]) -> list[str]:
        shown = self._shown
        waits = waits_for(shown.node.id, shown.news, self._checkup.storage())
        return faults(end, silent) or waits

    async def _metrics(self, request: Request) -> Response:
        looked = await self._look()
        now_ms = monotonic_ms()
        if now_ms - self._written_ms >= FRESH_MS:
            self._written.clear()
            self._written_ms = now_ms
            self._collector.snapshot = self._snapshot(not self._waits_for(*looked))
        is_open = OPENMETRICS in request.headers.get("accept", "")
        kind = openmetrics.CONTENT_TYPE_LATEST if is_open else TEXT
        if kind not in self._written:
            write = openmetrics.generate_latest if is_open else generate_latest
            self._written[kind] = write(self._registry)
        return Response(self._written[kind], headers={**NO_STORE, "content-type": kind})

    def _snapshot(self, is_ready: bool) -> Snapshot:
        shown, checkup = self._shown, self._checkup
        return Snapshot(
            version=release(),
            node=shown.node.name,
            node_id=shown.node.id,
            is_ready=is_ready,
            epoch=shown.news.layout.epoch,
            members=checkup.members(),
            meters=shown.meters,
            dropped=shown.tally.counts,
            storage=checkup.storage(),
            router=checkup.router(),
            files=checkup.files(),
        )


def _registry(own: NodeCollector) -> CollectorRegistry:
    """The node's own, for a program may run several; with what every process has."""
    registry = CollectorRegistry()
    registry.register(own)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
