"""How many bytes of replies wait for clients that do not read them.

ZeroMQ bounds how many messages wait for a client, not how large they are. So large frames are sent
without a copy, and those that it has not let go of are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import zmq

MIN_BYTES = 16 * 1_024
"""Smaller frames are copied and not counted: there are only so many messages."""

LARGE_BYTES = 8 * 2**20
"""A client with so much unread is given no more until it has read half of it."""

MAX_BYTES = 3 * LARGE_BYTES
"""Replies that would make it more are dropped. What had begun before does not come to so much."""

MAX_IDLE = 1_000
"""Of so many clients it may be remembered that they have nothing unread."""


class UnreadBytes:
    """What clients have not read, by their routing ids."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[zmq.MessageTracker, int]]] = {}
        self._bytes: dict[str, int] = {}
        self._slow: dict[str, None] = {}
        self._news: list[tuple[str, bool]] = []

    def bytes_of(self, client: str) -> int:
        """Of all its replies that wait."""
        waiting = self._waiting.get(client)
        if waiting is None:
            return 0
        while waiting and waiting[0][0].done:
            self._bytes[client] -= waiting.popleft()[1]
        if waiting:
            return self._bytes[client]
        del self._waiting[client], self._bytes[client]
        return 0

    def add(self, client: str, sent: Sequence[tuple[zmq.MessageTracker, int]]) -> None:
        """These frames, each of so many bytes, were sent to it."""
        if not sent:
            return
        if len(self._waiting) >= MAX_IDLE:
            for other in list(self._waiting):
                self.bytes_of(other)
        self._waiting.setdefault(client, deque()).extend(sent)
        self._bytes[client] = self._bytes.get(client, 0) + sum([size for _, size in sent])
        if client not in self._slow and self.bytes_of(client) >= LARGE_BYTES:
            self._slow[client] = None
            self._news.append((client, True))

    def news(self) -> list[tuple[str, bool]]:
        """Who has much to read, since this was last asked, and who has read half of it."""
        news, self._news = self._news, []
        for client in list(self._slow):
            if self.bytes_of(client) < LARGE_BYTES // 2:
                del self._slow[client]
                news.append((client, False))
        return news
