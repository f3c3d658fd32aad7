"""The seeds would find it: with one rule of the protocol left out, some seed breaks a promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.actor import Envelope
from actors.entering import Entering
from actors.joining import Joining
from tests.simulation import layout_mutants, register_mutants
from tests.simulation.founding import counted_on_in_vain
from tests.simulation.scenario import what_is_wrong

MOST_SEEDS = 200

LAYOUTS = ("old-layout", "join", "leave")
STORES = ("cut-after-store", "aimed-loss", "loss", "crash")
AIMED = {
    "no_write_back": STORES,
    "called_unsent_although_it_was_sent": STORES,
    "expired_without_a_mark": ("clock", "partition"),
    "duplicates_taken_for_new_writes": ("duplication", "loss"),
    "an_old_epoch_accepted": LAYOUTS,
    "joint_reads_of_the_new_owners_alone": LAYOUTS,
    "one_synced_replica_is_enough": LAYOUTS,
    "a_wiped_disk_that_keeps_its_id": ("wipe", "crash"),
}
"""What is rare beside all other faults is common where they are few."""
LIKELY = {
    "called_unsent_although_it_was_sent": 10,
    "sent_again_by_the_client": 4,
    "joint_reads_of_the_new_owners_alone": 19,
    "collected_on_confirmation_alone": 12,
    "a_wiped_disk_that_keeps_its_id": 20,
}
"""The seed that showed it when it was last looked for is tried first: that saves minutes. Any other
will do, and where it shows nothing any more, the first that does is sought among all."""
MOST_FOUNDINGS = 200

Mutant = Callable[[pytest.MonkeyPatch], None]


def promised_without_the_disk(patch: pytest.MonkeyPatch) -> None:
    """A promise to follow a founder is not kept on the disk."""

    def bind(entering: Entering, founder: str, then: Callable[[], None]) -> None:
        entering._joining.bound_to = founder
        then()

    patch.setattr(Entering, "_bind", bind)


def promised_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    """A promise leaves before it is on the disk."""

    def bind(entering: Entering, founder: str, then: Callable[[], None]) -> None:
        entering._joining.bound_to = founder
        then()
        entering._memory.keep(lambda: [("bound_to", founder.encode())], lambda code: None)

    patch.setattr(Entering, "_bind", bind)


def promised_to_whoever_asks(patch: pytest.MonkeyPatch) -> None:
    """A promise is given anew to the next founder."""
    on_bind = Entering._on_bind

    def again(entering: Entering, envelope: Envelope, founder: str) -> None:
        if not entering._memory.is_busy:
            entering._joining.bound_to = ""
        on_bind(entering, envelope, founder)

    patch.setattr(Entering, "_on_bind", again)


def followed_another_than_promised(patch: pytest.MonkeyPatch) -> None:
    """A node joins whatever network it is offered."""
    patch.setattr(Joining, "may_follow", lambda joining, number, members: True)


@pytest.mark.seeds
@pytest.mark.parametrize(
    "mutant",
    [
        promised_without_the_disk,
        promised_before_the_sync,
        promised_to_whoever_asks,
        followed_another_than_promised,
    ],
)
def test_a_mutant_of_the_founding_is_caught(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it some founder counts on a node that goes elsewhere."""
    mutant(monkeypatch)
    assert any(counted_on_in_vain(seed) for seed in range(MOST_FOUNDINGS))


@pytest.mark.seeds
@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", [*register_mutants.MUTANTS, *layout_mutants.MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the first seeds shows what the rule is for, and breaks nothing without the mutant."""
    faults = AIMED.get(mutant.__name__, ())
    likely = LIKELY.get(mutant.__name__, 0)
    operations = 300 if faults else 200
    with monkeypatch.context() as patch:
        mutant(patch)
        seeds = sorted(range(MOST_SEEDS), key=lambda seed: seed != likely)
        caught = next((s for s in seeds if what_is_wrong(s, faults, operations)), None)
    assert caught is not None
    if faults:
        # All kinds of faults are tried without a mutant anyhow.
        assert what_is_wrong(caught, faults, operations) == []
