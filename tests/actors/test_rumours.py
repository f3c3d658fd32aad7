"""News is numbered, heard once, and passed on a few times."""

from __future__ import annotations

from dataclasses import replace

from actors.rumours import Rumours
from tests.actors.envelopes import A, B, C, member

NEWS = (member(A), member(B), member(C))


def rumours(origin: str = A, ttl: int = 4) -> Rumours:
    """Of a node in its first life, two members to a rumour."""
    return Rumours(origin, "1.0", ttl, 2)


def test_news_is_cut_into_rumours_that_are_numbered() -> None:
    """Each has at most so many members, and the next number; the numbers go on."""
    mine = rumours()
    cut = list(mine.of("network", NEWS))
    assert [(r.seq, r.members) for r in cut] == [(1, NEWS[:2]), (2, NEWS[2:])]
    assert {(r.network, r.origin, r.boot, r.ttl) for r in cut} == {("network", A, "1.0", 4)}
    assert [r.seq for r in mine.of("network", NEWS[:1])] == [3]


def test_no_news_is_no_rumour() -> None:
    """Nothing is published, and no number is used."""
    mine = rumours()
    assert list(mine.of("network", ())) == []
    assert [r.seq for r in mine.of("network", NEWS[:1])] == [1]


def test_a_rumour_is_heard_once() -> None:
    """It comes by several ways; after the first it is known, also if it was told too late."""
    [first, second] = rumours().of("network", NEWS)
    mine = rumours(B)
    assert [mine.first_time(r) for r in (second, first, first, second)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_new_life_of_its_origin_counts_anew() -> None:
    """The same number of another boot is another rumour."""
    [rumour, _] = rumours().of("network", NEWS)
    mine = rumours(B)
    assert mine.first_time(rumour)
    assert mine.first_time(replace(rumour, boot="2.0"))


def test_a_rumour_is_passed_on_until_its_time_is_up() -> None:
    """Each that passes it on takes one from its time to live."""
    [rumour] = rumours(ttl=1).of("network", NEWS[:1])
    passed_on = rumours(B).passed_on(rumour)
    assert passed_on == replace(rumour, ttl=0)
    assert rumours(C).passed_on(passed_on) is None


def test_nobody_can_make_a_rumour_live_long() -> None:
    """A time to live above this node's own is cut to it."""
    [rumour] = rumours(ttl=1_000).of("network", NEWS[:1])
    passed_on = rumours(B, ttl=4).passed_on(rumour)
    assert passed_on is not None
    assert passed_on.ttl == 3


def test_its_origin_does_not_pass_a_rumour_on() -> None:
    """It comes back to it, and ends there."""
    mine = rumours()
    [rumour] = mine.of("network", NEWS[:1])
    assert mine.passed_on(rumour) is None
