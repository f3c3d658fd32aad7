"""The table of shared key-values: whoever heard the same holds the same, and nothing is undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.digests import Digests
from actors.gossip_settings import GossipSettings
from actors.shared import MAX_NUMBER, SharedEntry, beats, version_text
from actors.shared_table import SharedTable
from actors.versions import Kind
from tests.actors.envelopes import WALL_MS, A, B, C
from tests.actors.shared_tables import ALL, NOW, Node, entry, later, limited

ENTRIES = st.builds(
    entry,
    st.sampled_from("kü€"),
    st.sampled_from([None, "1", "2"]),
    ms=st.integers(-2, 2),
    count=st.integers(0, 1),
    node=st.sampled_from([A, B, C]),
)
"""So few that the same version comes twice, with another value even."""


@st.composite
def heard_twice(draw: st.DrawFn) -> tuple[list[list[SharedEntry]], list[list[SharedEntry]]]:
    """The same entries in any two orders, any of them more than once, in batches of any size."""
    entries = draw(st.lists(ENTRIES, max_size=12))

    def batches() -> list[list[SharedEntry]]:
        again = draw(st.lists(st.sampled_from(entries), max_size=6)) if entries else []
        order = draw(st.permutations(entries + again))
        cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
        starts = [0, *cuts]
        return [order[i:j] for i, j in zip(starts, [*cuts, len(order)], strict=True)]

    return batches(), batches()


@given(heard_twice())
def test_the_order_in_which_entries_come_does_not_matter(
    heard: tuple[list[list[SharedEntry]], list[list[SharedEntry]]],
) -> None:
    """All who heard the same hold the same, on their disks too, and have the same digests."""
    one, other = Node(A), Node(B)
    for node, batches in zip((one, other), heard, strict=True):
        for batch in batches:
            assert node.hear(*batch) == ()
    assert one.table.in_buckets(ALL) == other.table.in_buckets(ALL)
    assert one.digests.buckets() == other.digests.buckets()
    assert one.values() == other.values()
    assert one.disk == other.disk
    one.restart()
    assert one.table.in_buckets(ALL) == other.table.in_buckets(ALL)
    assert one.digests.whole() == other.digests.whole()


@given(st.lists(ENTRIES, max_size=8), st.lists(ENTRIES, max_size=8))
def test_two_nodes_that_exchange_agree(mine: list[SharedEntry], theirs: list[SharedEntry]) -> None:
    """Each tells the other what is later, and nothing else."""
    one, other = Node(A), Node(B)
    one.hear(*mine)
    other.hear(*theirs)
    one.pull_from(other)
    other.pull_from(one)
    assert one.table.in_buckets(ALL) == other.table.in_buckets(ALL)
    assert one.digests.whole() == other.digests.whole()
    assert one.table.later_than(other.table.in_buckets(ALL), ALL) == ()


def test_after_a_partition_the_later_version_wins() -> None:
    """On both sides, whether it is a value or a deletion; what only one side has, both have."""
    one, other = Node(A), Node(B)
    for key in ("limit", "mode", "old"):
        other.hear(one.share(key))
    one.share("limit", "2", after_ms=1_000)
    one.share("old", "5", after_ms=1_000)
    other.share("mode", None, after_ms=1_000)
    one.share("mode", "4", after_ms=2_000)
    other.share("limit", "3", after_ms=2_000)
    other.share("old", None, after_ms=2_000)
    one.share("left", "6")
    other.share("right", "7")
    one.pull_from(other)
    other.pull_from(one)
    assert one.values() == other.values()
    assert one.values() == {"left": b"6", "limit": b"3", "mode": b"4", "right": b"7"}


def test_a_deletion_is_not_undone_by_an_old_value() -> None:
    """However often it is heard, and after a restart; only a later value brings the key back."""
    node = Node()
    old = entry("k", "1", ms=-10)
    node.hear(old)
    node.hear(entry("k", None))
    for _ in range(2):
        assert node.hear(old) == ()
        assert node.values() == {}
        node.restart()
    [kept] = node.table.in_buckets(ALL)
    assert kept.kind == "absent"
    assert node.hear(entry("k", "2", ms=1)) == ()
    assert node.values() == {"k": b"2"}


def test_taking_back_a_key_beats_a_value_on_its_way() -> None:
    """What is not there is taken back all the same: it may have been shared elsewhere."""
    node = Node()
    assert node.share("k", None).kind == "absent"
    node.hear(entry("k", "1", ms=-1))
    assert node.values() == {}


def test_a_new_version_is_above_all_that_was_heard() -> None:
    """Of any key, and although its wall clock is behind theirs."""
    node = Node()
    node.hear(entry("other", ms=4_000, count=7))
    shared = node.share("k", "1")
    assert (shared.time_ms, shared.count, shared.node) == (WALL_MS + 4_000, 8, A)
    assert node.share("k", "2").count == 9
    assert node.share("k", "3", after_ms=9_000).time_ms == WALL_MS + 9_000


def test_a_restart_does_not_put_the_clock_back() -> None:
    """Not even if the wall clock was."""
    node = Node()
    before = node.share("k", "1", after_ms=60_000)
    node.restart()
    after = node.share("k", "2")
    assert beats(after, before)
    assert node.values() == {"k": b"2"}


def test_who_is_ahead_of_its_own_wall_clock_can_tell() -> None:
    """The others would refuse what it shares, until its wall clock has come so far."""
    node = Node()
    node.share("k", "1", after_ms=3_600_000)
    reason = "the latest shared value is 3,600 s ahead of this node's clock"
    assert node.table.clock_refusal(NOW) == reason
    assert node.table.clock_refusal(later(3_595_000)) == ""


def test_a_value_from_a_clock_too_far_ahead_is_refused() -> None:
    """It is counted and does not move this node's clock; it is taken in once its time is near."""
    node = Node()
    ahead = entry(ms=5_001)
    assert node.hear(ahead) == ("shared value from a clock more than 5 s ahead",)
    assert node.values() == {}
    assert node.share("other").time_ms == WALL_MS
    assert node.hear(ahead, after_ms=1) == ()
    assert list(node.values()) == ["k", "other"]
    assert limited(max_wall_ahead_ms=500).hear(ahead) == (
        "shared value from a clock more than 0.5 s ahead",
    )


def test_what_is_held_is_no_news_although_the_wall_clock_was_put_back() -> None:
    """It is neither refused nor counted."""
    node = Node()
    held = node.share("k", after_ms=60_000)
    assert node.table.later([held], NOW) == ((), ())


def test_what_cannot_be_is_counted_and_nothing_more() -> None:
    """One bad entry does not keep out the others."""
    node = Node()
    bad = [
        replace(entry("bad"), value=b"NaN"),
        replace(entry("bad"), count=MAX_NUMBER + 1),
        entry("k" * 257),
    ]
    assert node.hear(*bad, entry()) == ("no such shared value can be",) * 3
    assert node.values() == {"k": b"1"}


def test_of_several_versions_in_one_message_the_latest_is_news() -> None:
    """Whatever their order is."""
    news = [entry(value="2", ms=2), entry(value="3", ms=3), entry(value="1", ms=1)]
    assert Node().table.later(news, NOW) == ((news[1],), ())


def test_what_is_found_later_is_not_held_yet() -> None:
    """It is read, told to others and in the digest once it is on the disk."""
    node = Node()
    nothing = node.digests.whole()
    found, _ = node.table.later([entry()], NOW)
    node.table.notes(found)
    assert node.values() == {}
    assert node.table.in_buckets(ALL) == ()
    assert node.digests.whole() == nothing
    node.table.hold(found)
    assert node.values() == {"k": b"1"}
    assert node.digests.whole() != nothing


def test_the_disk_never_goes_back_to_an_older_version() -> None:
    """Two are on their way to it at once: the later one is written last."""
    node = Node()
    older, newer = entry(value="1"), entry(value="2", ms=1)
    for news in (newer, older):
        found, _ = node.table.later([news], NOW)
        assert found == (news,)
        node.disk.update(node.table.notes(found))
    node.table.hold([newer])
    node.table.hold([older])
    assert node.values() == {"k": b"2"}
    node.restart()
    assert node.values() == {"k": b"2"}


def test_what_the_disk_did_not_take_can_be_heard_again() -> None:
    """It is news as it was before."""
    node = Node()
    found, _ = node.table.later([entry()], NOW)
    node.table.notes(found)
    node.table.forgo(found)
    assert node.table.later([entry()], NOW) == (found, ())


def test_a_spoilt_note_keeps_the_node_from_starting() -> None:
    """Rather than have it forget what it held."""
    with pytest.raises(ValueError, match="'k'"):
        SharedTable(A, {"shared:k": b"?"}, Digests(), GossipSettings())


@pytest.mark.parametrize("kind", ["json", "bytes", "absent"])
def test_all_of_an_entry_is_in_the_digest(kind: Kind) -> None:
    """Whatever of it differs is found."""
    base = SharedEntry("k", kind, b"" if kind == "absent" else b"1", WALL_MS, 0, B)
    others = [
        replace(base, key="l"),
        replace(base, time_ms=WALL_MS + 1),
        replace(base, count=1),
        replace(base, node=C),
        replace(base, kind="absent" if kind == "bytes" else "bytes", value=b""),
    ]
    others += [replace(base, value=b"2")] if kind != "absent" else []
    digests = []
    for held in (base, *others):
        node = Node()
        node.hear(held)
        digests.append(node.digests.whole())
    assert len(set(digests)) == len(digests)


def test_only_the_buckets_that_differ_are_told() -> None:
    """Those in which somebody does not know what is held."""
    node = Node()
    for i in range(200):
        node.share(f"k{i}")
    bucket = Digests.bucket_of("shared k7")
    told = node.table.in_buckets({bucket})
    assert "k7" in [e.key for e in told]
    assert {Digests.bucket_of(f"shared {e.key}") for e in told} == {bucket}
    assert node.table.later_than([], {bucket}) == told
    assert node.table.later_than(told[1:], {bucket}) == told[:1]
    assert node.table.later_than([], ()) == ()


def test_a_version_is_shown_where_it_is_listed() -> None:
    """With the value, its kind and who shared it."""
    node = Node()
    shared = node.share("k", "[1]")
    page = node.table.page("", "")
    assert (page.keys, page.kinds, page.values) == (("k",), ("json",), (b"[1]",))
    assert (page.versions, page.nodes, page.cursor) == ((version_text(shared),), (A,), "")


def test_keys_are_listed_by_prefix_in_the_order_of_their_utf8() -> None:
    """Deletions are left out; the cursor is a key, which may be gone by the next page."""
    node = limited(shared_page_keys=2)
    for key in ("ü", "a/1", "b", "a/", "a", "a/2", "a/3", "😀", "\uffff"):
        node.share(key)
    node.share("a/2", None)
    assert list(node.values()) == ["a", "a/", "a/1", "a/3", "b", "ü", "\uffff", "😀"]
    assert list(node.values("a/")) == ["a/", "a/1", "a/3"]
    first = node.table.page("a/", "")
    assert (first.keys, first.cursor) == (("a/", "a/1"), "a/1")
    node.share("a/1", None)
    assert node.table.page("a/", "a/1").keys == ("a/3",)
    assert node.table.page("a/", "c").keys == node.table.page("c", "").keys == ()
    assert node.table.page("a/", "").cursor == ""


def test_a_page_fits_into_a_message() -> None:
    """Whatever the limits are set to; one entry at least is in it."""
    node = limited(max_shared_value_bytes=2**21, shared_page_keys=1_000)
    for i in range(3):
        node.hear(replace(entry(f"k{i}"), kind="bytes", value=bytes(600_000)))
    node.hear(replace(entry("l"), kind="bytes", value=bytes(2**21)))
    assert node.table.page("", "").keys == ("k0",)
    assert len(node.values()) == 4
