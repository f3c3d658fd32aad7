"""Tombstones go when all owners have them, and the epoch is high enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope, reply
from actors.layout import Layout, bumped, founding, joint
from actors.messages import Collect, Confirm, Confirmed, Dropped, LayoutIs, Message
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import Replicas, record, three, tombstone

SETTINGS = StorageSettings(collect_ms=1_000, anti_entropy=False)
FIRST = founding([A, B, C])
SECOND = bumped(FIRST)
THIRD = bumped(SECOND)
DEAD = [tombstone(f"key{i}", 5) for i in range(50)]


def deleted(*, settings: StorageSettings = SETTINGS, layout: Layout = FIRST) -> Replicas:
    """Three replicas that hold nothing but tombstones."""
    net = three(settings)
    net.hold(DEAD)
    net.meet()
    net.adopt(layout)
    return net


def left(net: Replicas) -> list[int]:
    """How many records each of them holds."""
    return [len(replica.disk.records) for replica in net.all.values()]


def waits(net: Replicas) -> list[bool]:
    """Which of them wait for a higher epoch."""
    return [replica.collecting.waits for replica in net.all.values()]


def test_tombstones_go_two_epochs_after_all_have_confirmed_them() -> None:
    """Not before: an old write may still be on its way in the epochs until then."""
    net = deleted()
    net.run_for(10_000)
    assert waits(net) == [True] * 3
    net.adopt(SECOND)
    net.run_for(10_000)
    assert left(net) == [50] * 3
    assert waits(net) == [True] * 3
    net.adopt(THIRD)
    net.run_for(10_000)
    assert left(net) == [0] * 3
    assert waits(net) == [False] * 3


def test_each_goes_by_its_own_epoch() -> None:
    """Who has not adopted the third epoch keeps them: it would take an old write."""
    net = deleted()
    net.run_for(5_000)
    net.adopt(SECOND)
    net.adopt(THIRD, A, B)
    net.run_for(5_000)
    assert left(net) == [0, 0, 50]


def test_confirmations_of_one_epoch_are_not_of_another() -> None:
    """One comes in the first epoch, the other after the second was adopted: that is nothing."""
    net = deleted()
    requests = [e for e in net.all[A].turn([], net.now()) if isinstance(e.message, Confirm)]
    assert len(requests) == 2
    for confirm in requests:
        assert isinstance(confirm.message, Confirm)
        answer = reply(confirm, Confirmed((True,) * len(confirm.message.keys)))
        sent = net.all[A].turn([answer], net.now())
        net.all[A].adopt(SECOND, net.now())
    assert not [e for e in sent if isinstance(e.message, Collect)]
    assert not net.all[A].collecting.waits


@pytest.mark.parametrize("held", [None, record("key", 4), record("key", 5)])
def test_one_that_lacks_it_keeps_it_everywhere(held: Record | None) -> None:
    """One of the owners has nothing, or something older, or the value that has expired."""
    net = three(SETTINGS)
    net.hold([tombstone("key", 5)], A, B)
    net.hold([held] if held else [], C)
    net.meet()
    for layout in (FIRST, SECOND, THIRD):
        net.adopt(layout)
        net.run_for(5_000)
    assert net.all[A].disk.records == net.all[B].disk.records == {"key": tombstone("key", 5)}


def test_something_newer_counts_as_holding_it() -> None:
    """It is then collected where it is still the latest, and only there."""
    net = three(SETTINGS)
    net.hold([tombstone("key", 5)])
    net.hold([record("key", 6)], C)
    net.meet()
    for layout in (FIRST, SECOND, THIRD):
        net.adopt(layout)
        net.run_for(5_000)
    assert net.all[C].disk.records == {"key": record("key", 6)}


def test_what_was_written_since_stays() -> None:
    """A tombstone that is waiting has been overwritten."""
    net = deleted()
    net.run_for(5_000)
    net.adopt(SECOND)
    net.all[B].stage.put([record("key1", 9)])
    net.all[B].turn([], net.now())
    net.adopt(THIRD)
    net.run_for(5_000)
    assert net.all[B].disk.records == {"key1": record("key1", 9)}


def test_what_waits_is_not_asked_for_again() -> None:
    """Each is asked for once, by the first owner of its partition."""
    net = deleted()
    asked: list[str] = []

    def note(envelope: Envelope) -> bool:
        if isinstance(envelope.message, Confirm):
            asked.extend(envelope.message.keys)
        return False

    net.lose = note
    net.run_for(30_000)
    assert sorted(asked) == sorted([r.key for r in DEAD] * 2)


def test_what_was_lost_is_asked_for_again() -> None:
    """In the next round."""
    net = deleted()
    net.lose = lambda e: isinstance(e.message, (Confirm, Confirmed))
    net.run_for(5_000)
    assert waits(net) == [False] * 3
    net.lose = lambda _: False
    net.run_for(10_000)
    assert waits(net) == [True] * 3


def test_while_an_owner_is_down_nobody_is_asked() -> None:
    """It could not confirm."""
    net = deleted()
    net.lose = lambda e: C in (e.to.node, e.sender.node)
    net.meet(c="dead")
    net.run_for(10_000)
    assert waits(net) == [False] * 3
    assert net.sent["Confirmed"] == 0
    net.lose = lambda _: False
    net.meet()
    net.run_for(10_000)
    assert waits(net) == [True] * 3


def test_in_a_joint_layout_nobody_is_asked() -> None:
    """Who is to confirm is not settled."""
    net = deleted(layout=joint(founding([A]), [A, B, C]))
    net.run_for(10_000)
    assert net.sent["Confirm"] == 0


def test_alone_it_confirms_for_itself() -> None:
    """There is nobody else to ask, but old writes there may be."""
    net = Replicas(A, settings=SETTINGS)
    net.hold(DEAD)
    net.meet()
    for layout in (founding([A]), bumped(founding([A]))):
        net.adopt(layout)
        net.run_for(5_000)
        assert left(net) == [50]
        assert waits(net) == [True]
    net.adopt(bumped(bumped(founding([A]))))
    net.run_for(5_000)
    assert left(net) == [0]


def test_it_goes_through_them_in_pages() -> None:
    """All are asked for in the end, a bounded number at a time, and dropped so too."""
    net = deleted(settings=replace(SETTINGS, collect_keys=7))
    net.run_for(20_000)
    assert net.sent["Confirm"] > 2 * 7
    net.adopt(SECOND)
    net.adopt(THIRD)
    for replica in net.all.values():
        replica.turn([], net.now())
    assert left(net) == [43] * 3
    net.run_for(1_000)
    assert left(net) == [0] * 3


def test_on_a_full_disk_they_wait() -> None:
    """They are dropped when there is room."""
    net = deleted()
    net.run_for(5_000)
    net.all[B].disk.full = True
    net.adopt(SECOND)
    net.adopt(THIRD)
    net.run_for(5_000)
    assert left(net) == [0, 50, 0]
    net.all[B].disk.full = False
    net.run_for(5_000)
    assert left(net) == [0, 0, 0]


def answers(net: Replicas, message: Message, sender: str = B) -> list[Message]:
    """What A says to another replica's message."""
    to = Address(A, "storage")
    sent = net.all[A].turn([Envelope(to, Address(sender, "storage"), message, 5)], net.now())
    return [e.message for e in sent if not isinstance(e.message, Confirm)]


def test_a_confirmation_is_of_what_is_on_the_disk() -> None:
    """What arrived in the same turn is on it by then; where the disk is full it is not."""
    for is_full in (False, True):
        net = deleted()
        stamp = tombstone("new", 9).stamp
        net.all[A].disk.full = is_full
        net.all[A].stage.put([tombstone("new", 9)])
        assert answers(net, Confirm(1, ("new",), (stamp,))) == [Confirmed((not is_full,))]


def test_in_another_epoch_nothing_is_confirmed() -> None:
    """The layout is the answer."""
    net = deleted()
    assert answers(net, Confirm(2, ("key1",), (DEAD[1].stamp,))) == [LayoutIs(FIRST)]


@pytest.mark.parametrize(
    ("wrong", "sender"),
    [
        (Confirm(1, ("key1",), ()), B),
        (Collect(1, ("key1",), ()), B),
        (Collect(0, ("key1",), (DEAD[1].stamp,)), B),
        (Collect(2, ("key1",), (DEAD[1].stamp,)), B),
        (Collect(1, ("key1",), (DEAD[1].stamp,)), "9" * 16),
    ],
)
def test_what_cannot_be_is_dropped(wrong: Message, sender: str) -> None:
    """It is counted, and nothing waits because of it."""
    net = deleted()
    [dropped] = answers(net, wrong, sender)
    assert isinstance(dropped, Dropped)
    assert not net.all[A].collecting.waits


def test_confirmations_that_were_not_asked_for_do_nothing() -> None:
    """Neither of another than was asked, nor too many of them."""
    net = deleted()
    [confirm, *_] = [e for e in net.all[A].turn([], net.now()) if isinstance(e.message, Confirm)]
    assert isinstance(confirm.message, Confirm)
    everything = Confirmed((True,) * len(confirm.message.keys))
    for sender, message in ((B, Confirmed((True,) * 999)), ("9" * 16, everything)):
        answer = Envelope(confirm.sender, Address(sender, "storage"), message, confirm.id)
        net.all[A].turn([answer], net.now())
    assert not net.all[A].collecting.waits


def test_who_is_told_to_collect_an_epoch_too_late_does_not() -> None:
    """The owners may have changed before it heard of that."""
    net = deleted()
    net.lose = lambda e: isinstance(e.message, Collect)
    net.run_for(5_000)
    net.adopt(SECOND)
    [dropped] = answers(net, Collect(1, ("key1",), (DEAD[1].stamp,)))
    assert dropped == Dropped("tombstones confirmed in another epoch")
