"""What comes from outside under a node's own id is not taken for the word of its own actors, nor
answered to who is none of them; and of two nodes with one id one serves."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
import zmq

from actors.actor import Address, Envelope
from actors.errors import Refused
from actors.layout import Layout
from actors.messages import AskReport, Failed, LayoutIs, Message
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import Context, request_dealer
from nodes.wire import encode
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until

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


def test_a_copy_at_the_address_that_the_original_has_left_never_serves(network: Network) -> None:
    """It was copied while that one ran, which has moved since, and others know where to."""
    nodes = network.nodes_that_list_each_other(3)
    for node in nodes:
        node.wait_ready(DEADLINE_S)
    original = nodes[1]
    copy = network.folder / "copy"
    shutil.copytree(original.data, copy)
    network.stop(original)
    moved = network.node("node2")
    moved.wait_ready(DEADLINE_S)
    old = network.node("node2", listen=original.address, folder="copy")
    with pytest.raises(Refused, match=f"runs with this node's id at {moved.address}"):
        old.wait_ready(DEADLINE_S)
    assert logged(copy, "ready") == []
    assert moved.id == old.id
    for node in (nodes[0], nodes[2], moved):
        with client_of(node.address) as client:
            wait_until("it is where it is", partial(shows, client, moved))
            client.put(node.name, 1)


def shows(client: Client, node: Node) -> bool:
    """Is it alive, at its address, to whom the client asks?"""
    found = {m.id: (m.address, m.state) for m in client.members()}
    return found[node.id] == (node.address, "alive")
