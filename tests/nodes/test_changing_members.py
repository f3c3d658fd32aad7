"""Members are restarted, come and go while clients write: no request fails because of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from nodes.client import Client
from nodes.leaving import follow_leave
from nodes.status import Status
from tests.cli.processes import gossamer
from tests.networks import DEADLINE_S, NodeProcess, Processes, client_of, wait_until
from tests.nodes.load import Load, disagreed, is_well, measured

COUNTS = (3, pytest.param(5, marks=pytest.mark.soak))
RESTARTED = (pytest.param(3, marks=pytest.mark.seeds), COUNTS[1])
SAFE_S = 60.0

pytestmark = pytest.mark.timeout(200)


def load_of(nodes: list[NodeProcess]) -> Load:
    """Writers that write through all of them."""
    return Load({node.name: node.listen for node in nodes}, keys=200)


def all_is_well(client: Client, load: Load) -> bool:
    """Has every partition all its copies, and do they agree?"""
    return is_well([client]) and not disagreed(client, load.keys)


def check(load: Load, client: Client) -> None:
    """Nothing has failed, and nothing is lost; when all is well, the copies are equal."""
    assert load.acknowledged > 0
    assert (load.failed, load.wrong) == ([], [])
    wait_until("all is well", lambda: all_is_well(client, load), SAFE_S)
    assert load.unread(client) == []


def may_be_stopped(node: NodeProcess, folder: Path) -> bool:
    """Does the command say so, as a script would ask it?"""
    return gossamer("status", "--endpoint", node.listen, cwd=folder).returncode == 0


@pytest.mark.parametrize("count", RESTARTED)
def test_one_after_another_is_restarted(processes: Processes, count: int, tmp_path: Path) -> None:
    """Each as soon as `gossamer status` says, by its exit status, that it may be stopped."""
    nodes = processes.nodes_that_list_each_other(count)
    with load_of(nodes) as load:
        for node in nodes:
            safe = partial(may_be_stopped, node, tmp_path)
            wait_until(f"{node.name} may be stopped", safe, SAFE_S)
            load.away(node.name)
            assert node.terminate() == 0
            node.start()
            node.wait_ready()
            load.back(node.name)
    with client_of(nodes[0].listen) as client:
        check(load, client)


@pytest.mark.parametrize("count", COUNTS)
def test_one_joins_and_one_leaves(processes: Processes, count: int) -> None:
    """`status` tells when the data has moved; so little may have between two looks at it."""
    nodes = processes.nodes_that_list_each_other(count)
    newcomer = processes.node(f"node{count + 1}", [nodes[0].listen])
    seen: list[Status] = []
    with client_of(nodes[0].listen) as client, load_of(nodes) as load:

        def look() -> Status:
            seen.append(client.status())
            return seen[-1]

        wait_until("it is written", lambda: load.acknowledged > 200)
        before = look().epoch
        newcomer.start()
        newcomer.wait_ready()
        load.back(newcomer.name, newcomer.listen)
        wait_until(
            "it has its share",
            lambda: look().members == count + 1 and not seen[-1].moving,
            SAFE_S,
        )
        assert seen[-1].epoch >= before + 2
        load.away(nodes[1].name)
        gone = client.run(partial(follow_leave, node=nodes[1].name, told=lambda line: None))
        assert gone.state == "left"
        assert nodes[1].wait_ended() == 0
        wait_until("the others have its share", lambda: not look().moving, SAFE_S)
        assert seen[-1].members == count
    measured("acknowledged", load.acknowledged)
    with client_of(newcomer.listen, timeout_s=DEADLINE_S) as client:
        check(load, client)
