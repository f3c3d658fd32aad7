"""The same seed gives the same transcript, in any process, whatever its hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.scenario import trial

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2)
DIGESTS = f"""
from hashlib import sha256
from tests.simulation.scenario import trial
for seed in {SEEDS}:
    print(sha256(trial(seed, recording=True).simulation.transcript.text().encode()).hexdigest())
"""


def digests(hash_seed: str) -> list[str]:
    """Of the transcripts of all SEEDS, from a process of its own with this PYTHONHASHSEED."""
    finished = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return finished.stdout.split()


def test_a_seed_gives_one_transcript_under_every_hash_seed() -> None:
    """Faults and all, processes that order their sets differently come to the same bytes."""
    found = [digests(hash_seed) for hash_seed in ("0", "1", "random")]
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == len(SEEDS)


def test_a_seed_gives_one_transcript_within_a_process() -> None:
    """Nothing of an earlier run is left to change a later one."""
    first, second = trial(5, recording=True), trial(5, recording=True)
    assert first.simulation.transcript.text() == second.simulation.transcript.text()
