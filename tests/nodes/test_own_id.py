"""What comes from outside under a node's own id is not taken for the word of its own actors, nor
answered to who is none of them."""

from __future__ import annotations

import pytest
import zmq

from actors.actor import Address, Envelope
from actors.layout import Layout
from actors.messages import AskReport, Failed, LayoutIs, Message
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import Context, request_dealer
from nodes.wire import encode
from tests.networks import wait_until

SPEAKERS = ("router", "gossiper", "storage", "switch", "host", "nobody", "")
MADE_UP = LayoutIs(Layout(10**6, ("00000000000000b2",), (), ()))


@pytest.mark.parametrize("made_up", [MADE_UP, AskReport(1), Failed("failed", "", True)], ids=repr)
def test_what_is_made_up_under_the_own_id_is_dropped(
    context: Context, shared_node: Node, client: Client, made_up: Message
) -> None:
    """Only a node's own storage tells it who keeps the data, and only its actors are answered."""
    here = shared_node.id

    def dropped() -> int:
        return shared_node._tally.counts.get("message from outside under the own id", 0)

    before = dropped()
    with request_dealer(context) as dealer:
        dealer.connect(f"tcp://{shared_node.address}")
        wait_until("the dealer is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        for actor in ("router", "gossiper", "storage"):
            for speaker in SPEAKERS:
                said = Envelope(Address(here, actor), Address(here, speaker), made_up, 7)
                if (actor, speaker) != ("gossiper", "gossiper"):
                    dealer.send_multipart(encode([said], here))
        count = 3 * len(SPEAKERS) - 1
        wait_until("all are counted", lambda: dropped() == before + count)
    client.put("still", "here")
    assert client.get("still") == "here"
