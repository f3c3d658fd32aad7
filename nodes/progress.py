"""How far something is: a bar for a line of text, and a line on a terminal that is written anew."""

from __future__ import annotations

import contextlib
import shutil
import sys

from nodes.output import Output
from nodes.terminal import printable

BAR_CELLS = 20


def bar(done: int, total: int) -> str:
    """A picture of the share that is done, and the share in percent, never more than there is."""
    share = min(done / total, 1.0) if total else 1.0
    filled = int(share * BAR_CELLS)
    return f"[{'#' * filled}{'-' * (BAR_CELLS - filled)}] {int(share * 100):>3} %"


class ProgressLine:
    """The last line of stderr, if that is a terminal and a person reads it; else nothing."""

    def __init__(self, output: Output) -> None:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = is_terminal and not output.as_json

    def show(self, text: str) -> None:
        """Put this in its place, as much of it as fits."""
        if self._shown:
            columns = shutil.get_terminal_size().columns
            self._write(printable(text)[: columns - 1])

    def clear(self) -> None:
        """Leave it empty."""
        if self._shown:
            self._write("")

    def _write(self, text: str) -> None:
        # Whether anybody sees it makes no difference to what is done.
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()
