"""What goes between machines, where there is a secret: who listens in learns nothing, and can
repeat nothing; and where it cannot be told who is who nobody gets in.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.errors import GossamerError, Refused
from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node, NodeFailed
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until
from tests.nodes.relays import HOST, Relays
from tests.nodes.secured import Secrets

KNOWN = "a-value-that-is-known"


def test_a_node_whose_guard_fails_ends(
    secured: Node, net: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And admits nobody in the meantime."""
    assert secured._guard is not None

    def fail(public_key: bytes) -> str:
        raise OSError("broken")

    monkeypatch.setattr(secured._guard, "whose", fail)
    with (
        Client(secured.address, timeout=1, secret=net.file) as client,
        pytest.raises(GossamerError),
    ):
        client.get("k")
    with pytest.raises(NodeFailed, match=r"the guard of node1 failed: broken"):
        secured.wait()
    [told] = logged(secured.data, "guard_failed")
    assert "OSError: broken" in told["exception"]


@pytest.fixture
def relayed(ports: Ports) -> Iterator[tuple[Relays, list[int]]]:
    """Relays that keep what passes, before the three ports of each of two nodes."""
    taken = ports.take(6)
    with Relays(taken, keeps=True) as relays:
        yield relays, taken


def start_relayed(network: Network, taken: list[int], secret: Path | None) -> list[Node]:
    """Two nodes that reach each other through relays."""
    listed = [f"{HOST}:{taken[0]}", f"{HOST}:{taken[3]}"]
    nodes = []
    for n, first in enumerate((0, 3), 1):
        requests, gossip, files = taken[first : first + 3]
        nodes.append(
            network.node(
                f"node{n}",
                listed,
                f"127.0.0.1:{requests}",
                gossip_listen=f"127.0.0.1:{gossip}",
                files_listen=f"127.0.0.1:{files}",
                advertise=f"{HOST}:{requests}",
                secret=secret,
            )
        )
    for node in nodes:
        node.wait_ready(DEADLINE_S)
    return nodes


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_who_listens_in_learns_nothing(
    relayed: tuple[Relays, list[int]],
    network: Network,
    net: Secrets,
    tmp_path: Path,
    is_encrypted: bool,
) -> None:
    """Of keys, values, files, names: nothing at any port; without a secret it learns them all."""
    relays, taken = relayed
    secret = net.file if is_encrypted else None
    nodes = start_relayed(network, taken, secret)
    source = tmp_path / "source.txt"
    source.write_text(f"{KNOWN}-in-a-file\n" * 10_000)
    with client_of(f"{HOST}:{taken[0]}", secret=secret) as client:
        client.put(f"{KNOWN}-as-a-key", f"{KNOWN}-stored")
        assert client.get(f"{KNOWN}-as-a-key") == f"{KNOWN}-stored"
        client.upload(source)
        client.share(f"{KNOWN}-shared", 1)
    other = Client(f"{HOST}:{taken[3]}", timeout=DEADLINE_S, secret=secret)
    with other:
        wait_until("gossip has told the other", lambda: f"{KNOWN}-shared" in other.shared())
        assert other.get(f"{KNOWN}-as-a-key") == f"{KNOWN}-stored"
    seen = b"".join(bytes(sent) for _, sent in relays.sent)
    assert {port for port, sent in relays.sent if sent} >= {*taken[:3], *taken[4:]}
    for known in ("-as-a-key", "-stored", "-in-a-file", "-shared"):
        assert (f"{KNOWN}{known}".encode() in seen) != is_encrypted
    assert (nodes[0].id.encode() in seen) != is_encrypted


def test_what_was_recorded_cannot_be_replayed(
    relayed: tuple[Relays, list[int]], network: Network, net: Secrets
) -> None:
    """The same bytes once more: the handshake fails, and nothing is done again."""
    relays, taken = relayed
    nodes = start_relayed(network, taken, net.file)
    with client_of(f"{HOST}:{taken[0]}", secret=net.file) as client:
        before = {id(sent) for _, sent in relays.sent}
        with client_of(f"{HOST}:{taken[0]}", secret=net.file) as recorded:
            first = recorded.put("k", "recorded")
        client.put("k", "later")
        spoken, _ = [
            sent for port, sent in relays.sent if id(sent) not in before and port == taken[0]
        ][:2]
        assert len(spoken) > 500
        with socket.create_connection(("127.0.0.1", taken[0]), DEADLINE_S) as replay:
            replay.sendall(bytes(spoken))
            wait_until("it is broken off", lambda: _is_cut(replay))
        wait_until(
            "it is counted",
            lambda: any(r.startswith("failed handshake") for r in nodes[0]._tally.counts),
        )
        assert client.get("k") == "later"
        assert client.entry("k").version != first


def test_no_secret_is_anywhere_but_in_its_file(
    network: Network, net: Secrets, tmp_path: Path
) -> None:
    """Not in a data folder, so in no backup, nor in a log, though all is traced."""
    nodes = network.nodes_that_list_each_other(2, secret=net.file, log_level="debug")
    with client_of(nodes[0].address, secret=net.client("writer")) as client:
        client.put("k", 1)
        with pytest.raises(Refused):
            client.leave("node2")
    key = net.secret.dial("writer-17").own
    pairs = [net.secret.server, net.secret.dial("node").own, key, net.secret.dial("admin-0").own]
    secrets = [net.secret.secret, net.secret.secret.hex().encode()]
    secrets += [pair.secret for pair in pairs]
    for node in list(network.nodes):
        network.stop(node)
        files = [file for file in node.data.rglob("*") if file.is_file()]
        assert any(file.name == "log.jsonl" for file in files)
        for file in files:
            data = file.read_bytes()
            assert not [secret for secret in secrets if secret in data], file


def _is_cut(connection: socket.socket) -> bool:
    try:
        return connection.recv(2**16) == b""
    except ConnectionError:
        return True
