"""No seed breaks a promise, whatever faults it brings."""

from __future__ import annotations

import pytest

from tests.simulation.scenario import run, what_is_wrong

SEEDS = range(100)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_breaks_a_promise(seed: int) -> None:
    """Keys stay atomic registers through faults, and all requests succeed when these are over."""
    assert what_is_wrong(seed) == []


def test_the_seeds_bring_faults_and_successes() -> None:
    """Faults are neither so rare nor so many that nothing would be shown."""
    outcomes = [outcome for seed in SEEDS[:10] for outcome in run(seed)[1].outcomes]
    assert 0.3 < sum(outcomes) / len(outcomes) < 0.8


@pytest.mark.soak
@pytest.mark.parametrize("hundred", range(1, 21))
def test_no_seed_of_many_breaks_a_promise(hundred: int) -> None:
    """The same for two thousand more seeds."""
    seeds = range(100 * hundred, 100 * (hundred + 1))
    assert {seed: wrong for seed in seeds if (wrong := what_is_wrong(seed))} == {}
