"""Faults drawn from a simulation's seed: each one begins, lasts a while and ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from actors.messages import Message
from nodes.simulated import Simulation
from nodes.simulated.disk import Fault
from nodes.simulated.network import Weather

HOUR_MS = 3_600_000


class Faults:
    """They go on until `end`, which ends all of them. Nodes that died are started again. Some are
    aimed at messages of the types `aims`."""

    def __init__(
        self, simulation: Simulation, names: Sequence[str], aims: Sequence[type[Message]]
    ) -> None:
        self._simulation = simulation
        self._rng = simulation.rng
        self._names = list(names)
        self._aims = (None, *aims)
        self._over = False
        self._kinds: list[Callable[[], None]] = [
            self._crash,
            self._crash_in_commit,
            self._crash_in_commit,
            self._crash_all,
            self._partition,
            self._pause,
            self._fill,
            self._storm,
            self._storm,
            self._storm,
            self._storm,
        ]
        for name in names:
            simulation.nodes[name].wall_skew_ms = self._rng.choice((-HOUR_MS, 0, HOUR_MS))
        self._next()
        self._supervise()

    def end(self) -> None:
        """From now on all is well again."""
        simulation = self._simulation
        self._over = True
        simulation.note("the faults are over")
        simulation.heal()
        self._calm()
        for name in self._names:
            node = simulation.nodes[name]
            node.disk.full = False
            node.disk.next_fault = None
            if node.process is None:
                simulation.start(name)
            elif node.process.paused:
                simulation.resume(name)

    def _next(self) -> None:
        if not self._over:
            self._rng.choice(self._kinds)()
            self._simulation.after(self._rng.randint(50, 800), self._next)

    def _supervise(self) -> None:
        """Start what is down, some time later."""
        if not self._over:
            for name in self._names:
                if self._simulation.nodes[name].process is None and self._rng.random() < 0.08:
                    self._simulation.start(name)
            self._simulation.after(100, self._supervise)

    def _any_node(self) -> str:
        return self._rng.choice(self._names)

    def _later(self, least_ms: int, most_ms: int, action: Callable[[], None]) -> None:
        def act() -> None:
            if not self._over:
                action()

        self._simulation.after(self._rng.randint(least_ms, most_ms), act)

    def _crash(self) -> None:
        name = self._any_node()
        if self._simulation.nodes[name].process is not None:
            self._simulation.crash(name)

    def _crash_in_commit(self) -> None:
        faults: tuple[Fault, ...] = ("before_sync", "after_sync", "error")
        self._simulation.set_fault(self._any_node(), self._rng.choice(faults))

    def _crash_all(self) -> None:
        for name in self._names:
            if self._simulation.nodes[name].process is not None:
                self._simulation.crash(name)

    def _partition(self) -> None:
        alone = self._any_node()
        others = [name for name in self._names if name != alone]
        one_way = self._rng.random() < 0.5
        if self._rng.random() < 0.5:
            self._simulation.partition([alone], others, one_way=one_way)
        else:
            self._simulation.partition(others, [alone], one_way=one_way)
        self._later(200, 5_000, self._simulation.heal)

    def _pause(self) -> None:
        name = self._any_node()
        process = self._simulation.nodes[name].process
        if process is not None and not process.paused:
            self._simulation.pause(name)
            self._later(100, 2_000, partial(self._resume, name))

    def _resume(self, name: str) -> None:
        process = self._simulation.nodes[name].process
        if process is not None and process.paused:
            self._simulation.resume(name)

    def _fill(self) -> None:
        name = self._any_node()
        self._simulation.set_full(name, True)
        self._later(100, 1_000, partial(self._simulation.set_full, name, False))

    def _storm(self) -> None:
        """Loss, duplicates, and messages that others overtake."""
        weather = self._simulation.weather
        weather.aimed_at = self._rng.choice(self._aims)
        weather.loss = self._rng.choice((0.0, 0.1, 0.3))
        weather.gossip_loss = self._rng.choice((0.0, 0.3, 1.0))
        weather.duplication = self._rng.choice((0.0, 0.2))
        weather.client_duplication = self._rng.choice((0.0, 0.3))
        weather.straggling = self._rng.choice((0.0, 0.1, 0.3))
        weather.max_delay_us = self._rng.choice((400, 20_000, 200_000))
        self._later(500, 5_000, self._calm)

    def _calm(self) -> None:
        weather, fine = self._simulation.weather, Weather()
        weather.aimed_at = fine.aimed_at
        weather.loss = fine.loss
        weather.gossip_loss = fine.gossip_loss
        weather.duplication = fine.duplication
        weather.client_duplication = fine.client_duplication
        weather.straggling = fine.straggling
        weather.max_delay_us = fine.max_delay_us
