"""A client writes any number of bytes: what is too much at once waits in it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from actors.errors import GossamerError
from nodes.async_client import AsyncClient
from nodes.batches import Writing
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import Context
from tests.networks import client_of
from tests.nodes.scripted import ScriptedNode, background, failure, written

VALUE = bytes(2**20 - 100)
MANY = {f"key:{n}": VALUE for n in range(40)}


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


def test_more_is_written_than_a_node_admits_at_once(client: Client) -> None:
    """As one batch, and as many writes of one tick."""
    assert client.put_many(MANY).keys() == MANY.keys()

    async def put_all(client: AsyncClient) -> None:
        await asyncio.gather(*[client.put(key, b"2" + VALUE[1:]) for key in MANY])

    client.run(put_all)
    assert client.get_many(MANY) == dict.fromkeys(MANY, b"2" + VALUE[1:])


def test_what_could_not_be_written_is_let_go_of(client: Client) -> None:
    """At once: it does not wait for the garbage to be collected."""

    async def put_too_much(client: AsyncClient) -> int:
        refused = 0
        for _ in range(5):
            try:
                await client.put("large", bytes(2**21))
            except GossamerError:
                refused += 1
        return refused

    gc.collect()
    gc.disable()
    try:
        assert client.run(put_too_much) == 5
        assert [each for each in gc.get_objects() if isinstance(each, Writing)] == []
    finally:
        gc.enable()


def test_the_rest_of_a_batch_is_sent_when_there_is_room(scripted: ScriptedNode) -> None:
    """Eight MiB are under way, and one more for each that is answered."""
    with client_of(scripted.address) as client:
        call = background(client.put_many, MANY)
        sender, asked = scripted.next_batch()
        while len(asked) < 8:
            asked += scripted.next_batch()[1]
        for _ in range(len(MANY) - 8):
            assert not scripted.has_request()
            scripted.answer(sender, asked.pop(0)["id"], **written("node1"))
            asked += scripted.next_batch()[1]
        for header in asked:
            scripted.answer(sender, header["id"], **written("node1"))
        assert call.result(30).keys() == MANY.keys()


def test_one_large_write_does_not_wait_for_itself(shared_node: Node, client: Client) -> None:
    """A value of the largest size is sent at once, whatever else there is."""
    client.put("large", bytes(2**20))
    assert client.get("large") == bytes(2**20)
    del shared_node


def test_what_waits_fails_when_the_client_is_closed(scripted: ScriptedNode) -> None:
    """It is not left for ever."""
    client = Client(scripted.address)
    call = background(client.put_many, MANY)
    scripted.next_batch()
    client.close()
    assert isinstance(failure(call), GossamerError)
