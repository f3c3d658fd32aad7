"""`gossamer simulate`: trials of a whole network in one process, with virtual time and real faults.

A seed decides everything, so what went wrong once goes wrong again, for whoever looks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.errors import GossamerError
from nodes.output import Output, json_option

if TYPE_CHECKING:
    from nodes.simulated.trial import Trial

MAX_NODES = 20
MAX_OPERATIONS = 10_000


@click.command(short_help="Try a whole network against faults.")
@click.option("--seed", type=click.IntRange(0), help="What decides everything.")
@click.option("--seeds", metavar="FIRST-LAST", help="Run one trial after the other.")
@click.option(
    "--nodes",
    type=click.IntRange(1, MAX_NODES),
    default=5,
    show_default=True,
    help="How many there are at first.",
)
@click.option(
    "--operations",
    type=click.IntRange(1, MAX_OPERATIONS),
    default=200,
    show_default=True,
    help="How many the clients begin while the faults go on.",
)
@click.option(
    "--faults",
    metavar="KINDS",
    default="all",
    show_default=True,
    help="Kinds of faults with commas between them, all or none.",
)
@click.option(
    "--files",
    type=click.IntRange(0, MAX_OPERATIONS),
    default=30,
    show_default=True,
    help="How often clients upload, download or remove a file beside.",
)
@click.option(
    "--transcript",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write everything that happened to this file, a line each.",
)
@json_option
@click.pass_obj
def simulate(
    output: Output,
    /,
    seed: int | None,
    seeds: str | None,
    nodes: int,
    operations: int,
    faults: str,
    files: int,
    transcript: Path | None,
) -> None:
    """Run a network of nodes against faults, and check that every promise is kept.

    The nodes are real; the network, the disks and the time are not, so that a minute passes in a
    moment. What happens follows from the seed alone. The exit status is 1 if a promise was broken.

    \b
    Examples:
      gossamer simulate --seed 7 --nodes 5 --faults all
      gossamer simulate --seeds 1-200
      gossamer simulate --seed 7 --faults crash,partition,wipe --transcript seed7.txt
    """
    from nodes.simulated.trial import Plan, Trial

    if seed is not None and seeds is not None:
        raise click.UsageError("give --seed or --seeds, not both")
    numbers = _range(seeds) if seeds is not None else range(seed or 0, (seed or 0) + 1)
    if transcript is not None and len(numbers) > 1:
        raise click.UsageError("--transcript is of one seed")
    kinds = _kinds(faults)
    bad: list[int] = []
    total: Counter[str] = Counter()
    for number in numbers:
        plan = Plan(number, nodes, operations, kinds, files)
        trial = Trial(plan, recording=transcript is not None)
        trial.run()
        total.update(trial.begun)
        if trial.wrong:
            bad.append(number)
        if output.as_json:
            output.object(_fields(trial))
        elif trial.wrong or len(numbers) == 1:
            _tell(trial, output)
        output.flush()
        if transcript is not None:
            _write(trial, transcript)
    if len(numbers) > 1 and not output.as_json:
        output.text(f"seeds {numbers[0]}-{numbers[-1]}: {_counts(total)}")
        told = f"{len(bad)} did not: {', '.join(map(str, bad))}" if bad else "none broke one"
        output.text(f"  {len(numbers) - len(bad)} kept every promise, {told}")
    if bad:
        raise click.exceptions.Exit(1)


def _range(seeds: str) -> range:
    first, _, last = seeds.partition("-")
    if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
        raise click.UsageError(f"--seeds is FIRST-LAST, as in 1-200, not {seeds!r}")
    return range(int(first), int(last) + 1)


def _kinds(faults: str) -> tuple[str, ...]:
    from nodes.simulated.faults import KINDS

    if faults in ("all", "none"):
        return tuple(KINDS) if faults == "all" else ()
    named = [kind.strip() for kind in faults.split(",") if kind.strip()]
    unknown = [kind for kind in named if kind not in KINDS]
    if unknown or not named:
        what = f"there is no fault {unknown[0]!r}" if unknown else "--faults names none"
        raise click.UsageError(f"{what}; there are all, none, {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in named)


def _tell(trial: Trial, output: Output) -> None:
    """A few lines about a trial."""
    plan = trial.plan
    seconds = trial.simulation.now_ms / 1_000
    files = f", {plan.files} with files" if plan.files else ""
    output.text(
        f"seed {plan.seed}: {plan.nodes} nodes, {plan.operations} operations{files} and what"
        f" followed, in {seconds:.1f} virtual seconds"
    )
    output.text(f"  faults: {_counts(trial.begun)}")
    output.text(f"  members: {_counts(trial.changes)}; {trial.epochs} layouts")
    output.text(f"  outcomes: {_counts(trial.outcomes)}")
    for check in trial.checked:
        output.text(f"  checked: {check}")
    if trial.wrong:
        for wrong in trial.wrong:
            output.text(f"  BROKEN: {wrong}")
        output.text(f"  again: {plan.command}")
    else:
        output.text("  every promise was kept")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "none"


def _fields(trial: Trial) -> dict[str, object]:
    return {
        "seed": trial.plan.seed,
        "nodes": trial.plan.nodes,
        "operations": trial.plan.operations,
        "files": trial.plan.files,
        "virtual_ms": trial.simulation.now_ms,
        "faults": dict(trial.begun),
        "members": dict(trial.changes),
        "layouts": trial.epochs,
        "outcomes": dict(trial.outcomes),
        "checked": list(trial.checked),
        "wrong": list(trial.wrong),
        "again": trial.plan.command,
    }


def _write(trial: Trial, path: Path) -> None:
    try:
        path.write_text(trial.simulation.transcript.text(), encoding="utf-8")
    except OSError as error:
        raise GossamerError(f"cannot write {path}: {error.strerror}") from error
