"""`python -m bench`: measure, print, and end with 0 whatever the figures are."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
from rich.console import Console
from rich.table import Table

from bench.process import ROOT

WIDTH = 120
"""Of the tables where there is no terminal that says how wide it is."""

BY_DEFAULT = ("node", "gossip")


class Options(NamedTuple):
    """What was asked for."""

    rounds: int
    seconds: float
    sizes: Sequence[int]
    seeds: int
    picture: Path
    keys: int | None
    mib: int | None
    files: int


class Report(NamedTuple):
    """The figures of a part, for people and for programs."""

    tables: list[Table]
    json: dict[str, Any]


def _of_node(options: Options) -> Report:
    from bench import bench, report

    results = bench.run(options.rounds, options.seconds, _say)
    return Report(report.tables(results), report.as_json(results))


def _of_gossip(options: Options) -> Report:
    from bench import gossip
    from bench.gossip_report import draw, gossip_as_json, gossip_rows, gossip_table

    seeds = range(1, options.seeds + 1)
    rows = gossip_rows(gossip.run(options.sizes or gossip.SIZES, seeds, _say))
    draw(rows, options.picture)
    _say(f"the curves are in {options.picture}")
    return Report([gossip_table(rows)], {"gossip": gossip_as_json(rows)})


def _of_peers(options: Options) -> Report:
    from bench import peers
    from bench.peer_etcd import etcd
    from bench.peer_gossamer import gossamer
    from bench.peer_redis import redis
    from bench.peers_report import peers_as_json, peers_table

    measured = peers.run((gossamer, redis, etcd), options.rounds, options.seconds, _say)
    return Report([peers_table(measured)], {"peers": peers_as_json(measured)})


def _of_million(options: Options) -> Report:
    from bench import million
    from bench.million_report import million_as_json, million_tables

    loaded = million.run(options.keys or million.KEYS, options.seconds, _say)
    return Report(million_tables(loaded), {"million": million_as_json(loaded)})


def _of_repair(options: Options) -> Report:
    from bench import repair
    from bench.repair_report import repair_as_json, repair_table

    rows = repair.run(options.keys or repair.KEYS, _say)
    return Report([repair_table(rows)], {"repair": repair_as_json(rows)})


def _of_files(options: Options) -> Report:
    from functools import partial

    from bench import files
    from bench.files_gossamer import gossamer
    from bench.files_report import files_as_json, files_tables
    from bench.files_seaweed import seaweed

    starts = (gossamer, partial(seaweed, synced=False), partial(seaweed, synced=True))
    measured = files.run(starts, options.rounds, options.mib or files.FILE_MIB, options.files, _say)
    return Report(files_tables(measured), {"files": files_as_json(measured)})


def _of_curve(options: Options) -> Report:
    from bench import curve
    from bench.curve_report import curve_as_json, curve_table

    size_mib = options.mib or curve.FILE_MIB
    measured = curve.run(curve.three_nodes, options.rounds, options.seconds, size_mib, _say)
    return Report([curve_table(measured)], {"curve": curve_as_json(measured)})


def _of_http(options: Options) -> Report:
    from bench import curve, web
    from bench.web_report import web_as_json, web_tables

    size_mib = options.mib or curve.FILE_MIB
    measured = web.run(curve.three_nodes, options.rounds, options.seconds, size_mib, _say)
    return Report(web_tables(measured), {"http": web_as_json(measured)})


PARTS: dict[str, Callable[[Options], Report]] = {
    "node": _of_node,
    "gossip": _of_gossip,
    "peers": _of_peers,
    "million": _of_million,
    "repair": _of_repair,
    "files": _of_files,
    "curve": _of_curve,
    "http": _of_http,
}
"""What they import is imported when they are asked for: none needs what another one does."""


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option(
    "--rounds",
    default=7,
    show_default=True,
    type=click.IntRange(1),
    help="Of a node, of the peers, of files, of encryption, and of HTTP.",
)
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
    multiple=True,
    type=click.IntRange(2),
    help="Of the networks that gossip; may be given several times.  [default: 10 to 1,000]",
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
@click.option(
    "--keys",
    type=click.IntRange(1_000),
    help="Of `million` and `repair`.  [default: 1,000,000 and 100,000]",
)
@click.option(
    "--mib",
    type=click.IntRange(1),
    help="Of the large file of `files`, `curve` and `http`; the disk needs room for five times as "
    "much.  [default: 1,024, 256 and 256]",
)
@click.option(
    "--files",
    default=10_000,
    show_default=True,
    type=click.IntRange(100),
    help="Small ones of `files`.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON rather than tables.")
def main(parts: Sequence[str], json_wanted: bool, **options: Any) -> None:
    """Measure PARTS, or else node and gossip.

    \b
    node     a node against a bare ZeroMQ echo: about 6 × ROUNDS × SECONDS
    gossip   how gossip scales in simulated networks: some minutes
    peers    three nodes beside Redis and etcd: about 15 × ROUNDS × SECONDS
    million  three nodes with a million keys: some minutes
    repair   what two replicas exchange to become equal: some minutes
    files    a large file and many small ones, beside SeaweedFS: ROUNDS minutes or two
    curve    what encryption costs requests and files: about 12 × ROUNDS × (SECONDS + 1)
    http     a gateway: about ROUNDS × (15 × SECONDS + 20)
    """
    # As an exception it passes by all that has to be closed, the processes started here included.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = [name for name in PARTS if name in (parts or BY_DEFAULT)]
    reports = [PARTS[name](Options(**options)) for name in chosen]
    if json_wanted:
        figures = {name: rows for report in reports for name, rows in report.json.items()}
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        return
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    for table in [table for report in reports for table in report.tables]:
        console.print(table)


def _say(what: str) -> None:
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
