"""Files in whole networks: whole under every fault, and no chunk stays that no file needs."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from nodes.simulated.trial import Trial
from tests.simulation import file_mutants
from tests.simulation.scenario import trial, what_is_wrong

SEEDS = range(2)
MORE = int(os.environ.get("SEEDS", "2000")) // 5
"""So many that are not among SEEDS are tried by `make soak`, and fewer by `make seeds`."""
OPERATIONS, FILES = 20, 50

MOST_SEEDS = 60
AIMED = {
    "rotten_chunks_believed": ("rot", "crash"),
    "dropped_before_all_owners_have_it": ("join", "leave", "old-layout"),
    "acknowledged_before_the_disk_has_it": ("crash", "crash-all"),
    "duplicates_taken_for_new_files": ("duplication", "loss"),
}
"""What is rare beside all other faults is common where they are few."""
LIKELY = {
    "lists_that_refer_to_nothing": 4,
    "rotten_chunks_believed": 2,
    "duplicates_taken_for_new_files": 1,
}
"""The seed that showed it when it was last looked for is tried first."""


def run(seed: int) -> Trial:
    """One that has been run, with all kinds of faults."""
    return trial(seed, (), OPERATIONS, FILES)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_loses_a_file_or_keeps_what_nobody_needs(seed: int) -> None:
    """Through uploads, removals, crashes, rot, joins and leaves at once."""
    found = run(seed)
    assert [*found.wrong, found.plan.command] == [found.plan.command]
    assert len(found.files.history.operations) >= 20


@pytest.mark.seeds
@pytest.mark.parametrize("first", range(len(SEEDS), len(SEEDS) + MORE, 10))
def test_no_seed_of_many_loses_a_file(first: int) -> None:
    """The same for many more seeds."""
    trials = [run(seed) for seed in range(first, min(first + 10, len(SEEDS) + MORE))]
    assert [line for t in trials if t.wrong for line in (*t.wrong, t.plan.command)] == []


def test_the_seeds_bring_uploads_downloads_and_removals() -> None:
    """None of them is rare."""
    trials = [run(seed) for seed in range(3)]
    outcomes = sum((t.files.outcomes for t in trials[1:]), trials[0].files.outcomes)
    done = [outcomes[f"{what} done"] for what in ("upload", "download", "remove")]
    assert min(done) >= 3


def test_what_rots_is_mended() -> None:
    """Where that is the only fault there is, and common."""
    trials = [trial(seed, ("rot",), OPERATIONS, FILES) for seed in range(3)]
    assert [t.wrong for t in trials] == [[], [], []]
    assert all(t.begun["rot"] >= 2 for t in trials)


@pytest.mark.seeds
@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", file_mutants.MUTANTS)
def test_a_mutant_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the first seeds shows what the rule is for, and breaks nothing without the mutant."""
    faults = AIMED.get(mutant.__name__, ())
    likely = LIKELY.get(mutant.__name__, 0)
    with monkeypatch.context() as patch:
        mutant(patch)
        seeds = sorted(range(MOST_SEEDS), key=lambda seed: seed != likely)
        caught = next((s for s in seeds if what_is_wrong(s, faults, OPERATIONS, FILES)), None)
    assert caught is not None
    assert what_is_wrong(caught, faults, OPERATIONS, FILES) == []
