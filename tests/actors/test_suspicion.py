"""When a suspected member is called dead: the sooner the more others suspect it too."""

from __future__ import annotations

from dataclasses import replace
from math import log10

import pytest

from actors.gossip_settings import GossipSettings
from actors.suspicion import Suspicion
from tests.actors.envelopes import A, B, member
from tests.actors.parts import node

SETTINGS = GossipSettings()
SUSPECT = member(B, incarnation=3, state="suspect")
LEAST_MS, MOST_MS = SETTINGS.suspicion_ms, SETTINGS.suspicion_ms * SETTINGS.suspicion_stretch


def suspicion(living: int = 9, *, accusers: int = 1, since_ms: int = 0) -> Suspicion:
    """Of node B, among so many, vouched for by so many."""
    made = Suspicion(SUSPECT, living, SETTINGS, since_ms)
    made.accusers.update(dict.fromkeys(node(number).id for number in range(accusers)))
    return made


def test_a_single_accuser_has_to_wait_longest() -> None:
    """It may be the accuser that is cut off, or slow."""
    assert suspicion().dead_at_ms == MOST_MS


def test_nobody_who_vouches_is_no_more_than_one() -> None:
    """A suspicion that came by push-pull is nobody's own finding."""
    assert suspicion(accusers=0).dead_at_ms == MOST_MS
    assert not suspicion(accusers=0).is_confirmed()


def test_each_confirmation_shortens_the_time_and_the_first_most() -> None:
    """By the logarithm, down to the shortest, and no further."""
    times_ms = [suspicion(accusers=n).dead_at_ms for n in (1, 2, 3, 4, 5, 9)]
    assert times_ms == [6_000, 3_750, 2_433, 1_500, 1_500, 1_500]
    assert times_ms[3] == LEAST_MS


def test_it_is_confirmed_when_more_would_change_nothing() -> None:
    """That is with so many confirmations besides the first accuser."""
    assert [suspicion(accusers=n).is_confirmed() for n in range(1, 6)] == [False] * 3 + [True] * 2


def test_the_same_accuser_counts_once() -> None:
    """However often it repeats itself."""
    made = suspicion()
    for _ in range(10):
        made.accusers[node(0).id] = None
    assert made.dead_at_ms == MOST_MS


@pytest.mark.parametrize(("living", "wanted"), [(2, 0), (3, 1), (4, 2), (5, 3), (9, 3)])
def test_a_small_network_confirms_with_whom_it_has(living: int, wanted: int) -> None:
    """All but the suspect and the first accuser."""
    assert suspicion(living).wanted == wanted
    assert suspicion(living, accusers=wanted + 1).is_confirmed()
    assert suspicion(living, accusers=wanted + 1).dead_at_ms == LEAST_MS


@pytest.mark.parametrize("living", [0, 1, 2])
def test_where_nobody_can_confirm_the_shortest_time_counts(living: int) -> None:
    """Two nodes would wait for ever so long otherwise."""
    assert suspicion(living).dead_at_ms == LEAST_MS


@pytest.mark.parametrize("living", [9, 10, 99, 999])
def test_the_time_grows_with_the_logarithm_of_the_network(living: int) -> None:
    """So long as a rumour may take to it, and its refutation back."""
    longer = max(1.0, log10(living + 1))
    assert suspicion(living).dead_at_ms == int(MOST_MS * longer)
    assert suspicion(living, accusers=4).dead_at_ms == int(LEAST_MS * longer)


def test_it_is_of_one_life_and_incarnation() -> None:
    """Whatever else is said of the member; another one is another suspicion."""
    made = suspicion()
    assert made.is_of(replace(SUSPECT, state="alive", address="10.0.0.9:1"))
    assert not made.is_of(replace(SUSPECT, incarnation=4))
    assert not made.is_of(replace(SUSPECT, boot=2))


def test_time_in_which_the_node_stood_still_does_not_count() -> None:
    """The refutation may be waiting to be read."""
    made = suspicion(since_ms=1_000)
    made.shift(5_000)
    assert made.dead_at_ms == 6_000 + MOST_MS
    made.accusers.update(dict.fromkeys([A, B, "c", "d"]))
    assert made.dead_at_ms == 6_000 + LEAST_MS
