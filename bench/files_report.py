"""What was measured of files, as tables and as JSON: medians of the rounds, and ratios taken within
a round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from rich.table import Table

from bench.figures import Target, yes_or_no
from bench.file_yardsticks import COPIES, STREAM, YARDSTICKS
from bench.files import DROPPED, TRANSFERS, UPLOAD, Measured, Memory
from bench.samples import Spread, spread
from bench.small_files import FILE_BYTES, IN_FLIGHT, Small

OURS: Final = "Gossamer"
COMPARED: Final = {UPLOAD: COPIES, DROPPED: STREAM}
"""With which yardstick a transfer is compared."""

TO_YARDSTICK: Final = {(DROPPED, OURS): Target("≥", 0.5)}
TO_OTHERS: Final = {(UPLOAD, OURS): Target("≥", 1)}
LAST_TO_FIRST: Final = Target("≥", 0.7)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The rate of one transfer by one system, or of a yardstick (`who` is empty), in MB/s; its
    ratio to the yardstick that it is compared with, and to the fastest other system, where there
    is one, each of the same round."""

    what: str
    who: str
    mb_per_s: float
    seconds: float
    to_yardstick: Spread | None
    to_others: Spread | None

    @property
    def target(self) -> Target | None:
        """Of one of the ratios."""
        at = (self.what, self.who)
        return TO_YARDSTICK.get(at) or TO_OTHERS.get(at)

    @property
    def reached(self) -> bool | None:
        """None where there is no target, or nothing to compare with."""
        is_of_yardstick = (self.what, self.who) in TO_YARDSTICK
        ratio = self.to_yardstick if is_of_yardstick else self.to_others
        return self.target.reached(ratio.median) if self.target and ratio else None


def transfers(measured: Measured) -> list[Transfer]:
    """The yardsticks, then each transfer by each system."""
    rows = [(what, "") for what in YARDSTICKS]
    rows += [(what, who) for what in TRANSFERS for who in measured.systems]
    return [_transfer(measured, what, who) for what, who in rows]


def _transfer(measured: Measured, what: str, who: str) -> Transfer:
    took_s = measured.seconds[what, who]
    yardstick = measured.seconds[COMPARED[what], ""] if what in COMPARED and who else None
    others = [other for other in measured.systems if other != who] if who == OURS else []
    fastest = [min(each) for each in zip(*[measured.seconds[what, o] for o in others], strict=True)]
    return Transfer(
        what,
        who,
        median([measured.size_bytes / 1e6 / each for each in took_s]),
        median(took_s),
        _rates(yardstick, took_s) if yardstick else None,
        _rates(fastest, took_s) if fastest else None,
    )


def _rates(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """Our rate to theirs, of seconds that the same took."""
    return spread(their_s / our_s for their_s, our_s in zip(theirs, ours, strict=True))


@dataclass(frozen=True, slots=True)
class SmallRow:
    """Files a second of one system: the medians of the rounds of all, of the first tenth and of the
    last; `last_to_first` is the ratio of those two."""

    what: str
    who: str
    per_s: float
    first_per_s: float
    last_per_s: float
    p99_ms: float
    last_to_first: float

    @property
    def reached(self) -> bool | None:
        """None where there is no target."""
        return LAST_TO_FIRST.reached(self.last_to_first) if self.who == OURS else None


def small_rows(measured: Measured) -> list[SmallRow]:
    """Up and down, for each system."""
    return [
        _small(what, who, measured.small[who])
        for what in ("upload", "download")
        for who in measured.systems
    ]


def _small(what: str, who: str, rounds: Sequence[Small]) -> SmallRow:
    samples = [small.ups if what == "upload" else small.downs for small in rounds]
    seconds = [sum(sample.seconds for sample in tenths) for tenths in samples]
    files = sum(sample.calls for sample in samples[0])
    first = median([tenths[0].rate_per_s for tenths in samples])
    last = median([tenths[-1].rate_per_s for tenths in samples])
    ratio = median([tenths[-1].rate_per_s / tenths[0].rate_per_s for tenths in samples])
    p99_ms = median([max(sample.p99_us for sample in tenths) for tenths in samples]) / 1e3
    return SmallRow(what, who, files / median(seconds), first, last, p99_ms, ratio)


def files_tables(measured: Measured) -> list[Table]:
    """For people."""
    return [_transfers_table(measured), _memory_table(measured), _small_table(measured)]


def _transfers_table(measured: Measured) -> Table:
    table = Table(title=f"A file of {measured.size_bytes / 1e6:,.0f} MB")
    for heading in ("what", "system"):
        table.add_column(heading, no_wrap=True)
    headings = ("MB/s", "s", "to yardstick", "to the faster other", "target", "reached")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in transfers(measured):
        table.add_row(
            row.what,
            row.who,
            f"{row.mb_per_s:,.0f}",
            f"{row.seconds:.2f}",
            row.to_yardstick.text(2) if row.to_yardstick else "",
            row.to_others.text(2) if row.to_others else "",
            str(row.target or ""),
            yes_or_no(row.reached),
            end_section=row.who in (measured.systems or [""])[-1:],
        )
    compared = [f"{what} ÷ {yardstick}" for what, yardstick in COMPARED.items()]
    table.caption = "\n".join([*measured.notes, f"to yardstick: {'; '.join(compared)}"])
    return table


def _memory_table(measured: Measured) -> Table:
    table = Table("system", title="Resident memory of all its processes together, MB")
    for heading in ("before the file", "at most", "after it", "a client at most"):
        table.add_column(heading, justify="right", no_wrap=True)
    for who in measured.systems:
        memory = _memory(measured, who)
        client = f"{memory.client:,.0f}" if memory.client else ""
        table.add_row(who, *[f"{mb:,.0f}" for mb in memory[:3]], client)
    return table


def _memory(measured: Measured, who: str) -> Memory:
    columns = zip(*measured.memory[who], strict=True)
    return Memory(*[median(column) for column in columns])


def _small_table(measured: Measured) -> Table:
    title = f"{measured.files:,} files of {FILE_BYTES:,} bytes, {IN_FLIGHT} under way"
    table = Table("what", "system", title=title)
    headings = ("files/s", "first tenth", "last tenth", "last ÷ first", "p99 ms", "target")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in small_rows(measured):
        target = f"{LAST_TO_FIRST}: {yes_or_no(row.reached)}" if row.who == OURS else ""
        table.add_row(
            row.what,
            row.who,
            f"{row.per_s:,.0f}",
            f"{row.first_per_s:,.0f}",
            f"{row.last_per_s:,.0f}",
            f"{row.last_to_first:.2f}",
            f"{row.p99_ms:,.1f}",
            target,
            end_section=row.who == measured.systems[-1],
        )
    for who in measured.systems:
        table.add_row("list of all", who, f"{measured.files / _list_s(measured, who):,.0f}")
    return table


def _list_s(measured: Measured, who: str) -> float:
    return median([small.list_s for small in measured.small[who]])


def files_as_json(measured: Measured) -> dict[str, Any]:
    """For programs: the rows of the tables."""
    return {
        "size_bytes": measured.size_bytes,
        "files": measured.files,
        "notes": measured.notes,
        "transfers": [
            asdict(row)
            | {"to_yardstick": row.to_yardstick and row.to_yardstick._asdict()}
            | {"to_others": row.to_others and row.to_others._asdict()}
            | {"target": str(row.target or ""), "reached": row.reached}
            for row in transfers(measured)
        ],
        "memory_mb": {who: _memory(measured, who)._asdict() for who in measured.systems},
        "small": [asdict(row) | {"reached": row.reached} for row in small_rows(measured)],
        "list_s": {who: _list_s(measured, who) for who in measured.systems},
    }
