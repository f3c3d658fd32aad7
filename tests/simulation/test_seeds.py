"""No seed breaks a promise, whatever faults it brings."""

from __future__ import annotations

import pytest

from nodes.simulated.faults import KINDS
from tests.simulation.scenario import trial, what_is_wrong

SEEDS = range(200)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_breaks_a_promise(seed: int) -> None:
    """Through faults of all kinds at once keys stay atomic registers, and all that is promised."""
    assert what_is_wrong(seed) == []


def test_the_seeds_bring_faults_and_successes() -> None:
    """Faults are neither so rare nor so many that nothing would be shown."""
    trials = [trial(seed) for seed in SEEDS[:10]]
    done = sum(t.outcomes["done"] for t in trials)
    assert 0.3 < done / sum(t.outcomes.total() for t in trials) < 0.9
    assert all(t.begun.total() >= 3 for t in trials)
    assert all(len(t.workload.history.operations) >= 100 for t in trials)


def test_the_seeds_bring_faults_of_every_kind() -> None:
    """Ten of them have each kind more than once, and members that join, leave and lose disks."""
    trials = [trial(seed) for seed in SEEDS[1:20:2]]
    begun = sum((t.begun for t in trials[1:]), trials[0].begun)
    assert [kind for kind in KINDS if begun[kind] < 2] == []
    changes = sum((t.changes for t in trials[1:]), trials[0].changes)
    assert min(changes[what] for what in ("joined", "left", "wiped")) >= 3


@pytest.mark.soak
@pytest.mark.parametrize("hundred", range(2, 22))
def test_no_seed_of_many_breaks_a_promise(hundred: int) -> None:
    """The same for two thousand more seeds."""
    seeds = range(100 * hundred, 100 * (hundred + 1))
    assert {seed: wrong for seed in seeds if (wrong := what_is_wrong(seed))} == {}
