"""Asking and drawing side by side, about once a second and whenever there is news, until a key or a
signal ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from types import FrameType
from typing import Any, Self

from nodes.async_client import AsyncClient
from nodes.top.asking import Asking, until_one_ends
from nodes.top.frame import frame
from nodes.top.screen import Screen
from nodes.top.seen import Seen

DRAW_S = 1.0
LEAST_PAUSE_S = 0.1
_QUIT = frozenset(b"qQ\x03\x04")
"""Also Ctrl-C and Ctrl-D."""
_SUSPEND = b"\x1a"
"""Ctrl-Z."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """What is done about signals while the terminal is taken: what would end the process sets
    `over`, and another size of the terminal sets `changed`."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.changed = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._ending = 0
        self._before: dict[int, Any] = {}

    async def wait_over(self) -> None:
        """Until a key or a signal has ended it."""
        await self.over.wait()

    def end(self) -> None:
        """End the process, if a signal was to."""
        if self._ending:
            os.kill(os.getpid(), self._ending)

    def __enter__(self) -> Self:
        for number in (*_ENDINGS, signal.SIGWINCH):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        event = self.changed
        if number in _ENDINGS:
            self._ending, event = number, self.over
        if self.loop is not None:
            self.loop.call_soon_threadsafe(event.set)


async def show(client: AsyncClient, screen: Screen, signals: Signals) -> None:
    """Return when it is over. Raises GossamerError for what trying again does not mend."""
    loop = signals.loop = asyncio.get_running_loop()
    seen = Seen(time.time())

    def on_key() -> None:
        pressed = screen.pressed()
        if not pressed or not _QUIT.isdisjoint(pressed):
            signals.over.set()
        elif _SUSPEND in pressed:
            screen.suspend()
            signals.changed.set()

    loop.add_reader(screen.keyboard, on_key)
    try:
        asking = Asking(client, seen, signals.changed)
        drawing = _draw(screen, seen, signals.changed)
        await until_one_ends(asking.go_on(), drawing, signals.wait_over())
    finally:
        loop.remove_reader(screen.keyboard)


async def _draw(screen: Screen, seen: Seen, changed: asyncio.Event) -> None:
    """Again and again, until it is cancelled."""
    while True:
        changed.clear()
        columns, lines = screen.size()
        screen.draw(frame(seen, time.time(), columns, lines, screen.look), columns)
        await asyncio.sleep(LEAST_PAUSE_S)
        try:
            await asyncio.wait_for(changed.wait(), DRAW_S - LEAST_PAUSE_S)
        except TimeoutError:
            continue
