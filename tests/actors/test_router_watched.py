"""Changed keys: a router tells its gossiper of them while somebody watches, and that tells all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actors.actor import Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.messages import (
    Change,
    Changed,
    KeysChanged,
    Rumour,
    Store,
    Watched,
    WatchKeys,
    Written,
)
from actors.versions import Stamp
from tests.actors.coordinators import (
    D,
    begun,
    coordinator,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    member,
    message,
    messages,
    the,
    to,
    write,
)
from tests.actors.gossipers import ROUND_MS, belonging, published, rumour, run_answered

WATCH_MS = 1_000
OTHER = member(B)


def watched(duration_ms: int = WATCH_MS) -> Envelope:
    """The gossiper says that somebody wants to hear of changed keys for so long."""
    return to("router", Watched(duration_ms), Address(A, "gossiper"))


def told(out: Sequence[Envelope]) -> list[Change]:
    """The changes that the gossiper is told of."""
    changed = all_of(out, Changed)
    assert all(e.to == Address(A, "gossiper") for e in changed)
    return [change for told in messages(changed, Changed) for change in told.changes]


def written(node: Turns, request: Envelope) -> list[Envelope]:
    """What comes of a write that this node's own disk keeps, in a network of its own."""
    return node.take(stored(the(node.take(request), Store)))


# The router.


def test_nobody_is_told_while_nobody_watches() -> None:
    """As little as possible is said of what nobody wants to hear."""
    assert told(written(coordinator(A), write("k"))) == []


def test_a_gossiper_that_watches_is_told_of_a_written_key() -> None:
    """With the version that the client is told, in the turn in which it is told."""
    node = coordinator(A)
    node.take(watched())
    out = written(node, write("k"))
    assert told(out) == [Change("k", message(out, Written).versions[0], "bytes")]


def test_a_deletion_is_a_change() -> None:
    """Its version is that of the deletion, and it is told as one."""
    node = coordinator(A)
    node.take(watched())
    out = written(node, write("k", values=(b"",), kind="absent"))
    assert told(out) == [Change("k", message(out, Written).versions[0], "absent")]


def test_a_watch_ends() -> None:
    """Unless it is said again; one for less time does not shorten it."""
    node = coordinator(A)
    node.take(watched(WATCH_MS), watched(1))
    node.take(after_ms=WATCH_MS - 1)
    assert told(written(node, write("k", number=1)))
    node.take(after_ms=1)
    assert told(written(node, write("k", number=2))) == []
    node.take(watched(WATCH_MS))
    assert told(written(node, write("k", number=3)))


def test_a_write_that_ends_while_somebody_watches_is_told() -> None:
    """Whoever began to watch after it was begun cannot know whether it was before."""
    node = coordinator(A)
    store = the(node.take(write("k")), Store)
    node.take(watched())
    assert [change.key for change in told(node.take(stored(store)))] == ["k"]


def test_all_that_ends_in_one_turn_is_told_at_once() -> None:
    """One message, in the order in which it was written."""
    node = coordinator(A)
    node.take(watched())
    stores = node.take(write("a", "b", number=1), write("c", number=2))
    out = node.take(*(stored(store) for store in all_of(stores, Store)))
    assert len(messages(out, Changed)) == 1
    assert [change.key for change in told(out)] == ["a", "b", "c"]


def test_a_key_that_others_keep_is_told_by_who_coordinates() -> None:
    """Its owners do not know whether the client was answered."""
    node = coordinator(B, C, D)
    node.take(watched())
    out = begun(node, write("k"), clock=7)
    assert told(node.take(stored(sent(out, B, Store)))) == []
    change = Change("k", str(Stamp(8, A, "2.0")), "bytes")
    assert told(node.take(stored(sent(out, C, Store)))) == [change]
    assert told(node.take(stored(sent(out, D, Store)))) == []


def test_what_was_not_written_is_no_change() -> None:
    """Here a key that is not admitted, and one whose owners are not there."""
    node = coordinator(down=(B, C))
    node.take(watched())
    assert told(node.take(write("", number=1))) == []
    assert told(node.take(write("k", number=2))) == []


def test_what_may_have_been_written_is_told() -> None:
    """Its owners were asked to store it, and too few have answered in time."""
    node = coordinator()
    node.take(watched(60_000))
    out = begun(node, write("k", timeout_ms=500))
    stamp = records_of(sent(out, B, Store))[0].stamp
    assert told(node.run_for(1_000)) == [Change("k", str(stamp), "bytes")]


def test_what_a_full_disk_refused_may_have_been_written() -> None:
    """Another owner may have room."""
    node = coordinator(A)
    node.take(watched())
    store = the(node.take(write("k")), Store)
    assert [change.key for change in told(node.take(stored(store, "disk_full")))] == ["k"]


def test_what_was_never_stored_in_time_is_no_change() -> None:
    """Its owners did not even tell their clocks."""
    node = coordinator()
    node.take(write("k", timeout_ms=500), watched(60_000))
    assert told(node.run_for(1_000)) == []


def test_of_a_batch_only_what_may_have_been_written_is_told() -> None:
    """One of its keys was not admitted."""
    node = coordinator(A)
    node.take(watched())
    store = the(node.take(write("a", "", "b")), Store)
    assert [change.key for change in told(node.take(stored(store)))] == ["a", "b"]


def test_a_duplicate_of_a_write_is_told_once() -> None:
    """The second one is not carried out."""
    node = coordinator(A)
    node.take(watched())
    request = write("k", number=9)
    assert told(written(node, request))
    assert told(node.take(request)) == []


# Its gossiper.


def test_changed_keys_are_published() -> None:
    """Of which the router tells while somebody watches."""
    node = belonging(OTHER)
    changes = (Change("k", "1-a", "json"), Change("l", "2-a", "absent"))
    node.take(to("gossiper", Changed(changes), Address(A, "router")))
    assert [r.changes for r in published(node)] == [changes]


def test_a_router_is_told_that_somebody_watches_elsewhere() -> None:
    """For no longer than this node would ask of others."""
    node = belonging(OTHER)
    watch_ms = GossipSettings().watch_ms
    out = node.take(rumour(seq=1, watched_ms=900), rumour(seq=2, watched_ms=10**12))
    assert [e.to for e in all_of(out, Watched)] == [Address(A, "router")] * 2
    assert messages(out, Watched) == [Watched(900), Watched(watch_ms)]


@pytest.mark.parametrize("news", [[rumour(missed=True)], [rumour(), rumour(seq=3)]])
def test_who_watches_is_told_that_something_was_missed(news: list[Envelope]) -> None:
    """By the origin, which had more to tell than is admitted, or because a rumour did not come."""
    node = belonging(OTHER)
    out = node.take(to("gossiper", WatchKeys("", "", 10_000), client()), *news)
    out += [e for _, e in run_answered(node, 2_400)]
    assert message(out, KeysChanged).missed


def test_a_watch_is_told_the_router_and_all_nodes() -> None:
    """A client of this node wants to hear of changed keys."""
    node = belonging(OTHER)
    node.take(after_ms=ROUND_MS)
    out = node.take(to("gossiper", WatchKeys("", "", 10_000), client()))
    watch_ms = GossipSettings().watch_ms
    assert messages(out, Watched) == [Watched(watch_ms)]
    assert message(out, Rumour).watched_ms == watch_ms
