"""The scrub: all chunks are read, one after the other and slowly, so that what has become rotten or
is not there any more is found while other copies are still right; and of each it is asked whether
it is still needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from actors.file_desk import FileDesk
from actors.keeping import Keeping
from actors.throttle import Throttle


class Scrubbing:
    """Of the file server whose `desk` it is. `suspect` takes the ids of what was read; `lost` is
    called where something is not there any more that was."""

    def __init__(
        self,
        desk: FileDesk,
        keeping: Keeping,
        suspect: Callable[[Sequence[str]], None],
        lost: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._keeping = keeping
        self._suspect = suspect
        self._lost = lost
        self._throttle = Throttle(desk.settings.scrub_bytes_per_s)
        self._partitions: list[int] | None = None
        self._left: list[str] = []
        self._next_ms: int | None = None
        self.scrubbed = 0

    @property
    def wake_at(self) -> int | None:
        """When to read the next chunk: monotonic ms."""
        return self._next_ms

    def begin(self) -> None:
        """The node serves: begin, if that was not done."""
        if self._next_ms is None and self._desk.settings.scrub_bytes_per_s:
            self._next_ms = self._desk.now.mono_ms + self._desk.settings.scrub_pause_ms

    def due(self) -> None:
        """Read a chunk."""
        now_ms = self._desk.now.mono_ms
        if self._next_ms is None or now_ms < self._next_ms:
            return
        if not self._throttle.is_open(now_ms):
            self._next_ms = self._throttle.open_at_ms
            return
        if self._partitions is None:
            self._partitions = self._keeping.partitions()[::-1]
        while not self._left and self._partitions:
            partition = self._partitions.pop()
            if not self._keeping.is_as_known(partition):
                self._lost()
            self._left = self._keeping.of_partition(partition)[::-1]
        if not self._left:
            self._partitions = None
            self._next_ms = now_ms + self._desk.settings.scrub_pause_ms
            return
        id = self._left.pop()
        data = self._keeping.read(id, checked=True)
        self.scrubbed += 1
        if data is not None:
            self._throttle.take(len(data))
            self._suspect([id])
        self._next_ms = max(now_ms + 1, self._throttle.open_at_ms)
