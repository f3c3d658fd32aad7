"""The router's hints: for whom storage is to remember that it has not stored what was written."""

from __future__ import annotations

from actors.actor import Envelope
from actors.messages import Hint, Observe, Store, Written
from tests.actors.coordinators import (
    OWN,
    begun,
    bounce_all,
    coordinator,
    members_changed,
    nodes,
    observed,
    sent,
    stored,
)
from tests.actors.envelopes import A, B, C, all_of, delete, message, messages, write


def hints(out: list[Envelope]) -> list[Hint]:
    """What the own storage is to remember."""
    assert all(e.to == OWN for e in all_of(out, Hint))
    return messages(out, Hint)


def test_an_owner_that_is_down_is_hinted_when_the_others_are_sent_the_write() -> None:
    """By its id, with the keys alone; it is sent nothing itself."""
    node = coordinator(down=(C,))
    out = node.take(write("a", "b"))
    assert hints(out) == []
    out = node.take(observed(sent(out, B, Observe), 5))
    assert nodes(out, Store) == [A, B]
    assert sorted(key for hint in hints(out) for key in hint.keys) == ["a", "b"]
    assert {hint.member for hint in hints(out)} == {C}


def test_an_owner_that_falls_before_it_has_stored_is_hinted() -> None:
    """Whether or not the write was acknowledged by then; a deletion too."""
    node = coordinator()
    begun(node, write("a", number=1))
    out = begun(node, delete("b", number=2))
    node.take(*(stored(sent(out, n, Store)) for n in (A, B)))
    out = node.take(members_changed(down=(C,)))
    assert hints(out) == [Hint(C, ("a",)), Hint(C, ("b",))]


def test_an_owner_that_does_not_answer_is_hinted_after_a_while() -> None:
    """The client was told long before; nobody waits any more for who is silent."""
    node = coordinator()
    out = begun(node, write("k"))
    assert message(node.take(*(stored(sent(out, n, Store)) for n in (A, B))), Written)
    assert hints(node.run_for(1_450)) == []
    assert hints(node.run_for(100)) == [Hint(C, ("k",))]
    assert node.run_for(20_000) == []
    assert node.actor.wake_at is None


def test_an_owner_that_stores_it_late_is_not_hinted() -> None:
    """It has it, after all."""
    node = coordinator()
    out = begun(node, write("k"))
    node.take(*(stored(sent(out, n, Store)) for n in (A, B)))
    assert node.take(stored(sent(out, C, Store)), after_ms=1_000) == []
    assert node.run_for(20_000) == []


def test_an_owner_that_cannot_be_reached_is_hinted() -> None:
    """Once it is given up, after half a second."""
    node = coordinator()
    out = begun(node, write("k"))
    bounced = bounce_all(node, all_of(out, Store), C, for_ms=600)
    assert hints(bounced) == [Hint(C, ("k",))]


def test_an_owner_whose_disk_is_full_is_hinted() -> None:
    """There may be room again when it is healed."""
    node = coordinator()
    out = begun(node, write("k"))
    assert hints(node.take(stored(sent(out, C, Store), "disk_full"))) == [Hint(C, ("k",))]


def test_a_write_that_timed_out_is_hinted_too() -> None:
    """It may have been stored by somebody: then all are to have it."""
    node = coordinator()
    out = begun(node, write("k", timeout_ms=100))
    node.take(stored(sent(out, A, Store)))
    told = hints(node.run_for(1_600))
    assert sorted(hint.member for hint in told) == [B, C]
    assert {hint.keys for hint in told} == {("k",)}


def test_nobody_is_hinted_twice() -> None:
    """Who was down when it was sent is not given up once more."""
    node = coordinator(down=(C,))
    out = begun(node, write("k"))
    assert len(hints(out)) == 1
    node.take(*(stored(sent(out, n, Store)) for n in (A, B)))
    node.take(members_changed())
    assert hints(node.take(members_changed(down=(C,)))) == []
    assert hints(node.run_for(20_000)) == []


def test_nobody_is_hinted_of_what_was_refused() -> None:
    """It was stored by nobody."""
    node = coordinator(down=(B, C))
    assert hints(node.take(write("k"))) == []
    node = coordinator()
    out = node.take(write("k"))
    out = node.take(members_changed(down=(B, C)), observed(sent(out, B, Observe), 5))
    assert hints(out + node.run_for(20_000)) == []
