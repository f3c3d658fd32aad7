"""Keys and shared values to the byte, as the network keeps them: what a backup reads through an
AsyncClient, and a restore writes.
"""

from __future__ import annotations

from actors.messages import Export, Exported, ListShared, Share, Shared, SharedListed
from nodes.batches import Batches
from nodes.calls import Calls
from nodes.clocks import now
from nodes.entries import PAGE_KEYS, Exact
from nodes.values import check_key


class AsyncExactMethods:
    """For AsyncClient. What is written in one tick leaves in one message. All raise GossamerError
    and what derives from it."""

    _calls: Calls
    _batches: Batches

    async def export_page(self, cursor: str = "") -> tuple[tuple[Exact, ...], str | None]:
        """Some keys of the network with all that is to be known of each, in the order of their
        UTF-8, and the cursor for the next ones, or None if these are the last. The first page has
        the cursor "". It takes the key of an admin."""
        request = Export(cursor, PAGE_KEYS, self._calls.timeout_ms)
        page = await self._calls.request(request, Exported)
        columns = (page.keys, page.kinds, page.values, page.versions, page.expiries)
        return tuple(map(Exact, *columns)), page.cursor or None

    async def shared_page(self, cursor: str = "") -> tuple[tuple[Exact, ...], str | None]:
        """As `export_page`, of shared values, none of which expires. It takes no admin's key."""
        page = await self._calls.request(ListShared("", cursor), SharedListed)
        columns = (page.keys, page.kinds, page.values, page.versions)
        return tuple(map(Exact, *columns, [0] * len(page.keys))), page.cursor or None

    async def put_exact(self, record: Exact) -> str:
        """Store a key as it was exported, for what is left of its time, if it expires; its new
        version."""
        left_ms = max(1, record.expires_ms - now().wall_ms) if record.expires_ms else 0
        key = check_key(record.key)
        stored = self._batches.write(key, record.kind, record.data, "quorum", left_ms)
        return (await stored)[0]

    async def share_exact(self, record: Exact) -> str:
        """Share a value as it was exported; its new version."""
        key, timeout_ms = check_key(record.key), self._calls.timeout_ms
        request = Share(key, record.kind, record.data, timeout_ms)
        return (await self._calls.request(request, Shared)).version
