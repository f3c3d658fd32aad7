"""What a network has, looked up by names in their order, as a restore goes through its backup: page
after page, and past what nobody asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from nodes.side_by_side import persistently

T = TypeVar("T")


class Sorted(Generic[T]):
    """Given a page of what follows a cursor, as AsyncClient.export_page and files_page do. A page
    is asked for again until `timeout_s` has passed."""

    def __init__(
        self,
        page: Callable[[str], Awaitable[tuple[tuple[T, ...], str | None]]],
        name_of: Callable[[T], str],
        timeout_s: float,
    ) -> None:
        self._page = page
        self._name_of = name_of
        self._timeout_s = timeout_s
        self._items: deque[T] = deque()
        self._cursor: str | None = ""

    async def find(self, name: str) -> T | None:
        """The one of this name, which is not below any that was asked for before."""
        while True:
            while self._items and self._name_of(self._items[0]) < name:
                self._items.popleft()
            if self._items:
                return self._items[0] if self._name_of(self._items[0]) == name else None
            if self._cursor is None:
                return None
            cursor = max(self._cursor, just_below(name))
            items, self._cursor = await persistently(partial(self._page, cursor), self._timeout_s)
            self._items.extend(items)


def just_below(name: str) -> str:
    """A text below the name, and above all others that are below it but for odd ones."""
    head, last = name[:-1], ord(name[-1])
    if last == 0:
        return head
    before = last - 1 if last != 0xE000 else 0xD7FF
    return f"{head}{chr(before)}\U0010ffff"
