"""No seed breaks a promise, whatever faults it brings."""

from __future__ import annotations

import os

import pytest

from nodes.simulated.faults import KINDS
from nodes.simulated.trial import Trial
from tests.simulation.scenario import trial

SEEDS = range(8)
MORE = int(os.environ.get("SEEDS", "2000"))
"""So many that are not among SEEDS are tried by `make soak`, and fewer by `make seeds`."""


def check(*trials: Trial) -> None:
    """Fail with what broke a promise, and with the commands that repeat it."""
    wrong = [line for t in trials if t.wrong for line in (*t.wrong, t.plan.command)]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_breaks_a_promise(seed: int) -> None:
    """Through faults of all kinds at once keys stay atomic registers, and all that is promised."""
    found = trial(seed)
    check(found)
    assert found.begun.total() >= 3
    assert len(found.workload.history.operations) >= 100


def test_the_seeds_bring_successes_and_faults_of_every_kind() -> None:
    """Neither are rare: seven have each kind more than once, and joins, leaves and wiped disks."""
    trials = [trial(seed) for seed in range(1, 20, 3)]
    done = sum(t.outcomes["done"] for t in trials)
    assert 0.3 < done / sum(t.outcomes.total() for t in trials) < 0.9
    begun = sum((t.begun for t in trials[1:]), trials[0].begun)
    # Without files there is nothing that rots.
    assert [kind for kind in KINDS if begun[kind] < 2] == ["rot"]
    changes = sum((t.changes for t in trials[1:]), trials[0].changes)
    assert min(changes[what] for what in ("joined", "left", "wiped")) >= 3


@pytest.mark.seeds
@pytest.mark.parametrize("first", range(len(SEEDS), len(SEEDS) + MORE, 10))
def test_no_seed_of_many_breaks_a_promise(first: int) -> None:
    """The same for many more seeds."""
    check(*map(trial, range(first, min(first + 10, len(SEEDS) + MORE))))
