"""Marks records as expired once their time is over, so that they need not be looked at again and
become tombstones that can be collected: "absent" under the same stamp is the later version.
"""

from __future__ import annotations

from actors.actor import Now
from actors.disk import Disk
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.versions import Record


class Expiring:
    """By the wall clock of this node."""

    def __init__(self, disk: Disk, stage: Stage, settings: StorageSettings) -> None:
        self._disk = disk
        self._stage = stage
        self._settings = settings
        self._next_ms: int | None = None

    @property
    def wake_at(self) -> int | None:
        """When it is to look next: monotonic ms; None before the first look."""
        return self._next_ms

    def due(self, now: Now) -> None:
        """Mark what has expired, a bounded number at a time; at once again while there is more."""
        if self._next_ms is not None and now.mono_ms < self._next_ms:
            return
        settings = self._settings
        later_ms = now.mono_ms + settings.sweep_ms
        expired = self._disk.expired(now.wall_ms, settings.sweep_keys)
        is_more = len(expired) == settings.sweep_keys
        self._next_ms = now.mono_ms + 1 if is_more else later_ms
        if not expired:
            return
        self._stage.put([Record(r.key, "absent", b"", r.stamp, r.expires_ms) for r in expired])

        def then(ok: bool) -> None:
            if not ok:
                self._next_ms = later_ms

        self._stage.then(then)
