"""A member that leaves, as it is followed from outside until it has left.

To be asked to leave is answered when all is done, or not in time: then it is asked again, and
meanwhile others tell how far its data is. What ends this is only that nothing moves any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from actors.errors import GossamerError, TimedOut, Unavailable
from actors.meant import meant
from actors.membership import Member
from nodes.async_client import AsyncClient
from nodes.progress import bar

LOOK_EVERY_S = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far it is: another one of these is progress."""

    member: Member
    epoch: int
    moved: int
    to_move: int
    strays: int

    def __str__(self) -> str:
        if self.to_move:
            return f"{self.member.name} is leaving, its data moves {bar(self.moved, self.to_move)}"
        if self.member.state == "leaving" and self.strays:
            return f"{self.member.name} is leaving, {self.strays:,} chunks of files are to be moved"
        return f"{self.member.name} is {self.member.state}"


async def follow_leave(
    client: AsyncClient, node: str | None, told: Callable[[str], None]
) -> Member:
    """The member, by its name, id or host, once it has left; who is asked if none is named.
    `told` is called with how far it is. Raises what it is refused with at first, or at last when
    there is no progress any more: else TimedOut."""
    following = _Following(client, node)
    try:
        return await following.until_left(told)
    finally:
        following.asking.cancel()
        following.looking.cancel()


class _Following:
    """One member's leaving. `asking` is what it was told to do it with, the first time or again,
    and `looking` is the next look at how far it is."""

    def __init__(self, client: AsyncClient, node: str | None) -> None:
        self._client = client
        self._node = node
        self._id = ""
        self._asked_again = False
        self._refusal: GossamerError | None = None
        self.asking = _begin(client.leave(node))
        self.looking = _begin(self._look_later())

    async def until_left(self, told: Callable[[str], None]) -> Member:
        """Wait, look, and ask again, as long as there is progress."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._client.timeout
        seen: _Seen | None = None
        while True:
            tasks: tuple[asyncio.Task[Any], ...] = (self.asking, self.looking)
            await asyncio.wait(
                tasks, timeout=end_s - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if self.asking.done() and (gone := await self._answered()):
                return gone
            if self.looking.done():
                now_seen = self.looking.result()
                self.looking = _begin(self._look_later())
                if now_seen is not None and now_seen != seen:
                    if now_seen.member.state == "left":
                        return now_seen.member
                    seen, end_s = now_seen, loop.time() + self._client.timeout
                    told(str(seen))
            if loop.time() >= end_s:
                raise self._refusal or self._out_of_time(seen)

    async def _answered(self) -> Member | None:
        """The member, if that was the answer; if it may leave yet, ask again."""
        try:
            member = self.asking.result()
        except GossamerError as error:
            if not self._asked_again and not isinstance(error, TimedOut):
                raise
            seen = await self._look()
            if seen is not None and seen.member.state == "left":
                return seen.member
            # Nobody to ask is no refusal: what was begun goes on.
            self._refusal = None if isinstance(error, (TimedOut, Unavailable)) else error
        else:
            if member.state == "left":
                return member
            self._refusal = None
        self._asked_again = True
        self.asking = _begin(self._ask_again())
        return None

    async def _ask_again(self) -> Member:
        await asyncio.sleep(LOOK_EVERY_S)
        return await self._client.leave(self._node)

    async def _look_later(self) -> _Seen | None:
        await asyncio.sleep(LOOK_EVERY_S)
        return await self._look()

    async def _look(self) -> _Seen | None:
        """What is seen of it now; nothing if nobody answers."""
        try:
            members, status = await asyncio.gather(self._client.members(), self._client.status())
        except GossamerError:
            return None
        if not self._id:
            present = [m for m in members if m.state != "left"]
            named = [m.id for m in meant(self._node, present)] if self._node else [status.node_id]
            self._id = next(iter(named), "")
        moved = sum(transfer.moved for transfer in status.transfers)
        to_move = sum(transfer.to_move for transfer in status.transfers)
        found = [member for member in members if member.id == self._id]
        strays = status.files.strays
        return _Seen(found[0], status.epoch, moved, to_move, strays) if found else None

    def _out_of_time(self, seen: _Seen | None) -> TimedOut:
        name = seen.member.name if seen is not None else self._node or "the node"
        reason = (
            f"{name} has not left yet, and there was no progress for {self._client.timeout:g} s; "
            "if it was told to leave it goes on, and `gossamer status` tells how far it is"
        )
        return TimedOut(reason, definite=False)


def _begin(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Let it go on; nobody need ask what became of it."""
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
