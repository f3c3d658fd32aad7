"""Chunks that nothing refers to are collected, each node its own; but none that an upload counts
on.

A chunk is suspected when it has come, when something that referred to it is gone, and when the
scrub comes by. It is dropped when a grace has passed since, and every node has said that it has
neither a manifest nor a list that names it. Whoever counts on a chunk touches it: then it is
suspected no more.

That the clocks of nodes and the time that messages take are of no account is due to epochs. An
upload that touched the chunk before it was suspected, in an epoch of no more than `since`, writes
its manifest in one of no more than `since` + 1, or not at all (filing.py); and a storage in a later
epoch takes no Store of an earlier one. So all are asked in an epoch of `since` + 2 or later: then a
"no" holds for ever. They are asked twice in it: a list on its way from one node to another, which
drops it then, may be missed once, but not twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from actors.chunks import is_list_id
from actors.file_desk import FileDesk
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.messages import Released, WantEpoch

EPOCHS = 2


@dataclass(slots=True)
class Suspect:
    """A chunk that may go: suspected in the epoch `since`, to be asked about at `due_ms`. `told_in`
    is the epoch in which all have said already that nothing refers to it."""

    since: int
    due_ms: int
    told_in: int = 0


class Sweeping:
    """Of the file server whose `desk` it is."""

    def __init__(self, desk: FileDesk, keeping: Keeping, inquiry: Inquiry) -> None:
        self._desk = desk
        self._keeping = keeping
        self._inquiry = inquiry
        # In the order in which their grace ends, as all have the same.
        self._fresh: dict[str, Suspect] = {}
        self._due: dict[str, Suspect] = {}
        self._asking: dict[str, None] = {}
        self._is_asking = False
        self._next_ms = 0
        self._wants_epoch = False
        self.collected = 0

    @property
    def wake_at(self) -> int | None:
        """When to look at suspects: monotonic ms."""
        if self._is_asking:
            return None
        if self._due:
            return self._next_ms
        first = next(iter(self._fresh.values()), None)
        return None if first is None else max(first.due_ms, self._next_ms)

    def suspect(self, chunks: Sequence[str]) -> None:
        """Are these needed? As many as can be remembered; the scrub comes by again."""
        desk, settings = self._desk, self._desk.settings
        due_ms = desk.now.mono_ms + settings.grace_ms
        room = settings.max_suspects - len(self._fresh) - len(self._due)
        for id in chunks:
            if room > 0 and id not in self._fresh and id not in self._due:
                self._fresh[id] = Suspect(desk.epoch, due_ms)
                room -= 1

    def touch(self, chunks: Sequence[str], checked: bool = False) -> list[bool]:
        """Somebody counts on these: of each, is it kept? They are suspected anew from now on."""
        if checked:
            kept = [self._keeping.read(id, checked=True) is not None for id in chunks]
        else:
            kept = self._keeping.has(chunks)
        present = [id for id, is_kept in zip(chunks, kept, strict=True) if is_kept]
        for id in present:
            self._fresh.pop(id, None)
            self._due.pop(id, None)
            self._asking.pop(id, None)
        self.suspect(present)
        return kept

    def on_released(self, chunks: Sequence[str], *, is_own: bool) -> None:
        """What referred to these is gone; from the own storage, for all who keep them."""
        self.suspect([id for id, has in zip(chunks, self._keeping.has(chunks), strict=True) if has])
        if is_own:
            self._tell_owners(chunks)

    def _tell_owners(self, chunks: Sequence[str]) -> None:
        for owner, ids in self._desk.by_owner(chunks).items():
            if owner != self._desk.node:
                self._desk.outbox.tell(owner, Released(tuple(ids)))

    def on_layout(self) -> None:
        """The epoch is higher: some may be asked about again."""
        self._tell_wish()
        if self._due:
            self._next_ms = min(self._next_ms, self._desk.now.mono_ms + 1)

    def due(self) -> None:
        """Ask about those whose grace is over."""
        now_ms = self._desk.now.mono_ms
        if self._is_asking or now_ms < self._next_ms or not (self._fresh or self._due):
            return
        while self._fresh:
            id = next(iter(self._fresh))
            if now_ms < self._fresh[id].due_ms:
                break
            self._due[id] = self._fresh.pop(id)
        self._next_ms = now_ms + self._desk.settings.sweep_ms
        some = self._next_due()
        if some:
            self._is_asking = True
            self._asking = dict.fromkeys(some)
            self._inquiry.ask(some, self._found)

    def _next_due(self) -> list[str]:
        """As many as are asked about at once, but for those that wait for an epoch."""
        epoch = self._desk.epoch
        ready = (id for id, s in self._due.items() if not s.told_in or epoch >= s.since + EPOCHS)
        return list(islice(ready, self._desk.settings.sweep_chunks))

    def _found(self, found: dict[str, bool | None], epoch: int) -> None:
        """What is referred to is suspected no more; what is not goes, or waits for its epoch."""
        self._is_asking = False
        asked, self._asking = self._asking, {}
        gone: list[str] = []
        for id in asked:  # but for those that were touched meanwhile
            suspect = self._due.pop(id)
            is_referred = found[id]
            if is_referred is False and suspect.told_in == epoch >= suspect.since + EPOCHS:
                gone.append(id)
            elif not is_referred:
                if is_referred is False:
                    suspect.told_in = epoch
                self._due[id] = suspect  # behind the others
        self._drop(gone)
        self._tell_wish()

    def _drop(self, ids: list[str]) -> None:
        lists = filter(is_list_id, ids)
        named = [id for list_id in lists for id in self._keeping.named_by(list_id)]
        self._keeping.drop(ids)
        self.collected += len(ids)
        for start in range(0, len(named), self._desk.settings.sweep_chunks):
            some = named[start : start + self._desk.settings.sweep_chunks]
            self.on_released(some, is_own=True)

    def _tell_wish(self) -> None:
        """Storage raises the epoch for those that wait for it."""
        desk = self._desk
        wants = any(s.told_in and desk.epoch < s.since + EPOCHS for s in self._due.values())
        if wants != self._wants_epoch:
            self._wants_epoch = wants
            desk.outbox.to("storage", WantEpoch(wants))
