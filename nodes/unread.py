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
"""A client with so much unread is to read before it asks for more."""

MAX_BYTES = 2 * LARGE_BYTES
"""Replies that would make it more are dropped."""

MAX_IDLE = 1_000
"""Of so many clients it may be remembered that they have nothing unread."""


class Unread:
    """What clients have not read, by their routing ids."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[zmq.MessageTracker, int]]] = {}
        self._bytes: dict[str, int] = {}

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
