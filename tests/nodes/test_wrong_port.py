"""A client that was given the wrong port is told so, and not that a secret is missing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.errors import Unreachable
from nodes.addresses import HostPort
from nodes.client import Client
from nodes.line import NO_NODE, OTHER_KIND
from nodes.secret_file import new_secret, write_secret
from tests.networks import DEADLINE_S, Network

Speak = Callable[[socket.socket], object]


def says(connection: socket.socket) -> None:
    """As SSH and mail servers do, before it is asked anything."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    connection.recv(1_000)


def answers(connection: socket.socket) -> None:
    """As HTTP servers do with what is no request."""
    connection.recv(1_000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def hangs_up(connection: socket.socket) -> None:
    """Once it has read something."""
    connection.recv(1_000)


@pytest.fixture
def serve() -> Iterator[Callable[[Speak], str]]:
    """Begin a service that does this with every connection, and ends it then; its address."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(speak: Speak) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(DEADLINE_S)
                    try:
                        speak(connection)
                    except OSError:
                        continue

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return str(HostPort(*listener.getsockname()))

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(DEADLINE_S)


def why_not(address: str, secret: Path | None = None) -> str:
    """Why nothing can be got there."""
    with Client(address, secret=secret) as client, pytest.raises(Unreachable) as error:
        client.get("k")
    return str(error.value)


@pytest.mark.parametrize("speak", [says, answers, hangs_up, socket.socket.close])
@pytest.mark.parametrize("has_secret", [False, True])
def test_a_service_that_is_no_node_is_called_that(
    serve: Callable[[Speak], str], speak: Speak, has_secret: bool, tmp_path: Path
) -> None:
    """Whoever speaks first, and whether the client has a secret."""
    address = serve(speak)
    secret = tmp_path / "secret"
    write_secret(secret, new_secret())
    assert why_not(address, secret if has_secret else None) == f"{address} {NO_NODE}"


def test_the_http_port_of_a_node_is_no_port_for_requests(network: Network) -> None:
    """Nor is that of a gateway, which is made in the same way."""
    node = network.node("node1", http="127.0.0.1:0")
    assert why_not(node.http_address) == f"{node.http_address} {NO_NODE}"


def test_the_gossip_port_of_a_node_is_another_kind_of_port(network: Network) -> None:
    """It speaks the protocol, and takes no requests."""
    network.node("node1").wait_ready(DEADLINE_S)
    with Client(network.nodes[0].address) as client:
        address = client.members()[0].gossip_address
    assert why_not(address) == f"{address} {OTHER_KIND}"
