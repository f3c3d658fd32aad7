"""Rows for a person, in columns: with titles on a terminal, and with colours where they are wanted.

The cells have to be printable already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from nodes.output import Output
from nodes.terminal import wants_colours

Colour = int | str
Colours = Callable[[Sequence[str]], Sequence[Colour | None]]
"""Of a row, the colour of each of its cells."""


def print_table(
    output: Output,
    titles: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    colours: Colours | None = None,
) -> None:
    """A line each, the columns as wide as they need to be."""
    heads = [titles] if sys.stdout.isatty() else []
    lines = [*heads, *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    coloured = wants_colours(sys.stdout)
    for number, line in enumerate(lines):
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        cells[-1] = line[-1]
        if coloured and number < len(heads):
            cells = [click.style(cell, dim=True) for cell in cells]
        elif coloured and colours is not None:
            pairs = zip(cells, colours(line), strict=True)
            cells = [click.style(cell, fg=fg) if fg is not None else cell for cell, fg in pairs]
        output.text("  ".join(cells))
