"""The part of the storage actor that looks after layouts: which there is, and which shall be next.

Gossip brings wishes; a majority of the members decides, by ballot; whoever hears of a later layout
keeps it on the disk before the node acts in it. The parts, in the order in which a layout comes
about: census, wishes and striking, proposer and acceptor, catching_up, moving. Before a node may
have a say in any of it, it says hello: greeting.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from actors.acceptor import Acceptor
from actors.actor import Envelope, Now
from actors.catching_up import CatchingUp
from actors.census import Census
from actors.greeting import Greeting
from actors.layout import Layout, Placement, fault
from actors.messages import (
    Accept,
    Accepted,
    AskLayout,
    Bounced,
    Hello,
    LayoutIs,
    MembersChanged,
    Prepare,
    Promised,
    Strike,
    SyncReport,
    Welcome,
)
from actors.moving import Moving
from actors.outbox import Outbox
from actors.proposer import Proposer
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.striking import Striking
from actors.wishes import Wish, Wishes

_SENT = (Prepare, Promised, Accept, Accepted, LayoutIs, AskLayout, Hello, Welcome, SyncReport)


class Steward:
    """Of node `here` in the life (`boot_count`, `boot_name`); `notes` are those on its disk.

    `placement` says who owns what in the layout that is on the disk; `is_welcome`: this node is one
    of its members, and may answer as one, for others know of its life. `adopted` is called after
    the commit that brought a later layout there.
    """

    def __init__(
        self,
        here: str,
        boot_count: int,
        boot_name: str,
        notes: dict[str, bytes],
        stage: Stage,
        outbox: Outbox,
        rng: Random,
        settings: StorageSettings,
        adopted: Callable[[Now], None],
    ) -> None:
        self._here = here
        self._adopted = adopted
        self._outbox = outbox
        self._census = census = Census(here)
        life = boot_count, boot_name
        self._greeting = Greeting(here, life, notes, stage, outbox, census, settings)
        self._acceptor = acceptor = Acceptor(
            here, notes, stage, outbox, self._greeting.is_welcome, self._begin_anew
        )
        self._striking = Striking(here, acceptor, stage, outbox, census)
        self._moving = Moving(here, notes, stage, outbox, census, self._touch)
        struck, lost = self._striking.struck, self._striking.lost
        self._wishes = Wishes(census, self._moving, struck, lost, settings)
        self._proposer = Proposer(
            here, acceptor, self._wish, census, stage, outbox, rng, settings, self._touch
        )
        self._catching_up = CatchingUp(here, acceptor, outbox, census, rng, settings)
        self._is_touched = True
        self._wake_at: int | None = None
        self._now_ms = 0
        self._begin()

    @property
    def layout(self) -> Layout:
        """The one that is on the disk; NO_LAYOUT before any is."""
        return self._acceptor.kept.layout

    @property
    def is_released(self) -> bool:
        """Is this node no member any more, and will the others get along without it?"""
        return self._catching_up.is_released

    @property
    def progress(self) -> dict[str, tuple[int, int]]:
        """In a joint layout: how many partitions each member is to get and has got, by its id."""
        return self._moving.progress

    @property
    def refused(self) -> str:
        """Why this node must give up, or empty."""
        return self._greeting.refused

    @property
    def wake_at(self) -> int | None:
        """When something is due: monotonic ms. At once, if something came about since the last turn
        in which it was asked what is due."""
        return self._now_ms if self._is_touched else self._wake_at

    def on(self, envelope: Envelope, now: Now) -> bool:
        """Take a message in, if it is one for the steward."""
        self._now_ms = now.mono_ms
        match envelope.message:
            case Prepare():
                self._acceptor.on_prepare(envelope, now)
            case Accept():
                self._acceptor.on_accept(envelope, now)
            case Promised():
                self._proposer.on_promised(envelope, now)
            case Accepted():
                self._proposer.on_accepted(envelope, now)
            case LayoutIs():
                self._catching_up.on_layout(envelope, now)
            case AskLayout():
                self._catching_up.on_ask(envelope)
            case Hello():
                self._greeting.on_hello(envelope, self.layout)
            case Welcome():
                self._greeting.on_welcome(envelope, self.layout)
                self.is_welcome = self._greeting.is_welcome(self.layout)
            case SyncReport(epoch):
                if self._catching_up.on_epoch(envelope, epoch):
                    self._moving.on_report(envelope)
            case Strike() | MembersChanged() if envelope.sender.node == self._here:
                self._on_gossiper(envelope, now)
            case Bounced(_, request):
                return isinstance(request, _SENT)
            case _:
                return False
        self._is_touched = True
        return True

    def due(self, now: Now) -> None:
        """Do what is due."""
        self._now_ms = now.mono_ms
        wake_at = self.wake_at
        if wake_at is None or now.mono_ms < wake_at:
            return
        self._is_touched = False
        self._greeting.due(self.layout, now)
        self._proposer.due(now)
        self._striking.due(now, is_blocked=self._wishes.is_blocked)
        self._moving.due(now)
        self._catching_up.due(now)
        parts = self._greeting, self._proposer, self._striking, self._moving, self._catching_up
        times = [part.wake_at for part in parts]
        self._wake_at = min((at_ms for at_ms in times if at_ms is not None), default=None)

    def found(self, layout: Layout, now: Now) -> None:
        """Begin with this layout, if there is none yet."""
        if not self._acceptor.vote.layout.epoch and layout.epoch == 1 and not fault(layout):
            self._acceptor.adopt(layout, now, tell=True)

    def report_sync(self, moving: int, moved: int) -> None:
        """In the joint layout on the disk this node has so many of the partitions it is to get."""
        self._moving.report(moving, moved)

    def may_leave(self) -> None:
        """No file needs what this node has: if it wishes to leave it may."""
        self._wishes.may_leave = True
        self._touch()

    def wants_bump(self, wanted: bool) -> None:
        """Tombstones wait for a later epoch, or no more."""
        if wanted != self._wishes.bump:
            self._wishes.bump = wanted
            self._touch()

    def _on_gossiper(self, envelope: Envelope, now: Now) -> None:
        match envelope.message:
            case MembersChanged(network, members):
                self._census.hear(network, members)
                self._wishes.may_leave &= self._census.is_leaving
                self._greeting.members_changed()
                self._moving.members_changed()
            case Strike():
                self._striking.on_strike(envelope, now, self.refused, self._wishes.missing)

    def _wish(self, now: Now) -> Wish | None:
        return self._wishes.wish(self.layout, now)

    def _touch(self) -> None:
        self._is_touched = True

    def _begin_anew(self, now: Now) -> None:
        """A later layout is on the disk."""
        self._now_ms = now.mono_ms
        self._begin()
        self._proposer.begin()
        self._wishes.begin()
        self._catching_up.begin()
        self._adopted(now)

    def _begin(self) -> None:
        self._touch()
        self.placement = Placement(self.layout)
        self._moving.begin(self.layout)
        self._greeting.begin(self.layout)
        self.is_welcome = self._greeting.is_welcome(self.layout)
