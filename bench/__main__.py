"""`python -m bench`: measure, print, and end with 0 whatever the figures are."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
from rich.console import Console
from rich.table import Table

from bench import bench, gossip
from bench.gossip_report import draw, gossip_as_json, gossip_rows, gossip_table
from bench.process import ROOT
from bench.report import as_json, tables

WIDTH = 110
"""Of the tables where there is no terminal that says how wide it is."""


class Report(NamedTuple):
    """The figures of a part, for people and for programs."""

    tables: list[Table]
    json: dict[str, Any]


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(["node", "gossip"]))
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1), help="Of a node.")
@click.option(
    "--seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01),
    help="For each measurement of a round.",
)
@click.option(
    "--size",
    "sizes",
    default=gossip.SIZES,
    show_default=True,
    multiple=True,
    type=click.IntRange(2),
    help="Of the networks that gossip; may be given several times.",
)
@click.option(
    "--seeds", default=3, show_default=True, type=click.IntRange(1), help="Networks of each size."
)
@click.option(
    "--picture",
    default=ROOT / "docs" / "gossip.png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the curves of gossip are drawn.  [default: docs/gossip.png]",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON rather than tables.")
def main(
    parts: Sequence[str],
    rounds: int,
    seconds: float,
    sizes: Sequence[int],
    seeds: int,
    picture: Path,
    json_wanted: bool,
) -> None:
    """Measure PARTS, or else all.

    A node on this machine against a bare ZeroMQ echo: about 6 × ROUNDS × SECONDS. How gossip scales
    in simulated networks: some minutes.
    """
    # As an exception it passes by all that has to be closed, the processes started here included.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    reports = []
    if not parts or "node" in parts:
        reports.append(_of_node(rounds, seconds))
    if not parts or "gossip" in parts:
        reports.append(_of_gossip(sizes, seeds, picture))
    if json_wanted:
        figures = {name: rows for report in reports for name, rows in report.json.items()}
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        return
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    for table in [table for report in reports for table in report.tables]:
        console.print(table)


def _of_node(rounds: int, seconds: float) -> Report:
    results = bench.run(rounds, seconds, _say)
    return Report(tables(results), as_json(results))


def _of_gossip(sizes: Sequence[int], seeds: int, picture: Path) -> Report:
    rows = gossip_rows(gossip.run(sizes, range(1, seeds + 1), _say))
    draw(rows, picture)
    _say(f"the curves are in {picture}")
    return Report([gossip_table(rows)], {"gossip": gossip_as_json(rows)})


def _say(what: str) -> None:
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
