"""Membership: which news of a node beats which."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.digests import BUCKETS, Digests
from actors.membership import (
    MAX_ADDRESS_CHARACTERS,
    MAX_NAME_BYTES,
    RANK,
    Member,
    Members,
    State,
    beats,
    digest_of,
    fault,
    members_from_bytes,
    members_to_bytes,
)
from tests.actors.envelopes import A, B, C, member

ALL = range(BUCKETS)

OLDEST_FIRST: list[tuple[int, int, State]] = [
    (1, 0, "alive"),
    (1, 0, "leaving"),
    (1, 0, "suspect"),
    (1, 0, "dead"),
    (1, 0, "stopped"),
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
    return Members(member(A), known, max_members, Digests())


def digest(*known: Member) -> str:
    """Of what node A knows."""
    digests = Digests()
    Members(member(A), known, 10, digests)
    return digests.whole()


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
    digests = Digests(), Digests()
    one, other = (Members(member(A), (), 10, of) for of in digests)
    for in_one, in_other in zip(*heard, strict=True):
        one.merge([in_one])
        other.merge([in_other])
    assert one.present() == other.present()
    assert [m.id for m in one.all()] == [m.id for m in other.all()]
    assert digests[0].whole() == digests[1].whole()


def test_only_news_is_fresh() -> None:
    """What is not later than what is known changes nothing, and is not counted as a change."""
    known = members(member(B, boot=2))
    version = known.version
    assert known.merge([member(B, boot=1), member(B, boot=2)]).fresh == ()
    assert (known.version, known.unkept) == (version, False)
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


def test_a_living_member_keeps_its_name() -> None:
    """Another with the same name does not make it leave."""
    known = members(member(B, name="blue"))
    known.merge([member(C, name="blue")])
    assert {m.id for m in known.present()} == {A, B, C}


@pytest.mark.parametrize(("state", "has_left"), [("alive", True), ("suspect", False)])
def test_who_is_down_has_left_once_another_of_its_name_is_up(state: State, has_left: bool) -> None:
    """Not for one that is suspected: a node that has just started takes the dead for that."""
    known = members(member(B, name="blue", state=state))
    known.follow_layout((A,), ())
    known.merge([member(C, name="blue", state="dead")])
    assert (known[C].state == "left") is has_left


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
    theirs = [member(B, boot=1), member(C, boot=2)]
    assert known.later_than(theirs, ALL) == (member(A), member(B, boot=2))


def test_only_what_is_in_the_buckets_is_compared() -> None:
    """Each member is in one of them, by its id."""
    known = members(member(B), member(C))
    parts = [known.in_buckets({bucket}) for bucket in ALL]
    assert sorted(m.id for part in parts for m in part) == [A, B, C]
    assert [known.later_than((), {bucket}) for bucket in ALL] == parts


def test_digests_are_equal_where_the_same_is_known() -> None:
    """In whatever order it was heard; any later news makes a difference."""
    one = digest(member(B), member(C))
    assert digest(member(C), member(B)) == one
    for later in (replace(member(B), boot=2), replace(member(B), incarnation=1)):
        assert digest(later, member(C)) != one
    assert digest(member(B, state="stopped"), member(C)) != one


def test_a_digest_follows_every_change() -> None:
    """It is that of a node which never knew anything else."""
    digests = Digests()
    known = Members(member(A), [member(B)], 10, digests)
    known.merge([member(B, boot=2), member(C)])
    known.declare(C, "dead")
    assert digests.whole() == digest(member(B, boot=2), member(C, state="dead"))


def test_when_a_member_left_makes_no_difference_to_a_digest() -> None:
    """Its departure is final, so who saw it leave later will never hear of the difference."""
    sooner, later = member(B, state="left"), member(B, boot=2, state="left")
    assert digest(sooner) == digest(later)
    assert members(sooner).later_than([later], ALL) == (member(A),)
    assert members(later).later_than([sooner], ALL) == (member(A),)


def test_a_member_has_its_place_where_there_is_no_room() -> None:
    """Only one more would be too many."""
    full = members(member(B), max_members=2)
    assert full.has_room_for(B)
    assert not full.has_room_for(C)


def test_a_list_comes_back_from_the_disk_as_it_was() -> None:
    """Also where there was none yet."""
    kept = [member(B, state="left"), member(C, name="küche")]
    assert members_from_bytes(members_to_bytes(kept)) == kept
    assert members_from_bytes(b"") == []


def test_a_list_from_before_there_were_files_is_read() -> None:
    """The address for files is told anew when a node starts; until then it is one that is there."""
    kept = [member(A), member(B)]
    old = json.loads(members_to_bytes(kept))
    for row in old:
        del row["files_address"]
    assert members_from_bytes(json.dumps(old).encode()) == [
        replace(m, files_address=m.gossip_address) for m in kept
    ]


@pytest.mark.parametrize("spoilt", [b"{", b'[{"id": "x"}]', b"[1]", b"7"])
def test_a_spoilt_list_is_an_error(spoilt: bytes) -> None:
    """Who reads it learns of it."""
    with pytest.raises((ValueError, TypeError)):
        members_from_bytes(spoilt)


# What is to be done about changes.


@pytest.mark.parametrize(
    ("later", "unkept"),
    [
        (member(B, state="leaving"), False),
        (member(B, state="suspect"), False),
        (member(B, state="dead"), False),
        (member(B, incarnation=1), False),
        (member(B, boot=2), False),
        (member(B, state="stopped"), True),
        (member(B, state="left"), True),
        (member(B, boot=2, port=9_000), True),
        (member(C), True),
    ],
)
def test_who_belongs_and_where_is_to_be_remembered(later: Member, unkept: bool) -> None:
    """So is that it stopped or left; every change is counted, what is found out anew included."""
    known = members(member(B))
    version = known.version
    known.merge([later])
    assert known.unkept is unkept
    assert known.version == version + 1


def test_what_a_node_says_of_another_is_at_the_incarnation_that_it_knows() -> None:
    """Only the other raises it."""
    known = members(member(B, boot=3, incarnation=4))
    assert known.declare(B, "suspect") == member(B, boot=3, incarnation=4, state="suspect")
    assert known[B].state == "suspect"


def test_who_is_not_known_to_be_down_lives() -> None:
    """A node itself is not counted."""
    states: list[State] = ["alive", "leaving", "suspect", "dead", "stopped", "left"]
    known = members(*(member(str(i) * 16, state=state) for i, state in enumerate(states)))
    assert [m.state for m in known.living()] == ["alive", "leaving", "suspect"]
    assert [m.state for m in known.others()] == states[:-1]


def test_who_cannot_be_there_is_dead() -> None:
    """It has this node's name and address, but it is this node that listens."""
    ghost = replace(member(B), name="node-a", address=member(A).address)
    known = members(ghost, replace(member(C), name="node-a"))
    assert known.displaced() == (replace(ghost, state="dead"),)
    assert [m.id for m in known.living()] == [C]
    assert known.displaced() == ()


def test_two_lists_are_told_apart() -> None:
    """By whatever a client is shown of them."""
    one = (member(A), member(B))
    assert digest_of(one) == digest_of(tuple(one))
    for other in ((), one[:1], (*one, member(C)), (member(A), replace(member(B), name="b"))):
        assert digest_of(other) != digest_of(one)
