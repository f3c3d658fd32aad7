"""How a network takes in many keys and holds them, as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from bench.figures import Figure, Target, figures_as_json, figures_table
from bench.million import BATCH, Loaded

LAST_TO_FIRST: Final = Target("≥", 0.7)


def million_figures(loaded: Loaded) -> list[Figure]:
    """The rates at the beginning and at the end, and what the node needs that needs most."""
    first, last = loaded.tenths[0].rate_per_s, loaded.tenths[-1].rate_per_s
    nodes = loaded.nodes
    return [
        Figure("the first tenth", first, "keys/s"),
        Figure("the last tenth", last, "keys/s"),
        Figure("the last tenth to the first", last / first, "", LAST_TO_FIRST),
        Figure("batches stored again after an error", loaded.repeated, ""),
        Figure("memory of a node", max(node.memory_mb for node in nodes), "MB"),
        Figure("of it not of files", max(node.anonymous_mb for node in nodes), "MB"),
        Figure("data folder of a node", max(node.disk_mb for node in nodes), "MB"),
        Figure("an idle node's share of a core", max(node.cpu_percent for node in nodes), "%"),
        Figure("start of a node with its data", loaded.start_s, "s"),
        Figure("nodes that a key is on, at least", loaded.copies, ""),
    ]


def million_tables(loaded: Loaded) -> list[Table]:
    """For people."""
    tenth = loaded.keys // len(loaded.tenths)
    rates = Table(title=f"Three nodes, put_many of {BATCH:,} keys at a time, values of 100 bytes")
    for heading in ("keys held", "keys /s", "ms a batch", "p99 ms", "others, cores"):
        rates.add_column(heading, justify="right", no_wrap=True)
    columns = zip(loaded.tenths, loaded.others_cores, strict=True)
    for number, (sample, cores) in enumerate(columns, 1):
        rates.add_row(
            f"{number * tenth:,}",
            f"{sample.rate_per_s:,.0f}",
            f"{sample.median_us / 1e3:,.1f}",
            f"{sample.p99_us / 1e3:,.1f}",
            f"{cores:.2f}",
        )
    title = f"With {loaded.keys:,} keys; of nodes the one that needs most"
    return [rates, figures_table(title, million_figures(loaded))]


def million_as_json(loaded: Loaded) -> dict[str, Any]:
    """For programs: the figures of the tables, and all nodes."""
    return {
        "keys": loaded.keys,
        "copies": loaded.copies,
        "tenths": [
            {"keys": s.calls, "rate_per_s": s.rate_per_s, "median_us": s.median_us}
            | {"p99_us": s.p99_us, "others_cores": cores}
            for s, cores in zip(loaded.tenths, loaded.others_cores, strict=True)
        ],
        "figures": figures_as_json(million_figures(loaded)),
        "nodes": [asdict(node) for node in loaded.nodes],
    }
