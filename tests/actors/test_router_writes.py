"""The router's writes: clocks of a quorum, then each key is stamped once and stored on a quorum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address
from actors.messages import (
    ClockRaised,
    Dropped,
    Fetch,
    Level,
    Observe,
    Store,
    Stored,
    Written,
)
from actors.versions import Stamp
from tests.actors.coordinators import (
    NAMES,
    OWN,
    D,
    begun,
    coordinator,
    counters,
    failure,
    fetched,
    members_changed,
    nodes,
    observed,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    TRACE,
    WALL_MS,
    A,
    B,
    C,
    all_of,
    client,
    delete,
    get,
    message,
    messages,
    reasons,
    record,
    the,
    to,
    write,
)

# Two rounds.


def test_a_write_takes_two_rounds() -> None:
    """A quorum tells its clocks; then all owners store what was stamped above these."""
    node = coordinator(clock=3)
    out = node.take(write("k", values=[b"v"], number=8))
    assert [(e.to, e.message) for e in out] == [
        (Address(owner, "router"), Observe(1)) for owner in nodes(out, Observe)
    ]
    assert nodes(out, Observe) == [B, C]
    out = node.take(observed(sent(out, B, Observe), 41))
    stamp = Stamp(42, A, "2.0")
    assert {e.to.actor for e in out} == {"storage"}
    assert messages(out, Store) == [Store(1, ("k",), ("bytes",), (b"v",), (stamp,), (0,))] * 3
    assert nodes(out, Store) == [A, B, C]
    assert node.take(stored(sent(out, A, Store))) == []
    answer = the(node.take(stored(sent(out, C, Store))), Written)
    assert (answer.to, answer.id) == (client(), 8)
    names = (NAMES[A], NAMES[C])
    assert answer.message == Written(("ok",), (str(stamp),), (names,))


def test_a_write_is_above_the_clocks_of_a_quorum() -> None:
    """One clock is not enough where this node is no owner: the other may have told a higher one."""
    node = coordinator(B, C, D)
    out = node.take(write("k"))
    assert node.take(observed(sent(out, B, Observe), 5)) == []
    assert counters(node.take(observed(sent(out, D, Observe), 9))) == [10]


def test_the_own_clock_counts_only_when_the_node_is_welcome() -> None:
    """Until then it may be an old copy that has forgotten what it held."""
    node = coordinator(welcome=False)
    out = node.take(write("k"))
    assert nodes(out, Observe) == [A, B, C]
    assert node.take(observed(sent(out, B, Observe), 5)) == []
    assert counters(node.take(observed(sent(out, C, Observe), 5))) == [6]


def test_a_clock_that_is_told_twice_counts_once() -> None:
    """A quorum is of nodes, not of answers."""
    node = coordinator(B, C, D)
    told = observed(sent(node.take(write("k")), B, Observe), 5)
    assert all_of(node.take(told, told), Store) == []
    assert all_of(node.take(told), Store) == []


def test_an_acknowledgement_that_comes_twice_counts_once() -> None:
    """One replica has stored it, however often that is heard."""
    node = coordinator()
    out = begun(node, write("k"))
    acknowledged = stored(sent(out, B, Store))
    assert all_of(node.take(acknowledged, acknowledged), Written) == []
    again = sent(node.run_for(600), C, Store)
    assert all_of(node.take(acknowledged), Written) == []
    assert message(node.take(stored(again)), Written).codes == ("ok",)


def test_a_node_alone_needs_one_round() -> None:
    """The router knows the clock of its own node."""
    node = coordinator(A, clock=41)
    store = the(node.take(delete("k")), Store)
    assert store.to == OWN
    assert store.message == Store(1, ("k",), ("absent",), (b"",), (Stamp(42, A, "2.0"),), (0,))
    assert message(node.take(stored(store)), Written).replicas == ((NAMES[A],),)


def test_the_clock_of_storage_is_the_clock_of_the_node() -> None:
    """What is written after storage held a counter is stamped above it."""
    node = coordinator(A)
    assert counters(node.take(to("router", ClockRaised(99), OWN), write("k"))) == [100]


def test_one_question_serves_all_writes_of_a_turn() -> None:
    """Those of two clients are one Observe and one Store an owner."""
    node = coordinator()
    out = node.take(write("a", sender=client(1)), write("b", "c", sender=client(2)))
    assert nodes(out, Observe) == [B, C]
    out = node.take(observed(sent(out, B, Observe), 7))
    assert nodes(out, Store) == [A, B, C]
    assert [r.key for r in records_of(sent(out, C, Store))] == ["a", "b", "c"]
    assert counters(out) == [8, 9, 10]
    answers = all_of(node.take(*(stored(sent(out, n, Store)) for n in (A, B))), Written)
    assert {e.to: e.message.codes for e in answers if isinstance(e.message, Written)} == {
        client(1): ("ok",),
        client(2): ("ok",) * 2,
    }


def test_a_question_serves_only_what_arrived_before_it_left() -> None:
    """A later write asks again: the clock may have been told before another write ended."""
    node = coordinator()
    first = sent(node.take(write("a", number=1)), B, Observe)
    out = node.take(write("b", number=2), observed(first, 7))
    assert {store.keys for store in messages(out, Store)} == {("a",)}
    second = sent(out, B, Observe)
    assert second.id != first.id
    out = node.take(observed(second, 9))
    assert {store.keys for store in messages(out, Store)} == {("b",)}
    assert counters(out) == [10]


def test_a_traced_write_is_stored_apart() -> None:
    """In both rounds."""
    node = coordinator()
    out = node.take(write("a"), replace(write("b", number=2), trace=TRACE))
    to_b = [e for e in all_of(out, Observe) if e.to.node == B]
    assert [e.trace for e in to_b] == [None, TRACE]
    out = [e for e in node.take(*(observed(e, 5) for e in to_b)) if e.to.node == C]
    assert [(e.trace, m.keys) for e, m in zip(out, messages(out, Store), strict=True)] == [
        (None, ("a",)),
        (TRACE, ("b",)),
    ]


def test_large_values_are_stored_in_messages_that_are_not_too_large() -> None:
    """Each value is stored once."""
    node = coordinator(A)
    out = node.take(write("a", "b", "c", values=[bytes(2**19)] * 3))
    assert [store.keys for store in messages(out, Store)] == [("a",), ("b",), ("c",)]
    assert messages(node.take(*map(stored, out)), Written)[0].codes == ("ok",) * 3


def test_the_time_to_live_is_fixed_by_the_wall_clock_of_the_coordinator() -> None:
    """All replicas keep the same moment; a deletion has none."""
    node = coordinator(A)
    node.take(after_ms=500)
    store = the(node.take(write("k", ttl_ms=1_000)), Store)
    assert [r.expires_ms for r in records_of(store)] == [WALL_MS + 1_500]
    deletion = write("k", values=[b""], kind="absent", ttl_ms=1_000, number=2)
    assert [r.expires_ms for r in records_of(the(node.take(deletion), Store))] == [0]


# Levels.


def test_one_owner_is_enough_at_level_one() -> None:
    """In both rounds; the others are sent the value all the same."""
    node = coordinator(B, C, D)
    out = node.take(write("k", w="one"))
    out = node.take(observed(sent(out, C, Observe), 7))
    assert nodes(out, Store) == [B, C, D]
    written = message(node.take(stored(sent(out, D, Store))), Written)
    assert (written.codes, written.replicas) == (("ok",), ((NAMES[D],),))


def test_an_owner_stores_at_level_one_without_a_question() -> None:
    """Its own clock is enough."""
    out = coordinator().take(write("k", w="one"))
    assert (nodes(out, Observe), nodes(out, Store)) == ([], [A, B, C])


def test_all_owners_are_waited_for_at_level_all() -> None:
    """In the second round; for the stamp a quorum of clocks is enough."""
    node = coordinator()
    out = node.take(write("k", w="all"))
    out = node.take(observed(sent(out, B, Observe), 7))
    assert node.take(*(stored(sent(out, n, Store)) for n in (A, B))) == []
    written = message(node.take(stored(sent(out, C, Store))), Written)
    assert written.replicas == ((NAMES[A], NAMES[B], NAMES[C]),)


@pytest.mark.parametrize(
    ("w", "down", "is_refused"),
    [
        ("one", (B, C), False),
        ("one", (B, C, D), True),
        ("quorum", (B,), False),
        ("quorum", (B, C), True),
        ("all", (B,), True),
    ],
)
def test_a_write_is_refused_at_once_when_too_few_owners_are_up(
    w: Level, down: tuple[str, ...], is_refused: bool
) -> None:
    """For certain, and before anything has left: nobody is even asked for a clock."""
    node = coordinator(B, C, D, down=down)
    out = node.take(write("k", w=w))
    if is_refused:
        assert failure(out) == ("unavailable", True)
        assert len(out) == 1
    else:
        assert nodes(out, Observe) == [n for n in (B, C, D) if n not in down]


def test_a_write_is_refused_for_certain_when_too_few_are_left_to_store_it() -> None:
    """Two owners are found dead when it is about to be sent: it is not, and may be repeated."""
    node = coordinator()
    out = node.take(write("k"))
    out = node.take(members_changed(down=(B, C)), observed(sent(out, B, Observe), 5))
    assert failure(out) == ("unavailable", True)
    assert all_of(out, Store) == []


# What may happen to a write.


def test_a_write_that_comes_twice_is_taken_on_once() -> None:
    """The same number of the same client: the second is dropped and counted."""
    node = coordinator(A)
    assert len(all_of(node.take(write("k", number=5)), Store)) == 1
    out = node.take(write("k", number=5))
    assert [type(e.message) for e in out] == [Dropped]
    assert reasons(out) == ["duplicate write"]


def test_a_number_is_a_clients_own() -> None:
    """Another client may use the same, and reads and writes do not disturb each other."""
    node = coordinator(A)
    out = node.take(
        write("k", number=5, sender=client(1)),
        write("k", number=5, sender=client(2)),
        get("k", number=5, sender=client(1)),
    )
    assert message(out, Store).keys == ("k", "k")
    assert message(out, Fetch).keys == ("k",)


def test_a_full_disk_is_told_when_it_costs_the_quorum() -> None:
    """One is made up for by the others; of two the client hears, and that nothing is certain."""
    node = coordinator()
    out = begun(node, write("k"))
    assert all_of(node.take(stored(sent(out, A, Store), "disk_full")), Written) == []
    written = message(node.take(stored(sent(out, B, Store), "disk_full")), Written)
    assert written == Written(("disk_full",), ("",), ((),))
    out = begun(node, write("k", number=2))
    node.take(stored(sent(out, A, Store), "disk_full"))
    assert message(node.take(*(stored(sent(out, n, Store)) for n in (B, C))), Written) == Written(
        ("ok",), (str(records_of(sent(out, B, Store))[0].stamp),), ((NAMES[B], NAMES[C]),)
    )


@pytest.mark.parametrize("codes", [(), ("ok",), ("ok",) * 3])
def test_an_acknowledgement_of_the_wrong_length_counts_for_nothing(codes: tuple[str, ...]) -> None:
    """The write stays open."""
    node = coordinator(A)
    store = the(node.take(write("a", "b")), Store)
    out = node.take(replace(stored(store), message=Stored(codes)))
    assert messages(out, Written) == []
    assert reasons(out) == ["unasked Stored"]


def test_a_write_and_a_read_of_a_turn_are_asked_for_side_by_side() -> None:
    """Neither waits for the other."""
    node = coordinator(A)
    out = node.take(write("k"), get("k", number=2))
    answers = node.take(fetched(the(out, Fetch), record("k", 1)), stored(the(out, Store)))
    assert {type(e.message).__name__ for e in answers} == {"Got", "Written"}


def test_a_clock_that_is_told_late_changes_nothing() -> None:
    """The write it was asked for has failed; it is not stored after its client heard that."""
    node = coordinator(B, C, D)
    out = node.take(write("k", timeout_ms=100))
    assert failure(node.run_for(100)) == ("unavailable", True)
    assert all_of(node.take(*(observed(e, 5) for e in all_of(out, Observe))), Store) == []


def test_only_an_owner_of_the_question_can_tell_a_clock() -> None:
    """An answer of another, or to another number, is dropped and counted."""
    node = coordinator(B, C, D)
    out = node.take(write("k"))
    told = observed(sent(out, B, Observe), 5)
    stranger = replace(told, sender=Address(C, "router"))
    numbered = replace(told, id=told.id + 1_000)
    assert reasons(node.take(stranger, numbered)) == ["unasked Observed"] * 2
