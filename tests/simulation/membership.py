"""What simulated nodes show of each other, now and in the course of a simulation."""

from __future__ import annotations

from actors.actor import HOST
from actors.messages import ListShared, MembersChanged, Share, Shared, SharedListed
from nodes.simulated import Simulation
from nodes.simulated.client import SimulatedClient


def network_of(count: int, seed: int) -> tuple[Simulation, list[str]]:
    """So many nodes that are one network."""
    simulation = Simulation(seed)
    names = [f"node{n}" for n in range(1, count + 1)]
    simulation.begin(*names)
    return simulation, names


def shown(simulation: Simulation, where: str) -> dict[str, str]:
    """Every member's name, and its state as this node shows it."""
    return {m.name: m.state for m in simulation.process(where).members.members}


def all_show(simulation: Simulation, name: str, state: str) -> bool:
    """Does every other node that is up and serves show this one in this state?"""
    others = [n for n, node in simulation.nodes.items() if n != name and node.process]
    return all(shown(simulation, other).get(name) == state for other in others)


def all_alive(simulation: Simulation) -> bool:
    """Do all nodes show all nodes as alive?"""
    alive = dict.fromkeys(simulation.nodes, "alive")
    return all(shown(simulation, where) == alive for where in simulation.nodes)


def changes(simulation: Simulation, since_line: int = 0) -> list[tuple[str, str, str]]:
    """Each change of a state that a node has shown since a line of the transcript, in order: where,
    of whom, and the new state."""
    names = {node.id: name for name, node in simulation.nodes.items()}
    before: dict[tuple[str, str], str] = {}
    found: list[tuple[str, str, str]] = []
    for line, envelope in enumerate(simulation.transcript.envelopes()):
        if not isinstance(envelope.message, MembersChanged) or envelope.to.actor != HOST:
            continue
        where = names[envelope.to.node]
        for member in envelope.message.members:
            was = before.get((where, member.name))
            before[where, member.name] = member.state
            if was is not None and was != member.state and line >= since_line:
                found.append((where, member.name, member.state))
    return found


def so_far(simulation: Simulation) -> int:
    """The line of the transcript that `changes` may begin at."""
    return len(simulation.transcript.envelopes())


def share(simulation: Simulation, client: SimulatedClient, key: str, value: bytes | None) -> None:
    """Share a JSON value, or take a key back."""
    request = Share(key, "absent" if value is None else "json", value or b"", 5_000)
    outcome = simulation.ask(client, request, 5_000)
    assert isinstance(outcome, Shared), outcome


def shared(simulation: Simulation, client: SimulatedClient) -> dict[str, bytes]:
    """What a client's node holds of shared values."""
    listed = simulation.ask(client, ListShared("", ""), 5_000)
    assert isinstance(listed, SharedListed), listed
    return dict(zip(listed.keys, listed.values, strict=True))
