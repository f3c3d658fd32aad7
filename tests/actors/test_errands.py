"""What a file server asks of others: repeated, given up, and a few chunks at a time."""

from __future__ import annotations

from actors.actor import Address, Envelope, Now
from actors.errands import BOUNCE_PATIENCE_MS, Errand, Errands
from actors.messages import (
    Bounced,
    ChunkKept,
    Failed,
    KeepChunk,
    Message,
    Touch,
    Touched,
    Write,
)

HERE = Address("a" * 16, "fileserver")
THERE = Address("b" * 16, "fileserver")
ROUTER = Address("a" * 16, "router")
TOUCH = Touch(1, ("x",))
KEPT = ChunkKept("ok")


class Asking:
    """Errands, the time, and what was answered."""

    def __init__(self, credit: int = 2) -> None:
        self.errands = Errands(HERE, 100, 1_000, credit)
        self.now_ms = 0
        self.answers: list[Message | None] = []

    def ask(self, message: Message, to: Address = THERE, *, repeats: bool = True) -> None:
        """Ask, with ten seconds' patience."""
        self.errands.ask(
            to, message, self.answers.append, self._now(), patience_ms=10_000, repeats=repeats
        )

    def answer(self, number: int, message: Message, sender: Address = THERE) -> bool:
        """An envelope arrives."""
        return self.errands.on(Envelope(HERE, sender, message, number), self._now())

    def bounce(self, number: int, message: Message, to: Address = THERE) -> bool:
        """An envelope comes back."""
        return self.answer(number, Bounced(to, message), HERE)

    def at(self, now_ms: int) -> list[int]:
        """What is sent at this time, by numbers."""
        self.now_ms = now_ms
        self.errands.due(self._now())
        return [envelope.id for envelope in self.errands.take()]

    def _now(self) -> Now:
        return Now(self.now_ms, 0)


def test_an_errand_ends_with_its_answer() -> None:
    """Be it a refusal."""
    asking = Asking()
    asking.ask(TOUCH)
    asking.ask(TOUCH)
    assert asking.at(0) == [101, 102]
    assert asking.answer(101, Touched((True,)))
    assert asking.answer(102, Failed("not_ready", "", True))
    assert asking.answers == [Touched((True,)), Failed("not_ready", "", True)]
    assert not asking.answer(101, Touched((True,)))
    assert len(asking.errands) == 0


def test_the_request_of_another_is_no_answer_although_it_has_the_same_number() -> None:
    """All number theirs in the same way."""
    asking = Asking()
    asking.ask(TOUCH)
    assert not asking.answer(101, TOUCH)
    assert not asking.answer(101, KeepChunk("x", b"data"))
    assert asking.answers == []


def test_an_answer_of_somebody_else_is_none() -> None:
    """Only who was asked may answer."""
    asking = Asking()
    asking.ask(TOUCH)
    assert not asking.answer(101, Touched((True,)), Address("c" * 16, "fileserver"))
    assert not asking.answer(101, Touched((True,)), Address(THERE.node, "storage"))
    assert not asking.bounce(101, TOUCH, ROUTER)


def test_what_goes_unanswered_is_repeated_and_given_up_in_the_end() -> None:
    """Every second, for ten."""
    asking = Asking()
    asking.ask(TOUCH)
    assert asking.at(0) == [101]
    assert asking.at(999) == []
    assert asking.at(1_000) == [101]
    assert asking.at(2_000) == [101]
    assert asking.at(10_000) == []
    assert asking.answers == [None]
    assert asking.errands.wake_at is None


def test_a_write_is_never_repeated() -> None:
    """Nobody could know how often it was done."""
    asking = Asking()
    write = Write(("k",), ("bytes",), (b"",), "quorum", 0, 5_000)
    asking.ask(write, ROUTER, repeats=False)
    assert asking.at(0) == [101]
    assert asking.at(9_999) == []
    assert asking.at(10_000) == []
    assert asking.answers == [None]
    asking.ask(write, ROUTER, repeats=False)
    asking.bounce(102, write, ROUTER)
    assert asking.answers == [None, None]


def test_what_bounces_is_tried_again_for_a_while() -> None:
    """A connection may just be being made."""
    asking = Asking()
    asking.ask(TOUCH)
    assert asking.at(0) == [101]
    asking.bounce(101, TOUCH)
    assert asking.at(50) == [101]
    asking.bounce(101, TOUCH)
    assert asking.answers == []
    assert asking.at(BOUNCE_PATIENCE_MS) == [101]
    asking.bounce(101, TOUCH)
    assert asking.answers == [None]


def test_a_few_chunks_at_a_time_are_on_their_way_to_a_node() -> None:
    """The next when one is answered, or given up; small requests do not wait."""
    asking = Asking()
    for n in range(5):
        asking.ask(KeepChunk(f"{n}", b"data"))
    asking.ask(TOUCH)
    assert asking.at(0) == [101, 102, 103]
    assert asking.answer(102, KEPT)
    assert asking.at(0) == [104]
    assert asking.answer(101, KEPT)
    assert asking.answer(104, KEPT)
    assert asking.at(0) == [105, 106]
    assert asking.answers == [KEPT] * 3


def test_what_waits_for_credit_is_given_up_when_its_time_is_over() -> None:
    """Or called off before it has left."""
    asking = Asking(credit=1)
    first = KeepChunk("1", b"data")
    asking.ask(first)
    asking.ask(KeepChunk("2", b"data"))
    third = asking.errands.ask(
        THERE, KeepChunk("3", b"data"), asking.answers.append, Now(0, 0), patience_ms=10_000
    )
    assert not third.is_sent
    asking.errands.call_off(third, Now(0, 0))
    asking.at(10_000)
    assert asking.answers == [None, None]
    assert len(asking.errands) == 0


def test_what_is_given_up_may_call_off_what_waits_for_other_nodes_and_is_late_too() -> None:
    """As a chunk does that too few of its owners can be sent in time."""
    asking = Asking(credit=1)
    others = [THERE, Address("c" * 16, "fileserver"), Address("d" * 16, "fileserver")]
    waiting: list[Errand] = []

    def then(answer: Message | None) -> None:
        asking.answers.append(answer)
        for errand in waiting:
            asking.errands.call_off(errand, Now(20_000, 0))

    for to in others:
        asking.ask(KeepChunk("1", b"data"), to)
    for to in others:
        kept = KeepChunk("2", b"data")
        waiting.append(asking.errands.ask(to, kept, then, Now(0, 0), patience_ms=20_000))
    assert asking.at(0) == [101, 102, 103]
    assert asking.at(20_000) == []
    assert asking.answers == [None] * 4
    assert len(asking.errands) == 0
    assert asking.errands.wake_at is None


def test_of_a_node_that_is_down_nothing_is_waited_for() -> None:
    """Neither what was sent nor what waits."""
    asking = Asking(credit=1)
    asking.ask(KeepChunk("1", b"data"))
    asking.ask(KeepChunk("2", b"data"))
    asking.ask(TOUCH, Address("c" * 16, "fileserver"))
    asking.errands.give_up(THERE.node, Now(0, 0))
    assert asking.answers == [None, None]
    assert len(asking.errands) == 1


def test_an_answer_that_nobody_waits_for_is_late_or_was_not_asked_for() -> None:
    """Late is one to an errand that has ended, or of an earlier life, whose numbers are lower."""
    asking = Asking()
    asking.ask(TOUCH)
    [number] = asking.at(0)
    touched = Touched((True,))
    assert asking.answer(number, touched)
    for unwanted, sent, why in (
        (number, touched, "late Touched"),
        (7, touched, "late Touched"),
        (number + 1, touched, "unasked Touched"),
        (0, touched, "unasked Touched"),
        (number, TOUCH, "unasked Touch"),
    ):
        envelope = Envelope(HERE, THERE, sent, unwanted)
        assert asking.errands.unwanted(envelope) == why
