"""The router's writes: a clock is asked for, then each key is stamped once and stored."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from actors.actor import Address, Envelope, reply
from actors.messages import (
    ClockRaised,
    Dropped,
    Failed,
    Fetch,
    Observe,
    Observed,
    Store,
    Stored,
    Written,
)
from actors.versions import MAX_CLOCK_STEP, Stamp
from tests.actors.envelopes import (
    TRACE,
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    coordinator,
    fetched,
    get,
    key_of,
    keys_of,
    member,
    message,
    messages,
    reasons,
    stored,
    the,
    to,
    write,
)

B1, B2, B3 = islice(keys_of(B, A, B), 3)
A1, A2 = islice(keys_of(A, A, B), 2)


def observed(observe: Envelope, clock: int) -> Envelope:
    """The owner's router tells its clock."""
    return reply(observe, Observed(clock))


def counters(out: list[Envelope]) -> list[int]:
    """Of all that is stored."""
    return [stamp.counter for store in messages(out, Store) for stamp in store.stamps]


# Two rounds.


def test_a_write_to_another_node_takes_two_rounds() -> None:
    """Its router tells its clock, then its storage stores what was stamped above that."""
    node = coordinator(A, B, clock=3)
    observe = the(node.take(write(B1, values=[b"v"], number=8)), Observe)
    assert observe.to == Address(B, "router")
    store = the(node.take(observed(observe, 41)), Store)
    assert store.to == Address(B, "storage")
    stamp = Stamp(42, A, "2.0")
    assert store.message == Store((B1,), ("bytes",), (b"v",), (stamp,))
    answer = the(node.take(stored(store)), Written)
    assert (answer.to, answer.id) == (client(), 8)
    assert answer.message == Written(("ok",), (str(stamp),), (member(B).name,))


def test_a_write_to_this_node_takes_one() -> None:
    """The router knows the clock of its own node."""
    node = coordinator(A, clock=41)
    store = the(node.take(write("k", kind="absent", values=[b""])), Store)
    assert store.to == Address(A, "storage")
    assert store.message == Store(("k",), ("absent",), (b"",), (Stamp(42, A, "2.0"),))
    assert message(node.take(stored(store)), Written).codes == ("ok",)


def test_the_clock_of_storage_is_the_clock_of_the_node() -> None:
    """What is written after storage held a counter is stamped above it."""
    node = coordinator(A)
    raised = to("router", ClockRaised(99), Address(A, "storage"))
    assert counters(node.take(raised, write("k"))) == [100]


def test_one_question_serves_all_writes_of_a_turn() -> None:
    """Those of two clients to one owner are one Observe and one Store."""
    node = coordinator(A, B)
    out = node.take(write(B1, sender=client(1)), write(B2, B3, sender=client(2)))
    assert [e.message for e in out] == [Observe()]
    store = the(node.take(observed(out[0], 7)), Store)
    assert messages([store], Store)[0].keys == (B1, B2, B3)
    assert counters([store]) == [8, 9, 10]
    answers = all_of(node.take(stored(store)), Written)
    assert {
        (e.to, len(m.codes)) for e, m in zip(answers, messages(answers, Written), strict=True)
    } == {
        (client(1), 1),
        (client(2), 2),
    }


def test_a_question_serves_only_what_arrived_before_it_left() -> None:
    """A later write asks again: the clock may have been told before another write ended."""
    node = coordinator(A, B)
    first = the(node.take(write(B1, number=1)), Observe)
    out = node.take(write(B2, number=2), observed(first, 7))
    assert message(out, Store).keys == (B1,)
    second = the(out, Observe)
    assert second.id != first.id
    assert message(node.take(observed(second, 9)), Store).keys == (B2,)


def test_a_batch_goes_to_each_of_its_owners() -> None:
    """What is this node's own is stored at once; there is one answer, when all is done."""
    node = coordinator(A, B)
    out = node.take(write(B1, A1, B2, A2))
    own = the(out, Store)
    assert messages(out, Store)[0].keys == (A1, A2)
    other = the(node.take(observed(the(out, Observe), 50)), Store)
    assert message([other], Store).keys == (B1, B2)
    assert node.take(stored(own)) == []
    written = message(node.take(stored(other)), Written)
    assert written.codes == ("ok",) * 4
    assert [int(v.partition("-")[0], 16) for v in written.versions] == [51, 1, 52, 2]
    a, b = member(A).name, member(B).name
    assert written.replicas == (b, a, b, a)


def test_a_traced_write_is_stored_apart() -> None:
    """In both rounds."""
    node = coordinator(A, B)
    out = node.take(write(B1), replace(write(B2, number=2), trace=TRACE))
    assert [e.trace for e in all_of(out, Observe)] == [None, TRACE]
    out = node.take(*(observed(o, 5) for o in out))
    assert [(e.trace, m.keys) for e, m in zip(out, messages(out, Store), strict=True)] == [
        (None, (B1,)),
        (TRACE, (B2,)),
    ]


def test_large_values_are_stored_in_messages_that_are_not_too_large() -> None:
    """Each value is stored once."""
    node = coordinator(A)
    out = node.take(write("a", "b", "c", values=[bytes(2**19)] * 3))
    assert [store.keys for store in messages(out, Store)] == [("a",), ("b",), ("c",)]
    assert messages(node.take(*map(stored, out)), Written)[0].codes == ("ok",) * 3


# Stamps.


def test_the_last_of_a_doubled_key_wins() -> None:
    """Each place has a stamp of its own, ascending in the order of the batch."""
    store = message(coordinator(A).take(write("k", "l", "k", values=[b"1", b"2", b"3"])), Store)
    assert list(store.stamps) == sorted(set(store.stamps))
    assert max(zip(store.stamps, store.keys, store.values, strict=True))[1:] == ("k", b"3")


def test_no_counter_is_used_twice() -> None:
    """Whatever is told of clocks, and however late."""
    node = coordinator(A, B)
    used: list[int] = []
    late: list[Envelope] = []
    for number, clock in enumerate([5, 3, 100, 0, 99, 7], start=1):
        out = node.take(write(A1, B1, number=2 * number), write(B2, number=2 * number + 1), *late)
        late = [observed(observe, clock) for observe in all_of(out, Observe)]
        used += counters(out)
    used += counters(node.take(*late))
    assert len(used) == len(set(used)) == 18


def test_a_clock_that_was_told_is_adopted() -> None:
    """The next write of this node, to whomever, is stamped above it."""
    node = coordinator(A, B)
    node.take(observed(the(node.take(write(B1)), Observe), 1_000))
    assert counters(node.take(write(A1, number=2))) == [1_002]


def test_a_lower_clock_does_not_take_it_back() -> None:
    """The own clock counts if it is ahead."""
    node = coordinator(A, B, clock=1_000)
    assert counters(node.take(observed(the(node.take(write(B1)), Observe), 5))) == [1_001]


def test_a_clock_too_far_ahead_is_not_adopted() -> None:
    """The write is refused definitely: nothing of it has left but a question."""
    node = coordinator(A, B, clock=10)
    observe = the(node.take(write(B1)), Observe)
    out = node.take(observed(observe, 10 + MAX_CLOCK_STEP + 1))
    failed = message(out, Failed)
    assert (failed.code, failed.definite) == ("unavailable", True)
    assert messages(out, Written) == []
    assert reasons(out) == ["clock too far ahead"]
    assert counters(node.take(write(A1, number=2))) == [11]


def test_the_largest_admitted_step_is_adopted() -> None:
    """A clock 2^40 ahead is just believed."""
    node = coordinator(A, B, clock=10)
    observe = the(node.take(write(B1)), Observe)
    assert counters(node.take(observed(observe, 10 + MAX_CLOCK_STEP))) == [11 + MAX_CLOCK_STEP]


def test_a_stamp_is_never_made_anew() -> None:
    """A Store that is repeated is the same Store."""
    node = coordinator(A)
    first = the(node.take(write("k")), Store)
    again = the(node.run_for(600), Store)
    assert again == first


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


def test_each_key_has_the_outcome_that_its_replica_tells() -> None:
    """What a replica did not keep has no version, and nobody stored it."""
    node = coordinator(A)
    store = the(node.take(write("a", "b", "c")), Store)
    written = message(node.take(reply(store, Stored(("ok", "disk_full", "refused")))), Written)
    assert written.codes == ("ok", "disk_full", "refused")
    assert [bool(v) for v in written.versions] == [True, False, False]
    assert written.replicas == (member(A).name, "", "")


@pytest.mark.parametrize("codes", [(), ("ok",), ("ok",) * 3])
def test_an_acknowledgement_of_the_wrong_length_counts_for_nothing(codes: tuple[str, ...]) -> None:
    """The write stays open."""
    node = coordinator(A)
    store = the(node.take(write("a", "b")), Store)
    out = node.take(reply(store, Stored(codes)))
    assert messages(out, Written) == []
    assert reasons(out) == ["late or unasked Stored"]


def test_a_write_and_a_read_of_a_turn_are_asked_for_side_by_side() -> None:
    """Neither waits for the other."""
    node: Turns = coordinator(A)
    out = node.take(write("k"), get("k", number=2))
    answers = node.take(fetched(the(out, Fetch), b"old"), stored(the(out, Store)))
    assert {type(e.message).__name__ for e in answers} == {"Got", "Written"}


def test_an_owner_of_three_is_asked_alone() -> None:
    """In this network a key is kept by its first owner."""
    out = coordinator(A, B, C).take(write(key_of(C, A, B, C)))
    assert [e.to for e in out] == [Address(C, "router")]
