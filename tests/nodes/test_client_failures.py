"""What the clients do when nodes are silent, gone, unwilling or back again, and how clients end."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from actors.errors import (
    GossamerError,
    NotReady,
    Overloaded,
    Refused,
    Stopping,
    TimedOut,
    Unavailable,
    Unreachable,
)
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node
from nodes.sockets import Context
from tests.networks import DEADLINE_S, Network, Processes, addresses, client_of, wait_until
from tests.nodes.scripted import ScriptedNode, background, failure, got

SHORT_S = 0.3


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


def connect_all(client: Client) -> None:
    """Make a client connect to all of its endpoints: from then on it asks the first one first."""
    background(client.get, "warm-up", None)
    links = client._client._calls._session._links
    wait_until("it is connected to all", lambda: all(links.values()))


def test_nobody_listens(ports: Ports) -> None:
    """Every method fails at once with Unreachable, which is a ConnectionError too."""
    nobody = addresses(ports.take(2))
    began = time.monotonic()
    with client_of(*nobody, timeout_s=600) as client:
        for use in (
            lambda: client.put("a", 1),
            lambda: client.get("a"),
            lambda: client.delete("a"),
            client.members,
            lambda: next(client.list()),
        ):
            with pytest.raises(Unreachable) as error:
                use()
            assert isinstance(error.value, ConnectionError)
            assert error.value.definite
    assert time.monotonic() - began < DEADLINE_S


def test_a_node_that_stands_still(processes: Processes) -> None:
    """A write times out and may have happened, a read times out; later the node is used again."""
    node = processes.node("node1")
    node.start()
    node.wait_ready()
    with client_of(node.listen, timeout_s=SHORT_S) as client, client_of(node.listen) as patient:
        patient.put("a", 1)
        wait_until("the client is connected", lambda: _answers(client))
        node.signal(signal.SIGSTOP)
        with pytest.raises(TimedOut) as write:
            client.put("a", 2)
        assert not write.value.definite
        assert isinstance(write.value, TimeoutError)
        with pytest.raises(TimedOut) as read:
            client.get("a")
        assert read.value.definite
        node.signal(signal.SIGCONT)
        wait_until("the node answers again", lambda: _answers(client))
        assert patient.get("a") in (1, 2)


def _answers(client: Client) -> bool:
    try:
        client.get("a", None)
    except (TimedOut, Unavailable):
        return False
    return True


def test_a_silent_node_times_a_batch_out(scripted: ScriptedNode) -> None:
    """Each key has its error, and whether it is certain that it was not written."""
    with client_of(scripted.address, timeout_s=SHORT_S) as client:
        with pytest.raises(GossamerError, match="2 of 2 keys failed") as write:
            client.put_many({"a": 1, "b": 2})
        assert not write.value.definite
        with pytest.raises(GossamerError, match="2 of 2 keys failed") as read:
            client.get_many(["a", "b"])
        assert read.value.definite


def test_a_read_goes_to_the_next_endpoint(
    scripted: ScriptedNode, shared_node: Node, client: Client
) -> None:
    """After a third of its time, and not before."""
    client.put("next", "from the second")
    timeout_s = 1.5
    with client_of(scripted.address, shared_node.address, timeout_s=timeout_s) as two:
        connect_all(two)
        began = time.monotonic()
        assert two.get("next") == "from the second"
        assert time.monotonic() - began >= timeout_s / 3
        assert scripted.next_request("next")[1]["type"] == "get"
        assert two.get_many(["next"]) == {"next": "from the second"}
        assert two.entry("next").replicas == ("node1",)
        assert "next" in two.list("next")
        assert [member.name for member in two.members()] == ["node1"]


def test_the_first_answer_counts(scripted: ScriptedNode, context: Context) -> None:
    """A read that two were asked is answered by whoever is first; the other answer is ignored."""
    second = ScriptedNode(context)
    with client_of(scripted.address, second.address, timeout_s=3) as client:
        asked = background(client.get, "key")
        first_asked = scripted.next_request()
        second_asked = second.next_request()
        scripted.answer(first_asked[0], first_asked[1]["id"], **got(b'"late, but first"'))
        assert asked.result(DEADLINE_S) == "late, but first"
        second.answer(second_asked[0], second_asked[1]["id"], **got(b'"too late"'))
        again = background(client.get, "key")
        peer, header = scripted.next_request()
        scripted.answer(peer, header["id"], **got(b'"new"'))
        assert again.result(DEADLINE_S) == "new"
    second.close()


def test_a_write_goes_to_no_other_endpoint(
    scripted: ScriptedNode, shared_node: Node, client: Client
) -> None:
    """Once it was sent it is sent nowhere else: the first may have taken it on."""
    client.put("once", "before")
    with client_of(scripted.address, shared_node.address, timeout_s=SHORT_S) as two:
        connect_all(two)
        with pytest.raises(TimedOut) as error:
            two.put("once", "after")
        assert not error.value.definite
        assert scripted.next_request("once")[1]["type"] == "write"
        assert not scripted.has_request()
    assert client.get("once") == "before"


def test_a_write_that_was_not_sent_goes_to_the_next(
    shared_node: Node, client: Client, ports: Ports
) -> None:
    """Nobody listens at the first endpoint, so the write provably was not sent there."""
    (nobody,) = addresses(ports.take(1))
    with client_of(nobody, shared_node.address) as two:
        two.put("elsewhere", 1)
        assert two.get("elsewhere") == 1
    assert client.get("elsewhere") == 1


@pytest.mark.parametrize("code", ["not_ready", "stopping", "overloaded"])
def test_what_an_endpoint_does_not_take_on_goes_to_the_next(
    scripted: ScriptedNode, shared_node: Node, code: str
) -> None:
    """Refused as not ready, stopping or overloaded, a write is tried elsewhere."""
    with client_of(scripted.address, shared_node.address) as two:
        connect_all(two)
        put = background(two.put, f"refused:{code}", 1)
        peer, header = scripted.next_request(f"refused:{code}")
        scripted.refuse(peer, header["id"], code)
        assert put.result(DEADLINE_S)


REFUSALS: list[tuple[str, type[GossamerError]]] = [
    ("not_ready", NotReady),
    ("stopping", Stopping),
    ("overloaded", Overloaded),
    ("refused", Refused),
    ("unavailable", Unavailable),
    ("a code of the future", GossamerError),
]


@pytest.mark.parametrize(("code", "error"), REFUSALS, ids=[code for code, _ in REFUSALS])
def test_what_the_only_endpoint_refuses(
    scripted: ScriptedNode, code: str, error: type[GossamerError]
) -> None:
    """The error is the one of the code, with the reason that was given."""
    with client_of(scripted.address) as client:
        put = background(client.put, "key", 1)
        peer, header = scripted.next_request()
        scripted.refuse(peer, header["id"], code)
        raised = failure(put)
    assert type(raised) is error
    assert str(raised) == "told to"


def test_an_answer_that_is_none_is_not_understood(scripted: ScriptedNode) -> None:
    """Garbage, and answers to what was not asked, are passed over; the true answer is taken."""
    with client_of(scripted.address) as client:
        asked = background(client.get, "key")
        peer, header = scripted.next_request()
        for frames in ([b""], [b"\xff"], [b"{}"], [b"[]", b"x"], [b"{}"] * 100):
            scripted.send(peer, frames)
        scripted.answer(peer, header["id"] + 1_000, **got(b'"for somebody else"'))
        scripted.answer(peer, header["id"], **got(b'"yes"'))
        assert asked.result(DEADLINE_S) == "yes"


def test_an_answer_that_does_not_fit_is_an_error(scripted: ScriptedNode) -> None:
    """A list for a get: the caller is told, and for a put that it may have happened."""
    with client_of(scripted.address) as client:
        for use in (lambda: client.get("key"), lambda: client.put("key", 1)):
            asked = background(use)
            peer, header = scripted.next_request()
            scripted.answer(peer, header["id"], type="listed", keys=[], cursor="")
            error = failure(asked)
            assert isinstance(error, GossamerError)
            assert "Listed is no answer to" in str(error)
            assert error.definite == (header["type"] == "get")
        asked = background(client.get, "key")
        peer, header = scripted.next_request()
        scripted.answer(peer, header["id"], **got(b"1"))
        assert asked.result(DEADLINE_S) == 1


def test_a_connection_that_is_lost(scripted: ScriptedNode) -> None:
    """A write under way may have happened, a read can be asked nowhere else: both end at once."""
    with client_of(scripted.address, timeout_s=600) as client:
        put = background(client.put, "key", 1)
        scripted.next_request()
        read = background(client.get, "key")
        scripted.next_request()
        scripted.close()
        lost = failure(put)
        assert isinstance(lost, TimedOut)
        assert not lost.definite
        assert "connection" in str(lost)
        assert isinstance(failure(read), Unreachable)


def test_a_node_that_comes_back_is_used_again(network: Network) -> None:
    """A client outlives the node: while it is down calls fail at once, then they work again."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    with client_of(node.address) as client:
        client.put("a", 1)
        network.stop(node)
        with pytest.raises(Unavailable):
            client.get("a")
        network.node("node1", listen=node.address).wait_ready(DEADLINE_S)
        wait_until("it answers again", lambda: _answers(client))
        assert client.get("a") == 1
        client.put("a", 2)
        assert client.get("a") == 2


USES: list[tuple[str, Callable[[Client], object]]] = [
    ("get", lambda g: g.get("a")),
    ("put", lambda g: g.put("a", 1)),
    ("delete", lambda g: g.delete("a")),
    ("get_many", lambda g: g.get_many(["a"])),
    ("put_many", lambda g: g.put_many({"a": 1})),
    ("entry", lambda g: g.entry("a")),
    ("members", lambda g: g.members()),
    ("list", lambda g: list(g.list())),
    ("status", lambda g: g.status()),
    ("explain", lambda g: g.explain("a")),
]
each_use = pytest.mark.parametrize("use", [use for _, use in USES], ids=[name for name, _ in USES])


@each_use
def test_a_closed_client_says_so(client: Client, use: Callable[[Client], object]) -> None:
    """Whatever it is asked; it may be closed twice, and its thread is gone."""
    before = threading.active_count()
    closed = Client("127.0.0.1:1")
    closed.close()
    closed.close()
    with pytest.raises(GossamerError, match="the client was closed"):
        use(closed)
    assert threading.active_count() == before


@each_use
def test_closing_ends_what_is_under_way(
    scripted: ScriptedNode, use: Callable[[Client], object]
) -> None:
    """Whoever waits in another thread is told at once."""
    client = Client(scripted.address, timeout=600)
    waiting = background(use, client)
    scripted.next_request()
    client.close()
    assert "the client was closed" in str(failure(waiting))


def test_closing_leaves_nobody_waiting(shared_node: Node) -> None:
    """Whenever it comes between the calls of other threads, each of them ends."""

    def work(client: Client, use: Callable[[Client], object]) -> str:
        try:
            while True:
                use(client)
        except GossamerError as error:
            return str(error)

    for _ in range(20):
        client = Client(shared_node.address, timeout=600)
        client.put("a", 1)
        waiting = [background(work, client, use) for _, use in USES if _ != "delete"]
        client.close()
        for worker in waiting:
            assert "the client was closed" in worker.result(DEADLINE_S)


def test_a_closed_async_client_says_so(shared_node: Node, scripted: ScriptedNode) -> None:
    """Before its first use as after it; what is under way, for nobody answers, fails."""

    async def run() -> None:
        unused = AsyncClient(shared_node.address)
        await unused.close()
        used = AsyncClient(shared_node.address)
        await used.put("a", 1)
        await used.close()
        busy = AsyncClient(scripted.address)
        under_way = [asyncio.ensure_future(busy.get("a")), asyncio.ensure_future(busy.put("a", 2))]
        await asyncio.wait(under_way, timeout=0)
        await busy.close()
        await busy.close()
        for client in (unused, used, busy):
            with pytest.raises(GossamerError, match="the client was closed"):
                await client.get("a")
        async with asyncio.timeout(DEADLINE_S):
            for outcome in await asyncio.gather(*under_way, return_exceptions=True):
                assert "the client was closed" in str(outcome)

    asyncio.run(run())


def test_a_cancelled_get_harms_nobody(scripted: ScriptedNode) -> None:
    """Neither before it is sent nor after; its answer, when it comes, is passed over."""

    async def run() -> object:
        async with AsyncClient(scripted.address, timeout=DEADLINE_S) as client:
            unsent = asyncio.ensure_future(client.get("unsent"))
            sent = asyncio.ensure_future(client.get("sent"))
            await asyncio.wait([unsent], timeout=0)
            unsent.cancel()
            peer, header = await asyncio.to_thread(scripted.next_request)
            sent.cancel()
            outcomes = await asyncio.gather(unsent, sent, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
            keys = header["keys"]
            columns = {"codes": ["ok"] * len(keys), "kinds": ["json"] * len(keys)}
            answer = {"type": "got", **columns, "versions": [], "replicas": []}
            scripted.answer(peer, header["id"], b"1" * len(keys), values=[1] * len(keys), **answer)
            again = asyncio.ensure_future(client.get("again"))
            peer, header = await asyncio.to_thread(scripted.next_request)
            scripted.answer(peer, header["id"], **got(b"2"))
            return await again

    assert asyncio.run(run()) == 2
