"""A node in this process and the command run against it, silent endpoints, and other processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from click.testing import CliRunner, Result

from nodes.cli import main
from nodes.free_ports import Ports
from nodes.node import Node
from nodes.sockets import new_context
from tests.cli.processes import Process
from tests.networks import addresses
from tests.nodes.scripted import ScriptedNode

Run = Callable[..., Result]
Start = Callable[..., Process]
Play = Callable[..., ScriptedNode]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's environment says, tests begin without."""
    for name in list(os.environ):
        if name.startswith(("GOSSAMER_", "HONCHO_")) or name == "FORCE_COLOR":
            monkeypatch.delenv(name)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that is a network of its own."""
    with Node(data=tmp_path / "n1", listen="127.0.0.1:0", name="n1") as node:
        yield node


@pytest.fixture
def run(node: Node) -> Run:
    """Run a client command with the node as its endpoint."""

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        env = {"GOSSAMER_ENDPOINTS": node.address}
        return CliRunner(env=env).invoke(main, arguments, input=stdin)

    return run


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of an endpoint that takes requests and never answers."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        yield f"127.0.0.1:{port}"


@pytest.fixture
def address() -> Iterator[str]:
    """An address for a node that comes and goes."""
    ports = Ports()
    yield addresses(ports.take(1))[0]
    ports.close()


@pytest.fixture
def play() -> Iterator[Play]:
    """Make a node that does what the test says, at an address; all are closed at the end."""
    context = new_context()
    nodes: list[ScriptedNode] = []

    def play(listen: str = "127.0.0.1:0") -> ScriptedNode:
        nodes.append(ScriptedNode(context, listen))
        return nodes[-1]

    yield play
    for node in nodes:
        node.close()
    context.term()


@pytest.fixture
def closed() -> Iterator[str]:
    """An address that nobody listens at, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start commands in processes of their own, in `tmp_path`; none is left at the end."""
    processes: list[Process] = []

    def start(*arguments: str, **options: str) -> Process:
        process = Process(*arguments, cwd=tmp_path, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
