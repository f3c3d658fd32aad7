"""How far a transfer is: a bar with the rate and the time that is left, on stderr, if that is a
terminal and a person reads it; else nothing.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nodes.output import Output
from nodes.terminal import printable

if TYPE_CHECKING:
    from nodes.transfers import Progress


@contextlib.contextmanager
def transfer_progress(output: Output, name: str) -> Iterator[Progress | None]:
    """What is to be told of the progress of the file `name`; nothing of it is left at the end."""
    if output.as_json or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    # Slow to import, and of use on a terminal alone.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None)

        def told(done_bytes: int, size_bytes: int | None) -> None:
            bar.update(task, completed=done_bytes, total=size_bytes)

        yield told
