"""Every node is killed at once, in the middle of writing: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from actors.errors import GossamerError, Unavailable
from nodes.async_client import AsyncClient
from tests.networks import (
    DEADLINE_S,
    NodeProcess,
    Processes,
    client_of,
    logged,
    start_all,
    wait_until,
)

ENOUGH = 2_000
SERVING_AGAIN_S = 10.0


class Writer:
    """Puts new keys through one node until that fails, and keeps what was acknowledged."""

    def __init__(self, node: NodeProcess) -> None:
        self.acknowledged: dict[str, int] = {}
        self._node = node

    async def write(self) -> None:
        """Write from eight tasks at once, single keys and batches."""
        async with AsyncClient(self._node.listen, timeout=DEADLINE_S) as client:
            await asyncio.gather(*(self._write(client, task) for task in range(8)))

    async def _write(self, client: AsyncClient, task: int) -> None:
        batch_keys = 1 if task % 2 else 20
        for n in range(1_000_000):
            key = f"{self._node.name}:{task}:{n}"
            values = {f"{key}:{i}": n for i in range(batch_keys)}
            try:
                await client.put_many(values)
            except GossamerError:
                return
            self.acknowledged |= values


async def write_until_killed(nodes: Sequence[NodeProcess]) -> dict[str, int]:
    """Load all nodes, kill them all once enough was acknowledged; what was."""
    writers = [Writer(node) for node in nodes]
    writing = [asyncio.create_task(writer.write()) for writer in writers]
    pause = asyncio.Event()
    while min(len(writer.acknowledged) for writer in writers) < ENOUGH:
        assert not any(task.done() for task in writing), "a node failed before it was killed"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pause.wait(), 0.01)
    for node in nodes:
        node.kill()
    await asyncio.gather(*writing)
    return {key: value for writer in writers for key, value in writer.acknowledged.items()}


def test_all_nodes_are_killed_while_they_write(processes: Processes) -> None:
    """Started again on their folders they serve within ten seconds, with all that they promised."""
    nodes = processes.nodes_that_list_each_other(3)
    for _ in range(2):
        acknowledged = asyncio.run(write_until_killed(nodes))
        began = time.monotonic()
        start_all(nodes)
        with client_of(*[node.listen for node in nodes]) as client:
            found = client.get_many(acknowledged)
            client.put("goes on", True)
        assert time.monotonic() - began < SERVING_AGAIN_S
        assert len(acknowledged) >= 3 * ENOUGH
        assert found == acknowledged


def test_an_owner_that_was_killed_is_unavailable_at_once(processes: Processes) -> None:
    """Said without waiting for a time-out, by a node that was connected to it a moment ago."""
    nodes = processes.nodes_that_list_each_other(3)
    with client_of(nodes[0].listen) as client:
        keys = [f"key:{n}" for n in range(100)]
        client.put_many(dict.fromkeys(keys, 1))
        (key, *_) = [key for key in keys if client.entry(key).replicas == ("node3",)]
        nodes[2].kill()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            client.get(key)
        assert time.monotonic() - began < 1.5
        began = time.monotonic()
        with pytest.raises(Unavailable) as error:
            client.put(key, 2)
        assert time.monotonic() - began < 1.5
        assert error.value.definite


def test_a_node_process_stops_cleanly(processes: Processes) -> None:
    """SIGTERM: exit status 0 within three seconds, and the others are told."""
    first, second = nodes = processes.nodes_that_list_each_other(2)
    began = time.monotonic()
    assert second.terminate() == 0
    assert time.monotonic() - began < 3
    wait_until("the other was told", lambda: logged(first.data, "member_stopped"))
    start_all(nodes[1:])
    wait_until("it is alive again", lambda: len(logged(first.data, "member_alive")) == 2)
