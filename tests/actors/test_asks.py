"""Asks: to whom a question went, how often it is repeated, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from actors.actor import Address, Envelope, Now, reply
from actors.asks import Ask, Asks, AskSettings
from actors.layout import NO_LAYOUT
from actors.messages import (
    AskReport,
    Failed,
    Fetch,
    Fetched,
    Inspect,
    Inspected,
    LayoutIs,
    Message,
    Observe,
    Observed,
    Report,
    Scan,
    Scanned,
    Store,
    Stored,
)
from actors.versions import NEVER
from tests.actors.envelopes import TRACE, A, B, C, bounced, kinds, stamp

ROUTER = Address(A, "router")
REPLICA = Address(B, "storage")
SETTINGS = AskSettings(retry_ms=500, bounce_retry_ms=50, bounce_patience_ms=500, linger_ms=1_500)

STORE = Store(1, ("k", "l"), ("json", "json"), (b"1", b"2"), (stamp(1), stamp(2)), (0, 0))
FETCH = Fetch(1, ("k", "l"))
OBSERVE = Observe(1)
SCAN = Scan(1, "", "", 1)
NOT_READY = Failed("not_ready", "", True)
FENCED = LayoutIs(NO_LAYOUT)


@dataclass(eq=False)
class Part:
    """A part of a job that waits for every answer, until it is over."""

    is_over: bool = False

    def wants(self, node: str) -> bool:
        """Until then."""
        return not self.is_over and bool(node)


def fetched(count: int) -> Fetched:
    """An answer about so many keys."""
    stamps, expiries = (NEVER,) * count, (0,) * count
    return Fetched(kinds(count, "absent"), (b"",) * count, stamps, expiries)


def asks(number: int = 0) -> Asks:
    """The asks of node A's router."""
    return Asks(ROUTER, number, SETTINGS)


def send(
    asking: Asks,
    message: Message,
    *,
    at_ms: int = 0,
    part: Part | None = None,
    to: Address = REPLICA,
) -> Envelope:
    """Ask node B, unless another is given, on behalf of a part."""
    return asking.send(to, message, [part or Part()], TRACE, at(at_ms))


def at(mono_ms: int) -> Now:
    """A time."""
    return Now(mono_ms, 0)


def bounce(asking: Asks, envelope: Envelope, at_ms: int) -> Ask | None:
    """The host hands the envelope back."""
    return asking.put_off(bounced(envelope), at(at_ms))


def test_an_ask_is_numbered() -> None:
    """Each has a number of its own, from the one after that which was given."""
    asking = asks(1 << 40)
    first, second = send(asking, OBSERVE), send(asking, FETCH)
    assert (first.id, second.id) == ((1 << 40) + 1, (1 << 40) + 2)
    assert (first.to, first.sender, first.message) == (REPLICA, ROUTER, OBSERVE)
    assert first.trace == TRACE


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (OBSERVE, Observed(1)),
        (STORE, Stored(("ok", "ok"))),
        (FETCH, fetched(2)),
        (FETCH, fetched(1)),
        (SCAN, Scanned((), False)),
        (Inspect("k"), Inspected(1, "absent", NEVER, 0, 0, ())),
        (AskReport(1), Report(1, "", 0, 0, (), ())),
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
        (OBSERVE, Stored(("ok",))),
        (STORE, Stored(("ok",))),
        (STORE, Stored(("ok",) * 3)),
        (STORE, Observed(1)),
        (FETCH, fetched(0)),
        (FETCH, fetched(3)),
        (FETCH, Scanned((), False)),
        (SCAN, fetched(1)),
        (AskReport(1), Inspected(1, "absent", NEVER, 0, 0, ())),
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
    """Only who was asked can answer, or put off."""
    asking = asks()
    envelope = send(asking, FETCH)
    assert asking.answered(replace(reply(envelope, fetched(1)), sender=stranger)) is None
    put_off = replace(reply(envelope, NOT_READY), sender=stranger)
    assert asking.put_off(put_off, at(1_000)) is None
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
    repeated = [ms for ms in range(0, 40_000, 50) if asking.due(at(ms)) == ([envelope], [])]
    assert repeated == [500, 1_500, 3_500, 7_500, 15_500, 23_500, 31_500, 39_500]


def test_what_nobody_waits_for_lingers() -> None:
    """Who answers late need not be healed; it is repeated like others, and then given up."""
    asking = asks()
    part = Part()
    envelope = send(asking, STORE, part=part)
    part.is_over = True
    assert asking.due(at(500)) == ([envelope], [])
    assert asking.due(at(1_499)) == ([], [])
    again, [over] = asking.due(at(1_500))
    assert (again, over.message, len(asking)) == ([], STORE, 0)


def test_what_was_waited_for_long_does_not_linger() -> None:
    """It has had its time."""
    asking = asks()
    part = Part()
    send(asking, STORE, part=part)
    asking.due(at(3_000))
    part.is_over = True
    assert len(asking.due(at(3_050))[1]) == 1


def test_an_ask_is_wanted_while_one_of_its_parts_wants_it() -> None:
    """Many share it."""
    asking = asks()
    parts = [Part(is_over=True), Part()]
    asking.send(REPLICA, FETCH, parts, None, at(0))
    assert asking.due(at(1_500))[1] == []
    parts[1].is_over = True
    assert len(asking.due(at(1_550))[1]) == 1


@pytest.mark.parametrize("message", [None, NOT_READY, FENCED])
def test_what_did_nothing_is_tried_again_soon(message: Message | None) -> None:
    """A connection may just be under way, or the replica about to be ready, or to catch up."""
    asking = asks()
    envelope = send(asking, FETCH)
    put_off = bounced(envelope) if message is None else reply(envelope, message)
    assert asking.put_off(put_off, at(10)) is None
    assert asking.due(at(59)) == ([], [])
    assert asking.due(at(60)) == ([envelope], [])


@pytest.mark.parametrize("message", [None, NOT_READY, FENCED])
def test_what_does_nothing_is_given_up_when_patience_is_out(message: Message | None) -> None:
    """Half a second after it was first asked it has ended."""
    asking = asks()
    envelope = send(asking, FETCH)
    put_off = bounced(envelope) if message is None else reply(envelope, message)
    for ms in range(0, 450, 50):
        assert asking.put_off(put_off, at(ms)) is None
        assert asking.due(at(ms + 50)) == ([envelope], [])
    ask = asking.put_off(put_off, at(500))
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


@pytest.mark.parametrize("message", [NOT_READY, FENCED])
def test_a_store_that_was_turned_away_may_have_happened(message: Message) -> None:
    """The network may bring it a second time, when the replica is ready."""
    asking = asks()
    envelope = send(asking, STORE)
    ask = asking.put_off(reply(envelope, message), at(500))
    assert ask is not None
    assert not ask.harmless()


def test_a_store_of_which_one_attempt_left_may_have_happened() -> None:
    """However often it bounces afterwards."""
    asking = asks()
    envelope = send(asking, STORE)
    asking.due(at(500))
    ask = bounce(asking, envelope, 600)
    assert ask is not None
    assert not ask.harmless()


@pytest.mark.parametrize("question", [FETCH, OBSERVE, SCAN])
def test_what_changes_nothing_is_always_harmless(question: Message) -> None:
    """A question that may have arrived did no harm."""
    asking = asks()
    envelope = send(asking, question)
    asking.due(at(500))
    ask = bounce(asking, envelope, 600)
    assert ask is not None
    assert ask.harmless()


def test_all_that_a_node_was_asked_is_given_up_with_it() -> None:
    """It is known to be down; what others were asked goes on."""
    asking = asks()
    send(asking, FETCH)
    send(asking, FETCH, to=Address(C, "storage"))
    send(asking, OBSERVE, to=Address(B, "router"))
    assert [ask.message for ask in asking.give_up(B)] == [FETCH, OBSERVE]
    assert asking.give_up(B) == []
    assert len(asking) == 1


def test_what_is_under_way_can_be_forgotten() -> None:
    """It was asked in an epoch that is over: an answer is to nothing, and numbers go on."""
    asking = asks()
    envelope = send(asking, FETCH)
    asking.forget_all()
    assert asking.answered(reply(envelope, fetched(2))) is None
    assert asking.due(at(10_000)) == ([], [])
    assert send(asking, FETCH).id == envelope.id + 1
