"""Replicas that compare their trees come to hold the same, at a cost that grows with what they
lack.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.actor import Envelope
from actors.layout import founding
from actors.messages import CompareTrees, Fetch, Pull
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import Replicas, keys_in, record, records, three, tombstone

THREE = founding([A, B, C])
QUICK = StorageSettings(tree_keys=100_000, tree_pause_ms=1)
"""The trees are made at once."""


def started(held: dict[str, list[Record]], settings: StorageSettings = QUICK) -> Replicas:
    """Three replicas that hold these have just started."""
    net = three(settings)
    for here, some in held.items():
        net.hold(some, here)
    net.meet()
    net.adopt(THREE)
    return net


def test_who_lost_everything_gets_it_back() -> None:
    """From both of the others, each partition from one of them."""
    held = records(2000)
    net = started({A: held, B: held})
    net.run_until(lambda: net.are_checked() and net.are_alike(), 5_000)
    assert net.all[A].fetched + net.all[B].fetched == 2000
    assert min(net.all[A].fetched, net.all[B].fetched) > 500


def test_many_small_partitions_do_not_wait_for_each_other() -> None:
    """Sixteen are under way at once: each takes four messages, one after the other."""
    held = records(2000)
    net = started({A: held, B: held})
    took_ms = net.run_until(net.are_alike, 5_000)
    partitions = len(net.all[A].disk.partitions)
    assert took_ms < partitions * 4 / 16 * 2


def test_after_a_start_equal_copies_cost_two_messages_a_peer() -> None:
    """The digests are equal, so nothing more is said."""
    held = records(1000)
    net = started({A: held, B: held, C: held})
    assert len(net.all[A].syncing.behind()) == 4096
    net.run_until(net.are_checked, 2_000)
    assert net.sent == {"CompareTrees": 6, "ComparedTrees": 6}


def test_the_later_of_two_versions_is_taken() -> None:
    """Tombstones and marks of expiry too; never an earlier one."""
    live, dead = record("one", 5), tombstone("one", 5)
    net = started(
        {
            A: [record("two", 7), live, record("three", 2)],
            B: [record("two", 6), dead],
            C: [tombstone("two", 9), record("three", 1)],
        }
    )
    net.run_until(net.are_alike, 60_000)
    expected = {r.key: r for r in (dead, tombstone("two", 9), record("three", 2))}
    assert net.all[A].disk.records == expected


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(1, 4), st.booleans()),
        max_size=30,
    )
)
def test_whatever_they_held_they_come_to_hold_the_same(
    writes: list[tuple[str, int, int, bool]],
) -> None:
    """The latest of each key, on all of them, without a read."""
    keys = [*keys_in(3, 3), *keys_in(4, 3)]
    held: dict[str, dict[str, Record]] = {A: {}, B: {}, C: {}}
    latest: dict[str, Record] = {}
    for letter, key, counter, is_dead in writes:
        made = tombstone(keys[key], counter) if is_dead else record(keys[key], counter)
        for copies in (held[letter * 16], latest):
            known = copies.get(made.key)
            if known is None or made.version > known.version:
                copies[made.key] = made
    net = started({here: list(copies.values()) for here, copies in held.items()})
    net.run_until(lambda: net.are_alike() and net.are_checked(), 120_000)
    assert net.all[A].disk.records == latest


def test_it_converges_however_much_is_lost() -> None:
    """One message in five does not arrive."""
    rng = Random(3)
    net = started({A: records(400), B: records(400, 2)})
    net.lose = lambda _: rng.random() < 0.2
    net.run_until(lambda: net.are_alike() and net.are_checked(), 120_000)


def test_what_is_exchanged_grows_with_the_differences() -> None:
    """Ten times as much data that is equal costs no more messages, and next to no more bytes."""
    pulled, asked = [], []
    for number in (300, 3_000):
        held = records(number)
        fewer = [r for r in held if r.key not in {"key1", "key2", "key3"}]
        net = started({A: held, B: held, C: fewer})
        net.run_until(net.are_alike, 10_000)
        pulled.append(net.all[C].syncing.bytes_pulled)
        asked.append(net.sent["Fetch"])
    assert asked == [3, 3]
    assert pulled[1] < 2 * pulled[0] < 200


def test_the_bytes_of_keys_and_values_are_counted() -> None:
    """Of the list, and of the records that came."""
    held = [record("key", 1, b"v" * 100)]
    net = started({A: held, B: held})
    net.run_until(net.are_alike, 10_000)
    assert net.all[C].syncing.bytes_pulled == 3 + 3 + 100


def test_large_partitions_come_in_pages() -> None:
    """No list and no request has more keys than a page."""
    held = [record(key) for key in keys_in(9, 57)]
    net = started({A: held, B: held}, StorageSettings(page_keys=10))
    net.run_until(lambda: net.are_alike() and net.are_checked(), 10_000)
    assert net.sent["Fetch"] == 6
    assert net.sent["Pull"] >= 6


def test_large_values_come_in_several_answers() -> None:
    """What did not fit into one is asked for again."""
    held = [record(key, 1, b"v" * 600) for key in keys_in(9, 10)]
    net = started({A: held, B: held}, StorageSettings(max_reply_bytes=1_000))
    net.run_until(lambda: net.are_alike() and net.are_checked(), 10_000)
    assert net.all[A].fetched + net.all[B].fetched == 10


@pytest.mark.parametrize(("number", "size_bytes"), [(1_000, 20), (100, 1_000), (8, 30_000)])
def test_a_throttle_holds(number: int, size_bytes: int) -> None:
    """Whether values are small or larger than what may come at once: about so much a second."""
    limited = replace(QUICK, repair_bytes_per_s=20_000)
    held = records(number, 1, size_bytes)
    net = started({A: held, B: held}, limited)
    took_ms = net.run_until(net.are_alike, 60_000)
    pulled = net.all[C].syncing.bytes_pulled
    # But for what is asked for before it is known how large they are.
    assert took_ms * 20 > pulled - 2_000 - 4 * size_bytes
    assert took_ms * 20 < pulled + 2_000


def test_what_the_throttle_admits_comes_steadily() -> None:
    """In no second much more than in another."""
    limited = replace(QUICK, repair_bytes_per_s=20_000)
    held = records(1_000, 1, 100)
    net = started({A: held, B: held}, limited)
    before, steps = 0, []
    for _ in range(5):
        net.run_for(1_000)
        steps.append(net.all[C].syncing.bytes_pulled - before)
        before += steps[-1]
    assert all(15_000 < step < 25_000 for step in steps)


def test_copies_are_compared_now_and_then() -> None:
    """With each of the others in turn, about every `compare_ms`."""
    net = started({})
    net.run_until(net.are_checked, 1_000)
    asked: list[str] = []

    def note(envelope: Envelope) -> bool:
        if isinstance(envelope.message, CompareTrees) and envelope.sender.node == A:
            asked.append(envelope.to.node)
        return False

    net.lose = note
    net.run_for(150_000)
    assert 8 <= len(asked) <= 12
    assert all(one != other for one, other in pairwise(asked))


def test_a_difference_that_is_found_is_behind_until_it_is_taken() -> None:
    """So an operator sees it."""
    net = started({})
    net.run_until(net.are_checked, 1_000)
    net.all[A].stage.put([record("late")])
    net.all[A].turn([], net.now())
    net.lose = lambda e: isinstance(e.message, Fetch)
    net.run_until(lambda: not net.are_checked(C), 60_000)
    assert net.all[C].syncing.behind() == list(net.all[A].disk.partitions)
    net.lose = lambda _: False
    net.run_until(lambda: net.are_checked() and net.are_alike(), 120_000)


def test_without_anti_entropy_nothing_is_compared() -> None:
    """In a layout in which nothing moves."""
    net = started({A: records(10)}, StorageSettings(anti_entropy=False))
    net.run_for(60_000)
    assert net.sent == {}
    assert net.are_checked()


def test_a_full_disk_takes_nothing_and_is_tried_again() -> None:
    """Not at once: a commit that does not fit takes others' writes with it."""
    held = records(50)
    net = started({A: held, B: held, C: []})
    net.all[C].disk.full = True
    net.run_for(10_000)
    assert net.sent["Fetch"] <= 64
    assert net.all[C].disk.records == {}
    assert not net.are_checked(C)
    net.all[C].disk.full = False
    net.run_until(lambda: net.are_alike() and net.are_checked(), 60_000)


def test_partitions_behind_are_told_in_hex() -> None:
    """One bit each, partition 0 the most significant of the first digit."""
    net = started({})
    assert net.all[A].syncing.behind_hex() == "f" * 1024
    net.run_until(net.are_checked, 1_000)
    assert net.all[A].syncing.behind_hex() == "0" * 1024
    net.all[B].stage.put([record(keys_in(1, 1)[0]), record(keys_in(4095, 1)[0])])
    net.all[B].turn([], net.now())
    net.lose = lambda e: isinstance(e.message, Pull)
    net.run_until(lambda: not net.are_checked(A), 60_000)
    assert net.all[A].syncing.behind_hex() == "4" + "0" * 1022 + "1"
