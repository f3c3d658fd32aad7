"""Fresh nodes that are told of each other, started in any order while faults go on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random

from actors.messages import Admitted, Bind, Bound, Join, Remember, Tell
from nodes.simulated import Simulation
from nodes.simulated.faults import Faults
from nodes.simulated.fleet import Fleet
from nodes.simulated.replicas import Replicas

KINDS = (
    *("crash", "crash-in-commit", "crash-all", "pause", "disk-full", "partition", "one-way"),
    *("delay", "loss", "duplication", "reordering", "aimed-loss"),
)


def networks(simulation: Simulation) -> set[bytes]:
    """All that any node's disk says it belongs to."""
    disks = [node.disk for node in simulation.nodes.values()]
    return {note for disk in disks if (note := disk.synced_note("network"))}


def founders(simulation: Simulation) -> set[str]:
    """The ids of those that began the networks there are: the first to remember each."""
    began: dict[bytes, str] = {}
    for envelope in simulation.transcript.envelopes():
        if isinstance(envelope.message, Remember):
            began.setdefault(dict(envelope.message.notes).get("network", b""), envelope.sender.node)
    return {began[network] for network in networks(simulation)}


def start_in_any_order(simulation: Simulation) -> list[str]:
    """Start all nodes within three seconds, while faults go on; their names."""
    names = list(simulation.nodes)
    rng = Random(f"{simulation.seed} order")
    for name in rng.sample(names, len(names)):
        simulation.after(rng.randint(0, 3_000), partial(start, simulation, name))
    return names


def start(simulation: Simulation, name: str) -> None:
    """Start a node, unless the faults' supervisor did."""
    if simulation.nodes[name].process is None:
        simulation.start(name)


def listing(seed: int, lists: Sequence[Sequence[int]]) -> Simulation:
    """Nodes that were told of those with these numbers."""
    simulation = Simulation(seed)
    nodes = [simulation.add_node(f"node{i + 1}") for i in range(len(lists))]
    for node, listed in zip(nodes, lists, strict=True):
        node.join = tuple(nodes[i].address for i in listed)
    return simulation


def through_faults(simulation: Simulation) -> list[str]:
    """Start the nodes and let faults go on for eight seconds, then end; the nodes' names."""
    names = start_in_any_order(simulation)
    replicas = Replicas(simulation)
    fleet = Fleet(simulation, replicas, names)
    aimed_at = (Join, Bind, Bound, Admitted, Tell)
    faults = Faults(simulation, fleet, replicas, KINDS, aimed_at)
    simulation.run_for(8_000)
    faults.end()
    return names


def counted_on_in_vain(seed: int) -> list[tuple[str, str]]:
    """Founders, and nodes on their lists that went elsewhere. All nodes list some of each other,
    under one address or another."""
    simulation = Simulation(seed)
    rng = Random(seed)
    names = [f"node{i + 1}" for i in range(rng.randint(2, 5))]
    for name in names:
        simulation.add_node(name, [f"{name}.example:7100"])
    lists = {name: [name, *rng.sample(names, rng.randint(1, 2))] for name in names}
    for name, node in simulation.nodes.items():
        addresses = ((simulation.nodes[n].address, f"{n}.example:7100") for n in lists[name])
        node.join = tuple(map(rng.choice, addresses))
    through_faults(simulation)
    simulation.run_for(5_000)
    begun = founders(simulation)
    return [
        (founder, name)
        for founder in names
        if simulation.nodes[founder].id in begun
        for name in lists[founder]
        if network_of(simulation, name) not in (b"", network_of(simulation, founder))
    ]


def network_of(simulation: Simulation, name: str) -> bytes:
    """What a node's disk says it belongs to."""
    return simulation.nodes[name].disk.synced_note("network")
