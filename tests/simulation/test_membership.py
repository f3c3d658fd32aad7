"""Simulated nodes notice deaths, do not cry wolf, and find each other again."""

from __future__ import annotations

from functools import partial

import pytest

from actors.messages import PingReq
from nodes.simulated import Simulation
from nodes.simulated.gossip_machine import Machine
from nodes.simulated.gossipers import GossipNetwork
from tests.seeds import first_of
from tests.simulation.membership import all_alive, all_show, changes, network_of, shown, so_far

DETECTION_MS = 4_000
HEALING_MS = 10_000
SEEDS = first_of(range(20), 8)


def others_of(names: list[str], name: str) -> list[str]:
    """All but this one."""
    return [n for n in names if n != name]


@pytest.mark.parametrize("seed", first_of(range(50), 20))
def test_a_crashed_node_is_suspected_then_dead_everywhere_within_four_seconds(seed: int) -> None:
    """And nobody else is called dead; started again, it is alive everywhere within two seconds."""
    simulation, names = network_of(5, seed)
    simulation.run_for(1_000 + 137 * seed)
    begin = so_far(simulation)
    simulation.crash("node3")
    simulation.run_until(partial(all_show, simulation, "node3", "dead"), DETECTION_MS)
    seen = changes(simulation, begin)
    for where in others_of(names, "node3"):
        assert [s for w, n, s in seen if (w, n) == (where, "node3")] == ["suspect", "dead"]
    assert {n for _, n, _ in seen} == {"node3"}
    simulation.start("node3")
    simulation.run_until(partial(all_alive, simulation), 2_000)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_that_stood_still_is_noticed_and_refutes(seed: int) -> None:
    """For 20 s nothing is heard of it; then it is alive again, and has called nobody dead."""
    simulation, names = network_of(5, seed)
    simulation.run_for(2_000)
    begin = so_far(simulation)
    simulation.pause("node2")
    simulation.run_until(lambda: not any_alive(simulation, names, "node2"), DETECTION_MS)
    simulation.run_for(16_000)
    assert all_show(simulation, "node2", "dead")
    simulation.resume("node2")
    simulation.run_until(partial(all_alive, simulation), 3_000)
    simulation.run_for(5_000)
    assert all_alive(simulation)
    assert {n for _, n, state in changes(simulation, begin) if state == "dead"} == {"node2"}


def any_alive(simulation: Simulation, names: list[str], name: str) -> bool:
    """Does anybody else show this one as alive?"""
    return any(shown(simulation, w)[name] == "alive" for w in others_of(names, name))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_partition_heals_by_itself(seed: int) -> None:
    """However long it was, and although both sides called each other dead."""
    simulation, names = network_of(5, seed)
    simulation.partition(names[:2], names[2:])
    simulation.run_for(15_000 + 10_000 * (seed % 6))
    for where in names:
        side, other = (names[:2], names[2:]) if where in names[:2] else (names[2:], names[:2])
        states = shown(simulation, where)
        assert {states[n] for n in side} == {"alive"}
        assert {states[n] for n in other} == {"dead"}
    simulation.heal()
    simulation.run_until(partial(all_alive, simulation), HEALING_MS)
    begin = so_far(simulation)
    simulation.run_for(10_000)
    assert changes(simulation, begin) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_that_hears_nothing_does_not_upset_the_others(seed: int) -> None:
    """One-way partition: any other node's state changes once at most, and none is called dead."""
    simulation, names = network_of(5, seed)
    simulation.run_for(2_000)
    begin = so_far(simulation)
    simulation.partition(others_of(names, "node5"), ["node5"], one_way=True)
    simulation.run_for(30_000)
    seen = [c for c in changes(simulation, begin) if c[0] != "node5"]
    assert {n for _, n, state in seen if state == "dead"} <= {"node5"}
    for where in others_of(names, "node5"):
        for name in others_of(names, "node5"):
            of_one = [s for w, n, s in seen if (w, n) == (where, name)]
            assert of_one in ([], ["suspect", "alive"])


@pytest.mark.parametrize("seed", range(5))
def test_slow_links_are_not_taken_for_death(seed: int) -> None:
    """With 200±100 ms on every link, nobody is called dead in two minutes."""
    simulation, _ = network_of(5, seed)
    simulation.weather.min_delay_us, simulation.weather.max_delay_us = 100_000, 300_000
    begin = so_far(simulation)
    simulation.run_for(120_000)
    assert [c for c in changes(simulation, begin) if c[2] == "dead"] == []


def false_deaths(seed: int) -> list[str]:
    """Twenty nodes lose every fifth message of any kind, and one of them stands still for up to
    1.5 s, time and again: whom did anybody call dead?"""
    network = GossipNetwork(20, seed)
    network.run_for(2_000)
    dead: list[str] = []

    def look(machine: Machine) -> None:
        members = machine.running().members.members
        dead.extend([f"{m.name} at {machine.member.name}" for m in members if m.state == "dead"])

    network.on_members = look
    network.weather.loss = network.weather.gossip_loss = 0.2
    stalled = network.machines[7].running()
    for _ in range(6):
        network.run_for(network.rng.randrange(500, 2_000))
        stalled.pause()
        network.run_for(network.rng.randrange(300, 1_500))
        stalled.resume()
    network.run_for(3_000)
    assert network.copies_of[PingReq] > 100
    return dead


@pytest.mark.parametrize("seed", first_of(range(10), 5))
def test_nobody_is_called_dead_for_lost_messages(seed: int) -> None:
    """Nor for the word of a node that stalls."""
    assert false_deaths(seed) == []


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, 1_000, 20))
def test_nobody_is_called_dead_for_lost_messages_in_a_thousand_seeds(first: int) -> None:
    """Nor for the word of a node that stalls."""
    assert [death for seed in range(first, first + 20) for death in false_deaths(seed)] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_stop_is_announced_at_once(seed: int) -> None:
    """The node stays a member, shown as stopped, is never called dead, and comes back as alive."""
    simulation, _ = network_of(5, seed)
    simulation.run_for(500)
    begin = so_far(simulation)
    simulation.stop("node4")
    simulation.run_until(partial(all_show, simulation, "node4", "stopped"), 500)
    simulation.run_for(10_000)
    assert all_show(simulation, "node4", "stopped")
    assert {c[2] for c in changes(simulation, begin)} == {"stopped"}
    simulation.start("node4")
    simulation.run_until(partial(all_alive, simulation), 2_000)
