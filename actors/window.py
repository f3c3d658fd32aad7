"""Which numbers of a sender were seen before: exact within a window, and refused below it."""

from __future__ import annotations

SIZE = 1024
MAX_SENDERS = 10_000


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
