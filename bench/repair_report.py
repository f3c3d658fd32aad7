"""What anti-entropy exchanges, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from bench.repair import Repaired

RECORDS = "Fetched"
"""The message that carries the records themselves."""


def repair_table(rows: Sequence[Repaired]) -> Table:
    """For people. The first row of each number of keys is one comparison of equal replicas."""
    table = Table(title="What two replicas exchange until they are equal, values of 100 bytes")
    headings = ("keys", "differing", "bytes", "of it records", "bytes a key", "messages", "s")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.keys != row.keys:
            table.add_section()
        table.add_row(
            f"{row.keys:,}",
            f"{row.differing:,}",
            f"{row.all_bytes:,}",
            f"{row.sent_bytes.get(RECORDS, 0):,}",
            f"{row.all_bytes / row.differing:,.0f}" if row.differing else "",
            f"{row.messages:,}",
            f"{row.took_ms / 1_000:,.1f}" if row.differing else "",
        )
    return table


def repair_as_json(rows: Sequence[Repaired]) -> list[dict[str, Any]]:
    """For programs, with the bytes by message."""
    return [
        {"keys": row.keys, "differing": row.differing, "bytes": row.all_bytes}
        | {"bytes_by_message": row.sent_bytes, "messages": row.messages, "took_ms": row.took_ms}
        for row in rows
    ]
