"""uvicorn as it serves here: what it says goes into our log, signals end it, and slow or silent
clients are bounded.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from actors.errors import GossamerError
from nodes.addresses import HostPort
from nodes.clocks import monotonic_ms
from nodes.http_socket import listening
from nodes.logs import Log
from nodes.tally import Tally
from nodes.web.protocol import BoundedProtocol

MAX_CONNECTIONS = 2_000
KEEP_ALIVE_S = 30
STOP_S = 2
BACKLOG = 512
MAX_UNSENT_BYTES = 131_072
"""So much the system takes of an answer beyond what is on its way; else it would be 4 MiB for each
who reads slowly."""


class _IntoLog(logging.Handler):
    """Warnings and errors of the libraries, as events of ours: warnings are counted, for whoever
    connects can cause them."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._tally = Tally(log.events, "http_trouble")

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:
            self._tally.add(record.getMessage(), monotonic_ms())
        else:
            said, error = record.getMessage(), record.exc_info
            self._log.events.error("http_failed", said=said, exc_info=error or None)


class Server(uvicorn.Server):
    """Tells the log where it listens, once it does; ended by a signal, its process ends well."""

    def __init__(
        self, config: uvicorn.Config, log: Log, on_stop: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._log = log
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_soon_threadsafe(self._on_stop)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which in the end raises the signal again."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop = asyncio.get_running_loop()
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            scheme = "https" if self.config.is_ssl else "http"
            self._log.events.info("ready", url=f"{scheme}://{HostPort(host, port)}/")


def serve(
    app: Any,
    at: HostPort,
    log: Log,
    tls: tuple[str, str] | None = None,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve an ASGI application until a signal ends it; `on_stop` is called first then. Raises
    GossamerError where it cannot listen there, or the certificate cannot be read."""
    for name in ("uvicorn", "gossamer.gateway"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_IntoLog(log)], False
    for file in tls or ():
        _check_readable(file)
    config = configured(app, tls)
    try:
        config.load()
    except OSError as error:
        said = f"cannot use the certificate {config.ssl_certfile} with the key {config.ssl_keyfile}"
        raise GossamerError(f"{said}: {error.strerror or error}") from error
    bound = listen(at)
    server = Server(config, log, on_stop)
    # What is there by now stays: it is not looked through again each time there is garbage.
    gc.collect()
    gc.freeze()
    with bound:
        asyncio.run(server.serve([bound]))
    log.events.info("stopped")


def _check_readable(file: str) -> None:
    """Raises GossamerError that names the file: what is said of a pair of them does not."""
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise GossamerError(f"cannot read {file}: {error.strerror}") from error


def configured(app: Any, tls: tuple[str, str] | None, *, lifespan: Any = "on") -> uvicorn.Config:
    """How uvicorn is to serve an application."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )


def listen(at: HostPort) -> socket.socket:
    """A listening socket. Raises GossamerError with a sentence."""
    made = listening(at, BACKLOG)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
    return made
