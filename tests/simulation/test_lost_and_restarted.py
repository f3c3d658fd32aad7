"""Most machines are lost at once, and those that are left are started anew before anybody says so:
nobody confirms them, or too few. Once the lost were given up they serve all that they have.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from random import Random

import pytest

from actors.errors import GossamerError
from actors.file_settings import FileSettings
from actors.layout import Layout
from actors.messages import Check, Checked, Departed, Forget, Get, Got, Write, Written
from actors.router_settings import RouterSettings
from actors.versions import Version
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome
from nodes.simulated.replicas import Replicas, held_on, layout_on
from nodes.simulated.trial import settings_of
from nodes.simulated.witness import Witness, stamp_of

NAMES = ("node1", "node2", "node3", "node4", "node5")
KEYS = tuple(f"key{i}" for i in range(20))
TIMEOUT_MS = 2_000
FORGET_MS = 5_000
WELL_MS = 30_000
CONNECTED_MS = 50
"""A client notices within this that a node is up."""
LOSSES = [(2, 1), (3, 2), (4, 3), (5, 3), (5, 4)]
"""So many machines, of which so many are lost."""

some_seeds = pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.seeds) for seed in range(1, 8))]
)


def put(key: str, value: str) -> Write:
    """A write of one key."""
    return Write((key,), ("json",), (f'"{value}"'.encode(),), "quorum", 0, TIMEOUT_MS)


class Survivors:
    """A network in which some machines, the `lost`, are lost while others, `left`, are down."""

    def __init__(self, seed: int, count: int, losses: int) -> None:
        self.rng = Random(f"{seed} survivors")
        names = NAMES[:count]
        settings = replace(settings_of(seed, FileSettings()), router=RouterSettings())
        self.simulation = simulation = Simulation(seed, settings=settings, recording=False)
        self.replicas = Replicas(simulation)
        self.witness = Witness(simulation, self.replicas)
        simulation.begin(*names)
        self.clients = {n: simulation.add_client(f"client of {n}", n) for n in names}
        simulation.run_for(200)
        for key in KEYS:
            written = self.ask(self.rng.choice(names), put(key, key))
            assert isinstance(written, Written)
        self.written = 0
        self.lost = self.rng.sample(names, losses)
        self.left = [name for name in names if name not in self.lost]

    def ask(self, name: str, request: Write | Get | Forget | Check) -> Outcome:
        """What this node answers."""
        patience_ms = FORGET_MS if isinstance(request, Forget) else TIMEOUT_MS
        return self.simulation.ask(self.clients[name], request, patience_ms)

    def lose(self) -> dict[str, Version]:
        """The power fails everywhere, and some do not come back. Of each key the latest that any of
        the others holds."""
        for name in sorted([*self.lost, *self.left]):
            self.simulation.crash(name)
        self.simulation.run_for(1_000)
        found: dict[str, Version] = {}
        for name in self.left:
            for key, version in held_on(self.simulation.nodes[name]).items():
                found[key] = max(version, found.get(key, version))
        return found

    def start(self, *names: str) -> None:
        """Start these, and wait for a while, in which clients get connections at least."""
        for name in names:
            self.simulation.start(name)
        self.simulation.run_for(self.rng.choice((CONNECTED_MS, 1_000, 20_000)))

    def forget(self, name: str, at: str) -> Outcome:
        """By the word of a person, said to this node."""
        return self.ask(at, Forget(name, True, FORGET_MS))

    def give_up_the_lost(self) -> None:
        """In any order, through any of those that are left; then all is to be well. Those that have
        confirmed each other know that the others are dead before that. Where two of them decide at
        once, each by itself, one is overruled: whom that had given up is given up once more."""
        simulation = self.simulation
        if len(self.left) > 1:
            for name, viewer in product(self.lost, self.left):
                simulation.run_until(partial(self.is_dead, name, viewer), WELL_MS)
        while members := self.lost_members():
            for name in self.rng.sample(members, len(members)):
                gone = self.forget(name, self.rng.choice(self.left))
                assert isinstance(gone, Departed), gone
                simulation.run_for(self.rng.choice((0, 50, 3_000)))
            simulation.run_for(1_000)
        simulation.run_until(self.is_well, WELL_MS)

    def is_dead(self, name: str, viewer: str) -> bool:
        """Does this node say so of that?"""
        shown = self.simulation.process(viewer).members.members
        return any((m.name, m.state) == (name, "dead") for m in shown)

    def layout(self) -> Layout:
        """The latest that any of those that are left has."""
        layouts = [layout_on(self.simulation.nodes[name]) for name in self.left]
        return max(layouts, key=lambda layout: layout.epoch)

    def lost_members(self) -> list[str]:
        """Those of the lost that are members in it."""
        members = self.layout().members
        return [name for name in self.lost if self.simulation.nodes[name].id in members]

    def is_well(self) -> bool:
        """Are those that are left the members, and agree on everything?"""
        layout = self.layout()
        left = tuple(sorted(self.simulation.nodes[name].id for name in self.left))
        is_theirs = (layout.base, layout.next) == (left, ())
        return is_theirs and not self.replicas.differences()

    def check(self, held: dict[str, Version]) -> None:
        """All that is left is served by everybody, and new values are taken."""
        for name in self.left:
            got = self.ask(name, Get(tuple(held), True, "quorum", TIMEOUT_MS))
            assert isinstance(got, Got), got
            assert set(got.codes) == {"ok"}
            for version, expected in zip(got.versions, held.values(), strict=True):
                assert stamp_of(version) == expected.stamp
            self.written += 1
            written = self.ask(name, put(f"of {name}", f"new {self.written}"))
            assert isinstance(written, Written)
            assert written.codes == ("ok",)
            told = self.ask(name, Check(TIMEOUT_MS))
            assert isinstance(told, Checked), told
            assert (told.members, told.under_replicated) == (len(self.left), 0)
        assert self.witness.wrong == []


@some_seeds
@pytest.mark.parametrize(("count", "losses"), LOSSES)
def test_those_that_were_restarted_give_up_the_lost(seed: int, count: int, losses: int) -> None:
    """One alone, or more, which confirm each other, but are no majority; the lost stay away."""
    survivors = Survivors(seed, count, losses)
    held = survivors.lose()
    survivors.start(*survivors.left)
    survivors.give_up_the_lost()
    survivors.check(held)
    simulation = survivors.simulation
    nodes = [simulation.nodes[name] for name in survivors.lost]
    for node in nodes:
        simulation.start(node.name)
    simulation.run_until(lambda: not any(node.process for node in nodes), WELL_MS)
    assert {node.gave_up for node in nodes} == {"refused"}
    survivors.check(held)


@some_seeds
def test_one_that_comes_back_later_finds_the_lost_given_up(seed: int) -> None:
    """Of two that are left it is the second to start: they go on together with what both have."""
    survivors = Survivors(seed, 5, 3)
    held = survivors.lose()
    first, second = survivors.left
    survivors.start(first)
    for name in survivors.lost:
        gone = survivors.forget(name, first)
        assert isinstance(gone, Departed), gone
    refused = survivors.ask(first, Get(KEYS, True, "quorum", TIMEOUT_MS))
    assert isinstance(refused, GossamerError)
    assert refused.code == "not_ready"
    survivors.start(second)
    survivors.simulation.run_until(survivors.is_well, WELL_MS)
    survivors.check(held)


@some_seeds
def test_a_node_crashes_between_giving_up_one_and_the_other(seed: int) -> None:
    """What it has given up it needs not to give up again."""
    survivors = Survivors(seed, 3, 2)
    held = survivors.lose()
    [left] = survivors.left
    for name in survivors.lost:
        survivors.start(left)
        gone = survivors.forget(name, left)
        assert isinstance(gone, Departed), gone
        survivors.simulation.run_for(survivors.rng.choice((0, 1, 5, 1_000)))
        survivors.simulation.crash(left)
    survivors.start(left)
    survivors.simulation.run_until(survivors.is_well, WELL_MS)
    survivors.check(held)


@some_seeds
def test_nobody_that_is_there_is_given_up_by_one_that_was_restarted(seed: int) -> None:
    """Of three one is told at once to give up the others: it hears of them, and refuses."""
    survivors = Survivors(seed, 3, 2)
    [restarted] = survivors.left
    simulation = survivors.simulation
    simulation.crash(restarted)
    simulation.run_for(survivors.rng.choice((0, 1_000, 20_000)))
    before = survivors.replicas.layout()
    simulation.start(restarted)
    simulation.run_for(CONNECTED_MS)
    for name in survivors.lost:
        refused = survivors.forget(name, restarted)
        assert isinstance(refused, GossamerError), refused
        assert (refused.code, refused.definite) == ("refused", True)
        assert f"{name} is alive: let it leave, or wait until it is dead" in str(refused)
    simulation.run_for(WELL_MS)
    assert survivors.replicas.layout() == before


@some_seeds
def test_who_was_forgotten_does_not_go_live_while_it_can_hear_that(seed: int) -> None:
    """It is told to give up those that forgot it, and they can be reached a moment later."""
    survivors = Survivors(seed, 3, 2)
    [stale] = survivors.left
    simulation, others = survivors.simulation, survivors.lost
    simulation.crash(stale)
    simulation.run_until(partial(survivors.is_dead, stale, others[0]), WELL_MS)
    gone = survivors.ask(others[0], Forget(stale, False, FORGET_MS))
    assert isinstance(gone, Departed), gone
    simulation.run_for(5_000)
    simulation.partition([stale], others)
    simulation.start(stale)
    simulation.run_for(survivors.rng.choice((CONNECTED_MS, 20_000)))
    simulation.after(survivors.rng.choice((500, 1_500)), simulation.heal)
    refused = survivors.forget(others[0], stale)
    assert isinstance(refused, GossamerError), refused
    assert refused.code in ("stopping", "timed_out")  # Its end may come before its answer.
    simulation.run_until(lambda: simulation.nodes[stale].process is None, WELL_MS)
    assert simulation.nodes[stale].gave_up == "refused"
    assert layout_on(simulation.nodes[stale]).lost == ()
