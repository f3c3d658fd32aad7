"""A machine that cannot send to another one, while everybody else hears both."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson
import pytest

from tests.namespaces import CutNetwork
from tests.networks import DEADLINE_S, NodeProcess, Processes, client_of, wait_until
from tests.nodes.halves import start_halves
from tests.nodes.load import Load, measured

SHARE = 0.95
AFTER_S = 4.0


def changes_of_state(nodes: Sequence[NodeProcess]) -> dict[str, int]:
    """The most that any of the nodes has logged of each member that was thought to be down."""
    most: dict[str, int] = {}
    for node in nodes:
        seen: dict[str, int] = {}
        for line in (node.data / "log.jsonl").read_bytes().splitlines():
            event = orjson.loads(line)
            if event["event"] in ("member_suspect", "member_dead"):
                seen[event["member"]] = seen.get(event["member"], 0) + 1
        most = {name: max(most.get(name, 0), seen.get(name, 0)) for name in {*most, *seen}}
    return most


@pytest.mark.parametrize(
    "cut_s",
    [pytest.param(4, marks=pytest.mark.seeds), pytest.param(30, marks=pytest.mark.soak)],
)
@pytest.mark.timeout(150)
def test_one_that_cannot_send_to_another_is_not_called_dead(
    machines: CutNetwork, processes: Processes, cut_s: float
) -> None:
    """Others ask it on behalf of the one that cannot; and nearly all writes succeed meanwhile."""
    nodes = start_halves(machines, processes)
    endpoints = {
        node.name: machine.endpoint for node, machine in zip(nodes, machines.machines, strict=True)
    }
    with Load(endpoints) as load:
        wait_until("it has begun", lambda: load.acknowledged > 100)
        machines.silence(4, 0)
        began, asked = time.monotonic(), load.asked
        wait_until(
            "it lasts",
            lambda: time.monotonic() - began > cut_s and load.asked > asked + 100,
            cut_s + DEADLINE_S,
        )
        machines.unsilence(4, 0)
        healed, acknowledged = time.monotonic(), load.acknowledged
        wait_until("it goes on", lambda: load.acknowledged > acknowledged + 100)
        wait_until("late news would be there", lambda: time.monotonic() - healed > AFTER_S)
    measured("asked, failed", (load.asked, len(load.failed), load.failed[:3]))
    changes = changes_of_state(nodes)
    measured("changes of state", changes)
    assert all(count <= 1 for count in changes.values()), changes
    assert len(load.failed) <= (1 - SHARE) * load.asked
    assert load.wrong == []
    with client_of(endpoints["node3"]) as client:
        assert load.unread(client) == []
