"""The router's stamps: above the clocks of a quorum, for a delete of all, and made once a key."""

from __future__ import annotations

from actors.actor import Envelope
from actors.messages import (
    Observe,
    Store,
)
from actors.versions import MAX_CLOCK_STEP
from tests.actors.coordinators import (
    begun,
    coordinator,
    counters,
    failure,
    members_changed,
    nodes,
    observed,
    records_of,
    sent,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    client,
    delete,
    get,
    message,
    reasons,
    write,
)

# Deletes.


def test_a_delete_waits_for_the_third_clock() -> None:
    """It may be the highest, of a write that only that owner holds and that was never finished."""
    node = coordinator()
    out = node.take(delete("k"))
    assert node.take(observed(sent(out, B, Observe), 5), after_ms=10) == []
    assert counters(node.take(observed(sent(out, C, Observe), 40), after_ms=10)) == [41]


def test_a_delete_waits_for_the_third_clock_for_50_ms() -> None:
    """Not longer, whatever else happens meanwhile, and not for an owner that is down."""
    node = coordinator()
    node.take(get("x", number=7), after_ms=20)
    out = node.take(delete("k", number=1), after_ms=25)
    node.take(observed(sent(out, B, Observe), 5))
    begun_ms = node.now_ms
    assert all_of(node.run_for(49), Store) == []
    assert node.actor.wake_at == begun_ms + 50
    assert nodes(node.run_for(1), Store) == [A, B, C]
    node.take(members_changed(down=(C,)))
    out = node.take(delete("l", number=2))
    assert nodes(node.take(observed(sent(out, B, Observe), 5)), Store) == [A, B]


def test_a_delete_still_needs_a_quorum_when_its_patience_is_out() -> None:
    """It then goes on with the first clock that makes one."""
    node = coordinator()
    out = node.take(delete("k"))
    assert all_of(node.run_for(200), Store) == []
    assert counters(node.take(observed(sent(out, C, Observe), 5))) == [6]


def test_a_delete_at_level_one_waits_for_the_clocks_of_others_too() -> None:
    """And is stored when nobody tells one."""
    node = coordinator()
    assert nodes(node.take(delete("k", w="one")), Observe) == [B, C]
    assert nodes(node.run_for(50), Store) == [A, B, C]


def test_a_delete_that_times_out_early_is_not_stored() -> None:
    """Its patience is longer than its time."""
    node = coordinator()
    out = node.take(delete("k", timeout_ms=20))
    node.take(observed(sent(out, B, Observe), 5))
    out = node.run_for(5_000)
    assert failure([e for e in out if e.to == client()]) == ("unavailable", True)
    assert all_of(out, Store) == []
    assert node.actor.wake_at is None


def test_deletes_of_other_turns_have_patience_of_their_own() -> None:
    """Each for 50 ms of its own time."""
    node = coordinator()
    for number in (1, 2, 3):
        out = node.take(delete(f"k{number}", number=number))
        node.take(observed(sent(out, B, Observe), 5), after_ms=5)
    times: list[int] = []
    for _ in range(100):
        times += [node.now_ms for store in all_of(node.run_for(1), Store) if store.to.node == B]
    assert times == [50, 55, 60]


# Stamps.


def test_the_last_of_a_doubled_key_wins() -> None:
    """Each place has a stamp of its own, ascending in the order of the batch."""
    store = message(coordinator(A).take(write("k", "l", "k", values=[b"1", b"2", b"3"])), Store)
    assert list(store.stamps) == sorted(set(store.stamps))
    assert max(zip(store.stamps, store.keys, store.values, strict=True))[1:] == ("k", b"3")


def test_the_last_of_a_doubled_key_wins_though_it_goes_in_another_message() -> None:
    """The values between them are too large for one."""
    large = [bytes([i]) * 2**19 for i in range(5)]
    node = coordinator()
    records = [
        r
        for store in all_of(begun(node, write("k", "l", "m", "n", "k", values=large)), Store)
        for r in records_of(store)
    ]
    assert max((r.stamp, r.value) for r in records if r.key == "k")[1] == large[-1]


def test_no_counter_is_used_twice() -> None:
    """Whatever is told of clocks, and however late."""
    node = coordinator()
    used: list[int] = []
    late: list[Envelope] = []
    for number, clock in enumerate([5, 3, 100, 0, 99, 7], start=1):
        first, second = write("a", "b", number=2 * number), write("c", number=2 * number + 1)
        out = node.take(first, second, *late)
        late = [observed(observe, clock) for observe in all_of(out, Observe)]
        used += counters(out)
    used += counters(node.take(*late))
    assert len(used) == len(set(used)) == 18


def test_a_clock_that_was_told_is_adopted() -> None:
    """The next write of this node, to whomever, is stamped above it; a late one is adopted too."""
    node = coordinator()
    out = node.take(write("a"))
    node.take(observed(sent(out, B, Observe), 1_000))
    node.take(observed(sent(out, C, Observe), 2_000))
    assert counters(begun(node, write("b", number=2))) == [2_001]


def test_a_lower_clock_does_not_take_it_back() -> None:
    """The own clock counts if it is ahead."""
    node = coordinator(clock=1_000)
    assert counters(begun(node, write("k"), clock=5)) == [1_001]


def test_a_clock_too_far_ahead_is_not_adopted() -> None:
    """It is no vote either; where it would have been needed the write is refused for certain."""
    node = coordinator(clock=10)
    out = node.take(write("k"))
    far = 10 + MAX_CLOCK_STEP + 1
    first = node.take(observed(sent(out, B, Observe), far))
    assert reasons(first) == ["clock too far ahead"]
    assert all_of(first, Store) == []
    assert failure(node.take(observed(sent(out, C, Observe), far))) == ("unavailable", True)
    assert counters(begun(node, write("k", number=2))) == [11]


def test_the_largest_admitted_step_is_adopted() -> None:
    """A clock 2^40 ahead is just believed."""
    node = coordinator(clock=10)
    assert counters(begun(node, write("k"), 10 + MAX_CLOCK_STEP)) == [11 + MAX_CLOCK_STEP]


def test_a_stamp_is_never_made_anew() -> None:
    """A Store that is repeated is the same Store, whatever clocks are told by then."""
    node = coordinator()
    out = node.take(write("k"))
    first = all_of(node.take(observed(sent(out, B, Observe), 5)), Store)
    assert all_of(node.take(observed(sent(out, C, Observe), 50)), Store) == []
    assert all_of(node.run_for(600), Store) == first
