"""Nodes are killed in the middle of writing, one by one and all: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from actors.errors import GossamerError, Unavailable
from nodes.async_client import AsyncClient
from tests.cli.processes import gossamer
from tests.networks import (
    DEADLINE_S,
    NodeProcess,
    Processes,
    client_of,
    logged,
    start_all,
    wait_until,
)
from tests.nodes.load import REQUEST_S, Load, measured

SERVING_AGAIN_S = 10.0
KILLED_EVERY_S = 2.0
AT_ONCE_S = 1.5
UNAVAILABLE = 5


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


async def write_until_killed(nodes: Sequence[NodeProcess], enough: int) -> dict[str, int]:
    """Load all nodes, kill them all once enough was acknowledged; what was."""
    writers = [Writer(node) for node in nodes]
    writing = [asyncio.create_task(writer.write()) for writer in writers]
    pause = asyncio.Event()
    while min(len(writer.acknowledged) for writer in writers) < enough:
        assert not any(task.done() for task in writing), "a node failed before it was killed"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pause.wait(), 0.01)
    for node in nodes:
        node.kill()
    await asyncio.gather(*writing)
    return {key: value for writer in writers for key, value in writer.acknowledged.items()}


def wait_for(seconds: float) -> None:
    """Return after this time, in which others act; at once if it is over."""
    end = time.monotonic() + seconds
    wait_until("the time has passed", lambda: time.monotonic() > end, seconds + 1)


@pytest.mark.parametrize(
    ("count", "rounds", "enough"), [(3, 1, 500), pytest.param(5, 3, 2_000, marks=pytest.mark.soak)]
)
@pytest.mark.timeout(300)
def test_all_nodes_are_killed_while_they_write(
    processes: Processes,
    count: int,
    rounds: int,
    enough: int,
) -> None:
    """Started again on their folders they serve within ten seconds, with all that they promised."""
    nodes = processes.nodes_that_list_each_other(count)
    for _ in range(rounds):
        acknowledged = asyncio.run(write_until_killed(nodes, enough))
        began = time.monotonic()
        start_all(nodes)
        with client_of(*[node.listen for node in nodes]) as client:
            client.put("goes on", True)
            serving_s = time.monotonic() - began
            found = client.get_many(acknowledged)
        measured("serving again after seconds", serving_s)
        measured("acknowledged", len(acknowledged))
        assert serving_s < SERVING_AGAIN_S
        assert len(acknowledged) >= count * enough
        assert found == acknowledged


@pytest.mark.parametrize(
    ("kills", "at_once", "writes"),
    [
        pytest.param(2, 1, 50, marks=pytest.mark.seeds),
        pytest.param(30, 1, 5_000, marks=pytest.mark.soak),
        pytest.param(20, 2, 1_000, marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(400)
def test_random_nodes_are_killed_every_two_seconds(
    processes: Processes, kills: int, at_once: int, writes: int
) -> None:
    """What was acknowledged is there afterwards, whoever is asked and whoever is down then."""
    nodes = processes.nodes_that_list_each_other(5)
    draw = Random(kills)
    with Load({node.name: node.listen for node in nodes}) as load:
        wait_until("it is written", lambda: load.acknowledged)
        for _ in range(kills):
            killed_at = time.monotonic()
            victims = draw.sample(nodes, at_once)
            for victim in victims:
                load.away(victim.name)
                victim.kill()
            start_all(victims)
            for victim in victims:
                load.back(victim.name)
            wait_for(KILLED_EVERY_S - (time.monotonic() - killed_at))
    measured("acknowledged", load.acknowledged)
    codes = Counter([told.split(": ")[1] for told in load.failed])
    measured("failed", f"{len(load.failed)} of {load.asked}, {dict(codes)}")
    measured("slowest request in seconds", load.slowest_s)
    assert load.wrong == []
    assert load.acknowledged >= writes
    assert load.slowest_s < REQUEST_S + 1
    if at_once == 1:
        assert len(load.failed) <= load.asked * 0.05, load.failed
    for down in draw.sample(nodes, 5 if kills > 5 else 1):
        down.kill()
        for node in nodes:
            if node is not down:
                with client_of(node.listen) as client:
                    assert load.unread(client) == []
        down.start()
        down.wait_ready()


@pytest.mark.soak
@pytest.mark.timeout(150)
def test_a_node_stands_still_under_load(processes: Processes) -> None:
    """For 20 s; what it then goes on with, of before, overwrites nothing and is read by nobody."""
    nodes = processes.nodes_that_list_each_other(5)
    victim = nodes[-1]
    with Load({node.name: node.listen for node in nodes}) as load:
        wait_until("it is written", lambda: load.acknowledged > 100)
        load.away(victim.name)
        victim.signal(signal.SIGSTOP)
        wait_for(20)
        victim.signal(signal.SIGCONT)
        load.back(victim.name)
        wait_for(5)
    measured("acknowledged", load.acknowledged)
    measured("failed", f"{len(load.failed)} of {load.asked}")
    assert load.wrong == []
    assert len(load.failed) <= load.asked * 0.05, load.failed
    for node in nodes:
        with client_of(node.listen) as client:
            assert load.unread(client) == []


def test_owners_that_were_killed_are_unavailable_at_once(
    processes: Processes, tmp_path: Path
) -> None:
    """Said without waiting for a time-out, by a node that was connected to them a moment ago."""
    nodes = processes.nodes_that_list_each_other(3)
    with client_of(nodes[0].listen) as client:
        client.put("key", 1)
        for node in nodes[1:]:
            node.kill()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            client.get("key")
        assert time.monotonic() - began < AT_ONCE_S
        began = time.monotonic()
        with pytest.raises(Unavailable) as error:
            client.put("key", 2)
        assert time.monotonic() - began < AT_ONCE_S
        assert error.value.definite
    for command in (("get", "key"), ("put", "key", "3")):
        asked = gossamer(*command, "--endpoint", nodes[0].listen, cwd=tmp_path)
        assert (asked.returncode, asked.stdout) == (UNAVAILABLE, b"")


def test_a_node_process_stops_cleanly(processes: Processes) -> None:
    """SIGTERM: exit status 0 within three seconds, and the others are told."""
    first, second = nodes = processes.nodes_that_list_each_other(2)
    began = time.monotonic()
    assert second.terminate() == 0
    assert time.monotonic() - began < 3
    wait_until("the other was told", lambda: logged(first.data, "member_stopped"))
    start_all(nodes[1:])
    wait_until("it is alive again", lambda: len(logged(first.data, "member_alive")) == 2)
