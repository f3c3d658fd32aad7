"""A farewell: who goes tells some members so until they have answered, or for a second."""

from __future__ import annotations

import pytest

from actors.actor import Envelope, reply
from actors.farewell import Farewell
from actors.gossip_settings import GossipSettings
from actors.membership import Member, State
from actors.messages import Ack, Ping
from tests.actors.envelopes import B, C, all_of, member
from tests.actors.gossipers import NET, from_peer
from tests.actors.parts import Parts, nodes

OTHER, THIRD = member(B), member(C)
SETTINGS = GossipSettings()


class Parting(Parts):
    """Node A goes."""

    def __init__(self, *others: Member) -> None:
        super().__init__(*others)
        self.members.update_me("left")
        self.farewell = Farewell(NET, self.members, self.outbox, self.settings)

    def due(self, after_ms: int = 0) -> list[Envelope]:
        """Who is told so much later."""
        self.now_ms += after_ms
        self.farewell.due(self.now())
        return self.outbox.take()

    def ack(self, ping: Envelope) -> None:
        """Who was told answers."""
        self.farewell.on_ack(reply(ping, Ack(NET, 0, ())), self.now())

    @property
    def is_over(self) -> bool:
        """Need nobody be told any more?"""
        return self.farewell.is_over(self.now())


def test_who_is_told_is_pinged_with_the_nodes_own_word() -> None:
    """Whoever answers has taken that in."""
    parting = Parting(OTHER, THIRD)
    pings = parting.due()
    assert [e.to.node for e in pings] == [B, C]
    assert {e.message for e in pings} == {Ping(NET, parting.now().wall_ms, (parting.members.me,))}
    assert not parting.is_over


def test_who_has_not_answered_is_told_again() -> None:
    """A connection may just be being made; who has answered is left alone."""
    parting = Parting(OTHER, THIRD)
    first, _ = parting.due()
    assert parting.farewell.wake_at == SETTINGS.retell_ms
    assert parting.due(SETTINGS.retell_ms - 1) == []
    parting.ack(first)
    assert [e.to.node for e in parting.due(1)] == [C]


def test_it_is_heard_when_one_has_answered_and_over_when_all_have() -> None:
    """Also in answer to an earlier ping than the last."""
    parting = Parting(OTHER, THIRD)
    first, second = parting.due()
    parting.due(SETTINGS.retell_ms)
    assert not parting.farewell.is_heard
    parting.ack(first)
    assert parting.farewell.is_heard
    assert not parting.is_over
    parting.ack(second)
    assert parting.is_over


def test_after_the_first_answer_the_others_have_a_round() -> None:
    """No later answer makes it longer."""
    parting = Parting(OTHER, THIRD, *nodes(1))
    pings = parting.due()
    parting.ack(pings[0])
    parting.now_ms += SETTINGS.gossip_ms - 1
    parting.ack(pings[1])
    assert not parting.is_over
    parting.now_ms += 1
    assert parting.is_over


def test_it_takes_a_second_at_most() -> None:
    """Who is there may have been cut off."""
    parting = Parting(OTHER)
    parting.due()
    while not parting.is_over:
        assert parting.farewell.wake_at > parting.now_ms
        parting.due(parting.farewell.wake_at - parting.now_ms)
    assert parting.now_ms == SETTINGS.farewell_ms


def test_a_late_first_answer_makes_it_no_longer() -> None:
    """A second is a second."""
    parting = Parting(OTHER, THIRD)
    [first, _] = parting.due()
    parting.now_ms = SETTINGS.farewell_ms - 1
    parting.ack(first)
    assert not parting.is_over
    parting.now_ms = SETTINGS.farewell_ms
    assert parting.is_over


def test_only_who_was_told_answers() -> None:
    """Another may guess the number, and nobody answers before anybody is told."""
    parting = Parting(OTHER, THIRD)
    parting.farewell.on_ack(from_peer(Ack(NET, 0, ()), B, 1), parting.now())
    [first, _] = parting.due()
    parting.farewell.on_ack(from_peer(Ack(NET, 0, ()), C, first.id), parting.now())
    parting.farewell.on_ack(from_peer(Ack(NET, 0, ()), B, first.id + 1_000), parting.now())
    assert not parting.farewell.is_heard


@pytest.mark.parametrize("state", ["dead", "stopped", "left"])
def test_who_is_down_is_not_told_while_others_live(state: State) -> None:
    """Nor waited for."""
    parting = Parting(OTHER, member(C, state=state))
    assert [e.to.node for e in parting.due()] == [B]


def test_where_nobody_else_lives_the_dead_are_told() -> None:
    """They may be called so wrongly; who has left is not told."""
    parting = Parting(member(B, state="dead"), member(C, state="left"))
    assert [e.to.node for e in parting.due()] == [B]


def test_where_there_is_nobody_it_is_over_at_once() -> None:
    """Nobody is to know it."""
    parting = Parting(member(B, state="left"))
    assert parting.is_over
    assert parting.due() == []


def test_some_are_told_and_tell_the_others() -> None:
    """As many as are neighbours in a small network."""
    parting = Parting(*nodes(30))
    assert len(all_of(parting.due(), Ping)) == SETTINGS.all_neighbours
