"""How often top asks, of a client that counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest

from actors.errors import Refused, TimedOut, Unreachable
from actors.membership import Member
from nodes.async_client import AsyncClient
from nodes.ring_view import Ring
from nodes.status import Status
from nodes.top import asking
from nodes.top.asking import Asking
from nodes.top.seen import Seen
from nodes.watching import KeyChange
from tests.cli.tops import member, ring, status
from tests.networks import DEADLINE_S


class CountingClient:
    """Answers what it is told to, at once; who watches waits for ever."""

    def __init__(self) -> None:
        self.asked = dict.fromkeys(("members", "keys", "status", "ring"), 0)
        self.epoch = 1
        self.fails: Exception | None = None
        self.hangs: frozenset[str] = frozenset()

    async def members_since(self, digest: str | None) -> tuple[tuple[Member, ...], str]:
        """As AsyncClient's."""
        await self._count("members")
        if digest is not None:
            await asyncio.Event().wait()
        return (member(1),), "digest"

    async def changes_since(
        self, prefix: str, cursor: str, *, wait: bool
    ) -> tuple[tuple[KeyChange, ...], str]:
        """As AsyncClient's."""
        await self._count("keys")
        if cursor and wait:
            await asyncio.Event().wait()
        return (KeyChange("a", "v", "put"),), "cursor"

    async def status(self) -> Status:
        """As AsyncClient's."""
        await self._count("status")
        return status(epoch=self.epoch)

    async def ring(self) -> Ring:
        """As AsyncClient's."""
        await self._count("ring")
        return ring(1)

    async def _count(self, question: str) -> None:
        self.asked[question] += 1
        if question in self.hangs:
            await asyncio.Event().wait()
        if self.fails is not None:
            raise self.fails


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is a hundredth of one."""
    for name in ("STATUS_S", "QUIET_S", "TRY_EVERY_S", "KEYS_S"):
        monkeypatch.setattr(asking, name, getattr(asking, name) / 100)


async def until(holds: Callable[[], object]) -> None:
    """Let others go on until it holds."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            tick = loop.create_future()
            loop.call_later(0.001, tick.set_result, None)
            await tick


def _either(one: Callable[[], object], other: Callable[[], object]) -> bool:
    return bool(one() or other())


async def while_asking(
    client: CountingClient, seen: Seen, *steps: tuple[Callable[[], object], Callable[[], object]]
) -> None:
    """Let it ask; take each step once what it waits for holds."""
    begun = Asking(cast(AsyncClient, client), seen, asyncio.Event()).go_on()
    task = asyncio.create_task(begun)
    for holds, step in steps:
        await until(partial(_either, task.done, holds))
        step()
    if task.done():
        await task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_while_nothing_changes_little_is_asked() -> None:
    """The ring once; the status not at every second; who watches waits."""
    seen = Seen(time.time())

    async def use() -> tuple[dict[str, int], float]:
        client, began_s = CountingClient(), time.monotonic()
        await while_asking(client, seen, (lambda: client.asked["status"] >= 10, lambda: None))
        return client.asked, time.monotonic() - began_s

    asked, took_s = asyncio.run(use())
    assert (asked["members"], asked["ring"], asked["status"]) == (2, 1, 10)
    assert asked["keys"] == 2
    # From one a second to one in four: 1 + 1.5 + 2.25 + 3.375 + 5 times 4.
    assert took_s > 28 / 100 * 0.9


def test_the_ring_is_asked_for_when_it_may_be_another() -> None:
    """With another epoch, say."""
    seen = Seen(time.time())

    async def use() -> dict[str, int]:
        client = CountingClient()

        def change() -> None:
            client.epoch = 2

        await while_asking(
            client,
            seen,
            (lambda: client.asked["status"] >= 3, change),
            (lambda: client.asked["ring"] >= 2, lambda: None),
        )
        return client.asked

    assert asyncio.run(use())["ring"] == 2
    assert [event.text for event in seen.events] == ["layout 2 is decided"]


@pytest.mark.parametrize("error", [Unreachable("nobody answers"), TimedOut("no answer")])
def test_it_goes_on_trying(error: Exception) -> None:
    """And tells when there are answers again."""
    seen = Seen(time.time())

    async def use() -> None:
        client = CountingClient()
        client.fails = error

        def mend() -> None:
            assert set(seen.troubles) == {"members", "keys", "status"}
            client.fails = None

        await while_asking(
            client,
            seen,
            (lambda: min(client.asked[q] for q in ("members", "keys", "status")) >= 3, mend),
            (lambda: not seen.troubles, lambda: None),
        )

    asyncio.run(use())
    assert [event.text for event in seen.events] == [
        f"no answer: {error}",
        "there are answers again",
    ]


def test_a_question_that_is_not_answered_holds_up_no_other() -> None:
    """Members and keys are seen while the status hangs."""
    seen = Seen(time.time())

    async def use() -> None:
        client = CountingClient()
        client.hangs = frozenset({"status"})
        await while_asking(client, seen, (lambda: seen.members and seen.keys, lambda: None))

    asyncio.run(use())
    assert seen.status is None


def test_what_trying_again_does_not_mend_ends_it() -> None:
    """A key that may not ask, say."""

    async def use() -> None:
        client = CountingClient()
        client.fails = Refused("not allowed")
        await while_asking(client, Seen(time.time()), (lambda: False, lambda: None))

    with pytest.raises(Refused, match="not allowed"):
        asyncio.run(use())
