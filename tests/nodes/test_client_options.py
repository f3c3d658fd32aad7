"""What a node is asked when a caller wants more or fewer answers, and what it tells of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.errors import KeyNotFound, TimedOut
from actors.membership import Member
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.entries import Entry
from nodes.sockets import Context
from nodes.status import Explanation, FileCounts, Replica, Status, Transfer
from tests.networks import DEADLINE_S, client_of
from tests.nodes.scripted import (
    ScriptedNode,
    background,
    checked,
    explained,
    failure,
    got,
    members_listed,
    written,
)

ID = "00000000000000f1"
ASKED = Member(ID, "node1", "127.0.0.1:7100", "127.0.0.1:8100", "127.0.0.1:9100", 1, 0, "alive")


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


@pytest.fixture
def client(scripted: ScriptedNode) -> Iterator[Client]:
    """A client of that node."""
    with client_of(scripted.address) as client:
        yield client


WRITES: list[tuple[Callable[[Client], object], dict[str, Any]]] = [
    (lambda g: g.put("k", 1), {"w": "quorum", "ttl_ms": 0}),
    (lambda g: g.put("k", 1, w="one"), {"w": "one", "ttl_ms": 0}),
    (lambda g: g.put("k", 1, ttl=60), {"w": "quorum", "ttl_ms": 60_000}),
    (lambda g: g.put("k", 1, ttl="10m", w="all"), {"w": "all", "ttl_ms": 600_000}),
    (lambda g: g.put_entry("k", 1, w="all", ttl=0.5), {"w": "all", "ttl_ms": 500}),
    (lambda g: g.delete("k"), {"w": "quorum", "ttl_ms": 0}),
    (lambda g: g.delete("k", w="all"), {"w": "all", "ttl_ms": 0}),
    (lambda g: g.put_many({"k": 1}), {"w": "quorum", "ttl_ms": 0}),
    (lambda g: g.put_many({"k": 1}, w="one", ttl="1d"), {"w": "one", "ttl_ms": 86_400_000}),
]


@pytest.mark.parametrize(("use", "asked"), WRITES, ids=range(len(WRITES)))
def test_a_write_says_how_many_and_how_long(
    scripted: ScriptedNode, client: Client, use: Callable[[Client], object], asked: dict[str, Any]
) -> None:
    """A quorum, and for ever, unless the caller wants something else."""
    call = background(use, client)
    assert scripted.answer_next(written("n1", "n2")).items() >= asked.items()
    call.result(DEADLINE_S)


READS: list[tuple[Callable[[Client], object], str]] = [
    (lambda g: g.get("k"), "quorum"),
    (lambda g: g.get("k", None, r="one"), "one"),
    (lambda g: g.get_many(["k"]), "quorum"),
    (lambda g: g.get_many(["k"], r="all"), "all"),
    (lambda g: g.entry("k"), "quorum"),
    (lambda g: g.entry("k", r="one"), "one"),
]


@pytest.mark.parametrize(("use", "level"), READS, ids=range(len(READS)))
def test_a_read_says_how_many(
    scripted: ScriptedNode, client: Client, use: Callable[[Client], object], level: str
) -> None:
    """A quorum, unless the caller wants something else."""
    call = background(use, client)
    answer = {**got(b"1"), "versions": ["v"], "replicas": [["n1"]]}
    assert scripted.answer_next(answer)["r"] == level
    call.result(DEADLINE_S)


WRONG: list[Callable[[Any], object]] = [
    lambda g: g.put("k", 1, w="two"),
    lambda g: g.put("k", 1, ttl=0),
    lambda g: g.put_entry("k", 1, ttl="soon"),
    lambda g: g.delete("k", w=1),
    lambda g: g.put_many({"k": 1}, w=""),
    lambda g: g.put_many({"k": 1}, ttl=-1),
    lambda g: g.get("k", r="most"),
    lambda g: g.get_many(["k"], r=None),
    lambda g: g.entry("k", r="ONE"),
]


@pytest.mark.parametrize("use", WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_asked_is_not_sent(
    scripted: ScriptedNode, client: Client, use: Callable[[Any], object]
) -> None:
    """It is a mistake in the program: a ValueError."""
    with pytest.raises(ValueError, match=r"is one of|time to live"):
        use(client)
    assert not scripted.has_request()


def test_all_who_hold_a_version_are_named(scripted: ScriptedNode, client: Client) -> None:
    """Of an entry that was read, and of one that was put."""
    put = background(client.put_entry, "k", "blue")
    scripted.answer_next(written("n1", "n3"))
    assert put.result(DEADLINE_S) == Entry("k", "blue", "v", ("n1", "n3"))
    read = background(client.entry, "k")
    scripted.answer_next({**got(b'"blue"'), "versions": ["v"], "replicas": [["n3", "n1"]]})
    assert read.result(DEADLINE_S) == Entry("k", "blue", "v", ("n3", "n1"))


def test_what_is_asked_in_one_tick_shares_a_request_with_its_like(scripted: ScriptedNode) -> None:
    """One for each level and time to live; all of them leave in one message."""

    async def run() -> list[Any]:
        async with AsyncClient(scripted.address, timeout=DEADLINE_S) as client:
            warm = asyncio.ensure_future(client.get("warm"))
            await asyncio.to_thread(scripted.answer_next, got(b"0"))
            await warm
            calls: list[Any] = [client.put("a", 1), client.put("b", 2, w="one")]
            calls += [client.get("c"), client.put("d", 4, ttl=9), client.get("e", r="all")]
            calls += [client.put("f", 6, w="one"), client.delete("g"), client.get("h")]
            under_way = [asyncio.ensure_future(call) for call in calls]
            peer, batch = await asyncio.to_thread(scripted.next_batch)
            for header in batch:
                keys = header["keys"]
                if header["type"] == "write":
                    scripted.answer(peer, header["id"], **written("n1", keys=len(keys)))
                    continue
                columns: dict[str, Any] = {"versions": [], "replicas": []}
                for name, nothing in (("codes", "not_found"), ("kinds", "absent"), ("values", 0)):
                    columns[name] = [nothing] * len(keys)
                scripted.answer(peer, header["id"], type="got", **columns)
            await asyncio.gather(*under_way, return_exceptions=True)
            return [
                [(h["keys"], h.get("r"), h.get("w"), h.get("ttl_ms")) for h in batch],
                [call.exception() or call.result() for call in under_way],
            ]

    asked, outcomes = asyncio.run(run())
    assert asked == [
        (["c", "h"], "quorum", None, None),
        (["e"], "all", None, None),
        (["a", "g"], None, "quorum", 0),
        (["b", "f"], None, "one", 0),
        (["d"], None, "quorum", 9_000),
    ]
    assert [outcomes[i] for i in (0, 1, 3, 5, 6)] == ["v", "v", "v", "v", None]
    assert {type(outcomes[i]) for i in (2, 4, 7)} == {KeyNotFound}


def test_the_status_is_told_in_the_words_of_its_users(
    scripted: ScriptedNode, client: Client
) -> None:
    """The node that answered is named, and so is whom a transfer or a count of hints is for."""
    call = background(client.status)
    moves = {"moving": True, "movers": ["n2", "n3"], "to_move": [40, 2], "moved": [10, 2]}
    waits = {"silent": ["n3"], "hinted": ["n3", "n4"], "hints": [5, 1]}
    wrong = {"under_replicated": 12, "without_quorum": 3, "safe_to_stop": False, "reasons": ["r"]}
    files = {"chunks": 6, "size_bytes": 600, "missing": 5, "strays": 4, "rotten": 3, "repaired": 2}
    files |= {"collected": 1, "scrubbed": 7, "lost": 8}
    header = scripted.answer_next(checked(**moves, **waits, **wrong, files=files))
    assert (header["to"], header["type"]) == ("router", "check")
    assert scripted.answer_next(members_listed("d", ASKED))["type"] == "list_members"
    assert call.result(DEADLINE_S) == Status(
        node="node1",
        node_id=ID,
        epoch=7,
        members=3,
        under_replicated=12,
        without_quorum=3,
        moving=True,
        transfers=(Transfer("n2", 10, 40), Transfer("n3", 2, 2)),
        silent=("n3",),
        hints={"n3": 5, "n4": 1},
        safe_to_stop=False,
        reasons=("r",),
        files=FileCounts(6, 600, 5, 4, 3, 2, 1, 7, 8),
        fingerprint="",
    )


def test_a_node_that_nobody_knows_goes_by_its_id(scripted: ScriptedNode, client: Client) -> None:
    """Its name is not in the list of members."""
    call = background(client.status)
    scripted.answer_next(checked())
    scripted.answer_next(members_listed("d"))
    assert call.result(DEADLINE_S).node == ID


def test_a_key_is_explained_with_a_row_for_each_owner(
    scripted: ScriptedNode, client: Client
) -> None:
    """What each holds, until when, and whether they agree."""
    call = background(client.explain, "color")
    columns = {"codes": ["ok", "not_found"], "versions": ["v", ""], "expiries": [1_500, 0]}
    more = {"kinds": ["json", "absent"], "sizes": [6, 0], "hinted": ["node2"]}
    header = scripted.answer_next(explained(**columns, **more))
    assert (header["to"], header["type"], header["key"]) == ("router", "explain", "color")
    told = call.result(DEADLINE_S)
    assert told == Explanation(
        key="color",
        position="ab" * 20,
        partition=2748,
        epoch=7,
        owners=("node1", "node2"),
        new_owners=(),
        replicas=(
            Replica("node1", "ok", "json", "v", 1.5, 6),
            Replica("node2", "not_found", "absent", "", None, 0),
        ),
        hinted=("node2",),
    )
    assert not told.agrees


AGREEMENTS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"codes": ["not_found"] * 2, "versions": ["", ""]}, True),
    ({"versions": ["v", "w"]}, False),
    ({"codes": ["ok", "not_found"]}, False),
    ({"codes": ["unavailable"] * 2, "versions": ["", ""]}, False),
]


@pytest.mark.parametrize(("changes", "agrees"), AGREEMENTS, ids=range(len(AGREEMENTS)))
def test_owners_agree_that_hold_the_same(
    scripted: ScriptedNode, client: Client, changes: dict[str, Any], agrees: bool
) -> None:
    """The same version, expired or not, or all of them nothing; who does not answer does not."""
    call = background(client.explain, "color")
    scripted.answer_next(explained(**changes))
    assert call.result(DEADLINE_S).agrees == agrees


READ_ONLY: list[Callable[[Client], object]] = [lambda g: g.status(), lambda g: g.explain("k")]


@pytest.mark.parametrize("use", READ_ONLY, ids=["status", "explain"])
def test_what_only_looks_leaves_no_doubt(
    scripted: ScriptedNode, use: Callable[[Client], object]
) -> None:
    """A time-out of it is definite: nothing can have been done."""
    with client_of(scripted.address, timeout_s=0.3) as client:
        error = failure(background(use, client))
    assert isinstance(error, TimedOut)
    assert error.definite


def test_a_loss_is_accepted_only_by_who_says_so(scripted: ScriptedNode, client: Client) -> None:
    """Nobody forgets a member so by mistake."""
    for use, accepted in (
        (lambda: client.forget("n2"), False),
        (lambda: client.forget("n2", True), True),
        (lambda: client.forget("n2", accept_loss=True), True),
    ):
        call = background(use)
        peer, header = scripted.next_request()
        assert (header["type"], header["accept_loss"]) == ("forget", accepted)
        scripted.refuse(peer, header["id"], "refused")
        assert "told to" in str(failure(call))


def test_the_async_client_tells_the_same(scripted: ScriptedNode) -> None:
    """Awaited."""

    async def run() -> tuple[Status, Explanation]:
        async with AsyncClient(scripted.address, timeout=DEADLINE_S) as client:
            status = asyncio.ensure_future(client.status())
            await asyncio.to_thread(scripted.answer_next, checked())
            await asyncio.to_thread(scripted.answer_next, members_listed("d", ASKED))
            explanation = asyncio.ensure_future(client.explain("k"))
            await asyncio.to_thread(scripted.answer_next, explained())
            return await status, await explanation

    status, explanation = asyncio.run(run())
    assert (status.node, status.safe_to_stop, explanation.key) == ("node1", True, "k")


def test_so_many_gets_leave_before_the_tick_ends(scripted: ScriptedNode) -> None:
    """The nodes begin with them while the program goes on; of writes all leave at its end."""

    async def run() -> list[list[tuple[str, list[str]]]]:
        async with AsyncClient(scripted.address, timeout=DEADLINE_S, batch_keys=2) as client:
            warm = asyncio.ensure_future(client.get("warm"))
            await asyncio.to_thread(scripted.answer_next, got(b"0"))
            await warm
            calls: list[Any] = [*map(client.get, "abcde"), *(client.put(k, 1) for k in "fgh")]
            under_way = [asyncio.ensure_future(call) for call in calls]
            batches = [await asyncio.to_thread(scripted.next_batch) for _ in range(3)]
            for call in under_way:
                call.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            return [[(h["type"], h["keys"]) for h in headers] for _, headers in batches]

    first, second, rest = asyncio.run(run())
    assert (first, second) == ([("get", ["a", "b"])], [("get", ["c", "d"])])
    assert rest == [("get", ["e"]), ("write", ["f", "g", "h"])]
