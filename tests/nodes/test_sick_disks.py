"""The disks of nodes are full, break, or are gone: nothing that was acknowledged is."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.errors import GossamerError, Refused, Unavailable
from actors.messages import Level
from nodes.client import Client
from tests.networks import (
    DEADLINE_S,
    Network,
    Processes,
    addresses,
    client_of,
    start_all,
    wait_until,
)
from tests.nodes.load import disagreed, is_well, measured
from tests.nodes.sick import failing, run_or_skip

MIB = 2**20
AT_ONCE_S = 1.0
ENDED_S = 1.0
FILLED_S = 60.0
FAILED = 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 63 MiB in memory."""
    folder = tmp_path / "small"
    folder.mkdir()
    run_or_skip(["mount", "-t", "tmpfs", "-o", "size=63m", "tmpfs", str(folder)])
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def put_until_refused(
    client: Client, stored: dict[str, bytes], w: Level = "quorum"
) -> GossamerError:
    """Put values of 100 kB until that fails, within a second; `stored` gets those that did not."""
    while True:
        key, value = f"key:{len(stored)}", bytes(100_000)
        began = time.monotonic()
        try:
            client.put(key, value, w=w)
        except GossamerError as error:
            assert time.monotonic() - began < AT_ONCE_S
            return error
        stored[key] = value


def test_full_disks_refuse_writes_until_there_is_room(network: Network, small_disk: Path) -> None:
    """Said at once and by its name; what was acknowledged is read on, and nothing by halves."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 * MIB))
    network.folder = small_disk
    nodes = network.nodes_that_list_each_other(3)
    stored: dict[str, bytes] = {}
    with client_of(nodes[0].address) as client:
        error = put_until_refused(client, stored)
        assert isinstance(error, Refused)
        assert error.code == "disk_full"
        assert len(stored) > 2
        refused = f"key:{len(stored)}"
        for node in nodes:
            with client_of(node.address) as other:
                assert other.get_many(stored) == stored
                # It may be on a disk that had room for it; then others cannot take it to show it.
                with contextlib.suppress(Unavailable):
                    assert other.get(refused, b"") in (b"", bytes(100_000))
        ballast.unlink()
        client.put(refused, b"there is room")
        assert client.get(refused) == b"there is room"


@pytest.mark.seeds
def test_one_full_disk_of_three_is_made_good(network: Network, small_disk: Path) -> None:
    """A quorum goes on without it; once it has room it gets what it has missed, without a read."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(51 * MIB))
    listed = addresses(network.ports.take(3))
    folders = ["node1", "node2", str(small_disk / "node3")]
    nodes = [
        network.node(f"node{n}", listed, listen, folder)
        for n, (listen, folder) in enumerate(zip(listed, folders, strict=True), 1)
    ]
    for node in nodes:
        node.wait_ready(DEADLINE_S)
    values = {f"key:{n}": bytes(100_000) for n in range(60)}
    with client_of(nodes[0].address) as client, client_of(nodes[2].address) as sick:
        sick.put("key:0", b"overwritten")
        for key, value in values.items():
            client.put(key, value)
        # What was refused may have been several values at once: there may be room for one or two.
        error = put_until_refused(client, values, w="all")
        assert error.code == "disk_full"
        assert sick.get_many(values) == values
        assert disagreed(client, values)
        ballast.unlink()
        wait_until("it has all", lambda: not disagreed(client, values))
        client.put("key:0", b"1", w="all")


def test_a_node_whose_disk_breaks_ends_at_once(processes: Processes, tmp_path: Path) -> None:
    """It acknowledges nothing after a sync that failed; the others go on without it."""
    nodes = processes.nodes_that_list_each_other(3)
    victim, values = nodes[2], {"a": 2, "b": 2, "c": 1}
    with client_of(nodes[0].listen) as client:
        client.put_many(dict.fromkeys(values, 1), w="all")
        with failing(victim.pid, "fsync,fdatasync,msync:error=EIO:when=1", tmp_path / "strace"):
            began = time.monotonic()
            with pytest.raises(GossamerError) as error:
                client.put("a", 2, w="all")
            assert victim.wait_ended() == FAILED
            measured("ended after seconds", time.monotonic() - began)
            assert time.monotonic() - began < ENDED_S
        assert not error.value.definite
        assert "Input/output error" in victim.said()
        client.put("b", 2)
        assert client.get_many(values) == values
        start_all([victim])
        with client_of(victim.listen) as back:
            assert back.get_many(values) == values
        wait_until("it has what it missed", lambda: not disagreed(client, values))


@pytest.mark.parametrize(
    ("count", "keys"),
    [
        pytest.param(3, 200, marks=pytest.mark.seeds),
        pytest.param(5, 1_000, marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(150)
def test_a_wiped_node_fills_itself(processes: Processes, count: int, keys: int) -> None:
    """As a new member of the old name it has all that it owns within a minute, though unread."""
    nodes = processes.nodes_that_list_each_other(count)
    victim, values = nodes[-1], {f"key:{n}": n for n in range(keys)}
    with client_of(nodes[0].listen) as client:
        client.put_many(values)
        (before,) = [member.id for member in client.members() if member.name == victim.name]
        victim.kill()
        shutil.rmtree(victim.data)
        began = time.monotonic()
        start_all([victim])
        with client_of(victim.listen) as itself:

            def is_full() -> bool:
                return is_well([client, itself]) and not disagreed(itself, values)

            wait_until("every key is back", is_full, FILLED_S)
            measured("full after seconds", time.monotonic() - began)
        alive = [member.name for member in client.members() if member.state == "alive"]
        assert sorted(alive) == [node.name for node in nodes]
        assert before not in [m.id for m in client.members() if m.state != "left"]
        assert any(victim.name in client.explain(key).owners for key in values)
        assert client.get_many(values) == values
