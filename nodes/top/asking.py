"""The questions that keep what is seen up to date: members and keys are watched, the status is
asked for once a second at most, and the ring only when it may be another.

Each goes on by itself, so that one that is not answered holds up no other, and goes on trying.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from actors.errors import TimedOut, Unavailable
from nodes.async_client import AsyncClient
from nodes.top.seen import Seen
from nodes.watching import KeyChange

STATUS_S = 1.0
QUIET_S = 4.0
"""While nothing changes the status is asked for less and less often, down to this."""
TRY_EVERY_S = 1.0
KEYS_S = 0.25
"""Where keys are changed all the time, what has come together for so long is asked for at once."""

T = TypeVar("T")


async def until_one_ends(*those: Coroutine[Any, Any, None]) -> None:
    """Let them go on side by side until one ends, then cancel the others. Raises what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in those]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


class Asking:
    """Of a client, into `seen`; `changed` is set whenever there is something new to be seen."""

    def __init__(self, client: AsyncClient, seen: Seen, changed: asyncio.Event) -> None:
        self._client = client
        self._seen = seen
        self._changed = changed
        self._look = asyncio.Event()
        self._ring_of: object = None

    async def go_on(self) -> None:
        """Until it is cancelled. Raises GossamerError for what trying again does not mend."""
        await until_one_ends(self._watch_members(), self._watch_keys(), self._ask_status())

    async def once(self) -> None:
        """Ask each a single time, side by side. Raises GossamerError."""
        client, now_s = self._client, time.time()
        members, status, ring = await asyncio.gather(
            client.members(), client.status(), client.ring()
        )
        self._seen.on_members(members, now_s)
        self._seen.on_status(status, now_s)
        self._seen.ring = ring

    async def _watch_members(self) -> None:
        digest: str | None = None
        while True:
            asked = await self._try("members", self._client.members_since, digest)
            if asked is None:
                digest = None
                continue
            members, digest = asked
            if self._seen.on_members(members, time.time()):
                self._look.set()
                self._changed.set()

    async def _watch_keys(self) -> None:
        cursor, anew = "", False

        def changes() -> Awaitable[tuple[tuple[KeyChange, ...], str]]:
            return self._client.changes_since("", cursor, wait=not anew)

        while True:
            asked = await self._try("keys", changes)
            anew = asked is None
            if asked is None:
                continue
            changed, cursor = asked
            if changed:
                self._seen.on_keys(changed, time.time())
                self._changed.set()
                await asyncio.sleep(KEYS_S)

    async def _ask_status(self) -> None:
        pause_s = STATUS_S
        while True:
            began_s = time.monotonic()
            is_news = await self._try("status", self._status_and_ring)
            if is_news is not None:
                pause_s = STATUS_S if is_news else min(QUIET_S, pause_s * 1.5)
            await asyncio.sleep(max(0.0, began_s + STATUS_S - time.monotonic()))
            rest_s = max(0.0, began_s + pause_s - time.monotonic())
            try:
                await asyncio.wait_for(self._look.wait(), rest_s)
            except TimeoutError:
                continue
            self._look.clear()
            pause_s = STATUS_S

    async def _status_and_ring(self) -> bool:
        """Is anything of them otherwise than before?"""
        status = await self._client.status()
        is_news = self._seen.on_status(status, time.time())
        # What the ring shows follows from these.
        basis = (
            status.epoch,
            status.under_replicated,
            status.without_quorum,
            status.moving,
            status.transfers,
            status.silent,
        )
        if basis != self._ring_of:
            self._seen.ring = await self._client.ring()
            self._ring_of = basis
        if is_news:
            self._changed.set()
        return is_news or status.moving

    async def _try(
        self, question: str, ask: Callable[..., Awaitable[T]], *arguments: object
    ) -> T | None:
        """The answer, or None after a while if there is none."""
        try:
            answer = await ask(*arguments)
        except (Unavailable, TimedOut) as error:
            self._seen.on_trouble(question, str(error), time.time())
            self._changed.set()
            await asyncio.sleep(TRY_EVERY_S)
            return None
        if question in self._seen.troubles:
            self._seen.on_answer(question, time.time())
            self._changed.set()
        return answer
