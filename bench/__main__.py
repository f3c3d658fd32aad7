"""`python -m bench`: measure, print, and end with 0 whatever the figures are."""

from __future__ import annotations

import signal
import sys

import click
import orjson
from rich.console import Console

from bench.bench import run
from bench.report import as_json, tables

WIDTH = 110
"""Of the tables where there is no terminal that says how wide it is."""


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01),
    help="For each measurement of a round.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON rather than tables.")
def main(rounds: int, seconds: float, json_wanted: bool) -> None:
    """Measure a node on this machine against a bare ZeroMQ echo: about 6 × ROUNDS × SECONDS."""
    # As an exception it passes by all that has to be closed, the processes started here included.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    results = run(rounds, seconds, lambda what: click.echo(what, err=True))
    if json_wanted:
        click.echo(orjson.dumps(as_json(results), option=orjson.OPT_INDENT_2))
        return
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    for table in tables(results):
        console.print(table)


if __name__ == "__main__":
    main()
