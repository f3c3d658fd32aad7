"""A client's requests under way on its event loop, from being asked to being settled.

The protocol is in actors/session.py; here are its sockets, its timer and its futures.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import zmq

from actors.actor import Envelope, Trace
from actors.errors import GossamerError
from actors.messages import Message, Write
from actors.session import Session
from nodes.clocks import monotonic_ms, now, wall_us
from nodes.connections import Connections
from nodes.keys import Dial
from nodes.ports import REQUESTS, Port
from nodes.sockets import Context, new_context

MAX_WRITTEN_BYTES = 8 * 2**20
"""Of values that are under way to be written: a node admits twice as much of a client."""

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
Outcome = Message | GossamerError


class Answerer(NamedTuple):
    """The id of a node, and the fingerprint of its secret if what it said came encrypted."""

    node: str
    fingerprint: str


class Calls:
    """Everything happens in the thread of the event loop that first uses it."""

    def __init__(
        self,
        endpoints: Sequence[str],
        timeout_ms: int,
        trace_id: str,
        port: Port = REQUESTS,
        dials: Sequence[Dial | None] = (None,),
    ) -> None:
        self._port = port
        self.dials = dials
        self.endpoints = tuple(endpoints)
        self.timeout_ms = timeout_ms
        self._trace_id = trace_id
        self._traced = 0
        self._closed = False
        self._session = Session(self.endpoints)
        self._connections: Connections | None = None
        self._context: Context | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_ms = 0
        self._when_done: dict[int, Callable[[Outcome], None]] = {}
        self._queue: deque[tuple[Message, Callable[[Outcome], None]]] = deque()
        self._written_bytes = 0

    def event_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; with the first call it is listened on. Raises once this is closed."""
        if self._closed:
            raise GossamerError("the client was closed")
        if self._loop is None:
            loop = asyncio.get_running_loop()
            self._context = new_context()
            self._connections = Connections(self._context, self.endpoints, self._port, self.dials)
            for socket in self._connections.dealers():
                loop.add_reader(socket.get(zmq.FD), self._on_replies)  # type: ignore[arg-type]
            for socket in self._connections.monitors():
                loop.add_reader(socket.get(zmq.FD), self._on_news)  # type: ignore[arg-type]
            self._loop = loop
            # A descriptor tells of what comes after the socket was last looked at: so look once.
            loop.call_soon(self._on_news)
        return self._loop

    @property
    def are_refused(self) -> bool:
        """See Connections."""
        return self._connections is not None and self._connections.are_refused

    async def request(self, request: Message, answer: type[R]) -> R:
        """The answer to one request. Raises what it fails with."""
        outcome = (await self.request_all([request]))[0][1]
        if isinstance(outcome, GossamerError):
            raise outcome
        assert isinstance(outcome, answer), "the session lets no other answer pass"
        return outcome

    async def request_all(self, requests: Sequence[M]) -> Sequence[tuple[M, Outcome]]:
        """Each request, with what became of it."""
        loop = self.event_loop()
        futures: list[asyncio.Future[Outcome]] = [loop.create_future() for _ in requests]
        for request, future in zip(requests, futures, strict=True):
            self.queue(request, partial(_settle, future))
        self.go()
        return list(zip(requests, await asyncio.gather(*futures), strict=True))

    async def ask_who(self, request: Message, answer: type[R]) -> tuple[R, Answerer]:
        """The answer to one request, and who gave it. Raises what it fails with."""
        answered: asyncio.Future[tuple[Outcome, Answerer]] = self.event_loop().create_future()

        def done(outcome: Outcome) -> None:
            if not answered.done():
                node, endpoint = self._session.answered_by(number)
                key = (
                    self._connections.fingerprint(endpoint)
                    if self._connections and endpoint
                    else ""
                )
                answered.set_result((outcome, Answerer(node, key)))

        number = self.submit(request, done)
        self.go()
        outcome, answerer = await answered
        if isinstance(outcome, GossamerError):
            raise outcome
        assert isinstance(outcome, answer), "the session lets no other answer pass"
        return outcome, answerer

    def submit(
        self,
        request: Message,
        done: Callable[[Outcome], None],
        timeout_ms: int = 0,
        turn: int = 0,
    ) -> int:
        """Let the request be part of what is sent next, by `go`; call `done` with its outcome. The
        number that the session has given it. It may have a time-out of its own, and begin with
        another endpoint than the first: see Session.submit. Raises once this is closed."""
        if self._closed:
            raise GossamerError("the client was closed")
        trace = None
        if self._trace_id:
            self._traced += 1
            trace = Trace(self._trace_id, f"client/{os.getpid()}/{self._traced}", "", wall_us())
        number = self._session.submit(request, timeout_ms or self.timeout_ms, now(), trace, turn)
        self._when_done[number] = done
        return number

    def queue(self, request: Message, done: Callable[[Outcome], None]) -> None:
        """As `submit`, but what is written waits while too much is under way; its time begins when
        it is sent."""
        self._queue.append((request, done))
        self._submit_queued()

    def _submit_queued(self) -> None:
        while self._queue:
            size_bytes = _written_bytes(self._queue[0][0])
            total = self._written_bytes + size_bytes
            if size_bytes and self._written_bytes and total > MAX_WRITTEN_BYTES:
                return
            self._written_bytes = total
            request, done = self._queue.popleft()
            self.submit(request, partial(self._on_done, size_bytes, done) if size_bytes else done)

    def _on_done(self, size_bytes: int, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        self._written_bytes -= size_bytes
        if self._queue:
            self.event_loop().call_soon(self._go_on)
        done(outcome)

    def _go_on(self) -> None:
        if not self._closed:
            self._submit_queued()
            self.go()

    def go(self) -> None:
        """Send what was submitted."""
        if self._connections is not None:
            self._take(())

    def close(self) -> None:
        """End it; what is under way fails. May be called twice."""
        self._closed = True
        queued, self._queue = self._queue, deque()
        for done in [*self._when_done.values(), *[done for _, done in queued]]:
            done(GossamerError("the client was closed"))
        self._when_done.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._connections is not None and self._loop is not None:
            for socket in self._connections.dealers() + self._connections.monitors():
                self._loop.remove_reader(socket.get(zmq.FD))  # type: ignore[arg-type]
            self._connections.close()
            self._connections = None
        if self._context is not None:
            self._context.term()
            self._context = None

    def _on_replies(self) -> None:
        if self._connections is not None:
            self._take(self._connections.receive())

    def _on_news(self) -> None:
        if self._connections is not None:
            # What was answered before a connection ended counts.
            news = self._connections.receive_news()
            self._take([*self._connections.receive(), *news])

    def _take(self, arrived: Sequence[Envelope]) -> None:
        """Turns of the session, until there is nothing to do. A descriptor of ZeroMQ tells of a
        change only once, and sending may swallow it: so it is looked at again after each."""
        assert self._connections is not None
        outbox = self._session.turn(arrived, now())
        while outbox:
            bounced = self._connections.send(outbox)
            outbox = self._session.turn(bounced + self._connections.receive(), now())
        for number, outcome in self._session.finished():
            self._when_done.pop(number)(outcome)
        self._set_timer()

    def _set_timer(self) -> None:
        wake_at = self._session.wake_at
        if wake_at is None or self._loop is None:
            return
        if self._timer is None or wake_at < self._timer_at_ms:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at_ms = wake_at
            delay_s = max(0, wake_at - monotonic_ms()) / 1_000
            self._timer = self._loop.call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._take(())


def _written_bytes(request: Message) -> int:
    return sum(map(len, request.values)) if isinstance(request, Write) else 0


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
