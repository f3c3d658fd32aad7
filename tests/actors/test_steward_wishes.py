"""Who comes and who goes is wished for by gossip; data moves before anybody is relied on, and what
cannot be is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.actor import Envelope
from actors.layout import Layout, aborted, bumped, founding, joint, settled
from actors.membership import Member, State
from actors.messages import Accept, LayoutIs, Prepare, SyncReport
from actors.moving import REPEAT_MS, moves_in
from tests.actors.envelopes import A, B, C, all_of, member, messages, reasons
from tests.actors.stewards import SETTINGS, Stewarding, alive, as_state, promise, stable

D, E = "d" * 16, "e" * 16
ONE = stable(5, A, B, C)
WAIT_MS = SETTINGS.wish_ms


def proposal(node: Stewarding, *, within_ms: int, out: Sequence[Envelope] = ()) -> Layout | None:
    """What it proposes within this time, all others promising all; None if it proposes nothing.
    `out` is what it has sent just now."""
    until_ms = node.now_ms + within_ms
    while True:
        prepares = all_of(out, Prepare)
        if prepares:
            return next(a.proposal for a in messages(node.turn(*map(promise, prepares)), Accept))
        wake_at = node.steward.wake_at
        if wake_at is None or wake_at > until_ms:
            node.now_ms = until_ms
            return None
        out = node.turn(after_ms=max(0, wake_at - node.now_ms))


def target(*members: Member, layout: Layout = ONE, here: str = A) -> tuple[str, ...] | None:
    """The members that this node proposes, once gossip has told it of these."""
    node = Stewarding(here, layout=layout)
    node.gossip(*members)
    proposed = proposal(node, within_ms=10_000)
    return proposed.next if proposed is not None else None


def test_one_that_joins_becomes_a_member() -> None:
    """And several in one step."""
    assert target(*alive(A, B, C, D)) == (A, B, C, D)
    assert target(*alive(A, B, C, D, E)) == (A, B, C, D, E)


def test_one_node_becomes_three_in_one_step() -> None:
    """Alone it decides at once."""
    node = Stewarding(layout=founding((A,)))
    node.gossip(*alive(A, B, C))
    node.run_for(WAIT_MS)
    assert node.layout == joint(founding((A,)), (A, B, C))


def test_one_that_leaves_is_a_member_no_more() -> None:
    """By its own wish, in one step with others that come."""
    a, b, c, d = alive(A, B, C, D)
    assert target(a, b, as_state(c, "leaving"), here=C) == (A, B)
    assert target(a, b, as_state(c, "leaving"), d, here=C) == (A, B, D)


def test_nobody_is_said_by_others_to_leave() -> None:
    """Gossip may be made up; what else is wished goes on without that."""
    a, b, c, d = alive(A, B, C, D)
    assert target(a, b, as_state(c, "leaving")) is None
    assert target(a, b, as_state(c, "leaving"), d) == (A, B, C, D)


def test_one_that_leaves_waits_until_no_file_needs_what_it_has() -> None:
    """Until its file server has said so, in the time since it wishes to leave."""
    a, b, c = alive(A, B, C)
    node = Stewarding(C, layout=ONE)
    node.has_files = True
    node.steward.may_leave()
    node.gossip(a, b, c)
    node.gossip(a, b, as_state(c, "leaving"))
    assert proposal(node, within_ms=10_000) is None
    node.steward.may_leave()
    assert proposal(node, within_ms=WAIT_MS) == joint(ONE, (A, B))


def test_a_leaver_waits_for_no_other_to_propose() -> None:
    """The others may not wish what it does, whereas for one that comes the first is waited for."""
    a, b, c, d = alive(A, B, C, D)
    node = Stewarding(C, layout=ONE)
    node.gossip(a, b, as_state(c, "leaving"))
    assert proposal(node, within_ms=WAIT_MS) == joint(ONE, (A, B))
    node = Stewarding(C, layout=ONE)
    node.gossip(a, b, c, d)
    assert proposal(node, within_ms=WAIT_MS + 2 * SETTINGS.propose_retry_ms - 1) is None


@pytest.mark.parametrize("state", ["dead", "stopped"])
def test_one_whose_name_another_has_is_replaced(state: State) -> None:
    """A new folder under the old name; while it is there itself it is not."""
    a, b, c = alive(A, B, C)
    new = member(D, name=c.name)
    assert target(a, b, as_state(c, state), new) == (A, B, D)
    assert target(a, b, c, new) == (A, B, C, D)
    assert target(a, b, as_state(c, state)) is None


def test_one_that_has_come_for_another_takes_its_place_though_it_leaves() -> None:
    """What it was before is down for good all the same."""
    a, b, c = alive(A, B, C)
    new = as_state(member(D, name=c.name), "leaving")
    four = stable(5, A, B, C, D)
    assert target(a, b, as_state(c, "dead"), new, layout=four) == (A, B, D)
    assert target(a, b, as_state(c, "stopped"), as_state(new, "dead"), layout=four) is None


def test_who_is_suspected_takes_nobodys_place() -> None:
    """A node that starts again suspects the dead for a while: their successor would go instead."""
    a, b, c = alive(A, B, C)
    new = member(D, name=c.name)
    four = stable(5, A, B, C, D)
    assert target(a, b, as_state(c, "suspect"), as_state(new, "dead"), layout=four) is None
    assert target(a, b, as_state(c, "dead"), as_state(new, "suspect"), layout=four) is None


def test_one_that_leaves_takes_what_it_was_before_along() -> None:
    """Both are out in one step."""
    a, b, c = alive(A, B, C)
    new = as_state(member(D, name=c.name), "leaving")
    four = stable(5, A, B, C, D)
    assert target(a, b, as_state(c, "dead"), new, layout=four, here=D) == (A, B)


def test_nobody_is_wanted_who_is_not_alive() -> None:
    """A joiner that is down already, or has left."""
    states: tuple[State, ...] = ("suspect", "dead", "stopped", "left")
    for state in states:
        assert target(*alive(A, B, C), as_state(member(D), state)) is None


def test_one_that_leaves_before_it_is_a_member_becomes_one_first() -> None:
    """A layout with it may be under way, and it would be a member that is no more."""
    wanted = target(*alive(A, B, C), as_state(member(D), "leaving"))
    assert wanted is not None
    assert D in wanted


def test_what_is_gone_never_comes_back() -> None:
    """Whatever gossip says of it."""
    assert target(*alive(A, B, C, D), layout=stable(5, A, B, C, gone=(D,))) is None


def test_the_last_member_cannot_leave() -> None:
    """There would be nobody left."""
    node = Stewarding(layout=stable(5, A))
    node.gossip(as_state(member(A), "leaving"))
    assert proposal(node, within_ms=10_000) is None


def test_wishes_are_gathered_for_a_while() -> None:
    """Those that come within that time are in the same step; what is taken back is forgotten."""
    node = Stewarding(layout=ONE)
    node.gossip(*alive(A, B, C, D))
    assert proposal(node, within_ms=WAIT_MS - 1) is None
    node.gossip(*alive(A, B, C, D, E))
    assert proposal(node, within_ms=1) == joint(ONE, (A, B, C, D, E))
    node = Stewarding(layout=ONE)
    node.gossip(*alive(A, B, C, D))
    node.run_for(WAIT_MS - 1)
    node.gossip(*alive(A, B, C))
    node.gossip(*alive(A, B, C, E))
    assert proposal(node, within_ms=WAIT_MS - 1) is None


def test_only_the_base_proposes() -> None:
    """One that is to become a member waits for the others."""
    node = Stewarding(D, layout=ONE)
    node.gossip(*alive(A, B, C, D))
    assert proposal(node, within_ms=10_000) is None


def test_no_data_is_moved_that_cannot_be() -> None:
    """Where a majority of the owners is down, it waits until they are back."""
    five = stable(5, A, B, C, D, E)
    a, b, c, d, e = alive(A, B, C, D, E)
    new = member("f" * 16)
    node = Stewarding(layout=five)
    node.gossip(a, b, c, as_state(d, "dead"), as_state(e, "dead"), new)
    assert proposal(node, within_ms=10_000) is None
    out = node.gossip(a, b, c, d, as_state(e, "dead"), new)
    assert proposal(node, within_ms=0, out=out) == joint(five, (A, B, C, D, E, new.id))


# While data moves.

GROWING = joint(stable(4, A, B), (A, B, C))
"""Every partition gets C as its third owner."""


def moving(layout: Layout = GROWING, *states: Member) -> Stewarding:
    """Node A in this joint layout, all being alive but for these."""
    node = Stewarding(layout=layout)
    others = {m.id: m for m in states}
    node.gossip(*[others.get(m.id, m) for m in alive(*layout.members)])
    return node


def report(node: Stewarding, *ids: str, moved: int = 4096) -> list[Envelope]:
    """These have moved so much; what is sent then."""
    reports = [node.envelope(SyncReport(5, 4096, moved), member_id) for member_id in ids]
    return node.turn(*reports)


def test_a_joint_layout_is_settled_when_all_have_moved() -> None:
    """At once then, and not before."""
    node = moving()
    node.steward.report_sync(4096, 4096)
    report(node, B)
    report(node, C, moved=4095)
    assert proposal(node, within_ms=1_000) is None
    out = report(node, C)
    assert proposal(node, within_ms=0, out=out) == settled(GROWING)


def test_one_that_is_down_is_not_waited_for() -> None:
    """A majority has all."""
    node = moving(GROWING, as_state(member(C), "dead"))
    node.steward.report_sync(4096, 4096)
    assert proposal(node, within_ms=1_000) is None
    out = report(node, B)
    assert proposal(node, within_ms=0, out=out) == settled(GROWING)


def test_one_that_is_slow_is_not_waited_for_for_ever() -> None:
    """Its patience begins when a majority has all."""
    node = moving()
    node.run_for(60_000)
    node.steward.report_sync(4096, 4096)
    report(node, B)
    assert proposal(node, within_ms=SETTINGS.settle_patience_ms - 1) is None
    assert proposal(node, within_ms=1) == settled(GROWING)


def test_a_majority_is_needed_of_each_partition() -> None:
    """Not of the members: two of five may own the most of some partition."""
    layout = joint(stable(4, A, B, C), (A, B, C, D, E))
    node = moving(layout, as_state(member(D), "stopped"), as_state(member(E), "dead"))
    node.steward.report_sync(1, 1)
    report(node, B, C)
    lacking = [sets for sets in moves_in(layout) if {D, E} < {*sets[-1]}]
    assert lacking
    assert proposal(node, within_ms=SETTINGS.abort_ms - 1) is None


def test_where_nothing_moves_a_joint_layout_is_settled_at_once() -> None:
    """None of the partitions has other owners."""
    layout = joint(stable(4, A), (A,))
    node = Stewarding(layout=layout)
    node.run_for(0)
    assert node.layout == settled(layout)


def test_a_move_is_given_up_where_no_majority_can_have_it() -> None:
    """Once so many new owners have been down for long enough."""
    layout = joint(stable(4, A), (A, B))
    node = Stewarding(layout=layout)
    node.gossip(member(A), as_state(member(B), "dead"))
    node.run_for(SETTINGS.abort_ms - 1)
    assert node.layout == layout
    node.run_for(1)
    assert node.layout == aborted(layout)


def test_who_is_back_in_time_gets_the_data() -> None:
    """The time begins anew when it is down again."""
    layout = joint(stable(4, A), (A, B))
    node = Stewarding(layout=layout)
    down = as_state(member(B), "stopped")
    for state in (down, member(B), down):
        node.gossip(member(A), state)
        node.run_for(SETTINGS.abort_ms - 1)
    assert node.layout == layout


def test_reports_are_repeated() -> None:
    """All members hear them, every second; and what changes soon."""
    node = moving(replace(GROWING, base=(A, B)))
    node.steward.report_sync(4096, 10)
    assert told(node, 0) == [(B, 10), (C, 10)]
    node.steward.report_sync(4096, 10)
    assert told(node, REPEAT_MS - 1) == []
    assert told(node, 1) == [(B, 10), (C, 10)]
    node.steward.report_sync(4096, 11)
    node.steward.report_sync(4096, 12)
    assert told(node, 99) == []
    assert told(node, 1) == [(B, 12), (C, 12)]
    assert node.steward.progress == {A: (4096, 12)}


def told(node: Stewarding, within_ms: int) -> list[tuple[str, int]]:
    """Who is told, and of how much that has moved."""
    out = all_of(node.run_for(within_ms), SyncReport)
    return [(e.to.node, e.message.moved) for e in out if isinstance(e.message, SyncReport)]


def test_that_all_has_moved_is_on_the_disk_before_it_is_said() -> None:
    """It is said after a restart too, whatever is found then."""
    node = moving()
    node.disk.full = True
    node.turn(during=lambda: node.steward.report_sync(4096, 4096))
    assert told(node, 500) == []
    node.disk.full = False
    assert told(node, REPEAT_MS * 2)[0] == (B, 4096)
    again = Stewarding(disk=node.disk, boot=2)
    assert told(again, 0) == [(B, 4096), (C, 4096)]
    again.steward.report_sync(4096, 0)
    assert again.steward.progress == {A: (4096, 4096)}
    later = Stewarding(disk=node.disk, layout=replace(GROWING, epoch=7))
    assert later.steward.progress == {}


def test_one_that_gets_nothing_reports_nothing() -> None:
    """A leaver has nothing to move; and in a stable layout nobody has."""
    node = moving(joint(stable(4, A, B), (B, C)))
    node.steward.report_sync(0, 0)
    assert node.steward.progress == {}
    node = Stewarding(layout=ONE)
    node.steward.report_sync(0, 0)
    assert node.steward.progress == {}


def test_a_report_counts_in_its_epoch_alone() -> None:
    """Who is behind is told of the layout, who is ahead is asked."""
    node = moving()
    assert messages(node.hear(SyncReport(4, 1, 1), B), LayoutIs) == [LayoutIs(GROWING)]
    node.hear(SyncReport(6, 1, 1), B)
    assert node.steward.progress == {}
    report(node, B)
    assert node.steward.progress == {B: (4096, 4096)}
    node.hear(LayoutIs(settled(GROWING)), B)
    assert node.steward.progress == {}


def test_what_has_moved_stays() -> None:
    """A report that comes late takes nothing back."""
    node = moving()
    report(node, B)
    report(node, B, moved=7)
    report(node, C, moved=7)
    assert node.steward.progress == {B: (4096, 4096), C: (4096, 7)}


@pytest.mark.parametrize(("moving_", "moved"), [(1, 2), (-1, -1), (4097, 0), (1, -1)])
def test_a_report_that_cannot_be_is_dropped(moving_: int, moved: int) -> None:
    """Nobody has more to get than there is, or more than it is to get."""
    node = moving()
    out = node.hear(SyncReport(5, moving_, moved), B)
    assert reasons(out) == ["a report that cannot be"]


# Tombstones.


def test_while_tombstones_wait_the_epoch_is_raised_once_in_a_grace() -> None:
    """Nothing else changes; and where none wait, nothing does."""
    layout = stable(5, A)
    node = Stewarding(layout=layout)
    node.run_for(SETTINGS.grace_ms * 2)
    assert node.layout == layout
    node = Stewarding(layout=layout)
    node.steward.wants_bump(True)
    node.run_for(SETTINGS.grace_ms - 1)
    assert node.layout == layout
    node.run_for(1)
    assert node.layout == bumped(layout)
    node.run_for(SETTINGS.grace_ms - 1)
    assert node.layout == bumped(layout)
    node.steward.wants_bump(False)
    node.run_for(SETTINGS.grace_ms * 2)
    assert node.layout == bumped(layout)
