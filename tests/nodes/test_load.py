"""The writers of the tests with faults notice what is lost, older than it may be, or made up."""

from __future__ import annotations

from nodes.client import Client
from nodes.node import Node
from tests.networks import wait_until
from tests.nodes.load import WRITERS, Load


def test_what_no_single_copy_would_hold_is_a_fault(shared_node: Node, client: Client) -> None:
    """A value that is gone, and one that is not the last that was acknowledged."""
    with Load({"node1": shared_node.address}, keys=WRITERS) as load:
        wait_until("it is written", lambda: load.acknowledged > 4 * WRITERS)
    assert (load.failed, load.wrong, load.unread(client)) == ([], [], [])
    found = client.get_many(load.keys)
    first, second, *_ = load.keys
    (older,) = load.faults({**found, first: found[first] - 1})
    assert older.startswith(f"{first} is {found[first] - 1}; {found[first]} was acknowledged")
    client.delete(second)
    (lost,) = load.unread(client)
    assert lost.startswith(f"{second} is None")


def test_who_is_away_is_not_asked(shared_node: Node) -> None:
    """And who comes back is: requests that began before do not count against it."""
    with Load({"node1": shared_node.address, "nobody": "127.0.0.1:1"}) as load:
        load.away("nobody")
        acknowledged = load.acknowledged
        wait_until("it goes on", lambda: load.acknowledged > acknowledged + 10)
        before = len(load.failed)
        load.back("nobody")
        wait_until("it is asked", lambda: len(load.failed) > before)
    assert "nobody: unreachable" in load.failed[-1]
