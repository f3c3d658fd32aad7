"""Members come and go for good while the network is cut: in the end all who are left agree."""

from __future__ import annotations

import pytest

from actors.messages import Departed, Forget, Leave
from nodes.simulated import Simulation
from tests.seeds import first_of
from tests.simulation.membership import all_show, network_of, shown

SEEDS = first_of(range(12), 5)


def living(simulation: Simulation) -> list[str]:
    """The nodes that are up."""
    return [name for name, node in simulation.nodes.items() if node.process is not None]


def agree(simulation: Simulation) -> bool:
    """Do all that are up show the same members, those that are up as alive and nobody else?"""
    names = living(simulation)
    return all(shown(simulation, n) == dict.fromkeys(names, "alive") for n in names) or all(
        sorted(shown(simulation, n).items()) == [(name, "alive") for name in sorted(names)]
        for n in names
    )


def join(simulation: Simulation, name: str, *through: str) -> None:
    """A new node, told of these."""
    simulation.add_node(name).join = tuple(simulation.nodes[n].address for n in through)
    simulation.start(name)


@pytest.mark.parametrize("seed", SEEDS)
def test_joins_and_departures_in_a_network_that_is_cut_end_in_agreement(seed: int) -> None:
    """One of each every few seconds, some on either side; what left stays away."""
    simulation, names = network_of(5, seed)
    clients = {name: simulation.add_client(f"client of {name}", name) for name in names}
    simulation.weather.loss = simulation.weather.gossip_loss = 0.05
    simulation.run_for(1_000)
    for number in range(4):
        is_cut = (seed + number) % 2 == 0
        if is_cut:
            simulation.partition(["node1", "node2"], ["node3", "node4", "node5"])
        join(simulation, f"guest{number}", "node1", "node4")
        simulation.run_for(3_000)
        guest = simulation.nodes[f"guest{number}"]
        if number % 2 and guest.process is not None:
            leaving = simulation.add_client(f"client of guest{number}", guest.name)
            simulation.run_for(200)
            simulation.ask(leaving, Leave("", 2_000), 2_000)
        simulation.run_for(2_000)
        simulation.heal()
    simulation.weather.loss = simulation.weather.gossip_loss = 0.0
    simulation.run_until(lambda: agree(simulation), 20_000)
    simulation.crash("node5")
    simulation.run_until(lambda: all_show(simulation, "node5", "dead"), 8_000)
    gone = simulation.ask(clients["node2"], Forget("node5", False, 5_000), 5_000)
    assert isinstance(gone, Departed), gone
    simulation.run_until(lambda: agree(simulation), 5_000)
    simulation.start("node5")
    simulation.run_until(lambda: simulation.nodes["node5"].process is None, 10_000)
    assert simulation.nodes["node5"].gave_up == "refused"
    assert agree(simulation)
