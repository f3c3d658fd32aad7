"""One machine after the other is restarted by the loop of docs/operations.md, and nobody who works
with the network notices.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.networks import NodeProcess, Processes, client_of, wait_until
from tests.nodes.load import is_well, measured
from tests.nodes.rolling import MACHINES, for_machines, run_script, script_of
from tests.nodes.traffic import Traffic
from tests.web.gateways import GatewayProcess

RESTARTED_S = 30.0
"""So long one machine may take, on a busy one."""
COPIED_S = 60.0


def terminate(node: NodeProcess) -> None:
    """As systemd stops it."""
    began = time.monotonic()
    assert node.terminate() == 0
    measured(f"seconds in which {node.name} stops", round(time.monotonic() - began, 2))


def roll(
    processes: Processes, folder: Path, count: int, passes: int, end: Callable[[NodeProcess], None]
) -> Traffic:
    """Restart all nodes, one by one, so many times, while others work; what came of their work.
    Each node is ended by `end` and started again."""
    nodes = processes.nodes_that_list_each_other(count)
    endpoints = [node.listen for node in nodes]
    machines = dict(zip(MACHINES, nodes, strict=False))
    script = for_machines(script_of("systemctl restart"), count)
    restarted: list[NodeProcess] = []

    def restart(command: str, node: NodeProcess) -> None:
        assert re.fullmatch(r"(sudo )?systemctl restart gossamer@7100", command)
        end(node)
        node.start()
        restarted.append(node)

    with GatewayProcess(folder, endpoints) as gateway:
        with Traffic(endpoints, gateway.address) as traffic:
            wait_until("all are at work", traffic.is_under_way)
            for _ in range(passes):
                began = time.monotonic()
                said = run_script(script, machines, restart, count * RESTARTED_S)
                measured("seconds that a pass took", round(time.monotonic() - began, 1))
                measured("times that it had to wait", sum("Do not stop" in line for line in said))
        assert restarted == nodes * passes
        show(traffic)
        for node in nodes:
            with client_of(node.listen) as client:
                wait_until("all is copied", partial(is_well, [client]), COPIED_S)
                traffic.look_again(client)
    return traffic


def show(traffic: Traffic) -> None:
    """Its figures."""
    measured("answered", {worker.name: worker.done for worker in traffic.workers})
    slowest = {worker.name: round(worker.slowest_s, 2) for worker in traffic.workers}
    measured("slowest in seconds", slowest)
    for what in ("failed", "doubtful", "wrong"):
        measured(what, traffic.told(what))
    measured("repeated over HTTP", [said for http in traffic.repeating for said in http.repeated])


@pytest.mark.parametrize(
    ("count", "passes"),
    [
        pytest.param(3, 1, marks=pytest.mark.seeds),
        pytest.param(5, 3, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_no_request_fails_while_all_are_restarted(
    processes: Processes, tmp_path: Path, count: int, passes: int
) -> None:
    """By clients that know all nodes and over HTTP; what is acknowledged is there, files whole."""
    traffic = roll(processes, tmp_path, count, passes, terminate)
    assert traffic.told("wrong") == []
    assert traffic.told("failed") == []
    assert traffic.told("doubtful") == []


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_what_is_known_stays_so_while_all_are_killed_one_by_one(
    processes: Processes, tmp_path: Path
) -> None:
    """And nothing fails but writes that the killed node had taken on: of these nobody can know."""
    traffic = roll(processes, tmp_path, 5, 3, NodeProcess.kill)
    assert traffic.told("wrong") == []
    assert traffic.told("failed") == []
    assert all("connection" in told for told in traffic.told("doubtful"))
