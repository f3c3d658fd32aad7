"""A node that was started again alone does not claim to know how the others are, to anybody."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nodes.node import Node
from tests.networks import Network, client_of, wait_until
from tests.web.gateways import GatewayProcess, Http

ALONE = {"node1": "alive", "node2": "suspect", "node3": "suspect"}


def counts(http: Http, state: str) -> str:
    """How many members the metrics count in this state."""
    lines = http("GET", "/metrics").body.decode().splitlines()
    [line] = [line for line in lines if line.startswith(f'gossamer_members{{state="{state}"}}')]
    return line.rpartition(" ")[2]


def all_alive(node: Node) -> bool:
    """Does it list three members, all alive, and wait for nothing?"""
    with client_of(node.address) as client:
        members = client.members()
        return not members.waiting and [m.state for m in members] == ["alive"] * 3


def test_after_a_cold_start_of_one_alone_nobody_is_called_alive(
    network: Network, tmp_path: Path
) -> None:
    """Its list, its metrics and a gateway before it say so; and that all is well once it is."""
    nodes = network.nodes_that_list_each_other(3)
    for node in nodes:
        network.stop(node)
    first = network.node("node1", listen=nodes[0].address, http="127.0.0.1:0")
    with (
        client_of(first.address) as client,
        GatewayProcess(tmp_path, [first.address]) as gateway,
    ):
        shown = client.members()
        # It was stopped first, so it remembers the others as alive.
        assert {m.name: m.state for m in shown} == ALONE
        assert "to confirm that this node is still a member" in shown.waiting
        assert gateway.http("GET", "/v1/members").json()["waiting"] == shown.waiting
        readiness = gateway.http("GET", "/readyz")
        assert readiness.status == 503
        assert readiness.json()["waiting_for"] == [f"the node is not ready: {shown.waiting}"]
        assert counts(Http(first.http_address), "alive") == "1.0"
        again = [network.node(node.name, listen=node.address) for node in nodes[1:]]
        for node in (first, *again):
            wait_until("all are alive", partial(all_alive, node))
        assert gateway.http("GET", "/readyz").status == 200
        three = partial(counts, Http(first.http_address), "alive")
        wait_until("three are counted", lambda: three() == "3.0")
