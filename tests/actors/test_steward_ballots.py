"""The next layout is decided by a majority of the base: what a node promises and accepts is on its
disk before it says so, and what may be decided already is proposed again.
"""

from __future__ import annotations

import pytest

from actors.actor import Envelope, reply
from actors.layout import NO_LAYOUT, Layout, bumped, joint
from actors.messages import NO_BALLOT, Accept, Accepted, Ballot, LayoutIs, Prepare, Promised
from tests.actors.envelopes import A, B, C, all_of, messages, reasons
from tests.actors.stewards import SETTINGS, Stewarding, alive, promise, stable, welcomed

D, E = "d" * 16, "e" * 16
ONE = stable(5, A, B, C)
OF_D, OF_E = joint(ONE, (A, B, C, D)), joint(ONE, (A, B, C, E))
WAIT_MS = SETTINGS.propose_retry_ms * 2


def accepted(request: Envelope, promised: Ballot | None = None) -> Envelope:
    """The answer to an Accept."""
    accept = request.message
    assert isinstance(accept, Accept)
    return reply(request, Accepted(accept.layout.epoch, promised or accept.ballot))


def proposing(layout: Layout = ONE) -> tuple[Stewarding, list[Envelope]]:
    """Node A, that sees D alive, and what it asks the others."""
    node = Stewarding(layout=layout)
    node.gossip(*alive(A, B, C, D))
    return node, node.run_until(Prepare)


# The acceptor.


def test_a_promise_is_on_the_disk_before_it_is_given() -> None:
    """It is kept through a restart; where the disk is full, none is given."""
    node = Stewarding(layout=ONE)
    node.disk.full = True
    assert all_of(node.hear(Prepare(ONE, Ballot(3, B)), B), Promised) == []
    node.disk.full = False
    out = node.hear(Prepare(ONE, Ballot(3, B)), B)
    assert messages(out, Promised) == [Promised(5, Ballot(3, B), NO_BALLOT, NO_LAYOUT)]
    again = Stewarding(disk=node.disk)
    out = again.hear(Prepare(ONE, Ballot(2, C)), C)
    assert messages(out, Promised) == [Promised(5, Ballot(3, B), NO_BALLOT, NO_LAYOUT)]


def test_nothing_below_a_promise_is_accepted() -> None:
    """Who asks hears what was promised."""
    node = Stewarding(layout=ONE)
    node.hear(Prepare(ONE, Ballot(3, B)), B)
    out = node.hear(Accept(ONE, Ballot(2, C), OF_D), C)
    assert messages(out, Accepted) == [Accepted(5, Ballot(3, B))]
    out = node.hear(Prepare(ONE, Ballot(4, C)), C)
    assert messages(out, Promised) == [Promised(5, Ballot(4, C), NO_BALLOT, NO_LAYOUT)]


def test_what_was_accepted_is_told_with_the_next_promise() -> None:
    """After a restart too."""
    node = Stewarding(layout=ONE)
    out = node.hear(Accept(ONE, Ballot(3, B), OF_D), B)
    assert messages(out, Accepted) == [Accepted(5, Ballot(3, B))]
    again = Stewarding(disk=node.disk)
    out = again.hear(Prepare(ONE, Ballot(4, C)), C)
    assert messages(out, Promised) == [Promised(5, Ballot(4, C), Ballot(3, B), OF_D)]


def test_the_same_again_is_answered_again() -> None:
    """Answers get lost; but one ballot is for one proposal."""
    node = Stewarding(layout=ONE)
    for _ in range(2):
        out = node.hear(Prepare(ONE, Ballot(3, B)), B)
        assert messages(out, Promised) == [Promised(5, Ballot(3, B), NO_BALLOT, NO_LAYOUT)]
    for _ in range(2):
        out = node.hear(Accept(ONE, Ballot(3, B), OF_D), B)
        assert messages(out, Accepted) == [Accepted(5, Ballot(3, B))]
    out = node.hear(Accept(ONE, Ballot(3, B), OF_E), B)
    assert reasons(out) == ["two proposals under one ballot"]


def test_an_acceptor_that_is_behind_catches_up_before_it_answers() -> None:
    """The layout and the promise in it are committed as one."""
    node = Stewarding(layout=stable(3, A, B))
    out = node.hear(Prepare(ONE, Ballot(1, B)), B)
    assert (node.layout, node.adopted) == (ONE, [ONE])
    assert messages(out, Promised) == [Promised(5, Ballot(1, B), NO_BALLOT, NO_LAYOUT)]
    node = Stewarding(layout=stable(3, A, B))
    node.hear(Accept(ONE, Ballot(1, B), OF_D), B)
    out = Stewarding(disk=node.disk).hear(Prepare(ONE, Ballot(2, C)), C)
    assert messages(out, Promised) == [Promised(5, Ballot(2, C), Ballot(1, B), OF_D)]


def test_an_acceptor_that_is_ahead_tells_its_layout() -> None:
    """What is asked of it was decided long ago."""
    node = Stewarding(layout=OF_D)
    [told] = all_of(node.hear(Prepare(ONE, Ballot(1, B)), B), LayoutIs)
    assert (told.to.node, told.message) == (B, LayoutIs(OF_D))
    assert messages(node.hear(Accept(ONE, Ballot(1, B), OF_E), B), LayoutIs) == [LayoutIs(OF_D)]


def test_only_the_base_votes() -> None:
    """One that is to be a member learns, and says nothing; so does one that is not welcome yet."""
    node = Stewarding(D)
    assert all_of(node.hear(Prepare(OF_D, Ballot(1, B)), B), Promised) == []
    assert node.layout == OF_D
    late = Stewarding(layout=ONE, boot=2)
    assert all_of(late.hear(Prepare(ONE, Ballot(1, B)), B), Promised) == []
    welcomed(late, B)
    assert len(all_of(late.hear(Prepare(ONE, Ballot(1, B)), B), Promised)) == 1


# The proposer.


def test_the_own_promise_is_on_the_disk_before_others_are_asked() -> None:
    """A ballot is used once, in whichever life."""
    node, prepares = proposing()
    assert [(e.to.node, e.message) for e in prepares] == [
        (B, Prepare(ONE, Ballot(1, A))),
        (C, Prepare(ONE, Ballot(1, A))),
    ]
    again = Stewarding(disk=node.disk, boot=2)
    again.gossip(*alive(A, B, C, D))
    welcomed(again, B)
    [first, _] = again.run_until(Prepare)
    assert first.message == Prepare(ONE, Ballot(2, A))


def test_nobody_is_asked_while_the_disk_is_full() -> None:
    """It is tried again later."""
    node = Stewarding(layout=ONE)
    node.disk.full = True
    node.gossip(*alive(A, B, C, D))
    assert all_of(node.run_for(5_000), Prepare) == []
    node.disk.full = False
    assert node.run_until(Prepare)


def test_a_majority_decides() -> None:
    """Two of three, this node one of them; then it is the layout, and all hear of it."""
    node, [to_b, _] = proposing()
    accepts = all_of(node.turn(promise(to_b)), Accept)
    assert [(e.to.node, e.message) for e in accepts] == [
        (B, Accept(ONE, Ballot(1, A), OF_D)),
        (C, Accept(ONE, Ballot(1, A), OF_D)),
    ]
    assert node.layout == ONE
    out = node.turn(accepted(accepts[1]))
    assert (node.layout, node.adopted) == (OF_D, [OF_D])
    assert [e.to.node for e in all_of(out, LayoutIs)] == [B, C, D]
    assert "paxos" not in node.disk.notes


def test_one_member_counts_once() -> None:
    """However often it answers; and who is not in the base does not count."""
    node = Stewarding(layout=stable(5, A, B, C, D, E))
    node.gossip(*alive(A, B, C, D, E, "f" * 16))
    [to_b, *_] = node.run_until(Prepare)
    stranger = promise(to_b)
    assert all_of(node.turn(promise(to_b), promise(to_b)), Accept) == []
    wrong = Envelope(
        stranger.to, node.envelope(stranger.message, "9" * 16).sender, stranger.message
    )
    out = node.turn(wrong)
    assert (all_of(out, Accept), reasons(out)) == ([], ["an answer to a proposal that cannot be"])


@pytest.mark.parametrize("alone", [True, False])
def test_a_decision_that_the_disk_has_no_room_for_is_made_again(alone: bool) -> None:
    """Nobody hears of it before."""
    node = Stewarding(layout=stable(5, A) if alone else ONE)
    node.gossip(*alive(A, D) if alone else alive(A, B, C, D))
    if alone:
        node.disk.full = True
        node.run_for(5_000)
        assert node.layout.epoch == 5
        node.disk.full = False
        node.run_for(5_000)
        assert node.layout == joint(stable(5, A), (A, D))
        return
    [to_b, _] = node.run_until(Prepare)
    [accept, _] = all_of(node.turn(promise(to_b)), Accept)
    node.disk.full = True
    assert all_of(node.turn(accepted(accept)), LayoutIs) == []
    assert node.layout == ONE
    node.disk.full = False
    [to_b, _] = node.run_until(Prepare)
    [accept, _] = all_of(node.turn(promise(to_b)), Accept)
    node.turn(accepted(accept))
    assert node.layout == OF_D


def test_what_was_accepted_before_takes_the_place_of_the_wish() -> None:
    """It may be decided already; of several it is the one with the highest ballot."""
    node = Stewarding(layout=stable(5, A, B, C, D, E))
    first, second = (joint(node.layout, ids) for ids in ((A, B, C, D), (A, B, C, E)))
    node.hear(Accept(node.layout, Ballot(1, B), first), B)
    node.gossip(*alive(A, B, C, D, E, "f" * 16))
    [to_b, to_c, *_] = node.run_until(Prepare)
    out = node.turn(promise(to_b, Ballot(1, C), second), promise(to_c))
    assert {accept.proposal for accept in messages(out, Accept)} == {second}


def test_the_own_acceptance_counts_as_well() -> None:
    """This node may be the only one of the majority that has heard of it."""
    node = Stewarding(layout=ONE)
    node.hear(Accept(ONE, Ballot(1, B), OF_E), B)
    node.gossip(*alive(A, B, C, D))
    [to_b, _] = node.run_until(Prepare)
    assert to_b.message == Prepare(ONE, Ballot(2, A))
    out = node.turn(promise(to_b))
    assert {accept.proposal for accept in messages(out, Accept)} == {OF_E}


@pytest.mark.parametrize(
    ("ballot", "proposal"),
    [(Ballot(1, A), OF_D), (Ballot(9, C), OF_D), (Ballot(0, C), ONE), (Ballot(0, C), NO_LAYOUT)],
)
def test_a_promise_that_cannot_be_does_not_count(ballot: Ballot, proposal: Layout) -> None:
    """Nobody can have accepted that."""
    node, [to_b, to_c] = proposing()
    out = node.turn(promise(to_b, ballot, proposal))
    assert (reasons(out), all_of(out, Accept)) == (["a promise that cannot be"], [])
    assert len(all_of(node.turn(promise(to_c)), Accept)) == 2


def test_one_that_was_refused_tries_again_above() -> None:
    """After a while, that differs by chance."""
    node, [to_b, _] = proposing()
    node.turn(promise(to_b, promised=Ballot(8, C)))
    assert all_of(node.run_for(SETTINGS.propose_retry_ms - 1), Prepare) == []
    assert node.run_until(Prepare)[0].message == Prepare(ONE, Ballot(9, A))


def test_one_that_was_overtaken_between_the_phases_gives_way() -> None:
    """Its own promise to another is the first that it has to keep."""
    node, [to_b, _] = proposing()
    node.hear(Prepare(ONE, Ballot(5, C)), C)
    assert all_of(node.turn(promise(to_b)), Accept) == []
    node, [to_b, _] = proposing()
    [accept, _] = all_of(node.turn(promise(to_b)), Accept)
    node.turn(accepted(accept, Ballot(5, C)))
    node.turn(accepted(accept))
    assert node.layout == ONE


def test_one_without_an_answer_tries_again() -> None:
    """Under a higher ballot; what answers the lower one is late then."""
    node, [to_b, to_c] = proposing()
    [again, _] = node.run_until(Prepare)
    assert again.message == Prepare(ONE, Ballot(2, A))
    assert all_of(node.turn(promise(to_b), promise(to_c)), Accept) == []


def test_a_wish_that_is_over_is_not_proposed() -> None:
    """Nothing was accepted before, and nobody wants it now."""
    node, [to_b, _] = proposing()
    node.gossip(*alive(A, B, C))
    assert all_of(node.turn(promise(to_b)), Accept) == []


def test_a_later_layout_ends_the_attempt() -> None:
    """It is about an epoch that has come."""
    node, [to_b, _] = proposing()
    node.hear(LayoutIs(bumped(ONE)), C)
    assert all_of(node.turn(promise(to_b)), Accept) == []
    assert node.run_until(Prepare)[0].message == Prepare(bumped(ONE), Ballot(1, A))


def test_a_minority_decides_nothing() -> None:
    """However long it tries."""
    node, _ = proposing()
    node.run_for(60_000)
    assert node.layout == ONE


def test_members_propose_one_after_the_other() -> None:
    """In the order of their ids, each a while after the one before that is there."""
    first, second = Stewarding(A, layout=ONE), Stewarding(B, layout=ONE)
    for node in (first, second):
        node.gossip(*alive(A, B, C, D))
    assert all_of(first.run_for(SETTINGS.wish_ms), Prepare)
    assert all_of(second.run_for(SETTINGS.wish_ms), Prepare) == []
    assert all_of(second.run_for(SETTINGS.propose_retry_ms), Prepare)
