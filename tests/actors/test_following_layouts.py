"""The list of members follows the layout: who keeps data has not left, who does no more has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.digests import Digests
from actors.membership import KEEPS_DATA, Member, Members, State
from tests.actors.envelopes import A, B, C, member

STATES: list[State] = ["alive", "leaving", "suspect", "dead", "stopped"]
DOWN: list[State] = ["dead", "stopped"]
NINE = "9" * 16


def members(*known: Member, keepers: tuple[str, ...] = ()) -> Members:
    """What node A knows, in a layout of these and itself if there are any."""
    found = Members(member(A), known, 10, Digests())
    if keepers:
        found.follow_layout((A, *keepers), ())
    return found


@pytest.mark.parametrize("state", STATES)
def test_who_is_gone_from_the_layout_has_left(state: State) -> None:
    """At the incarnation that is known; and it has left whatever is said of it later."""
    known = members(member(B, incarnation=3, state=state), member(C), keepers=(B, C))
    gone = member(B, incarnation=3, state="left")
    assert known.follow_layout((A, C), (B,)) == (gone,)
    assert known.unkept
    assert known.merge([member(B, boot=2)]).fresh == ()
    assert known.all() == (member(A), gone, member(C))
    assert known.follow_layout((A, C), (B,)) == ()


def test_who_is_heard_of_only_after_it_is_gone_has_left() -> None:
    """An old record of it may still be under way."""
    known = members()
    known.follow_layout((A,), (B,))
    assert known.merge([member(B)]).fresh == (member(B, state="left"),)


@pytest.mark.parametrize("state", STATES)
def test_who_keeps_data_is_not_believed_to_have_left(state: State) -> None:
    """It could not refute that. It is counted, and nothing changes."""
    known = members(member(B, state=state), keepers=(B,))
    version = known.version
    merged = known.merge([member(B, boot=5, state="left")])
    assert (merged.fresh, merged.problems) == ((), (KEEPS_DATA,))
    assert known.version == version
    assert known[B].state == state


def test_who_keeps_data_is_not_believed_to_have_left_though_it_is_unknown() -> None:
    """Gossip may come later than the layout."""
    known = members(keepers=(B,))
    assert known.merge([member(B, state="left")]).problems == (KEEPS_DATA,)
    assert known.get(B) is None


@pytest.mark.parametrize("keepers", [(), (C,)])
def test_others_are_believed_to_have_left(keepers: tuple[str, ...]) -> None:
    """One that is in no layout, and anybody as long as there is none."""
    known = members(member(B), keepers=keepers)
    gone = member(B, state="left")
    assert known.merge([gone]).fresh == (gone,)


def test_who_keeps_data_has_not_left_whatever_was_believed_before() -> None:
    """It is dead until it says a word itself, which it can."""
    known = members(member(B, incarnation=4, state="left"))
    back = member(B, incarnation=4, state="dead")
    assert known.follow_layout((A, B), ()) == (back,)
    assert known.merge([member(B, incarnation=5)]).fresh == (member(B, incarnation=5),)


def test_a_departure_that_came_before_the_layout_comes_with_it() -> None:
    """It was not believed; there is no need to hear it again."""
    known = members(member(B), member(C), keepers=(B, C))
    gone = member(B, state="left")
    assert known.merge([gone]).problems == (KEEPS_DATA,)
    assert known.follow_layout((A, C), (B,)) == (gone,)
    assert known.merge([gone]) == replace(known.merge([]), fresh=(), problems=())


def test_two_that_learn_of_a_layout_at_different_times_agree_when_both_have() -> None:
    """Whatever each was told meanwhile; until then they differ, and each keeps to its own."""
    digests = Digests(), Digests()
    early, late = (Members(member(A), [member(B), member(C)], 10, of) for of in digests)
    for one in (early, late):
        one.follow_layout((A, B, C), ())
    early.follow_layout((A, C), (B,))
    for _ in range(3):
        late.merge(early.all())
        early.merge(late.all())
    assert digests[0].whole() != digests[1].whole()
    assert (early[B].state, late[B].state) == ("left", "alive")
    late.follow_layout((A, C), (B,))
    assert digests[0].whole() == digests[1].whole()


def test_a_node_does_not_judge_itself() -> None:
    """What the layout means for it is for others to decide."""
    known = members(member(B), keepers=(B,))
    assert known.follow_layout((B,), (A,)) == ()
    known.update_me("left")
    assert known.follow_layout((A, B), ()) == ()
    assert known.me.state == "left"


# Names that others have now.


@pytest.mark.parametrize("state", DOWN)
def test_who_keeps_data_and_is_down_stays_though_another_has_its_name(state: State) -> None:
    """The other wishes to take its place: that has to be decided."""
    known = members(member(B, name="blue", state=state), keepers=(B,))
    new = member(C, name="blue")
    assert known.merge([new]).fresh == (new,)
    gone = member(B, name="blue", state="left")
    assert known.follow_layout((A, C), (B,)) == (gone,)


@pytest.mark.parametrize("state", DOWN)
def test_who_keeps_none_and_is_down_has_left_when_another_has_its_name(state: State) -> None:
    """It died before it got into a layout, and nobody will decide about it; that is news too."""
    known = members(member(B, name="blue", state=state), keepers=(NINE,))
    new, gone = member(C, name="blue"), member(B, name="blue", state="left")
    assert known.merge([new]).fresh == (new, gone)
    assert known.all() == (member(A), gone, new)


def test_who_keeps_none_and_is_down_has_left_when_the_layout_comes() -> None:
    """As long as there is none it may be in it. This node itself may be the one with the name."""
    known = members(member(B, name="node-a", state="dead"), member(C))
    assert known.merge([member(C, incarnation=1)]).fresh == (member(C, incarnation=1),)
    gone = member(B, name="node-a", state="left")
    assert known.follow_layout((C,), ()) == (gone,)


@pytest.mark.parametrize("state", DOWN)
def test_a_newcomer_is_not_struck_out_for_the_name_of_one_that_keeps_data(state: State) -> None:
    """It was to take the place of that one, which is taken for alive for a moment after a start."""
    known = members(member(B, name="blue"), keepers=(B,))
    known.merge([member(C, name="blue")])
    down = member(C, name="blue", state=state)
    assert known.merge([down]).fresh == (down,)
    assert known.follow_layout((A, B), ()) == ()


@pytest.mark.parametrize("state", ["alive", "leaving", "suspect"])
def test_a_living_member_keeps_its_name(state: State) -> None:
    """Another with the same name does not make it leave; nor does one that is down."""
    known = members(member(B, name="blue", state=state), keepers=(NINE,))
    known.merge([member(C, name="blue")])
    assert {m.id for m in known.present()} == {A, B, C}
    down = members(member(B, name="blue", state="dead"), keepers=(NINE,))
    down.merge([member(C, name="blue", state="dead")])
    assert {m.id for m in down.present()} == {A, B, C}
