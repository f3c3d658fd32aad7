"""Nodes find each other, agree on who is there, and say good-bye: real ones, in this process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest
import zmq

from actors.actor import Address, Envelope
from actors.errors import BatchError, Refused, Unavailable
from actors.membership import Member
from actors.messages import Tell
from nodes.addresses import BadAddress
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import Context, request_dealer
from nodes.wire import encode
from tests.networks import (
    DEADLINE_S,
    Network,
    addresses,
    client_of,
    logged,
    wait_until,
)

AT_ONCE_S = 1.5
"""Longer than finding out that nobody is there takes, and far shorter than any time-out here."""


def members_at(node: Node) -> tuple[Member, ...]:
    """Who is in the network, as this node knows it."""
    with client_of(node.address) as client:
        return client.members()


def states_at(node: Node) -> dict[str, str]:
    """Each member's state, by name."""
    return {member.name: member.state for member in members_at(node)}


def shows(node: Node, states: dict[str, str]) -> bool:
    """Does it know these members to be in these states?"""
    return states_at(node).items() >= states.items()


def begun(node: Node) -> tuple[str, int]:
    """The network that it became ready in when it was last started, and how many began there."""
    wait_until("it has logged that it is ready", partial(logged, node.data, "ready"))
    (record,) = logged(node.data, "ready")
    return record["network"], record["members"]


def dropped_by(node: Node) -> set[str]:
    """Why something from outside was not acted on, as far as it was logged."""
    return {record.get("reason", "") for record in logged(node.data, "dropped")}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_nodes_that_list_each_other_become_one_network(
    network: Network, order: Sequence[int]
) -> None:
    """Started in any order, each told to join all, themselves included: at once, all three."""
    listed = addresses(network.ports.take(3))
    nodes = []
    for i in order:
        nodes.append(network.node(f"node{i}", listed, listed[i]))
        if len(nodes) < 3:
            wait_until("it waits for the others", partial(logged, nodes[-1].data, "waiting"))
    began = time.monotonic()
    for node in nodes:
        node.wait_ready(DEADLINE_S)
    assert time.monotonic() - began < 3
    (began_in,) = {begun(node) for node in nodes}
    assert began_in[1] == 3
    for node in nodes:
        wait_until("all are alive", partial(all_are_alive, node))


def all_are_alive(node: Node) -> bool:
    """Does this one of three show all as alive? A busy machine may have it suspect another."""
    return states_at(node) == {"node0": "alive", "node1": "alive", "node2": "alive"}


def test_every_node_answers_for_every_key(network: Network) -> None:
    """What is put through one is read, listed and deleted through the others."""
    nodes = network.nodes_that_list_each_other(3)
    values = {f"key:{n}": n for n in range(100)}
    for putter, reader in ((0, 1), (1, 2), (2, 0)):
        with (
            client_of(nodes[putter].address) as one,
            client_of(nodes[reader].address) as other,
        ):
            one.put_many(values)
            assert other.get_many(values) == values
            assert list(other.list("key:")) == sorted(values)
            one.put("single", putter)
            assert other.get("single") == putter
            one.delete("key:0")
            assert other.get("key:0", "gone") == "gone"
    with client_of(nodes[0].address) as client:
        assert set(client.entry("key:1", r="all").replicas) == {"node1", "node2", "node3"}


def test_a_node_that_is_told_of_no_other_founds(network: Network) -> None:
    """It is ready by itself, in a network of one, and stays in it when it is started again."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    assert states_at(node) == {"node1": "alive"}
    founded, _ = begun(node)
    network.stop(node)
    again = network.node("node1")
    again.wait_ready(DEADLINE_S)
    assert begun(again)[0] == founded
    assert again.id == node.id


def test_a_node_joins_through_any_member(network: Network) -> None:
    """The one who founded, or one who joined: all hear of the newcomer."""
    first = network.node("node1")
    second = network.node("node2", [first.address])
    second.wait_ready(DEADLINE_S)
    third = network.node("node3", [second.address])
    third.wait_ready(DEADLINE_S)
    everybody = {"node1": "alive", "node2": "alive", "node3": "alive"}
    for node in (first, second, third):
        wait_until("it knows all three", partial(shows, node, everybody))
        assert begun(node)[0] == begun(first)[0]


def test_a_join_is_tried_until_it_is_answered(network: Network) -> None:
    """A node that was told to join waits for its seed, says so, and refuses requests meanwhile."""
    (seed,) = addresses(network.ports.take(1))
    newcomer = network.node("node2", [seed])
    wait_until("it waits", lambda: logged(newcomer.data, "waiting"))
    assert f"waiting for {seed}" in logged(newcomer.data, "waiting")[-1]["reason"]
    with client_of(newcomer.address) as client, pytest.raises(Unavailable, match="not ready"):
        client.get("a")
    network.node("node1", listen=seed)
    newcomer.wait_ready(DEADLINE_S)
    assert states_at(newcomer) == {"node1": "alive", "node2": "alive"}


def test_a_name_in_use_is_refused(network: Network) -> None:
    """A second node of the name is told why, and ends; the first goes on."""
    first = network.node("node1")
    first.wait_ready(DEADLINE_S)
    second = network.node("node1", [first.address], folder="another")
    with pytest.raises(Refused, match="the name 'node1' is in use") as error:
        second.wait_ready(DEADLINE_S)
    assert error.value.code == "name_taken"
    assert states_at(first) == {"node1": "alive"}


def test_a_stopped_members_name_may_be_taken_over(network: Network) -> None:
    """The stopped one then has left for good: started again, it is refused."""
    first = network.node("node1")
    second = network.node("node2", [first.address])
    second.wait_ready(DEADLINE_S)
    network.stop(second)
    wait_until("it is known to have stopped", partial(shows, first, {"node2": "stopped"}))
    heir = network.node("node2", [first.address], folder="another")
    heir.wait_ready(DEADLINE_S)
    wait_until(
        "the heir is a member",
        lambda: (
            sorted((m.id, m.state) for m in members_at(first) if m.name == "node2")
            == sorted([(second.id, "left"), (heir.id, "alive")])
        ),
    )
    late = network.node("node2", [first.address])
    with pytest.raises(Refused, match="left the network for good"):
        late.wait()


def test_a_node_that_was_stopped(network: Network) -> None:
    """The others show it as stopped; started anew, at another port, it needs nobody to join."""
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[0].address) as client:
        client.put_many({f"key:{n}": n for n in range(30)})
    network.stop(nodes[2])
    for node in nodes[:2]:
        wait_until("it is shown as stopped", partial(shows, node, {"node3": "stopped"}))
        wait_until("it is logged", partial(logged, node.data, "member_stopped"))
        assert logged(node.data, "member_stopped")[0]["member"] == "node3"
    again = network.node("node3")
    again.wait_ready(DEADLINE_S)
    assert (again.id, begun(again)[0]) == (nodes[2].id, begun(nodes[0])[0])
    for node in nodes[:2]:
        wait_until("it is alive again", partial(shows, node, {"node3": "alive"}))
    with client_of(nodes[1].address) as client:
        values = {f"key:{n}": n for n in range(30)}
        wait_until("it is reached again", lambda: has_all(client, values))


def has_all(client: Client, values: dict[str, int]) -> bool:
    """Does it read all of these now?"""
    try:
        return client.get_many(values) == values
    except BatchError:
        return False


def test_the_whole_network_may_be_stopped(network: Network) -> None:
    """Started again without a word about each other, all find each other by what they remember."""
    nodes = network.nodes_that_list_each_other(3)
    values = {f"key:{n}": n for n in range(30)}
    with client_of(nodes[0].address) as client:
        client.put_many(values)
    for node in nodes:
        network.stop(node)
    states = ("node1", "node2", "node3")
    again = [network.node(node.name, listen=node.address) for node in nodes]
    for node in again:
        node.wait_ready(DEADLINE_S)
    for node in again:
        wait_until("all are alive", partial(shows, node, dict.fromkeys(states, "alive")))
    with client_of(again[1].address) as client:
        wait_until("all is read again", lambda: has_all(client, values))


def test_two_networks_never_merge(network: Network, context: Context) -> None:
    """Neither by being told to join the other network nor by its gossip: each keeps its own."""
    one, other = network.node("node1"), network.node("node2")
    for node in (one, other):
        node.wait_ready(DEADLINE_S)
    before, _ = begun(other)
    network.stop(other)
    again = network.node("node2", [one.address], other.address)
    again.wait_ready(DEADLINE_S)
    (stranger,) = members_at(again)
    news = Tell(begun(again)[0], (stranger,), ())
    to, sender = Address(one.id, "gossiper"), Address(again.id, "gossiper")
    dealer = request_dealer(context)
    dealer.connect(f"tcp://{one.address}")
    wait_until("the dealer is connected", lambda: dealer.poll(0, zmq.POLLOUT))
    dealer.send_multipart(encode([Envelope(to, sender, news)], again.id))
    dealer.close(linger=-1)
    wait_until("it was not taken", lambda: "gossip of another network" in dropped_by(one))
    assert begun(again)[0] == before != begun(one)[0]
    assert states_at(one) == {"node1": "alive"}
    assert states_at(again) == {"node2": "alive"}


def test_a_node_that_is_told_to_join_another_network_says_that_it_stays(network: Network) -> None:
    """Once in its log, with both networks' names, though both members have the same name."""
    one, other = network.node("node1"), network.node("node1", folder="other")
    for node in (one, other):
        node.wait_ready(DEADLINE_S)
    networks = [begun(node)[0] for node in (other, one)]
    network.stop(other)
    again = network.node("node1", [one.address], other.address, folder="other")
    again.wait_ready(DEADLINE_S)
    wait_until("it is said", lambda: logged(again.data, "join_ignored"))
    [said] = logged(again.data, "join_ignored")
    assert said["level"] == "warning"
    assert said["address"] == one.address
    assert [said["network"], said["other_network"]] == networks
    assert "take it out of --join" in said["reason"]
    assert states_at(again) == {"node1": "alive"}
    assert dropped_by(again) == set()


def test_one_owner_that_is_down_is_not_missed(network: Network) -> None:
    """The other two are a quorum: what it was the owner of is read, written, listed and deleted."""
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[0].address) as client:
        client.put_many({"a": 1, "b": 2})
        network.stop(nodes[2])
        assert client.get("a") == 1
        client.put("a", 3)
        client.delete("b")
        assert client.get_many(["a", "b"]) == {"a": 3}
        assert list(client.list()) == ["a"]


def test_without_a_quorum_keys_are_unavailable_at_once(network: Network) -> None:
    """One of three can neither read nor write, which is certain, and is said without waiting."""
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[0].address) as client:
        client.put("key", 1)
        for node in nodes[1:]:
            network.stop(node)
        for use in (
            lambda: client.get("key"),
            lambda: client.put("key", 2),
            lambda: client.delete("key"),
            lambda: list(client.list()),
        ):
            began = time.monotonic()
            with pytest.raises(Unavailable) as error:
                use()
            assert time.monotonic() - began < AT_ONCE_S
            assert error.value.definite
        assert client.get("key", r="one") == 1


def test_where_a_node_may_not_listen(tmp_path: Path) -> None:
    """Other machines only if it is said; every address only if one is told to the others."""
    with pytest.raises(BadAddress, match="--secret FILE"):
        Node(tmp_path, listen="192.0.2.1:7100")
    with pytest.raises(BadAddress, match="--secret FILE"):
        Node(tmp_path, listen="127.0.0.1:7100", gossip_listen="192.0.2.1:8100")
    with pytest.raises(BadAddress, match="--secret FILE"):
        Node(tmp_path, listen="127.0.0.1:7100", files_listen="192.0.2.1:9100")
    with pytest.raises(BadAddress, match="--advertise"):
        Node(tmp_path, listen="0.0.0.0:7100", insecure=True)
    with pytest.raises(BadAddress, match="cannot be advertised"):
        Node(tmp_path, listen="0.0.0.0:7100", advertise="0.0.0.0", insecure=True)


def test_a_node_on_every_address_tells_the_one_it_was_told(network: Network) -> None:
    """What it advertises is what the members know, with the ports that it really has."""
    listen = f"0.0.0.0:{network.ports.take(1)[0]}"
    node = network.node(
        "node1",
        listen=listen,
        gossip_listen="0.0.0.0:0",
        files_listen="0.0.0.0:0",
        advertise="127.0.0.1",
        insecure=True,
    )
    node.wait_ready(DEADLINE_S)
    other = network.node("node2", [node.address])
    other.wait_ready(DEADLINE_S)
    assert node.address == listen.replace("0.0.0.0", "127.0.0.1")
    known = {member.name: member for member in members_at(other)}["node1"]
    assert known.address == node.address
    for address in (known.gossip_address, known.files_address):
        assert address.startswith("127.0.0.1:")
        assert not address.endswith(":0")


def test_a_port_in_use_is_an_error(network: Network) -> None:
    """Said in a sentence; the data folder is free again, and the node may be started elsewhere."""
    first = network.node("node1")
    with pytest.raises(Exception, match=r"cannot listen on .* in use"):
        network.node("node2", listen=first.address)
    network.node("node2").wait_ready(DEADLINE_S)


def test_a_data_folder_has_one_node(network: Network) -> None:
    """A second one on the same folder is refused, and the first goes on."""
    first = network.node("node1")
    first.wait_ready(DEADLINE_S)
    with pytest.raises(Exception, match="is in use by process"):
        network.node("node2", folder="node1")
    assert states_at(first) == {"node1": "alive"}
