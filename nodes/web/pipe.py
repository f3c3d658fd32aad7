"""A body that is read in a thread while it arrives on an event loop, a few pieces at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

MAX_WAITING_BYTES = 2 * 2**20


class Pipe:
    """A binary file object that is fed by `write` on the event loop where it was made. `size_bytes`
    is how much will come, if that is known."""

    def __init__(self, size_bytes: int | None) -> None:
        self.size_bytes = size_bytes
        self._loop = asyncio.get_running_loop()
        self._parts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._changed = threading.Condition()
        self._is_over = False
        self._error: BaseException | None = None

    async def write(self, data: bytes) -> None:
        """Hand some of it over, once there is room. Nobody may read it any more: then it goes
        nowhere."""
        await self._room.wait()
        with self._changed:
            if self._is_over:
                return
            self._parts.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes >= MAX_WAITING_BYTES:
                self._room.clear()
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """That was all; or it was not, and who reads gets this error."""
        with self._changed:
            self._is_over = True
            self._error = error
            self._changed.notify()
        self._room.set()

    def read(self, size: int) -> bytes:
        """As a file's, in a thread: some bytes, as soon as there are any. Raises what it was ended
        with."""
        with self._changed:
            self._changed.wait_for(lambda: self._parts or self._is_over)
            if self._error is not None:
                raise self._error
            if not self._parts:
                return b""
            part = self._parts.popleft()
            if len(part) > size:
                self._parts.appendleft(part[size:])
                part = part[:size]
            self._waiting_bytes -= len(part)
            if self._waiting_bytes < MAX_WAITING_BYTES and not self._room.is_set():
                self._loop.call_soon_threadsafe(self._room.set)
        return part
