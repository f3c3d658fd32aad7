"""What encryption costs, as a table and as JSON: medians of the rounds, and ratios taken within a
round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.table import Table

from bench.curve import ALL, ASKED, CHUNKS, ENCRYPTED, PLAIN, SIDES, Measured, Taken, What
from bench.files import MIB
from bench.network import NODES
from bench.samples import Spread, spread


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One kind of request, or of chunks: the time of a call or of a MiB on either side, and the
    processor time. The ratios are those of encrypted to plain."""

    what: What
    plain: Taken
    encrypted: Taken
    time_ratio: Spread
    cpu_ratio: Spread
    more_cpu_us: Spread


def curve_rows(measured: Measured) -> list[CurveRow]:
    """Requests one at a time, many in flight, chunks; the yardstick is the first of each."""
    return [_row(what, *[measured.taken[what, side] for side in SIDES]) for what in ALL]


def _row(what: What, plain: Sequence[Taken], encrypted: Sequence[Taken]) -> CurveRow:
    pairs = list(zip(plain, encrypted, strict=True))
    return CurveRow(
        what,
        _median(plain),
        _median(encrypted),
        spread(theirs.time_us / ours.time_us for ours, theirs in pairs),
        spread(theirs.cpu_us / ours.cpu_us for ours, theirs in pairs),
        spread(theirs.cpu_us - ours.cpu_us for ours, theirs in pairs),
    )


def _median(rounds: Sequence[Taken]) -> Taken:
    return Taken(*[median(column) for column in zip(*rounds, strict=True)])


def curve_table(measured: Measured) -> Table:
    """For people."""
    table = Table("what", title="Three nodes and a bare ZeroMQ, each with encryption and without")
    headings = ("time ÷ plain", "CPU, plain", "CPU ÷ plain", "more CPU")
    for heading in (PLAIN, ENCRYPTED, *headings):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in curve_rows(measured):
        name, in_flight = row.what
        table.add_row(
            f"{name} × {in_flight}" if in_flight else name,
            _speed(row.what, row.plain),
            _speed(row.what, row.encrypted),
            row.time_ratio.text(2),
            f"{row.plain.cpu_us:,.0f} µs",
            row.cpu_ratio.text(2),
            f"{row.more_cpu_us.median:,.{0 if in_flight < 2 else 1}f} µs",
            end_section=name in (ASKED[-1], CHUNKS[-1]),
        )
    copies = [f"{measured.copies[side]} ({side})" for side in SIDES]
    table.caption = (
        "CPU: processor time of a call or a MiB, of all processes of a side and of the client\n"
        f"rounds: {measured.rounds}, of {measured.seconds:g} s a measurement; a file of "
        f"{measured.size_bytes // MIB:,} MiB\n"
        f"a key is on {' and '.join(copies)} of {NODES} nodes"
    )
    return table


def _speed(what: What, taken: Taken) -> str:
    """The time of a lone call, the rate of what is in flight."""
    if what.in_flight == 1:
        return f"{taken.time_us:,.0f} µs"
    if what.in_flight:
        return f"{1e6 / taken.time_us:,.0f} /s"
    return f"{MIB / taken.time_us:,.0f} MB/s"


def curve_as_json(measured: Measured) -> dict[str, Any]:
    """For programs: the rows of the table, and how they were measured."""
    return {
        "rounds": measured.rounds,
        "seconds": measured.seconds,
        "size_bytes": measured.size_bytes,
        "copies": measured.copies,
        "rows": [_row_as_json(row) for row in curve_rows(measured)],
    }


def _row_as_json(row: CurveRow) -> dict[str, Any]:
    tuples = {name: part._asdict() for name, part in asdict(row).items() if name != "what"}
    return {**row.what._asdict(), **tuples}
