"""Five nodes on machines of their own, three on one side of a cable and two on the other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.namespaces import CutNetwork
from tests.networks import SERVE, NodeProcess, Processes, Views, start_all

LEFT = ("node1", "node2", "node3")
RIGHT = ("node4", "node5")


def start_halves(
    machines: CutNetwork, processes: Processes, serve: Sequence[str] = SERVE
) -> list[NodeProcess]:
    """A node on each machine, by this program, all of one network and ready."""
    listed = [machine.address for machine in machines.machines]
    nodes = []
    for name, machine in zip(LEFT + RIGHT, machines.machines, strict=True):
        gossip, files = (machine.address.replace(":7100", port) for port in (":8100", ":9100"))
        options = ("--gossip-listen", gossip, "--files-listen", files, "--insecure")
        made = processes.node(
            name, listed, machine.address, *options, within=machine.within, serve=serve
        )
        nodes.append(made)
    start_all(nodes)
    return nodes


def views_of(machines: CutNetwork) -> Views:
    """What the nodes on these machines show."""
    endpoints = (machine.endpoint for machine in machines.machines)
    return Views(dict(zip(LEFT + RIGHT, endpoints, strict=True)))
