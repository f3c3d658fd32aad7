"""Which numbers of a sender were seen before, exact within a window and refused below it; and
which are missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SIZE = 1024
MAX_SENDERS = 10_000
MAX_SENDERS_WITH_GAPS = 1_000
MAX_HOLES = 100


class Window:
    """The numbers seen of one sender. One that is `SIZE` below the highest counts as seen."""

    __slots__ = ("_highest", "_seen")

    def __init__(self) -> None:
        self._highest = 0
        self._seen = 0

    def first_time(self, number: int) -> bool:
        """Note the number; False if it was seen before, or is too old to tell."""
        ahead = number - self._highest
        if ahead > 0:
            self._seen = ((self._seen << min(ahead, SIZE)) | 1) & ((1 << SIZE) - 1)
            self._highest = number
            return True
        if -ahead >= SIZE or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


class Windows:
    """A window for each sender, the least recently heard forgotten past `MAX_SENDERS`."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[object, Window] = {}

    def first_time(self, sender: object, number: int) -> bool:
        """As Window.first_time, for this sender."""
        window = self._windows.pop(sender, None) or Window()
        self._windows[sender] = window
        if len(self._windows) > MAX_SENDERS:
            del self._windows[next(iter(self._windows))]
        return window.first_time(number)


class Hole(NamedTuple):
    """Numbers that are missing, both ends included, and until when they are waited for."""

    first: int
    last: int
    due_ms: int

    def without(self, number: int) -> Iterator[Hole]:
        """What is still missing when this number has come."""
        if not self.first <= number <= self.last:
            yield self
            return
        if self.first < number:
            yield Hole(self.first, number - 1, self.due_ms)
        if number < self.last:
            yield Hole(number + 1, self.last, self.due_ms)


class Gaps:
    """What is missing of each sender (in each of its lives) below the highest number heard, and
    above the first. Beyond `MAX_SENDERS_WITH_GAPS` the least recently heard are forgotten."""

    __slots__ = ("_highest", "_holes", "_patience_ms")

    def __init__(self, patience_ms: int) -> None:
        self._patience_ms = patience_ms
        self._highest: dict[tuple[str, str], int] = {}
        # Of those senders of whom something is missing; each list is in order, of both the numbers
        # and the times.
        self._holes: dict[tuple[str, str], list[Hole]] = {}

    def note(self, sender: str, life: str, number: int, now_ms: int) -> None:
        """This number was heard for the first time."""
        key = sender, life
        highest = self._highest.pop(key, number)
        self._highest[key] = max(highest, number)
        if len(self._highest) > MAX_SENDERS_WITH_GAPS:
            silent = next(iter(self._highest))
            del self._highest[silent]
            self._holes.pop(silent, None)
        holes = self._holes.pop(key, [])
        if number > highest + 1:
            holes.append(Hole(highest + 1, number - 1, now_ms + self._patience_ms))
        elif number < highest:
            holes = [part for hole in holes for part in hole.without(number)]
        if len(holes) > MAX_HOLES:
            # At worst a gap is reported that was filled.
            holes[:2] = [Hole(holes[0].first, holes[1].last, holes[0].due_ms)]
        if holes:
            self._holes[key] = holes

    def overdue(self, now_ms: int) -> str:
        """A sender of whom something was waited for in vain, or empty. All that is missing of it
        counts as known from now on."""
        late = (key for key, holes in self._holes.items() if holes[0].due_ms <= now_ms)
        sender, _ = next(late, ("", ""))
        if sender:
            self._holes = {key: holes for key, holes in self._holes.items() if key[0] != sender}
        return sender

    @property
    def due_ms(self) -> int | None:
        """When `overdue` next has something."""
        return min((holes[0].due_ms for holes in self._holes.values()), default=None)
