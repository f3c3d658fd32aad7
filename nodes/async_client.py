"""AsyncClient: what programs with an event loop use. The protocol is in actors/session.py.

What an AsyncClient is asked in one tick of its event loop leaves in one message.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

import zmq

from actors.actor import Envelope, Trace
from actors.errors import BatchError, GossamerError, KeyNotFound, error_for
from actors.membership import Member
from actors.messages import (
    Get,
    Got,
    List,
    Listed,
    ListMembers,
    MembersListed,
    Message,
    Write,
    Written,
)
from actors.session import Session, pieces
from actors.versions import Kind
from nodes.addresses import parse_address
from nodes.clocks import monotonic_ms, now, wall_us
from nodes.connections import Connections
from nodes.sockets import Context, new_context
from nodes.values import check_key, decode_value, encode_value

DEFAULT_ENDPOINT = "127.0.0.1:7100"
PAGE_KEYS = 1_000

MISSING: Final = object()
T = TypeVar("T")
M = TypeVar("M", bound=Message)
Outcome = Message | GossamerError
_Found = tuple[str, Kind, bytes]
_Stored = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the version it has, and the names of the nodes that hold it."""

    key: str
    value: Any
    version: str
    replicas: tuple[str, ...]


class _Writing(NamedTuple):
    """A single write that waits for the end of its tick."""

    key: str
    kind: Kind
    data: bytes
    stored: asyncio.Future[_Stored]


class AsyncClient:
    """Reads and writes through any of `endpoints` ("host:port"; the first that answers is used).

    `timeout` is in seconds. With a `trace_id` every request is traced under it. One event loop uses
    it; `async with` or `close()` ends it. All methods raise GossamerError and what derives from it.
    """

    def __init__(self, *endpoints: str, timeout: float = 5.0, trace_id: str = "") -> None:
        addresses = [str(parse_address(e)) for e in endpoints or (DEFAULT_ENDPOINT,)]
        self._timeout_ms = max(1, round(timeout * 1_000))
        self._trace_id = trace_id
        self._traced = 0
        self._closed = False
        self._endpoints = addresses
        self._session = Session(addresses)
        self._connections: Connections | None = None
        self._context: Context | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_ms = 0
        self._flushing = False
        self._gets: list[tuple[str, asyncio.Future[_Found]]] = []
        self._writes: list[_Writing] = []
        self._when_done: dict[int, Callable[[Outcome], None]] = {}

    async def get(self, key: str, default: Any = MISSING) -> Any:
        """The key's value. Raises KeyNotFound, unless there is a default."""
        found: asyncio.Future[_Found] = self._event_loop().create_future()
        self._gets.append((check_key(key), found))
        self._flush_soon()
        code, kind, value = await found
        if code == "ok":
            return decode_value(kind, value)
        if code == "not_found" and default is not MISSING:
            return default
        raise _read_error(code, key)

    async def put(self, key: str, value: Any) -> str:
        """Store a JSON value or bytes; its new version."""
        return (await self._write(check_key(key), *encode_value(value)))[0]

    async def put_entry(self, key: str, value: Any) -> Entry:
        """As `put`; the entry that it made, with the names of the nodes that stored it."""
        version, replica = await self._write(check_key(key), *encode_value(value))
        return Entry(key, value, version, (replica,))

    async def delete(self, key: str) -> None:
        """Make the key missing, if it is not already."""
        await self._write(check_key(key), "absent", b"")

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of those keys that are there. Raises BatchError if some could not be read."""
        if isinstance(keys, str):
            raise TypeError("get_many takes several keys, not one str")
        wanted = [check_key(key) for key in dict.fromkeys(keys)]
        requests = [
            Get(tuple(wanted[piece]), False, self._timeout_ms)
            for piece in pieces(wanted, [0] * len(wanted))
        ]
        results: dict[str, Any] = {}
        for request, outcome in await self._request_all(requests):
            for i, key in enumerate(request.keys):
                if isinstance(outcome, GossamerError):
                    results[key] = _copy(outcome)
                    continue
                assert isinstance(outcome, Got)
                if outcome.codes[i] == "ok":
                    results[key] = decode_value(outcome.kinds[i], outcome.values[i])
                elif outcome.codes[i] != "not_found":
                    results[key] = _read_error(outcome.codes[i], key)
        return _whole(results)

    async def put_many(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Store each value; the new versions. Raises BatchError if some keys failed, with a version
        or an error for each."""
        keys = [check_key(key) for key in values]
        encoded = [encode_value(value) for value in values.values()]
        requests = [
            Write(
                tuple(keys[piece]),
                tuple([kind for kind, _ in encoded[piece]]),
                tuple([data for _, data in encoded[piece]]),
                self._timeout_ms,
            )
            for piece in pieces(keys, [len(data) for _, data in encoded])
        ]
        results: dict[str, Any] = {}
        for request, outcome in await self._request_all(requests):
            for i, key in enumerate(request.keys):
                if isinstance(outcome, GossamerError):
                    results[key] = _copy(outcome)
                    continue
                assert isinstance(outcome, Written)
                code = outcome.codes[i]
                results[key] = outcome.versions[i] if code == "ok" else error_for(code)
        return _whole(results)

    async def entry(self, key: str) -> Entry:
        """The key's value with its version and replicas. Raises KeyNotFound."""
        request = Get((check_key(key),), True, self._timeout_ms)
        got = await self._request(request)
        assert isinstance(got, Got)
        if got.codes[0] != "ok":
            raise _read_error(got.codes[0], key)
        value = decode_value(got.kinds[0], got.values[0])
        return Entry(key, value, got.versions[0], (got.replicas[0],))

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        """The keys that begin with `prefix`, in the order of their UTF-8."""
        cursor: str | None = ""
        while cursor is not None:
            keys, cursor = await self.page(prefix, cursor)
            for key in keys:
                yield key

    async def page(self, prefix: str = "", cursor: str = "") -> tuple[tuple[str, ...], str | None]:
        """Some of what `list` gives, and the cursor for the next ones, or None if these are the
        last. The first page has the cursor ""."""
        listed = await self._request(List(prefix, cursor, PAGE_KEYS, self._timeout_ms))
        assert isinstance(listed, Listed)
        return listed.keys, listed.cursor or None

    async def members(self) -> tuple[Member, ...]:
        """The members of the network as the node that is asked knows them, by name."""
        listed = await self._request(ListMembers())
        assert isinstance(listed, MembersListed)
        return listed.members

    async def close(self) -> None:
        """End it; what is under way fails. May be called twice."""
        self._closed = True
        closed = GossamerError("the client was closed")
        for done in list(self._when_done.values()):
            done(_copy(closed))
        self._when_done.clear()
        _fail([found for _, found in self._gets], closed)
        _fail([written for *_, written in self._writes], closed)
        self._gets, self._writes = [], []
        if self._timer is not None:
            self._timer.cancel()
        if self._connections is not None and self._loop is not None:
            for socket in self._connections.dealers() + self._connections.monitors():
                self._loop.remove_reader(socket.get(zmq.FD))  # type: ignore[arg-type]
            self._connections.close()
            self._connections = None
        if self._context is not None:
            self._context.term()
            self._context = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # Requests, and the batches that a tick makes of single ones.

    async def _write(self, key: str, kind: Kind, data: bytes) -> _Stored:
        stored: asyncio.Future[_Stored] = self._event_loop().create_future()
        self._writes.append(_Writing(key, kind, data, stored))
        self._flush_soon()
        return await stored

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._event_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what was asked for in this tick."""
        self._flushing = False
        gets, self._gets = self._gets, []
        writes, self._writes = self._writes, []
        if gets:
            keys = [key for key, _ in gets]
            for piece in pieces(keys, [0] * len(keys)):
                readers = [found for _, found in gets[piece]]
                request: Message = Get(tuple(keys[piece]), False, self._timeout_ms)
                self._submit(request, partial(_settle_gets, readers))
        if writes:
            for piece in pieces([w.key for w in writes], [len(w.data) for w in writes]):
                some = writes[piece]
                request = Write(
                    tuple([w.key for w in some]),
                    tuple([w.kind for w in some]),
                    tuple([w.data for w in some]),
                    self._timeout_ms,
                )
                self._submit(request, partial(_settle_writes, [w.stored for w in some]))
        self._take(())

    async def _request(self, request: Message) -> Message:
        outcome = (await self._request_all([request]))[0][1]
        if isinstance(outcome, GossamerError):
            raise outcome
        return outcome

    async def _request_all(self, requests: Sequence[M]) -> Sequence[tuple[M, Outcome]]:
        loop = self._event_loop()
        futures: list[asyncio.Future[Outcome]] = [loop.create_future() for _ in requests]
        for request, future in zip(requests, futures, strict=True):
            self._submit(request, partial(_settle, future))
        self._take(())
        return list(zip(requests, await asyncio.gather(*futures), strict=True))

    def _submit(self, request: Message, done: Callable[[Outcome], None]) -> None:
        trace = None
        if self._trace_id:
            self._traced += 1
            trace = Trace(self._trace_id, f"client/{os.getpid()}/{self._traced}", "", wall_us())
        number = self._session.submit(request, self._timeout_ms, now(), trace)
        self._when_done[number] = done

    # The event loop's side: everything happens in its thread.

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            if self._closed:
                raise GossamerError("the client was closed")
            loop = asyncio.get_running_loop()
            self._context = new_context()
            self._connections = Connections(self._context, self._endpoints)
            for socket in self._connections.dealers():
                loop.add_reader(socket.get(zmq.FD), self._on_replies)  # type: ignore[arg-type]
            for socket in self._connections.monitors():
                loop.add_reader(socket.get(zmq.FD), self._on_news)  # type: ignore[arg-type]
            self._loop = loop
            # A descriptor tells of what comes after the socket was last looked at: so look once.
            loop.call_soon(self._on_news)
        elif self._closed:
            raise GossamerError("the client was closed")
        return self._loop

    def _on_replies(self) -> None:
        if self._connections is not None:
            self._take(self._connections.receive())

    def _on_news(self) -> None:
        if self._connections is not None:
            self._take(self._connections.receive_news())

    def _take(self, arrived: Sequence[Envelope]) -> None:
        """Turns of the session, until there is nothing to do. A descriptor of ZeroMQ tells of a
        change only once, and sending may swallow it: so it is looked at again after each."""
        assert self._connections is not None
        outbox = self._session.turn(arrived, now())
        while outbox:
            bounced = self._connections.send(outbox)
            outbox = self._session.turn(bounced + self._connections.receive(), now())
        for number, outcome in self._session.finished():
            self._when_done.pop(number)(outcome)
        self._set_timer()

    def _set_timer(self) -> None:
        wake_at = self._session.wake_at
        if wake_at is None or self._loop is None:
            return
        if self._timer is None or wake_at < self._timer_at_ms:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at_ms = wake_at
            delay_s = max(0, wake_at - monotonic_ms()) / 1_000
            self._timer = self._loop.call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._take(())


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _settle_gets(readers: Sequence[asyncio.Future[_Found]], outcome: Outcome) -> None:
    if isinstance(outcome, Got):
        columns = zip(outcome.codes, outcome.kinds, outcome.values, strict=True)
        for reader, found in zip(readers, columns, strict=True):
            if not reader.done():
                reader.set_result(found)
    else:
        _fail(readers, outcome)


def _settle_writes(writers: Sequence[asyncio.Future[_Stored]], outcome: Outcome) -> None:
    if isinstance(outcome, Written):
        columns = zip(outcome.codes, outcome.versions, outcome.replicas, strict=True)
        for writer, (code, version, replica) in zip(writers, columns, strict=True):
            if writer.done():
                continue
            if code == "ok":
                writer.set_result((version, replica))
            else:
                writer.set_exception(error_for(code))
    else:
        _fail(writers, outcome)


def _fail(futures: Sequence[asyncio.Future[Any]], outcome: Outcome) -> None:
    for future in futures:
        if not future.done():
            if isinstance(outcome, GossamerError):
                future.set_exception(_copy(outcome))
            else:
                future.set_exception(GossamerError(f"an unfitting answer: {outcome!r:.100}"))


def _copy(error: GossamerError) -> GossamerError:
    """One for each who waits, as a raised exception carries its traceback."""
    return type(error)(str(error), code=error.code, definite=error.definite)


def _read_error(code: str, key: str) -> GossamerError:
    if code == "not_found":
        return KeyNotFound(f"there is no key {key!r}")
    if code == "timed_out":
        return error_for(code, f"no answer in time about {key!r}", definite=True)
    return error_for(code)


def _whole(results: dict[str, T]) -> dict[str, T]:
    if any(isinstance(result, GossamerError) for result in results.values()):
        raise BatchError(results)
    return results
