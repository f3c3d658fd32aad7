"""Stewards in a small world of their own: messages are lost, doubled and late, nodes crash, sides
are cut off, and everybody has another view of who is there. The seed decides everything.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from actors.acceptor import follows
from actors.actor import Envelope
from actors.layout import Layout, founding
from actors.membership import Member, State
from actors.messages import Accept, MembersChanged, Strike
from actors.storage_settings import StorageSettings
from tests.actors.envelopes import member
from tests.actors.stewards import NotesDisk, Stewarding

IDS = tuple(digit * 16 for digit in "123456")
SETTINGS = StorageSettings(
    settle_patience_ms=2_000, abort_ms=1_000, grace_ms=3_000, layout_ask_ms=1_000
)
HASTY = StorageSettings(
    wish_ms=5,
    propose_retry_ms=20,
    layout_ask_ms=200,
    hello_retry_ms=10,
    settle_patience_ms=50,
    abort_ms=5,
    grace_ms=100,
)
NAMES = "abcdef"


@dataclass(slots=True)
class Machine:
    """A node as it is: its folder, what runs of it, and what it does to the layout."""

    id: str
    name: str
    disk: NotesDisk = field(default_factory=NotesDisk)
    boots: int = 0
    process: Stewarding | None = None
    state: State = "alive"
    is_lost: bool = False
    highest: int = 0
    synced_ms: int = 0
    synced_epoch: int = 0


class World:
    """Up to six machines; the first `founders` of them begin. What goes wrong does so with the
    probabilities `loss` (of messages), `lies` (of gossip), `crashes` and `full` (a turn)."""

    def __init__(self, seed: int, founders: int, settings: StorageSettings = SETTINGS) -> None:
        self.rng = Random(seed)
        self.settings = settings
        self.gossip_ms = 500
        self.now_ms = 0
        self.loss = 0.0
        self.lies = 0.0
        self.crashes = 0.0
        self.full = 0.0
        self.aimed = 0.0
        self.said: tuple[State, ...] = ("alive", "dead", "suspect", "stopped", "leaving")
        self.is_moving = True
        self.delays_ms: tuple[int, ...] = (1, 2, 5, 20, 200)
        self.machines: dict[str, Machine] = {}
        self.cut: frozenset[str] = frozenset()
        self.chain: dict[int, Layout] = {}
        self.layouts: dict[str, Layout] = {}
        self._sequence = 0
        self._under_way: list[tuple[int, int, Envelope]] = []
        for number in range(founders):
            self.add(NAMES[number])
        first = self.machines[IDS[0]]
        process = self.process(first.id)
        process.steward.found(founding(IDS[:founders]), process.now())
        self._turn(first, process)

    # What a test does to it.

    def add(self, name: str) -> str:
        """A new machine, whose node is alive; its id."""
        machine = Machine(IDS[len(self.machines)], name)
        self.machines[machine.id] = machine
        self.start(machine.id)
        return machine.id

    def start(self, node: str) -> None:
        """Its node starts once more."""
        machine = self.machines[node]
        machine.boots += 1
        machine.synced_epoch = 0
        seed = self.rng.randrange(2**32)
        machine.process = Stewarding(
            node,
            boot=machine.boots,
            disk=machine.disk,
            settings=self.settings,
            seed=seed,
            now_ms=self.now_ms,
        )

    def crash(self, node: str) -> None:
        """Its node ends, and with it all that is not on its disk."""
        self.machines[node].process = None

    def process(self, node: str) -> Stewarding:
        """What runs of it."""
        process = self.machines[node].process
        assert process is not None
        return process

    def strike(self, node: str, member_id: str, *, accept_loss: bool = False) -> None:
        """Its gossiper asks to strike that one out."""
        process = self.process(node)
        self._deliver(process.from_gossiper(Strike(member_id, accept_loss, 5_000), 77))

    def running(self) -> list[str]:
        """Those whose node runs."""
        return [m.id for m in self.machines.values() if m.process is not None]

    def run(self, duration_ms: int, until: Callable[[], bool] = lambda: False) -> bool:
        """So much time goes by, unless `until` comes true before; has it?"""
        end_ms = self.now_ms + duration_ms
        next_gossip_ms = self.now_ms
        while self.now_ms < end_ms:
            if self.now_ms >= next_gossip_ms:
                next_gossip_ms += self.gossip_ms
                self._gossip()
                if until():
                    return True
            self.now_ms = min(end_ms, next_gossip_ms, self._next_ms())
            while self._under_way and self._under_way[0][0] <= self.now_ms:
                self._deliver(heapq.heappop(self._under_way)[2])
            for machine in list(self.machines.values()):
                process = machine.process
                if process is not None:
                    self._sync(machine, process)
                    wake_at = process.steward.wake_at
                    if wake_at is not None and wake_at <= self.now_ms:
                        self._turn(machine, process)
        return until()

    # The wishes of the world, and whether they are fulfilled.

    def wanted(self) -> tuple[str, ...]:
        """Who is to be a member in the end."""
        staying = [m for m in self.machines.values() if m.state == "alive" and not m.is_lost]
        return tuple(sorted(m.id for m in staying))

    def is_at_peace(self) -> bool:
        """Are all who are to be members welcome in one and the same stable layout of them?"""
        layouts = {self.process(node).layout for node in self.wanted()}
        welcome = all(self.process(node).steward.is_welcome for node in self.wanted())
        agreed = layouts.pop()
        return not layouts and welcome and (agreed.base, agreed.next) == (self.wanted(), ())

    def heal(self) -> None:
        """From now on nothing fails any more, and what was stopped runs again."""
        self.loss = self.lies = self.crashes = self.full = self.aimed = 0.0
        self.cut = frozenset()
        for machine in self.machines.values():
            if machine.process is None and not machine.is_lost:
                self.start(machine.id)

    def describe(self) -> str:
        """For whom wants to know what went wrong."""
        lines = [f"wanted {self.wanted()}"]
        for m in self.machines.values():
            lines.append(f"{m.id} {m.name} {m.state} lost={m.is_lost}")
            if m.process is not None:
                steward = m.process.steward
                lines.append(f"  {steward.layout} {steward.is_welcome} {steward.progress}")
        return "\n".join(lines)

    # How it goes on.

    def _next_ms(self) -> int:
        times = [self._under_way[0][0]] if self._under_way else []
        for machine in self.machines.values():
            if machine.process is not None:
                wake_at = machine.process.steward.wake_at
                times += [] if wake_at is None else [wake_at]
        return max(self.now_ms + 1, min(times, default=self.now_ms + 500))

    def _gossip(self) -> None:
        for node in self.running():
            process = self.machines[node].process
            if process is not None:
                view = [self._seen(machine, node) for machine in self.machines.values()]
                shown = [m for m in view if m is not None]
                changed = MembersChanged("net", tuple(shown), "")
                self._deliver(process.from_gossiper(changed))

    def _seen(self, machine: Machine, viewer: str) -> Member | None:
        state = machine.state
        is_apart = (machine.id in self.cut) != (viewer in self.cut)
        if state != "left" and (machine.process is None or is_apart):
            state = "dead"
        if self.rng.random() < self.lies:
            state = self.rng.choice(self.said)
        if machine.state == "left":
            return None
        return member(machine.id, name=machine.name, port=7000, state=state)

    def _sync(self, machine: Machine, process: Stewarding) -> None:
        layout = process.layout
        if not self.is_moving:
            return
        if machine.synced_epoch != layout.epoch and layout.next:
            machine.synced_epoch = layout.epoch
            machine.synced_ms = self.now_ms + self.rng.choice((10, 100, 1_000, 4_000))
            process.steward.report_sync(2, 1)
        elif layout.next and self.now_ms >= machine.synced_ms:
            process.steward.report_sync(2, 2)

    def _deliver(self, envelope: Envelope) -> None:
        machine = self.machines.get(envelope.to.node)
        if machine is not None and machine.process is not None:
            self._turn(machine, machine.process, envelope)

    def _turn(self, machine: Machine, process: Stewarding, *inbox: Envelope) -> None:
        process.now_ms = self.now_ms
        machine.disk.full = self.rng.random() < self.full
        before = self.rng.random() < self.crashes
        if before:
            self.crash(machine.id)
            return
        out = process.turn(*inbox)
        self._check(machine, process)
        if self.rng.random() < self.crashes:
            self.crash(machine.id)
            return
        if process.steward.is_released:
            # One that has left stops for good as soon as it may, whatever it was saying.
            machine.state, machine.is_lost = "left", True
            self.crash(machine.id)
            return
        for envelope in out:
            self._send(envelope)
        accepts = [e for e in inbox if isinstance(e.message, Accept)]
        if accepts and self.rng.random() < self.aimed:
            # It has accepted and said so; and then neither it nor who counts on that is there.
            self.cut = frozenset({accepts[0].sender.node})
            self.crash(machine.id)

    def _send(self, envelope: Envelope) -> None:
        here, there = envelope.sender.node, envelope.to.node
        if here == there or (here in self.cut) != (there in self.cut):
            return
        if isinstance(envelope.message, Accept) and self.rng.random() < self.aimed:
            # The one moment at which a fault is worth most: some have accepted, and some have not.
            self.cut = frozenset({here, *self.rng.sample(IDS, 1)})
        copies = 2 if self.rng.random() < self.loss / 2 else 1
        for _ in range(copies):
            if self.rng.random() >= self.loss:
                delay_ms = self.rng.choice(self.delays_ms if self.loss else (1, 2))
                self._sequence += 1
                arrival = self.now_ms + delay_ms, self._sequence, envelope
                heapq.heappush(self._under_way, arrival)

    def _check(self, machine: Machine, process: Stewarding) -> None:
        layout = process.layout
        if layout.epoch == 0:
            return
        assert layout.epoch >= machine.highest, f"{machine.id} went back to {layout.epoch}"
        machine.highest = layout.epoch
        first = self.chain.setdefault(layout.epoch, layout)
        assert first == layout, f"two layouts of epoch {layout.epoch}: {first}, {layout}"
        before = self.chain.get(layout.epoch - 1)
        assert before is None or follows(before, layout), f"{layout} came after {before}"
