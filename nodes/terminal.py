"""What a person reads in a terminal: text that cannot pretend to be something else, and a colour
that a node keeps.

Keys, names and reasons come from strangers. Shown as they are they could begin a new line, or move
the cursor, or turn the text around; here they only ever show what they are.
"""

from __future__ import annotations

import os
import zlib
from typing import TextIO

PALETTE = (39, 208, 76, 170, 220, 44, 204, 105, 148, 36, 214, 135, 117, 70, 211, 181)
"""Colours of the 256-colour set that are legible on dark and on light, red left to errors. Sixteen,
so that names which differ in their last digit alone never share one."""

STATE_COLOURS = {
    "alive": "green",
    "suspect": "yellow",
    "dead": "red",
    "stopped": "blue",
    "leaving": "yellow",
    "left": "blue",
}
"""The colours of the states of members."""


def colour_of(node: str) -> int:
    """The colour of a node's name, out of 256: the same on every machine and in every run."""
    return PALETTE[zlib.crc32(node.encode("utf-8", "surrogatepass")) % len(PALETTE)]


def printable(text: str) -> str:
    """`text` with everything that is not plainly visible escaped (`\\n`, `\\x1b`, `\\u202e`)."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def wants_colours(stream: TextIO) -> bool:
    """Colours for a terminal; NO_COLOR takes them away, FORCE_COLOR asks for them in a pipe too."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return not stream.closed and stream.isatty() and os.environ.get("TERM") != "dumb"
