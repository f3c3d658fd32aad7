"""Faults drawn from a simulation's seed: each one begins, lasts a while and ends.

Every kind comes up before any comes up again; beyond that each seed has favourites, for what is
rare beside all the others is common where they are few (Groce et al., "Swarm testing", ISSTA 2012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from actors.messages import Collect, Confirmed, LayoutIs, Message, Observed, Pulled, Store, Stored
from nodes.simulated import Simulation
from nodes.simulated.aims import Aims
from nodes.simulated.chunk_judge import Chunks
from nodes.simulated.disk import Fault
from nodes.simulated.fleet import Fleet
from nodes.simulated.network import Weather
from nodes.simulated.replicas import Replicas

HOUR_MS = 3_600_000
FINE = Weather()
AIMED_AT: tuple[type[Message], ...] = (
    Store,
    Stored,
    Observed,
    LayoutIs,
    Pulled,
    Confirmed,
    Collect,
)

PAUSES_MS = ((50, 800), (50, 800), (300, 2_000), (300, 2_000))
"""Between two faults. What takes its time comes about where they are few."""

KINDS = {
    "crash": "a machine loses power, and what it has not synced",
    "crash-in-commit": "a machine loses power just before or after a sync, or its disk fails",
    "crash-all": "all machines lose power at once",
    "restart": "a node is stopped, and started again",
    "pause": "a node does nothing for a while, and then goes on",
    "disk-full": "a disk has no room",
    "clock": "a wall clock is an hour off",
    "partition": "the network falls into two parts",
    "one-way": "what some send does not reach the others, but they hear these",
    "delay": "messages take long",
    "loss": "messages are lost",
    "duplication": "messages arrive twice",
    "reordering": "messages overtake others",
    "aimed-loss": "of one type of message most are lost or late",
    "cut-after-store": "a coordinator is cut off when the first replica was sent a value",
    "hold-store": "a value is on its way until the layout has changed",
    "old-layout": "a node does not hear that machines have joined or left",
    "crash-in-layout": "a node crashes that has just adopted a layout",
    "rot": "a chunk of a file has other bytes on one disk, or is gone from it",
    "wipe": "a machine comes back with an empty disk",
    "join": "a new machine joins",
    "leave": "a member leaves for good",
}
"""What there is, and what each means."""


class Faults:
    """They go on until `end`, which ends all of them. Nodes that died are started again. `begun`
    counts them by kind."""

    def __init__(
        self,
        simulation: Simulation,
        fleet: Fleet,
        replicas: Replicas,
        kinds: Sequence[str],
        aimed_at: Sequence[type[Message]] = AIMED_AT,
        bury: Callable[[tuple[str, ...]], None] = lambda keys: None,
    ) -> None:
        self._simulation = simulation
        self._fleet = fleet
        self._rng = simulation.rng
        self._aimed_at = aimed_at
        self._aims = Aims(simulation, replicas, bury)
        self._chunks = Chunks(simulation, replicas)
        self._over = False
        self._weights = {kind: self._rng.choice((1, 1, 4)) for kind in kinds}
        self._pause_ms = self._rng.choice(PAUSES_MS)
        self._bag = self._rng.sample(list(kinds), len(kinds))
        self.begun: Counter[str] = Counter()
        self._next()
        self._supervise()

    def end(self) -> None:
        """From now on all is well again."""
        self._over = True
        self._simulation.note("the faults are over")
        self._aims.end()
        self._simulation.heal()
        self._clear_up([field.name for field in fields(Weather)])
        for node in self._simulation.nodes.values():
            for disk in (node.disk, node.chunks):
                disk.full = False
                disk.next_fault = None
            node.wall_skew_ms = 0
            self._resume(node.name)

    def _next(self) -> None:
        if self._over or not self._weights:
            return
        for _ in self._weights:
            if not self._bag:
                self._bag = [kind for kind, weight in self._weights.items() for _ in range(weight)]
                self._rng.shuffle(self._bag)
            kind = self._bag.pop()
            if self._begin(kind):
                self.begun[kind] += 1
                break
        self._simulation.after(self._rng.randint(*self._pause_ms), self._next)

    def _supervise(self) -> None:
        """Start what is down, some time later; at once when the faults are over."""
        self._fleet.revive(1.0 if self._over else 0.08)
        self._simulation.after(100, self._supervise)

    def _begin(self, kind: str) -> bool:
        """Begin a fault of this kind; False if there can be none at present."""
        begin: Callable[[], bool | None] = getattr(self, "_" + kind.replace("-", "_"))
        return begin() is not False

    def _later(self, least_ms: int, most_ms: int, action: Callable[[], None]) -> None:
        def act() -> None:
            if not self._over:
                action()

        self._simulation.after(self._rng.randint(least_ms, most_ms), act)

    def _any_up(self) -> str:
        """One whose process lives, or empty."""
        up = self._fleet.up()
        return self._rng.choice(up) if up else ""

    # Machines.

    def _crash(self) -> bool:
        name = self._any_up()
        if name:
            self._simulation.crash(name)
        return bool(name)

    def _crash_in_commit(self) -> bool:
        name = self._any_up()
        if name:
            faults: tuple[Fault, ...] = ("before_sync", "after_sync", "error")
            self._simulation.set_fault(name, self._rng.choice(faults))
        return bool(name)

    def _crash_all(self) -> None:
        for name in self._fleet.up():
            self._simulation.crash(name)

    def _restart(self) -> bool:
        name = self._any_up()
        if name:
            self._simulation.note(f"{name} is told to stop")
            self._simulation.process(name).begin_stop()
        return bool(name)

    def _pause(self) -> bool:
        name = self._any_up()
        if not name or self._simulation.process(name).paused:
            return False
        self._simulation.pause(name)
        self._later(100, 4_000, partial(self._resume, name))
        return True

    def _resume(self, name: str) -> None:
        process = self._simulation.nodes[name].process
        if process is not None and process.paused:
            self._simulation.resume(name)

    def _disk_full(self) -> bool:
        name = self._any_up()
        if name:
            self._simulation.set_full(name, True)
            self._later(100, 2_000, partial(self._simulation.set_full, name, False))
        return bool(name)

    def _clock(self) -> bool:
        name = self._any_up()
        if name:
            self._set_clock(name, self._rng.choice((-HOUR_MS, HOUR_MS)))
            self._later(500, 10_000, partial(self._set_clock, name, 0))
        return bool(name)

    def _set_clock(self, name: str, skew_ms: int) -> None:
        self._simulation.note(f"the clock of {name} is {skew_ms // 60_000} minutes off")
        self._simulation.nodes[name].wall_skew_ms = skew_ms

    def _rot(self) -> bool:
        what = self._chunks.spoil(self._rng) if self._fleet.is_settled else ""
        if what:
            self._simulation.note(what)
        return bool(what)

    def _wipe(self) -> bool:
        return bool(self._fleet.wipe())

    def _join(self) -> bool:
        return self._one_or_two(self._fleet.join)

    def _leave(self) -> bool:
        return self._one_or_two(self._fleet.leave)

    def _one_or_two(self, change: Callable[[], str]) -> bool:
        is_begun = bool(change())
        if is_begun and self._rng.random() < 0.5:
            change()
        return is_begun

    # The network.

    def _partition(self) -> bool:
        return self._cut(one_way=False)

    def _one_way(self) -> bool:
        return self._cut(one_way=True)

    def _cut(self, one_way: bool) -> bool:
        names = self._fleet.machines()
        if len(names) < 2:
            return False
        one = self._rng.sample(names, self._rng.randint(1, len(names) - 1))
        other = [name for name in names if name not in one]
        self._simulation.partition(one, other, one_way=one_way)
        mend = partial(self._simulation.mend, one, other, one_way=one_way)
        self._later(200, 5_000, mend)
        return True

    def _delay(self) -> None:
        most_us = self._rng.choice((20_000, 200_000, 300_000))
        self._change(min_delay_us=most_us // 3, max_delay_us=most_us)

    def _loss(self) -> None:
        loss = self._rng.choice((0.05, 0.1, 0.3))
        self._change(loss=loss, gossip_loss=self._rng.choice((0.0, 0.3, 1.0)))

    def _duplication(self) -> None:
        self._change(duplication=0.2, client_duplication=self._rng.choice((0.0, 0.3)))

    def _reordering(self) -> None:
        straggler_us = self._rng.choice((500_000, 1_000_000, 4_000_000))
        self._change(straggling=self._rng.choice((0.1, 0.3)), straggler_us=straggler_us)

    def _aimed_loss(self) -> None:
        self._change(aimed_at=self._rng.choice(self._aimed_at))

    def _change(self, **weather: Any) -> None:
        """Change the weather in this, for a while."""
        words = [f"{name} {getattr(value, '__name__', value)}" for name, value in weather.items()]
        self._simulation.note(f"weather: {', '.join(words)}")
        for name, value in weather.items():
            setattr(self._simulation.weather, name, value)
        self._later(500, 5_000, partial(self._clear_up, list(weather)))

    def _clear_up(self, names: Sequence[str]) -> None:
        self._simulation.note(f"weather: no more {', '.join(names)}")
        for name in names:
            setattr(self._simulation.weather, name, getattr(FINE, name))

    # What is aimed at a moment.

    def _cut_after_store(self) -> None:
        self._aims.cut_after_store()

    def _hold_store(self) -> None:
        self._aims.hold_store()

    def _old_layout(self) -> bool:
        name = self._any_up()
        if name:
            self._aims.keep_from_layouts(name, self._rng.randint(2_000, 8_000))
            changes = self._rng.sample((self._join, self._leave), 2)
            _ = any(change() for change in changes)
        return bool(name)

    def _crash_in_layout(self) -> None:
        self._aims.crash_in_layout()
