"""The story of the golden transcript: one put and one get, through a node that is not the owner."""

from __future__ import annotations

from pathlib import Path

from actors.messages import Get, Got, Write, Written
from actors.ring import Ring
from nodes.simulated import Simulation

PATH = Path(__file__).parent / "transcripts" / "put_and_get.txt"

KEYS = ("bergen", "bodo", "harstad", "molde", "narvik", "oslo", "tromso", "trondheim", "voss")

CONNECT_MS = 100
"""The client's connection is there by then."""

STORY = """\
A client knows node1 alone, and puts a key there that the three other nodes own. node1 coordinates:
it asks their routers for their clocks (round one); two answers are enough, and it stamps the value
above every clock it has seen. It sends that to the three storages (round two). Each syncs it to its
disk, tells its own router that the clock has risen, and only then says that it is stored. When two
have, the client is told. A get takes one round: node1 fetches what the three hold, and two that
agree are enough.

Regenerate on purpose, and read the difference: python -m tests.simulation.regenerate
Columns: virtual ms, sender -> receiver, message, #correlation id.

"""


def tell() -> str:
    """Run it; the text of the golden transcript."""
    simulation = Simulation(seed=1)
    simulation.begin("node1", "node2", "node3", "node4")
    client = simulation.add_client("client", "node1")
    simulation.run_for(CONNECT_MS)
    start = len(simulation.transcript)
    key = _key_of_others(simulation, "node1")
    put = Write((key,), ("json",), (b'{"country": "Norway"}',), "quorum", 0, 5_000)
    assert isinstance(simulation.ask(client, put, 5_000), Written)
    assert isinstance(simulation.ask(client, Get((key,), True, "quorum", 5_000), 5_000), Got)
    return STORY + simulation.transcript.text(start)


def _key_of_others(simulation: Simulation, name: str) -> str:
    """A key that this node does not own."""
    ring = Ring([node.id for node in simulation.nodes.values()])
    return next(k for k in KEYS if simulation.nodes[name].id not in ring.owners_of(k))
