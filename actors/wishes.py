"""Which layout should be the next, as this node sees it. It is only a wish: a majority decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from actors.actor import Now
from actors.census import Census
from actors.layout import MAX_MEMBERS, Layout, aborted, bumped, given_up, joint, settled
from actors.membership import UP
from actors.moving import Moving
from actors.storage_settings import StorageSettings


class Wish(NamedTuple):
    """What is to be proposed, and from when on (monotonic ms). `is_own`: others do not know why."""

    proposal: Layout
    at_ms: int
    is_own: bool = False


class Wishes:
    """`struck` are those that were struck here, and `lost` those of them that are to be given up.
    `bump` is set while tombstones wait, `may_leave` once this node has handed its files over, if it
    wishes to leave. `is_blocked`: more members are wanted or fewer, but too
    many owners are down for data to move."""

    def __init__(
        self,
        census: Census,
        moving: Moving,
        struck: Callable[[], tuple[str, ...]],
        lost: Callable[[], tuple[str, ...]],
        settings: StorageSettings,
    ) -> None:
        self._census = census
        self._moving = moving
        self._struck = struck
        self._lost = lost
        self._settings = settings
        self._since: dict[str, int] = {}
        self._begun_ms: int | None = None
        self.bump = False
        self.is_blocked = False
        self.may_leave = False

    def begin(self) -> None:
        """Another layout is on the disk."""
        self._since = {}
        self._begun_ms = None
        self.is_blocked = False

    def wish(self, layout: Layout, now: Now) -> Wish | None:
        """The wish that there is, if any."""
        if self._begun_ms is None:
            self._begun_ms = now.mono_ms
        members = layout.members
        lost = [member for member in self._lost() if member in members]
        lost_ms = self._held("lost", bool(lost), now)
        if lost_ms is not None:
            return Wish(given_up(layout, lost), lost_ms, is_own=True)
        if layout.next:
            return self._wish_in_joint(layout, now)
        self.is_blocked = False
        struck = self._struck()
        target = self.target(layout, struck)
        since_ms = self._held("target", target not in ((), layout.base), now)
        if since_ms is not None:
            at_ms = since_ms + self._settings.wish_ms
            proposal = joint(layout, target)
            if now.mono_ms < at_ms or not self._moving.missing(proposal):
                is_own = self._census.is_leaving or not {*layout.voters}.isdisjoint(struck)
                return Wish(proposal, at_ms, is_own)
            self.is_blocked = True
        if self.bump:
            return Wish(bumped(layout), self._begun_ms + self._settings.grace_ms)
        return None

    def missing(self, layout: Layout, member: str) -> tuple[str, ...]:
        """Those that are down for lack of whom this member cannot be struck out, as none of the
        others could get what it had."""
        if layout.next:
            return self._moving.missing(layout) if self._moving.judge().is_stuck else ()
        target = self.target(layout, (*self._struck(), member))
        return self._moving.missing(joint(layout, target)) if target else ()

    def target(self, layout: Layout, struck: tuple[str, ...]) -> tuple[str, ...]:
        """The members of the base without those that go, and those that come."""
        census = self._census
        # Also one that leaves takes the place of what it was before: that is down for good. Who is
        # suspected takes nobody's: a node that starts again takes the dead for alive, then suspects
        # them, and would have who has replaced one of them go in its stead.
        names = {m.name for m in census.members if m.state in UP}
        # That it wishes to leave only a member itself is believed: gossip may be made up.
        leaving = [census.here] if census.is_leaving and self.may_leave else []
        replaced = [
            m.id for m in census.members if m.state in ("dead", "stopped") and m.name in names
        ]
        going = {*struck, *leaving, *replaced, *layout.gone}
        staying = [m for m in layout.base if m not in going]
        known = {*layout.members, *layout.gone}
        # One that leaves before it is a member becomes one first. Else a layout that takes it in
        # might be under way, and would be left with a member that is no more.
        coming = [m.id for m in census.members if m.state in ("alive", "leaving")]
        joining = sorted([member for member in coming if member not in known])
        return tuple(sorted(staying + joining[: MAX_MEMBERS - len(staying)]))

    def _wish_in_joint(self, layout: Layout, now: Now) -> Wish | None:
        judgement = self._moving.judge()
        self.is_blocked = judgement.is_stuck
        hopeless_ms = self._held("hopeless", judgement.hopeless, now)
        if hopeless_ms is not None:
            return Wish(aborted(layout), hopeless_ms + self._settings.abort_ms)
        enough_ms = self._held("enough", judgement.enough, now)
        complete_ms = self._held("complete", judgement.complete, now)
        if complete_ms is not None:
            return Wish(settled(layout), complete_ms)
        if enough_ms is not None:
            return Wish(settled(layout), enough_ms + self._settings.settle_patience_ms)
        return None

    def _held(self, what: str, holds: bool, now: Now) -> int | None:
        """Since when it holds, or None if it does not."""
        if not holds:
            self._since.pop(what, None)
            return None
        return self._since.setdefault(what, now.mono_ms)
