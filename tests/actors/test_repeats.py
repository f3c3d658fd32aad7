"""Requests are repeated until they are answered or given up."""

from __future__ import annotations

from actors.actor import HOST, Address, Envelope, Now, reply
from actors.layout import NO_LAYOUT
from actors.messages import AskLayout, Bounced, LayoutIs
from actors.outbox import Outbox
from actors.repeats import MAX_TRIES, Repeats
from tests.actors.envelopes import A, B, C

ANSWER = LayoutIs(NO_LAYOUT)


class Asking:
    """Node A's storage asks B's, with a patience of 100 ms."""

    def __init__(self) -> None:
        self.outbox = Outbox(Address(A, "storage"), 0)
        self.repeats: Repeats[str] = Repeats(self.outbox, 100)

    def ask(self, what: str = "it", peer: str = B) -> Envelope:
        """At first."""
        self.repeats.ask(peer, AskLayout(1), what, Now(0, 0))
        [sent] = self.outbox.take()
        return sent

    def due(self, now_ms: int) -> list[Envelope]:
        """What is sent when it is due."""
        assert self.repeats.due(Now(now_ms, 0)) == []
        return self.outbox.take()


def test_an_answer_is_for_what_was_asked() -> None:
    """Once: a copy of it is for nothing."""
    asking = Asking()
    request = asking.ask()
    assert asking.repeats.take(reply(request, ANSWER)) == "it"
    assert asking.repeats.take(reply(request, ANSWER)) is None
    assert asking.repeats.wake_at is None


def test_only_who_was_asked_can_answer() -> None:
    """Another who guesses the number is not believed."""
    asking = Asking()
    request = asking.ask()
    forged = Envelope(request.sender, Address(C, "storage"), ANSWER, request.id)
    assert asking.repeats.take(forged) is None
    assert asking.repeats.take(reply(request, ANSWER)) == "it"


def test_patience_doubles() -> None:
    """A request is repeated after 100 ms, then 200, then 400, so that the slowest is heard."""
    asking = Asking()
    asking.ask()
    times = []
    for now_ms in range(0, 1_500, 50):
        times += [now_ms for _ in asking.due(now_ms)]
    assert times == [100, 300, 700]


def test_the_answer_to_an_earlier_try_counts() -> None:
    """It says the same, and then nothing is repeated any more."""
    asking = Asking()
    first = asking.ask()
    [again] = asking.due(100)
    assert asking.repeats.take(reply(first, ANSWER)) == "it"
    assert asking.repeats.take(reply(again, ANSWER)) is None
    assert asking.due(10_000) == []


def test_it_is_given_up_in_the_end() -> None:
    """After five tries, once."""
    asking = Asking()
    asking.ask()
    now_ms = 0
    for _ in range(MAX_TRIES - 1):
        assert asking.repeats.wake_at is not None
        now_ms = asking.repeats.wake_at
        assert len(asking.due(now_ms)) == 1
    assert asking.repeats.wake_at is not None
    assert asking.repeats.due(Now(asking.repeats.wake_at, 0)) == ["it"]
    assert asking.repeats.wake_at is None


def test_what_comes_back_from_the_host_is_known() -> None:
    """A request that was not sent is named by its number and whom it was for."""
    asking = Asking()
    request = asking.ask()
    notice = Bounced(request.to, request.message)
    back = Envelope(request.sender, Address(A, HOST), notice, request.id)
    assert asking.repeats.take(back) == "it"


def test_one_peer_can_be_forgotten() -> None:
    """What it was asked for is named; others are still awaited."""
    asking = Asking()
    request, other = asking.ask("one"), asking.ask("other", C)
    asking.due(100)
    assert asking.repeats.forget(B) == ["one"]
    assert asking.repeats.take(reply(request, ANSWER)) is None
    assert asking.repeats.take(reply(other, ANSWER)) == "other"


def test_all_can_be_forgotten() -> None:
    """Then no answer is expected, and nothing is repeated."""
    asking = Asking()
    request = asking.ask()
    asking.repeats.clear()
    assert asking.repeats.take(reply(request, ANSWER)) is None
    assert asking.repeats.wake_at is None
