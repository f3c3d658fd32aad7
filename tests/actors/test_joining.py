"""Joining: which node founds the network, and how the others come into it."""

from __future__ import annotations

import pytest

from actors.digests import Digests
from actors.joining import Joining, refusal
from actors.membership import Member, Members
from actors.messages import Bind, Join
from tests.actors.envelopes import A, B, C, member

ME, OTHER, THIRD = member(A), member(B), member(C)
LISTED = (ME.address, OTHER.address, THIRD.address)


def joining(*join: str, me: Member = ME, bound_to: str = "") -> Joining:
    """A fresh node that was told to join these."""
    return Joining(me, join, bound_to)


def all_answered(state: Joining) -> None:
    """Every peer is there, and fresh."""
    for number, address in enumerate(state.peers()):
        state.asked(number, address)
        state.answered(number)


def promise(state: Joining, of: Member, bound_to: str) -> None:
    """A peer has promised to follow somebody."""
    number = 100 + int(of.id[0], 16)
    state.asked(number, of.address)
    state.promised(number, bound_to, of)


def test_the_lowest_address_of_the_list_founds() -> None:
    """Every node that has the same list, itself included, comes to the same one."""
    assert [joining(*LISTED, me=me).founds() for me in (ME, OTHER, THIRD)] == [True, False, False]
    assert {joining(*LISTED, me=me).lowest() for me in (ME, OTHER, THIRD)} == {ME.address}


def test_a_node_counts_itself_though_it_is_not_listed() -> None:
    """It is a candidate like those that it was told of."""
    assert joining(OTHER.address).founds()
    assert not joining(ME.address, me=OTHER).founds()


def test_ports_are_compared_as_numbers() -> None:
    """900 is lower than 7000."""
    assert joining("10.0.0.1:900", "10.0.0.1:7000").lowest() == "10.0.0.1:900"


def test_an_address_that_is_listed_twice_is_one() -> None:
    """It is asked once, and its promise is wanted once."""
    assert joining(OTHER.address, OTHER.address).peers() == [OTHER.address]


def test_a_node_may_be_listed_under_another_address() -> None:
    """When its own question comes back to it, it knows that the address is its own."""
    alias = "0.0.0.0:7010"
    state = joining(alias, OTHER.address)
    assert not state.founds()
    state.asked(1, alias)
    state.found_alias(1)
    assert state.founds()
    assert state.lowest() == alias
    assert state.peers() == [OTHER.address]


def test_a_founder_promises_itself_first_when_all_have_answered() -> None:
    """Until then it may not know that another address on the list is its own too."""
    state = joining(*LISTED)
    assert not state.should_bind_itself()
    all_answered(state)
    assert state.should_bind_itself()
    state.bound_to = ME.address
    assert not state.should_bind_itself()


def test_who_does_not_found_does_not_promise_itself() -> None:
    """It waits to be asked."""
    state = joining(*LISTED, me=OTHER)
    all_answered(state)
    assert not state.should_bind_itself()


def test_a_node_that_promised_another_does_not_promise_itself() -> None:
    """A promise is given once."""
    state = joining(*LISTED, bound_to=OTHER.address)
    all_answered(state)
    assert not state.should_bind_itself()


def test_all_are_asked_to_let_it_in() -> None:
    """Only a founder that has promised itself asks to be followed, too."""
    joins = [(OTHER.address, Join(ME)), (THIRD.address, Join(ME))]
    binds = [(OTHER.address, Bind(ME.address)), (THIRD.address, Bind(ME.address))]
    assert joining(*LISTED).requests() == joins
    assert joining(*LISTED, bound_to=OTHER.address).requests() == joins
    assert joining(*LISTED, bound_to=ME.address).requests() == joins + binds


def test_a_founder_founds_when_all_have_promised() -> None:
    """Itself and every other one on its list."""
    state = joining(*LISTED, bound_to=ME.address)
    promise(state, OTHER, ME.address)
    assert not state.may_found()
    promise(state, THIRD, ME.address)
    assert state.may_found()
    assert state.followers() == (OTHER, THIRD)


def test_a_promise_to_somebody_else_does_not_count() -> None:
    """It may never be given again: the founder waits, and says for whom."""
    state = joining(*LISTED, bound_to=ME.address)
    promise(state, OTHER, ME.address)
    promise(state, THIRD, OTHER.address)
    assert not state.may_found()
    assert state.waiting_for() == (
        f"waiting to begin a network, but {THIRD.address} follows {OTHER.address}"
    )


def test_a_founder_that_promised_another_does_not_found() -> None:
    """Though all others would follow it."""
    state = joining(*LISTED, bound_to=OTHER.address)
    promise(state, OTHER, ME.address)
    promise(state, THIRD, ME.address)
    assert not state.may_found()


def test_only_the_lowest_founds() -> None:
    """Whoever promised it whatever."""
    state = joining(*LISTED, me=OTHER, bound_to=OTHER.address)
    promise(state, ME, OTHER.address)
    promise(state, THIRD, OTHER.address)
    assert not state.may_found()


def test_a_promise_that_nobody_asked_for_does_not_count() -> None:
    """It is told by the number of the request, from this life."""
    state = joining(OTHER.address, bound_to=ME.address)
    state.promised(7, ME.address, OTHER)
    state.found_alias(8)
    assert not state.may_found()
    assert state.peers() == [OTHER.address]


def test_a_list_of_this_node_alone_is_complete_at_once() -> None:
    """It promises itself, and founds."""
    state = joining(ME.address)
    assert state.should_bind_itself()
    state.bound_to = ME.address
    assert state.may_found()
    assert state.followers() == ()


@pytest.mark.parametrize("name", [ME.name, THIRD.name])
def test_of_two_with_one_name_only_the_first_is_a_follower(name: str) -> None:
    """The other will ask to be let in, and be refused."""
    state = joining(THIRD.address, OTHER.address, bound_to=ME.address)
    promise(state, THIRD, ME.address)
    promise(state, member(B, name=name), ME.address)
    assert state.followers() == (THIRD,)


@pytest.mark.parametrize("bound_to", ["", ME.address])
def test_who_promised_nobody_else_may_follow_anybody(bound_to: str) -> None:
    """A founder may give up founding for a network that there is."""
    assert joining(*LISTED, bound_to=bound_to).may_follow(1, (THIRD,))


def test_who_promised_somebody_follows_only_where_that_is() -> None:
    """Its promise counts in another founding: it must not be in two."""
    state = joining(*LISTED, me=THIRD, bound_to=ME.address)
    state.asked(1, OTHER.address)
    state.asked(2, ME.address)
    assert not state.may_follow(1, (OTHER,))
    assert state.may_follow(1, (OTHER, ME))
    assert state.may_follow(2, (OTHER,))


def test_what_is_waited_for_is_said() -> None:
    """First for those that do not answer, then for their promises, or for the founder."""
    state = joining(*LISTED)
    assert state.waiting_for() == f"waiting for {OTHER.address}, {THIRD.address} to answer"
    all_answered(state)
    assert state.waiting_for() == (
        f"waiting for {OTHER.address}, {THIRD.address} to promise to follow this node"
    )
    state = joining(*LISTED, me=OTHER)
    all_answered(state)
    assert state.waiting_for() == f"waiting for {ME.address} to begin the network"
    state.bounced(0, "")
    assert state.waiting_for() == f"waiting for {ME.address} to answer"


def test_why_nobody_answers_is_said_if_it_is_known() -> None:
    """For each that is waited for, until it answers or the reason is another."""
    state = joining(*LISTED)
    for number, address in enumerate((OTHER.address, THIRD.address)):
        state.asked(number, address)
    state.bounced(0, f"{OTHER.address} has another secret")
    state.bounced(1, "")
    waiting = f"waiting for {OTHER.address}, {THIRD.address} to answer"
    assert state.waiting_for() == f"{waiting}; {OTHER.address} has another secret"
    state.bounced(0, "")
    assert state.waiting_for() == waiting


def test_requests_are_not_remembered_for_ever() -> None:
    """A node that waits for days forgets its oldest requests."""
    state = joining(OTHER.address)
    for number in range(2_000):
        state.asked(number, OTHER.address)
    assert state.address_asked(0) == ""
    assert state.address_asked(1_999) == OTHER.address


def test_a_newcomer_with_a_name_of_its_own_is_let_in() -> None:
    """As is one that is known already."""
    members = Members(ME, [OTHER], 10, Digests())
    assert refusal(THIRD, members) is None
    assert refusal(member(B, boot=2), members) is None


def test_a_name_in_use_is_refused() -> None:
    """The reason says who has it, and what to do."""
    refused = refusal(member(C, name=OTHER.name), Members(ME, [OTHER], 10, Digests()))
    assert refused is not None
    assert (refused.code, refused.definite) == ("name_taken", True)
    assert OTHER.address in refused.reason
    assert "--name" in refused.reason


def test_the_name_of_a_stopped_member_may_be_taken_over() -> None:
    """It has given it up."""
    members = Members(ME, [member(B, state="stopped")], 10, Digests())
    assert refusal(member(C, name=OTHER.name), members) is None


def test_what_cannot_be_a_member_is_refused() -> None:
    """The reason says why."""
    refused = refusal(member(B, name="a/b"), Members(ME, [], 10, Digests()))
    assert refused is not None
    assert (refused.code, refused.definite) == ("refused", True)
    assert "slash" in refused.reason


def test_a_full_network_lets_in_only_whom_it_knows() -> None:
    """A member that lost its notes may come back."""
    members = Members(ME, [OTHER], 2, Digests())
    refused = refusal(THIRD, members)
    assert refused is not None
    assert refused.code == "refused"
    assert refusal(OTHER, members) is None
