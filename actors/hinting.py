"""Hinted handoff: what a member did not store while it was down is remembered by key, and when it
is back the latest of each key is brought to it by a fresh read of a quorum. A hint that carried the
value could bring one back whose tombstone has been collected since.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.actor import Envelope, Now
from actors.disk import Disk
from actors.layout import NO_LAYOUT, Placement
from actors.membership import LIVING
from actors.messages import Heal, Healed, Hint, MembersChanged
from actors.outbox import Outbox
from actors.stage import Stage
from actors.storage_settings import StorageSettings

HEAL_PATIENCE_MS = 60_000
"""The router answers long before this."""

FAILED_PAUSES = 10
"""A member whose delivery came to nothing is left alone for so many pauses between deliveries."""


@dataclass(slots=True)
class _Delivery:
    """What is under way: the number to expect an answer by, whose keys, and until when."""

    number: int
    member: str
    keys: tuple[str, ...]
    until_ms: int


class Hinting:
    """One delivery is under way at a time, and the members have their turns."""

    def __init__(self, disk: Disk, stage: Stage, outbox: Outbox, settings: StorageSettings) -> None:
        self._disk = disk
        self._stage = stage
        self._outbox = outbox
        self._settings = settings
        self._counts = disk.hint_counts()
        self._total = sum(self._counts.values())
        self._is_stale = False
        self._members = NO_LAYOUT.members
        self._alive: set[str] = set()
        self._after: dict[str, str] = {}
        self._waits: dict[str, int] = {}
        self._delivery: _Delivery | None = None
        self._last_swept = ""
        self._last_delivered = ""
        self._next_ms = 0

    @property
    def wake_at(self) -> int | None:
        """When hints are to be looked at next: monotonic ms."""
        return self._next_ms if self._counts or self._is_stale else None

    def counts(self) -> dict[str, int]:
        """How many hints wait for each member, in the order of their ids."""
        return self._disk.hint_counts()

    def on_layout(self, placement: Placement, now: Now) -> None:
        """Who is no member any more is owed nothing."""
        del now
        self._members = placement.layout.members

    def on_members(self, changed: MembersChanged, now: Now) -> None:
        """Who is alive can be delivered to."""
        del now
        alive = {m.id for m in changed.members if m.state in LIVING - {"suspect"}}
        self._waits = {m: at_ms for m, at_ms in self._waits.items() if m in self._alive & alive}
        self._alive = alive

    def on(self, envelope: Envelope, now: Now) -> bool:
        """Is it of the router, about hints?"""
        match envelope.message:
            case Hint(member, keys):
                self._on_hint(member, keys, now)
            case Healed() as healed:
                self._on_healed(envelope.id, healed, now)
            case _:
                return False
        return True

    def due(self, now: Now) -> None:
        """Sweep hints that are of no use any more, and deliver others."""
        if now.mono_ms < self._next_ms:
            return
        self._next_ms = now.mono_ms + self._settings.deliver_ms
        if self._delivery is not None and now.mono_ms >= self._delivery.until_ms:
            self._delivery = None
        if self._is_stale:
            self._is_stale = False
            self._counts = self._disk.hint_counts()
            self._total = sum(self._counts.values())
        self._sweep(now)
        if self._delivery is None:
            self._deliver(now)

    def _on_hint(self, member: str, keys: tuple[str, ...], now: Now) -> None:
        if not self._settings.hinted_handoff:
            return
        room = max(0, self._settings.max_hints - self._total)
        taken = tuple(dict.fromkeys(keys))
        if len(taken) > room:
            self._outbox.drop("too many hints", len(taken) - room)
            taken = taken[:room]
        if taken:
            # One that is there already is counted twice until the disk is asked again.
            self._stage.hint(member, taken, now.wall_ms + self._settings.hint_ms)
            self._counts[member] = self._counts.get(member, 0) + len(taken)
            self._total += len(taken)
        self._stage.then(self._recount)

    def _recount(self, _: bool) -> None:
        """Ask the disk again how many there are, when it is time."""
        self._is_stale = True

    def _sweep(self, now: Now) -> None:
        """A page of the next member's hints: those that have expired go, and all of one who is no
        member."""
        member = _next_after(self._last_swept, list(self._counts))
        if member is None:
            return
        self._last_swept = member
        if self._members and member not in self._members:
            hints = self._disk.hints(member, "", self._settings.deliver_keys)
            self._unhint(member, [key for key, _ in hints])
        elif member not in self._able():
            self._page(member, now)

    def _deliver(self, now: Now) -> None:
        """A page of the next member's who is there."""
        self._waits = {m: at_ms for m, at_ms in self._waits.items() if now.mono_ms < at_ms}
        member = _next_after(self._last_delivered, self._able())
        if member is None:
            return
        self._last_delivered = member
        keys = self._page(member, now)
        if keys:
            number = self._outbox.to("router", Heal(keys))
            until_ms = now.mono_ms + HEAL_PATIENCE_MS
            self._delivery = _Delivery(number, member, keys, until_ms)

    def _able(self) -> list[str]:
        """Those with hints who can be delivered to."""
        able = [m for m in self._counts if m in self._alive and m not in self._waits]
        return [m for m in able if not self._members or m in self._members]

    def _on_healed(self, number: int, healed: Healed, now: Now) -> None:
        delivery = self._delivery
        if delivery is None or delivery.number != number:
            return
        self._delivery = None
        done = [
            key
            for key, code, behind in zip(delivery.keys, healed.codes, healed.behind, strict=True)
            if code == "ok" and delivery.member not in behind
        ]
        if done:
            self._unhint(delivery.member, done)
        else:
            pause_ms = FAILED_PAUSES * self._settings.deliver_ms
            self._waits[delivery.member] = now.mono_ms + pause_ms

    def _page(self, member: str, now: Now) -> tuple[str, ...]:
        """The next page of a member's hints, without those that have expired: they go."""
        limit = self._settings.deliver_keys
        page = self._disk.hints(member, self._after.get(member, ""), limit)
        self._after[member] = page[-1][0] if len(page) == limit else ""
        self._unhint(member, [key for key, until_ms in page if until_ms <= now.wall_ms])
        return tuple([key for key, until_ms in page if until_ms > now.wall_ms])

    def _unhint(self, member: str, keys: list[str]) -> None:
        if keys:
            self._stage.unhint(member, keys)
            self._stage.then(self._recount)


def _next_after(last: str, members: list[str]) -> str | None:
    """The next of these in the order of their ids, the first after the last."""
    members.sort()
    return next((m for m in members if m > last), members[0] if members else None)
