"""The clients in a network of three: levels, times to live, its status, and a node that leaves."""

from __future__ import annotations

from functools import partial

from nodes.client import Client
from nodes.leaving import follow_leave
from tests.networks import DEADLINE_S, Network, client_of, wait_until

ALL = {"node1", "node2", "node3"}


def agrees(client: Client, key: str) -> bool:
    """Do all owners hold the same for the key?"""
    return client.explain(key).agrees


def test_levels_and_times_to_live(network: Network) -> None:
    """All have stored it when all were asked to; what has expired is gone, and its copies too."""
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[0].address) as first, client_of(nodes[2].address) as other:
        assert set(first.put_entry("all", 1, w="all").replicas) == ALL
        assert set(other.entry("all", r="all").replicas) == ALL
        assert len(first.put_entry("quorum", 2).replicas) >= 2
        assert other.get("quorum") == 2
        first.put("one", 3, w="one")
        wait_until("it has come to all", partial(agrees, first, "one"))
        assert other.get("one", r="one") == 3
        first.put_many({"short": 4, "shorter": 5}, ttl="200ms")
        first.put("long", 6, ttl=DEADLINE_S * 10)
        wait_until("it has expired", lambda: other.get_many(["short", "shorter"]) == {})
        assert other.get("long") == 6
        (replica,) = [r for r in other.explain("long").replicas if r.name == "node3"]
        assert (replica.code, replica.kind, replica.size_bytes) == ("ok", "json", 1)
        assert replica.expires is not None


def test_a_network_that_is_well_says_so_and_one_may_leave(network: Network) -> None:
    """A node may be stopped once all copies are known to be there; what it had others keep."""
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[0].address) as client:
        # The node that is asked may be the last to know that it lacks nothing.
        wait_until("all is well", lambda: client.status().under_replicated == 0)
        status = client.status()
        assert status.safe_to_stop
        assert (status.node, status.node_id, status.members) == ("node1", nodes[0].id, 3)
        assert (status.under_replicated, status.without_quorum, status.silent) == (0, 0, ())
        values = {f"k{n}": n for n in range(500)}
        client.put_many(values)
        told: list[str] = []
        gone = client.run(partial(follow_leave, node="node3", told=told.append))
        assert (gone.name, gone.state) == ("node3", "left")
        assert client.get_many(values) == values
        assert set(client.explain("k1").owners) == {"node1", "node2"}
