"""Members that are struck out: others agree, or one node decides alone, at a loss, where a majority
is gone for good.
"""

from __future__ import annotations

import pytest

from actors.layout import Layout, joint, settled
from actors.messages import AskLayout, LayoutIs, Prepare, Strike, Struck
from actors.striking import FORCED_STEP, MAX_STRIKES, MAX_TIMEOUT_MS, forced
from tests.actors.envelopes import A, B, C, all_of, member, messages
from tests.actors.stewards import SETTINGS, Stewarding, alive, as_state, promise, stable, struck

D = "d" * 16
ONE = stable(5, A, B, C)


def among(layout: Layout, *down: str, here: str = A, boot: int = 1) -> Stewarding:
    """A node in this layout, where these members are dead."""
    node = Stewarding(here, layout=layout, boot=boot)
    states = [as_state(m, "dead") if m.id in down else m for m in alive(*layout.members)]
    node.gossip(*states)
    return node


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


@pytest.mark.parametrize("accept_loss", [False, True])
def test_a_majority_agrees_to_strike_out(accept_loss: bool) -> None:
    """The answer comes when the member is gone; with no loss, even if that was accepted."""
    node = among(ONE, C)
    assert all_of(node.strike(C, accept_loss=accept_loss), Struck) == []
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


def test_the_answer_says_where_data_cannot_be_moved() -> None:
    """The owners that have it are down."""
    node = among(stable(5, A, B, C, D, "e" * 16), C, D)
    node.strike(C)
    answer = struck(node.run_for(5_000))
    assert answer.code == "timed_out"
    assert answer.reason.endswith("So many owners of some keys are down that these cannot be moved")


def test_the_time_of_a_strike_is_bounded() -> None:
    """So is how many there may be."""
    node = among(ONE, C)
    node.strike(C, timeout_ms=2**60)
    assert struck(node.run_for(MAX_TIMEOUT_MS)).code == "timed_out"
    many = [node.from_gossiper(Strike(C, False, 5_000), n) for n in range(MAX_STRIKES + 1)]
    out = messages(node.turn(*many), Struck)
    assert [answer.code for answer in out] == ["overloaded"]


def test_without_a_majority_nobody_is_struck_out() -> None:
    """The answer comes at once, and has the numbers."""
    answer = struck(among(ONE, B, C).strike(C))
    assert answer.code == "unavailable"
    assert answer.reason.startswith("2 of 3 members have to agree, and only 1 are there")


def test_at_a_loss_one_node_decides_alone() -> None:
    """Its layout is above all that the lost may have decided, and they may not come back."""
    node = among(ONE, B, C)
    out = node.strike(C, accept_loss=True)
    assert struck(out) == Struck("ok", "")
    first = Layout(5 + FORCED_STEP, (A, B), (), (C,))
    assert node.layout == first
    assert [e.to.node for e in all_of(out, LayoutIs)] == [B, C]
    assert struck(node.strike(B, accept_loss=True)) == Struck("ok", "")
    assert node.layout == Layout(5 + 2 * FORCED_STEP, (A,), (), (C, B))


def test_a_node_that_restarted_alone_is_welcome_once_it_has_decided() -> None:
    """Before that there was nobody to welcome it."""
    node = among(stable(5, A, B), B, boot=2)
    assert not node.steward.is_welcome
    node.strike(B, accept_loss=True)
    assert node.steward.is_welcome


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
    assert forced(joint(stable(4, A, B), (A, B, C)), B) == Layout(5 + FORCED_STEP, (A,), (), (B,))
    assert forced(joint(stable(4, A), (A, B)), A) == Layout(5 + FORCED_STEP, (B,), (), (A,))
    assert forced(stable(4, A), A) is None


def test_what_was_lost_learns_that_it_is_out() -> None:
    """However far it had got."""
    lost = Stewarding(B, layout=joint(ONE, (A, B, C, D)))
    lost.hear(LayoutIs(Layout(5 + FORCED_STEP, (A,), (), (C, B))), A)
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
