"""Long runs of a client: what goes on at once, in what order it ends, and how long it is tried."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from actors.errors import TimedOut, Unavailable, Unreachable

PAUSE_S = 0.2

T = TypeVar("T")
R = TypeVar("R")


async def side_by_side(
    items: AsyncIterator[T], use: Callable[[T], Coroutine[Any, Any, R]], most: int
) -> AsyncGenerator[R, None]:
    """What comes of each item, in the order of the items, while up to `most` are under way. The
    first error ends all; so does closing it."""
    under_way: deque[asyncio.Task[R]] = deque()
    try:
        async for item in items:
            if len(under_way) == most:
                yield await under_way.popleft()
            under_way.append(asyncio.ensure_future(use(item)))
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def persistently(
    ask: Callable[[], Awaitable[T]], timeout_s: float, *, is_first: bool = False
) -> T:
    """The answer, though the network may not be able to give it for a while. To ask twice must do
    no harm. Raises what it fails with after `timeout_s`, and at once what will not pass; if nothing
    was asked before, also that there is nobody to ask."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_s
    while True:
        try:
            return await ask()
        except (Unavailable, TimedOut) as error:
            if loop.time() >= end_s or (is_first and isinstance(error, Unreachable)):
                raise
        await asyncio.sleep(PAUSE_S)
