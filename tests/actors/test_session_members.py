"""The session, where a node that is not ready says whom it remembers."""

from __future__ import annotations

import pytest

from actors.actor import reply
from actors.messages import ListMembers, MembersListed, Message, WatchMembers
from tests.actors.calls import ONE, TWO, Caller, asked, caller, failed
from tests.actors.envelopes import Turns

MEMBERS = MembersListed("n", "d", ())
UNSURE = MembersListed("n", "u", (), "waiting for one of node-b to confirm it")


@pytest.mark.parametrize("request_", [ListMembers(), WatchMembers("d", 9_000)])
def test_a_node_that_is_ready_knows_the_members_better(request_: Message) -> None:
    """So it is asked as well, and its answer counts."""
    session = caller(ONE, TWO)
    number = session.call(request_)
    [first] = session.take()
    [second] = session.take(reply(first, UNSURE))
    assert asked([second]) == [TWO]
    session.take(reply(second, MEMBERS))
    assert session.outcomes == {number: MEMBERS}


@pytest.mark.parametrize("other", [UNSURE, failed("not_ready"), None])
def test_what_a_node_believes_that_is_not_ready_is_better_than_nothing(
    other: Message | None,
) -> None:
    """Where the others are no better, or do not answer in time."""
    session = caller(ONE, TWO)
    number = session.call(ListMembers(), 9_000)
    [first] = session.take()
    [second] = session.take(reply(first, UNSURE))
    if other is None:
        session.take(after_ms=9_000)
    else:
        session.take(reply(second, other))
    assert session.outcomes == {number: UNSURE}


def test_the_only_endpoint_that_is_not_ready_is_believed_at_once() -> None:
    """There is nobody else to be asked; it is known who has answered."""
    session = Caller(ONE)
    session.up(ONE)
    number = session.call(ListMembers())
    [request] = session.take()
    Turns.take(session, reply(request, UNSURE))
    assert session.session.finished() == [(number, UNSURE)]
    assert session.session.answered_by(number)[1] == ONE
