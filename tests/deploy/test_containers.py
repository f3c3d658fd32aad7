"""Nodes that the entry point starts, as compose.yaml describes them, on machines of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from actors.errors import Unavailable
from actors.membership import Member
from nodes.client import Client
from tests.deploy.containers import Container
from tests.namespaces import CutNetwork, Machine, NoNamespaces
from tests.networks import DEADLINE_S, wait_until
from tests.nodes.secured import Secrets


@pytest.fixture
def machines() -> Iterator[Sequence[Machine]]:
    """Six machines that hear each other; nothing of them is left behind."""
    try:
        network = CutNetwork(6, 0)
    except NoNamespaces as reason:
        pytest.skip(str(reason))
    yield network.machines
    network.close()


class Compose:
    """A bootstrap node and two replicas of another service, on machines in the place of containers:
    all listen on all addresses, and the replicas share a volume."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = Secrets(folder)
        # As a platform may mount it: others of the owner's group can read it.
        self.secrets.file.chmod(0o440)
        self.running: list[Container] = []
        self._started = 0

    def start(self, machine: Machine, join: Sequence[Machine] = (), **given: str) -> None:
        """Start a container on this machine."""
        self._started += 1
        own = self.folder / f"container{self._started}"
        settings = {
            "GOSSAMER_SECRET_SOURCE": str(self.secrets.file),
            "GOSSAMER_SECRET_FILE": str(own / "secret"),
            "GOSSAMER_ADVERTISE": machine.address,
            "GOSSAMER_JOIN": ",".join(other.address for other in join),
            "TMPDIR": str(own / "tmp"),
            **given,
        }
        file = self.folder / f"container{self._started}.out"
        self.running.append(Container(["serve"], file, machine.within, **settings))

    def start_bootstrap(self, machine: Machine) -> None:
        """The node that begins the network."""
        data = str(self.folder / "bootstrap")
        self.start(machine, GOSSAMER_DATA=data, GOSSAMER_NAME="bootstrap")

    def start_node(self, machine: Machine, bootstrap: Machine) -> None:
        """A replica of the service that is scaled."""
        self.start(machine, [bootstrap], GOSSAMER_SLOTS=str(self.folder / "nodes"))

    def said(self, text: str) -> int:
        """How many of the containers that run have said this."""
        return sum(text in container.said() for container in self.running)

    def stop(self) -> list[int]:
        """Stop all; their exit statuses."""
        stopped, self.running = self.running, []
        return [container.stop() for container in stopped]

    def client(self, machine: Machine) -> Client:
        """A client of the network, which asks this machine."""
        return Client(machine.endpoint, timeout=DEADLINE_S, secret=self.network_key())

    def network_key(self) -> Path:
        """The secret, as clients take it."""
        return self.secrets.client("admin")


@pytest.fixture
def compose(tmp_path: Path) -> Iterator[Compose]:
    """Nothing runs yet; at the end all of it has ended."""
    made = Compose(tmp_path)
    yield made
    for container in made.running:
        container.kill()


def living(client: Client) -> dict[str, Member]:
    """Each living member by its address; none while nobody can be asked."""
    with contextlib.suppress(Unavailable):
        return {member.address: member for member in client.members() if member.state == "alive"}
    return {}


def stored(client: Client, key: str, value: str) -> bool:
    """Have all three nodes been given this value?"""
    with contextlib.suppress(Unavailable):
        client.put(key, value, w="all")
        return len(client.explain(key).owners) == 3
    return False


def found(client: Client, key: str) -> object:
    """What all owners of the key have; None while not all can be asked."""
    with contextlib.suppress(Unavailable):
        return client.get(key, r="all")
    return None


def ids_of(compose: Compose, *machines: Machine) -> dict[str, str]:
    """Wait until those who live are at these machines; the id of each, by its name."""
    with compose.client(machines[0]) as client:
        expected = {machine.address for machine in machines}
        wait_until("all are alive", lambda: {*living(client)} == expected)
        return {member.name: member.id for member in living(client).values()}


@pytest.mark.seeds
def test_a_service_is_scaled_and_recreated(compose: Compose, machines: Sequence[Machine]) -> None:
    """Replicas have a folder and a name each; at other addresses they are who they were."""
    one, two, three, *others = machines
    compose.start_node(two, one)
    compose.start_node(three, one)
    compose.start_bootstrap(one)
    ids = ids_of(compose, one, two, three)
    assert {*ids} == {"bootstrap", "node1", "node2"}
    with compose.client(two) as client:
        wait_until("all three have it", lambda: stored(client, "color", "blue"))
    assert compose.stop() == [0, 0, 0]

    four, five, six = others
    compose.start_node(five, four)
    compose.start_node(six, four)
    wait_until("both look for the others", lambda: compose.said("waiting") >= 2)
    compose.start_bootstrap(four)
    assert ids_of(compose, five, six, four) == ids
    with compose.client(six) as client:
        wait_until("all three still have it", lambda: found(client, "color") == "blue")
    assert compose.stop() == [0, 0, 0]
