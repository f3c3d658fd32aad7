"""The storage actor: what it keeps, what it acknowledges, and in which order it says so."""

from __future__ import annotations

import pytest

from actors.actor import HOST, Address, Envelope
from actors.messages import (
    Bounced,
    ClockRaised,
    Failed,
    Fetch,
    Fetched,
    Finished,
    Message,
    Observe,
    Remembered,
    Scan,
    Scanned,
    Stop,
    Stored,
)
from actors.outbox import NOT_THERE
from actors.storage_settings import StorageSettings
from actors.versions import CLOCK_RESERVE, MAX_CLOCK_STEP, NEVER
from tests.actors.envelopes import (
    TRACE,
    A,
    B,
    DictionaryDisk,
    all_of,
    from_host,
    message,
    messages,
    reasons,
    record,
    stamp,
    to,
)
from tests.actors.storages import COORDINATOR, codes, fetch, remember, storage, store

# What is acknowledged.


def test_what_is_acknowledged_is_committed() -> None:
    """A turn commits what it stores before it returns the acknowledgement."""
    disk = DictionaryDisk()
    out = storage(disk).take(store(record("k", 1)))
    assert codes(out) == ["ok"]
    assert disk.records == {"k": record("k", 1)}


def test_nothing_is_acknowledged_if_the_commit_fails() -> None:
    """An error of the disk ends the turn, and with it the process."""

    class Broken(DictionaryDisk):
        def commit(self, *_: object) -> None:
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        storage(Broken()).take(store(record("k", 1)))


def test_a_turn_is_one_commit() -> None:
    """Whatever arrived, of whomever, is committed together; each gets its own answer."""
    disk = DictionaryDisk()
    out = storage(disk).take(
        store(record("a", 1), record("b", 2), number=5),
        store(record("c", 3), number=6),
        remember(network=b"n"),
    )
    assert len(disk.commits) == 1
    assert [(e.to, e.id, e.message) for e in all_of(out, Stored)] == [
        (COORDINATOR, 5, Stored(("ok", "ok"))),
        (COORDINATOR, 6, Stored(("ok",))),
    ]
    assert [(e.to, e.id, e.message) for e in all_of(out, Remembered)] == [
        (Address(A, "gossiper"), 7, Remembered("ok"))
    ]


def test_reads_commit_nothing() -> None:
    """A turn without writes does not touch the disk's durable state."""
    disk = DictionaryDisk([record("k", 1)])
    storage(disk).take(fetch("k"), to("storage", Scan(1, "", "", 10), COORDINATOR))
    assert disk.commits == []


def test_a_read_shows_what_its_turn_has_committed() -> None:
    """Only what is synced is revealed, and all of it."""
    out = storage(DictionaryDisk()).take(fetch("k"), store(record("k", 1, b"new")))
    assert message(out, Fetched).values == (b"new",)


def test_an_answer_has_the_trace_of_its_request() -> None:
    """So that the path of a request can be seen."""
    request = Envelope(Address(A, "storage"), COORDINATOR, Fetch(1, ("k",)), 1, TRACE)
    [answer] = storage(DictionaryDisk()).take(request)
    assert answer.trace == TRACE


# Which record is kept.


def test_an_older_record_is_acknowledged_and_not_kept() -> None:
    """What is held supersedes it, and it is not even committed."""
    disk = DictionaryDisk([record("k", 5, b"new")])
    assert codes(storage(disk).take(store(record("k", 4, b"old")))) == ["ok"]
    assert disk.records["k"].value == b"new"
    assert disk.commits == []


def test_the_same_record_may_come_twice() -> None:
    """A repeated Store finds its own value, and is acknowledged."""
    disk = DictionaryDisk()
    node = storage(disk)
    for _ in range(2):
        assert codes(node.take(store(record("k", 1)))) == ["ok"]
    assert len(disk.commits) == 1


@pytest.mark.parametrize("counters", [(1, 2), (2, 1)])
def test_the_newer_of_two_in_one_turn_is_kept(counters: tuple[int, int]) -> None:
    """In whatever order they came; both are acknowledged."""
    disk = DictionaryDisk()
    out = storage(disk).take(*(store(record("k", counter)) for counter in counters))
    assert messages(out, Stored) == [Stored(("ok",)), Stored(("ok",))]
    assert disk.records["k"].stamp == stamp(2)


def test_the_greatest_stamp_in_one_store_is_kept() -> None:
    """Where a key stands twice, the greater stamp wins."""
    disk = DictionaryDisk()
    storage(disk).take(store(record("k", 2, b"last"), record("k", 1, b"first")))
    assert disk.records["k"].value == b"last"


def test_a_delete_is_a_record_too() -> None:
    """The tombstone is held with its stamp, and beats what comes late."""
    disk = DictionaryDisk([record("k", 1)])
    node = storage(disk)
    node.take(store(record("k", 3, b"", "absent")))
    node.take(store(record("k", 2)))
    held = Fetched(("absent",), (b"",), (stamp(3),), (0,))
    assert message(node.take(fetch("k")), Fetched) == held


# A full disk.


def test_a_full_disk_refuses_each_write() -> None:
    """Nothing is applied, and every write of the turn hears of it."""
    disk = DictionaryDisk([record("k", 1, b"old")])
    disk.full = True
    node = storage(disk)
    out = node.take(
        store(record("k", 2), record("l", 3)), store(record("m", 4)), remember(network=b"n")
    )
    assert messages(out, Stored) == [Stored(("disk_full",) * 2), Stored(("disk_full",))]
    assert messages(out, Remembered) == [Remembered("disk_full")]
    assert disk.records == {"k": record("k", 1, b"old")}


def test_on_a_full_disk_reads_go_on() -> None:
    """They show what was committed, not what was refused in the same turn."""
    disk = DictionaryDisk([record("k", 1, b"old")])
    disk.full = True
    out = storage(disk).take(store(record("k", 2, b"new")), fetch("k"))
    assert message(out, Fetched).values == (b"old",)


def test_what_a_full_disk_refused_is_not_applied_later() -> None:
    """Nor is the clock raised for it: the next turn's commit has what came in that turn alone."""
    disk = DictionaryDisk()
    disk.full = True
    node = storage(disk)
    assert messages(node.take(store(record("k", 9)), remember(a=b"1")), ClockRaised) == []
    disk.full = False
    out = node.take(store(record("l", 1)))
    assert codes(out) == ["ok"]
    assert message(out, ClockRaised).counter == 1
    assert disk.records == {"l": record("l", 1)}
    assert disk.notes == {}


# The clock.


def test_the_clock_is_raised_before_the_acknowledgement() -> None:
    """The router learns of the highest counter first, so it never tells a lower clock."""
    disk = DictionaryDisk()
    out = storage(disk).take(store(record("a", 7), record("b", 3)), store(record("c", 9)))
    assert out[0].to == Address(A, "router")
    assert [e.message for e in out[:1]] == [ClockRaised(9)]
    assert len(all_of(out, ClockRaised)) == 1


def test_the_clock_is_not_told_twice() -> None:
    """A counter that is not higher than all before is nothing new to the router."""
    node = storage(DictionaryDisk())
    node.take(store(record("a", 7)))
    assert messages(node.take(store(record("b", 7))), ClockRaised) == []


def test_the_clock_limit_is_reserved_in_steps() -> None:
    """It is raised with the first counter beyond it, and then not again for a long time."""
    disk = DictionaryDisk()
    node = storage(disk)
    for counter in (1, 2, CLOCK_RESERVE + 1, CLOCK_RESERVE + 2):
        node.take(store(record("k", counter)))
    assert [batch.clock_limit for batch in disk.commits] == [
        *([1 + CLOCK_RESERVE] * 3),
        CLOCK_RESERVE + 2 + CLOCK_RESERVE,
    ]


def test_the_clock_limit_is_never_below_a_counter_that_is_held() -> None:
    """A node that restarts with its limit as its clock is above all that it holds."""
    disk = DictionaryDisk()
    node = storage(disk)
    for counter in (5, 10**9, 17, 10**9 + CLOCK_RESERVE, 3 * 10**9):
        node.take(store(record(f"k{counter}", counter)))
        assert disk.clock_limit >= max(r.stamp.counter for r in disk.records.values())


def test_notes_leave_the_clock_limit_alone() -> None:
    """A commit of notes writes the limit that was there."""
    disk = DictionaryDisk()
    storage(disk, clock_limit=77).take(remember(network=b"n"))
    assert disk.clock_limit == 77


def test_a_clock_far_ahead_is_refused() -> None:
    """A counter more than 2^40 ahead is not adopted; the other keys of the Store are kept."""
    disk = DictionaryDisk()
    out = storage(disk, clock_limit=100).take(
        store(record("a", 100 + MAX_CLOCK_STEP + 1), record("b", 100 + MAX_CLOCK_STEP))
    )
    assert codes(out) == ["refused", "ok"]
    assert list(disk.records) == ["b"]
    assert message(out, ClockRaised).counter == 100 + MAX_CLOCK_STEP


def test_what_is_held_already_is_acknowledged_on_a_full_disk_too() -> None:
    """A read that stores what it found everywhere succeeds, whatever else the turn was to write."""
    disk = DictionaryDisk([record("k", 5, b"held")])
    disk.full = True
    out = storage(disk).take(store(record("k", 5, b"held"), record("k", 4), record("l", 1)))
    assert codes(out) == ["ok", "ok", "disk_full"]


def test_a_refused_record_is_refused_on_a_full_disk_too() -> None:
    """A full disk does not hide why."""
    disk = DictionaryDisk()
    disk.full = True
    out = storage(disk).take(store(record("a", MAX_CLOCK_STEP + 1), record("b", 1)))
    assert codes(out) == ["refused", "disk_full"]


# Reads.


def test_an_unknown_key_was_never_written() -> None:
    """It is absent, with the stamp that every write beats."""
    out = storage(DictionaryDisk()).take(fetch("k"))
    assert message(out, Fetched) == Fetched(("absent",), (b"",), (NEVER,), (0,))


def test_records_are_fetched_in_the_order_asked() -> None:
    """Also across the steps in which the disk is read, and where a key stands twice."""
    keys = [f"k{i}" for i in range(200)] + ["k7"]
    disk = DictionaryDisk(record(key, i + 1, key.encode()) for i, key in enumerate(keys[:-1]))
    fetched = message(storage(disk).take(fetch(*keys)), Fetched)
    assert fetched.values == tuple(key.encode() for key in keys)
    assert fetched.stamps[-1] == stamp(8)


def test_a_large_answer_has_the_first_keys_only() -> None:
    """It ends before the value that would take it past 2 MiB."""
    disk = DictionaryDisk(record(key, 1, bytes(2**20 - 1_000)) for key in "abcd")
    fetched = message(storage(disk).take(fetch(*"abcd")), Fetched)
    assert len(fetched.values) == 2
    assert len(fetched.kinds) == len(fetched.stamps) == 2


def test_a_large_answer_has_one_key_at_least() -> None:
    """Whatever the size of its value: who asks must get on."""
    disk = DictionaryDisk(record(key, 1, bytes(100)) for key in "ab")
    node = storage(disk, settings=StorageSettings(max_reply_bytes=50))
    assert len(message(node.take(fetch("a", "b")), Fetched).values) == 1


@pytest.mark.parametrize("held", [True, False])
def test_an_answer_about_many_small_values_is_bounded_too(held: bool) -> None:
    """Kinds and stamps take room as well: 100,000 of them would not fit into a frame."""
    keys = [f"k{i}" for i in range(100_000)]
    disk = DictionaryDisk()
    node = storage(disk)
    disk.records.update((key, record(key, 2**40)) for key in keys if held)
    fetched = message(node.take(fetch(*keys)), Fetched)
    assert 10_000 < len(fetched.kinds) < 30_000


def test_keys_are_scanned_in_pages() -> None:
    """In order, after the last one, tombstones left out; and it is said whether there are more."""
    disk = DictionaryDisk([record("gone", 1, b"", "absent"), *(record(k, 1) for k in "dbca")])
    node = storage(disk)

    def page(after: str, limit: int) -> Scanned:
        return message(node.take(to("storage", Scan(1, "", after, limit), COORDINATOR)), Scanned)

    assert page("", 3) == Scanned(("a", "b", "c"), True)
    assert page("c", 3) == Scanned(("d",), False)
    assert page("", 4) == Scanned(("a", "b", "c", "d"), False)


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (10**9, 5)])
def test_a_page_has_one_key_at_least_and_a_bound(asked: int, given: int) -> None:
    """A limit beyond what is admitted counts as what is admitted."""
    disk = DictionaryDisk(record(f"k{i}", 1) for i in range(9))
    node = storage(disk, settings=StorageSettings(max_page_keys=5))
    scanned = message(node.take(to("storage", Scan(1, "", "", asked), COORDINATOR)), Scanned)
    assert (len(scanned.keys), scanned.more) == (given, True)


def test_a_page_of_long_keys_fits_into_a_message() -> None:
    """It is cut, and says that there are more."""
    disk = DictionaryDisk(record(f"{i:03}" + "x" * 1_000, 1) for i in range(500))
    node = storage(disk)
    scanned = message(node.take(to("storage", Scan(1, "", "", 500), COORDINATOR)), Scanned)
    assert 100 < len(scanned.keys) < 200
    assert scanned.more


# The rest.


def test_a_stop_is_answered_after_the_commit() -> None:
    """What arrived with it is committed and acknowledged first."""
    disk = DictionaryDisk()
    out = storage(disk).take(from_host("storage", Stop()), store(record("k", 1)))
    assert message(out, Finished) == Finished()
    assert codes(out) == ["ok"]
    assert "k" in disk.records


@pytest.mark.parametrize("strange", [Observe(1), Stored(("ok",))])
def test_what_is_not_for_storage_is_dropped_and_counted(strange: Message) -> None:
    """It is told to the host, and nobody is answered."""
    out = storage(DictionaryDisk()).take(to("storage", strange, COORDINATOR))
    assert reasons(out) == [f"storage was sent {type(strange).__name__}"]
    assert [e.to for e in out] == [Address(A, HOST)]


def test_an_answer_that_cannot_be_sent_is_counted() -> None:
    """Who asked has been killed, or cut off; if it is there again it asks again."""
    node = storage(DictionaryDisk())
    told = Bounced(COORDINATOR, Stored(("ok",)))
    assert reasons(node.take(to("storage", told, Address(A, "storage")))) == [NOT_THERE]


@pytest.mark.parametrize("answer", [Fetched((), (), (), ()), Failed("stopping", "it stops", True)])
def test_an_answer_to_storage_that_nobody_waits_for_is_late_or_was_not_asked_for(
    answer: Message,
) -> None:
    """The numbers of earlier lives are below those of this one."""
    for number, when in ((1, "late"), (1 << 60, "unasked")):
        node = storage(DictionaryDisk())
        out = node.take(to("storage", answer, Address(B, "storage"), number))
        assert reasons(out) == [f"{when} {type(answer).__name__}"]
