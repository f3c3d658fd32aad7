"""Fresh nodes that were told of each other become one network, whatever happens meanwhile."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest

from nodes.simulated import Simulation
from tests.seeds import first_of
from tests.simulation.founding import (
    counted_on_in_vain,
    founders,
    listing,
    networks,
    through_faults,
)

SEEDS = first_of(range(25), 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_that_list_all_become_one_network(seed: int) -> None:
    """Started in any order, through crashes and loss, all end in the one network that was begun."""
    count = 2 + seed % 4
    simulation = listing(seed, [range(count)] * count)
    names = through_faults(simulation)
    simulation.run_until(lambda: simulation.agree(names), 20_000)
    assert len(networks(simulation)) == len(founders(simulation)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_that_list_some_become_one_network(seed: int) -> None:
    """It is enough that each lists the one with the lowest address, and whomever else."""
    rng = Random(seed)
    lists = [sorted({0, rng.randrange(4), rng.randrange(4)}) for _ in range(4)]
    simulation = listing(seed, lists)
    names = through_faults(simulation)
    simulation.run_until(lambda: simulation.agree(names), 20_000)
    assert len(networks(simulation)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_no_founder_counts_on_a_node_that_goes_elsewhere(seed: int) -> None:
    """So of nodes that list each other, or a third one, under whatever address, only one founds."""
    assert counted_on_in_vain(seed) == []


def test_a_node_may_be_listed_under_several_addresses() -> None:
    """Nodes that know each other, and themselves, by other addresses still become one network."""
    simulation = Simulation(1)
    names = ["node1", "node2", "node3"]
    nodes = [simulation.add_node(name, [f"{name}.example:7100"]) for name in names]
    by_name = tuple(f"{name}.example:7100" for name in names)
    by_number = tuple(node.address for node in nodes)
    nodes[0].join = by_name
    nodes[1].join = by_number
    nodes[2].join = by_name
    for name in names:
        simulation.start(name)
    simulation.run_until(lambda: simulation.agree(names), 5_000)


def test_nodes_that_do_not_know_their_own_address_do_not_all_promise_to_themselves() -> None:
    """Where the listed address is not the one a node has, it finds out before it promises."""
    simulation = Simulation(2)
    names = ["node1", "node2", "node3"]
    for name in names:
        node = simulation.add_node(name, [f"{name}.example:7100"])
        node.join = tuple(f"{other}.example:7100" for other in names)
    for name in names:
        simulation.start(name)
    simulation.run_until(lambda: simulation.agree(names), 5_000)


def test_two_networks_never_merge() -> None:
    """Nodes of two networks that are told of each other stay what they were, and refuse gossip."""
    simulation = Simulation(3)
    simulation.weather.connect_us = 0
    for name in ("node1", "node2"):
        simulation.add_node(name)
        simulation.start(name)
    simulation.run_until(lambda: len(networks(simulation)) == 2, 5_000)
    addresses = tuple(node.address for node in simulation.nodes.values())
    for name, node in simulation.nodes.items():
        simulation.stop(name)
        node.join = addresses
        simulation.start(name)
        simulation.run_for(10_000)
    assert len(networks(simulation)) == 2
    for name, node in simulation.nodes.items():
        assert simulation.agree([name])
        assert node.dropped["gossip of another network"] > 0


def test_a_node_that_nobody_heard_of_makes_itself_known() -> None:
    """A newcomer whose every word at its arrival was lost is known to all soon after."""
    simulation = Simulation(4)
    simulation.begin("node1", "node2")
    newcomer = simulation.add_node("node3")
    newcomer.join = (simulation.nodes["node1"].address,)
    simulation.start("node3")
    simulation.run_until(lambda: bool(newcomer.disk.synced_note("network")), 5_000)
    simulation.partition(["node3"], ["node1", "node2"], one_way=True)
    simulation.run_for(1_000)
    assert simulation.agree(["node1", "node2"])
    simulation.heal()
    simulation.run_until(lambda: simulation.agree(["node1", "node2", "node3"]), 10_000)


def test_push_pull_alone_makes_the_lists_alike() -> None:
    """With all gossip lost, a newcomer is known to everybody within a few comparisons."""
    simulation = Simulation(5)
    simulation.weather.gossip_loss = 1.0
    simulation.begin("node1", "node2", "node3", "node4")
    simulation.add_node("node5").join = (simulation.nodes["node1"].address,)
    simulation.start("node5")
    names = list(simulation.nodes)
    simulation.run_until(lambda: simulation.agree(names), 10_000)


def test_a_stopped_node_says_good_bye() -> None:
    """After a clean stop all others list the node as stopped; it is alive again when it is back."""
    simulation = Simulation(6)
    simulation.begin("node1", "node2", "node3")
    simulation.stop("node2")
    for name in ("node1", "node3"):
        simulation.run_until(partial(lists_as, simulation, name, "node2", "stopped"), 500)
    simulation.start("node2")
    for name in ("node1", "node3"):
        simulation.run_until(partial(lists_as, simulation, name, "node2", "alive"), 5_000)


def lists_as(simulation: Simulation, where: str, name: str, state: str) -> bool:
    """Does this node list that one in this state?"""
    members = simulation.process(where).members.members
    return [m.state for m in members if m.name == name] == [state]


def test_a_name_is_taken_over_from_a_node_that_stopped() -> None:
    """A wiped node is a new one; it takes over the name, and the old one has left for good."""
    simulation = Simulation(7)
    simulation.begin("node1", "node2", "node3")
    simulation.stop("node3")
    simulation.wipe("node3")
    simulation.start("node3")
    simulation.run_until(lambda: simulation.agree(["node1", "node2", "node3"]), 10_000)


def test_a_wiped_node_takes_the_place_of_who_was_there() -> None:
    """It listens where the other one did, so that one is gone; all agree on that."""
    simulation = Simulation(8)
    simulation.begin("node1", "node2", "node3")
    simulation.crash("node3")
    simulation.wipe("node3")
    simulation.start("node3")
    simulation.run_until(lambda: simulation.agree(["node1", "node2", "node3"]), 10_000)


def test_a_list_that_found_no_room_is_kept_later() -> None:
    """What a full disk did not take is written, and acted on, when there is room."""
    simulation = Simulation(9)
    simulation.begin("node1", "node2")
    simulation.set_full("node1", True)
    simulation.add_node("node3").join = (simulation.nodes["node2"].address,)
    simulation.start("node3")
    simulation.run_for(5_000)
    assert len(simulation.process("node1").members.members) == 2
    simulation.set_full("node1", False)
    simulation.run_until(lambda: simulation.agree(["node1", "node2", "node3"]), 10_000)
