"""AsyncClient: what programs with an event loop use. The protocol is in actors/session.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from actors.denials import PREFIX as DENIED_PREFIX
from actors.denials import denied_keys
from actors.errors import BatchError, GossamerError, KeyNotFound, error_for
from actors.membership import Member
from actors.messages import (
    Check,
    Checked,
    Deny,
    Departed,
    Explain,
    Explained,
    Forget,
    Get,
    Got,
    KeysChanged,
    Leave,
    Level,
    List,
    Listed,
    ListMembers,
    ListShared,
    MembersListed,
    RingShown,
    Share,
    Shared,
    SharedListed,
    ShowRing,
    WatchKeys,
    WatchMembers,
    Write,
    Written,
)
from actors.sizes import MAX_PIECE_KEYS, pieces
from actors.versions import Kind
from nodes.addresses import parse_address
from nodes.batches import Batches, Stored, copy
from nodes.calls import Calls
from nodes.entries import PAGE_KEYS, Entry, SharedValue
from nodes.exact_methods import AsyncExactMethods
from nodes.file_methods import AsyncFileMethods
from nodes.file_ports import FilePorts
from nodes.keys import Dial
from nodes.member_list import MemberList
from nodes.options import check_level, ttl_ms
from nodes.ring_view import Ring, ring_of
from nodes.secret_file import read_client_dials
from nodes.status import Explanation, Status, explanation_of, status_of
from nodes.values import check_key, check_text, decode_value, encode_value
from nodes.watching import KeyChange, MemberChange, MembersSeen, key_changes

DEFAULT_ENDPOINT = "127.0.0.1:7100"
AT_ONCE_MS = 1
"""The time of a request that is to be answered without waiting for news."""
MAX_WATCH_MS = 20_000
"""The longest time of one that waits: a node that is not asked for 15 s listens for no changes."""

MISSING: Final = object()
T = TypeVar("T")


class AsyncClient(AsyncFileMethods, AsyncExactMethods):
    """Reads and writes through any of `endpoints` ("host:port"; the first that answers is used).

    `timeout` is in seconds. `secret` is the file with the network's secret, or with a key made of
    it, or such keys themselves, where the network has one: who has neither is refused. With a
    `trace_id` every request is traced under it. One event loop uses it; `async with` or `close()`
    ends it. What it is asked in one tick of that leaves in one message; or, for programs that have
    much to do for each key, `batch_keys` gets at a time, before the tick ends. All methods raise
    GossamerError and what derives from it; this raises BadSecret, which does too, for a file that
    may not be used.

    `w` and `r` say how many of a key's owners must have answered: a "quorum", which makes every key
    an atomic register, "all" of them, or "one", which does not: a write that only one has stored is
    lost with that one, and a read of one may be of an old value. Raises ValueError for others.
    """

    def __init__(
        self,
        *endpoints: str,
        timeout: float = 5.0,
        secret: str | Path | tuple[Dial, ...] | None = None,
        trace_id: str = "",
        batch_keys: int = MAX_PIECE_KEYS,
    ) -> None:
        addresses = [str(parse_address(e)) for e in endpoints or (DEFAULT_ENDPOINT,)]
        self.timeout = timeout
        self._timeout_ms = max(1, round(timeout * 1_000))
        self._watch_ms = min(self._timeout_ms, MAX_WATCH_MS)
        dials: Sequence[Dial | None] = (None,) if secret is None else ()
        if secret is not None:
            dials = secret if isinstance(secret, tuple) else read_client_dials(secret)
        self._calls = Calls(addresses, self._timeout_ms, trace_id, dials=dials)
        self._batches = Batches(self._calls, batch_keys)
        self.file_ports = FilePorts(self._calls, trace_id)

    async def get(self, key: str, default: Any = MISSING, *, r: Level = "quorum") -> Any:
        """The key's value. Raises KeyNotFound, unless there is a default."""
        found = await self._batches.get(check_key(key), check_level("r", r))
        if found.code == "ok":
            return decode_value(found.kind, found.data)
        if found.code == "not_found" and default is not MISSING:
            return default
        raise _read_error(found.code, key)

    async def put(
        self, key: str, value: Any, *, w: Level = "quorum", ttl: float | str | None = None
    ) -> str:
        """Store a JSON value or bytes; its new version. After `ttl`, in seconds or a text such as
        "60s", "10m", "2h" or "1d", the key is gone by itself. Raises ValueError for other texts and
        for what is not above zero."""
        return (await self._write(key, *encode_value(value), w, ttl))[0]

    async def put_entry(
        self, key: str, value: Any, *, w: Level = "quorum", ttl: float | str | None = None
    ) -> Entry:
        """As `put`; the entry that it made, with the names of the nodes that have stored it."""
        return Entry(key, value, *await self._write(key, *encode_value(value), w, ttl))

    async def delete(self, key: str, *, w: Level = "quorum") -> None:
        """Make the key missing, if it is not already."""
        await self._write(key, "absent", b"", w, None)

    async def get_many(self, keys: Iterable[str], *, r: Level = "quorum") -> dict[str, Any]:
        """The values of those keys that are there. Raises BatchError if some could not be read."""
        if isinstance(keys, str):
            raise TypeError("get_many takes several keys, not one str")
        wanted = [check_key(key) for key in dict.fromkeys(keys)]
        check_level("r", r)
        requests = [
            Get(tuple(wanted[piece]), False, r, self._timeout_ms)
            for piece in pieces(wanted, [0] * len(wanted))
        ]
        results: dict[str, Any] = {}
        for request, outcome in await self._calls.request_all(requests):
            for i, key in enumerate(request.keys):
                if isinstance(outcome, GossamerError):
                    results[key] = copy(outcome)
                    continue
                assert isinstance(outcome, Got)
                if outcome.codes[i] == "ok":
                    results[key] = decode_value(outcome.kinds[i], outcome.values[i])
                elif outcome.codes[i] != "not_found":
                    results[key] = _read_error(outcome.codes[i], key)
        return _whole(results)

    async def put_many(
        self,
        values: Mapping[str, Any],
        *,
        w: Level = "quorum",
        ttl: float | str | None = None,
    ) -> dict[str, str]:
        """Store each value, as `put` does; the new versions. Raises BatchError if some keys failed,
        with a version or an error for each."""
        level, length_ms = check_level("w", w), ttl_ms(ttl)
        keys = [check_key(key) for key in values]
        encoded = [encode_value(value) for value in values.values()]
        requests = [
            Write(
                tuple(keys[piece]),
                tuple([kind for kind, _ in encoded[piece]]),
                tuple([data for _, data in encoded[piece]]),
                level,
                length_ms,
                self._timeout_ms,
            )
            for piece in pieces(keys, [len(data) for _, data in encoded])
        ]
        results: dict[str, Any] = {}
        for request, outcome in await self._calls.request_all(requests):
            for i, key in enumerate(request.keys):
                if isinstance(outcome, GossamerError):
                    results[key] = copy(outcome)
                    continue
                assert isinstance(outcome, Written)
                code = outcome.codes[i]
                results[key] = outcome.versions[i] if code == "ok" else error_for(code)
        return _whole(results)

    async def entry(self, key: str, *, r: Level = "quorum") -> Entry:
        """The key's value with its version and replicas. Raises KeyNotFound."""
        found = await self._batches.get(check_key(key), check_level("r", r), details=True)
        if found.code != "ok":
            raise _read_error(found.code, key)
        value = decode_value(found.kind, found.data)
        return Entry(key, value, found.version, found.replicas)

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        """The keys that begin with `prefix`, in the order of their UTF-8."""
        cursor: str | None = ""
        while cursor is not None:
            keys, cursor = await self.page(prefix, cursor)
            for key in keys:
                yield key

    async def page(
        self, prefix: str = "", cursor: str = "", *, limit: int = PAGE_KEYS
    ) -> tuple[tuple[str, ...], str | None]:
        """Some of what `list` gives, `limit` keys at most, and the cursor for the next ones, or
        None if these are the last. The first page has the cursor ""."""
        request = List(check_text(prefix), cursor, limit, self._timeout_ms)
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

    async def members(self) -> MemberList:
        """The members of the network as the node that is asked knows them, by name: a tuple whose
        `waiting` says why that node is not ready, if it is not. It is asked of others then, if
        there are any."""
        return (await self.members_since())[0]

    async def members_since(self, digest: str | None = None) -> tuple[MemberList, str]:
        """The members, and the digest of this list. Given the digest of an earlier list it waits
        until there is another one, for a quarter of the time-out or 5 s at most."""
        request = ListMembers() if digest is None else WatchMembers(digest, self._watch_ms)
        listed = await self._calls.request(request, MembersListed)
        return MemberList.of(listed), listed.digest

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

    async def status(self) -> Status:
        """Has all data all its copies, and may the node that is asked be stopped?"""
        checked, answerer = await self._calls.ask_who(Check(self._timeout_ms), Checked)
        members = await self.members()
        return status_of(checked, answerer.node, members, answerer.fingerprint)

    async def explain(self, key: str) -> Explanation:
        """Where the key is, and what each of its owners holds."""
        request = Explain(check_key(key), self._timeout_ms)
        return explanation_of(key, await self._calls.request(request, Explained))

    async def ring(self) -> Ring:
        """Who owns which share of the data, and how each partition is."""
        shown = await self._calls.request(ShowRing(self._timeout_ms), RingShown)
        return ring_of(shown, await self.members())

    async def leave(self, node: str | None = None) -> Member:
        """Let a member, by its name, id or host, leave for good, or else who is asked: it gives
        its data to the others, stops and never comes back. That takes as long as the data needs to
        move: after TimedOut it goes on, `members` and `status` tell how far it is, and to ask again
        does no harm."""
        if node == "":
            raise error_for("refused", "an empty name is nobody's: name the member, or give none")
        if node is None and len(self._calls.endpoints) > 1:
            raise error_for("refused", "several nodes may be asked: name the one that is to leave")
        request = Leave(check_text(node or ""), self._timeout_ms)
        return (await self._calls.request(request, Departed)).member

    async def forget(self, node: str, accept_loss: bool = False) -> Member:
        """Strike out a member, by its name, id or host, that is down and will not come back. With
        `accept_loss` even where no majority is left of the members, to decide it, or of the owners
        of some keys, to copy from: what only those had that are given up so is lost, and they must
        be gone for good. It is done when it is decided; `status` tells when all copies are made. A
        node that no other member has confirmed since its start takes only that, and asks the others
        for three seconds first: allow more. NotReady is raised where one of them is heard."""
        request = Forget(check_text(node), accept_loss, self._timeout_ms)
        return (await self._calls.request(request, Departed)).member

    async def deny(self, key: str) -> None:
        """Let no node take anything any more from who has this key, called "writer-17" or the
        like, also by connections that stand. Raises Refused for what is no client's key, and where
        the network has no secret."""
        await self._calls.request(Deny(check_text(key), True, self._timeout_ms), Shared)

    async def allow(self, key: str) -> None:
        """Take back that this key was denied. A client that was turned away connects again."""
        await self._calls.request(Deny(check_text(key), False, self._timeout_ms), Shared)

    async def denied(self) -> tuple[str, ...]:
        """The keys that are denied, by name."""
        return denied_keys([entry.key for entry in await self.shared_entries(DENIED_PREFIX)])

    @property
    def is_turned_away(self) -> bool:
        """Was the key not admitted where it was tried last? If it is by now, a new client is."""
        return self._calls.are_refused

    async def close(self) -> None:
        """End it; what is under way fails. May be called twice."""
        self._calls.close()
        self.file_ports.close()
        self._batches.close(GossamerError("the client was closed"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _share(self, key: str, kind: Kind, data: bytes) -> str:
        request = Share(check_key(key), kind, data, self._timeout_ms)
        return (await self._calls.request(request, Shared)).version

    async def _write(
        self, key: str, kind: Kind, data: bytes, w: Level, ttl: float | str | None
    ) -> Stored:
        level, length_ms = check_level("w", w), ttl_ms(ttl)
        return await self._batches.write(check_key(key), kind, data, level, length_ms)


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
