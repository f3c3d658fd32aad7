"""Whether nodes answer this gateway, for its log: said once when none does any more, and once when
one does again, though nobody asks the gateway anything meanwhile.

Who answers may still have to refuse, as where too few owners of a key are there: requests that fail
so are counted, and told in summaries.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

from actors.errors import ERRORS, GossamerError, error_for
from nodes.clocks import monotonic_ms
from nodes.logs import Log
from nodes.tally import Tally
from nodes.web.access import Access
from nodes.web.answers import cause_of

AGAIN_S = 1.0
"""So long after nobody has answered it is tried again."""
SERVER_ERROR = 500

LOST = frozenset(
    {"unreachable", "timed_out", "not_ready", "stopping", "unavailable", "not_allowed"}
)
"""With these nobody does anything for the gateway's own key; who has too much to do is there."""


class Outages:
    """Of the gateway whose clients these are. Belongs to one event loop."""

    def __init__(self, access: Access, log: Log) -> None:
        self._access = access
        self._log = log
        self._failed = Tally(log.events, "requests_failed")
        # Why nobody answers, as far as it was said; since when.
        self._said: set[str] = set()
        self._lost_ms = 0

    def failed(self, error: GossamerError) -> None:
        """A request could not be answered with anything better. What is wrong with the request
        itself is no news."""
        cause = cause_of(error)
        kind = ERRORS.get(cause.code, ERRORS["failed"])
        if kind.http_status >= SERVER_ERROR:
            self._failed.add(cause.code, monotonic_ms(), detail=str(cause))

    async def watch(self) -> NoReturn:
        """Ask for the members, again and again, as the gateway itself: the answer comes when these
        have changed, or after a quarter of the time-out."""
        digest: str | None = None
        try:
            while True:
                try:
                    members, digest = await self._access.own.members_since(digest)
                except GossamerError as error:
                    digest = None
                    await self._on_failure(error)
                    await asyncio.sleep(AGAIN_S)
                else:
                    if members.waiting:
                        await self._on_failure(error_for("not_ready", members.waiting))
                    else:
                        self._on_answer()
                self._failed.summarise(monotonic_ms())
        finally:
            self._failed.summarise(monotonic_ms(), at_once=True)

    async def _on_failure(self, error: GossamerError) -> None:
        if error.code not in LOST:
            return
        if not self._said:
            self._lost_ms = monotonic_ms()
        if error.code not in self._said:
            self._said.add(error.code)
            self._log.events.warning("nodes_lost", code=error.code, reason=str(error))
        await self._access.look_again_for_own()

    def _on_answer(self) -> None:
        if self._said:
            self._said.clear()
            after_s = round((monotonic_ms() - self._lost_ms) / 1_000, 1)
            self._log.events.info("nodes_back", after_s=after_s)
