"""Chunks that this node keeps and does not own, since the layout is another now: they stay until
all of their owners have them, for they may be the only copies. A node that leaves waits with its
going until no file needs anything that only it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from actors import ring
from actors.actor import Address
from actors.file_desk import FileDesk
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.messages import FilesHandedOver, Message, Touch, Touched
from actors.placing import TOUCH_MS


@dataclass(slots=True, eq=False)
class _Look:
    """At a page of strays: who of their owners has each."""

    chunks: list[str]
    epoch: int
    kept: dict[str, set[str]] = field(default_factory=dict)
    waits: int = 1


class Straying:
    """Of the file server whose `desk` it is. `suspect` takes what nothing refers to."""

    def __init__(self, desk: FileDesk, keeping: Keeping, inquiry: Inquiry) -> None:
        self._desk = desk
        self._keeping = keeping
        self._inquiry = inquiry
        self._partitions: list[int] = []
        self._next_ms: int | None = None
        self._is_busy = False
        self._left_behind = 0
        self._told_epoch = 0
        self.strays = 0

    @property
    def wake_at(self) -> int | None:
        """When to look at the next page: monotonic ms."""
        return None if self._is_busy else self._next_ms

    def on_layout(self) -> None:
        """Begin anew. While a layout is joint the former owners keep what they have."""
        self._partitions = []
        self._next_ms = None
        if self._desk.epoch and not self._desk.placement.layout.next:
            self._begin()

    def _begin(self) -> None:
        desk = self._desk
        placement = desk.placement
        self._partitions = [
            p for p in range(ring.PARTITIONS) if desk.node not in placement.new_owners(p)
        ]
        self._left_behind = self.strays = 0
        self._next_ms = desk.now.mono_ms + 1

    def due(self) -> None:
        """Look at a page."""
        desk = self._desk
        if self._is_busy or self._next_ms is None or desk.now.mono_ms < self._next_ms:
            return
        page: list[str] = []
        while self._partitions and len(page) < desk.settings.sweep_chunks:
            page += self._keeping.of_partition(self._partitions.pop())
        if page:
            self._is_busy = True
            self._inquiry.ask(page, partial(self._found, desk.epoch))
        else:
            self._end()

    def _end(self) -> None:
        """All was looked at. Where something had to stay, look again after a while."""
        desk = self._desk
        is_gone = desk.node not in desk.placement.layout.members
        if is_gone and not self._left_behind and self._told_epoch != desk.epoch:
            self._told_epoch = desk.epoch
            desk.outbox.to("storage", FilesHandedOver(desk.epoch))
        self._next_ms = None
        if self._left_behind:
            self._begin()
            pause_ms = desk.settings.retry_ms if is_gone else desk.settings.compare_ms
            self._next_ms = desk.now.mono_ms + pause_ms

    def _found(self, began: int, found: dict[str, bool | None], epoch: int) -> None:
        """What nothing refers to is left to be collected, or to be lost with a node that leaves."""
        needed = [id for id, is_referred in found.items() if is_referred]
        unsure = [id for id, is_referred in found.items() if is_referred is None]
        self._left_behind += len(unsure)
        self.strays += len(needed) + len(unsure)
        if began != self._desk.epoch or not needed:
            self._go_on()
            return
        look = _Look(needed, epoch, {id: set() for id in needed})
        asked: dict[str, list[str]] = {}
        for id in needed:
            for owner in self._desk.owners(id):
                asked.setdefault(owner, []).append(id)
        for owner, ids in asked.items():
            if not self._desk.is_down(owner):
                look.waits += 1
                self._desk.errands.ask(
                    Address(owner, "fileserver"),
                    Touch(epoch, tuple(ids)),
                    partial(self._on_touched, look, owner, ids),
                    self._desk.now,
                    patience_ms=TOUCH_MS,
                )
        self._answered(look)

    def _on_touched(
        self, look: _Look, owner: str, ids: Sequence[str], answer: Message | None
    ) -> None:
        if isinstance(answer, Touched) and len(answer.kept) == len(ids):
            for id, is_kept in zip(ids, answer.kept, strict=True):
                if is_kept:
                    look.kept[id].add(owner)
        self._answered(look)

    def _answered(self, look: _Look) -> None:
        desk = self._desk
        look.waits -= 1
        if look.waits:
            return
        if look.epoch == desk.epoch:
            is_gone = desk.node not in desk.placement.layout.members
            for id, kept in look.kept.items():
                owners = desk.owners(id)
                if kept.issuperset(owners):
                    self._keeping.drop([id])
                    self.strays -= 1
                elif not is_gone or len(kept) < desk.needed(owners):
                    self._left_behind += 1
        self._go_on()

    def _go_on(self) -> None:
        self._is_busy = False
        if self._next_ms is not None:
            self._next_ms = self._desk.now.mono_ms + 1
