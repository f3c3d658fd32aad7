"""The stage: what a turn is to write is committed as one, and answered only then."""

from __future__ import annotations

from actors.disk import Batch
from actors.stage import Change, Stage
from actors.versions import CLOCK_RESERVE, NOTHING, Record, Version
from tests.actors.envelopes import A, B, DictionaryDisk, record, stamp, tombstone


def stage(*held: Record, limit: int = CLOCK_RESERVE) -> tuple[Stage, DictionaryDisk]:
    """A stage over a disk that holds these, and the limit of the clock."""
    disk = DictionaryDisk(held)
    return Stage(disk, limit), disk


def change(key: str, old: Record | None, new: Record | None) -> Change:
    """How the version of a key has changed."""
    return key, old.version if old else NOTHING, new.version if new else NOTHING


def test_nothing_reaches_the_disk_before_the_commit() -> None:
    """Then all of it does, at once."""
    staged, disk = stage()
    staged.put([record("a", 1), record("b", 2)])
    staged.note("n", b"1")
    staged.hint(B, ["k"], 99)
    assert (disk.commits, disk.records) == ([], {})
    assert staged.commit() == (
        True,
        [change("a", None, record("a", 1)), change("b", None, record("b", 2))],
    )
    assert len(disk.commits) == 1
    assert disk.records == {"a": record("a", 1), "b": record("b", 2)}
    assert (disk.notes, disk.hinted_until) == ({"n": b"1"}, {(B, "k"): 99})


def test_where_nothing_is_staged_nothing_is_synced() -> None:
    """A turn that only reads costs no commit; nor does the one after a commit."""
    staged, disk = stage(record("a", 5))
    assert staged.commit() == (True, [])
    assert staged.put([record("a", 4)]) == [True]
    staged.collect([("a", stamp(4)), ("gone", stamp(4))])
    assert staged.commit() == (True, [])
    staged.put([record("a", 6)])
    staged.commit()
    assert staged.commit() == (True, [])
    assert len(disk.commits) == 1


def test_what_is_not_later_than_what_is_held_is_not_kept() -> None:
    """By the stamp; of equal ones the dead is the later, so that a mark replaces its value."""
    staged, disk = stage(record("a", 5), record("b", 5), tombstone("c", 5))
    mark = Record("b", "absent", b"", stamp(5), 99)
    held = staged.put([record("a", 4), record("a", 5), mark, record("c", 5)])
    assert held == [True, True, False, True]
    assert staged.commit() == (True, [change("b", record("b", 5), mark)])
    assert disk.records["b"] == mark


def test_of_two_that_are_staged_the_later_counts() -> None:
    """In whatever order they come; the change is from what was on the disk."""
    for order in ((6, 7), (7, 6)):
        staged, disk = stage(record("a", 5))
        for counter in order:
            staged.put([record("a", counter)])
        assert staged.commit() == (True, [change("a", record("a", 5), record("a", 7))])
        assert disk.records["a"] == record("a", 7)
    staged, _ = stage()
    assert staged.put([record("a", 1), record("a", 2), record("a", 1)]) == [False] * 3
    assert staged.commit() == (True, [change("a", None, record("a", 2))])


def test_a_full_disk_keeps_nothing_and_remembers_nothing() -> None:
    """What was staged is gone: whoever asked for it is told, and may ask again."""
    staged, disk = stage(limit=0)
    told: list[bool] = []
    staged.put([record("a", 7)])
    staged.note("n", b"1")
    staged.then(told.append)
    disk.full = True
    assert staged.commit() == (False, [])
    for then in staged.take_then():
        then(False)
    disk.full = False
    assert staged.commit() == (True, [])
    assert (told, disk.records, disk.notes, staged.clock) == ([False], {}, {}, 0)
    staged.put([record("a", 7)])
    staged.commit()
    assert disk.clock_limit > 7


def test_what_is_to_follow_is_handed_out_once_and_in_order() -> None:
    """It is for the turn to do it, when the commit is over."""
    staged, _ = stage()
    told: list[str] = []
    staged.then(lambda _: told.append("first"))
    staged.then(lambda _: told.append("second"))
    staged.commit()
    assert told == []
    for then in staged.take_then():
        then(True)
    assert (told, staged.take_then()) == (["first", "second"], [])


# Dropping.


def test_a_tombstone_goes() -> None:
    """There is nothing of the key then."""
    staged, disk = stage(tombstone("a", 5), tombstone("b", 5))
    staged.collect([("a", stamp(5))])
    assert staged.commit() == (True, [change("a", tombstone("a", 5), None)])
    assert disk.records == {"b": tombstone("b", 5)}


def test_what_is_later_than_a_tombstone_stays() -> None:
    """Whether it was there before or comes in the same turn; and a value is no tombstone."""
    staged, disk = stage(record("a", 6), tombstone("b", 5), record("c", 5))
    staged.put([record("b", 7)])
    staged.collect([("a", stamp(5)), ("b", stamp(5)), ("c", stamp(5)), ("d", stamp(5))])
    assert staged.commit() == (True, [change("b", tombstone("b", 5), record("b", 7))])
    assert disk.records == {"a": record("a", 6), "b": record("b", 7), "c": record("c", 5)}


def test_what_is_dropped_twice_changes_once() -> None:
    """A tree that counted it twice would be wrong from then on."""
    staged, _ = stage(tombstone("a", 5))
    staged.collect([("a", stamp(5))])
    staged.collect([("a", stamp(5))])
    assert staged.commit() == (True, [change("a", tombstone("a", 5), None)])


def test_a_value_can_be_dropped_at_its_version() -> None:
    """A partition that is kept here no more."""
    staged, disk = stage(record("a", 5), record("b", 6))
    staged.drop([("a", record("a", 5).version), ("b", Version(stamp(5), False))])
    assert staged.commit() == (True, [change("a", record("a", 5), None)])
    assert disk.records == {"b": record("b", 6)}


def test_hints_are_dropped_and_kept() -> None:
    """One that is dropped and asked for in the same turn stays: it may be for a later write."""
    staged, disk = stage()
    staged.hint(A, ["k", "l"], 99)
    staged.commit()
    staged.unhint(A, ["k", "l"])
    staged.hint(A, ["l"], 100)
    staged.commit()
    assert disk.hinted_until == {(A, "l"): 100}


# The clock.


def test_the_clock_is_never_below_a_counter_that_is_held() -> None:
    """It rises with the commit, and a lower counter does not take it back."""
    staged, _ = stage(limit=5)
    staged.put([record("a", 9)])
    assert staged.clock == 5
    staged.commit()
    assert staged.clock == 9
    staged.put([record("b", 3)])
    staged.commit()
    assert staged.clock == 9


def test_the_limit_of_the_clock_is_raised_with_the_commit_that_needs_it() -> None:
    """By a large step, so that few have to."""
    staged, disk = stage(limit=100)
    limits = []
    for number, counter in enumerate((100, 101, 101 + CLOCK_RESERVE, 102 + CLOCK_RESERVE)):
        staged.put([record(f"k{number}", counter)])
        staged.commit()
        limits.append(disk.clock_limit)
    first, second = 101 + CLOCK_RESERVE, 102 + 2 * CLOCK_RESERVE
    assert limits == [100, first, first, second]


def test_a_clock_of_another_replica_is_kept_before_it_counts() -> None:
    """It may have held, and collected, a counter that high: the limit goes to the disk."""
    staged, disk = stage(limit=100)
    staged.raise_clock(90)
    staged.commit()
    assert disk.commits == []
    staged.raise_clock(101)
    assert staged.commit() == (True, [])
    assert (staged.clock, disk.clock_limit) == (101, 101 + CLOCK_RESERVE)


def test_a_commit_has_all_kinds_of_things() -> None:
    """In one batch, with nothing in it that was not asked for."""
    staged, disk = stage(tombstone("t", 4), limit=10)
    staged.put([record("a", 7)])
    staged.note("n", b"1")
    staged.note("m", b"")
    staged.collect([("t", stamp(4))])
    staged.hint(B, ["k"], 9)
    staged.unhint(A, ["l"])
    staged.commit()
    assert disk.commits == [
        Batch(
            [record("a", 7)],
            [("n", b"1"), ("m", b"")],
            10,
            [("t", tombstone("t", 4).version)],
            [(B, "k", 9)],
            [(A, "l")],
        )
    ]
