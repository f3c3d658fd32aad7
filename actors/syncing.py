"""Anti-entropy: replicas compare the hash trees of the partitions that they share, and each takes
from the others what it lacks, so that what is exchanged grows with the differences and not with the
data. (Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987.)

This is also how data moves: an owner to be lacks everything, and takes it from the old owners.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from actors import ring
from actors.actor import Envelope, Now
from actors.disk import Disk
from actors.fence import Fence
from actors.layout import NO_LAYOUT, Placement
from actors.membership import LIVING
from actors.merging import Merging
from actors.merkle import GROUP_PARTITIONS, fault_of_hashes, hex_of
from actors.messages import (
    Bounced,
    ComparedTrees,
    CompareTrees,
    Failed,
    Fetched,
    LayoutIs,
    MembersChanged,
    Pull,
    Pulled,
)
from actors.outbox import Outbox
from actors.pulling import PullQueue
from actors.repeats import Repeats
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.tree_server import TreeServer
from actors.trees import Trees
from actors.versions import MAX_CLOCK_STEP


class _Compare(NamedTuple):
    """A comparison with a peer: for what is wanted, or as a check of all that is shared."""

    peer: str
    is_check: bool


class Syncing:
    """Of the replica `here`. It also tells `trees` of which partitions there are to be trees."""

    def __init__(
        self,
        here: str,
        disk: Disk,
        trees: Trees,
        stage: Stage,
        fence: Fence,
        outbox: Outbox,
        rng: Random,
        settings: StorageSettings,
    ) -> None:
        self._here = here
        self._trees = trees
        self._stage = stage
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._merging = Merging(here, checks=settings.anti_entropy)
        self._server = TreeServer(disk, trees, stage, fence, outbox, settings)
        self._pulls = PullQueue(disk, trees, stage, outbox, settings, self._ended)
        self._compares: Repeats[_Compare] = Repeats(outbox, settings.sync_retry_ms)
        self._comparing: set[str] = set()
        self._placement = Placement(NO_LAYOUT)
        self._shared: dict[str, tuple[int, ...]] = {}
        self._alive: set[str] = set()
        self._assigned: set[tuple[int, str]] = set()
        self._resting: dict[str, int] = {}
        self._paused_ms = 0
        self._turn = 0
        self._last_peer = ""
        self._next_compare_ms: int | None = None
        self._is_stale = False
        self._is_short = False
        self._now = Now(0, 0)

    @property
    def moving(self) -> int:
        """How many partitions this replica is to get in this layout."""
        return self._merging.moving

    @property
    def moved(self) -> int:
        """How many of them it has."""
        return self._merging.moved

    @property
    def bytes_pulled(self) -> int:
        """What keys and values it has taken from others have in all."""
        return self._pulls.bytes_pulled

    @property
    def owned(self) -> int:
        """How many partitions this replica owns, or is to own."""
        return len(self._merging.own)

    @property
    def repaired(self) -> int:
        """How many records it has taken from others that it should have had."""
        return self._pulls.repaired

    def behind(self) -> list[int]:
        """The partitions of which this replica may lack something, in order."""
        return self._merging.behind()

    def behind_hex(self) -> str:
        """The same as 4,096 bits in hex, partition 0 the most significant of the first digit."""
        bits = 0
        for partition in self.behind():
            bits |= 1 << (ring.PARTITIONS - 1 - partition)
        return f"{bits:0{ring.PARTITIONS // 4}x}"

    @property
    def wake_at(self) -> int | None:
        """When something is to be done unasked: monotonic ms."""
        if not self._trees.is_ready:
            return None
        times = [self._compares.wake_at, self._pulls.wake_at, *self._resting.values()]
        if self._shared:
            times.append(self._next_compare_ms)
        if self._is_stale:
            times.append(self._paused_ms)
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def on_layout(self, placement: Placement, now: Now) -> None:
        """This is the layout on the disk. What was under way in an earlier one comes to nothing."""
        if placement.layout == self._placement.layout:
            return
        self._placement = placement
        self._merging.adopt(placement)
        self._trees.own(self._merging.own)
        shared: dict[str, list[int]] = {}
        for partition in self._merging.own:
            for peer in placement.owners(partition):
                if peer != self._here:
                    shared.setdefault(peer, []).append(partition)
        self._shared = {peer: tuple(partitions) for peer, partitions in shared.items()}
        self._pulls.begin(placement.layout.epoch)
        self._server.adopt(self._shared)
        self._compares.clear()
        self._comparing.clear()
        self._assigned.clear()
        self._resting = {}
        self._is_stale = self._is_short = True
        if self._settings.anti_entropy and self._next_compare_ms is None:
            self._next_compare_ms = self._after_a_while(now)

    def on_members(self, changed: MembersChanged, now: Now) -> None:
        """Who is alive is asked; a suspect is not begun with."""
        self._alive = {m.id for m in changed.members if m.state in LIVING - {"suspect"}}
        living = {m.id for m in changed.members if m.state in LIVING}
        for peer in self._shared:
            if peer not in living:
                self._rest(peer, now)
                self._merging.forget(peer)
        self._is_stale = True

    def on(self, envelope: Envelope, now: Now) -> bool:
        """Is it a request for the trees, or the answer to a request of this replica's? That others
        have another layout is noted here, but is of more concern elsewhere: it is never claimed."""
        self._now = now
        match envelope.message:
            case CompareTrees():
                self._server.on_compare(envelope)
            case Pull():
                self._server.on_pull(envelope)
            case ComparedTrees() as compared:
                asked = self._compares.take(envelope)
                if asked is not None:
                    self._on_compared(asked.peer, compared, now, is_check=asked.is_check)
            case Pulled():
                self._pulls.on_answer(envelope, now)
            case Fetched():
                return self._pulls.on_answer(envelope, now)
            case LayoutIs():
                self._on_refusal(envelope, now)
                return False
            case Failed() | Bounced():
                return self._on_refusal(envelope, now)
            case _:
                return False
        return True

    def due(self, now: Now) -> None:
        """Ask for what is wanted, of those who are there."""
        self._now = now
        if not self._trees.is_ready:
            return
        for peer in [q for q, until_ms in self._resting.items() if now.mono_ms >= until_ms]:
            del self._resting[peer]
            self._is_stale = True
        for given_up in self._compares.due(now):
            self._failed(given_up.peer, now)
        self._pulls.due(now)
        if self._is_stale and now.mono_ms >= self._paused_ms:
            self._is_stale = False
            self._ask_for_wanted(now)
        if self._next_compare_ms is not None and now.mono_ms >= self._next_compare_ms:
            self._next_compare_ms = self._after_a_while(now)
            is_idle = self._pulls.is_idle and not self._comparing
            if is_idle and now.mono_ms >= self._paused_ms:
                self._compare_with_next(now)

    def _ask_for_wanted(self, now: Now) -> None:
        """Compare trees with as many as are needed. Which of those that may be asked differs by
        partition and from time to time, so that all have their share of the work."""
        chosen: dict[str, None] = {}
        self._turn += 1
        idle = {peer for peer in self._shared if self._is_able(peer)}
        if not (idle and self._is_short):
            return
        assigned = self._assigned
        self._is_short = False
        for partition, peers, count in self._merging.wanted():
            able: list[str] = []
            missing = count
            for peer in peers:
                if (partition, peer) in assigned:
                    missing -= 1
                elif peer in idle:
                    able.append(peer)
            if len(able) < missing:
                self._is_short = True
            if able and missing > 0:
                first = (partition + self._turn) % len(able)
                for peer in [*able[first:], *able[:first]][:missing]:
                    assigned.add((partition, peer))
                    chosen[peer] = None
        for peer in chosen:
            self._compare_with(peer, now, is_check=False)

    def _compare_with_next(self, now: Now) -> None:
        """The next of the others in the order of their ids."""
        able = sorted([peer for peer in self._shared if self._is_able(peer)])
        if able:
            self._last_peer = next((q for q in able if q > self._last_peer), able[0])
            self._compare_with(self._last_peer, now, is_check=True)

    def _compare_with(self, peer: str, now: Now, *, is_check: bool) -> None:
        self._comparing.add(peer)
        digests = self._trees.groups(self._shared[peer])
        request = CompareTrees(self._placement.layout.epoch, digests)
        self._compares.ask(peer, request, _Compare(peer, is_check), now)

    def _on_compared(self, peer: str, compared: ComparedTrees, now: Now, *, is_check: bool) -> None:
        fault = self._fault_of(peer, compared)
        if fault or not compared.ready:
            if fault:
                self._outbox.drop(fault)
            self._failed(peer, now)
            return
        self._comparing.discard(peer)
        self._is_stale = True
        # What it has collected had a counter too: an owner's clock is never below it.
        self._stage.raise_clock(compared.clock)
        theirs = dict(zip(compared.partitions, compared.roots, strict=True))
        groups = {partition // GROUP_PARTITIONS for partition in theirs}
        assigned, merged = self._assigned, self._merging.merged
        if not theirs and self._merging.is_complete:
            self._assigned = {pair for pair in assigned if pair[1] != peer}
            self._is_short = True
            return
        for partition in self._shared[peer]:
            root = theirs.get(partition)
            if root is None and partition // GROUP_PARTITIONS in groups:
                self._unassign(partition, peer)
            elif root is None or root == hex_of(self._trees.root(partition)):
                assigned.discard((partition, peer))
                merged(partition, peer)
            else:
                self._on_difference(partition, peer, int(root, 16), is_check=is_check)
        self._pulls.fill(now)

    def _on_difference(self, partition: int, peer: str, root: int, *, is_check: bool) -> None:
        """Take what is different if it is wanted still, or if this is a check of everything."""
        pair = partition, peer
        if is_check:
            self._merging.differs(partition, peer)
            self._assigned.add(pair)
        elif pair not in self._assigned or not self._merging.is_wanted(partition, peer):
            self._unassign(partition, peer)
            return
        is_moving = self._merging.is_gaining(partition)
        self._pulls.pull(partition, peer, root, repairs=not is_moving)

    def _fault_of(self, peer: str, compared: ComparedTrees) -> str:
        """Why this cannot be what was asked for, or empty."""
        if not set(compared.partitions) <= set(self._shared[peer]):
            return "roots of partitions that were not asked for"
        if len(set(compared.partitions)) < len(compared.partitions):
            return "two roots of one partition"
        if compared.clock > self._stage.clock + MAX_CLOCK_STEP:
            return "clock too far ahead"
        return fault_of_hashes(compared.roots, len(compared.partitions))

    def _on_refusal(self, envelope: Envelope, now: Now) -> bool:
        asked = self._compares.take(envelope)
        if asked is not None:
            self._failed(asked.peer, now)
            return True
        return self._pulls.on_answer(envelope, now)

    def _ended(self, partition: int, peer: str, how: str) -> None:
        """A partition has been taken from a peer, or could not be."""
        self._unassign(partition, peer)
        if how == "ok":
            self._merging.merged(partition, peer)
            return
        if how == "full":
            # A commit that does not fit takes the other writes of its turn with it.
            self._paused_ms = self._now.mono_ms + self._settings.compare_ms
        self._is_stale = True
        self._failed(peer, self._now)

    def _failed(self, peer: str, now: Now) -> None:
        """Leave this peer alone for a while, then begin anew with it."""
        self._comparing.discard(peer)
        if peer not in self._resting:
            self._rest(peer, now)

    def _rest(self, peer: str, now: Now) -> None:
        self._resting[peer] = now.mono_ms + self._settings.sync_retry_ms
        self._comparing.discard(peer)
        self._compares.forget(peer)
        self._assigned = {(p, q) for p, q in self._assigned if q != peer}
        self._pulls.give_up(peer)
        self._is_stale = self._is_short = True

    def _unassign(self, partition: int, peer: str) -> None:
        """If it is still wanted somebody is to be asked anew."""
        self._assigned.discard((partition, peer))
        self._is_short = True

    def _is_able(self, peer: str) -> bool:
        known = peer in self._alive and peer not in self._resting
        return known and peer not in self._comparing

    def _after_a_while(self, now: Now) -> int:
        pause_ms = self._settings.compare_ms
        return now.mono_ms + max(1, self._rng.randrange(pause_ms // 2, pause_ms * 3 // 2 + 1))
