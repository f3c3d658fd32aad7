"""Chunks that this node keeps and is not to keep any more, since the keepers are others now: they
stay until all of their owners have them, for they may be the only copies. What nothing refers to is
left to be collected.

A node that leaves hands over all that it has, before it goes: it sends it to the owners, and to
more than are needed if they lack it. Nobody counts on what it keeps from the moment on in which it
knows that it leaves (fileserver.py), but an upload may have done so before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from actors.actor import Address
from actors.file_desk import FileDesk
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.layout import majority
from actors.messages import ChunkKept, FilesHandedOver, KeepChunk, Message, Touch, Touched
from actors.placing import TOUCH_MS
from actors.throttle import Throttle

KEEP_MS = 10_000


@dataclass(slots=True, eq=False)
class _Look:
    """At a page of strays: who of their owners has each. `round` tells it from earlier looks."""

    round: int
    kept: dict[str, set[str]] = field(default_factory=dict)
    waits: int = 1


class Straying:
    """Of the file server whose `desk` it is. `strays` are those that were found; where it leaves,
    those that are not handed over yet."""

    def __init__(self, desk: FileDesk, keeping: Keeping, inquiry: Inquiry) -> None:
        self._desk = desk
        self._keeping = keeping
        self._inquiry = inquiry
        self._throttle = Throttle(desk.settings.repair_bytes_per_s)
        # What is still to be looked at: partitions, and the rest of one.
        self._partitions: list[int] = []
        self._ids: list[str] = []
        self._to_send: list[tuple[str, str]] = []
        self._sending = 0
        self._lacking: dict[str, int] = {}
        self._next_ms: int | None = None
        self._round = 0
        self._is_busy = False
        self._left_behind = 0
        self._is_handed_over = False
        self.strays = 0

    @property
    def wake_at(self) -> int | None:
        """When to go on: monotonic ms."""
        if self._is_busy or self._next_ms is None:
            return None
        if self._to_send:
            return max(self._next_ms, self._throttle.open_at_ms)
        return self._next_ms

    def on_keepers(self) -> None:
        """Begin anew. While a layout is joint the former owners keep what they have; one that
        leaves hands it over all the same."""
        self._round += 1
        self._is_busy = self._is_handed_over = False
        self._to_send, self._lacking = [], {}
        self._next_ms = None
        desk = self._desk
        if desk.epoch and (desk.is_leaving or not desk.placement.layout.next):
            self._begin()

    def _begin(self) -> None:
        desk = self._desk
        self._partitions = [p for p in self._keeping.partitions() if not desk.owns(p)]
        self._ids = []
        self._left_behind = 0
        self.strays = self._keeping.counts.chunks if desk.is_leaving else 0
        self._next_ms = desk.now.mono_ms + 1

    def due(self) -> None:
        """Send what is to be sent, or look at the next page."""
        desk = self._desk
        if self._is_busy or self._next_ms is None or desk.now.mono_ms < self._next_ms:
            return
        if self._to_send or self._sending:
            self._send()
            return
        page = self._next_page()
        if not page:
            self._end()
            return
        self._is_busy = True
        if desk.is_leaving:
            self._look(page, self._round)
        else:
            self._inquiry.ask(page, partial(self._found, self._round))

    def _next_page(self) -> list[str]:
        """No more than may be asked about at once: a partition may have to wait with its rest."""
        most, ids = self._desk.settings.sweep_chunks, self._ids
        while self._partitions and len(ids) < most:
            ids += self._keeping.of_partition(self._partitions.pop())
        self._ids = ids[most:]
        return ids[:most]

    def _end(self) -> None:
        """All was looked at. Where something had to stay, look again after a while."""
        desk = self._desk
        self._next_ms = None
        if self._left_behind:
            self._begin()
            pause_ms = desk.settings.retry_ms if desk.is_leaving else desk.settings.compare_ms
            self._next_ms = desk.now.mono_ms + pause_ms
        elif desk.is_leaving and not self._is_handed_over:
            self._is_handed_over = True
            desk.outbox.to("storage", FilesHandedOver())

    def _found(self, began: int, found: dict[str, bool | None], _epoch: int) -> None:
        if began != self._round:
            return
        needed = [id for id, is_referred in found.items() if is_referred]
        unsure = sum([is_referred is None for is_referred in found.values()])
        self._left_behind += unsure
        self.strays += unsure
        self._look(needed, began)

    def _look(self, ids: Sequence[str], began: int) -> None:
        """Ask the owners which of these they have."""
        desk = self._desk
        self.strays += 0 if desk.is_leaving else len(ids)
        look = _Look(began, {id: set() for id in ids})
        for owner, theirs in desk.by_owner(ids).items():
            if not desk.is_down(owner):
                look.waits += 1
                desk.errands.ask(
                    Address(owner, "fileserver"),
                    Touch(desk.epoch, tuple(theirs)),
                    partial(self._on_touched, look, owner, theirs),
                    desk.now,
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
        if look.waits or look.round != self._round:
            return
        for id, kept in look.kept.items():
            owners = desk.owners(id)
            if kept.issuperset(owners):
                self._keeping.drop([id])
                self.strays -= 1
            elif not desk.is_leaving:
                # They take it themselves.
                self._left_behind += 1
            else:
                lacking = [o for o in owners if o not in kept and not desk.is_down(o)]
                self._to_send += [(id, owner) for owner in lacking]
                is_enough = len(kept) >= majority(len(owners))
                if lacking:
                    self._lacking[id] = len(lacking)
                else:
                    self.strays -= is_enough
                self._left_behind += not is_enough
        self._is_busy = False
        self._next_ms = desk.now.mono_ms + 1

    # Handing over.

    def _send(self) -> None:
        """As much at a time as anything that is repaired."""
        desk = self._desk
        now_ms = desk.now.mono_ms
        while (
            self._to_send
            and self._sending < desk.settings.peer_credit
            and self._throttle.is_open(now_ms)
        ):
            id, owner = self._to_send.pop()
            data = self._keeping.read(id, checked=True)
            if data is None:
                continue
            self._throttle.take(len(data))
            self._sending += 1
            desk.errands.ask(
                Address(owner, "fileserver"),
                KeepChunk(id, data),
                partial(self._on_kept, id),
                desk.now,
                patience_ms=KEEP_MS,
            )
        self._next_ms = now_ms + (desk.settings.tick_ms if self._sending else 1)

    def _on_kept(self, id: str, answer: Message | None) -> None:
        self._sending -= 1
        if answer != ChunkKept("ok"):
            self._left_behind += 1
        elif id in self._lacking:
            self._lacking[id] -= 1
            if not self._lacking[id]:
                del self._lacking[id]
                self.strays -= 1
        if self._next_ms is not None:
            self._next_ms = self._desk.now.mono_ms + 1
