"""A frame: for which parts there is room, and how much of each is shown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from nodes.look import Look
from nodes.ring_picture import ROWS, block, legend
from nodes.top.parts import events, facts, health, keys, line, members, title
from nodes.top.seen import Seen

_LEAST_ROWS = 3
_MOST_KEYS = 3
_LEAST_EVENTS = 3


def frame(seen: Seen, now_s: float, columns: int, lines: int, look: Look) -> list[Text]:
    """What to show on a screen of this size: never more lines, and none longer."""
    head = [title(seen, now_s, columns, look, follows=True), health(seen, now_s, look)]
    room = lines - len(head)
    rows = members(seen, now_s, columns, max(_LEAST_ROWS, room // 3), look)
    told = facts(seen.status, look)[: max(2, room // 5)]
    changed = keys(seen, now_s, _MOST_KEYS if room > 15 else 0, look)
    left = room - _height([rows, told, changed])
    picture = _picture(seen, columns, left - 2 - _LEAST_EVENTS, look)
    left -= _height([picture])
    happened = events(seen, max(0, left - 2), look)
    return _fitted(_joined(head, [rows, told, picture, changed, happened])[:lines], columns)


def single_frame(seen: Seen, now_s: float, columns: int, look: Look) -> list[Text]:
    """All of what is known at a moment, in as many lines as that takes."""
    head = [title(seen, now_s, columns, look, follows=False), health(seen, now_s, look)]
    rows = members(seen, now_s, columns, None, look)
    picture = _picture(seen, columns, 2 * ROWS, look)
    return _fitted(_joined(head, [rows, facts(seen.status, look), picture]), columns)


def _picture(seen: Seen, columns: int, room: int, look: Look) -> list[Text]:
    """The ring, as high as there is room for, with what its marks mean, if there are any."""
    ring = seen.ring
    if ring is None:
        return []
    has_marks = bool(ring.moving or ring.under_replicated or ring.unavailable)
    rows = ROWS
    while rows + has_marks + 1 > room:
        rows //= 2
        if rows < 2:
            return []
    return [*block(ring, look, columns, rows), *([legend(ring)] if has_marks else [])]


def _height(parts: Sequence[Sequence[Text]]) -> int:
    """Of those that are not empty, each with an empty line before it."""
    return sum([len(part) + 1 for part in parts if part])


def _joined(head: list[Text], parts: Sequence[Sequence[Text]]) -> list[Text]:
    lines = list(head)
    for part in parts:
        if part:
            lines += [line(), *part]
    return lines


def _fitted(lines: list[Text], columns: int) -> list[Text]:
    for text in lines:
        text.truncate(columns)
    return lines
