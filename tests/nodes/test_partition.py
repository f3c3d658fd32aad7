"""A network that falls into two halves, and is one again: node processes on machines of their own.

The deadlines are the specification's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from actors.errors import Unavailable
from nodes.client import Client
from tests.namespaces import CutNetwork
from tests.networks import ROOT, Processes, Views, wait_until
from tests.nodes.halves import LEFT, RIGHT, start_halves, views_of
from tests.nodes.load import disagreed, is_well, measured

HEALED_S = 10.0
EQUAL_S = 15.0

MAKES_MACHINES = """
import subprocess, sys
from tests.namespaces import CutNetwork
left, right = CutNetwork(1, 1).machines
command = [*right.within, "sh", "-c", "echo made; exec sleep 600"]
subprocess.Popen(command)
sys.stdin.read()
"""
"""Makes two of them, starts something in one, and has no chance to tidy up."""


@pytest.fixture
def views(machines: CutNetwork, processes: Processes) -> Iterator[Views]:
    """A node on each machine, all of one network, and what they show."""
    start_halves(machines, processes)
    views = views_of(machines)
    yield views
    views.close()


def each_side_alone(views: Views) -> bool:
    """Does everybody show all of the other side, and nobody else, to be dead?"""
    return all(
        views.states(viewer)
        == {**dict.fromkeys(side, "alive"), **dict.fromkeys(other_side, "dead")}
        for side, other_side in ((LEFT, RIGHT), (RIGHT, LEFT))
        for viewer in side
    )


def majorities(client: Client, keys: Iterable[str]) -> dict[str, str]:
    """For each key a node of the side that has two of its owners."""
    owners = {key: client.explain(key).owners for key in keys}
    return {
        key: LEFT[0] if sum(name in LEFT for name in names) >= 2 else RIGHT[0]
        for key, names in owners.items()
    }


@pytest.mark.parametrize(
    "cut_s",
    [pytest.param(0, marks=pytest.mark.seeds), pytest.param(30, marks=pytest.mark.soak)],
)
@pytest.mark.timeout(150)
def test_both_sides_of_a_cut_find_each_other_again(
    machines: CutNetwork, views: Views, cut_s: float
) -> None:
    """Each writes what two owners are there for; ten seconds after the cut all are alive to all."""
    values = {f"key:{n}": n for n in range(50)}
    views.clients["node1"].put_many(dict.fromkeys(values, "older"))
    sides = majorities(views.clients["node1"], values)
    assert len({*sides.values()}) == 2
    machines.cut()
    began = time.monotonic()
    for key, side in sides.items():
        views.clients[side].put(key, values[key])
    wait_until("each side is alone", lambda: each_side_alone(views))
    for side, other in ((LEFT[0], RIGHT[0]), (RIGHT[0], LEFT[0])):
        key = next(key for key in sides if sides[key] == side)
        assert views.clients[side].get(key) == values[key]
        with pytest.raises(Unavailable) as error:
            views.clients[other].put(key, "never written")
        assert error.value.definite
        with pytest.raises(Unavailable):
            views.clients[other].get(key)
    wait_until("it lasts", lambda: time.monotonic() - began > cut_s, cut_s + 1)
    assert each_side_alone(views)
    machines.heal()
    healed = time.monotonic()
    wait_until("all are alive to all", views.all_alive, HEALED_S)
    clients = views.clients.values()
    left_s = EQUAL_S - (time.monotonic() - healed)
    wait_until("every partition has all its copies", lambda: is_well(clients), left_s)
    measured("equal again after seconds", time.monotonic() - healed)
    assert disagreed(views.clients["node5"], values) == []
    assert views.read(values)


def in_a_namespace(pid: str) -> bool:
    """Is this a process, and not one that has ended?"""
    try:
        return bool(os.readlink(f"/proc/{pid}/ns/net"))
    except OSError:
        return False


@pytest.mark.usefixtures("machines")
def test_machines_are_gone_when_their_maker_is_killed() -> None:
    """kill -9 of the tests leaves no process behind, and so no namespace and no link."""
    command = [sys.executable, "-c", MAKES_MACHINES]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "made\n"
        pids = Path(f"/proc/{maker.pid}/task/{maker.pid}/children").read_text().split()
        assert [in_a_namespace(pid) for pid in pids] == [True] * 4
        maker.kill()
    wait_until("they are gone", lambda: not any(in_a_namespace(pid) for pid in pids))
