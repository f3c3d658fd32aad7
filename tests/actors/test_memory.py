"""What the gossiper has remembered: one write at a time, and nobody is told too early."""

from __future__ import annotations

import pytest

from actors.actor import Address, Envelope
from actors.layout import founding
from actors.memory import Memory
from actors.messages import Remember
from actors.outbox import Outbox
from tests.actors.envelopes import A, messages

ONE, TWO, THREE = ("one", b"1"), ("two", b"2"), ("three", b"3")


class Keeping:
    """A memory, what it has written, and who was told of what became of it."""

    def __init__(self) -> None:
        self.outbox = Outbox(Address(A, "gossiper"), 0)
        self.memory = Memory(self.outbox)
        self.told: list[tuple[str, str]] = []

    def keep(self, name: str, *notes: tuple[str, bytes]) -> None:
        """Somebody of this name wants these notes to be kept."""
        self.memory.keep(lambda: notes, lambda code: self.told.append((name, code)))

    def flush(self) -> list[Envelope]:
        """The end of a turn."""
        self.memory.flush()
        return self.outbox.take()

    def written(self) -> Envelope:
        """The one write that the turn has brought."""
        [envelope] = self.flush()
        return envelope


def test_what_is_to_be_kept_is_written_at_the_end_of_a_turn() -> None:
    """All of it at once, by the storage of this node."""
    keeping = Keeping()
    keeping.keep("first", ONE, TWO)
    keeping.keep("second", THREE)
    written = keeping.written()
    assert written.to == Address(A, "storage")
    assert written.message == Remember((ONE, TWO, THREE))


def test_a_turn_without_anything_to_keep_writes_nothing() -> None:
    """Nor does one in which the disk is still busy."""
    keeping = Keeping()
    assert keeping.flush() == []
    keeping.keep("first", ONE)
    keeping.written()
    keeping.keep("second", TWO)
    assert keeping.flush() == keeping.flush() == []


def test_who_waits_is_told_when_it_is_on_the_disk() -> None:
    """Once, and all who waited for this write, in the order in which they asked."""
    keeping = Keeping()
    keeping.keep("first", ONE)
    keeping.keep("second", TWO)
    number = keeping.written().id
    assert keeping.told == []
    keeping.memory.on_remembered(number, "ok")
    keeping.memory.on_remembered(number, "ok")
    assert keeping.told == [("first", "ok"), ("second", "ok")]


def test_what_comes_while_the_disk_is_busy_goes_into_the_next_write() -> None:
    """It is not told of the write that was under way."""
    keeping = Keeping()
    keeping.keep("first", ONE)
    number = keeping.written().id
    keeping.keep("second", TWO)
    keeping.flush()
    keeping.memory.on_remembered(number, "ok")
    assert keeping.told == [("first", "ok")]
    written = keeping.written()
    assert written.message == Remember((TWO,))
    keeping.memory.on_remembered(written.id, "disk_full")
    assert keeping.told == [("first", "ok"), ("second", "disk_full")]


def test_what_waits_is_made_into_notes_when_it_is_written() -> None:
    """What became of the write before decides what is written: it may have been forgone."""
    keeping = Keeping()
    latest = [TWO]

    def forgo(code: str) -> None:
        latest[:] = [ONE]

    keeping.memory.keep(lambda: list(latest), forgo)
    number = keeping.written().id
    keeping.memory.keep(lambda: list(latest), lambda code: None)
    assert keeping.flush() == []
    keeping.memory.on_remembered(number, "disk_full")
    assert keeping.written().message == Remember((ONE,))


def test_a_write_that_failed_is_not_repeated() -> None:
    """Who asked for it is told why, and may ask again."""
    keeping = Keeping()
    keeping.keep("first", ONE)
    keeping.memory.on_remembered(keeping.written().id, "disk_full")
    assert keeping.told == [("first", "disk_full")]
    assert keeping.flush() == []
    assert not keeping.memory.is_busy


def test_an_answer_that_is_not_to_the_write_under_way_is_passed_over() -> None:
    """It is one of an earlier life, or none that was asked for."""
    keeping = Keeping()
    keeping.memory.on_remembered(0, "ok")
    keeping.keep("first", ONE)
    number = keeping.written().id
    keeping.memory.on_remembered(number + 1, "ok")
    assert keeping.told == []
    assert keeping.memory.is_busy


def test_who_is_told_may_ask_for_more() -> None:
    """It goes into the next write, which is another one."""
    keeping = Keeping()
    keeping.memory.keep(lambda: [ONE], lambda code: keeping.keep("more", TWO))
    first = keeping.written()
    keeping.memory.on_remembered(first.id, "ok")
    assert keeping.told == []
    second = keeping.written()
    assert second.id != first.id
    assert second.message == Remember((TWO,))


@pytest.mark.parametrize("code", ["ok", "disk_full"])
def test_a_memory_is_busy_from_the_asking_to_the_answer(code: str) -> None:
    """Whether it is already being written or not."""
    keeping = Keeping()
    assert not keeping.memory.is_busy
    keeping.keep("first", ONE)
    assert keeping.memory.is_busy
    number = keeping.written().id
    assert keeping.memory.is_busy
    keeping.memory.on_remembered(number, code)
    assert not keeping.memory.is_busy


def test_no_notes_are_a_wait_for_the_disk() -> None:
    """For what others keep in the same write, if they do."""
    keeping = Keeping()
    keeping.keep("first")
    out = keeping.flush()
    assert messages(out, Remember) == [Remember(())]
    keeping.memory.on_remembered(out[0].id, "ok")
    assert keeping.told == [("first", "ok")]


@pytest.mark.parametrize("code", ["ok", "disk_full"])
def test_the_first_layout_goes_with_the_notes_of_the_network_that_begins(code: str) -> None:
    """In one write, once: if that fails neither is kept, and who asked for it asks again."""
    keeping, first = Keeping(), founding([A])
    keeping.keep("busy", ONE)
    busy = keeping.written()
    keeping.memory.keep(lambda: [TWO], lambda _: None, first)
    keeping.keep("other", THREE)
    keeping.memory.on_remembered(busy.id, "ok")
    together = keeping.written()
    assert together.message == Remember((TWO, THREE), first)
    keeping.memory.on_remembered(together.id, code)
    keeping.keep("later", ONE)
    assert keeping.written().message == Remember((ONE,))
