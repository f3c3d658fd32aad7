"""Work that would hold up an event loop: reading, writing and hashing, in threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from actors.errors import GossamerError
from nodes.threads import Threads

T = TypeVar("T")


class Background:
    """Uses `most` of the threads, taken with the first job. One does its jobs in their order."""

    def __init__(self, threads: Threads, most: int = 1) -> None:
        self._threads = threads
        self._most = most
        self._started = 0
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._waited_for: set[asyncio.Future[Any]] = set()
        self._closed = False

    def run(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """The outcome to be of a call, for the running event loop. Raises GossamerError once this
        is closed."""
        if self._closed:
            raise GossamerError("the client was closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waited_for.add(future)
        future.add_done_callback(self._waited_for.discard)

        def job() -> None:
            try:
                settle = partial(_set_result, future, function(*arguments))
            except Exception as error:
                settle = partial(_set_error, future, error)
            # If the loop has ended nobody waits for it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle)

        self._put(job)
        return future

    @property
    def is_closed(self) -> bool:
        """Are no more jobs taken?"""
        return self._closed

    def give_up(self) -> None:
        """Whoever waits is told that it is over, and no more jobs are taken."""
        self._closed = True
        for future in list(self._waited_for):
            _set_error(future, GossamerError("the client was closed"))
            # It may be that nobody looks at it any more.
            future.exception()

    def close(self, last: Callable[[], None] | None = None) -> None:
        """As `give_up`. What was begun goes on to its end, then `last` is called, after all other
        jobs if there is one thread, and the threads are given back."""
        self.give_up()
        if last is not None:
            self._put(last)
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0

    def _put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if self._started < self._most:
            self._started += 1
            self._threads.run(self._work)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or what it holds would be held until the next one comes


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_error(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
