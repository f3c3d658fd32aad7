"""The ring, and the records of all keys, as a client gets them."""

from __future__ import annotations

from actors.layout import Placement, founding
from nodes.client import Client
from tests.networks import Network


def test_the_ring_tells_who_owns_which_share(network: Network) -> None:
    """Of four members each has about a quarter of the copies, and nothing lacks anything."""
    nodes = network.nodes_that_list_each_other(4)
    with Client(nodes[0].address) as client:
        ring = client.ring()
    assert {m.name for m in ring.members} == {node.name for node in nodes}
    assert sum(m.copies for m in ring.members) == 3 * len(ring.owners) == 3 * 4_096
    assert abs(sum(m.share for m in ring.members) - 1) < 1e-9
    assert all(0.2 < m.share < 0.3 and m.state == "alive" and not m.silent for m in ring.members)
    ids = [m.id for m in ring.members]
    placement = Placement(founding(sorted(ids)))
    for partition, owners in enumerate(ring.owners):
        assert tuple(ids[i] for i in owners) == placement.new_owners(partition)
    assert not ring.unavailable
