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
