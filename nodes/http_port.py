"""An HTTP port of a node: an application behind uvicorn, in a thread of its own.

Whoever reaches the port can do no harm with it: connections are few and short, a request is small,
and each connection is closed when it has been answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nodes.addresses import HostPort
from nodes.http_socket import listening

MAX_CONNECTIONS = 32
"""Where one more comes, the oldest is cut: so nobody can keep others out by holding connections."""

LIFETIME_S = 10.0
"""Of a connection, whatever comes or is read by it; a request is answered within 2 s or so."""

MAX_REQUEST_BYTES = 16_384
END_S = 1.0
BACKLOG = 64


class Connections:
    """Those of a port, from the oldest on. `count` counts what is refused, by reason."""

    def __init__(self, count: Callable[[str], None], log: FilteringBoundLogger) -> None:
        self.count = count
        self.logger = logging.Logger("http", logging.ERROR)
        self.logger.addHandler(_IntoLog(log))
        self._open: dict[_Connection, TimerHandle] = {}

    def add(self, connection: _Connection) -> None:
        """A new one, which will not live long."""
        if len(self._open) >= MAX_CONNECTIONS:
            self.cut(next(iter(self._open)), "HTTP connection among too many")
        reason = "HTTP connection that took too long"
        timer = connection.loop.call_later(LIFETIME_S, self.cut, connection, reason)
        self._open[connection] = timer

    def remove(self, connection: _Connection) -> None:
        """It has ended. May be called twice."""
        timer = self._open.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def cut(self, connection: _Connection, reason: str) -> None:
        """End it, for this reason."""
        self.count(reason)
        self.remove(connection)
        connection.transport.abort()

    def end(self) -> None:
        """End all."""
        for connection in list(self._open):
            self.remove(connection)
            connection.transport.abort()


class _Connection(HttpToolsProtocol):
    """`connections` is set by a subclass for each port: uvicorn makes these by itself."""

    held_by: Connections

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = self.held_by.logger
        self.access_log = False
        self._received_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Of one request at most."""
        super().connection_made(transport)
        self.held_by.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """By whomever."""
        self.held_by.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of the request."""
        self._received_bytes += len(data)
        if self._received_bytes > MAX_REQUEST_BYTES:
            self.held_by.cut(self, "HTTP request that is too large")
        else:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """That was none."""
        self.held_by.count("malformed HTTP request")
        super().send_400_response(msg)


class HttpPort:
    """Serves `app` from when it is made until `close`. What it keeps for the thread alone is ended
    there by `last`. Raises GossamerError where it cannot listen there."""

    def __init__(
        self,
        app: ASGIApp,
        listen: HostPort,
        name: str,
        log: FilteringBoundLogger,
        count: Callable[[str], None],
        last: Callable[[], None],
    ) -> None:
        self._log = log
        self._last = last
        self._socket = listening(listen, BACKLOG)
        port: int = self._socket.getsockname()[1]
        self.address = str(HostPort(listen.host, port))
        self._connections = connections = Connections(count, log)
        config = uvicorn.Config(
            app,
            http=type("Connection", (_Connection,), {"held_by": connections}),
            ws="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            headers=[("connection", "close")],
            timeout_graceful_shutdown=1,
            backlog=BACKLOG,
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have something done in the port's thread, from any other; nothing once that has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> bool:
        """Cut all connections, and close: within a second, or it is false that it was done."""
        self.call(self._end)
        self._thread.join(END_S)
        return not self._thread.is_alive()

    def _end(self) -> None:
        self._connections.end()
        self._server.should_exit = True

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            # The node goes on; whoever asks whether it lives finds nobody.
            self._log.critical("http_failed", exc_info=error)
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        self._loop.set_exception_handler(self._on_error)
        try:
            await self._server.serve([self._socket])
        finally:
            self._last()

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error("http_error", what=context["message"], exc_info=context.get("exception"))


class _IntoLog(logging.Handler):
    """What uvicorn has to say goes into the node's log."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        self._log.error("http_error", what=record.getMessage(), exc_info=record.exc_info)
