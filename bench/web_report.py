"""What was measured of a gateway, as tables and as JSON: medians of the rounds, and ratios taken
within a round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from rich.table import Table

from bench.figures import Target, yes_or_no
from bench.files import MIB
from bench.samples import Spread, spread
from bench.web import Measured
from bench.web_files import COMMAND, HTTP, TRANSFERS
from bench.web_load import GET, METHODS, SIDES, Loaded
from bench.web_slow import SlowRound, Waited

RATES: Final = {GET: Target("≥", 0.5)}
"""A gateway's rate to that of the bare route."""
BESIDE: Final = Target("≤", 2)
"""A time beside slow clients to that without them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A ratio, each of two figures of the same round, and the bound for its median."""

    what: str
    ratio: Spread
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """None where there is no target."""
        return self.target.reached(self.ratio.median) if self.target else None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        about = {"what": self.what, "target": str(self.target or ""), "reached": self.reached}
        return about | self.ratio._asdict()


def compared(measured: Measured) -> list[Compared]:
    """All ratios of what was measured."""
    rows: list[Compared] = []
    for method in METHODS if measured.loads else ():
        pairs = list(zip(*[measured.loads[method, side] for side in SIDES], strict=True))
        rates = spread(ours.rate_per_s / bare.rate_per_s for ours, bare in pairs)
        cpu = spread(ours.server_us / bare.server_us for ours, bare in pairs)
        rows.append(Compared(f"{method}: rate, gateway ÷ bare route", rates, RATES.get(method)))
        rows.append(Compared(f"{method}: processor time, gateway ÷ bare route", cpu))
    if measured.slow:
        for what, of in _TIMES.items():
            ratio = spread(of(each.beside) / of(each.alone) for each in measured.slow)
            rows.append(Compared(f"{what} of a get, beside slow clients ÷ without", ratio, BESIDE))
    for what in TRANSFERS if measured.transfers else ():
        both = zip(*[measured.transfers[what, side] for side in (HTTP, COMMAND)], strict=True)
        ratio = spread(http.seconds / command.seconds for http, command in both)
        rows.append(Compared(f"{what}: time, HTTP ÷ gossamer", ratio))
    return rows


_TIMES: Final[dict[str, Callable[[Waited], float]]] = {
    "median": lambda waited: waited.median_us,
    "p99": lambda waited: waited.p99_us,
}


def web_tables(measured: Measured) -> list[Table]:
    """For people."""
    tables = [_ratios(measured)]
    if measured.loads:
        tables.insert(0, _load(measured))
    if measured.slow:
        tables.append(_slow(measured.slow))
    if measured.transfers:
        tables.append(_files(measured))
    return tables


def _table(title: str, *headings: str) -> Table:
    table = Table(headings[0], title=title)
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _ratios(measured: Measured) -> Table:
    table = _table("Ratios, each taken within a round", "what", "ratio", "target", "reached")
    for row in compared(measured):
        table.add_row(row.what, row.ratio.text(2), str(row.target or ""), yes_or_no(row.reached))
    table.caption = f"rounds: {measured.rounds}, of {measured.seconds:g} s a measurement"
    return table


def _load(measured: Measured) -> Table:
    headings = ("/s", "median, ms", "p99, ms", "server", "nodes", "wrk")
    table = _table("wrk, 64 connections", "what", *headings)
    for method in METHODS:
        for side in SIDES:
            each = medians(measured.loads[method, side])
            table.add_row(
                f"{method}, {side}",
                f"{each.rate_per_s:,.0f}",
                f"{each.median_us / 1e3:.1f}",
                f"{each.p99_us / 1e3:.1f}",
                *[f"{us:,.0f} µs" if us else "" for us in each[3:]],
                end_section=side == SIDES[-1],
            )
    table.caption = "server, nodes, wrk: processor time for each request"
    return table


def _slow(rounds: Sequence[SlowRound]) -> Table:
    headings = ("median, ms", "p99, ms", "gateway, MB")
    table = _table("Gets at a fixed rate by 16 clients", "meanwhile", *headings)
    sides = {"nobody else": [r.alone for r in rounds], "slow clients": [r.beside for r in rounds]}
    for side, each in sides.items():
        median_us, p99_us, memory_mb = map(median, zip(*each, strict=True))
        if side == "nobody else":
            # What a process has had once it may keep.
            memory_mb = each[0].memory_mb
        table.add_row(side, f"{median_us / 1e3:.2f}", f"{p99_us / 1e3:.2f}", f"{memory_mb:,.0f}")
    return table


def _files(measured: Measured) -> Table:
    headings = ("s", "MB/s", "gateway before, MB", "at most, MB")
    size_mib = measured.size_bytes // MIB
    table = _table(f"A file of {size_mib:,} MiB", "what", *headings)
    for (what, side), rounds in measured.transfers.items():
        seconds, before_mb, peak_mb = map(median, zip(*rounds, strict=True))
        memory = (f"{before_mb:,.0f}", f"{peak_mb:,.0f}") if peak_mb else ("", "")
        rate = f"{measured.size_bytes / 1e6 / seconds:,.0f}"
        table.add_row(f"{what}, {side}", f"{seconds:.2f}", rate, *memory)
    return table


def medians(rounds: Sequence[Loaded]) -> Loaded:
    """Of each figure."""
    return Loaded(*map(median, zip(*rounds, strict=True)))


def web_as_json(measured: Measured) -> dict[str, Any]:
    """For programs: all that was measured in each round, and the ratios."""
    return {
        "rounds": measured.rounds,
        "seconds": measured.seconds,
        "size_bytes": measured.size_bytes,
        "ratios": [row.as_json() for row in compared(measured)],
        "load": [
            {"method": method, "side": side, "rounds": [each._asdict() for each in rounds]}
            for (method, side), rounds in measured.loads.items()
        ],
        "slow": [
            {"alone": each.alone._asdict(), "beside": each.beside._asdict()}
            for each in measured.slow
        ],
        "files": [
            {"what": what, "side": side, "rounds": [each._asdict() for each in rounds]}
            for (what, side), rounds in measured.transfers.items()
        ],
    }
