"""What was measured of Gossamer and its peers, as a table and as JSON: medians of the rounds, and
ratios to Redis of the same round.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from rich.table import Table

from bench.figures import Target, yes_or_no
from bench.peers import CASES, PUT_MANY, PUT_ONE, Case, Measured
from bench.samples import Sample, Spread, spread

YARDSTICK: Final = "Redis"
RATE_TARGETS: Final = {(PUT_MANY, "Gossamer"): Target("≥", 1)}
TIME_TARGETS: Final = {(PUT_ONE, "Gossamer"): Target("≤", 0.5)}


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One case of one system: keys a second, and the time of a call. The ratios are those to Redis
    in the same rounds, and None where there was no Redis."""

    case: Case
    peer: str
    rate_per_s: float
    median_us: float
    p99_us: float
    rate_ratio: Spread | None
    time_ratio: Spread | None

    @property
    def target(self) -> Target | None:
        """Of the ratio of the rates, or else of that of the times."""
        at = (self.case, self.peer)
        return RATE_TARGETS.get(at) or TIME_TARGETS.get(at)

    @property
    def reached(self) -> bool | None:
        """None where there is no target, or nothing to compare with."""
        ratio = self.rate_ratio if (self.case, self.peer) in RATE_TARGETS else self.time_ratio
        return self.target.reached(ratio.median) if self.target and ratio else None


def peer_rows(measured: Measured) -> list[PeerRow]:
    """A row for each peer in each case."""
    return [_row(measured, case, peer) for case in CASES for peer in measured.peers]


def _row(measured: Measured, case: Case, peer: str) -> PeerRow:
    samples = measured.samples[case, peer]
    yardstick = measured.samples.get((case, YARDSTICK), []) if peer != YARDSTICK else []
    return PeerRow(
        case,
        peer,
        median([sample.rate_per_s for sample in samples]),
        median([sample.median_us for sample in samples]),
        median([sample.p99_us for sample in samples]),
        _ratio([(ours.rate_per_s, its.rate_per_s) for ours, its in _pairs(samples, yardstick)]),
        _ratio([(ours.median_us, its.median_us) for ours, its in _pairs(samples, yardstick)]),
    )


def _pairs(samples: list[Sample], yardstick: list[Sample]) -> list[tuple[Sample, Sample]]:
    return list(zip(samples, yardstick, strict=True)) if yardstick else []


def _ratio(pairs: list[tuple[float, float]]) -> Spread | None:
    return spread(ours / its for ours, its in pairs) if pairs else None


def peers_table(measured: Measured) -> Table:
    """For people."""
    table = Table(title="Three nodes of each, values of 100 bytes")
    for heading in ("what", "system"):
        table.add_column(heading, no_wrap=True)
    headings = ("keys /s", "µs a call", "p99 µs", "rate ÷ Redis", "time ÷ Redis", "target")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in peer_rows(measured):
        table.add_row(
            row.case.name,
            row.peer,
            f"{row.rate_per_s:,.0f}",
            f"{row.median_us:,.0f}",
            f"{row.p99_us:,.0f}",
            _text(row.rate_ratio),
            _text(row.time_ratio),
            f"{_target(row)}: {yes_or_no(row.reached)}".strip(": "),
            end_section=row.peer == measured.peers[-1],
        )
    notes = [*measured.notes, f"a sync of 4 KiB takes this disk {measured.sync_us:,.0f} µs"]
    table.caption = "\n".join(notes)
    return table


def _text(ratio: Spread | None) -> str:
    return "" if ratio is None else ratio.text(2 if ratio.median < 10 else 0)


def _target(row: PeerRow) -> str:
    if row.target is None:
        return ""
    return f"{'rate' if (row.case, row.peer) in RATE_TARGETS else 'time'} {row.target}"


def peers_as_json(measured: Measured) -> dict[str, Any]:
    """For programs: the rows of the table."""
    return {
        "rows": [_row_as_json(row) for row in peer_rows(measured)],
        "notes": measured.notes,
        "sync_us": measured.sync_us,
    }


def _row_as_json(row: PeerRow) -> dict[str, Any]:
    return asdict(row) | {
        "case": row.case._asdict(),
        "rate_ratio": row.rate_ratio._asdict() if row.rate_ratio else None,
        "time_ratio": row.time_ratio._asdict() if row.time_ratio else None,
        "target": _target(row),
        "reached": row.reached,
    }
