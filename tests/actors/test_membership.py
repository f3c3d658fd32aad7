"""Membership: which news of a node beats which."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.membership import (
    MAX_ADDRESS_CHARACTERS,
    MAX_NAME_BYTES,
    RANK,
    Member,
    Members,
    State,
    beats,
    fault,
    members_from_bytes,
    members_to_bytes,
)
from tests.actors.envelopes import A, B, C, member

OLDEST_FIRST: list[tuple[int, int, State]] = [
    (1, 0, "alive"),
    (1, 0, "suspect"),
    (1, 0, "dead"),
    (1, 0, "stopped"),
    (1, 0, "leaving"),
    (1, 1, "alive"),
    (1, 1, "stopped"),
    (2, 0, "alive"),
    (2, 5, "dead"),
    (3, 0, "suspect"),
]
"""News of one member, each later than those before it: (boot, incarnation, state)."""

NEWS = st.builds(
    member,
    st.sampled_from([B, C]),
    boot=st.integers(1, 3),
    incarnation=st.integers(0, 2),
    state=st.sampled_from(get_args(State)),
)


def news(of: tuple[int, int, State]) -> Member:
    """A record of node B."""
    boot, incarnation, state = of
    return member(B, boot=boot, incarnation=incarnation, state=state)


def members(*known: Member, max_members: int = 10) -> Members:
    """What node A knows."""
    return Members(member(A), known, max_members)


@pytest.mark.parametrize("pair", list(permutations(range(len(OLDEST_FIRST)), 2)))
def test_later_news_beats_earlier_news(pair: tuple[int, int]) -> None:
    """The boot decides, then the incarnation, then the rank of the state."""
    first, second = pair
    assert beats(news(OLDEST_FIRST[first]), news(OLDEST_FIRST[second])) is (first > second)


@pytest.mark.parametrize("of", OLDEST_FIRST)
def test_departure_beats_everything_and_is_final(of: tuple[int, int, State]) -> None:
    """A member that left has left, whatever its boot or incarnation were; nothing undoes it."""
    left = member(B, boot=1, incarnation=0, state="left")
    assert beats(left, news(of))
    assert not beats(news(of), left)
    assert not beats(replace(left, boot=9), left)


@given(NEWS)
def test_any_news_beats_none_and_none_beats_itself(of: Member) -> None:
    """Who was unknown becomes known; what is known already is no news."""
    assert beats(of, None)
    assert not beats(of, of)


def test_every_state_has_a_rank_of_its_own() -> None:
    """No two states tie."""
    assert set(RANK) == set(get_args(State))
    assert len(set(RANK.values())) == len(RANK)


@given(st.lists(NEWS, max_size=8).flatmap(lambda n: st.tuples(st.just(n), st.permutations(n))))
def test_the_order_in_which_news_comes_does_not_matter(
    heard: tuple[list[Member], list[Member]],
) -> None:
    """Two nodes that heard the same, in any order, know the same."""
    one, other = members(), members()
    for in_one, in_other in zip(*heard, strict=True):
        one.merge([in_one])
        other.merge([in_other])
    assert one.present() == other.present()
    assert [m.id for m in one.all()] == [m.id for m in other.all()]


def test_only_news_is_fresh() -> None:
    """What is not later than what is known changes nothing."""
    known = members(member(B, boot=2))
    assert known.merge([member(B, boot=1), member(B, boot=2)]).fresh == ()
    assert known.merge([member(B, boot=3)]).fresh == (member(B, boot=3),)
    assert known[B].boot == 3


FAULTY = {
    "a short id": replace(member(B), id="b" * 15),
    "an id in capitals": replace(member(B), id="B" * 16),
    "no name": replace(member(B), name=""),
    "a name with a space after it": replace(member(B), name="b "),
    "a name too long": replace(member(B), name="b" * (MAX_NAME_BYTES + 1)),
    "a name with a slash": replace(member(B), name="a/b"),
    "a name with a control character": replace(member(B), name="a\0b"),
    "no host": replace(member(B), address=":7000"),
    "no port": replace(member(B), address="host"),
    "port 0": replace(member(B), address="host:0"),
    "a port too high": replace(member(B), gossip_address="host:65536"),
    "a port that is no number": replace(member(B), gossip_address="host:x"),
    "an address too long": replace(member(B), address="h" * MAX_ADDRESS_CHARACTERS + ":1"),
    "an address that is not ASCII": replace(member(B), address="hôte:1"),
}


@pytest.mark.parametrize("wrong", FAULTY.values(), ids=FAULTY)
def test_what_cannot_be_a_member_is_not_taken_in(wrong: Member) -> None:
    """It is a problem to be counted, and nothing more."""
    known = members()
    merged = known.merge([wrong])
    assert fault(wrong)
    assert merged.fresh == ()
    assert merged.problems == ("no such member can be",)
    assert known.all() == (member(A),)


def test_an_ordinary_member_has_no_fault() -> None:
    """Spaces within a name and letters of any script are fine, as is an IPv6 address."""
    assert fault(member(B)) == ""
    assert fault(replace(member(B), name="küche 2", address="[::1]:7000")) == ""


def test_there_is_room_for_so_many_members() -> None:
    """One too many is not taken in; news of one that is known is."""
    known = members(member(B), max_members=2)
    merged = known.merge([member(C), member(B, boot=2)])
    assert merged.fresh == (member(B, boot=2),)
    assert merged.problems == ("too many members",)


def test_only_a_node_itself_says_what_it_is() -> None:
    """Earlier news of this node is passed over; later news can only come from a copy of it."""
    known = members()
    assert known.merge([member(A, boot=1)]).problems == ()
    merged = known.merge([member(A, boot=2)])
    assert merged.problems == ("another node claims this node's id",)
    assert merged.fresh == ()
    assert known.me == known[A] == member(A)


def test_a_node_learns_that_it_left_for_good() -> None:
    """That is no claim of another node to its id."""
    merged = members().merge([member(A, state="left")])
    assert merged.left
    assert merged.problems == ()


def test_a_living_member_takes_over_the_name_of_a_stopped_one() -> None:
    """The stopped one is found to have left, and that is news too."""
    known = members(member(B, name="blue", state="stopped"))
    new = member(C, name="blue")
    gone = member(B, name="blue", state="left")
    assert known.merge([new]).fresh == (new, gone)
    assert known.present() == (member(A), new)
    assert known.all() == (member(A), gone, new)


def test_a_living_member_keeps_its_name() -> None:
    """Another with the same name does not make it leave."""
    known = members(member(B, name="blue"))
    known.merge([member(C, name="blue")])
    assert {m.id for m in known.present()} == {A, B, C}


@pytest.mark.parametrize(
    ("state", "holds"),
    [
        ("alive", True),
        ("suspect", True),
        ("leaving", True),
        ("stopped", False),
        ("dead", False),
        ("left", False),
    ],
)
def test_who_stopped_died_or_left_holds_no_name(state: State, holds: bool) -> None:
    """A name is held by who is running, as far as is known."""
    holder = members(member(B, state=state)).holder_of_name("node-b")
    assert (holder is not None) is holds


def test_a_stopped_member_stays_a_member() -> None:
    """It owns its part of the ring: its data comes back with it."""
    known = members(member(B, state="stopped"))
    assert known.present() == (member(A), member(B, state="stopped"))
    assert known.others() == (member(B, state="stopped"),)


def test_a_nodes_own_news_is_later_than_all_it_said_before() -> None:
    """Each has a higher incarnation."""
    known = members()
    before = known.me
    known.update_me("stopped")
    assert known.me == known[A] == replace(before, state="stopped", incarnation=1)
    assert beats(known.me, before)


def test_what_a_node_held_of_itself_gives_way_to_what_it_is() -> None:
    """After a restart the record on its disk is an old one."""
    assert members(member(A, boot=0)).all() == (member(A, boot=1),)


def test_the_difference_of_two_lists_is_what_one_side_does_not_know() -> None:
    """Unknown members and later news; nothing that the other side knows better."""
    known = members(member(B, boot=2), member(C, boot=1))
    assert known.later_than([member(B, boot=1), member(C, boot=2)]) == (
        member(A),
        member(B, boot=2),
    )


def test_digests_are_equal_where_the_same_is_known() -> None:
    """In whatever order it was heard; any later news makes a difference."""
    one, other = members(member(B), member(C)), members(member(C), member(B))
    assert one.digest() == other.digest()
    for later in (replace(member(B), boot=2), replace(member(B), incarnation=1)):
        assert members(later, member(C)).digest() != one.digest()
    assert members(member(B, state="stopped"), member(C)).digest() != one.digest()


def test_when_a_member_left_makes_no_difference_to_a_digest() -> None:
    """Its departure is final, so who saw it leave later will never hear of the difference."""
    sooner, later = member(B, state="left"), member(B, boot=2, state="left")
    assert members(sooner).digest() == members(later).digest()
    assert (
        members(sooner).later_than([later]) == members(later).later_than([sooner]) == (member(A),)
    )


def test_a_member_has_its_place_where_there_is_no_room() -> None:
    """Only one more would be too many."""
    full = Members(member(A), [member(B)], max_members=2)
    assert full.has_room_for(B)
    assert not full.has_room_for(C)


def test_a_list_comes_back_from_the_disk_as_it_was() -> None:
    """Also where there was none yet."""
    kept = [member(B, state="left"), member(C, name="küche")]
    assert members_from_bytes(members_to_bytes(kept)) == kept
    assert members_from_bytes(b"") == []


@pytest.mark.parametrize("spoilt", [b"{", b'[{"id": "x"}]', b"[1]", b"7"])
def test_a_spoilt_list_is_an_error(spoilt: bytes) -> None:
    """Who reads it learns of it."""
    with pytest.raises((ValueError, TypeError)):
        members_from_bytes(spoilt)
