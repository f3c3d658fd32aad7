"""Replies for clients that do not read, in the order in which they were made.

ZeroMQ bounds how many messages wait for a client, not how large they are. So it may hold a few
(sockets.py), and the others wait here, where their bytes are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import zmq

MAX_BYTES = 24 * 2**20
"""Of a client of the request port."""

GONE = "client is gone"
UNREAD = "client does not read"


class _Reply(NamedTuple):
    frames: Sequence[bytes]
    size_bytes: int
    replies: int


class UnreadReplies:
    """`send` hands a message to ZeroMQ or raises zmq.ZMQError, zmq.Again where that has no room.
    `drop` is called with a reason, the client and the number of replies that it does not get.
    Replies that would make it more than `max_bytes` of one client are dropped."""

    def __init__(
        self,
        send: Callable[[str, Sequence[bytes]], None],
        drop: Callable[[str, str, int], None],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._send = send
        self._drop = drop
        self._max_bytes = max_bytes
        self._waiting: dict[str, deque[_Reply]] = {}
        self._bytes: dict[str, int] = {}
        self._told: dict[str, None] = {}

    def send(self, client: str, frames: Sequence[bytes], replies: int) -> None:
        """Send the frames, which are so many replies, as soon as there is room for them."""
        if client not in self._waiting and self._sends(client, frames, replies):
            return
        size_bytes = sum(map(len, frames))
        if self._bytes.get(client, 0) + size_bytes > self._max_bytes:
            self._drop(UNREAD, client, replies)
            return
        self._waiting.setdefault(client, deque()).append(_Reply(frames, size_bytes, replies))
        self._bytes[client] = self._bytes.get(client, 0) + size_bytes

    def retry(self) -> None:
        """Send what there is room for now."""
        for client in list(self._waiting):
            waiting = self._waiting[client]
            while waiting and self._sends(client, waiting[0].frames, waiting[0].replies):
                self._bytes[client] -= waiting.popleft().size_bytes
            if not waiting:
                del self._waiting[client], self._bytes[client]

    @property
    def has_news(self) -> bool:
        """Would `news` tell something?"""
        return self._told.keys() != self._waiting.keys()

    def news(self) -> list[tuple[str, bool]]:
        """For whom replies wait, since this was last asked, and for whom they do no longer."""
        before, self._told = self._told, dict.fromkeys(self._waiting)
        news = [(client, True) for client in self._told if client not in before]
        return news + [(client, False) for client in before if client not in self._told]

    def _sends(self, client: str, frames: Sequence[bytes], replies: int) -> bool:
        """Is there nothing left to be done about them?"""
        try:
            self._send(client, frames)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            self._drop(GONE if error.errno == zmq.EHOSTUNREACH else UNREAD, client, replies)
        return True
