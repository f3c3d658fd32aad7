"""Shared values reach every node, survive, and agree after a partition: in the simulator."""

from __future__ import annotations

from functools import partial

import pytest

from actors.gossip_settings import GossipSettings
from actors.messages import Failed, ListShared, Share
from nodes.simulated import Simulation
from nodes.simulated.client import SimulatedClient
from tests.seeds import first_of
from tests.simulation.membership import all_alive, network_of, share, shared

SEEDS = first_of(range(15), 6)
PUSH_PULL_MS = GossipSettings().push_pull_ms


def clients_of(simulation: Simulation, names: list[str]) -> dict[str, SimulatedClient]:
    """A client of each node, connected."""
    clients = {name: simulation.add_client(f"client of {name}", name) for name in names}
    for client in clients.values():
        simulation.ask(client, ListShared("", ""), 5_000)
    return clients


def all_hold(simulation: Simulation, names: list[str], key: str, value: bytes | None) -> bool:
    """Has each of these nodes this value on its disk?"""
    notes = [simulation.nodes[name].disk.synced_note(f"shared:{key}") for name in names]
    if value is None:
        return not any(note.endswith(b'"old"') for note in notes)
    return all(note.endswith(value) for note in notes)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shared_value_is_everywhere_within_a_second(seed: int) -> None:
    """Also where every tenth message is lost; and it survives a crash of all."""
    simulation, names = network_of(5, seed)
    clients = clients_of(simulation, names)
    simulation.weather.loss = simulation.weather.gossip_loss = 0.1
    share(simulation, clients["node2"], "mode", b'"dark"')
    simulation.run_until(partial(all_hold, simulation, names, "mode", b'"dark"'), 1_000)
    for name in names:
        simulation.crash(name)
    simulation.weather.loss = simulation.weather.gossip_loss = 0.0
    for name in names:
        simulation.start(name)
    simulation.run_until(partial(all_alive, simulation), 5_000)
    assert all(shared(simulation, c) == {"mode": b'"dark"'} for c in clients.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_two_sides_of_a_partition_agree_on_the_later_version(seed: int) -> None:
    """Each side reads its own meanwhile; what was shared last wins everywhere."""
    simulation, names = network_of(5, seed)
    clients = clients_of(simulation, names)
    share(simulation, clients["node1"], "color", b'"old"')
    share(simulation, clients["node1"], "gone", b'"old"')
    simulation.run_for(1_000)
    simulation.partition(names[:2], names[2:])
    simulation.run_for(1_000 + 3_000 * (seed % 5))
    share(simulation, clients["node1"], "color", b'"first"')
    share(simulation, clients["node5"], "gone", None)
    simulation.run_for(500)
    share(simulation, clients["node4"], "color", b'"second"')
    simulation.run_for(1_000)
    assert shared(simulation, clients["node2"]) == {"color": b'"first"', "gone": b'"old"'}
    assert shared(simulation, clients["node3"]) == {"color": b'"second"'}
    simulation.heal()
    simulation.run_until(partial(all_alive, simulation), 10_000)
    simulation.run_for(2 * PUSH_PULL_MS)
    for client in clients.values():
        assert shared(simulation, client) == {"color": b'"second"'}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_deletion_does_not_come_back(seed: int) -> None:
    """Not even by a node that was down while it was made."""
    simulation, names = network_of(4, seed)
    clients = clients_of(simulation, names)
    share(simulation, clients["node1"], "flag", b'"old"')
    simulation.run_until(partial(all_hold, simulation, names, "flag", b'"old"'), 2_000)
    simulation.crash("node4")
    share(simulation, clients["node2"], "flag", None)
    simulation.run_for(5_000)
    simulation.start("node4")
    simulation.run_until(partial(all_alive, simulation), 5_000)
    simulation.run_until(partial(all_hold, simulation, names, "flag", None), 2 * PUSH_PULL_MS)
    simulation.run_for(10)
    assert all(shared(simulation, c) == {} for c in clients.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_push_pull_alone_spreads_news_within_two_intervals(seed: int) -> None:
    """All that is published is lost, and what is shared is everywhere all the same."""
    simulation, names = network_of(5, seed)
    clients = clients_of(simulation, names)
    simulation.weather.gossip_loss = 1.0
    for number in range(6):
        value = b'"%d"' % number
        share(simulation, clients[names[number % 5]], "number", value)
        within_ms = 2 * PUSH_PULL_MS
        simulation.run_until(partial(all_hold, simulation, names, "number", value), within_ms)
        simulation.run_for(5_000)
    assert all_alive(simulation)


@pytest.mark.parametrize("skew_ms", [3_600_000, -3_600_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_node_whose_clock_is_off_may_not_share(seed: int, skew_ms: int) -> None:
    """It is told why; the others may, their values reach it too, and nobody is called dead."""
    simulation, names = network_of(5, seed)
    simulation.nodes["node3"].wall_skew_ms = skew_ms
    clients = clients_of(simulation, names)
    simulation.run_for(5_000)
    request = Share("mode", "json", b'"wrong"', 5_000)
    refused = simulation.ask(clients["node3"], request, 5_000)
    assert "clock" in str(refused), refused
    assert not isinstance(refused, Failed) or refused.code == "refused"
    share(simulation, clients["node1"], "mode", b'"right"')
    others = [name for name in names if name != "node3"]
    simulation.run_until(partial(all_hold, simulation, others, "mode", b'"right"'), 1_000)
    simulation.run_for(10_000)
    assert all_alive(simulation)
    if skew_ms > 0:
        assert shared(simulation, clients["node3"]) == {"mode": b'"right"'}
