"""What the two clients do on a node that is there: values, batches, lists, and what is refused."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import BatchError, GossamerError, KeyNotFound, Refused
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.node import Node
from tests.networks import DEADLINE_S, client_of

MIB = 2**20
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)


def on(node: Node, use: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    """What comes of using an AsyncClient of the node."""

    async def run() -> Any:
        async with AsyncClient(node.address, timeout=DEADLINE_S) as client:
            return await use(client)

    return asyncio.run(run())


def refusal(use: Callable[[], object]) -> str:
    """The code with which it is refused."""
    with pytest.raises(Refused) as error:
        use()
    assert error.value.definite
    return error.value.code


def test_a_value_is_put_read_replaced_and_deleted(client: Client) -> None:
    """A key has the value that was put last, until it is deleted."""
    first = client.put("life", "blue")
    assert client.get("life") == "blue"
    second = client.put("life", {"now": ["red", 1, None]})
    assert client.get("life") == {"now": ["red", 1, None]}
    assert first != second
    client.delete("life")
    with pytest.raises(KeyNotFound, match="there is no key 'life'"):
        client.get("life")


def test_a_missing_key_may_have_a_default(client: Client) -> None:
    """The default is given instead of KeyNotFound, None like any other."""
    assert client.get("missing", default=None) is None
    assert client.get("missing", 7) == 7
    client.put("there", None)
    assert client.get("there", 7) is None


def test_deleting_what_is_not_there_is_done(client: Client) -> None:
    """It is no error."""
    client.delete("never-there")
    client.delete("never-there")


def test_an_entry_tells_version_and_replicas(client: Client) -> None:
    """Value, the version that the put returned, and the names of the nodes that hold it."""
    version = client.put("entry", [1, 2])
    entry = client.entry("entry")
    assert (entry.key, entry.value, entry.version) == ("entry", [1, 2], version)
    assert entry.replicas == ("node1",)
    with pytest.raises(KeyNotFound):
        client.entry("no-entry")


def test_the_members_are_told(client: Client, shared_node: Node) -> None:
    """A network of one has one member."""
    (member,) = client.members()
    assert (member.id, member.name, member.address, member.state) == (
        shared_node.id,
        "node1",
        shared_node.address,
        "alive",
    )


@given(value=JSON)
def test_json_comes_back_as_it_was(client: Client, value: Any) -> None:
    """Every JSON value, with its types: 1 is not 1.0 and not True."""
    client.put("json", value)
    assert repr(client.get("json")) == repr(value)


@given(value=st.binary(max_size=200))
def test_bytes_come_back_as_they_were(client: Client, value: bytes) -> None:
    """Bytes are bytes, also those that would be JSON."""
    client.put("bytes", value)
    assert client.get("bytes") == value


@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=50))
def test_every_text_is_a_key(client: Client, key: str) -> None:
    """Spaces, control characters, whatever is UTF-8."""
    client.put(key, key)
    assert client.get(key) == key
    client.delete(key)


@pytest.mark.parametrize("value", [bytearray(b"ab"), memoryview(b"ab")], ids=["array", "view"])
def test_what_is_like_bytes_is_bytes(client: Client, value: Any) -> None:
    """A bytearray and a memoryview come back as bytes."""
    client.put("like-bytes", value)
    assert client.get("like-bytes") == b"ab"


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, [1.0, {"a": -math.inf}], object(), {1: 2}, {"a"}, 2**64, "\ud800"],
    ids=["nan", "infinity", "inside", "object", "int as name", "set", "integer", "surrogate"],
)
def test_what_is_not_json_is_refused(client: Client, value: Any) -> None:
    """Nothing is stored in a form that would come back as something else."""
    assert refusal(lambda: client.put("not-json", value)) == "bad_value"
    assert refusal(lambda: client.put_many({"not-json": value})) == "bad_value"
    assert client.get("not-json", None) is None


def test_none_is_not_taken_for_nan(client: Client) -> None:
    """A null in the text is not enough to be refused."""
    client.put("none", {"null": [None, "null"]})
    assert client.get("none") == {"null": [None, "null"]}


@pytest.mark.parametrize(
    "key",
    ["", "k" * 1_025, "ü" * 513, "k" * 100_000, "\ud800", 7],
    ids=["empty", "1025", "1026", "100000", "surrogate", "int"],
)
def test_what_is_no_key_is_refused(client: Client, key: Any) -> None:
    """Empty, over 1,024 bytes, no UTF-8, no text: refused by every method."""
    for use in (
        lambda: client.put(key, 1),
        lambda: client.get(key),
        lambda: client.delete(key),
        lambda: client.entry(key),
    ):
        assert refusal(use) == "bad_key"


def test_the_longest_key_is_admitted(client: Client) -> None:
    """1,024 bytes, whether of one byte a character or of four."""
    for key in ("k" * 1_024, "😀" * 256):
        client.put(key, "long")
        assert client.get(key) == "long"
        client.delete(key)


def test_the_largest_value_is_admitted(client: Client) -> None:
    """1 MiB is, a byte more is not, and far more is not even sent."""
    client.put("large", b"x" * MIB)
    assert client.get("large") == b"x" * MIB
    assert refusal(lambda: client.put("large", b"y" * (MIB + 1))) == "too_large"
    assert refusal(lambda: client.put("large", b"y" * (5 * MIB))) == "too_large"
    assert refusal(lambda: client.put("large", "y" * (MIB - 1))) == "too_large"
    assert client.get("large") == b"x" * MIB


def test_get_many_leaves_out_what_is_missing(client: Client) -> None:
    """The rest has its values, each once."""
    client.put_many({"m1": 1, "m2": b"2", "m3": None})
    client.delete("m3")
    assert client.get_many(["m2", "m1", "m3", "m4", "m1"]) == {"m2": b"2", "m1": 1}
    assert client.get_many([]) == {}


def test_put_many_returns_versions(client: Client) -> None:
    """One a key, each the one that the entry then has."""
    versions = client.put_many({"v1": 1, "v2": 2})
    assert {key: client.entry(key).version for key in ("v1", "v2")} == versions
    assert client.put_many({}) == {}


def test_part_of_a_batch_may_fail(client: Client) -> None:
    """BatchError tells for each key its version or its error; what could be stored is stored."""
    bad = "k" * 1_025
    with pytest.raises(BatchError, match="1 of 2 keys failed") as error:
        client.put_many({"good": 1, bad: 2})
    assert error.value.definite
    assert error.value.results["good"] == client.entry("good").version
    assert isinstance(error.value.results[bad], Refused)
    with pytest.raises(BatchError) as error:
        client.get_many(["good", bad])
    assert error.value.results["good"] == 1
    assert isinstance(error.value.results[bad], Refused)


def test_a_batch_of_ten_thousand(client: Client) -> None:
    """All are stored, and all come back."""
    values = {f"ten-thousand:{n}": n for n in range(10_000)}
    assert client.put_many(values).keys() == values.keys()
    assert client.get_many(values) == values


def test_a_batch_larger_than_any_message(client: Client) -> None:
    """Replies answer the first keys only, and the client asks for the rest."""
    values = {f"heavy:{n}": bytes([n]) * (900 * 1024) for n in range(20)}
    client.put_many(values)
    assert client.get_many([*values, "heavy:none"]) == values


@pytest.fixture(scope="module")
def listed(client: Client) -> list[str]:
    """Keys of several pages, in the order of their UTF-8."""
    names = [*(f"{n:04}" for n in range(2_500)), "a", "a\x00", "aa", "ä", "\uffff", "😀", "😀a"]
    keys = [f"listed:{name}" for name in names]
    client.put_many(dict.fromkeys(reversed(keys), 1))
    return keys


def test_a_list_has_all_keys_in_order(client: Client, listed: list[str]) -> None:
    """Over several pages, in the order of their UTF-8, each once."""
    assert list(client.list("listed:")) == listed


def test_a_list_has_what_begins_with_the_prefix(client: Client, listed: list[str]) -> None:
    """And nothing else; a prefix may be a whole key, or match nothing."""
    assert list(client.list("listed:00")) == [f"listed:{n:04}" for n in range(100)]
    assert list(client.list("listed:a")) == ["listed:a", "listed:a\x00", "listed:aa"]
    assert list(client.list("listed:😀")) == ["listed:😀", "listed:😀a"]
    assert list(client.list("listed:nothing")) == []
    assert [key for key in client.list() if key.startswith("listed:")] == listed


def test_a_list_leaves_out_what_is_deleted(client: Client) -> None:
    """A deleted key is in no page."""
    client.put_many({"gone:1": 1, "gone:2": 2, "gone:3": 3})
    client.delete("gone:2")
    assert list(client.list("gone:")) == ["gone:1", "gone:3"]


def test_a_list_may_be_left_early(shared_node: Node, listed: list[str]) -> None:
    """What is left unread does no harm to the client, nor to its end."""
    with client_of(shared_node.address) as client:
        assert next(client.list("listed:")) == listed[0]
        assert client.get(listed[0]) == 1


def test_many_threads_use_one_client(client: Client) -> None:
    """Each gets the answers to what it asked."""
    wrong: list[object] = []

    def work(worker: int) -> None:
        for n in range(50):
            client.put(f"worker:{worker}", n)
            if (found := client.get(f"worker:{worker}")) != n:
                wrong.append((worker, n, found))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert client.get_many(f"worker:{n}" for n in range(8)) == {f"worker:{n}": 49 for n in range(8)}


def test_the_async_client_has_the_same_methods(shared_node: Node) -> None:
    """Awaited, and with an async iterator for a list."""

    async def use(client: AsyncClient) -> None:
        version = await client.put("async:1", "blue")
        assert await client.get("async:1") == "blue"
        assert (await client.entry("async:1")).version == version
        assert await client.get("async:none", None) is None
        await client.put_many({"async:2": 2, "async:3": b"3"})
        assert await client.get_many(["async:2", "async:3", "async:4"]) == {
            "async:2": 2,
            "async:3": b"3",
        }
        await client.delete("async:2")
        assert [key async for key in client.list("async:")] == ["async:1", "async:3"]
        assert [member.name for member in await client.members()] == ["node1"]
        with pytest.raises(KeyNotFound):
            await client.get("async:2")

    on(shared_node, use)


def test_what_is_asked_in_one_tick_is_answered_one_by_one(shared_node: Node) -> None:
    """A thousand gets and puts at once, some missing and some refused: each has its own outcome."""

    async def use(client: AsyncClient) -> list[Any]:
        await asyncio.gather(*(client.put(f"tick:{n}", n) for n in range(1_000)))
        keys = [*(f"tick:{n}" for n in range(1_100)), "k" * 1_025]
        return await asyncio.gather(*map(client.get, keys), return_exceptions=True)

    found = on(shared_node, use)
    assert found[:1_000] == list(range(1_000))
    assert {type(outcome) for outcome in found[1_000:1_100]} == {KeyNotFound}
    assert isinstance(found[1_100], Refused)


def test_writes_of_one_task_take_effect_in_their_order(shared_node: Node) -> None:
    """A put that follows an awaited put is the later one."""

    async def use(client: AsyncClient) -> list[Any]:
        seen = []
        for n in range(50):
            await client.put("order", n)
            seen.append(await client.get("order"))
        return seen

    assert on(shared_node, use) == list(range(50))


def test_an_address_that_is_none_is_refused() -> None:
    """At once, by a sentence."""
    for address in ("127.0.0.1:port", "127.0.0.1:70000", "a b:1", ""):
        with pytest.raises(GossamerError, match=r"is not host:port|has no port"):
            AsyncClient(address)
