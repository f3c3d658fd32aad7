"""All that is published is lost for a while: what everybody has to know is known all the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from actors.gossip_settings import GossipSettings
from nodes.free_ports import Ports
from tests.networks import NodeProcess, Processes, Views, read_log, start_all, wait_until
from tests.nodes.load import measured
from tests.nodes.relays import HOST, Relays

TWO_INTERVALS_S = 2 * GossipSettings().push_pull_ms / 1_000
KEYS = {f"key:{n}": n for n in range(1_000)}


@pytest.fixture
def gossip_ports(ports: Ports) -> list[int]:
    """One for each of five nodes."""
    return ports.take(5)


@pytest.fixture
def relays(gossip_ports: list[int]) -> Iterator[Relays]:
    """What all gossip passes through."""
    with Relays(gossip_ports) as relays:
        yield relays


@pytest.fixture
def nodes(
    relays: Relays, gossip_ports: list[int], ports: Ports, processes: Processes
) -> list[NodeProcess]:
    """Five nodes of one network that hear each other's gossip through the relays."""
    del relays
    listed = [f"{HOST}:{port}" for port in ports.take(len(gossip_ports))]
    made = [
        processes.node(f"node{n}", listed, listen, "--gossip-listen", f"127.0.0.1:{port}")
        for n, (listen, port) in enumerate(zip(listed, gossip_ports, strict=True), 1)
    ]
    start_all(made)
    return made


@pytest.fixture
def views(nodes: list[NodeProcess]) -> Iterator[Views]:
    """What they show."""
    views = Views({node.name: node.listen for node in nodes})
    yield views
    views.close()


def is_shared(views: Views, key: str, value: object) -> bool:
    """Does every node hold this shared value?"""
    return all(client.shared(key) == {key: value} for client in views.clients.values())


def known_after_s(holds: Callable[..., bool], *arguments: object) -> float:
    """How long it took until this was so: two intervals at most."""
    began = time.monotonic()
    wait_until(f"all know {arguments}", lambda: holds(*arguments), TWO_INTERVALS_S)
    return time.monotonic() - began


@pytest.mark.parametrize("lost_s", [0, pytest.param(60, marks=pytest.mark.soak)])
@pytest.mark.timeout(150)
def test_all_gossip_is_lost(
    relays: Relays, nodes: list[NodeProcess], views: Views, lost_s: float
) -> None:
    """What changes meanwhile all know two push-pull intervals later, and nobody is called dead."""
    wait_until("all are alive to all", views.all_alive)
    wait_until("gossip has passed", lambda: relays.passed)
    relays.lose()
    began = time.monotonic()
    first, last = views.clients["node1"], nodes[-1]
    first.share("mode", 0)
    known_s = [known_after_s(is_shared, views, "mode", 0)]
    first.put_many(KEYS)
    assert views.read(KEYS)
    assert last.terminate() == 0
    known_s.append(known_after_s(views.show, last.name, "stopped"))
    start_all([last])
    known_s.append(known_after_s(views.show, last.name, "alive"))
    views.connect(last.name)
    while time.monotonic() - began < lost_s:
        first.share("mode", len(known_s))
        known_s.append(known_after_s(is_shared, views, "mode", len(known_s)))
    first.share("mode", "the last")
    assert relays.lost
    relays.heal()
    known_s.append(known_after_s(is_shared, views, "mode", "the last"))
    measured("changes that all had to know", len(known_s))
    measured("known after seconds, at most", max(known_s))
    measured("known after seconds, the last", known_s[-1])
    assert views.all_alive()
    said = [record for node in nodes for record in read_log(node.data)]
    assert [record for record in said if record["event"] == "member_dead"] == []
