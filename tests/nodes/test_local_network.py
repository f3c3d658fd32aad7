"""A network in one line, for programs and for tests: whole when it is there, and then gone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from actors.errors import GossamerError, NotReady, Unreachable
from nodes.client import Client
from nodes.local_network import LocalNetwork
from tests.nodes.secured import Secrets


@pytest.mark.parametrize("count", [1, 3, 5])
def test_it_is_whole_when_it_is_there(tmp_path: Path, count: int) -> None:
    """All know each other, and no partition lacks a copy."""
    with LocalNetwork(count, tmp_path) as net:
        assert [node.address for node in net.nodes] == net.endpoints
        for endpoint in net.endpoints:
            with net.client(endpoint) as client:
                names = {member.name for member in client.members() if member.state == "alive"}
                assert names == {f"node{n + 1}" for n in range(count)}
        with net.client() as client:
            status = client.status()
        assert (status.members, status.under_replicated, status.moving) == (count, 0, False)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_node_is_stopped_and_started_again(tmp_path: Path) -> None:
    """With its data and its address; what it missed meanwhile it is told."""
    with LocalNetwork(3, tmp_path) as net, net.client() as client:
        client.put("color", "blue")
        net.stop(0)
        net.stop(0)
        with Client(net.endpoints[0]) as one, pytest.raises(Unreachable):
            one.get("color")
        client.put("color", "red")
        with pytest.raises(NotReady, match="not every partition has all its copies in time"):
            net.wait_whole(0)
        net.start(0)
        net.start(0)
        net.wait_whole()
        assert client.explain("color").agrees


def test_nothing_is_left_behind() -> None:
    """No thread, and no folder where none was given, although what used it has failed."""
    before = set(threading.enumerate())
    net = LocalNetwork(1)
    with pytest.raises(GossamerError, match="no key"), net, net.client() as client:
        client.get("color")
    assert not net.nodes[0].data.parent.exists()
    assert set(threading.enumerate()) <= before


def test_its_clients_have_its_secret(tmp_path: Path, net: Secrets) -> None:
    """Whoever has not is refused, as by any network."""
    with LocalNetwork(1, tmp_path / "network", secret=net.file) as secured:
        with secured.client() as client:
            client.put("color", "blue")
        with Client(secured.endpoints[0], timeout=1) as stranger, pytest.raises(Unreachable):
            stranger.get("color")


def test_what_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    """A wrong setting is told, and a network of no nodes is refused."""
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="is no size"), LocalNetwork(2, tmp_path, max_file="much"):
        pass
    with pytest.raises(ValueError, match="one node at least"):
        LocalNetwork(0)
    assert set(threading.enumerate()) <= before
