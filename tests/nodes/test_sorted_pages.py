"""What a restore asks of a network: pages in step with its own list, and no more than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import KeyNotFound, Unavailable
from nodes.side_by_side import persistently, side_by_side
from nodes.sorted_pages import Sorted, just_below

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


class Pages:
    """A network that has these names, and gives two at a time."""

    def __init__(self, names: set[str]) -> None:
        self.names = sorted(names)
        self.asked: list[str] = []

    async def page(self, cursor: str) -> tuple[tuple[str, ...], str | None]:
        """As AsyncClient.export_page."""
        self.asked.append(cursor)
        after = [name for name in self.names if name > cursor]
        return tuple(after[:2]), after[1] if len(after) > 2 else None


async def found(pages: Pages, wanted: list[str]) -> list[str]:
    """Those of the wanted that are there."""
    there = Sorted(pages.page, str, 1)
    return [name for name in wanted if await there.find(name) is not None]


@given(st.sets(KEYS), st.sets(KEYS))
def test_exactly_those_are_found_that_are_there(names: set[str], others: set[str]) -> None:
    """Whatever the names are, and whether or not others are there."""
    wanted = sorted(names | others)
    assert asyncio.run(found(Pages(names), wanted)) == sorted(names)


def test_what_nobody_asks_for_is_passed_by() -> None:
    """Three names of ten thousand take no more than three pages."""
    pages = Pages({f"{n:05d}" for n in range(10_000)})
    wanted = ["00100", "05000", "09000"]
    assert asyncio.run(found(pages, wanted)) == wanted
    assert len(pages.asked) == 3


@given(KEYS, KEYS)
def test_what_is_just_below_a_name_is_below_it(name: str, other: str) -> None:
    """And above what is shorter by more than a character."""
    below = just_below(name)
    assert below < name
    below.encode()
    if other < name and not other.startswith(name[:-1]):
        assert other <= below


async def _numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


def test_results_come_in_order_and_only_so_many_are_under_way() -> None:
    """Though of each three the later ones are done first."""
    under_way, most = 0, 0
    done: list[asyncio.Event] = []

    async def use(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if number % 3 < 2:
            await done[number + 1].wait()
        done[number].set()
        under_way -= 1
        return number

    async def run() -> list[int]:
        done[:] = [asyncio.Event() for _ in range(9)]
        return [result async for result in side_by_side(_numbers(9), use, 3)]

    assert asyncio.run(run()) == [*range(9)]
    assert most == 3


def test_the_first_error_ends_the_others() -> None:
    """What was under way is, and what follows does not begin."""
    ended: list[int] = []

    async def use(number: int) -> int:
        if number == 1:
            raise KeyNotFound("no")
        try:
            await asyncio.Event().wait() if number > 1 else None
        finally:
            ended.append(number)
        return number

    async def run() -> None:
        async with aclosing(side_by_side(_numbers(10), use, 3)) as results:
            async for _ in results:
                pass

    with pytest.raises(KeyNotFound):
        asyncio.run(run())
    assert ended == [0, 2]


def test_what_will_pass_is_asked_again_and_what_will_not_is_raised() -> None:
    """Until the time is over."""
    answers: list[Exception | int] = [Unavailable("one"), Unavailable("two"), 3]

    async def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert asyncio.run(persistently(ask, 60)) == 3
    answers[:] = [KeyNotFound("none"), 3]
    with pytest.raises(KeyNotFound):
        asyncio.run(persistently(ask, 60))
    answers[:] = [Unavailable("one"), 3]
    with pytest.raises(Unavailable):
        asyncio.run(persistently(ask, 0))
