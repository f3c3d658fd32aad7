"""How far something is: a bar, and one line of a terminal, of which nothing is left in a pipe."""

from __future__ import annotations

from io import StringIO

import pytest

from nodes.output import Output
from nodes.progress import ProgressLine, bar


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [
        (0, 10, "[--------------------]   0 %"),
        (1, 3, "[######--------------]  33 %"),
        (999, 1_000, "[###################-]  99 %"),
        (10, 10, "[####################] 100 %"),
        (11, 10, "[####################] 100 %"),
        (0, 0, "[####################] 100 %"),
    ],
)
def test_a_bar_is_full_only_at_the_end(done: int, total: int, shown: str) -> None:
    """What is not quite done is not rounded up; where there is nothing to do all is done."""
    assert bar(done, total) == shown


class Terminal(StringIO):
    """What was written to a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def written(monkeypatch: pytest.MonkeyPatch, stderr: StringIO | None, *, as_json: bool) -> str:
    """What a progress line leaves on this stderr."""
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setattr("sys.stderr", stderr)
    output = Output()
    output.as_json = as_json
    line = ProgressLine(output)
    line.show("half\x1b[2J of it")
    line.clear()
    return "" if stderr is None else stderr.getvalue()


def test_on_a_terminal_the_line_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as fits, nothing that could steer the terminal, and at the end it is empty."""
    shown = written(monkeypatch, Terminal(), as_json=False)
    assert shown == "\rhalf\\x1b[\x1b[K\r\x1b[K"


def test_elsewhere_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to a pipe, not between JSON, and not where there is no stderr."""
    assert written(monkeypatch, StringIO(), as_json=False) == ""
    assert written(monkeypatch, Terminal(), as_json=True) == ""
    assert written(monkeypatch, None, as_json=False) == ""
