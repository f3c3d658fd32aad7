"""What an event loop is asked in one tick leaves in one message, except gets that need not wait for
its end: single gets and writes that ask for the same share a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from actors.errors import GossamerError, error_for
from actors.messages import Get, Got, Level, Write, Written
from actors.sizes import pieces
from actors.versions import Kind
from nodes.calls import Calls, Outcome


class Found(NamedTuple):
    """The code of a key that was read, its kind and its value; and if details were asked for, its
    version and the names of those that were seen to hold it."""

    code: str
    kind: Kind
    data: bytes
    version: str = ""
    replicas: tuple[str, ...] = ()


Stored = tuple[str, tuple[str, ...]]
"""The version of a key that was written, and the names of who has stored it."""


class Writing(NamedTuple):
    """A single write that waits for the end of its tick."""

    key: str
    kind: Kind
    data: bytes
    stored: asyncio.Future[Stored]


class Batches:
    """Over the calls of a client, whose thread it shares. So many gets as `batch_keys` are sent
    before the tick ends: the nodes begin with them while others are being asked. Writes are not,
    for those of a message are synced together."""

    def __init__(self, calls: Calls, batch_keys: int) -> None:
        self._calls = calls
        self._batch_keys = batch_keys
        self._flushing = False
        self._gets: dict[tuple[Level, bool], list[tuple[str, asyncio.Future[Found]]]] = {}
        self._writes: dict[tuple[Level, int], list[Writing]] = {}

    async def get(self, key: str, r: Level, *, details: bool = False) -> Found:
        """What is found for one key."""
        found: asyncio.Future[Found] = self._calls.event_loop().create_future()
        some = self._gets.setdefault((r, details), [])
        some.append((key, found))
        self._flush_soon()
        if len(some) >= self._batch_keys:
            del self._gets[r, details]
            self._send_gets(r, details, some)
            self._calls.go()
        try:
            return await found
        finally:
            del found  # as in `write`

    async def write(self, key: str, kind: Kind, data: bytes, w: Level, ttl_ms: int) -> Stored:
        """Write one key. Raises what that fails with."""
        stored: asyncio.Future[Stored] = self._calls.event_loop().create_future()
        self._writes.setdefault((w, ttl_ms), []).append(Writing(key, kind, data, stored))
        self._flush_soon()
        try:
            return await stored
        finally:
            # What it fails with has a traceback, which has this frame, which must not have it: else
            # the callers' frames, and what they wanted to write, wait for the garbage collector.
            del stored

    def close(self, error: GossamerError) -> None:
        """Let what was not sent yet fail with this."""
        for gets in self._gets.values():
            fail([found for _, found in gets], error)
        for writes in self._writes.values():
            fail([writing.stored for writing in writes], error)
        self._gets, self._writes = {}, {}

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._calls.event_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what was asked for in this tick, and has not left yet."""
        self._flushing = False
        gets, self._gets = self._gets, {}
        writes, self._writes = self._writes, {}
        for (r, details), some in gets.items():
            self._send_gets(r, details, some)
        for (w, ttl_ms), writings in writes.items():
            self._send_writes(w, ttl_ms, writings)
        self._calls.go()

    def _send_gets(
        self, r: Level, details: bool, gets: Sequence[tuple[str, asyncio.Future[Found]]]
    ) -> None:
        keys = [key for key, _ in gets]
        for piece in pieces(keys, [0] * len(keys)):
            readers = [found for _, found in gets[piece]]
            request = Get(tuple(keys[piece]), details, r, self._calls.timeout_ms)
            self._calls.submit(request, partial(_settle_gets, readers))

    def _send_writes(self, w: Level, ttl_ms: int, writings: Sequence[Writing]) -> None:
        for piece in pieces([w.key for w in writings], [len(w.data) for w in writings]):
            keys, kinds, values, writers = zip(*writings[piece], strict=True)
            request = Write(keys, kinds, values, w, ttl_ms, self._calls.timeout_ms)
            self._calls.queue(request, partial(_settle_writes, writers))


def _settle_gets(readers: Sequence[asyncio.Future[Found]], outcome: Outcome) -> None:
    if isinstance(outcome, Got):
        columns = [outcome.codes, outcome.kinds, outcome.values]
        if outcome.versions:
            columns += [outcome.versions, outcome.replicas]
        for reader, found in zip(readers, zip(*columns, strict=True), strict=True):
            if not reader.done():
                reader.set_result(Found(*found))
    else:
        fail(readers, outcome)


def _settle_writes(writers: Sequence[asyncio.Future[Stored]], outcome: Outcome) -> None:
    if isinstance(outcome, Written):
        columns = zip(outcome.codes, outcome.versions, outcome.replicas, strict=True)
        for writer, (code, version, replicas) in zip(writers, columns, strict=True):
            if writer.done():
                continue
            if code == "ok":
                writer.set_result((version, replicas))
            else:
                writer.set_exception(error_for(code))
    else:
        fail(writers, outcome)


def fail(futures: Sequence[asyncio.Future[Any]], outcome: Outcome) -> None:
    """Let all of these fail with an error."""
    for future in futures:
        if not future.done():
            if isinstance(outcome, GossamerError):
                future.set_exception(copy(outcome))
            else:
                future.set_exception(GossamerError(f"an unfitting answer: {outcome!r:.100}"))


def copy(error: GossamerError) -> GossamerError:
    """One for each who waits, as a raised exception carries its traceback."""
    return type(error)(str(error), code=error.code, definite=error.definite)
