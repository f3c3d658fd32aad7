"""HTTP in front of a network: a load of small requests beside a bare route, slow clients beside
ordinary ones, and a large file beside the command that asks the nodes itself.

What is not installed is left out, with a sentence that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.curve import Start
from bench.files import MIB
from bench.peers import Say
from bench.process import NotInstalled
from bench.web_files import Transfers, run_files
from bench.web_load import Loads, run_load
from bench.web_slow import SLOW, SlowRound, run_slow


@dataclass(slots=True)
class Measured:
    """What was measured; empty where the program for it is missing."""

    rounds: int
    seconds: float
    size_bytes: int
    loads: Loads = field(default_factory=dict)
    slow: list[SlowRound] = field(default_factory=list)
    transfers: Transfers = field(default_factory=dict)


def run(
    start: Start, rounds: int, seconds: float, size_mib: int, say: Say, slow: int = SLOW
) -> Measured:
    """Measure all three, with a file of so many MiB; `say` is told what is being done."""
    measured = Measured(rounds, seconds, size_mib * MIB)
    try:
        measured.loads = run_load(start, rounds, seconds, say)
    except NotInstalled as error:
        say(f"{error}.")
    measured.slow = run_slow(start, rounds, seconds, say, slow)
    try:
        measured.transfers = run_files(start, rounds, size_mib, say)
    except NotInstalled as error:
        say(f"{error}.")
    return measured
