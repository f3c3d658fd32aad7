"""A network changes its secret while it serves: by the steps that docs/security.md gives."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from actors.errors import GossamerError, Unreachable
from nodes.client import Client
from nodes.keys import NetworkSecret
from nodes.secret_file import new_client_keys, new_secret, write_client_keys
from tests.networks import Network, Processes, addresses, client_of, start_all, wait_until
from tests.nodes.secured import several


@pytest.fixture
def secrets(tmp_path: Path) -> tuple[NetworkSecret, NetworkSecret]:
    """The one that the network has, and the one that it is to have."""
    return new_secret(), new_secret()


class Writer:
    """A client at work, that writes on whatever happens; `failed` are those that did not succeed,
    with what it was told."""

    def __init__(self, endpoints: Sequence[str], secret: Path) -> None:
        self.written = 0
        self.failed: list[str] = []
        self._client = Client(*endpoints, timeout=10, secret=secret)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._client:
            while not self._is_over.is_set():
                try:
                    self._client.put("count", self.written)
                    self.written += 1
                except GossamerError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")

    def end(self) -> None:
        """Stop it."""
        self._is_over.set()
        self._thread.join()


@pytest.fixture
def both(tmp_path: Path, secrets: tuple[NetworkSecret, NetworkSecret]) -> Path:
    """A client's key that is made of both."""
    file = tmp_path / "both.key"
    write_client_keys(file, new_client_keys(secrets, "writer", 17))
    return file


@pytest.fixture
def old(tmp_path: Path, secrets: tuple[NetworkSecret, NetworkSecret]) -> Path:
    """A client's key of the former secret alone."""
    file = tmp_path / "old.key"
    write_client_keys(file, new_client_keys(secrets[:1], "writer", 17))
    return file


def is_whole(client: Client) -> bool:
    """May the node that is asked be stopped, as far as it knows?"""
    try:
        return client.status().safe_to_stop
    except GossamerError:
        return False


@pytest.mark.seeds
def test_a_secret_is_changed_without_a_stop(
    processes: Processes,
    tmp_path: Path,
    secrets: tuple[NetworkSecret, NetworkSecret],
    both: Path,
    old: Path,
) -> None:
    """Three rounds of restarts, under load: nobody who has both is refused, nothing is lost."""
    former, new = secrets
    listed = addresses(processes.ports.take(3))
    files = [several(tmp_path / f"{n}.secret", [former]) for n in range(3)]
    nodes = [
        processes.node(f"node{n}", listed, listen, "--secret", str(files[n]))
        for n, listen in enumerate(listed)
    ]
    start_all(nodes)
    writer = Writer(listed, both)
    try:
        for held in ([former, new], [new, former], [new]):
            for node, file in zip(nodes, files, strict=True):
                several(file, held)
                assert node.terminate() == 0
                node.start()
                node.wait_ready()
                with client_of(node.listen, secret=both) as client:
                    wait_until("it may be spared", lambda c=client: is_whole(c))  # type: ignore[misc]
                    assert client.status().fingerprint == held[0].fingerprint
            if held == [former, new]:
                with client_of(*listed, secret=old) as client:
                    client.put("old", 1)
    finally:
        writer.end()
    # A node that is stopped may take the answer to what is just under way with it.
    assert [failed for failed in writer.failed if "the connection to" not in failed] == []
    assert len(writer.failed) <= 9
    with client_of(listed[0], secret=both) as client:
        assert client.get_many(["count", "old"]) == {"count": writer.written - 1, "old": 1}
        assert {m.state for m in client.members()} == {"alive"}
    with client_of(listed[0], secret=old) as client, pytest.raises(Unreachable, match="another"):
        client.get("old")


def test_who_takes_both_is_reached_by_who_has_either(
    network: Network, tmp_path: Path, secrets: tuple[NetworkSecret, NetworkSecret]
) -> None:
    """Nodes in the midst of a change are one network, gossip and files included."""
    former, new = secrets
    listed = addresses(network.ports.take(3))
    held = ([former, new], [new, former], [new, former])
    nodes = [
        network.node(
            f"node{n}",
            listed,
            listen,
            secret=several(tmp_path / f"{n}.secret", held[n]),
        )
        for n, listen in enumerate(listed)
    ]
    for node in nodes:
        node.wait_ready()
    with client_of(listed[0], secret=tmp_path / "0.secret") as client:
        client.share("mode", "dark")
        client.upload(Path(__file__), "a.py.txt")
        for other in listed[1:]:
            with client_of(other, secret=tmp_path / "0.secret") as there:
                wait_until(
                    "it holds what is shared",
                    lambda t=there: t.shared() == {"mode": "dark"},  # type: ignore[misc]
                )
                assert [entry.name for entry in there.files()] == ["a.py.txt"]
