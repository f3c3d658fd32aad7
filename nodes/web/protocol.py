"""HTTP/1.1 as uvicorn speaks it, with bounds that it lacks: who sends no request, or no end of its
headers, is hung up on, however it is done; so is who does not read what it has asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 10.0
MAX_HEADER_BYTES = 65_536
STALLED_S = 60.0
"""So long nothing of an answer may be taken."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._header_bytes = 0
        self._hangs_up: asyncio.TimerHandle | None = None
        self._stalls: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset(stalls=True)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._hangs_up is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._hangs_up is not None and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._hangs_up is None:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        self._unset(stalls=False)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalls is None:
            self._stalls = self.loop.call_later(STALLED_S, self._abort)

    def resume_writing(self) -> None:
        if self._stalls is not None:
            self._stalls.cancel()
            self._stalls = None
        super().resume_writing()

    def _expect_headers(self) -> None:
        self._header_bytes = 0
        self._hangs_up = self.loop.call_later(HEADERS_S, self._refuse, b"408 Request Timeout")

    def _unset(self, *, stalls: bool) -> None:
        if self._hangs_up is not None:
            self._hangs_up.cancel()
            self._hangs_up = None
        if stalls and self._stalls is not None:
            self._stalls.cancel()
            self._stalls = None

    def _refuse(self, status: bytes) -> None:
        self._unset(stalls=False)
        if not self.transport.is_closing():
            head = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status
            self.transport.write(head)
            self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()
