"""What a connection is given to send in one tick of the event loop leaves together: uvicorn writes
the head of an answer and its body apart, and each would be a call of the system and a packet.
"""

from __future__ import annotations

import asyncio
from typing import Any

MOST_BYTES = 65_536
"""So much is copied together at most; what is larger is sent as it is."""


class Outgoing:
    """A transport, for who writes answers. All else is the transport's."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._is_due = False
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """At the end of this tick, or with `flush`, or once it is much."""
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MOST_BYTES:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._at_the_end)

    def flush(self) -> None:
        """Now."""
        if not self._held:
            return
        held, self._held = self._held, []
        if self._held_bytes <= MOST_BYTES:
            held = [b"".join(held)]
        self._held_bytes = 0
        for data in held:
            self._transport.write(data)

    def close(self) -> None:
        """Once all is sent."""
        self.flush()
        self._transport.close()

    def _at_the_end(self) -> None:
        self._is_due = False
        self.flush()
