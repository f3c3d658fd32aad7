"""Fixtures: a node and a gateway that the tests of a module share, each with keys of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node
from tests.networks import Network, client_of
from tests.web.gateways import GatewayProcess, Http


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """What starts nodes in this process; they are stopped at the end."""
    ports = Ports()
    network = Network(tmp_path, ports)
    yield network
    network.close()
    ports.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A network of one."""
    folder = tmp_path_factory.mktemp("shared")
    with Node(folder / "node1", listen="127.0.0.1:0", name="node1") as node:
        yield node


@pytest.fixture(scope="module")
def gateway(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Its gateway."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), [node.address]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def http(gateway: GatewayProcess) -> Http:
    """Asks the gateway."""
    return gateway.http


@pytest.fixture(scope="module")
def client(node: Node) -> Iterator[Client]:
    """Sees the same network."""
    with client_of(node.address) as client:
        yield client
