"""What is believed of news that is later than what is known, and by whose word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.digests import Digests
from actors.membership import (
    LIVING,
    MAX_COUNT_STEP,
    MAX_FIRST_COUNT,
    MAX_VOUCHED_COUNT,
    Member,
    Members,
    State,
)
from tests.actors.envelopes import A, B, C, member


def members(*known: Member) -> Members:
    """What node A knows."""
    return Members(member(A), known, 10, Digests())


@pytest.mark.parametrize("state", sorted(LIVING))
def test_a_doubted_death_of_who_lives_is_a_suspicion(state: State) -> None:
    """Who is not so dead has time to refute it; a death that is not doubted is one."""
    dead = member(B, incarnation=1, state="dead")
    known = members(member(B, state=state))
    assert known.merge([dead], doubted=True).fresh == (replace(dead, state="suspect"),)
    assert known.merge([dead]).fresh == (dead,)


@pytest.mark.parametrize("known", [(), (member(B, state="dead"),), (member(B, state="stopped"),)])
def test_a_death_of_who_is_down_is_not_doubted(known: tuple[Member, ...]) -> None:
    """Nor is that of somebody of whom nothing is known."""
    dead = member(B, incarnation=1, state="dead")
    assert members(*known).merge([dead], doubted=True).fresh == (dead,)


def test_a_doubted_death_of_a_suspect_is_no_news() -> None:
    """Else two lists that differ in nothing else would be exchanged for ever."""
    known = members(member(B, state="suspect"))
    assert known.merge([member(B, state="dead")], doubted=True).fresh == ()


@pytest.mark.parametrize(
    "made_up",
    [
        member(B, boot=1 + MAX_COUNT_STEP + 1),
        member(B, incarnation=MAX_COUNT_STEP + 1),
        member(B, boot=2, incarnation=MAX_COUNT_STEP + 1),
        member(C, boot=MAX_FIRST_COUNT + 1),
        member(C, incarnation=MAX_FIRST_COUNT + 1),
    ],
)
def test_a_count_that_no_node_can_have_is_not_believed(made_up: Member) -> None:
    """The member might never get above it; when it was pinged and answers so, it is believed."""
    known = members(member(B))
    merged = known.merge([made_up])
    assert merged.fresh == ()
    assert merged.problems == ("a boot or incarnation that no node can have",)
    assert known.merge([made_up], vouched="9" * 16).fresh == ()
    assert known.merge([made_up], vouched=made_up.id).fresh == (made_up,)
    beyond = replace(made_up, boot=MAX_VOUCHED_COUNT + 1)
    assert known.merge([beyond], vouched=made_up.id).fresh == ()


def test_a_step_is_believed_of_anybody() -> None:
    """No node starts, or refutes, more often than that between two words of it."""
    for news in (
        member(B, boot=1 + MAX_COUNT_STEP, incarnation=MAX_COUNT_STEP),
        member(B, incarnation=MAX_COUNT_STEP),
        member(C, boot=MAX_FIRST_COUNT, incarnation=MAX_FIRST_COUNT),
    ):
        assert members(member(B)).merge([news]).fresh == (news,)


def test_of_whom_too_much_is_said_is_told_apart() -> None:
    """Known members can be asked; others, and news that is not later, cannot or need not be."""
    far = MAX_VOUCHED_COUNT
    news = [member(B, boot=far), member(C, boot=far), member("9" * 16, boot=far, state="left")]
    merged = members(member(B), member("9" * 16, state="left")).merge(news)
    assert merged.made_up == (B,)
    assert merged.problems == ("a boot or incarnation that no node can have",) * 2


@pytest.mark.parametrize("state", ["suspect", "dead"])
def test_nobody_says_of_itself_that_it_is_dead(state: State) -> None:
    """Such an answer to a ping is no better than what anybody else says."""
    made_up = member(B, incarnation=MAX_COUNT_STEP + 1, state=state)
    assert members(member(B)).merge([made_up], vouched=B).fresh == ()
