"""Faults that strike at the worst moment, which chance alone would seldom find.

Each is armed, waits a while for its moment and then strikes once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from actors.actor import HOST, Envelope
from actors.messages import Accept, LayoutIs, Prepare, Store
from nodes.simulated import Simulation
from nodes.simulated.node import Process
from nodes.simulated.replicas import Replicas

PATIENCE_MS = 3_000
"""So long a fault waits for its moment."""

CUT_MS = (300, 4_000)
MAX_HOLD_MS = 12_000
HOLD_MS = (300, 4_000)
"""How long a Store is held back that does not wait for another layout."""

MAX_HELD = 3
WATCH_MS = 50


NEWS_OF_LAYOUTS = frozenset({LayoutIs, Prepare, Accept})
BURY_MS = (50, 500)
"""So long after a Store was held back something later is to be written."""


class Aims:
    """What is armed at present. `bury` is called with the keys of a Store that is held back, a
    little later: what is written then is not to be undone by it."""

    def __init__(
        self,
        simulation: Simulation,
        replicas: Replicas,
        bury: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._bury = bury
        self._simulation = simulation
        self._replicas = replicas
        self._rng = Random(f"{simulation.seed} aims")
        self._cut_until_ms = self._hold_until_ms = self._crash_until_ms = -1
        self._held: list[tuple[str, Envelope]] = []
        self._unaware: dict[str, int] = {}
        self._over = False
        simulation.network.tap = self._tap
        simulation.transcript.listen(LayoutIs, self._on_layout)

    def cut_after_store(self) -> None:
        """Cut off, or crash, the next coordinator whose first Store of a turn has left."""
        self._cut_until_ms = self._simulation.now_ms + PATIENCE_MS

    def hold_store(self) -> None:
        """Keep some of the next Stores on their way for a while, or until the layout has changed
        once or several times."""
        self._hold_until_ms = self._simulation.now_ms + PATIENCE_MS

    def keep_from_layouts(self, name: str, duration_ms: int) -> None:
        """Let this node hear nothing of layouts for a while."""
        self._simulation.note(f"{name} hears nothing of layouts")
        self._unaware[name] = self._simulation.now_ms + duration_ms

    def crash_in_layout(self) -> None:
        """Crash the next node that has adopted a layout."""
        self._crash_until_ms = self._simulation.now_ms + PATIENCE_MS

    def end(self) -> None:
        """Nothing is armed, and what was held arrives."""
        self._over = True
        self._simulation.network.tap = None
        held, self._held = self._held, []
        for address, envelope in held:
            self._simulation.network.deliver(address, envelope)

    def _tap(self, sender: Process, address: str, envelope: Envelope) -> bool:
        now_ms = self._simulation.now_ms
        if self._unaware and type(envelope.message) in NEWS_OF_LAYOUTS:
            receiver = self._simulation.network.listening(address)
            return receiver is not None and now_ms < self._unaware.get(receiver.node.name, 0)
        if type(envelope.message) is not Store:
            return False
        if now_ms < self._cut_until_ms:
            self._cut_until_ms = -1
            self._cut_off(sender, address, envelope)
            return True
        if now_ms < self._hold_until_ms and self._rng.random() < 0.5:
            self._hold(address, envelope)
            return True
        return False

    def _cut_off(self, sender: Process, address: str, envelope: Envelope) -> None:
        """This arrives, and nothing that leaves after it."""
        simulation = self._simulation
        name = sender.node.name
        simulation.note(f"{name} has sent its first Store")
        simulation.after(1, partial(simulation.network.deliver, address, envelope))
        if self._rng.random() < 0.3:
            simulation.crash(name)
            return
        others = [other for other in simulation.nodes if other != name]
        simulation.partition([name], others)

        def mend() -> None:
            if not self._over:
                simulation.mend([name], others)

        simulation.after(self._rng.randint(*CUT_MS), mend)

    def _hold(self, address: str, envelope: Envelope) -> None:
        self._simulation.note("a Store is held back")
        assert isinstance(envelope.message, Store)
        bury = partial(self._bury, envelope.message.keys)
        self._simulation.after(self._rng.randint(*BURY_MS), bury)
        self._held.append((address, envelope))
        if len(self._held) >= MAX_HELD:
            self._hold_until_ms = -1
        epochs = self._rng.choice((0, 1, 1, 2, 3))
        hold_ms = MAX_HOLD_MS if epochs else self._rng.randint(*HOLD_MS)
        until_ms = self._simulation.now_ms + hold_ms
        epoch = self._replicas.layout().epoch + (epochs or 1_000)
        self._simulation.after(WATCH_MS, partial(self._look, address, envelope, epoch, until_ms))

    def _look(self, address: str, envelope: Envelope, epoch: int, until_ms: int) -> None:
        if self._over:
            return
        if self._replicas.layout().epoch < epoch and self._simulation.now_ms < until_ms:
            again = partial(self._look, address, envelope, epoch, until_ms)
            self._simulation.after(WATCH_MS, again)
            return
        self._held = [held for held in self._held if held[1] is not envelope]
        self._simulation.note("a Store that was held back arrives")
        self._simulation.network.deliver(address, envelope)

    def _on_layout(self, envelope: Envelope) -> None:
        """A storage tells its host of the layout that is on the disk."""
        if self._simulation.now_ms >= self._crash_until_ms:
            return
        if envelope.to.actor == HOST:
            self._crash_until_ms = -1
            self._simulation.after(self._rng.randint(0, 3), partial(self._crash, envelope.to.node))

    def _crash(self, node_id: str) -> None:
        for node in self._simulation.nodes.values():
            if node.id == node_id and node.process is not None:
                self._simulation.note(f"{node.name} has adopted a layout")
                node.process.die("crashes")
