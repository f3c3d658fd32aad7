"""Two machines are lost at once, and with them most copies of some keys: once both were given up,
the others have all that any of them had, and serve every key.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from actors.errors import GossamerError
from actors.file_settings import FileSettings
from actors.layout import Layout, Placement
from actors.messages import Check, Checked, Departed, Forget, Get, Got, Write, Written
from actors.ring import partition_of
from actors.router_settings import RouterSettings
from actors.versions import Version
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.replicas import Replicas, held_on, layout_on
from nodes.simulated.trial import settings_of
from nodes.simulated.witness import Witness, stamp_of

SEEDS = range(6)
NAMES = ("node1", "node2", "node3", "node4", "node5")
KEYS = tuple(f"key{i}" for i in range(40))
TIMEOUT_MS = 2_000
FORGET_MS = 5_000
DEAD_MS = 20_000
WELL_MS = 30_000


def put(key: str, value: str) -> Write:
    """A write of one key."""
    return Write((key,), ("json",), (f'"{value}"'.encode(),), "quorum", 0, TIMEOUT_MS)


class Writer:
    """Writes a key again and again. `possible` are the values that may be read in the end: the last
    that was acknowledged, and what may have been written after it."""

    def __init__(self, simulation: Simulation, client: SimulatedClient, key: str) -> None:
        self._simulation = simulation
        self._client = client
        self._count = 0
        self.key = key
        self.is_over = False
        self.acknowledged = 0
        self.possible: list[bytes] = []
        self._write()

    def _write(self) -> None:
        if self.is_over:
            return
        self._count += 1
        request = put(self.key, f"{self.key} {self._count}")
        self.possible += request.values

        def then(outcome: Outcome) -> None:
            if isinstance(outcome, Written) and outcome.codes == ("ok",):
                self.acknowledged += 1
                self.possible = [*request.values]
            self._simulation.after(100, self._write)

        self._client.submit(request, TIMEOUT_MS, then)


class Reader:
    """Reads keys again and again, each time through one node. No answer may be older than what is
    `held`; `found` are the keys that were answered so far."""

    def __init__(self, loss: Loss, held: dict[str, Version]) -> None:
        self._loss = loss
        self._held = held
        self.found: set[str] = set()
        self.is_over = False
        self._read()

    def _read(self) -> None:
        if self.is_over:
            return
        loss = self._loss
        client = loss.clients[loss.rng.choice(loss.left)]
        client.submit(get(*self._held), TIMEOUT_MS, self._then)

    def _then(self, outcome: Outcome) -> None:
        assert isinstance(outcome, Got), outcome
        for key, code, version in zip(self._held, outcome.codes, outcome.versions, strict=True):
            assert code in ("ok", "unavailable", "timed_out"), (key, code)
            if code == "ok":
                assert stamp_of(version) >= self._held[key].stamp, key
                self.found.add(key)
        self._loss.simulation.after(10, self._read)


class Loss:
    """A network of five, of which two machines, the `lost`, are to be lost at once. `left` are the
    others."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"{seed} loss")
        settings = replace(settings_of(seed, FileSettings()), router=RouterSettings())
        self.simulation = simulation = Simulation(seed, settings=settings, recording=False)
        self.replicas = Replicas(simulation)
        self.witness = Witness(simulation, self.replicas)
        simulation.begin(*NAMES)
        self.clients = {n: simulation.add_client(f"client of {n}", n) for n in NAMES}
        simulation.run_for(200)
        for key in KEYS:
            client = self.clients[self.rng.choice(NAMES)]
            simulation.ask(client, put(key, key), TIMEOUT_MS)
        self.lost = self.rng.sample(NAMES, 2)
        self.left = [name for name in NAMES if name not in self.lost]

    def id_of(self, name: str) -> str:
        """Of the member that this machine is."""
        return self.simulation.nodes[name].id

    def write_some(self) -> None:
        """Values that may get to some of their owners alone."""
        for key in self.rng.sample(KEYS, 8):
            client = self.clients[self.rng.choice(NAMES)]
            client.submit(put(key, f"{key} late"), TIMEOUT_MS, lambda outcome: None)
        self.simulation.run_for(self.rng.choice((0, 1, 2, 3, 5)))

    def crash_the_lost(self) -> None:
        """Both at once, and what they had is no more."""
        for name in self.lost:
            self.simulation.crash(name)
        self.simulation.run_until(self.are_dead, DEAD_MS)

    def are_dead(self) -> bool:
        """Do the others know of it?"""
        shown = [self.simulation.process(name).members.members for name in self.left]
        return all(m.state == "dead" for members in shown for m in members if m.name in self.lost)

    def layout(self) -> Layout:
        """The latest that any of those that are left has."""
        layouts = [layout_on(self.simulation.nodes[name]) for name in self.left]
        return max(layouts, key=lambda layout: layout.epoch)

    def orphans(self) -> list[str]:
        """The keys that have lost most of their owners."""
        placement = Placement(self.layout())
        lost = {self.id_of(name) for name in self.lost}
        return [key for key in KEYS if lost <= {*placement.old_owners(partition_of(key))}]

    def held(self) -> dict[str, Version]:
        """Of each key the latest that any of those that are left holds."""
        found: dict[str, Version] = {}
        for name in self.left:
            for key, version in held_on(self.simulation.nodes[name]).items():
                found[key] = max(version, found.get(key, version))
        return found

    def forget(self, name: str, *, accept_loss: bool = True) -> Outcome:
        """Through any of those that are left."""
        client = self.clients[self.rng.choice(self.left)]
        return self.simulation.ask(client, Forget(name, accept_loss, FORGET_MS), FORGET_MS)

    def give_up_both(self) -> None:
        """In any order, with any pause between."""
        for name in self.rng.sample(self.lost, 2):
            gone = self.forget(name)
            assert isinstance(gone, Departed), gone
            self.simulation.run_for(self.rng.choice((0, 0, 50, 300, 3_000)))
        self.simulation.run_until(self.is_well, WELL_MS)

    def is_well(self) -> bool:
        """Are those that are left the members, and agree on everything?"""
        layout = self.layout()
        left = sorted(map(self.id_of, self.left))
        is_theirs = (layout.base, layout.next) == (tuple(left), ())
        return is_theirs and not self.replicas.differences()

    def read(self, name: str, key: str) -> Got:
        """What this node tells of a key."""
        got = self.simulation.ask(self.clients[name], get(key), TIMEOUT_MS)
        assert isinstance(got, Got), got
        assert got.codes == ("ok",), (key, got.codes)
        return got

    def checked(self, name: str) -> Checked:
        """What `gossamer status` is told by this node."""
        checked = self.simulation.ask(self.clients[name], Check(TIMEOUT_MS), TIMEOUT_MS)
        assert isinstance(checked, Checked), checked
        return checked


def get(*keys: str) -> Get:
    """A read of these keys."""
    return Get(keys, True, "quorum", TIMEOUT_MS)


def recover(loss: Loss, held: dict[str, Version]) -> None:
    """Give both up, while clients read and write: nothing that is acknowledged to them is lost, nor
    is anything read as older than it was `held`."""
    simulation = loss.simulation
    orphans = {key: held[key] for key in loss.orphans()}
    reader = Reader(loss, orphans)
    clients = [loss.clients[loss.rng.choice(loss.left)] for _ in range(6)]
    writers = [Writer(simulation, client, f"hot{i}") for i, client in enumerate(clients)]
    loss.give_up_both()
    simulation.run_for(1_000)
    assert reader.found == {*orphans}
    reader.is_over = True
    for writer in writers:
        writer.is_over = True
    simulation.run_for(TIMEOUT_MS)
    for writer in writers:
        assert writer.acknowledged
        for name in loss.left:
            assert loss.read(name, writer.key).values[0] in writer.possible
    assert loss.witness.wrong == []


def check(loss: Loss, held: dict[str, Version]) -> None:
    """All that is left is served by everybody, with as many copies as there are to be."""
    for name in loss.left:
        for key, version in held.items():
            assert stamp_of(loss.read(name, key).versions[0]) == version.stamp
        told = loss.checked(name)
        assert (told.members, told.under_replicated, told.without_quorum) == (3, 0, 0)
        assert told.silent == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_all_that_is_left_of_two_lost_machines_is_served_again(seed: int) -> None:
    """Each key as the latest that any of the others holds; and the lost cannot come back."""
    loss = Loss(seed)
    simulation = loss.simulation
    loss.write_some()
    loss.crash_the_lost()
    held = loss.held()
    assert loss.orphans()
    recover(loss, held)
    check(loss, held)
    for name in loss.lost:
        simulation.start(name)
    simulation.run_until(lambda: all(not simulation.nodes[n].process for n in loss.lost), 10_000)
    assert {simulation.nodes[name].gave_up for name in loss.lost} == {"refused"}
    check(loss, held)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_given_up_and_lives_ends_when_it_hears_of_that(seed: int) -> None:
    """Two that are cut off write keys of which they are most owners: that is lost, and stays so."""
    loss = Loss(seed)
    simulation = loss.simulation
    loss.write_some()
    simulation.partition(loss.lost, loss.left)
    simulation.run_until(loss.are_dead, DEAD_MS)
    held = loss.held()
    orphan = loss.orphans()[0]
    written = simulation.ask(loss.clients[loss.lost[0]], put(orphan, "in vain"), TIMEOUT_MS)
    assert isinstance(written, Written)
    assert written.codes == ("ok",)
    recover(loss, held)
    simulation.heal()
    simulation.run_until(lambda: all(not simulation.nodes[n].process for n in loss.lost), 20_000)
    check(loss, held)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_move_that_a_second_loss_has_stopped_is_given_up(seed: int) -> None:
    """The first is being struck out as the second dies: then both are to be given up."""
    loss = Loss(seed)
    simulation, [first, second] = loss.simulation, loss.lost
    simulation.crash(first)
    loss.lost = [first]
    simulation.run_until(loss.are_dead, DEAD_MS)
    loss.lost = [first, second]
    asked: list[Outcome] = []
    client = loss.clients[loss.left[0]]
    client.submit(Forget(first, False, FORGET_MS), FORGET_MS, asked.append)
    simulation.run_until(lambda: bool(loss.layout().next), 10_000)
    simulation.crash(second)
    simulation.run_until(loss.are_dead, DEAD_MS)
    simulation.run_until(lambda: bool(asked), 2 * FORGET_MS)
    [told] = asked
    assert isinstance(told, GossamerError)
    assert (told.code, told.definite) == ("timed_out", False)
    assert "--accept-loss" in str(told)
    assert loss.layout().next
    held = loss.held()
    recover(loss, held)
    check(loss, held)


@pytest.mark.parametrize("accept_first", [False, True])
def test_a_plain_forget_is_refused_at_once_where_it_could_not_be_done(accept_first: bool) -> None:
    """It says who is down, and what is to be done."""
    loss = Loss(1)
    loss.crash_the_lost()
    first, second = loss.lost
    if accept_first:
        assert isinstance(loss.forget(first), Departed)
    before_ms = loss.simulation.now_ms
    refused = loss.forget(second, accept_loss=False)
    assert loss.simulation.now_ms - before_ms < 500
    assert isinstance(refused, GossamerError)
    assert (refused.code, refused.definite) == ("unavailable", True)
    down = [second] if accept_first else sorted([first, second], key=loss.id_of)
    assert f"Down are {', '.join(down)}: wait until they are back" in str(refused)
    assert "--accept-loss" in str(refused)
    assert loss.layout().lost == ((loss.id_of(first),) if accept_first else ())
