"""How far the data has moved in a joint layout: what each new owner has got, by its own word.

A node's word that it has all is on its disk before it is given: it is counted on ever after.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from actors import ring
from actors.actor import Envelope, Now
from actors.census import Census
from actors.layout import NO_LAYOUT, Layout, Placement, Sets, majority
from actors.messages import SyncReport
from actors.outbox import Outbox
from actors.stage import Stage

REPEAT_MS = 1_000
CHANGE_MS = 100
MEMBER_MS = 10
"""A report is repeated so often, and changes are reported no more often than that; neither more
often than this for each member that is told."""

Moves = tuple[Sets, ...]
"""The preference lists of the partitions that move, each once; the new owners' is the last."""


class Judgement(NamedTuple):
    """Of a joint layout. `enough`: of each partition that moves a majority of the new owners has
    got it; `complete`: all have that are not down; `hopeless`: so many are down that no majority of
    the new owners of some partition is there; `is_stuck`: it is not enough, and of some partition
    too many owners are down, old or new, for it to become so."""

    enough: bool
    complete: bool
    hopeless: bool
    is_stuck: bool


def moves_in(layout: Layout) -> Moves:
    """What moves in a joint layout."""
    return tuple([sets for sets in Placement(layout).kinds_of_sets() if len(sets) > 1])


class Moving:
    """`progress` is (moving, moved) of each member that has reported in the present layout. `touch`
    is called where something came about that is to be looked at."""

    def __init__(
        self,
        here: str,
        notes: dict[str, bytes],
        stage: Stage,
        outbox: Outbox,
        census: Census,
        touch: Callable[[], None],
    ) -> None:
        self._here = here
        self._stage = stage
        self._outbox = outbox
        self._census = census
        self._touch = touch
        self._synced: tuple[int, int] = (0, 0)
        if notes.get("synced"):
            epoch, moving = json.loads(notes["synced"])
            self._synced = epoch, moving
        self._layout = NO_LAYOUT
        self._members: tuple[str, ...] = ()
        self._moves: Moves = ()
        self._movers: tuple[str, ...] = ()
        self._judgement: Judgement | None = None
        self._unmarked: int | None = None
        self._is_marking = False
        self._mark_ms: int | None = None
        self._told: tuple[int, int] | None = None
        self._told_ms: int | None = None
        self.progress: dict[str, tuple[int, int]] = {}

    @property
    def wake_at(self) -> int | None:
        """When to report again, or to try the disk again: monotonic ms."""
        times = [at_ms for at_ms in (self._report_ms(), self._mark_ms) if at_ms is not None]
        return min(times, default=None)

    def begin(self, layout: Layout) -> None:
        """This is the layout on the disk."""
        self._layout = layout
        self._members = layout.members
        self._moves = moves_in(layout) if layout.next else ()
        movers = {owner for sets in self._moves for owner in sets[-1]}
        self._movers = tuple(sorted(movers))
        self._judgement = None
        self._unmarked = self._mark_ms = None
        self._told = self._told_ms = None
        self.progress = {}
        epoch, moving = self._synced
        if layout.next and epoch == layout.epoch:
            self.progress[self._here] = moving, moving

    def members_changed(self) -> None:
        """Others are down, or back."""
        self._judgement = None

    def report(self, moving: int, moved: int) -> None:
        """So far has this node itself got."""
        is_new_owner = self._here in self._layout.next
        if not is_new_owner or self._unmarked is not None or self._has_all(self._here):
            return
        if moved >= moving:
            self._unmarked = moving
            self._mark(moving)
        elif self.progress.get(self._here) != (moving, moved):
            self.progress[self._here] = moving, moved
        else:
            return
        self._touch()

    def on_report(self, envelope: Envelope) -> None:
        """So far has another got, in this layout. That it has all is never taken back."""
        report, sender = envelope.message, envelope.sender.node
        assert isinstance(report, SyncReport)
        if report.epoch != self._layout.epoch:
            return
        if (
            sender not in self._layout.next
            or not 0 <= report.moved <= report.moving <= ring.PARTITIONS
        ):
            self._outbox.drop("a report that cannot be")
        elif not self._has_all(sender):
            self.progress[sender] = report.moving, report.moved
            if self._has_all(sender):
                self._judgement = None

    def judge(self) -> Judgement:
        """How it stands with the joint layout."""
        if self._judgement is None:
            enough = all(
                sum(map(self._has_all, sets[-1])) >= majority(len(sets[-1])) for sets in self._moves
            )
            complete = enough and all(
                self._has_all(owner) or self._census.is_down(owner) for owner in self._movers
            )
            hopeless = not all(self._has_quorum(sets[-1], ()) for sets in self._moves)
            is_stuck = not enough and bool(self.missing(self._layout))
            self._judgement = Judgement(enough, complete, hopeless, is_stuck)
        return self._judgement

    def missing(self, layout: Layout) -> tuple[str, ...]:
        """In this joint layout: those that are down of the owners, old or new, that too many are
        down of for data to move. In the order of their ids; none where it can."""
        lost = layout.lost
        lists = [owners for sets in moves_in(layout) for owners in sets]
        lacking = {owner for list_ in lists if not self._has_quorum(list_, lost) for owner in list_}
        return tuple(sorted([m for m in lacking.difference(lost) if self._census.is_down(m)]))

    def due(self, now: Now) -> None:
        """Report; and where the disk was full, try it again."""
        if self._unmarked is not None and not self._is_marking:
            if self._mark_ms is None:
                self._mark_ms = now.mono_ms + REPEAT_MS
            elif now.mono_ms >= self._mark_ms:
                self._mark_ms = None
                self._mark(self._unmarked)
        report_ms = self._report_ms()
        if report_ms is None or now.mono_ms < report_ms:
            return
        self._told, self._told_ms = self.progress[self._here], now.mono_ms
        report = SyncReport(self._layout.epoch, *self._told)
        for member in self._members:
            if member != self._here:
                self._outbox.tell(member, report)

    def _report_ms(self) -> int | None:
        own = self.progress.get(self._here)
        if own is None or len(self._members) < 2:
            return None
        if self._told_ms is None:
            return 0
        pause_ms = REPEAT_MS if own == self._told else CHANGE_MS
        return self._told_ms + max(pause_ms, MEMBER_MS * len(self._members))

    def _mark(self, moving: int) -> None:
        epoch = self._layout.epoch

        def then(ok: bool) -> None:
            self._is_marking = False
            self._touch()
            if ok:
                self._synced = epoch, moving
            if ok and epoch == self._layout.epoch:
                self._unmarked = self._judgement = None
                self.progress[self._here] = moving, moving

        self._is_marking = True
        self._stage.note("synced", json.dumps([epoch, moving]).encode())
        self._stage.then(then)

    def _has_quorum(self, owners: tuple[str, ...], lost: tuple[str, ...]) -> bool:
        down = sum([owner in lost or self._census.is_down(owner) for owner in owners])
        return len(owners) - down >= majority(len(owners))

    def _has_all(self, member: str) -> bool:
        moving, moved = self.progress.get(member, (0, -1))
        return moving == moved
