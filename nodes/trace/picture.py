"""A trace's tree for a person, as wide as the terminal is, and for a program, a dict a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

from actors.actor import CLIENT
from nodes.terminal import colour_of, printable
from nodes.trace.tree import Line, Tree

LEAST_TEXT = 30
"""Characters a line's text has at least; beyond that, what is nested deeper is drawn no deeper."""


LEAST_COLUMN = 6


def render(tree: Tree) -> RenderableType:
    """What `rich` prints as the tree: a line for each of its lines, cut to no width but wrapped."""
    return _Picture(tree)


def to_json_lines(tree: Tree) -> Iterator[dict[str, Any]]:
    """The lines as dicts of JSON data, times in milliseconds; then the notes, of kind "note".

    What is not known (a hop whose clocks differ) or makes no sense (a client's turn) is null.
    """
    for line in tree.lines:
        yield {
            "kind": line.kind,
            "depth": line.depth,
            "at_ms": _rounded(line.at_us),
            "hop_ms": _rounded(line.hop_us),
            "spent_ms": _rounded(line.spent_us),
            "estimate": line.is_estimate,
            "node": line.node,
            "actor": line.actor,
            "message": line.message,
            "keys": line.keys,
            "codes": dict(line.codes),
            "remarks": list(line.remarks),
            "problem": line.problem,
            "span": line.span,
            "cause": line.cause,
        }
    for note in tree.notes:
        yield {"kind": "note", "note": note}


@dataclass(frozen=True, slots=True)
class _Guides:
    """What a tree is drawn with: a branch, the last branch, beside a branch, under the last one."""

    branch: str
    last: str
    beside: str
    under: str = "  "


_LINES = _Guides("├╴", "└╴", "│ ")
_ASCII = _Guides("|-", "`-", "| ")


class _Picture:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tree = self._tree
        rows = [(_ms(x.at_us), _hop(x), _ms(x.spent_us)) for x in tree.lines]
        heads = ("at ms", "hop", "spent")
        widths = [max(LEAST_COLUMN, *map(len, cells)) for cells in zip(heads, *rows, strict=True)]
        guides = _ASCII if options.ascii_only else _LINES
        space = options.max_width - sum(widths) - len(widths) - 1
        deepest = max(1, (space - LEAST_TEXT) // 2)
        yield _text(_columns(heads, widths), "dim").append(f"trace {printable(tree.trace)}", "bold")
        for row, line, (first, rest) in zip(
            rows, tree.lines, _drawn(tree.lines, guides, deepest), strict=True
        ):
            text = _describe(line)
            for i, part in enumerate(text.wrap(console, max(LEAST_TEXT, space - len(first)))):
                columns = _columns(row if i == 0 else ("", "", ""), widths)
                part.rstrip()
                guide = first if i == 0 else rest
                yield _text(columns).append(guide, "dim").append_text(part)
        for note in tree.notes:
            yield Text(printable(note), style="dim")


def _text(text: str, style: str = "") -> Text:
    """A text whose first part has a style that what is appended does not inherit."""
    return Text(no_wrap=True, overflow="ignore").append(text, style)


def _columns(cells: tuple[str, ...], widths: list[int]) -> str:
    return "".join(f"{cell:>{width}} " for cell, width in zip(cells, widths, strict=True)) + " "


def _drawn(lines: tuple[Line, ...], guides: _Guides, deepest: int) -> list[tuple[str, str]]:
    """For each line what is drawn before it, and before what of it is wrapped."""
    drawn: list[tuple[str, str]] = []
    follows: set[int] = set()  # depths at which another line of the same parent comes below
    below = 0
    for line in reversed(lines):
        depth = min(line.depth, deepest)
        follows = {d for d in follows if d <= depth}
        above = "".join(guides.beside if d in follows else guides.under for d in range(1, depth))
        own = (guides.branch if depth in follows else guides.last) if depth else ""
        own_rest = (guides.beside if depth in follows else guides.under) if depth else ""
        has_children = below > depth
        rest = above + own_rest + (guides.beside if has_children else guides.under)
        drawn.append((above + own, rest))
        follows.add(depth)
        below = depth
    return drawn[::-1]


def _describe(line: Line) -> Text:
    """Who, what, how many, how it went; then what is remarkable."""
    text = Text()
    if line.node == CLIENT and not line.actor:
        text.append(CLIENT, "bold")
    else:
        text.append(printable(line.node), Style(color=f"color({colour_of(line.node)})"))
        text.append(f"/{printable(line.actor)}" if line.actor else "")
    match line.kind:
        case "sync":
            text.append(" disk sync", "bold")
        case "passed":
            text.append(" passes on ").append(printable(line.message), "bold")
        case _ if line.message:
            text.append(" ").append(printable(line.message), "bold")
        case _ if line.kind != "missing" or line.node != CLIENT:
            text.append(" a request" if line.node == CLIENT else " a message", "bold")
    if line.codes:
        well = set(line.codes) <= {"ok"}
        text.append(" ").append(_codes(line.codes), "green" if well else "yellow")
    elif line.keys is not None and line.kind != "passed":
        text.append(f" {line.keys:,} {'key' if line.keys == 1 else 'keys'}")
    for remark in line.remarks:
        text.append(f", {printable(remark)}", "dim")
    if line.problem:
        text.append(f": {printable(line.problem)}", "red" if line.kind == "missing" else "yellow")
    return text


def _codes(codes: Mapping[str, int]) -> str:
    return ", ".join(
        printable(code) if number == 1 else f"{printable(code)} ×{number:,}"
        for code, number in codes.items()
    )


def _hop(line: Line) -> str:
    if line.hop_us is None:
        return ""
    return f"~{_ms(line.hop_us)}" if line.is_estimate else _ms(line.hop_us)


def _ms(us: int | None) -> str:
    return "" if us is None else f"{us / 1000:.3f}"


def _rounded(us: int | None) -> float | None:
    return None if us is None else round(us / 1000, 3)
