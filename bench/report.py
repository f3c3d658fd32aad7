"""The figures, and the targets that they are held against, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from rich.table import Table

from bench.bench import Results, Round
from bench.figures import Figure, Target, figures_as_json, figures_table, yes_or_no
from bench.samples import Sample, Spread, spread

LONE: Final = 1


REQUEST_TARGETS: Final = {
    ("get", 1): Target("≤", 1.6),
    ("get", 64): Target("≥", 0.5),
    ("durable put", 64): Target("≥", 0.3),
}
MAX_IMPORT_MS: Final = Target("≤", 150)
MAX_IDLE_MEMORY_MB: Final = Target("≤", 60)
MAX_IDLE_CPU: Final = Target("≤", 1)

SAMPLES: Final[dict[str, Callable[[Round], Sample]]] = {
    "echo": lambda taken: taken.echo,
    "get": lambda taken: taken.gets,
    "durable put": lambda taken: taken.puts,
}


@dataclass(frozen=True, slots=True)
class Requests:
    """A row about one kind of request. Of lone ones there are percentiles, and the ratio is that of
    the median times; otherwise it is that of the rates. Rates and times are medians of the rounds.
    """

    what: str
    in_flight: int
    rate_per_s: float
    each_us: float
    p99_us: float | None
    ratio: Spread
    target: Target | None

    @property
    def reached(self) -> bool | None:
        """None where there is no target."""
        return self.target.reached(self.ratio.median) if self.target else None


def request_rows(results: Results) -> list[Requests]:
    """Echo, get and put, with one in flight and with many."""
    return [
        _requests(what, in_flight, rounds)
        for in_flight, rounds in results.rounds.items()
        for what in SAMPLES
    ]


def _requests(what: str, in_flight: int, rounds: Sequence[Round]) -> Requests:
    samples = [SAMPLES[what](taken) for taken in rounds]
    pairs = list(zip(samples, [taken.echo for taken in rounds], strict=True))
    rate_per_s = median([sample.rate_per_s for sample in samples])
    if in_flight == LONE:
        ratios = [sample.median_us / echo.median_us for sample, echo in pairs]
        each_us = median([sample.median_us for sample in samples])
        p99_us = median([sample.p99_us for sample in samples])
    else:
        ratios = [sample.rate_per_s / echo.rate_per_s for sample, echo in pairs]
        each_us, p99_us = 1e6 / rate_per_s, None
    target = REQUEST_TARGETS.get((what, in_flight))
    return Requests(what, in_flight, rate_per_s, each_us, p99_us, spread(ratios), target)


def figure_rows(results: Results) -> list[Figure]:
    """The disk alone, the import, the idle node."""
    return [
        Figure("appending 4 KiB and syncing it", results.sync_us, "µs"),
        Figure("committing 64 values to LMDB", results.commit_us, "µs"),
        Figure("import gossamer", results.import_ms, "ms", MAX_IMPORT_MS),
        Figure("memory of an idle node", results.idle_memory_mb, "MB", MAX_IDLE_MEMORY_MB),
        Figure("an idle node's share of a core", results.idle_cpu_percent, "%", MAX_IDLE_CPU),
    ]


def tables(results: Results) -> list[Table]:
    """For people."""
    return [
        _requests_table(request_rows(results)),
        figures_table("To see it against", figure_rows(results)),
    ]


def _requests_table(rows: Sequence[Requests]) -> Table:
    table = Table("what", title="One node, single calls of one client, values of 100 bytes")
    for heading in ("in flight", "rate /s", "µs each", "p99 µs", "to echo", "target", "reached"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        lone = row.in_flight == LONE
        what = "time" if lone else "rate"
        ratio = f"{what} {row.ratio.median:.2f} ({row.ratio.least:.2f}–{row.ratio.most:.2f})"
        table.add_row(
            row.what,
            str(row.in_flight),
            f"{row.rate_per_s:,.0f}",
            f"{row.each_us:,.0f}" if lone else f"{row.each_us:,.1f}",
            f"{row.p99_us:,.0f}" if row.p99_us is not None else "",
            "" if row.what == "echo" else ratio,
            str(row.target or ""),
            yes_or_no(row.reached),
            end_section=row.what == "durable put",
        )
    return table


def as_json(results: Results) -> dict[str, Any]:
    """For programs: the rows of both tables."""
    return {
        "requests": [_row_as_json(row) for row in request_rows(results)],
        "figures": figures_as_json(figure_rows(results)),
    }


def _row_as_json(row: Requests) -> dict[str, Any]:
    fields = asdict(row) | {"ratio": row.ratio._asdict()}
    return fields | {"target": str(row.target or ""), "reached": row.reached}
