"""The hash trees of the partitions that this replica owns: made once in the background, a few keys
a turn, and from then on kept equal to what is on the disk by what each commit changed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from hashlib import sha1

from actors.actor import Now
from actors.disk import Disk
from actors.merkle import (
    GROUP_PARTITIONS,
    LEAVES,
    empty_digests,
    entry_hash,
    group_digest,
    grouped,
    place_of,
    root_of,
)
from actors.stage import Change
from actors.storage_settings import StorageSettings
from actors.versions import NOTHING

PAGE_COST_KEYS = 10
"""To begin a page takes the disk about as long as so many keys."""
NOTHING_COST_KEYS = 2
"""And to find that there are none, as in most partitions of a small network."""

NO_LEAVES = (0,) * LEAVES


class _Making:
    """The one tree that is half made. `counted` has the SHA-1 of each key that is in the leaves, or
    need not be any more: what changes meanwhile is counted at once, wherever the walk has got to,
    and the walk then leaves it out. So it need not be known in which order the disk walks."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.after = ""
        self.leaves = array("Q", NO_LEAVES)
        self.counted: set[bytes] = set()


class Trees:
    """Only partitions with entries take memory: 512 bytes each, and a root if it was asked for."""

    def __init__(self, disk: Disk, settings: StorageSettings) -> None:
        self._disk = disk
        self._settings = settings
        self._unmade: dict[int, None] = {}
        self._making: _Making | None = None
        self._made: dict[int, array[int] | None] = {}
        self._roots: dict[int, int] = {}
        self._next_ms = 0

    @property
    def is_ready(self) -> bool:
        """Is there a tree of every own partition?"""
        return not self._unmade and self._making is None

    @property
    def wake_at(self) -> int | None:
        """When the next keys are to be looked at: monotonic ms."""
        return None if self.is_ready else self._next_ms

    def own(self, partitions: Iterable[int]) -> None:
        """These are the own ones from now on; what is made of them stays."""
        own = sorted(set(partitions))
        made, making = self._made, self._making
        self._made = {p: made[p] for p in own if p in made}
        self._roots = {p: self._roots[p] for p in own if p in self._roots}
        if making is not None and making.partition not in own:
            self._making = making = None
        half = making.partition if making else None
        self._unmade = dict.fromkeys([p for p in own if p not in made and p != half])

    def due(self, now: Now) -> None:
        """Go on making trees, if it is time."""
        if self.is_ready or now.mono_ms < self._next_ms:
            return
        self._next_ms = now.mono_ms + self._settings.tree_pause_ms
        left = self._settings.tree_keys
        while left > 0 and not self.is_ready:
            looked_at = self._look_at(left)
            left -= looked_at + PAGE_COST_KEYS if looked_at else NOTHING_COST_KEYS

    def apply(self, changes: Sequence[Change]) -> None:
        """The disk has changed by this."""
        half = self._making.partition if self._making else None
        for key, old, new in changes:
            partition, leaf, mark = place_of(key)
            if partition == half:
                assert self._making is not None
                before = NOTHING if _is_new(self._making.counted, key) else old
                self._making.leaves[leaf] ^= entry_hash(mark, before) ^ entry_hash(mark, new)
            elif partition in self._made:
                leaves = self._made[partition]
                if leaves is None:
                    leaves = self._made[partition] = array("Q", NO_LEAVES)
                leaves[leaf] ^= entry_hash(mark, old) ^ entry_hash(mark, new)
                self._roots.pop(partition, None)
                if new == NOTHING and not any(leaves):
                    self._made[partition] = None

    def root(self, partition: int) -> int:
        """The root of a partition's tree; zero without entries, and of one that is not made."""
        root = self._roots.get(partition)
        if root is None:
            leaves = self._made.get(partition)
            if leaves is None:
                return 0
            root = self._roots[partition] = root_of(leaves)
        return root

    def leaves(self, partition: int) -> tuple[int, ...]:
        """The leaves of a partition's tree, all zero without entries."""
        leaves = self._made.get(partition)
        return NO_LEAVES if leaves is None else tuple(leaves)

    def groups(self, partitions: Iterable[int]) -> tuple[str, ...]:
        """The digests of all groups, over these partitions alone, which are in order."""
        partitions = tuple(partitions)
        filled = {p // GROUP_PARTITIONS for p, leaves in self._made.items() if leaves is not None}
        digests = list(empty_digests(partitions))
        for group, inside in enumerate(grouped(partitions)):
            if group in filled:
                digests[group] = group_digest([(p, self.root(p)) for p in inside])
        return tuple(digests)

    def _look_at(self, limit: int) -> int:
        """Count the next keys of the partition under way; how many were looked at."""
        making = self._making
        if making is None:
            partition = next(iter(self._unmade))
            del self._unmade[partition]
            entries = self._disk.entries(partition, "", limit)
            if not entries:
                self._made[partition] = None
                return 0
            self._making = making = _Making(partition)
        else:
            entries = self._disk.entries(making.partition, making.after, limit)
        for key, version in entries:
            if _is_new(making.counted, key):
                _, leaf, mark = place_of(key)
                making.leaves[leaf] ^= entry_hash(mark, version)
        if len(entries) < limit:
            self._made[making.partition] = making.leaves if any(making.leaves) else None
            self._making = None
        else:
            making.after = entries[-1][0]
        return len(entries)


def _is_new(counted: set[bytes], key: str) -> bool:
    """Note that the key is counted; was it not before?"""
    digest = sha1(key.encode(), usedforsecurity=False).digest()
    before = len(counted)
    counted.add(digest)
    return len(counted) > before
