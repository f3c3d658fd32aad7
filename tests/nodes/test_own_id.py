"""What comes from outside under a node's own id is not taken for the word of its own actors."""

from __future__ import annotations

import zmq

from actors.actor import Address, Envelope
from actors.layout import Layout
from actors.messages import LayoutIs
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import Context, request_dealer
from nodes.wire import encode
from tests.networks import wait_until

MADE_UP = LayoutIs(Layout(10**6, ("00000000000000b2",), (), ()))


def test_a_made_up_layout_under_the_own_id_is_dropped(
    context: Context, shared_node: Node, client: Client
) -> None:
    """Only its own storage may tell a node which members keep the data."""
    here, storage = shared_node.id, Address(shared_node.id, "storage")

    def dropped() -> int:
        return shared_node._tally.counts.get("layout from outside under the own id", 0)

    before = dropped()
    with request_dealer(context) as dealer:
        dealer.connect(f"tcp://{shared_node.address}")
        wait_until("the dealer is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        for actor in ("router", "gossiper", "storage"):
            said = Envelope(Address(here, actor), storage, MADE_UP, 7)
            dealer.send_multipart(encode([said], here))
        wait_until("all are counted", lambda: dropped() == before + 3)
    client.put("still", "here")
    assert client.get("still") == "here"
