"""What the gossiper has remembered on the disk, one write at a time: what it is asked to keep
meanwhile goes into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from actors.layout import Layout
from actors.messages import Remember
from actors.outbox import Outbox

Note = tuple[str, bytes]
Then = Callable[[str], None]
"""Called with "ok" once it is on the disk, or an error's code if it is not."""


class Memory:
    """Over the storage actor of this node."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._notes: list[Callable[[], Iterable[Note]]] = []
        self._then: list[Then] = []
        self._number = 0
        self._founding: Layout | None = None
        self._kept: list[Then] = []

    @property
    def is_busy(self) -> bool:
        """Is something on its way to the disk, or waiting for it?"""
        return bool(self._number or self._then)

    def keep(
        self, notes: Callable[[], Iterable[Note]], then: Then, founding: Layout | None = None
    ) -> None:
        """Keep these, then tell. They are asked for when they are written: what they depend on may
        change while they wait. `founding` is the first layout of a network that begins so."""
        self._founding = founding or self._founding
        self._notes.append(notes)
        self._then.append(then)

    def flush(self) -> None:
        """At the end of a turn: write what is waiting, unless a write is under way."""
        if self._then and not self._number:
            notes = tuple([note for make in self._notes for note in make()])
            founding, self._founding = self._founding, None
            self._number = self._outbox.to("storage", Remember(notes, founding))
            self._kept, self._then, self._notes = self._then, [], []

    def on_remembered(self, number: int, code: str) -> None:
        """Storage answers."""
        if number == self._number:
            kept, self._kept, self._number = self._kept, [], 0
            for then in kept:
                then(code)
