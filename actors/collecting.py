"""Tombstones go once no older write can come back: in one epoch all owners have confirmed that they
hold the tombstone, or something newer, and all other members that they hold nothing of the key; and
the own epoch of who drops it is two higher, so that a write of that epoch is refused. A pause alone
would not do: a stopped coordinator may send an old write after any time.

In a stable layout the first owner of a partition asks, and tells the others when all have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from actors.actor import Envelope, Now
from actors.disk import Disk
from actors.fence import Fence
from actors.layout import NO_LAYOUT, Placement
from actors.membership import LIVING
from actors.messages import (
    Bounced,
    Collect,
    Confirm,
    Confirmed,
    Failed,
    LayoutIs,
    MembersChanged,
)
from actors.outbox import Outbox
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, text_bytes
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.versions import NOTHING, Stamp, Version

MAX_WAITING = 200_000
"""So many confirmed tombstones are remembered; those beyond are asked for anew some day."""

EPOCHS_TO_WAIT = 2

PAGES_IN_A_PAUSE = 10
"""While it goes through its tombstones it takes so many pages in a `collect_ms`."""

Tombstone = tuple[str, Stamp]


@dataclass(slots=True)
class _Round:
    """A page of tombstones that the other owners are asked for: `wanted` has what each of them is,
    `awaited` who has not answered yet, by the number of the request, and `held` how many have each
    tombstone."""

    until_ms: int
    wanted: dict[str, list[Tombstone]]
    awaited: dict[int, str]
    held: dict[Tombstone, int]


class Collecting:
    """Of the replica `here`."""

    def __init__(
        self,
        here: str,
        disk: Disk,
        stage: Stage,
        fence: Fence,
        outbox: Outbox,
        settings: StorageSettings,
    ) -> None:
        self._here = here
        self._disk = disk
        self._stage = stage
        self._fence = fence
        self._outbox = outbox
        self._settings = settings
        self._placement = Placement(NO_LAYOUT)
        self._alive: set[str] = set()
        self._round: _Round | None = None
        self._after = ""
        self._waiting: dict[int, dict[str, Stamp]] = {}
        self._next_ms = 0
        self._collect_ms = 0

    @property
    def waits(self) -> bool:
        """Would a higher epoch let tombstones go?"""
        return len(self._waiting) > len(self._ripe())

    @property
    def wake_at(self) -> int | None:
        """When it is to go on: monotonic ms."""
        times = [self._collect_ms] if self._ripe() else []
        if self._round is not None:
            times.append(self._round.until_ms)
        elif self._may_ask():
            times.append(self._next_ms)
        return min(times, default=None)

    def on_layout(self, placement: Placement, now: Now) -> None:
        """Answers count in one epoch only. What all have confirmed stays so only as long as the
        owners are the same: another may have taken what this tombstone buries meanwhile."""
        del now
        before, self._placement = self._placement, placement
        if placement.layout.epoch == before.layout.epoch:
            return
        self._round = None
        is_next = placement.layout.epoch == before.layout.epoch + 1
        for confirmed, waiting in list(self._waiting.items()):
            kept = {
                key: stamp
                for key, stamp in waiting.items()
                if is_next and before.sets_of(key) == placement.sets_of(key)
            }
            self._waiting[confirmed] = kept
            if not kept:
                del self._waiting[confirmed]

    def on_members(self, changed: MembersChanged, now: Now) -> None:
        """Where an owner is down nobody need be asked: it could not confirm."""
        del now
        self._alive = {m.id for m in changed.members if m.state in LIVING}

    def on(self, envelope: Envelope, now: Now) -> bool:
        """Is it about tombstones, or the answer to a request that was? That others have another
        layout is noted here, but is of more concern elsewhere: it is never claimed."""
        del now
        match envelope.message:
            case Confirm() as confirm:
                self._on_confirm(envelope, confirm)
            case Confirmed(held):
                self._on_confirmed(envelope, held)
            case Collect() as collect:
                self._on_collect(envelope, collect)
            case Failed() | Bounced() | LayoutIs() as refusal:
                is_mine = self._is_answered(envelope) is not None
                return is_mine and not isinstance(refusal, LayoutIs)
            case _:
                return False
        return True

    def due(self, now: Now) -> None:
        """Drop what may go, and ask for the next page of tombstones if it is time."""
        if self._ripe() and now.mono_ms >= self._collect_ms:
            self._drop_ripe(now)
        if self._round is not None and now.mono_ms >= self._round.until_ms:
            self._conclude(self._round)
        if self._round is None and self._may_ask() and now.mono_ms >= self._next_ms:
            self._ask(now)

    def _may_ask(self) -> bool:
        return bool(self._placement.layout.epoch and not self._placement.layout.next)

    def _ask(self, now: Now) -> None:
        """Ask the other owners for a page of those of which this replica is the first owner."""
        settings = self._settings
        page = self._disk.tombstones(self._after, settings.collect_keys)
        page, is_cut = _fitting(page)
        is_more = is_cut or len(page) == settings.collect_keys
        self._after = page[-1][0] if is_more else ""
        pages = PAGES_IN_A_PAUSE if is_more else 1
        self._next_ms = now.mono_ms + max(1, settings.collect_ms // pages)
        others = [m for m in self._placement.layout.members if m != self._here]
        if not self._alive.issuperset(others):
            return
        wanted: dict[str, list[Tombstone]] = {}
        held: dict[Tombstone, int] = {}
        for key, stamp in page:
            if self._placement.sets_of(key)[-1][0] != self._here:
                continue
            if not self._is_waiting(key, stamp):
                held[key, stamp] = 0
                for peer in others:
                    wanted.setdefault(peer, []).append((key, stamp))
        if held:
            self._round = _Round(now.mono_ms + settings.collect_ms, wanted, {}, held)
            self._send(self._round)

    def _send(self, round: _Round) -> None:
        epoch = self._placement.layout.epoch
        for peer, tombstones in round.wanted.items():
            keys, stamps = _columns(tombstones)
            round.awaited[self._outbox.send(peer, Confirm(epoch, keys, stamps))] = peer
        if not round.awaited:
            self._conclude(round)

    def _on_confirm(self, envelope: Envelope, confirm: Confirm) -> None:
        if len(confirm.keys) != len(confirm.stamps):
            self._outbox.drop("tombstones that are not of one length")
            return

        def confirmed() -> Confirmed:
            return Confirmed(tuple(self._bury(zip(confirm.keys, confirm.stamps, strict=True))))

        self._fence.answer(envelope, confirm.epoch, confirmed)

    def _hold(self, tombstones: Iterable[Tombstone]) -> list[bool]:
        """Of each: is it, or something newer, on the disk?"""
        wanted = list(tombstones)
        versions = self._disk.versions([key for key, _ in wanted])
        pairs = zip(wanted, versions, strict=True)
        return [version >= Version(stamp, True) for (_, stamp), version in pairs]

    def _bury(self, tombstones: Iterable[Tombstone]) -> list[bool]:
        """Of each: will nothing older come from this replica? A member that is no owner may hold
        nothing of the key at all, but not what it held as an owner once."""
        wanted = list(tombstones)
        keys = [key for key, _ in wanted]
        versions = self._disk.versions(keys)
        foreign = [self._here not in self._placement.sets_of(key)[-1] for key in keys]
        return [
            held or (is_foreign and version == NOTHING)
            for held, is_foreign, version in zip(self._hold(wanted), foreign, versions, strict=True)
        ]

    def _on_confirmed(self, envelope: Envelope, held: tuple[bool, ...]) -> None:
        round = self._round
        peer = self._is_answered(envelope)
        if round is None or peer is None:
            return
        wanted = round.wanted[peer]
        if len(held) != len(wanted):
            self._outbox.drop("confirmations that were not asked for")
        else:
            for tombstone, is_held in zip(wanted, held, strict=True):
                round.held[tombstone] += is_held
        if not round.awaited:
            self._conclude(round)

    def _is_answered(self, envelope: Envelope) -> str | None:
        """Whom a request of this round was sent to that this is the answer to."""
        if self._round is None:
            return None
        message = envelope.message
        sender = message.to.node if isinstance(message, Bounced) else envelope.sender.node
        if self._round.awaited.get(envelope.id) != sender:
            return None
        return self._round.awaited.pop(envelope.id)

    def _conclude(self, round: _Round) -> None:
        """Tell all owners what all of them hold."""
        self._round = None
        epoch = self._placement.layout.epoch
        others = len(self._placement.layout.members) - 1
        confirmed = [t for t, count in round.held.items() if count == others]
        here = self._hold(confirmed)
        everywhere = dict.fromkeys([t for t, held in zip(confirmed, here, strict=True) if held])
        for peer, wanted in round.wanted.items():
            mine = [t for t in wanted if peer in self._placement.sets_of(t[0])[-1]]
            keys, stamps = _columns([t for t in mine if t in everywhere])
            if keys:
                self._outbox.tell(peer, Collect(epoch, keys, stamps))
        self._wait_for(epoch, list(everywhere))

    def _on_collect(self, envelope: Envelope, collect: Collect) -> None:
        layout = self._placement.layout
        if len(collect.keys) != len(collect.stamps):
            self._outbox.drop("tombstones that are not of one length")
        elif envelope.sender.node not in layout.members:
            self._outbox.drop("tombstones to be collected for one that is no member")
        elif collect.confirmed != layout.epoch:
            # The owners may be others by now, or there were others meanwhile.
            self._outbox.drop("tombstones confirmed in another epoch")
        else:
            tombstones = list(zip(collect.keys, collect.stamps, strict=True))
            self._wait_for(collect.confirmed, tombstones)

    def _wait_for(self, confirmed: int, tombstones: list[Tombstone]) -> None:
        """Remember these until the epoch is high enough."""
        total = sum(map(len, self._waiting.values()))
        for key, stamp in tombstones:
            if self._is_waiting(key, stamp):
                continue
            if total >= MAX_WAITING:
                self._outbox.drop("too many tombstones wait to be collected")
                return
            self._waiting.setdefault(confirmed, {})[key] = stamp
            total += 1

    def _is_waiting(self, key: str, stamp: Stamp) -> bool:
        return any(waiting.get(key) == stamp for waiting in self._waiting.values())

    def _ripe(self) -> list[int]:
        """The epochs in which was confirmed what may go now."""
        epoch = self._placement.layout.epoch
        return [confirmed for confirmed in self._waiting if confirmed + EPOCHS_TO_WAIT <= epoch]

    def _drop_ripe(self, now: Now) -> None:
        """Drop a bounded number of those that may go; those that something newer has come for are
        forgotten only."""
        self._collect_ms = now.mono_ms + 1
        confirmed = self._ripe()[0]
        waiting = self._waiting[confirmed]
        tombstones = list(islice(waiting.items(), self._settings.collect_keys))
        self._stage.collect(tombstones)

        def then(ok: bool) -> None:
            if not ok:
                self._collect_ms = now.mono_ms + self._settings.collect_ms
                return
            for key, stamp in tombstones:
                if waiting.get(key) == stamp:
                    del waiting[key]
            if not waiting:
                self._waiting.pop(confirmed, None)

        self._stage.then(then)


def _columns(tombstones: list[Tombstone]) -> tuple[tuple[str, ...], tuple[Stamp, ...]]:
    return tuple([key for key, _ in tombstones]), tuple([stamp for _, stamp in tombstones])


def _fitting(page: list[Tombstone]) -> tuple[list[Tombstone], bool]:
    """As many of these as fit into a message, and whether some do not."""
    size_bytes = 0
    for i, (key, _) in enumerate(page):
        size_bytes += text_bytes(key) + STAMP_BYTES
        if i and size_bytes > MESSAGE_BYTES:
            return page[:i], True
    return page, False
