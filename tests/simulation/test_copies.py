"""A data folder that is copied or moved to another machine: one node of it goes on, never two."""

from __future__ import annotations

from copy import deepcopy

import pytest

from actors.messages import Tell
from nodes.simulated import Simulation
from tests.seeds import first_of
from tests.simulation.membership import network_of, shown

SEEDS = first_of(range(15), 6)


def copied(seed: int, *, at_ms: int = 0) -> Simulation:
    """node3 was stopped, its disk is in another machine as well, and both are started; the copy so
    much later, or the original if that is negative."""
    simulation, _ = network_of(3, seed)
    simulation.run_for(1_000)
    simulation.stop("node3")
    simulation.add_node("copy").disk = deepcopy(simulation.nodes["node3"].disk)
    first, second = ("node3", "copy") if at_ms >= 0 else ("copy", "node3")
    simulation.start(first)
    simulation.run_for(abs(at_ms))
    simulation.start(second)
    return simulation


@pytest.mark.parametrize("at_ms", [0, 100, 3_000, -100])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_gives_way_to_the_original(seed: int, at_ms: int) -> None:
    """It finds the other at its former address, and refuses; the original is alive for all."""
    simulation = copied(seed, at_ms=at_ms)
    simulation.run_until(lambda: simulation.nodes["copy"].gave_up == "refused", 5_000)
    simulation.run_for(4_000)
    for where in ("node1", "node2", "node3"):
        members = simulation.process(where).members.members
        assert sorted(m.name for m in members) == ["node1", "node2", "node3"]
        assert {m.state for m in members} == {"alive"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_that_serves_already_keeps_the_original_out(seed: int) -> None:
    """Others have seen its life first. The original is refused, and the copy logs an alarm."""
    simulation = copied(seed, at_ms=-10_000)
    simulation.run_until(lambda: simulation.nodes["node3"].gave_up == "refused", 5_000)
    simulation.run_for(5_000)
    assert simulation.nodes["copy"].process is not None
    assert "id" in simulation.nodes["copy"].alarms[0]
    tells = [e for e in simulation.transcript.envelopes() if isinstance(e.message, Tell)]
    assert len(tells) < 1_000


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_that_moved_is_the_same_member(seed: int) -> None:
    """With nobody at its former address it serves after a second, at its new one, for all."""
    simulation, _ = network_of(3, seed)
    simulation.stop("node3")
    moved = simulation.add_node("moved")
    moved.disk = simulation.nodes["node3"].disk
    simulation.start("moved")
    simulation.run_until(lambda: bool(simulation.process("moved").members.network), 2_500)
    simulation.run_for(1_000)
    for where in ("node1", "node2", "moved"):
        assert shown(simulation, where) == dict.fromkeys(shown(simulation, where), "alive")
        addresses = {m.id: m.address for m in simulation.process(where).members.members}
        assert addresses[moved.id] == moved.address
        assert len(addresses) == 3


def copied_in_use(seed: int, starts: int) -> Simulation:
    """node3's folder is copied while it runs, and the copy is started so often on another machine,
    and refused; then node3 is moved to the machine `moved`."""
    simulation, _ = network_of(3, seed)
    simulation.run_for(1_000)
    copy = simulation.add_node("copy")
    copy.disk = deepcopy(simulation.nodes["node3"].disk)
    for _ in range(starts):
        copy.gave_up = ""
        simulation.start("copy")
        simulation.run_until(lambda: copy.gave_up == "refused", 5_000)
    simulation.stop("node3")
    simulation.add_node("moved").disk = simulation.nodes["node3"].disk
    simulation.nodes["node3"].disk = copy.disk
    return simulation


def serves(simulation: Simulation, name: str) -> bool:
    """Has it become ready?"""
    node = simulation.nodes[name]
    return node.process is not None and bool(node.process.members.network)


@pytest.mark.parametrize("starts", [0, 1, 3])
@pytest.mark.parametrize("since_ms", [0, 5_000])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_at_the_former_address_of_the_original_gives_way(
    seed: int, since_ms: int, starts: int
) -> None:
    """Though it was never elsewhere by its own folder, and has been started more often."""
    simulation = copied_in_use(seed, starts)
    simulation.start("moved")
    simulation.run_until(lambda: serves(simulation, "moved"), 5_000)
    simulation.run_for(since_ms)
    copy, was_ready = simulation.nodes["node3"], []
    simulation.start("node3")

    def has_ended() -> bool:
        was_ready.append(serves(simulation, "node3"))
        return copy.gave_up == "refused"

    simulation.run_until(has_ended, 10_000)
    assert not any(was_ready)
    simulation.run_for(5_000)
    assert serves(simulation, "moved")
    moved = simulation.nodes["moved"]
    for where in ("node1", "node2", "moved"):
        found = {m.id: m for m in simulation.process(where).members.members}
        assert {m.state for m in found.values()} == {"alive"}
        assert found[moved.id].address == moved.address


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_that_serves_at_the_former_address_keeps_the_moved_original_out(seed: int) -> None:
    """Nobody can know which of the two was copied: the one that serves goes on."""
    simulation = copied_in_use(seed, 0)
    simulation.start("node3")
    simulation.run_until(lambda: serves(simulation, "node3"), 5_000)
    simulation.run_for(1_000)
    simulation.start("moved")
    simulation.run_until(lambda: simulation.nodes["moved"].gave_up == "refused", 5_000)
    simulation.run_for(2_000)
    assert serves(simulation, "node3")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_that_moved_back_serves_though_others_believe_it_elsewhere(seed: int) -> None:
    """Its process there has just been killed: nobody answers, and it is where it was first."""
    simulation = copied_in_use(seed, 0)
    simulation.start("moved")
    simulation.run_until(lambda: serves(simulation, "moved"), 5_000)
    simulation.run_for(1_000)
    simulation.nodes["node3"].disk = simulation.nodes["moved"].disk
    simulation.crash("moved")
    simulation.start("node3")
    simulation.run_until(lambda: serves(simulation, "node3"), 5_000)
    simulation.run_for(2_000)
    back = simulation.nodes["node3"]
    for where in ("node1", "node2", "node3"):
        found = {m.id: m for m in simulation.process(where).members.members}
        assert (found[back.id].address, found[back.id].state) == (back.address, "alive")
