"""The trial that every seed goes through."""

from __future__ import annotations

from nodes.simulated.faults import KINDS
from nodes.simulated.trial import Plan, Trial

STEADY = tuple(kind for kind in KINDS if kind != "clock")
"""With clocks that are right it can be told to the millisecond when a value may expire."""


def trial(
    seed: int,
    faults: tuple[str, ...] = (),
    operations: int = 200,
    files: int = 0,
    *,
    recording: bool = False,
) -> Trial:
    """One that has been run, with all kinds of faults unless some are named. Every third of those
    has clocks that are right."""
    faults = faults or (STEADY if seed % 3 == 0 else tuple(KINDS))
    plan = Plan(seed, operations=operations, faults=faults, files=files)
    found = Trial(plan, recording=recording)
    found.run()
    return found


def what_is_wrong(
    seed: int, faults: tuple[str, ...] = (), operations: int = 200, files: int = 0
) -> list[str]:
    """Nothing, or what broke a promise and how to see it again."""
    found = trial(seed, faults, operations, files)
    return [*found.wrong, found.plan.command] if found.wrong else []
