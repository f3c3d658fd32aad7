"""AsyncClient: what programs with an event loop use. The protocol is in actors/session.py.

What an AsyncClient is asked in one tick of its event loop leaves in one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

from actors.errors import BatchError, GossamerError, KeyNotFound, error_for
from actors.membership import Member
from actors.messages import (
    Departed,
    Forget,
    Get,
    Got,
    KeysChanged,
    Leave,
    List,
    Listed,
    ListMembers,
    ListShared,
    MembersListed,
    Message,
    Share,
    Shared,
    SharedListed,
    WatchKeys,
    WatchMembers,
    Write,
    Written,
)
from actors.session import pieces
from actors.versions import Kind
from nodes.addresses import parse_address
from nodes.calls import Calls, Outcome
from nodes.values import check_key, check_text, decode_value, encode_value
from nodes.watching import KeyChange, MemberChange, MembersSeen, key_changes

DEFAULT_ENDPOINT = "127.0.0.1:7100"
PAGE_KEYS = 1_000
AT_ONCE_MS = 1
"""The time of a request that is to be answered without waiting for news."""
MAX_WATCH_MS = 20_000
"""The longest time of one that waits: a node that is not asked for 15 s listens for no changes."""

MISSING: Final = object()
T = TypeVar("T")
_Found = tuple[str, Kind, bytes]
_Stored = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the version it has, and the names of the nodes that hold it."""

    key: str
    value: Any
    version: str
    replicas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that every node holds, its version, and the id of the node where it was shared."""

    key: str
    value: Any
    version: str
    node: str


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
        self._watch_ms = min(self._timeout_ms, MAX_WATCH_MS)
        self._calls = Calls(addresses, self._timeout_ms, trace_id)
        self._flushing = False
        self._gets: list[tuple[str, asyncio.Future[_Found]]] = []
        self._writes: list[_Writing] = []

    async def get(self, key: str, default: Any = MISSING) -> Any:
        """The key's value. Raises KeyNotFound, unless there is a default."""
        found: asyncio.Future[_Found] = self._calls.event_loop().create_future()
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
        for request, outcome in await self._calls.request_all(requests):
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
        for request, outcome in await self._calls.request_all(requests):
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
        got = await self._calls.request(request, Got)
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
        request = List(check_text(prefix), cursor, PAGE_KEYS, self._timeout_ms)
        listed = await self._calls.request(request, Listed)
        return listed.keys, listed.cursor or None

    async def share(self, key: str, value: Any) -> str:
        """Let every node hold this value, JSON or bytes, which has to be small; its version."""
        return await self._share(key, *encode_value(value))

    async def unshare(self, key: str) -> None:
        """Let every node drop what is shared under this key, if anything is."""
        await self._share(key, "absent", b"")

    async def shared(self, prefix: str = "") -> dict[str, Any]:
        """All that is shared under keys that begin with `prefix`."""
        return {entry.key: entry.value for entry in await self.shared_entries(prefix)}

    async def shared_entries(self, prefix: str = "") -> tuple[SharedValue, ...]:
        """As `shared`, with versions and origins, in the order of the keys' UTF-8."""
        entries: list[SharedValue] = []
        request = ListShared(check_text(prefix), "")
        while True:
            page = await self._calls.request(request, SharedListed)
            values = map(decode_value, page.kinds, page.values)
            entries += map(SharedValue, page.keys, values, page.versions, page.nodes)
            if not page.cursor:
                return tuple(entries)
            request = ListShared(prefix, page.cursor)

    async def members(self) -> tuple[Member, ...]:
        """The members of the network as the node that is asked knows them, by name."""
        return (await self.members_since())[0]

    async def members_since(self, digest: str | None = None) -> tuple[tuple[Member, ...], str]:
        """The members, and the digest of this list. Given the digest of an earlier list it waits
        until there is another one, for a quarter of the time-out or 5 s at most."""
        request = ListMembers() if digest is None else WatchMembers(digest, self._watch_ms)
        listed = await self._calls.request(request, MembersListed)
        return listed.members, listed.digest

    async def watch_members(self) -> AsyncIterator[MemberChange]:
        """Every present member once, then every change as it happens. Raises Unavailable or
        TimedOut when nobody answers any more."""
        seen = MembersSeen()
        digest: str | None = None
        while True:
            members, digest = await self.members_since(digest)
            for change in seen.news(members):
                yield change

    async def watch(self, prefix: str = "") -> AsyncIterator[KeyChange]:
        """Which keys that begin with `prefix` are changed from now on, as it happens. Raises
        Unavailable or TimedOut when nobody answers any more."""
        cursor = ""
        while True:
            changes, cursor = await self.changes_since(prefix, cursor)
            for change in changes:
                yield change

    async def changes_since(
        self, prefix: str = "", cursor: str = "", *, wait: bool = True
    ) -> tuple[tuple[KeyChange, ...], str]:
        """Some of what `watch` gives, or nothing after a quarter of the time-out, and the cursor
        for what follows. The first cursor is "", and is answered at once, as all are if it is not
        to `wait`."""
        timeout_ms = self._watch_ms if cursor and wait else AT_ONCE_MS
        request = WatchKeys(check_text(prefix), cursor, timeout_ms)
        changed = await self._calls.request(request, KeysChanged)
        return tuple(key_changes(changed)), changed.cursor

    async def leave(self, node: str | None = None) -> Member:
        """Let a member, by its name or id, leave for good, or else the node that is asked: it stops
        and never comes back. In this version the keys that it holds go with it."""
        if node == "":
            raise error_for("refused", "an empty name is nobody's: name the member, or give none")
        if node is None and len(self._calls.endpoints) > 1:
            raise error_for("refused", "several nodes may be asked: name the one that is to leave")
        request = Leave(check_text(node or ""), self._timeout_ms)
        return (await self._calls.request(request, Departed)).member

    async def forget(self, node: str) -> Member:
        """Strike out a member, by its name or id, that is down and will not come back."""
        return (await self._calls.request(Forget(check_text(node)), Departed)).member

    async def close(self) -> None:
        """End it; what is under way fails. May be called twice."""
        self._calls.close()
        closed = GossamerError("the client was closed")
        _fail([found for _, found in self._gets], closed)
        _fail([written for *_, written in self._writes], closed)
        self._gets, self._writes = [], []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _share(self, key: str, kind: Kind, data: bytes) -> str:
        request = Share(check_key(key), kind, data, self._timeout_ms)
        return (await self._calls.request(request, Shared)).version

    # The batches that a tick makes of single requests.

    async def _write(self, key: str, kind: Kind, data: bytes) -> _Stored:
        stored: asyncio.Future[_Stored] = self._calls.event_loop().create_future()
        self._writes.append(_Writing(key, kind, data, stored))
        self._flush_soon()
        return await stored

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._calls.event_loop().call_soon(self._flush)

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
                self._calls.submit(request, partial(_settle_gets, readers))
        if writes:
            for piece in pieces([w.key for w in writes], [len(w.data) for w in writes]):
                some = writes[piece]
                request = Write(
                    tuple([w.key for w in some]),
                    tuple([w.kind for w in some]),
                    tuple([w.data for w in some]),
                    self._timeout_ms,
                )
                self._calls.submit(request, partial(_settle_writes, [w.stored for w in some]))
        self._calls.go()


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
