"""A put and a get, traced in a real network and put together again from the nodes' logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from nodes.client import Client
from nodes.node import Node
from nodes.trace.reading import read_traces
from nodes.trace.tree import Line, Tree, build_tree
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until


@pytest.fixture
def nodes(network: Network) -> list[Node]:
    """A network of three."""
    return network.nodes_that_list_each_other(3)


def tree_of(trace: str, logs: Iterable[Path]) -> Tree:
    """What the logs tell of a trace."""
    return build_tree(read_traces(logs, trace))


def path(lines: Iterable[Line]) -> list[str]:
    """Where the request was, in order."""
    return [f"{line.kind} {line.message} {line.node}/{line.actor}".rstrip("/") for line in lines]


def all_is_logged(trace: str, nodes: Sequence[Node], answer: str) -> bool:
    """Has each owner's answer come, and been written down? A client need not wait for all."""
    asked = [r for r in logged(nodes[0].data, "delivered") if r["trace"] == trace]
    replied = any(r["trace"] == trace for r in logged(nodes[0].data, "replied"))
    return replied and [r["message"] for r in asked].count(answer) == len(nodes)


def problems(tree: Tree) -> list[str]:
    """What is not as it should be, or not known."""
    return [line.problem for line in tree.lines if line.problem]


PATH_OF_A_PUT = [
    "began write client",
    "delivered write node1/router",
    "delivered store node1/storage",
    "sync  node1/storage",
    "replied written client",
]
PATH_TO_ANOTHER = [
    "delivered observe {}/router",
    "delivered observed node1/router",
    "passed store {}/router",
    "delivered store {}/storage",
    "sync  {}/storage",
    "passed stored {}/router",
]


def sorted_path(own: Sequence[str], others: Sequence[str], back: str) -> list[str]:
    """What all three do for one request to node1, which is one of the owners and hears of each."""
    there = [step.format(name) for name in ("node2", "node3") for step in others]
    return sorted([*own, *there, *[f"delivered {back} node1/router"] * 3])


def traced(nodes: Sequence[Node], trace: str, use: Callable[[Client], object], answer: str) -> None:
    """Ask node1 for something, and wait until all is written down."""
    with client_of(nodes[0].address, trace_id=trace) as client:
        use(client)
    wait_until("all is logged", lambda: all_is_logged(trace, nodes, answer))


def test_the_path_of_a_put_is_whole(nodes: list[Node]) -> None:
    """Client, the router asked, the owners' routers, storages and disks, and all the way back."""
    traced(nodes, "a-put", lambda client: client.put("color", "blue"), "stored")
    tree = tree_of("a-put", [node.data for node in nodes])
    assert problems(tree) == []
    assert sorted(path(tree.lines)) == sorted_path(PATH_OF_A_PUT, PATH_TO_ANOTHER, "stored")
    assert all(line.spent_us for line in tree.lines if line.kind == "sync")
    assert tree.lines[-1].codes == {"ok": 1}


def test_the_path_of_a_get_is_whole(nodes: list[Node]) -> None:
    """One round, to the owners' storages and back; without a level the third is asked at times."""
    with client_of(nodes[0].address) as client:
        client.put("color", "blue", w="all")
    traced(nodes, "a-get", lambda client: client.get("color", r="all"), "fetched")
    tree = tree_of("a-get", [node.data for node in nodes])
    assert problems(tree) == []
    own = ["began get client", "delivered get node1/router", "delivered fetch node1/storage"]
    others = ["passed fetch {}/router", "delivered fetch {}/storage", "passed fetched {}/router"]
    expected = sorted_path([*own, "replied got client"], others, "fetched")
    # Something else may be written in the same turn, and be synced.
    told = [line for line in path(tree.lines) if not line.startswith("sync")]
    assert sorted(told) == expected


def test_a_log_that_is_left_out_is_missed(nodes: list[Node]) -> None:
    """Without an owner's log the picture says what it does not know, and of whom."""
    traced(nodes, "a-put", lambda client: client.put("color", "blue"), "stored")
    tree = tree_of("a-put", [nodes[0].data, nodes[2].data])
    assert "not among the files: logs of node2" in tree.notes
    assert any("the log of node2 is not among the files" in text for text in problems(tree))
    assert "replied written client" in path(tree.lines)


def test_what_nobody_asked_to_trace_is_not_traced(nodes: list[Node]) -> None:
    """Without a trace id no request leaves records."""
    with client_of(nodes[0].address) as client:
        client.put("color", "blue", w="all")
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
