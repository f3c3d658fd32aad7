"""Asks: to whom a question went, how often it is repeated, and when it is given up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope, Now, reply
from actors.asks import Ask, Asks, AskSettings
from actors.jobs import Job
from actors.messages import (
    Fetch,
    Fetched,
    Message,
    Observe,
    Observed,
    Scan,
    Scanned,
    Store,
    Stored,
)
from actors.versions import NEVER
from tests.actors.envelopes import TRACE, A, B, C, bounced, get, kinds, stamp

ROUTER = Address(A, "router")
REPLICA = Address(B, "storage")
SETTINGS = AskSettings(retry_ms=500, bounce_retry_ms=50, bounce_patience_ms=500)

STORE = Store(("k", "l"), ("json", "json"), (b"1", b"2"), (stamp(1), stamp(2)))
FETCH = Fetch(("k", "l"))


def fetched(count: int) -> Fetched:
    """An answer about so many keys."""
    return Fetched(kinds(count, "absent"), (b"",) * count, (NEVER,) * count)


def job() -> Job:
    """A job with one key that waits for its outcome."""
    return Job(get("k"), 1, 10_000)


def asks(number: int = 0) -> Asks:
    """The asks of node A's router."""
    return Asks(ROUTER, number, SETTINGS)


def send(
    asking: Asks, message: Message, *, at_ms: int = 0, wanted_by: Job | None = None
) -> Envelope:
    """Ask node B on behalf of a job."""
    return asking.send(REPLICA, message, [(wanted_by or job(), (0,))], TRACE, at(at_ms))


def at(mono_ms: int) -> Now:
    """A time."""
    return Now(mono_ms, 0)


def bounce(asking: Asks, envelope: Envelope, at_ms: int) -> Ask | None:
    """The host hands the envelope back."""
    return asking.bounced(bounced(envelope), at(at_ms))


def test_an_ask_is_numbered() -> None:
    """Each has a number of its own, from the one after that which was given."""
    asking = asks(1 << 40)
    first, second = send(asking, Observe()), send(asking, FETCH)
    assert (first.id, second.id) == ((1 << 40) + 1, (1 << 40) + 2)
    assert (first.to, first.sender, first.message) == (REPLICA, ROUTER, Observe())
    assert first.trace == TRACE


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (Observe(), Observed(1)),
        (STORE, Stored(("ok", "ok"))),
        (FETCH, fetched(2)),
        (FETCH, fetched(1)),
        (Scan("", "", 1), Scanned((), False)),
    ],
)
def test_an_answer_ends_its_ask(question: Message, answer: Message) -> None:
    """It is found by its number, once."""
    asking = asks()
    envelope = send(asking, question)
    ask = asking.answered(reply(envelope, answer))
    assert ask is not None
    assert ask.message == question
    assert asking.answered(reply(envelope, answer)) is None
    assert len(asking) == 0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (Observe(), Stored(("ok",))),
        (STORE, Stored(("ok",))),
        (STORE, Stored(("ok",) * 3)),
        (STORE, Observed(1)),
        (FETCH, fetched(0)),
        (FETCH, fetched(3)),
        (FETCH, Scanned((), False)),
        (Scan("", "", 1), fetched(1)),
    ],
)
def test_an_answer_to_something_else_is_none(question: Message, answer: Message) -> None:
    """Not of the kind, or not of the length, that was asked for: the ask stays open."""
    asking = asks()
    envelope = send(asking, question)
    assert asking.answered(reply(envelope, answer)) is None
    assert len(asking) == 1


@pytest.mark.parametrize("stranger", [Address(C, "storage"), Address(B, "router")])
def test_an_answer_from_somebody_else_is_none(stranger: Address) -> None:
    """Only who was asked can answer."""
    asking = asks()
    envelope = send(asking, FETCH)
    assert asking.answered(replace(reply(envelope, fetched(1)), sender=stranger)) is None
    assert len(asking) == 1


def test_an_answer_to_another_number_is_none() -> None:
    """A late answer is not taken for one that is waited for."""
    asking = asks()
    envelope = send(asking, FETCH)
    assert asking.answered(replace(reply(envelope, fetched(1)), id=envelope.id + 1)) is None


def test_an_ask_is_repeated_at_doubled_intervals() -> None:
    """The same envelope again, after 500 ms, a second more, two more, up to eight seconds."""
    asking = asks()
    envelope = send(asking, STORE)
    repeated = [ms for ms in range(0, 40_000, 50) if asking.due(at(ms)) == [envelope]]
    assert repeated == [500, 1_500, 3_500, 7_500, 15_500, 23_500, 31_500, 39_500]


def test_what_nobody_waits_for_is_forgotten() -> None:
    """When the last job that wants an answer has its outcome, nothing is repeated for it."""
    asking = asks()
    wanted = job()
    send(asking, FETCH, wanted_by=wanted)
    wanted.time_out()
    assert asking.due(at(500)) == []
    assert len(asking) == 0


def test_a_bounced_ask_is_tried_again_soon() -> None:
    """A connection may just be under way."""
    asking = asks()
    envelope = send(asking, FETCH)
    assert bounce(asking, envelope, 10) is None
    assert asking.due(at(59)) == []
    assert asking.due(at(60)) == [envelope]


def test_a_bounced_ask_is_given_up_when_patience_is_out() -> None:
    """Half a second after it was first asked it has ended."""
    asking = asks()
    envelope = send(asking, FETCH)
    for ms in range(0, 450, 50):
        assert bounce(asking, envelope, ms) is None
        assert asking.due(at(ms + 50)) == [envelope]
    ask = bounce(asking, envelope, 500)
    assert ask is not None
    assert (ask.message, ask.to) == (FETCH, REPLICA)
    assert len(asking) == 0


def test_the_bounce_of_what_has_ended_is_nothing() -> None:
    """An ask that was answered meanwhile is not given up."""
    asking = asks()
    envelope = send(asking, FETCH)
    asking.answered(reply(envelope, fetched(1)))
    assert bounce(asking, envelope, 1_000) is None


def test_a_store_that_always_bounced_was_never_sent() -> None:
    """Every attempt came back, so it is certain that nothing was changed."""
    asking = asks()
    envelope = send(asking, STORE)
    bounce(asking, envelope, 0)
    asking.due(at(50))
    ask = bounce(asking, envelope, 500)
    assert ask is not None
    assert ask.harmless()


def test_a_store_of_which_one_attempt_left_may_have_happened() -> None:
    """However often it bounces afterwards."""
    asking = asks()
    envelope = send(asking, STORE)
    asking.due(at(500))
    ask = bounce(asking, envelope, 600)
    assert ask is not None
    assert not ask.harmless()


@pytest.mark.parametrize("question", [FETCH, Observe(), Scan("", "", 1)])
def test_what_changes_nothing_is_always_harmless(question: Message) -> None:
    """A question that may have arrived did no harm."""
    asking = asks()
    envelope = send(asking, question)
    asking.due(at(500))
    ask = bounce(asking, envelope, 600)
    assert ask is not None
    assert ask.harmless()
