"""Servers that have just been started are asked until they answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bench.process import START_S

PAUSE_S = 0.05


async def until(ready: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so; an OSError says that it is not yet. Raises TimeoutError."""
    async with asyncio.timeout(START_S):
        while True:
            with contextlib.suppress(OSError):
                if await ready():
                    return
            await asyncio.sleep(PAUSE_S)
