"""The router's reads, the odd cases: answers that come late or in part, and values that expire."""

from __future__ import annotations

from itertools import islice

import pytest

from actors.messages import Fetch, Got, Store
from actors.router_settings import RouterSettings
from actors.versions import Record
from tests.actors.coordinators import (
    coordinator,
    fetched,
    keys_of,
    nodes,
    read,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    C,
    all_of,
    get,
    message,
    messages,
    record,
    the,
)

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")


# Late answers.


def test_an_owner_whose_late_answer_is_older_is_healed() -> None:
    """All owners are read, and the latest is stored where it is not."""
    node = coordinator()
    out, _ = read(node, get("k"), a=NEW, b=NEW)
    out = node.take(fetched(sent(out, C, Fetch), OLD))
    assert (nodes(out, Fetch), message([out[0]], Fetch).keys) == ([A, B, C], ("k",))
    held = {A: NEW, B: NEW, C: OLD}
    out = node.take(*(fetched(sent(out, n, Fetch), held[n]) for n in held))
    assert records_of(sent(out, C, Store)) == [NEW]
    assert node.take(stored(the(out, Store))) == []
    assert node.actor.wake_at is None


@pytest.mark.parametrize(("late", "read_repair"), [(NEW, True), (OLD, False)])
def test_nothing_is_healed_that_need_not_be(late: Record, read_repair: bool) -> None:
    """The late answer is the same; or healing is turned off."""
    node = coordinator(settings=RouterSettings(read_repair=read_repair))
    out, _ = read(node, get("k"), a=NEW, b=NEW)
    assert node.take(fetched(sent(out, C, Fetch), late)) == []


def test_a_late_answer_may_be_the_latest() -> None:
    """Somebody is writing, or died while writing: the others are healed."""
    node = coordinator()
    out, _ = read(node, get("k"), a=OLD, b=OLD)
    out = node.take(fetched(sent(out, C, Fetch), NEW))
    assert nodes(out, Fetch) == [A, B, C]


def test_a_late_answer_is_not_waited_for_long() -> None:
    """It is asked for once more, and then no longer; the router sleeps."""
    node = coordinator()
    read(node, get("k"), a=NEW, b=NEW)
    assert nodes(node.run_for(1_450), Fetch) == [C]
    assert node.run_for(20_000) == []
    assert node.actor.wake_at is None


# Partial answers.


def test_what_an_owner_left_out_is_asked_for_again() -> None:
    """What a quorum has answered counts, the rest is asked of all in the same turn."""
    node = coordinator()
    keys = tuple(islice(keys_of((A, B, C), A, B, C), 3))
    held = [record(key, 1, key.encode()) for key in keys]
    out = node.take(get(*keys))
    node.take(fetched(sent(out, A, Fetch), *held))
    out = node.take(fetched(sent(out, B, Fetch), *held, first=1))
    assert nodes(out, Fetch) == [A, B, C]
    assert message(out[:1], Fetch).keys == keys[1:]
    got = message(node.take(*(fetched(sent(out, n, Fetch), *held) for n in (B, C))), Got)
    assert got.values == tuple(key.encode() for key in keys)


def test_what_was_left_out_of_two_reads_is_asked_for_in_one() -> None:
    """Each keeps its place; of the second read there was no room for anything."""
    node = coordinator(A)
    held = [record(key, 1, key.encode()) for key in "abcd"]
    fetch = the(node.take(get("a", "b"), get("c", "d", number=2)), Fetch)
    rest = the(node.take(fetched(fetch, *held, first=1)), Fetch)
    assert rest.message == Fetch(1, ("b", "c", "d"))
    got = messages(node.take(fetched(rest, *held)), Got)
    assert [g.values for g in got] == [(b"a", b"b"), (b"c", b"d")]


def test_an_owner_whose_answer_had_no_room_is_no_vote() -> None:
    """It is asked again for the keys of which it has said nothing."""
    node = coordinator()
    held = [record(key, 1) for key in "ab"]
    out = node.take(get("a"), get("b", number=2))
    node.take(fetched(sent(out, B, Fetch), *held, first=1))
    out = node.take(fetched(sent(out, C, Fetch), *held))
    assert [e.id for e in all_of(out, Got)] == [1]


def test_a_reply_that_is_large_enough_ends() -> None:
    """The rest is left to another request, rather than held here."""
    node = coordinator(A, settings=RouterSettings(max_reply_bytes=10))
    fetch = the(node.take(get("a", "b", "c")), Fetch)
    out = node.take(fetched(fetch, record("a", 1, bytes(11)), first=1))
    assert message(out, Got).values == (bytes(11),)
    assert messages(out, Fetch) == []


def test_a_reply_is_bounded_whatever_the_replicas_answer() -> None:
    """Six values of 1 MiB would not fit into a frame."""
    node = coordinator(A)
    fetch = the(node.take(get(*"abcdef")), Fetch)
    got = message(node.take(fetched(fetch, *(record(k, 1, bytes(2**20)) for k in "abcdef"))), Got)
    assert sum(map(len, got.values)) == 2 * 2**20
    assert len(got.codes) == 2


# Expiry.


def expiring(counter: int, at_ms: int = 0) -> Record:
    """A value that expires so long after the wall clock was first read."""
    return record("k", counter, b"v", expires_ms=WALL_MS + at_ms)


def test_a_value_is_found_until_it_expires() -> None:
    """At its moment it is gone."""
    node = coordinator()
    node.take(after_ms=999)
    assert message(read(node, get("k"), a=expiring(7, 1_000), b=expiring(7, 1_000))[1], Got)
    node.take(after_ms=1)
    _, out = read(node, get("k", number=2), a=expiring(7, 1_000), b=expiring(7, 1_000))
    assert all_of(out, Got) == []


def test_an_expired_value_is_marked_on_a_quorum_before_it_is_not_found() -> None:
    """Under its own stamp, at all who answered: else a slow clock would show it again."""
    node = coordinator()
    _, out = read(node, get("k"), a=expiring(7), b=expiring(7))
    mark = Record("k", "absent", b"", expiring(7).stamp, WALL_MS)
    assert [records_of(store) for store in all_of(out, Store)] == [[mark], [mark]]
    assert nodes(out, Store) == [A, B]
    assert all_of(node.take(stored(sent(out, A, Store))), Got) == []
    assert message(node.take(stored(sent(out, B, Store))), Got).codes == ("not_found",)


def test_a_mark_that_one_owner_has_is_later_than_the_value() -> None:
    """It is written back like anything that is later, whatever this clock says."""
    node = coordinator()
    value = expiring(7, 60_000)
    mark = Record("k", "absent", b"", value.stamp, value.expires_ms)
    _, out = read(node, get("k"), a=value, b=mark)
    assert (nodes(out, Store), records_of(the(out, Store))) == ([A], [mark])
    assert message(node.take(stored(the(out, Store))), Got).codes == ("not_found",)


def test_what_was_written_later_is_not_expired_by_what_was_before() -> None:
    """The latest counts, and this one does not expire."""
    node = coordinator()
    _, out = read(node, get("k"), a=expiring(5), b=NEW)
    assert records_of(the(out, Store)) == [NEW]
    assert message(node.take(stored(the(out, Store))), Got).values == (b"new",)


def test_an_expired_value_is_not_found_at_level_one() -> None:
    """Nothing is marked for it: that level promises nothing of later reads."""
    node = coordinator()
    _, out = read(node, get("k", r="one"), a=expiring(7))
    assert message(out, Got).codes == ("not_found",)
    assert all_of(out, Store) == []
