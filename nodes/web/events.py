"""What happens in the network, as server-sent events (HTML, section 9.2): members and keys as they
change, told by the gossip that a node hears.

The id of an event says how far who reads it has got. One who comes back with it is told what came
after, as far as the node still has it, and where there may have been more, `missed`. Nothing of it
is kept here: any gateway that asks the same node takes up the ids of any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from actors.errors import GossamerError, error_for
from actors.ring import position_of
from actors.spaces import stored_key
from nodes.async_client import AsyncClient
from nodes.clocks import monotonic_ms
from nodes.values import check_text
from nodes.watching import MISSED, KeyChange, MembersSeen
from nodes.web.answers import Problem
from nodes.web.network import member_fields
from nodes.web.requests import flag_in
from nodes.web.traffic import Traffic

MAX_READERS = 200
AGAIN_S = 1.0
"""So long after nobody has answered it is tried again."""
ALIVE_S = 15.0
"""So often something is said though nothing happens, lest somebody in between hangs up."""
TRAFFIC_S = 1.0
MOST_SHOWN = 50
"""Requests that are told one by one of each second; the others are counted."""

BETWEEN = "~"
"""Of an id, between what was seen of keys and of members: as all of it, it may stand in a query."""

Fields = dict[str, Any]
_BEGIN = b"retry: 1000\n\n"
_END = b""
_ALIVE = b": nothing has happened\n\n"


class Events:
    """Of one gateway, whose `traffic` is told too where it is asked for."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._readers: dict[_Reader, None] = {}

    async def answer(self, request: Request, client: AsyncClient) -> Response:
        """GET /v1/events: of keys that begin with `prefix`; with `traffic` also what passes through
        this gateway, each second."""
        if len(self._readers) >= MAX_READERS:
            raise Problem("overloaded", f"{MAX_READERS} read the events already")
        prefix = check_text(request.query_params.get("prefix", ""))
        last = request.headers.get("last-event-id") or request.query_params.get("after", "")
        if not last.isprintable():
            # It is said again with what follows, where a line's end would begin another line.
            raise error_for("refused", "that is no event's id")
        with_traffic = flag_in(request, "traffic", False)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        stream = self._stream(_Reader(client, prefix, last), with_traffic)
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    def end(self) -> None:
        """The gateway stops: who reads is to go on with another, or with this when it is back."""
        for reader in self._readers:
            reader.end()

    async def _stream(self, reader: _Reader, with_traffic: bool) -> AsyncIterator[bytes]:
        self._readers[reader] = None
        sources = [reader.keys(), reader.members()]
        if with_traffic:
            sources.append(self._passing(reader))
        tasks = [asyncio.create_task(source) for source in sources]
        try:
            yield _BEGIN
            while True:
                try:
                    said = await asyncio.wait_for(reader.said.get(), ALIVE_S)
                except TimeoutError:
                    said = _ALIVE
                if said == _END:
                    return
                yield said
                for task in tasks:
                    if task.done():
                        task.result()
        finally:
            del self._readers[reader]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _passing(self, reader: _Reader) -> None:
        """Each second, what has passed through this gateway in it."""
        number = self._traffic.number
        while True:
            await asyncio.sleep(TRAFFIC_S)
            passed = list(self._traffic.since(number))
            number = self._traffic.number
            if not passed:
                continue
            took = sorted(p.took_ms for p in passed)
            shown = [
                {"operation": p.operation, "status": p.status, "position": _place(p.key)}
                for p in passed[-MOST_SHOWN:]
                if p.key
            ]
            counts = Counter(p.operation for p in passed)
            failed = sum(p.status >= 500 for p in passed)
            await reader.say(
                "traffic",
                {
                    "requests": counts,
                    "failed": failed,
                    "p50_ms": round(took[len(took) // 2], 2),
                    "p99_ms": round(took[len(took) * 99 // 100], 2),
                    "shown": shown,
                },
            )


class _Reader:
    """One who reads the events. What is said waits until it is sent, a little of it at most."""

    def __init__(self, client: AsyncClient, prefix: str, last_id: str) -> None:
        self._client = client
        self._prefix = prefix
        self._cursor, _, self._digest = last_id.partition(BETWEEN)
        self._reached = {"cursor": self._cursor, "digest": self._digest}
        # An id without a cursor is of one to whom nobody had answered yet.
        self._is_lost = bool(last_id)
        # What is not answered, and why; since when, while there is any.
        self._troubles: dict[str, str] = {}
        self._troubled_ms = 0
        self.said: asyncio.Queue[bytes] = asyncio.Queue(maxsize=100)

    def end(self) -> None:
        """Nothing more is said, not even what waits."""
        while not self.said.empty():
            self.said.get_nowait()
        self.said.put_nowait(_END)

    async def keys(self) -> None:
        """Which are changed, from the cursor on."""
        while True:
            try:
                # Where nobody answered, who does is to be heard of at once.
                changes, cursor = await self._client.changes_since(
                    self._prefix, self._cursor, wait="keys" not in self._troubles
                )
            except GossamerError as error:
                await self._wait_out("keys", error)
                continue
            await self._answered("keys")
            if self._is_lost and not self._cursor:
                changes = (MISSED, *changes)
            self._cursor = cursor
            news = [("missed", {}) if c.missed else ("key", _key_fields(c)) for c in changes]
            await self._say_all(news, cursor=cursor)

    async def members(self) -> None:
        """Every one that is there, then what changes of them."""
        seen = MembersSeen()
        while True:
            try:
                seen_digest = None if "members" in self._troubles else self._digest or None
                members, digest = await self._client.members_since(seen_digest)
            except GossamerError as error:
                await self._wait_out("members", error)
                continue
            await self._answered("members")
            self._digest = digest
            news = [
                ("member", {**member_fields(c.member), "was": c.was, "moved": c.moved})
                for c in seen.news(members)
            ]
            await self._say_all(news, digest=digest)

    async def _say_all(self, news: Sequence[tuple[str, Fields]], **place: str) -> None:
        """All that came at once: the place that it leads to is reached with the last of it."""
        for event, fields in news[:-1]:
            await self.say(event, fields)
        self._reached |= place
        if news:
            await self.say(*news[-1])

    async def say(self, event: str, fields: Fields) -> None:
        """An event, with the place that was reached."""
        place = f"{self._reached['cursor']}{BETWEEN}{self._reached['digest']}".encode()
        data = orjson.dumps(fields)
        await self.said.put(b"id: %b\nevent: %b\ndata: %b\n\n" % (place, event.encode(), data))

    async def _wait_out(self, question: str, error: GossamerError) -> None:
        """Nobody answers this: say each reason once, and try again in a moment."""
        reason = str(error)
        is_said = reason in self._troubles.values()
        if not self._troubles:
            self._troubled_ms = monotonic_ms()
        self._troubles[question] = reason
        if not is_said:
            await self.say("trouble", {"code": error.code, "detail": reason})
        await asyncio.sleep(AGAIN_S)

    async def _answered(self, question: str) -> None:
        """This is answered: if it was the last that was not, say that all is again."""
        if self._troubles.pop(question, None) is not None and not self._troubles:
            after_s = (monotonic_ms() - self._troubled_ms) / 1_000
            await self.say("back", {"after_s": round(after_s, 1)})


def _key_fields(change: KeyChange) -> Fields:
    position = _place(stored_key(change.key))
    fields = {"key": change.key, "change": change.change, "version": change.version}
    return {**fields, "position": position}


def _place(stored: str) -> float:
    """Where what is stored under this key is on the ring, from 0 to 1."""
    return int(position_of(stored)[:13], 16) / 16**13
