"""`gossamer simulate`: what it tells of trials, and how it ends."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from nodes.cli import main
from nodes.simulated.faults import KINDS
from nodes.simulated.trial import Trial

SMALL = ("--nodes", "3", "--operations", "20", "--files", "5")


def simulate(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ("simulate", *arguments))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of seeds above 7 break a promise."""

    def run(trial: Trial) -> None:
        trial.wrong += ["it was lost"] if trial.plan.seed > 7 else []

    monkeypatch.setattr(Trial, "run", run)


def test_a_trial_is_told_in_a_few_lines() -> None:
    """How many faults there were, what came of the requests, what was checked, and the verdict."""
    result = simulate("--seed", "7", "--faults", "crash,partition", *SMALL)
    assert result.exit_code == 0, result.stdout
    first, *lines = result.stdout.splitlines()
    assert first.startswith("seed 7: 3 nodes, 20 operations, 5 with files and what followed, in ")
    told = [line.split(":")[0].strip() for line in lines]
    assert told[:3] == ["faults", "members", "outcomes"]
    assert set(told[3:-1]) == {"checked"}
    assert "crash" in lines[0]
    assert lines[-1] == "  every promise was kept"


def test_a_seed_has_one_story(tmp_path: Path) -> None:
    """Run again it tells the same, and the transcript has the same bytes."""
    results, texts = [], []
    for number in range(2):
        path = tmp_path / f"{number}.txt"
        results.append(simulate("--seed", "3", "--transcript", str(path), *SMALL).stdout)
        texts.append(path.read_bytes())
    assert results[0] == results[1]
    assert texts[0] == texts[1]
    assert b"*** the faults are over\n" in texts[0]


def test_without_faults_nothing_is_refused() -> None:
    """All requests are done."""
    told = orjson.loads(simulate("--seed", "2", "--faults", "none", "--json", *SMALL).stdout)
    assert told["faults"] == {}
    assert told["wrong"] == []
    assert told["outcomes"]["done"] > 20
    assert told["outcomes"]["refused"] == told["outcomes"]["unknown"] == 0


@pytest.mark.usefixtures("broken")
def test_a_broken_promise_is_told_with_the_command_that_shows_it() -> None:
    """The status is 1, and the last line is what to run."""
    result = simulate("--seed", "9", "--faults", "wipe,crash")
    assert result.exit_code == 1
    assert "  BROKEN: it was lost\n" in result.stdout
    again = "gossamer simulate --seed 9 --nodes 5 --operations 200 --faults crash,wipe --files 30"
    assert result.stdout.splitlines()[-1] == f"  again: {again}"


@pytest.mark.usefixtures("broken")
def test_many_seeds_are_summed_up() -> None:
    """Only those that broke a promise are told of one by one."""
    result = simulate("--seeds", "6-9")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("seed ")] == [
        "seed 8",
        "seed 9",
    ]
    assert lines[-1] == "  2 kept every promise, 2 did not: 8, 9"
    assert simulate("--seeds", "6-7").stdout.endswith("  2 kept every promise, none broke one\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--seed", "1", "--seeds", "1-2"), "give --seed or --seeds, not both"),
        (("--seeds", "2-1"), "--seeds is FIRST-LAST"),
        (("--seeds", "x"), "--seeds is FIRST-LAST"),
        (("--seeds", "1-2", "--transcript", "x"), "--transcript is of one seed"),
        (("--faults", "earthquake"), "there is no fault 'earthquake'; there are all, none, crash"),
        (("--faults", ","), "--faults names none"),
        (("--nodes", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    """The status is 2, with one sentence."""
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_a_transcript_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It is said which file, and the status is 1."""
    path = tmp_path / "nowhere" / "file"
    result = simulate("--faults", "none", "--transcript", str(path), *SMALL)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"gossamer: cannot write {path}: ")


def test_every_kind_of_fault_has_a_name_that_the_command_takes() -> None:
    """They are those that are drawn when all are asked for."""
    named = simulate("--faults", ",".join(KINDS), "--json", *SMALL).stdout
    assert orjson.loads(named)["again"].endswith("--faults all --files 5")
