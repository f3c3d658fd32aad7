"""Fixtures that start real nodes, and end them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node
from nodes.sockets import Context, new_context
from tests.namespaces import CutNetwork, NoNamespaces
from tests.networks import DEADLINE_S, Network, NodeProcess, Processes, client_of
from tests.nodes.backups import alone, fill
from tests.nodes.halves import LEFT, RIGHT
from tests.nodes.scripted_files import MIXED, FileNode, file_nodes
from tests.nodes.secured import Secrets


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Free ports, this test's own."""
    ports = Ports()
    yield ports
    ports.close()


@pytest.fixture
def context() -> Iterator[Context]:
    """A ZeroMQ context; at the end it and all of its sockets are closed."""
    context = new_context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def network(tmp_path: Path, ports: Ports) -> Iterator[Network]:
    """What starts nodes in this process; they are stopped at the end."""
    network = Network(tmp_path, ports)
    yield network
    network.close()


@pytest.fixture
def processes(tmp_path: Path, ports: Ports) -> Iterator[Processes]:
    """What starts node processes; they are gone at the end."""
    processes = Processes(tmp_path, ports)
    yield processes
    processes.close()


@pytest.fixture
def machines() -> Iterator[CutNetwork]:
    """Three machines on one side and two on the other; nothing of them is left behind."""
    try:
        network = CutNetwork(len(LEFT), len(RIGHT))
    except NoNamespaces as reason:
        pytest.skip(str(reason))
    yield network
    network.close()


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that the tests of a module share, each with keys of its own."""
    folder = tmp_path_factory.mktemp("shared")
    with Node(folder / "node1", listen="127.0.0.1:0", name="node1") as node:
        yield node


@pytest.fixture(scope="module")
def client(shared_node: Node) -> Iterator[Client]:
    """A client of the shared node."""
    with client_of(shared_node.address) as client:
        yield client


@pytest.fixture
def nodes(context: Context) -> Iterator[list[FileNode]]:
    """Three nodes with the same files."""
    with file_nodes(context, 3) as nodes:
        yield nodes


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of 21 chunks."""
    path = tmp_path / "source" / "report.txt"
    path.parent.mkdir()
    path.write_bytes(MIXED)
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    """Three node processes that the tests of a module share, each with files of its own."""
    ports = Ports()
    processes = Processes(tmp_path_factory.mktemp("three"), ports)
    yield processes.nodes_that_list_each_other(3)
    processes.close()
    ports.close()


@pytest.fixture
def net(tmp_path: Path) -> Secrets:
    """The secret of a network."""
    return Secrets(tmp_path)


@pytest.fixture
def secured(network: Network, net: Secrets) -> Node:
    """A node with the secret, ready."""
    node = network.node("node1", secret=net.file)
    node.wait_ready(DEADLINE_S)
    return node


@pytest.fixture
def full(network: Network) -> Iterator[Client]:
    """A client of a network of one node with some of everything."""
    with client_of(alone(network, "source")) as client:
        fill(client)
        yield client


@pytest.fixture
def target(network: Network, full: Client) -> Iterator[Client]:
    """A client of another network, which is empty."""
    with client_of(alone(network, "target")) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    return tmp_path / "backup"
