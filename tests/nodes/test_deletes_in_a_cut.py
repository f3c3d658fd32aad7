"""A thousand keys are deleted while a part of their owners is cut off: none comes back, and in the
end nothing is left of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import pytest

from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.disk import LmdbDisk
from nodes.status import Explanation
from tests.namespaces import CutNetwork
from tests.networks import SERVE, Processes, Views, wait_until
from tests.nodes.halves import LEFT, RIGHT, start_halves, views_of
from tests.nodes.hasty import SERVE_HASTY
from tests.nodes.load import disagreed, is_well, measured

KEYS = [f"key:{n}" for n in range(1_000)]
EQUAL_S = 15.0


@pytest.fixture
def views(machines: CutNetwork) -> Iterator[Views]:
    """What the nodes show, once they are there."""
    views = views_of(machines)
    yield views
    views.close()


def explained(client: Client, keys: Sequence[str]) -> list[Explanation]:
    """Where each of these keys is, and what its owners hold, looked at without being read."""

    async def all_of(client: AsyncClient) -> list[Explanation]:
        return await asyncio.gather(*[client.explain(key) for key in keys])

    return client.run(all_of)


def delete(client: Client, keys: Sequence[str]) -> None:
    """Delete them all at once."""

    async def all_of(client: AsyncClient) -> None:
        await asyncio.gather(*[client.delete(key) for key in keys])

    client.run(all_of)


def still_held(client: Client, keys: Sequence[str]) -> list[str]:
    """The keys of which an owner has a value, or does not say."""
    return [
        told.key
        for told in explained(client, keys)
        if any(replica.code != "not_found" for replica in told.replicas)
    ]


def is_collected(client: Client, keys: Sequence[str]) -> bool:
    """Do all owners hold nothing of any of these keys, not even that it was deleted?"""
    held = [replica for told in explained(client, keys) for replica in told.replicas]
    return all(replica.code == "not_found" and not replica.version for replica in held)


@pytest.mark.parametrize(
    ("serve", "cut_s", "collected_s"),
    [
        pytest.param(SERVE_HASTY, 0, 60, id="hasty", marks=pytest.mark.seeds),
        pytest.param(SERVE, 30, 1_500, id="as it is", marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(1_700)
def test_what_was_deleted_in_a_cut_stays_deleted(
    machines: CutNetwork,
    views: Views,
    processes: Processes,
    serve: Sequence[str],
    cut_s: float,
    collected_s: float,
) -> None:
    """Healed, all copies are equal and without a value; then the tombstones go too, everywhere."""
    nodes = start_halves(machines, processes, serve)
    first, last = views.clients[LEFT[0]], views.clients[RIGHT[0]]
    first.put_many(dict.fromkeys(KEYS, "to be deleted"))
    wait_until("every key has all its copies", lambda: is_well([first]))
    owners = {told.key: told.owners for told in explained(first, KEYS)}
    lefts = [key for key in KEYS if sum(name in LEFT for name in owners[key]) >= 2]
    rights = sorted(set(KEYS).difference(lefts))
    machines.cut()
    began = time.monotonic()
    delete(first, lefts)
    delete(last, rights)
    wait_until("it lasts", lambda: time.monotonic() - began > cut_s, cut_s + 1)
    assert lefts
    assert rights
    machines.heal()
    healed = time.monotonic()
    clients = views.clients.values()
    wait_until("every partition has all its copies", lambda: is_well(clients), EQUAL_S)
    wait_until("all owners hold the same", lambda: disagreed(last, KEYS) == [], EQUAL_S)
    measured("equal again after seconds", time.monotonic() - healed)
    assert still_held(last, KEYS) == []
    assert [client.get_many(KEYS) for client in clients] == [{}] * len(nodes)
    wait_until("it is collected", lambda: is_collected(first, KEYS[-1:]), collected_s)
    wait_until("all is collected", lambda: is_collected(first, KEYS), collected_s)
    measured("collected after seconds", time.monotonic() - healed)
    assert [client.get_many(KEYS) for client in clients] == [{}] * len(nodes)
    assert [list(client.list()) for client in clients] == [[]] * len(nodes)
    for node in nodes:
        assert node.terminate() == 0
        disk = LmdbDisk(node.data)
        assert disk.tombstones("", len(KEYS)) == []
        disk.close()
