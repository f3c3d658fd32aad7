"""Single figures, and the bounds that they are held against, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rich.table import Table


class Target(NamedTuple):
    """A bound for a figure."""

    sign: str
    bound: float

    def reached(self, figure: float) -> bool:
        """Does the figure keep to the bound?"""
        return figure >= self.bound if self.sign == "≥" else figure <= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A row about one figure."""

    what: str
    value: float
    unit: str
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """None where there is no target."""
        return self.target.reached(self.value) if self.target else None


def figures_table(title: str, rows: Sequence[Figure]) -> Table:
    """For people."""
    table = Table("what", title=title)
    for heading in ("measured", "target", "reached"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        whole = row.value >= 10 or row.value == int(row.value)
        value = f"{row.value:,.{0 if whole else 2}f} {row.unit}".rstrip()
        target = f"{row.target} {row.unit}".rstrip() if row.target else ""
        table.add_row(row.what, value, target, yes_or_no(row.reached))
    return table


def yes_or_no(reached: bool | None) -> str:
    """For people; nothing where there is no target."""
    return "" if reached is None else ("yes" if reached else "no")


def figures_as_json(rows: Sequence[Figure]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(row) | {"target": str(row.target or ""), "reached": row.reached} for row in rows]
