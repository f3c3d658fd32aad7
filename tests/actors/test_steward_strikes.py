"""Members that are struck out: others agree, or one node decides alone, at a loss, where a majority
is gone for good.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, reply
from actors.layout import Layout, given_up, joint, settled
from actors.messages import (
    Accept,
    Accepted,
    AskLayout,
    Ballot,
    Hello,
    LayoutIs,
    Prepare,
    Strike,
    Struck,
)
from actors.striking import GIVE_UP, MAX_STRIKES, MAX_TIMEOUT_MS, forced, forced_step
from tests.actors.envelopes import A, B, C, all_of, member, messages, reasons
from tests.actors.stewards import SETTINGS, Stewarding, alive, as_state, promise, stable, struck

D, E, F = ("d" * 16, "e" * 16, "f" * 16)
ONE = stable(5, A, B, C)
FIVE = stable(5, A, B, C, D, E)
STEP = forced_step(A)
"""By so much node A raises the epoch where it decides alone."""


def among(layout: Layout, *down: str, here: str = A, boot: int = 1) -> Stewarding:
    """A node in this layout, where these members are dead."""
    node = Stewarding(here, layout=layout, boot=boot)
    states = [as_state(m, "dead") if m.id in down else m for m in alive(*layout.members)]
    node.gossip(*states)
    return node


def decided(node: Stewarding) -> Layout:
    """What it gets decided, as those that are there agree."""
    prepares = node.run_until(Prepare)
    out = node.turn(*[promise(p) for p in prepares if p.to.node in (A, B, E)])
    accepts = all_of(out, Accept)
    for accept in accepts:
        request = accept.message
        assert isinstance(request, Accept)
        answer = Accepted(request.layout.epoch, request.ballot)
        if accept.to.node in (A, B, E):
            node.turn(reply(accept, answer))
    return node.layout


def test_one_that_is_no_member_need_not_be_struck_out() -> None:
    """It is gone, or never was one."""
    node = among(stable(5, A, B, C, gone=(D,)))
    assert struck(node.strike(D)) == Struck("ok", "")
    assert struck(node.strike("e" * 16)) == Struck("ok", "")


def test_the_node_that_is_asked_cannot_be_struck_out() -> None:
    """It can leave."""
    answer = struck(among(ONE).strike(A))
    assert answer == Struck("refused", "it is the node that was asked: it can leave")


def test_a_node_without_a_layout_strikes_nobody_out() -> None:
    """Nor does one that is no member."""
    assert struck(Stewarding().strike(B)).code == "not_ready"
    assert struck(among(ONE, here=D).strike(B)).code == "unavailable"


def test_a_majority_agrees_to_strike_out() -> None:
    """The answer comes when the member is gone, and others have what it had."""
    node = among(ONE, C)
    assert all_of(node.strike(C), Struck) == []
    prepares = node.run_until(Prepare)
    assert messages(prepares, Prepare)[0].layout == ONE
    without = joint(ONE, (A, B))
    assert all_of(node.hear(LayoutIs(without), B), Struck) == []
    out = node.hear(LayoutIs(settled(without)), B)
    out += node.run_for(0)
    assert struck(out) == Struck("ok", "")


def test_who_was_asked_proposes_first() -> None:
    """Nobody else knows of it: the order of the ids is not waited for."""
    node = among(ONE, C, here=B)
    node.strike(C)
    assert all_of(node.run_for(SETTINGS.wish_ms), Prepare)


def test_a_strike_is_wished_for_for_its_time_alone() -> None:
    """It may still happen, and the answer says so."""
    node = among(ONE, C)
    node.strike(C, timeout_ms=2_000)
    out = node.run_for(2_000)
    reason = "the layout was not changed in time; it may still happen"
    assert struck(out) == Struck("timed_out", reason)
    assert all_of(out, Prepare)
    assert all_of(node.run_for(10_000), Prepare) == []


def test_where_data_cannot_be_moved_the_answer_comes_at_once() -> None:
    """For sure nothing will come of it: the owners of some keys are down. It says what to do."""
    node = among(FIVE, C, D)
    answer = struck(node.strike(C))
    assert answer.code == "unavailable"
    down = ", ".join(node_.name for node_ in (member(C), member(D)))
    assert answer.reason == (
        "of some keys too many owners are down for new copies to be made. Down are "
        f"{down}: wait until they are back; {GIVE_UP}"
    )
    assert all_of(node.run_for(5_000), Prepare) == []


def test_where_data_can_be_moved_no_more_the_answer_says_so() -> None:
    """Another has died meanwhile; somebody may have decided already."""
    node = among(FIVE, C)
    node.strike(C)
    states = [as_state(m, "dead") if m.id in (C, D) else m for m in alive(*FIVE.members)]
    node.gossip(*states)
    answer = struck(node.run_for(5_000))
    assert answer.code == "timed_out"
    assert answer.reason.endswith(f"wait until they are back; {GIVE_UP}")


def test_in_a_move_that_is_stuck_the_answer_comes_at_once() -> None:
    """So many old owners of some keys are down that the new ones get nothing."""
    node = among(joint(FIVE, (A, B, D, E)), C, D)
    assert struck(node.strike(C)).code == "unavailable"
    node = among(joint(FIVE, (A, B, D, E)), C)
    assert all_of(node.strike(C), Struck) == []


def test_the_time_of_a_strike_is_bounded() -> None:
    """So is how many there may be."""
    node = among(ONE, C)
    node.strike(C, timeout_ms=2**60)
    assert struck(node.run_for(MAX_TIMEOUT_MS)).code == "timed_out"
    many = [node.from_gossiper(Strike(C, False, 5_000), n) for n in range(MAX_STRIKES + 1)]
    out = messages(node.turn(*many), Struck)
    assert [answer.code for answer in out] == ["overloaded"]


def test_without_a_majority_nobody_is_struck_out() -> None:
    """The answer comes at once, has the numbers, and says what to do."""
    answer = struck(among(ONE, B, C).strike(C))
    assert answer.code == "unavailable"
    assert answer.reason == (
        f"2 of 3 members have to agree, and only 1 are there: wait until more are back; {GIVE_UP}"
    )


def test_at_a_loss_a_member_is_given_up_by_a_majority() -> None:
    """It is gone at once, before anybody else has what it had, and whoever else is down."""
    node = among(FIVE, C, D)
    assert all_of(node.strike(C, accept_loss=True), Struck) == []
    given = given_up(FIVE, (C,))
    assert decided(node) == given
    assert struck(node.run_for(0)) == Struck("ok", "")
    node.strike(D, accept_loss=True)
    assert decided(node) == given_up(given, (D,))


def test_a_move_is_given_up_for_a_loss() -> None:
    """One that is lost may be one of the new owners in it."""
    moving = joint(FIVE, (A, B, D, E))
    node = among(moving, C, D)
    node.strike(D, accept_loss=True)
    assert decided(node) == given_up(moving, (D,))
    assert node.layout == Layout(7, FIVE.base, (), (D,))


def test_what_is_given_up_has_no_vote() -> None:
    """Of the three that are left two decide; the given up are not asked, nor listened to."""
    layout = given_up(FIVE, (C, D))
    node = among(layout, here=B, boot=1)
    prepares = node.run_until(Prepare)
    assert {p.to.node for p in prepares} == {A, E}
    lost = replace(promise(prepares[0]), sender=Address(C, "storage"))
    out = node.turn(lost)
    assert all_of(out, Accept) == []
    assert reasons(out) == ["an answer to a proposal that cannot be"]
    assert all_of(node.turn(promise(prepares[0])), Accept)
    assert reasons(node.hear(Prepare(layout, Ballot(9, C)), C)) == ["a ballot that cannot be"]


def test_all_wish_for_a_layout_without_the_places_of_the_given_up() -> None:
    """They need not have been asked for it: the layout says who was given up."""
    node = among(given_up(FIVE, (C, D)), C, D)
    assert decided(node) == joint(given_up(FIVE, (C, D)), (A, B, E))


def test_the_data_is_not_moved_while_another_is_down_that_may_have_it() -> None:
    """Of some keys one that was given up and one that is down are most of the owners."""
    node = among(given_up(FIVE, (C,)), C, D)
    assert all_of(node.run_for(10_000), Prepare) == []
    node.gossip(*alive(A, B, D, E))
    assert decided(node) == joint(given_up(FIVE, (C,)), (A, B, D, E))


def test_all_that_are_left_are_needed_where_most_owners_were_given_up() -> None:
    """Any of them, old or new, may have what nobody else has."""
    lost = given_up(stable(5, A, B, C, D, E, F), (C, D))
    node = among(lost, C, D, F)
    assert all_of(node.run_for(10_000), Prepare) == []
    answer = struck(node.strike(F))
    assert answer.code == "unavailable"
    assert f"Down are {member(F).name}:" in answer.reason


def test_at_a_loss_one_node_decides_alone() -> None:
    """Its layout is above all that the lost may have decided, and they may not come back."""
    node = among(ONE, B, C)
    out = node.strike(C, accept_loss=True)
    assert struck(out) == Struck("ok", "")
    assert node.layout == Layout(5 + STEP, (A, B, C), (), (C,))
    assert [e.to.node for e in all_of(out, LayoutIs)] == [B, C]
    assert struck(node.strike(B, accept_loss=True)) == Struck("ok", "")
    lost = Layout(5 + 2 * STEP, (A, B, C), (), (C, B))
    assert node.layout == lost
    node.run_for(SETTINGS.wish_ms)
    assert node.layout == joint(lost, (A,))
    node.steward.report_sync(1, 1)
    node.run_for(0)
    assert node.layout == Layout(7 + 2 * STEP, (A,), (), (C, B))


def test_a_node_that_restarted_alone_is_welcome_once_it_has_decided() -> None:
    """Before that there was nobody to welcome it."""
    node = among(stable(5, A, B), B, boot=2)
    assert not node.steward.is_welcome
    node.strike(B, accept_loss=True)
    assert node.steward.is_welcome


@pytest.mark.parametrize("at_once", [False, True])
def test_a_node_that_nobody_has_confirmed_decides_alone(at_once: bool) -> None:
    """It is told of no others, gives up all, and is welcome when none is left to say hello to."""
    node = Stewarding(layout=ONE, boot=2, is_confirmed=False)
    strikes = [node.from_gossiper(Strike(m, True, 5_000, alone=True), 77) for m in (B, C)]
    if at_once:
        out = node.turn(*strikes) + node.run_for(10)
    else:
        out = node.turn(strikes[0])
        assert node.layout == Layout(5 + STEP, (A, B, C), (), (B,))
        assert not node.steward.is_welcome
        assert all_of(node.run_for(10_000), Hello) == []
        out += node.turn(strikes[1])
    assert messages(out, Struck) == [Struck("ok", "")] * 2
    assert node.layout == Layout(5 + 2 * STEP, (A, B, C), (), (B, C))
    assert node.steward.is_welcome
    node.run_for(SETTINGS.wish_ms)
    node.steward.report_sync(1, 1)
    node.run_for(0)
    assert node.layout == Layout(7 + 2 * STEP, (A,), (), (B, C))


def test_a_node_that_nobody_has_confirmed_gives_up_one_that_was_to_come() -> None:
    """It alone decides in any case: the move to it is given up."""
    node = Stewarding(layout=joint(stable(4, A), (A, B)), boot=2, is_confirmed=False)
    node.strike(B, accept_loss=True, alone=True)
    assert struck(node.run_for(SETTINGS.propose_retry_ms)) == Struck("ok", "")
    assert node.layout == Layout(6, (A,), (), (B,))


def test_a_node_that_is_no_member_gives_nobody_up() -> None:
    """Its layout is that of others."""
    node = Stewarding(layout=stable(5, B, C), boot=2, is_confirmed=False)
    assert struck(node.strike(B, accept_loss=True, alone=True)).code == "unavailable"


def test_a_loss_is_on_the_disk_before_it_is_told() -> None:
    """Or it has not happened."""
    node = among(stable(5, A, B), B)
    node.disk.full = True
    out = node.strike(B, accept_loss=True)
    assert struck(out).code == "disk_full"
    assert all_of(out, LayoutIs) == []
    assert node.layout == stable(5, A, B)


def test_one_lost_and_one_member_may_be_forced_in_a_joint_layout() -> None:
    """The move is given up; where the base is lost, those that were to come are what is left."""
    moving = joint(stable(4, A, B), (A, B, C))
    assert forced(moving, B, A) == Layout(5 + STEP, (A, B), (), (B,))
    moving = joint(stable(4, A), (A, B))
    assert forced(moving, A, B) == Layout(4 + 1 + forced_step(B), (A, B), (), (A,))
    assert forced(stable(4, A), A, A) is None


def test_two_that_decide_alone_at_once_do_not_stay_apart() -> None:
    """The later layout is what counts; whom it does not give up has to be given up once more."""
    layout = stable(5, A, B, C, D)
    one, other = among(layout, C, D, here=A), among(layout, C, D, here=B)
    one.strike(C, accept_loss=True)
    other.strike(D, accept_loss=True)
    assert one.layout != other.layout
    one.hear(LayoutIs(other.layout), B)
    other.hear(LayoutIs(one.layout), A)
    assert one.layout == other.layout == Layout(5 + forced_step(B), (A, B, C, D), (), (D,))


def test_what_was_lost_learns_that_it_is_out() -> None:
    """However far it had got."""
    lost = Stewarding(B, layout=joint(ONE, (A, B, C, D)))
    lost.hear(LayoutIs(Layout(5 + STEP, (A,), (), (C, B))), A)
    assert not lost.steward.is_welcome
    [ask] = all_of(lost.turn(), AskLayout)
    assert ask.to.node == A


def test_a_layout_that_is_on_its_way_to_the_disk_is_waited_for() -> None:
    """It may be without the member already."""
    node = among(ONE, B, C)
    later = stable(7, A, B, gone=(C,))
    strike = node.from_gossiper(Strike(C, True, 5_000), 77)
    out = node.turn(node.envelope(LayoutIs(later), B), strike)
    out += node.run_for(0)
    assert struck(out) == Struck("ok", "")
    assert node.layout == later


def test_gossip_is_heard_from_the_own_node_alone() -> None:
    """No other can have a member struck out."""
    node = among(ONE, C)
    assert node.hear(Strike(C, True, 5_000), B) == []
    assert all_of(node.run_for(5_000), Prepare) == []


def test_a_member_may_be_struck_out_by_the_last_of_a_joint_base() -> None:
    """With others' promises it is as any wish."""
    node = among(stable(5, A, B, member(C).id), C)
    node.strike(C)
    prepares = node.run_until(Prepare)
    assert {p.to.node for p in prepares} == {B, C}
    assert node.turn(*map(promise, prepares[:1]))
