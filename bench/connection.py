"""A client's connection to a server that answers requests in their order."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar

AnswerT = TypeVar("AnswerT")


class Parser(Protocol[AnswerT]):
    """Makes answers of what comes in."""

    def feed(self, data: bytes) -> list[AnswerT]:
        """The answers that this piece completes. May raise for what is no answer."""


class Connection(asyncio.Protocol, Generic[AnswerT]):
    """One request under way at a time; it may be several that are sent as one."""

    def __init__(self, parser: Parser[AnswerT]) -> None:
        self._parser = parser
        self._transport: asyncio.Transport | None = None
        self._answers: list[AnswerT] = []
        self._wanted = 0
        self._waiting: asyncio.Future[list[AnswerT]] | None = None

    async def connect(self, host: str, port: int) -> None:
        """Raises OSError where nobody listens."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)

    async def ask(self, request: bytes, answers: int = 1) -> list[AnswerT]:
        """Send what is answered by so many answers, and wait for them."""
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        assert self._waiting is None
        self._wanted = answers
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """May be called twice."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio has it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        try:
            self._answers += self._parser.feed(data)
        except Exception as error:
            self._fail(error)
            self.close()
            return
        if self._waiting is not None and len(self._answers) >= self._wanted:
            waiting, self._waiting = self._waiting, None
            answers, self._answers = self._answers, []
            if not waiting.done():
                waiting.set_result(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio has it."""
        self._transport = None
        self._fail(exc or ConnectionError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_exception(error)
