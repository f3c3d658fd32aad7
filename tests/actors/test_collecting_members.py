"""No tombstone goes while a member holds something older, be it an owner or not, nor on the word of
those that were the owners before.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.layout import aborted, bumped, founding, joint, settled
from actors.messages import Collect, Confirm, Confirmed
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import D, Replicas, key_owned_by, record, tombstone

SETTINGS = StorageSettings(collect_ms=1_000, anti_entropy=False)
FOUR = founding([A, B, C, D])
KEY = key_owned_by({FOUR: "abc"})
"""Of four members D has no part in it; without C it has."""

LEFT = joint(FOUR, [A, B, D])
SETTLED = settled(LEFT)


def four(*held_by_d: Record, settings: StorageSettings = SETTINGS) -> Replicas:
    """A, B and C hold a tombstone of the key, and D, which owns it no more, what it held once."""
    net = Replicas(A, B, C, D, settings=settings)
    net.hold([tombstone(KEY, 9)], A, B, C)
    net.hold(held_by_d, D)
    net.meet()
    net.adopt(FOUR)
    return net


def held(net: Replicas) -> dict[str, Record | None]:
    """What each of them holds of the key, by the letter of its id."""
    return {here[0]: replica.disk.records.get(KEY) for here, replica in net.all.items()}


def waits(net: Replicas) -> list[bool]:
    """Which of them wait for a higher epoch."""
    return [replica.collecting.waits for replica in net.all.values()]


def test_what_a_member_holds_that_is_no_owner_does_not_come_back() -> None:
    """Were the tombstone collected, its old value would be the latest once it is an owner again."""
    net = four(record(KEY, 5))
    for layout in (FOUR, bumped(FOUR), bumped(bumped(FOUR))):
        net.adopt(layout)
        net.run_for(5_000)
    later = joint(net.all[A].layout, [A, B, D])
    net.adopt(later)
    net.run_for(5_000)
    net.adopt(settled(later), A, B, D)
    net.run_for(5_000)
    assert held(net) == dict.fromkeys("abcd", tombstone(KEY, 9))


def test_it_is_collected_once_nobody_holds_anything_older() -> None:
    """What others held has been shed, and so all members confirm."""
    net = four(record(KEY, 5), settings=replace(SETTINGS, shed_ms=2_000))
    for layout in (FOUR, bumped(FOUR), bumped(bumped(FOUR))):
        net.adopt(layout)
        net.run_for(8_000)
    assert held(net) == dict.fromkeys("abcd")


@pytest.mark.parametrize(
    ("foreign", "confirmed"),
    [(None, True), (record(KEY, 5), False), (tombstone(KEY, 9), True), (record(KEY, 10), True)],
)
def test_who_owns_it_not_confirms_that_it_holds_nothing_older(
    foreign: Record | None, confirmed: bool
) -> None:
    """An owner that holds nothing does not: it may have lost it."""
    net = four(*[foreign] if foreign else [])
    stamp = tombstone(KEY, 9).stamp
    ask = Envelope(Address(D, "storage"), Address(A, "storage"), Confirm(1, (KEY,), (stamp,)), 5)
    sent = net.all[D].turn([ask], net.now())
    assert [e.message for e in sent if e.id == 5] == [Confirmed((confirmed,))]


def test_only_owners_are_told_to_collect() -> None:
    """The others have nothing to drop."""
    net = four()
    told: set[str] = set()

    def note(envelope: Envelope) -> bool:
        if isinstance(envelope.message, Collect):
            told.add(envelope.to.node)
        return False

    net.lose = note
    net.run_for(5_000)
    assert len(told) == 2
    assert told < {A, B, C}


def test_while_a_member_is_down_nobody_is_asked() -> None:
    """Though it owns nothing of the key, it may hold something of it."""
    net = four()
    net.meet(d="dead")
    net.run_for(5_000)
    assert net.sent["Confirm"] == 0


def test_what_was_confirmed_by_other_owners_does_not_count() -> None:
    """A new owner may take a repeated write from before the delete before it has the tombstone."""
    net = four(settings=replace(SETTINGS, anti_entropy=True, compare_ms=1_000))
    net.run_for(1_500)
    assert waits(net)[:3] == [True] * 3
    net.lose = lambda e: D in (e.to.node, e.sender.node)
    net.adopt(LEFT)
    net.all[D].stage.put([record(KEY, 5)])
    net.run_for(1_500)
    assert held(net)["d"] == record(KEY, 5)
    net.adopt(SETTLED, A, B, D)
    net.run_for(5_000)
    net.lose = lambda _: False
    net.run_for(5_000)
    assert held(net) == dict.fromkeys("abcd", tombstone(KEY, 9))


def test_what_was_confirmed_before_a_missed_epoch_does_not_count() -> None:
    """The owners were others in between, one of which took a write from before the delete."""
    net = four()
    net.run_for(1_500)
    net.lose = lambda e: D in (e.to.node, e.sender.node)
    net.adopt(LEFT, B, C, D)
    net.all[D].stage.put([record(KEY, 5)])
    net.run_for(1_500)
    net.adopt(aborted(LEFT))
    net.lose = lambda _: False
    net.run_for(10_000)
    assert waits(net) == [False] * 4
    assert held(net) == {**dict.fromkeys("abc", tombstone(KEY, 9)), "d": record(KEY, 5)}


def test_what_did_not_move_counts_in_a_joint_layout_too() -> None:
    """Its owners are the same all the time, although others come."""
    still = joint(FOUR, [A, B, C, D, "e" * 16])
    key = key_owned_by({FOUR: "abc", still: "abc"})
    net = four()
    net.hold([tombstone(key, 9)], A, B, C)
    net.meet()
    net.adopt(FOUR)
    net.run_for(1_500)
    net.adopt(still)
    net.run_for(1_500)
    net.adopt(aborted(still))
    net.run_for(1_500)
    assert [key in replica.disk.records for replica in net.all.values()] == [False] * 4
