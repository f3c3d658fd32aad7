"""What the clients share and whom they let leave: what a node is asked, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from actors.errors import GossamerError, Refused, TimedOut
from actors.membership import Member
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.entries import SharedValue
from nodes.node import Node
from nodes.sockets import Context
from tests.networks import DEADLINE_S, Network, client_of, wait_until
from tests.nodes.scripted import ScriptedNode, background, failure

GONE = Member(
    "00000000000000a2", "node2", "127.0.0.1:7200", "127.0.0.1:8200", "127.0.0.1:9200", 1, 1, "left"
)
DEPARTED: dict[str, Any] = {"type": "departed", "member": asdict(GONE)}


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


def test_a_value_is_shared_replaced_and_taken_back(client: Client, shared_node: Node) -> None:
    """JSON or bytes; it is apart from a key of the same name."""
    first = client.share("calls:a", {"rate": [1, None]})
    second = client.share("calls:a", "blue")
    client.share("calls:b", b"\xff")
    assert client.shared("calls:") == {"calls:a": "blue", "calls:b": b"\xff"}
    assert client.shared_entries("calls:a") == (
        SharedValue("calls:a", "blue", second, shared_node.id),
    )
    assert first != second
    assert client.get("calls:a", None) is None
    client.unshare("calls:b")
    client.unshare("calls:none")
    assert client.shared("calls:") == {"calls:a": "blue"}


def test_what_is_shared_comes_in_pages(client: Client) -> None:
    """All of them are put together, in the order of their UTF-8."""
    keys = [f"page:{n:03}" for n in range(250)]
    for key in reversed(keys):
        client.share(key, key)
    assert [entry.key for entry in client.shared_entries("page:")] == keys
    assert client.shared("page:") == dict(zip(keys, keys, strict=True))


REFUSALS: list[tuple[Callable[[Client], object], str]] = [
    (lambda g: g.share("", 1), "bad_key"),
    (lambda g: g.share("k" * 257, 1), "bad_key"),
    (lambda g: g.share("\ud800", 1), "bad_key"),
    (lambda g: g.share("k", b"x" * 4_097), "too_large"),
    (lambda g: g.share("k", float("nan")), "bad_value"),
    (lambda g: g.unshare(""), "bad_key"),
    (lambda g: g.shared("\ud800"), "refused"),
    (lambda g: g.leave("\ud800"), "refused"),
    (lambda g: g.leave("nobody"), "refused"),
    (lambda g: g.forget("nobody"), "refused"),
    (lambda g: next(g.list("\ud800")), "refused"),
]


@pytest.mark.parametrize(("use", "code"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_is_refused(
    client: Client, use: Callable[[Client], object], code: str
) -> None:
    """By the client or the node, with the code of what is wrong."""
    with pytest.raises(Refused) as error:
        use(client)
    assert (error.value.code, error.value.definite) == (code, True)


USES: list[tuple[Callable[[Client], object], dict[str, Any], object]] = [
    (lambda g: g.leave("node2"), {"type": "leave", "member": "node2"}, GONE),
    (lambda g: g.leave(), {"type": "leave", "member": ""}, GONE),
    (lambda g: g.forget("node2"), {"type": "forget", "member": "node2"}, GONE),
]


@pytest.mark.parametrize(("use", "asked", "outcome"), USES, ids=["leave", "own leave", "forget"])
def test_who_departed_is_told(
    scripted: ScriptedNode, use: Callable[[Client], object], asked: dict[str, Any], outcome: object
) -> None:
    """By its name or its id, or else the node that is asked."""
    with client_of(scripted.address) as client:
        call = background(use, client)
        peer, header = scripted.next_request()
        assert header.items() >= ({"to": "gossiper"} | asked).items()
        scripted.answer(peer, header["id"], **DEPARTED)
        assert call.result(DEADLINE_S) == outcome


def test_the_node_that_leaves_is_named_where_several_may_be_asked(scripted: ScriptedNode) -> None:
    """Or it might be any of them: it is refused, and nothing is sent."""
    with (
        client_of(scripted.address, "127.0.0.1:1") as client,
        pytest.raises(Refused, match="name the one"),
    ):
        client.leave()
    assert not scripted.has_request()


WRITES: list[Callable[[Client], object]] = [
    lambda g: g.share("k", 1),
    lambda g: g.unshare("k"),
    lambda g: g.leave("n"),
    lambda g: g.forget("n"),
]


@pytest.mark.parametrize("use", WRITES, ids=["share", "unshare", "leave", "forget"])
def test_what_is_not_answered_may_have_been_done(
    scripted: ScriptedNode, use: Callable[[Client], object]
) -> None:
    """It is sent once, and its time-out is not definite; nor is the loss of the connection."""
    with client_of(scripted.address, timeout_s=0.3) as client:
        with pytest.raises(TimedOut) as error:
            use(client)
        assert not error.value.definite
        scripted.next_request()
        assert not scripted.has_request()
    with client_of(scripted.address) as client:
        call = background(use, client)
        scripted.next_request()
        scripted.close()
        lost = failure(call)
        assert isinstance(lost, TimedOut)
        assert not lost.definite


def test_an_answer_that_does_not_fit_is_an_error(scripted: ScriptedNode) -> None:
    """Whoever leaves is not told a version."""
    with client_of(scripted.address) as client:
        call = background(client.leave)
        peer, header = scripted.next_request()
        scripted.answer(peer, header["id"], type="shared", version="v")
        error = failure(call)
        assert isinstance(error, GossamerError)
        assert "Shared is no answer to Leave" in str(error)
        assert not error.definite


def test_the_async_client_has_the_same_methods(shared_node: Node) -> None:
    """Awaited."""

    async def run() -> None:
        async with AsyncClient(shared_node.address, timeout=DEADLINE_S) as client:
            version = await client.share("async", 1)
            assert await client.shared("async") == {"async": 1}
            (entry,) = await client.shared_entries("async")
            assert entry.version == version
            await client.unshare("async")
            assert await client.shared("async") == {}
            for refused in (client.leave("nobody"), client.forget("nobody")):
                with pytest.raises(Refused):
                    await refused

    asyncio.run(run())


def test_a_node_that_left_is_shown_so(network: Network) -> None:
    """The others say that it left for good, and it ends."""
    first, second = network.nodes_that_list_each_other(2)
    with client_of(first.address) as client:
        gone = client.leave("node2")
        assert (gone.name, gone.id, gone.state) == ("node2", second.id, "left")
        states = {"node1": "alive", "node2": "left"}
        wait_until("it is shown", lambda: {m.name: m.state for m in client.members()} == states)
