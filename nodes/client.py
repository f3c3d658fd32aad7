"""Client: for programs that wait. An AsyncClient on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar

from actors.errors import GossamerError
from actors.membership import Member
from actors.messages import Level
from nodes.async_client import MISSING, AsyncClient
from nodes.entries import PAGE_KEYS, Entry, Exact, SharedValue
from nodes.file_methods import FileMethods
from nodes.keys import Dial
from nodes.member_list import MemberList
from nodes.ring_view import Ring
from nodes.status import Explanation, Status
from nodes.watching import KeyChange, MemberChange, MembersSeen

LOOK_S = 0.5
"""Python does not wake a thread for a signal that came just before it began to wait: so it wakes by
itself now and then, and Ctrl-C is never lost."""

T = TypeVar("T")


class Client(FileMethods):
    """Arguments and methods as AsyncClient's. Many threads may use one Client at once."""

    _client: AsyncClient

    def __init__(
        self,
        *endpoints: str,
        timeout: float = 5.0,
        secret: str | Path | tuple[Dial, ...] | None = None,
        trace_id: str = "",
    ) -> None:
        self.timeout = timeout
        self._client = AsyncClient(*endpoints, timeout=timeout, secret=secret, trace_id=trace_id)
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="gossamer-client", daemon=True
        )
        self._thread.start()

    def get(self, key: str, default: Any = MISSING, *, r: Level = "quorum") -> Any:
        """As AsyncClient.get."""
        return self._wait(self._client.get(key, default, r=r))

    def put(
        self, key: str, value: Any, *, w: Level = "quorum", ttl: float | str | None = None
    ) -> str:
        """As AsyncClient.put."""
        return self._wait(self._client.put(key, value, w=w, ttl=ttl))

    def put_entry(
        self, key: str, value: Any, *, w: Level = "quorum", ttl: float | str | None = None
    ) -> Entry:
        """As AsyncClient.put_entry."""
        return self._wait(self._client.put_entry(key, value, w=w, ttl=ttl))

    def delete(self, key: str, *, w: Level = "quorum") -> None:
        """As AsyncClient.delete."""
        self._wait(self._client.delete(key, w=w))

    def get_many(self, keys: Iterable[str], *, r: Level = "quorum") -> dict[str, Any]:
        """As AsyncClient.get_many."""
        return self._wait(self._client.get_many(keys, r=r))

    def put_many(
        self,
        values: Mapping[str, Any],
        *,
        w: Level = "quorum",
        ttl: float | str | None = None,
    ) -> dict[str, str]:
        """As AsyncClient.put_many."""
        return self._wait(self._client.put_many(values, w=w, ttl=ttl))

    def entry(self, key: str, *, r: Level = "quorum") -> Entry:
        """As AsyncClient.entry."""
        return self._wait(self._client.entry(key, r=r))

    def list(self, prefix: str = "") -> Iterator[str]:
        """As AsyncClient.list, an iterator that fetches page after page."""
        cursor: str | None = ""
        while cursor is not None:
            keys, cursor = self.page(prefix, cursor)
            yield from keys

    def page(
        self, prefix: str = "", cursor: str = "", *, limit: int = PAGE_KEYS
    ) -> tuple[tuple[str, ...], str | None]:
        """As AsyncClient.page."""
        return self._wait(self._client.page(prefix, cursor, limit=limit))

    def share(self, key: str, value: Any) -> str:
        """As AsyncClient.share."""
        return self._wait(self._client.share(key, value))

    def unshare(self, key: str) -> None:
        """As AsyncClient.unshare."""
        self._wait(self._client.unshare(key))

    def shared(self, prefix: str = "") -> dict[str, Any]:
        """As AsyncClient.shared."""
        return self._wait(self._client.shared(prefix))

    def shared_entries(self, prefix: str = "") -> tuple[SharedValue, ...]:
        """As AsyncClient.shared_entries."""
        return self._wait(self._client.shared_entries(prefix))

    def members(self) -> MemberList:
        """As AsyncClient.members."""
        return self._wait(self._client.members())

    def members_since(self, digest: str | None = None) -> tuple[MemberList, str]:
        """As AsyncClient.members_since."""
        return self._wait(self._client.members_since(digest))

    def watch_members(self) -> Iterator[MemberChange]:
        """As AsyncClient.watch_members, an iterator that waits; it may be left at any time."""
        seen = MembersSeen()
        digest: str | None = None
        while True:
            members, digest = self.members_since(digest)
            yield from seen.news(members)

    def watch(self, prefix: str = "") -> Iterator[KeyChange]:
        """As AsyncClient.watch, an iterator that waits; it may be left at any time."""
        cursor = ""
        while True:
            changes, cursor = self.changes_since(prefix, cursor)
            yield from changes

    def changes_since(
        self, prefix: str = "", cursor: str = "", *, wait: bool = True
    ) -> tuple[tuple[KeyChange, ...], str]:
        """As AsyncClient.changes_since."""
        return self._wait(self._client.changes_since(prefix, cursor, wait=wait))

    def status(self) -> Status:
        """As AsyncClient.status."""
        return self._wait(self._client.status())

    def explain(self, key: str) -> Explanation:
        """As AsyncClient.explain."""
        return self._wait(self._client.explain(key))

    def ring(self) -> Ring:
        """As AsyncClient.ring."""
        return self._wait(self._client.ring())

    def export_page(self, cursor: str = "") -> tuple[tuple[Exact, ...], str | None]:
        """As AsyncClient.export_page."""
        return self._wait(self._client.export_page(cursor))

    def leave(self, node: str | None = None) -> Member:
        """As AsyncClient.leave."""
        return self._wait(self._client.leave(node))

    def forget(self, node: str, accept_loss: bool = False) -> Member:
        """As AsyncClient.forget."""
        return self._wait(self._client.forget(node, accept_loss))

    def deny(self, key: str) -> None:
        """As AsyncClient.deny."""
        self._wait(self._client.deny(key))

    def allow(self, key: str) -> None:
        """As AsyncClient.allow."""
        self._wait(self._client.allow(key))

    def denied(self) -> tuple[str, ...]:
        """As AsyncClient.denied."""
        return self._wait(self._client.denied())

    def run(self, use: Callable[[AsyncClient], Coroutine[Any, Any, T]]) -> T:
        """What comes of a use of the AsyncClient inside, for what is to go on side by side."""
        return self._wait(use(self._client))

    def close(self) -> None:
        """As AsyncClient.close; then the thread ends. Whoever waits in another thread is told."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            ended = self._begin(self._end())
        _outcome(ended)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def _end(self) -> None:
        """Close, and let every call that is under way find out: the loop must not stop before."""
        await self._client.close()
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*calls, return_exceptions=True)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._closed:
                coroutine.close()
                raise GossamerError("the client was closed")
            done = self._begin(coroutine)
        return _outcome(done)

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> SimpleQueue[asyncio.Task[T]]:
        """Where its task will be, once it is done.

        Not a Future of concurrent.futures: Ctrl-C may leave the lock of that taken for ever, by who
        waits for it, and then the event loop waits too.
        """
        done: SimpleQueue[asyncio.Task[T]] = SimpleQueue()

        def end(task: asyncio.Task[T]) -> None:
            if not task.cancelled():
                # It counts as looked at: where Ctrl-C ended the wait nobody will.
                task.exception()
            done.put(task)

        def begin() -> None:
            self._loop.create_task(coroutine).add_done_callback(end)

        self._loop.call_soon_threadsafe(begin)
        return done


def _outcome(done: SimpleQueue[asyncio.Task[T]]) -> T:
    """Wait for it. Raises what the task has raised."""
    while True:
        try:
            task = done.get(timeout=LOOK_S)
        except Empty:
            continue
        return task.result()
