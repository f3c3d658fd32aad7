"""A session, the calls that are made of it and what became of them."""

from __future__ import annotations

from actors.actor import CLIENT, Address, Envelope
from actors.errors import GossamerError
from actors.messages import Failed, Get, Got, LinkDown, LinkUp, Message, Write, Written
from actors.session import Session
from tests.actors.envelopes import Turns, kinds

ONE, TWO, THREE = (f"10.0.0.{i}:7000" for i in (1, 2, 3))
CLIENT_HOST = Address(CLIENT, "host")

GET = Get(("k",), False, "quorum", 9_000)
WRITE = Write(("k",), ("bytes",), (b"v",), "quorum", 0, 9_000)
OK = Written(("ok",), ("1",), (("node-a", "node-b"),))


class Caller(Turns):
    """A session, the calls made of it and what became of them."""

    def __init__(self, *endpoints: str) -> None:
        self.session = Session(endpoints)
        super().__init__(self.session)
        self.outcomes: dict[int, Message | GossamerError] = {}

    def call(self, request: Message, timeout_ms: int = 9_000) -> int:
        """Begin an operation; its number."""
        return self.session.submit(request, timeout_ms, self.now())

    def take(self, *inbox: Envelope, after_ms: int = 0) -> list[Envelope]:
        """A turn; what has ended in it is kept."""
        out = super().take(*inbox, after_ms=after_ms)
        for number, outcome in self.session.finished():
            assert number not in self.outcomes, "an operation ends once"
            self.outcomes[number] = outcome
        return out

    def up(self, *endpoints: str) -> list[Envelope]:
        """There are connections to these."""
        return self.take(*(link(LinkUp(endpoint)) for endpoint in endpoints))

    def down(self, *endpoints: str) -> list[Envelope]:
        """The connections to these were lost, or could not be made."""
        return self.take(*(link(LinkDown(endpoint)) for endpoint in endpoints))

    def error(self, number: int) -> GossamerError:
        """The error that the operation ended with."""
        outcome = self.outcomes[number]
        assert isinstance(outcome, GossamerError)
        return outcome


def link(news: LinkUp | LinkDown) -> Envelope:
    """News of a connection."""
    return Envelope(CLIENT_HOST, CLIENT_HOST, news)


def caller(*endpoints: str) -> Caller:
    """A session that is connected to all of its endpoints."""
    session = Caller(*(endpoints or (ONE,)))
    session.up(*(endpoints or (ONE,)))
    return session


def got(*values: bytes) -> Got:
    """A reply with these values."""
    return Got(("ok",) * len(values), kinds(len(values)), values, (), ())


def failed(code: str, *, definite: bool = True) -> Failed:
    """A refusal, or worse."""
    return Failed(code, f"because of {code}", definite)


def asked(out: list[Envelope]) -> list[str]:
    """Which endpoints the envelopes go to."""
    return [e.to.node.removeprefix("@") for e in out]
