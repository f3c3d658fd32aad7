"""News is numbered, published in rounds, heard once, and passed on a few times."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from actors.actor import Now
from actors.gossip_settings import GossipSettings
from actors.messages import Change, Rumour
from actors.rumours import MAX_CHANGES_BYTES, Rumours
from actors.shared import SharedEntry
from tests.actors.envelopes import WALL_MS, A, B, C, member

SETTINGS = GossipSettings()
ROUND_MS = SETTINGS.gossip_ms
PATIENCE_MS = SETTINGS.gap_patience_ms
NEWS = (member(A), member(B), member(C))


def at(mono_ms: int) -> Now:
    """A time."""
    return Now(mono_ms, WALL_MS + mono_ms)


def rumours(origin: str = A, settings: GossipSettings = SETTINGS) -> Rumours:
    """Of a node in its first life."""
    return Rumours(origin, "1.0", settings)


def rumour(seq: int = 1, *, origin: str = B, boot: str = "1.0", ttl: int = 8) -> Rumour:
    """As another node publishes it."""
    return Rumour("net", origin, boot, seq, ttl, (member(origin),), (), (), False, 0)


def entry(key: str, value: bytes = b"v", time_ms: int = 1) -> SharedEntry:
    """A shared value."""
    return SharedEntry(key, "bytes", value, time_ms, 0, A)


def changes(count: int) -> list[Change]:
    """So many keys that were written."""
    return [Change(f"key{i}", "1-a-1.0", "json") for i in range(count)]


def hear(mine: Rumours, said: Rumour, now: Now) -> bool:
    """Whether it is heard for the first time; then it is news here, and is passed on."""
    is_first = mine.hear(said, now)
    if is_first:
        mine.pass_on(said)
    return is_first


def heard(mine: Rumours, seqs: Iterable[int], mono_ms: int = 0, origin: str = B) -> list[bool]:
    """Whether each of these rumours was heard for the first time."""
    return [hear(mine, rumour(seq, origin=origin), at(mono_ms)) for seq in seqs]


# What the node itself has to say.


def test_news_is_published_at_once() -> None:
    """In the same turn, if nothing was published for a round; and once."""
    mine = rumours()
    assert mine.wake_at is None
    mine.say_members(NEWS)
    assert mine.wake_at is not None
    assert mine.wake_at <= 7
    assert mine.due("net", at(7)) == [
        Rumour("net", A, "1.0", 1, SETTINGS.ttl_hops, NEWS, (), (), False, 0)
    ]
    assert mine.wake_at is None
    assert mine.due("net", at(10_000)) == []


def test_later_news_waits_for_the_next_round() -> None:
    """A round after the last publication, and not before, it is all published together."""
    mine = rumours()
    mine.say_members(NEWS[:1])
    mine.due("net", at(1_000))
    mine.say_members(NEWS[1:2])
    mine.say_members(NEWS[2:])
    assert mine.due("net", at(1_000 + ROUND_MS - 1)) == []
    assert mine.wake_at == 1_000 + ROUND_MS
    [later] = mine.due("net", at(1_000 + ROUND_MS))
    assert (later.seq, later.members) == (2, NEWS[1:])


def test_a_round_without_news_delays_nothing() -> None:
    """What counts is when something was last published, not when it was last asked for."""
    mine = rumours()
    assert mine.due("net", at(1_000)) == []
    mine.say_members(NEWS)
    assert len(mine.due("net", at(1_001))) == 1


def test_all_kinds_of_news_go_in_one_rumour() -> None:
    """Members, shared values, changed keys, and for how long somebody watches."""
    mine = rumours()
    mine.say_members(NEWS)
    mine.say_shared([entry("k")])
    mine.say_changes(changes(2))
    mine.say_watched(5_000)
    mine.say_watched(3_000)
    expected = Rumour(
        "net", A, "1.0", 1, 8, NEWS, (entry("k"),), tuple(changes(2)), False, watched_ms=5_000
    )
    assert mine.due("net", at(0)) == [expected]


def test_the_latest_record_replaces_one_that_waits() -> None:
    """Of a member as of a key; it does not lose its place by that."""
    mine = rumours()
    mine.say_members(NEWS)
    mine.say_members([member(A, state="dead")])
    mine.say_shared([entry("k", b"old"), entry("l")])
    mine.say_shared([entry("k", b"new", 2)])
    [said] = mine.due("net", at(0))
    assert said.members == (member(A, state="dead"), *NEWS[1:])
    assert said.shared == (entry("k", b"new", 2), entry("l"))
    assert mine.take_dropped() == {}


def test_much_news_is_several_rumours() -> None:
    """Each has at most so many members, and the next number."""
    mine = rumours(settings=GossipSettings(max_rumour_members=2))
    mine.say_members(NEWS)
    said = mine.due("net", at(0))
    assert [(r.seq, r.members) for r in said] == [(1, NEWS[:2]), (2, NEWS[2:])]


def test_large_shared_values_are_several_rumours() -> None:
    """Each has at most so many bytes of keys and values, but an entry at least."""
    mine = rumours(settings=GossipSettings(max_rumour_shared_bytes=2_000))
    sizes = [700, 700, 700, 3_000, 1]
    mine.say_shared([entry(f"key{i}", b"x" * size) for i, size in enumerate(sizes)])
    said = mine.due("net", at(0))
    assert [[len(e.value) for e in r.shared] for r in said] == [[700, 700], [700], [3_000], [1]]


def test_a_rumour_of_many_small_shared_values_is_not_large() -> None:
    """What an entry takes beside its key and its value counts too."""
    mine = rumours()
    mine.say_shared([entry(f"{i}", b"") for i in range(5_000)])
    assert max(len(r.shared) for r in mine.due("net", at(0))) < 1_000


def test_many_changed_keys_are_said_to_be_too_many() -> None:
    """What is beyond the limit is dropped, the next rumour says so, and only that one."""
    mine = rumours(settings=GossipSettings(max_rumour_changes=3))
    mine.say_changes(changes(2))
    mine.say_changes(changes(3))
    [said] = mine.due("net", at(0))
    assert said.changes == (*changes(2), *changes(1))
    assert said.missed
    assert mine.take_dropped() == {"too many changed keys to tell of": 2}
    mine.say_changes(changes(1))
    [said] = mine.due("net", at(ROUND_MS))
    assert not said.missed


def test_a_rumour_of_the_longest_keys_is_not_too_large() -> None:
    """Keys that JSON writes as escapes are told in several rumours, none left out."""
    mine = rumours()
    long = [
        Change("\0" * 1_020 + f"{i:04}", "v", "json") for i in range(SETTINGS.max_rumour_changes)
    ]
    mine.say_changes(long)
    said = mine.due("net", at(0))
    assert [change for r in said for change in r.changes] == long
    assert max(sum(6 * len(c.key) for c in r.changes) for r in said) <= MAX_CHANGES_BYTES


def test_news_that_waits_is_bounded() -> None:
    """The oldest makes room, and is counted."""
    mine = rumours(settings=GossipSettings(max_members=2, max_shared_entries=1))
    mine.say_members(NEWS)
    mine.say_shared([entry("k"), entry("l"), entry("m")])
    assert mine.take_dropped() == {"rumour queue full": 3}
    [said] = mine.due("net", at(0))
    assert (said.members, said.shared) == (NEWS[1:], (entry("m"),))


# What it hears.


def test_a_rumour_is_heard_once() -> None:
    """It comes by several ways; after the first it is known, and not passed on again."""
    mine = rumours()
    assert heard(mine, [2, 1, 1, 2]) == [True, True, False, False]
    assert [r.seq for r in mine.due("net", at(0))] == [2, 1]


def test_a_new_life_of_its_origin_counts_anew() -> None:
    """The same number of another boot is another rumour."""
    mine = rumours()
    assert mine.hear(rumour(boot="1.0"), at(0))
    assert mine.hear(rumour(boot="2.0"), at(0))


def test_its_own_rumours_are_no_news() -> None:
    """They come back to their origin and end there."""
    mine = rumours()
    mine.say_members([member(A)])
    [said] = mine.due("net", at(0))
    assert not mine.hear(said, at(1_000))
    assert mine.due("net", at(1_000)) == []
    assert mine.take_dropped() == {}


@pytest.mark.parametrize("of", [rumour(origin=A, boot="0.9"), rumour(origin=A, seq=2)])
def test_what_it_never_said_in_this_life_is_hearsay(of: Rumour) -> None:
    """It may be of an earlier life, or of a copy, or forged: others believe it, so it is heard."""
    mine = rumours()
    mine.say_members([member(A)])
    mine.due("net", at(0))
    assert hear(mine, of, at(1_000))
    assert not hear(mine, of, at(1_000))
    assert [r.seq for r in mine.due("net", at(1_000))] == [of.seq]


@pytest.mark.parametrize(("ttl", "passed_on"), [(8, [7]), (1, [0]), (0, []), (10**9, [7])])
def test_a_rumour_is_passed_on_until_it_has_gone_far_enough(ttl: int, passed_on: list[int]) -> None:
    """Each hop takes one from its time to live, and nobody can make it longer than a node's own."""
    mine = rumours()
    assert hear(mine, rumour(ttl=ttl), at(0))
    assert mine.due("net", at(0)) == [rumour(ttl=left) for left in passed_on]


def test_what_is_passed_on_keeps_the_rounds() -> None:
    """At once if nothing was published for a round, else then; after the node's own news."""
    mine = rumours()
    heard(mine, [1])
    assert len(mine.due("net", at(0))) == 1
    heard(mine, [2], 1)
    mine.say_members(NEWS)
    assert mine.due("net", at(1)) == []
    assert mine.wake_at == ROUND_MS
    assert [(r.origin, r.seq) for r in mine.due("net", at(ROUND_MS))] == [(A, 1), (B, 2)]


def test_a_round_is_bounded() -> None:
    """So many rumours are published, and the rest in the rounds that follow."""
    mine = rumours(settings=GossipSettings(max_rumours_a_round=3, max_rumour_members=2))
    heard(mine, range(1, 5))
    mine.say_members(NEWS)
    rounds = [[(r.origin, r.seq) for r in mine.due("net", at(i * ROUND_MS))] for i in range(3)]
    assert rounds == [[(A, 1), (A, 2), (B, 1)], [(B, 2), (B, 3), (B, 4)], []]


def test_what_waits_to_be_passed_on_is_bounded() -> None:
    """The oldest makes room, and is counted until somebody asks."""
    mine = rumours(settings=GossipSettings(max_queued_rumours=2))
    assert heard(mine, range(1, 6)) == [True] * 5
    assert mine.take_dropped() == {"rumour queue full": 3}
    assert mine.take_dropped() == {}
    assert [r.seq for r in mine.due("net", at(0))] == [4, 5]


def test_a_stranger_takes_no_memory_by_long_names() -> None:
    """No node and no boot is called so: it is not heard, and counted."""
    mine = rumours()
    for impossible in (rumour(origin="f" * 60_000), rumour(boot="x" * 60_000), rumour(0)):
        assert not mine.hear(impossible, at(0))
    assert mine.due("net", at(0)) == []
    assert mine.take_dropped() == {"no such rumour can be": 3}


# What it misses.


def test_the_first_rumour_of_an_origin_leaves_no_gap() -> None:
    """What was said before it is no concern; and without gaps there is nothing to wake for."""
    mine = rumours()
    heard(mine, [900, 901])
    mine.due("net", at(0))
    assert mine.wake_at is None
    assert mine.gap(at(10_000)) == ""


def test_a_rumour_that_does_not_come_is_a_gap() -> None:
    """After some patience, counted from the later one; told once."""
    mine = rumours()
    heard(mine, [3, 5], 1_000)
    mine.due("net", at(1_000))
    assert mine.wake_at == 1_000 + PATIENCE_MS
    assert mine.gap(at(1_000 + PATIENCE_MS - 1)) == ""
    assert mine.gap(at(1_000 + PATIENCE_MS)) == B
    assert mine.gap(at(1_000 + PATIENCE_MS)) == ""
    assert mine.wake_at is None


def test_a_rumour_that_comes_late_is_no_gap() -> None:
    """Other ways are slower."""
    mine = rumours()
    heard(mine, [3, 5])
    heard(mine, [4], PATIENCE_MS - 1)
    assert mine.gap(at(10_000)) == ""


def test_a_rumour_that_comes_after_its_gap_is_news_still() -> None:
    """It is acted on, and is no gap again."""
    mine = rumours()
    heard(mine, [3, 6])
    assert mine.gap(at(PATIENCE_MS)) == B
    assert heard(mine, [4], 1_000) == [True]
    assert mine.gap(at(10_000)) == ""


def test_all_that_is_missing_of_an_origin_is_one_gap() -> None:
    """Also what is not waited for long enough; what is missing later is another."""
    mine = rumours()
    heard(mine, [1, 3, 5])
    heard(mine, [7], PATIENCE_MS - 1)
    assert mine.gap(at(PATIENCE_MS)) == B
    assert mine.gap(at(10_000)) == ""
    heard(mine, [9], 10_000)
    assert mine.gap(at(20_000)) == B


def test_each_origin_has_gaps_of_its_own() -> None:
    """Each that is due is told, until there are no more."""
    mine = rumours()
    for origin in (B, C, "d" * 16):
        heard(mine, [1, 3], origin=origin)
    heard(mine, [2], origin=C)
    assert [mine.gap(at(PATIENCE_MS)) for _ in range(3)] == [B, "d" * 16, ""]


def test_a_forged_number_is_one_gap() -> None:
    """However far it jumps ahead."""
    mine = rumours()
    heard(mine, [1, 2**63 - 1])
    assert mine.gap(at(PATIENCE_MS)) == B
    assert mine.gap(at(PATIENCE_MS)) == ""
