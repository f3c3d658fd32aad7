"""The router's reads: the latest of a quorum; where they differ it is written back first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.messages import Fetch, Fetched, Got, Level, Store, Written
from tests.actors.coordinators import (
    NAMES,
    D,
    E,
    coordinator,
    failure,
    fetched,
    members_changed,
    nodes,
    read,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    client,
    get,
    message,
    reasons,
    record,
    the,
    tombstone,
)

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")


# What is told.


def test_what_a_quorum_agrees_on_is_told_at_once() -> None:
    """One round; with details also the version, and who was seen to hold it."""
    node = coordinator()
    _, out = read(node, get("k", number=4, details=True), a=NEW, c=NEW)
    answer = the(out, Got)
    assert (answer.to, answer.id) == (client(), 4)
    names = (NAMES[A], NAMES[C])
    assert answer.message == Got(("ok",), ("bytes",), (b"new",), (str(NEW.stamp),), (names,))
    assert len(out) == 1


def test_one_answer_is_no_quorum() -> None:
    """It may be the one that has missed the last write."""
    node = coordinator()
    assert read(node, get("k"), b=NEW)[1] == []


def test_an_answer_that_comes_twice_counts_once() -> None:
    """A quorum is of nodes, not of answers, however the second was asked for."""
    node = coordinator()
    out, _ = read(node, get("k"), b=OLD)
    twice = fetched(sent(out, B, Fetch), OLD)
    assert all_of(node.take(twice, twice), Got) == []
    assert nodes(node.run_for(600), Fetch) == [A, C]
    assert all_of(node.take(twice), Got) == []


def test_an_answer_from_somebody_else_counts_for_nothing() -> None:
    """A member that was not asked cannot answer for an owner."""
    node = coordinator()
    out, _ = read(node, get("k"), b=NEW)
    stranger = replace(fetched(sent(out, A, Fetch), NEW), sender=sent(out, C, Fetch).to)
    assert reasons(node.take(stranger)) == ["unasked Fetched"]


def test_an_absent_key_is_not_found() -> None:
    """Whether it was deleted or never written."""
    node = coordinator()
    out = node.take(get("k", "never"))
    got = node.take(*(fetched(sent(out, n, Fetch), tombstone("k", 9)) for n in (A, B)))
    assert message(got, Got).codes == ("not_found", "not_found")


# Where they differ.


def test_the_latest_is_written_back_before_it_is_told() -> None:
    """A later read could ask the others, and would find what was before it."""
    node = coordinator()
    _, out = read(node, get("k", details=True), a=OLD, b=NEW)
    assert [e.message for e in out] == [message(out, Store)]
    assert nodes(out, Store) == [A]
    assert records_of(the(out, Store)) == [NEW]
    got = message(node.take(stored(the(out, Store))), Got)
    assert (got.values, got.replicas) == ((b"new",), ((NAMES[B], NAMES[A]),))


def test_a_key_that_one_owner_has_nothing_of_is_written_back() -> None:
    """Nothing is older than anything."""
    node = coordinator()
    out = node.take(get("k"))
    out = node.take(fetched(sent(out, C, Fetch)), fetched(sent(out, B, Fetch), NEW))
    assert nodes(out, Store) == [C]
    assert message(node.take(stored(the(out, Store))), Got).codes == ("ok",)


def test_a_tombstone_is_written_back_too() -> None:
    """Else what was deleted could be read again."""
    node = coordinator()
    _, out = read(node, get("k"), a=NEW, b=tombstone("k", 9))
    assert records_of(the(out, Store)) == [tombstone("k", 9)]
    assert message(node.take(stored(the(out, Store))), Got).codes == ("not_found",)


def test_an_acknowledgement_of_a_write_back_is_waited_for_until_it_comes() -> None:
    """Without it the read has no outcome but that time ran out."""
    node = coordinator()
    read(node, get("k"), a=OLD, b=NEW)
    out = node.run_for(10_000)
    assert failure([e for e in out if e.to == client()]) == ("timed_out", True)
    assert node.run_for(20_000) == []
    assert node.actor.wake_at is None


def test_only_the_keys_that_differ_are_written_back() -> None:
    """To each owner what it lacks."""
    node = coordinator()
    out = node.take(get("a", "b", "c"))
    ours = record("a", 2), record("b", 2), record("c", 1)
    theirs = record("a", 1), record("b", 2), record("c", 2)
    out = node.take(fetched(sent(out, A, Fetch), *ours), fetched(sent(out, B, Fetch), *theirs))
    assert records_of(sent(out, A, Store)) == [record("c", 2)]
    assert records_of(sent(out, B, Store)) == [record("a", 2)]
    assert node.take(stored(sent(out, A, Store))) == []
    assert message(node.take(stored(sent(out, B, Store))), Got).codes == ("ok",) * 3


def test_a_read_of_all_owners_writes_back_to_the_one_that_is_behind() -> None:
    """A quorum holds it already, so nobody waits for that."""
    node = coordinator()
    _, out = read(node, get("k", r="all"), a=NEW, b=NEW, c=OLD)
    assert message(out, Got).values == (b"new",)
    assert nodes(out, Store) == [C]
    assert node.take(stored(the(out, Store))) == []


def test_an_owner_that_has_not_answered_is_written_to_when_another_cannot_store() -> None:
    """A quorum is left, so the read goes on."""
    node = coordinator()
    _, out = read(node, get("k"), a=OLD, b=NEW)
    out = node.take(stored(the(out, Store), "disk_full"))
    assert nodes(out, Store) == [C]
    assert message(node.take(stored(the(out, Store))), Got).values == (b"new",)


def test_an_owner_that_fell_between_two_answers_is_not_written_to() -> None:
    """What it held counts; the third one is written to."""
    node = coordinator()
    out = node.take(get("k"))
    node.take(fetched(sent(out, C, Fetch), OLD))
    node.take(members_changed(down=(C,)))
    out = node.take(fetched(sent(out, B, Fetch), NEW))
    assert nodes(out, Store) == [A]
    assert message(node.take(stored(the(out, Store))), Got).values == (b"new",)


def test_a_read_that_cannot_be_written_back_is_unavailable() -> None:
    """Too few owners can store: what it found must not be told."""
    node = coordinator(down=(C,))
    _, out = read(node, get("k"), a=OLD, b=NEW)
    assert failure(node.take(stored(the(out, Store), "disk_full"))) == ("unavailable", True)


def test_a_write_back_is_given_up_with_an_owner_that_fell() -> None:
    """The third one is written to, and then there is nobody else."""
    node = coordinator()
    _, out = read(node, get("k"), a=NEW, b=OLD)
    assert nodes(out, Store) == [B]
    assert nodes(node.take(members_changed(down=(B,))), Store) == [C]
    assert failure(node.take(members_changed(down=(B, C)))) == ("unavailable", True)


# Levels.


def test_one_answer_is_enough_at_level_one() -> None:
    """What it holds is told, though it may be old."""
    node = coordinator()
    out, answered = read(node, get("k", r="one"), b=OLD)
    assert message(answered, Got).values == (b"old",)
    assert nodes(out, Fetch) == [A, B, C]


def test_all_owners_are_waited_for_at_level_all() -> None:
    """And without one of them there is no answer."""
    node = coordinator()
    out, answered = read(node, get("k", r="all"), a=NEW, b=NEW)
    assert answered == []
    assert failure(node.take(members_changed(down=(C,)))) == ("unavailable", True)
    assert all_of(node.take(fetched(sent(out, C, Fetch), NEW)), Got) == []


@pytest.mark.parametrize(
    ("r", "down", "is_refused"),
    [
        ("one", (B, C), False),
        ("one", (B, C, D), True),
        ("quorum", (B,), False),
        ("quorum", (B, C), True),
        ("all", (B,), True),
    ],
)
def test_a_read_is_refused_at_once_when_too_few_owners_are_up(
    r: Level, down: tuple[str, ...], is_refused: bool
) -> None:
    """Whoever is down is not asked."""
    out = coordinator(B, C, D, down=down).take(get("k", r=r))
    if is_refused:
        assert failure(out) == ("unavailable", True)
        assert len(out) == 1
    else:
        assert nodes(out, Fetch) == [n for n in (B, C, D) if n not in down]


# What is for nobody.


def test_an_answer_that_nobody_waits_for_is_dropped_and_counted() -> None:
    """To a number of an earlier life, or of none yet, of an unknown node, of another kind."""
    node = coordinator()
    out = node.take(get("k"))
    fetch = sent(out, B, Fetch)
    strange = [
        replace(fetched(fetch), id=99),
        replace(fetched(fetch), id=fetch.id + 1_000),
        replace(fetched(fetch), sender=replace_node(fetch, E)),
        replace(fetched(fetch), message=Written((), (), ())),
        replace(fetched(fetch), message=Fetched((), (), (), ())),
    ]
    assert reasons(node.take(*strange)) == [
        "late Fetched",
        "unasked Fetched",
        "unasked Fetched",
        "router was sent Written",
        "unasked Fetched",
    ]


def replace_node(envelope: Envelope, node: str) -> Address:
    """The same actor of another node."""
    return envelope.to._replace(node=node)
