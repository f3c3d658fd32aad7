"""HTTP/1.1 as uvicorn speaks it, with bounds that it lacks: who sends no request, or no end of its
headers, is hung up on, and so is who does not read what it has asked for, or goes on for long with
a body that was answered already.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nodes.web.outgoing import Outgoing

HEADERS_S = 10.0
MAX_HEADER_BYTES = 65_536
STALLED_S = 60.0
"""So long nothing of an answer may be taken."""
REST_S = 10.0
"""So long the rest of a body may take whose request was answered before its end. It is read, and
thrown away: who is hung up on while it sends does not see the answer."""


_NO_LINGERING = struct.pack("ii", 1, 0)


class _Timer:
    """One thing that must not take too long."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return self._handle is not None

    def start(self, after_s: float, action: Callable[[], None]) -> None:
        """Unless it was stopped before, do this then."""
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(after_s, action)

    def stop(self) -> None:
        """It is done in time."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._header_bytes = 0
        self._headers, self._stalled, self._rest = _Timer(), _Timer(), _Timer()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._outgoing = Outgoing(transport)
        self.transport = self._outgoing  # type: ignore[assignment]
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._headers, self._stalled, self._rest):
            timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._headers and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._headers:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        self._headers.stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._rest.stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._outgoing.flush()
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            self._rest.start(REST_S, self.transport.close)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.start(STALLED_S, self._cut)

    def resume_writing(self) -> None:
        self._stalled.stop()
        super().resume_writing()

    def _cut(self) -> None:
        """At once: the system does not go on with what it has taken to be sent either."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self.transport.abort()

    def _expect_headers(self) -> None:
        self._header_bytes = 0
        self._headers.start(HEADERS_S, lambda: self._refuse(b"408 Request Timeout"))

    def _refuse(self, status: bytes) -> None:
        self._headers.stop()
        if not self.transport.is_closing():
            head = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status
            self.transport.write(head)
            self.transport.close()
