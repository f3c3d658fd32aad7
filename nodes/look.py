"""Lines with styles, and how much of those a terminal can show: colours, and more than ASCII."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.text import Text

from nodes.terminal import printable, wants_colours


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal can show: colours, and characters beyond ASCII."""

    colours: bool
    unicode: bool

    def text(self, text: str) -> str:
        """`text` as it may be shown there: never what could steer the terminal."""
        shown = printable(text)
        return shown if self.unicode else shown.encode("ascii", "backslashreplace").decode("ascii")


def look_of(stream: TextIO) -> Look:
    """What may be shown on this stream."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return Look(wants_colours(stream), encoding.startswith("utf"))


def rendered(lines: Iterable[Text], look: Look, columns: int) -> str:
    """The lines as they are written to stdout, with colours if it shows them."""
    console = Console(
        width=columns,
        force_terminal=look.colours,
        no_color=not look.colours,
        color_system="256" if look.colours else None,
        highlight=False,
    )
    with console.capture() as capture:
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop", crop=True)
    return capture.get().removesuffix("\n")
