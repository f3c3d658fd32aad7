"""The figures of gossip: medians over the networks of a size, as a table, as JSON, as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bench.gossip import LOSS, ROUND_MS, Measured
from bench.samples import Spread, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AMONG_OTHERS = "#0b6e8f"
ALONE = "#e08e2b"
DEAD = "#a3324a"
INK = "#333a40"
GRID = "#dfe3e6"


@dataclass(frozen=True, slots=True)
class GossipRow:
    """The networks of one size."""

    size: int
    rounds: Spread
    lone_ms: Spread
    idle_bytes_per_s: Spread
    lossy_bytes_per_s: Spread
    suspected_s: Spread
    dead_s: Spread


def gossip_rows(measured: Sequence[Measured]) -> list[GossipRow]:
    """A row for each size, in their order."""
    return [
        _row(size, [m for m in measured if m.size == size])
        for size in sorted({m.size for m in measured})
    ]


def _row(size: int, networks: Sequence[Measured]) -> GossipRow:
    return GossipRow(
        size,
        spread(rounds for m in networks for rounds in m.rounds),
        spread(ms for m in networks for ms in m.lone_ms),
        spread(m.idle_bytes_per_s for m in networks),
        spread(m.lossy_bytes_per_s for m in networks),
        spread(m.suspected_s for m in networks),
        spread(m.dead_s for m in networks),
    )


def gossip_table(rows: Sequence[GossipRow]) -> Table:
    """For people."""
    title = f"Gossip in simulated networks: medians, least and most; {LOSS:.0%} of messages lost"
    table = Table("nodes", title=title)
    headings = ("rounds", "lone, ms", "idle bytes/s", "with loss", "suspected, s", "dead, s")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.size:,}",
            row.rounds.text(1),
            row.lone_ms.text(1),
            f"{row.idle_bytes_per_s.median:,.0f}",
            f"{row.lossy_bytes_per_s.median:,.0f}",
            row.suspected_s.text(1),
            row.dead_s.text(1),
        )
    return table


def gossip_as_json(rows: Sequence[GossipRow]) -> list[dict[str, Any]]:
    """For programs."""
    names = [field.name for field in fields(GossipRow)[1:]]
    return [
        {"size": row.size} | {name: getattr(row, name)._asdict() for name in names} for row in rows
    ]


def draw(rows: Sequence[GossipRow], file: Path) -> None:
    """The curves, as a picture."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    style: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 11.5,
        "axes.titleweight": "bold",
        "axes.titlepad": 14,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.facecolor": "white",
        "legend.edgecolor": "white",
        "legend.framealpha": 0.9,
    }
    with plt.rc_context(style):
        figure, (rounds, idle, detection) = plt.subplots(1, 3, figsize=(13, 4.4))
        _draw_rounds(rounds, rows)
        _draw_idle(idle, rows)
        _draw_detection(detection, rows)
        for axes in (rounds, idle, detection):
            _draw_sizes(axes, [row.size for row in rows])
        figure.text(
            0.995,
            0.012,
            f"simulated networks that lose {LOSS:.0%} of all messages; lines are medians, bands go "
            "from the least to the most",
            ha="right",
            fontsize=8.5,
            color="#6b747b",
        )
        figure.tight_layout(rect=(0, 0.04, 1, 1), w_pad=3)
        figure.savefig(file, dpi=150, facecolor="white")
        plt.close(figure)


def _draw_rounds(axes: Axes, rows: Sequence[GossipRow]) -> None:
    axes.set_title("A shared value reaches every node")
    axes.set_ylabel(f"rounds of {ROUND_MS} ms")
    _draw_curve(axes, rows, [row.rounds for row in rows], AMONG_OTHERS, "among others' values")
    lone = [Spread(*[ms / ROUND_MS for ms in row.lone_ms]) for row in rows]
    _draw_curve(axes, rows, lone, ALONE, "alone")
    axes.legend(loc="upper left")


def _draw_idle(axes: Axes, rows: Sequence[GossipRow]) -> None:
    axes.set_title("What an idle node sends")
    axes.set_ylabel("bytes a second")
    lossy = [row.lossy_bytes_per_s for row in rows]
    _draw_curve(axes, rows, lossy, ALONE, f"where {LOSS:.0%} is lost")
    idle = [row.idle_bytes_per_s for row in rows]
    _draw_curve(axes, rows, idle, AMONG_OTHERS, "where nothing is lost")
    axes.legend(loc="upper left")
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _draw_detection(axes: Axes, rows: Sequence[GossipRow]) -> None:
    axes.set_title("A node that lost power is found")
    axes.set_ylabel("seconds, until every other node shows it")
    _draw_curve(axes, rows, [row.suspected_s for row in rows], ALONE, "suspected")
    _draw_curve(axes, rows, [row.dead_s for row in rows], DEAD, "dead")
    axes.legend(loc="upper left")


def _draw_curve(
    axes: Axes, rows: Sequence[GossipRow], spreads: Sequence[Spread], colour: str, label: str
) -> None:
    sizes = [row.size for row in rows]
    least, most = [s.least for s in spreads], [s.most for s in spreads]
    axes.fill_between(sizes, least, most, color=colour, alpha=0.16, linewidth=0)
    axes.plot(
        sizes,
        [s.median for s in spreads],
        color=colour,
        label=label,
        marker="o",
        markersize=5,
        linewidth=2,
    )


def _draw_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("nodes in the network (logarithmic)")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xticks([], minor=True)
    # The scale begins at nothing, and there is room above the curves for the legend.
    axes.set_ylim(0, 1.3 * axes.dataLim.y1)
