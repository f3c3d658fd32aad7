"""A put and a get through a node that is not the owner, traced in a real network and put together
again from the nodes' logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from nodes.node import Node
from nodes.trace.reading import read_traces
from nodes.trace.tree import Line, Tree, build_tree
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until


@pytest.fixture
def nodes(network: Network) -> list[Node]:
    """A network of three."""
    return network.nodes_that_list_each_other(3)


def key_of(owner: Node, asked: Node) -> str:
    """A key that a node owns."""
    with client_of(asked.address) as client:
        client.put_many({f"key:{n}": n for n in range(100)})
        return next(
            key for key in client.list("key:") if client.entry(key).replicas == (owner.name,)
        )


def tree_of(trace: str, logs: Iterable[Path]) -> Tree:
    """What the logs tell of a trace."""
    return build_tree(read_traces(logs, trace))


def path(lines: Iterable[Line]) -> list[str]:
    """Where the request was, in order."""
    return [f"{line.kind} {line.message} {line.node}/{line.actor}".rstrip("/") for line in lines]


def all_is_logged(trace: str, nodes: Iterable[Node]) -> bool:
    """Has the last record of a request been written? The answer may be read before it is."""
    return any(
        record["trace"] == trace for node in nodes for record in logged(node.data, "replied")
    )


def problems(tree: Tree) -> list[str]:
    """What is not as it should be, or not known."""
    return [line.problem for line in tree.lines if line.problem]


PATH_OF_A_PUT = [
    "began write client",
    "delivered write node1/router",
    "delivered observe node2/router",
    "delivered observed node1/router",
    "passed store node2/router",
    "delivered store node2/storage",
    "sync  node2/storage",
    "delivered stored node1/router",
    "replied written client",
]


def test_the_path_of_a_put_is_whole(nodes: list[Node]) -> None:
    """Client, the router asked, the owner's router, its storage and disk, and all the way back."""
    key = key_of(nodes[1], nodes[0])
    with client_of(nodes[0].address, trace_id="a-put") as client:
        client.put(key, "blue")
    wait_until("the answer is logged", lambda: all_is_logged("a-put", nodes))
    tree = tree_of("a-put", [node.data for node in nodes])
    assert problems(tree) == []
    seen = [line for line in path(tree.lines) if line != "passed stored node2/router"]
    assert seen == PATH_OF_A_PUT
    (sync,) = [line for line in tree.lines if line.kind == "sync"]
    assert sync.spent_us
    assert tree.lines[-1].codes == {"ok": 1}


def test_the_path_of_a_get_is_whole(nodes: list[Node]) -> None:
    """One round: to the owner's storage and back; a get syncs nothing."""
    key = key_of(nodes[2], nodes[0])
    with client_of(nodes[0].address, trace_id="a-get") as client:
        client.get(key)
    wait_until("the answer is logged", lambda: all_is_logged("a-get", nodes))
    tree = tree_of("a-get", [node.data for node in nodes])
    assert problems(tree) == []
    assert [line for line in path(tree.lines) if line != "passed fetched node3/router"] == [
        "began get client",
        "delivered get node1/router",
        "passed fetch node3/router",
        "delivered fetch node3/storage",
        "delivered fetched node1/router",
        "replied got client",
    ]


def test_a_log_that_is_left_out_is_missed(nodes: list[Node]) -> None:
    """Without the owner's log the picture says what it does not know, and of whom."""
    key = key_of(nodes[1], nodes[0])
    with client_of(nodes[0].address, trace_id="a-put") as client:
        client.put(key, "blue")
    wait_until("the answer is logged", lambda: all_is_logged("a-put", nodes))
    tree = tree_of("a-put", [nodes[0].data, nodes[2].data])
    assert "not among the files: logs of node2" in tree.notes
    assert any("the log of node2 is not among the files" in text for text in problems(tree))
    assert "replied written client" in path(tree.lines)


def test_what_nobody_asked_to_trace_is_not_traced(nodes: list[Node]) -> None:
    """Without a trace id no request leaves records."""
    key_of(nodes[1], nodes[0])
    assert [logged(node.data, "delivered") for node in nodes] == [[], [], []]


def test_at_debug_every_request_is_traced(network: Network) -> None:
    """The node names the trace by itself, and what it writes is whole."""
    node = network.node("node1", log_level="debug")
    node.wait_ready(DEADLINE_S)
    with client_of(node.address) as client:
        client.put("color", "blue")
    wait_until("the answer is logged", lambda: logged(node.data, "replied"))
    (replied,) = logged(node.data, "replied")
    tree = tree_of(replied["trace"], [node.data])
    assert problems(tree) == []
    assert "delivered write node1/router" in path(tree.lines)


def test_connections_that_end_are_counted(network: Network) -> None:
    """All that ZeroMQ tells of a frame beyond the bound is that its connection has ended."""
    node = network.node("node1", log_level="debug")
    node.wait_ready(DEADLINE_S)
    with client_of(node.address) as client:
        client.put("key", 1)
    wait_until(
        "the end of the connection is counted",
        lambda: logged(node.data, "connection_ended"),
    )
