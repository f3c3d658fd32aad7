"""What a replica holds of partitions that it owns no more: it is dropped, or else it could come
back when the partition is given back to it, although the key was deleted meanwhile.
"""

from __future__ import annotations

from actors import ring
from actors.actor import Now
from actors.disk import Disk
from actors.layout import Placement
from actors.stage import Stage
from actors.storage_settings import StorageSettings


class Shedding:
    """Of the replica `here`. It begins `shed_ms` after a layout is stable, for the new owners may
    still lack something, and looks through all partitions once."""

    def __init__(self, here: str, disk: Disk, stage: Stage, settings: StorageSettings) -> None:
        self._here = here
        self._disk = disk
        self._stage = stage
        self._settings = settings
        self._foreign: list[int] = []
        self._after = ""
        self._next_ms: int | None = None
        self._members: tuple[str, ...] = ()

    @property
    def wake_at(self) -> int | None:
        """When to drop something: monotonic ms."""
        return self._next_ms

    def on_layout(self, placement: Placement, now: Now) -> None:
        """While a layout is joint the old owners keep what they have; and while there is one that
        was given up, everybody does: what was moving when it was may be nowhere else. Where only
        the epoch is another than before, it goes on."""
        is_stable = not (placement.layout.next or placement.layout.lost)
        before, self._members = self._members, placement.layout.base if is_stable else ()
        if is_stable and before == self._members:
            return
        self._foreign, self._next_ms, self._after = [], None, ""
        if is_stable:
            own = set(placement.owned_by(self._here))
            self._foreign = [p for p in range(ring.PARTITIONS) if p not in own]
            if self._foreign:
                self._next_ms = now.mono_ms + self._settings.shed_ms

    def due(self, now: Now) -> None:
        """Drop a page."""
        if self._next_ms is None or now.mono_ms < self._next_ms:
            return
        left, begun_at = self._settings.sweep_keys, (list(self._foreign), self._after)
        while self._foreign and left > 0:
            entries = self._disk.entries(self._foreign[-1], self._after, left)
            self._stage.drop(entries)
            left -= max(1, len(entries))
            if entries:
                self._after = entries[-1][0]
            else:
                self._foreign.pop()
                self._after = ""
        self._next_ms = now.mono_ms + self._settings.tree_pause_ms if self._foreign else None

        def then(ok: bool) -> None:
            if not ok:
                # Nothing was dropped: the disk is full.
                self._foreign, self._after = begun_at
                self._next_ms = now.mono_ms + self._settings.shed_ms

        self._stage.then(then)
