"""A node's table of shared key-values with a disk, and entries for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from actors.actor import Now
from actors.digests import BUCKETS, Digests
from actors.gossip_settings import GossipSettings
from actors.messages import Share
from actors.shared import SharedEntry
from actors.shared_table import SharedTable
from actors.versions import Kind
from tests.actors.envelopes import WALL_MS, A, B

NOW = Now(1_000_000, WALL_MS)
ALL = range(BUCKETS)


class Node:
    """A table, its digests, and a disk that remembers at once."""

    def __init__(self, here: str = A, settings: GossipSettings | None = None) -> None:
        self.here = here
        self.settings = settings or GossipSettings()
        self.disk: dict[str, bytes] = {"members": b"[]"}
        self.restart()

    def restart(self) -> None:
        """Begin anew with what is on the disk."""
        self.digests = Digests()
        self.table = SharedTable(self.here, self.disk, self.digests, self.settings)

    def keep(self, entries: Iterable[SharedEntry]) -> None:
        """Write and hold."""
        entries = list(entries)
        self.disk.update(self.table.notes(entries))
        self.table.hold(entries)

    def share(self, key: str, value: str | None = "1", after_ms: int = 0) -> SharedEntry:
        """As a client asks for it; None takes the key back."""
        request = share(key, value)
        assert self.table.refusal(request) is None
        entry = self.table.stamp(request, later(after_ms))
        self.keep([entry])
        return entry

    def hear(self, *news: SharedEntry, after_ms: int = 0) -> tuple[str, ...]:
        """Hold what is later; why the rest was refused."""
        entries, reasons = self.table.later(news, later(after_ms))
        self.keep(entries)
        return reasons

    def pull_from(self, other: Node) -> None:
        """Ask for what is later there, in the buckets that differ."""
        buckets = self.digests.differing(other.digests.buckets())
        assert self.hear(*other.table.later_than(self.table.in_buckets(buckets), buckets)) == ()

    def values(self, prefix: str = "") -> dict[str, bytes]:
        """What a client reads, page by page."""
        found: dict[str, bytes] = {}
        cursor = ""
        while True:
            page = self.table.page(prefix, cursor)
            found |= zip(page.keys, page.values, strict=True)
            cursor = page.cursor
            if not cursor:
                return found


def later(duration_ms: int) -> Now:
    """So much later, by both clocks."""
    return Now(NOW.mono_ms + duration_ms, NOW.wall_ms + duration_ms)


def share(key: str, value: str | None) -> Share:
    """What a client asks for."""
    if value is None:
        return Share(key, "absent", b"", 10_000)
    return Share(key, "json", value.encode(), 10_000)


def entry(
    key: str = "k", value: str | None = "1", *, ms: int = 0, count: int = 0, node: str = B
) -> SharedEntry:
    """Shared at node B, so long after now by the wall clock; None is a deletion."""
    kind: Kind = "absent" if value is None else "json"
    return SharedEntry(key, kind, (value or "").encode(), WALL_MS + ms, count, node)


def limited(**limits: int) -> Node:
    """A node with other limits."""
    return Node(settings=replace(GossipSettings(), **limits))  # type: ignore[arg-type]
