"""Two machines of five, or of three, are lost for good: the others recover with what they have."""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from actors.errors import ERRORS
from nodes.client import Client
from tests.cli.processes import gossamer
from tests.networks import DEADLINE_S, NodeProcess, Processes, Views, client_of, wait_until
from tests.nodes.load import is_well

VALUES = {f"key{i}": i for i in range(300)}

pytestmark = pytest.mark.timeout(120)


def is_whole(client: Client) -> bool:
    """Are there three members, with all the copies that there are to be?"""
    return is_well([client]) and client.status().members == 3


def lose_two(
    lost: list[NodeProcess], left: list[NodeProcess], views: Views, tmp_path: Path
) -> None:
    """Lose these, and go on with those."""
    views.clients[left[0].name].put_many(VALUES, w="all")
    for node in lost:
        node.kill()
        shutil.rmtree(node.data)
    dead = [partial(views.show, node.name, "dead", views.clients) for node in lost]
    wait_until("they are dead", lambda: all(is_dead() for is_dead in dead))
    forget = ("forget", "--endpoint", left[0].listen)
    refused = gossamer(*forget, lost[0].name, cwd=tmp_path)
    assert refused.returncode == ERRORS["unavailable"].exit_status
    assert b"--accept-loss" in refused.stderr
    status = gossamer("status", "--endpoint", left[0].listen, cwd=tmp_path)
    assert b"have no quorum: their keys are unavailable" in status.stdout
    for node in lost:
        done = gossamer(*forget, node.name, "--accept-loss", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode() == f"{node.name} is forgotten\n"
    for client in views.clients.values():
        wait_until("all copies are there", partial(is_whole, client), DEADLINE_S)
    assert views.read(VALUES)
    assert gossamer("status", "--endpoint", left[0].listen, cwd=tmp_path).returncode == 0


@pytest.mark.seeds
def test_two_lost_machines_are_given_up(processes: Processes, tmp_path: Path) -> None:
    """To forget them is refused at once, with what helps; that done, every key is there again."""
    nodes = processes.nodes_that_list_each_other(5)
    with closing(Views({node.name: node.listen for node in nodes[2:]})) as views:
        lose_two(nodes[:2], nodes[2:], views, tmp_path)


@pytest.mark.seeds
def test_the_last_of_three_gives_up_the_others_though_it_was_restarted(
    processes: Processes, tmp_path: Path
) -> None:
    """Nobody is left to confirm it: it serves nothing until both are given up, then all keys."""
    last, *lost = processes.nodes_that_list_each_other(3)
    with client_of(last.listen) as client:
        client.put_many(VALUES, w="all")
    for node in (*lost, last):
        node.kill()
    for node in lost:
        shutil.rmtree(node.data)
    last.start()
    forget = ("forget", "--endpoint", last.listen)
    wait_until("it waits for another", lambda: last.logged("waiting"))
    for node in lost:
        refused = gossamer("get", "--endpoint", last.listen, "key1", cwd=tmp_path)
        assert refused.returncode == ERRORS["not_ready"].exit_status
        refused = gossamer(*forget, node.name, cwd=tmp_path)
        assert refused.returncode == ERRORS["not_ready"].exit_status
        assert b"forget each of them with --accept-loss" in refused.stderr
        done = gossamer(*forget, node.name, "--accept-loss", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode() == f"{node.name} is forgotten\n"
    last.wait_ready()
    with closing(Views({last.name: last.listen})) as views:
        wait_until("all is read", lambda: views.read(VALUES), DEADLINE_S)
        [client] = views.clients.values()
        client.put("key0", "new")
        assert client.get("key0") == "new"
        wait_until("it is alone", lambda: client.status().members == 1, DEADLINE_S)
