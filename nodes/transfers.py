"""One transfer of a file on an event loop: what its machine in actors/ asks for is sent, and what
is answered is told to it, until it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from actors.errors import GossamerError
from actors.messages import ChunkGot, Message
from actors.requests import Ask
from nodes.background import Background
from nodes.calls import Calls
from nodes.clocks import monotonic_ms

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are done, and how many there are if that is known."""

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Machine(Protocol[T_co]):
    """What actors/uploading.py and actors/downloading.py have in common."""

    @property
    def wake_at(self) -> int | None:
        """When something is due without an answer: monotonic ms."""

    @property
    def outcome(self) -> T_co | GossamerError | None:
        """What came of it, once it has ended."""

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""


class Transfer:
    """Sends over `calls`; digests of chunks are worked out by `hashers`."""

    def __init__(
        self,
        machine: Machine[Any],
        answered: Callable[..., None],
        calls: Calls,
        hashers: Background,
    ) -> None:
        self._machine = machine
        self._answered = answered
        self._calls = calls
        self._hashers = hashers
        self._news = asyncio.Event()
        self._error: BaseException | None = None

    def send(self) -> None:
        """Send what is due."""
        self._raise_error()
        asks = self._machine.due(monotonic_ms())
        for ask in asks:
            done = partial(self._done, ask.number)
            self._calls.submit(ask.request, done, ask.timeout_ms, ask.turn)
        if asks:
            self._calls.go()

    async def news(self, *others: asyncio.Future[Any]) -> None:
        """Return once something was answered, or is due, or one of the others is done."""
        self._raise_error()
        wake_at = self._machine.wake_at
        delay_s = None if wake_at is None else max(0, wake_at - monotonic_ms()) / 1_000
        loop = asyncio.get_running_loop()
        for other in others:
            if other.done():
                return
            other.add_done_callback(self._wake)
        timer = None if delay_s is None else loop.call_later(delay_s, self._news.set)
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()
            for other in others:
                other.remove_done_callback(self._wake)
        self._news.clear()
        self._raise_error()

    def _wake(self, _other: asyncio.Future[Any]) -> None:
        self._news.set()

    def _done(self, number: int, outcome: Message | GossamerError) -> None:
        if isinstance(outcome, ChunkGot) and self._machine.outcome is None:
            try:
                digest = self._hashers.run(digest_of, outcome.data)
            except GossamerError as error:
                self._error = error
                self._news.set()
                return
            digest.add_done_callback(partial(self._hashed, number, outcome))
        else:
            self._answered(number, outcome, monotonic_ms())
            self._news.set()

    def _hashed(self, number: int, outcome: ChunkGot, digest: asyncio.Future[str]) -> None:
        if digest.cancelled() or digest.exception() is not None:
            self._error = None if digest.cancelled() else digest.exception()
        else:
            self._answered(number, outcome, monotonic_ms(), digest.result())
        self._news.set()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


async def run_to_end(machine: Machine[T], transfer: Transfer) -> T:
    """The outcome of a machine that needs nothing but answers. Raises what it fails with."""
    while machine.outcome is None:
        transfer.send()
        if machine.outcome is None:
            await transfer.news()
    return good(machine.outcome)


def good(outcome: T | GossamerError) -> T:
    """The outcome, or it is raised."""
    if isinstance(outcome, GossamerError):
        raise outcome
    return outcome


def digest_of(data: bytes) -> str:
    """SHA-256 in hex."""
    return sha256(data).hexdigest()
