"""Whatever strangers send to a node's ports: it is refused, counted and logged, and the node goes
on serving. What the decoder refuses, and why, is in test_wire_refusals.py."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from random import Random
from typing import Any

import orjson
import pytest
import zmq

from actors.actor import EVERYBODY, Address, Envelope
from actors.membership import Member
from actors.messages import Message, Observe, Rumour, Tell
from nodes.client import Client
from nodes.node import Node
from nodes.sockets import MAX_REQUEST_BYTES, Context, Socket, request_dealer
from nodes.wire import encode
from tests.networks import (
    DEADLINE_S,
    Network,
    Processes,
    client_of,
    logged,
    wait_until,
)

STRANGER = "00000000000000b2"

Connect = Callable[[str], Socket]


@pytest.fixture
def connect(context: Context) -> Iterator[Connect]:
    """What makes a stranger's connection to an address."""
    dealers: list[Socket] = []

    def connect(address: str) -> Socket:
        dealer = request_dealer(context)
        dealers.append(dealer)
        dealer.connect(f"tcp://{address}")
        wait_until("the dealer is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        return dealer

    yield connect
    for dealer in dealers:
        dealer.close()


@pytest.fixture
def dealer(connect: Connect, shared_node: Node) -> Socket:
    """A stranger's connection to the request port."""
    return connect(shared_node.address)


def exchange(dealer: Socket, frames: Sequence[bytes]) -> list[dict[str, Any]]:
    """The answers to a message: their headers."""
    dealer.send_multipart(frames)
    assert dealer.poll(int(DEADLINE_S * 1_000)), "no answer"
    return list(orjson.loads(dealer.recv_multipart()[0])["batch"])


def refused(dealer: Socket, frames: Sequence[bytes]) -> tuple[int, str]:
    """The id and the code of the only answer, which is that all was refused."""
    (answer,) = exchange(dealer, frames)
    assert (answer["type"], answer["definite"]) == ("failed", True)
    assert answer["reason"]
    return answer["id"], answer["code"]


def request(**fields: Any) -> dict[str, Any]:
    """A get of one key, with these fields instead of its own."""
    own = {"to": "router", "type": "get", "id": 7, "keys": ["a"]}
    return {**own, "details": False, "r": "quorum", "timeout_ms": 1_000, **fields}


def message(*headers: object, **top: Any) -> bytes:
    """Frame 0 of a client's message."""
    return orjson.dumps({"v": 1, "batch": headers, **top})


def write(key: str, value: bytes, kind: str = "bytes", id: int = 7) -> list[bytes]:
    """The frames of a write."""
    header = request(type="write", id=id, keys=[key], kinds=[kind], values=[len(value)])
    del header["details"], header["r"]
    return [message({**header, "w": "quorum", "ttl_ms": 0}), value]


def count_of(node: Node, reason: str) -> int:
    """How often the node dropped something for a reason."""
    return node._tally.counts.get(reason, 0)


def is_counted(node: Node, reason: str, times: int) -> bool:
    """Did the node drop exactly so many for a reason?"""
    return count_of(node, reason) == times


@pytest.fixture(autouse=True)
def goes_on(client: Client) -> Iterator[None]:
    """After each of these tests the node still does what it is for."""
    yield
    client.put("still", "here")
    assert client.get("still") == "here"


NESTED = b'{"v":1,"batch":' + b"[" * 1_025 + b"]" * 1_025 + b"}"
MALFORMED: list[tuple[str, list[bytes], int]] = [
    ("empty frame", [b""], 0),
    ("empty frames", [b"", b""], 0),
    ("no JSON", [b"\xff\x00garbage"], 0),
    ("no object", [b"[]"], 0),
    ("no version", [orjson.dumps({"batch": [request()]})], 7),
    ("three frames", [message(request()), b"", b""], 7),
    ("no batch", [b'{"v":1}'], 0),
    ("empty batch", [message()], 0),
    ("batch of numbers", [message(1, 2)], 0),
    ("unknown field", [message(request(colour="blue"))], 7),
    ("missing field", [message({k: v for k, v in request().items() if k != "keys"})], 7),
    ("key of another type", [message(request(keys=[17]))], 7),
    ("true for 1", [message(request(timeout_ms=True))], 7),
    ("1.0 for 1", [message(request(timeout_ms=1.0))], 7),
    ("negative", [message(request(timeout_ms=-1))], 7),
    ("2^63", [message(request(timeout_ms=2**63))], 7),
    ("2^64", [message(request()).replace(b"1000", b"18446744073709551616")], 7),
    ("id of 2^63", [message(request(id=2**63))], 0),
    ("unknown message", [message(request(type="drop_all"))], 7),
    ("a node's message", [message({"to": "router", "type": "observe", "id": 7})], 7),
    ("an inner message", [message({"to": "router", "type": "stop", "id": 7})], 7),
    ("a reply", [message({"to": "router", "type": "observed", "id": 7, "clock": 1})], 7),
    ("to the storage", [message(request(to="storage"))], 7),
    ("to nobody", [message(request(to="nobody"))], 7),
    ("body too long", [message(request()), b"x"], 7),
    ("body too short", [write("a", b"abc")[0], b"ab"], 7),
    ("columns of unequal length", [write("a", b"abc")[0].replace(b"[3]", b"[1,2]"), b"abc"], 7),
    ("depth 1,025", [NESTED], 0),
    ("a long text", [message(request(keys=["k" * 65_536]))], 7),
]


@pytest.mark.parametrize(
    ("frames", "id"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
def test_a_message_that_does_not_follow_the_protocol(
    dealer: Socket, shared_node: Node, frames: list[bytes], id: int
) -> None:
    """It is answered under its id where that can be read, and counted; the connection stays."""
    assert refused(dealer, frames) == (id, "malformed")
    (answer,) = exchange(dealer, [message(request(id=8, keys=["no-such-key"]))])
    assert (answer["id"], answer["codes"]) == (8, ["not_found"])


def test_the_first_of_a_kind_is_logged(connect: Connect, network: Network) -> None:
    """With where it came from and what was wrong; every one of them is counted."""
    node = network.node("node1")
    dealer = connect(node.address)
    for _ in range(3):
        assert refused(dealer, [b"garbage"]) == (0, "malformed")
    assert count_of(node, "malformed message") == 3
    wait_until("it is logged", lambda: logged(node.data, "dropped"))
    (record,) = logged(node.data, "dropped")
    assert (record["reason"], record["actor"]) == ("malformed message", "router")
    assert "not JSON" in record["why"]


@pytest.mark.parametrize("bad", [request(keys=[17]), request(to="gossiper")], ids=["bad", "astray"])
def test_all_requests_of_a_bad_message_are_answered_in_one(
    dealer: Socket, bad: dict[str, Any]
) -> None:
    """It is refused as a whole; answered one by one, a thousand would take seconds."""
    dealer.send_multipart([message(*[bad | {"id": id} for id in range(1_000)])])
    assert dealer.poll(int(DEADLINE_S * 1_000)), "no answer"
    answers = orjson.loads(dealer.recv_multipart()[0])["batch"]
    told = [(answer["id"], answer["code"]) for answer in answers]
    assert told == [(id, "malformed") for id in range(1_000)]


def test_a_version_that_is_not_spoken(dealer: Socket) -> None:
    """The answer has the id, and a code that says why."""
    assert refused(dealer, [message(request(), v=2)]) == (7, "unsupported_version")


def test_a_value_that_is_not_what_it_claims(dealer: Socket) -> None:
    """JSON that is none, and a delete with a value."""
    assert refused(dealer, write("a", b"{", "json")) == (7, "bad_value")
    assert refused(dealer, write("a", b"NaN", "json")) == (7, "bad_value")
    assert refused(dealer, write("a", b"[" * 1_025 + b"]" * 1_025, "json")) == (7, "bad_value")
    assert refused(dealer, write("a", b"x", "absent")) == (7, "bad_value")


def test_keys_and_values_that_are_too_large(dealer: Socket) -> None:
    """Several are refused one by one, with the code of each; one by itself in a sentence."""
    (answer,) = exchange(dealer, [message(request(keys=["k" * 1_025, "", "a" * 1_024]))])
    assert answer["codes"] == ["bad_key", "bad_key", "not_found"]
    assert refused(dealer, [message(request(keys=["k" * 1_025]))]) == (7, "bad_key")
    (answer,) = exchange(dealer, write("large", b"x" * (2**20 + 1)))
    assert (answer["type"], answer["id"], answer["code"]) == ("failed", 7, "too_large")
    assert answer["reason"] == "the value has 1,048,577 bytes, and 1,048,576 are admitted"
    assert answer["definite"]


def test_a_batch_that_is_too_large(dealer: Socket) -> None:
    """10,001 keys are refused as a whole."""
    keys = [str(n) for n in range(10_001)]
    assert refused(dealer, [message(request(keys=keys))]) == (7, "refused")
    assert refused(dealer, [message(request(keys=[]))]) == (7, "refused")


def test_a_frame_beyond_the_bound_cuts_the_connection(
    connect: Connect, dealer: Socket, shared_node: Node
) -> None:
    """5 MiB is not even read; others are served, and so is a new connection."""
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    dealer.send(b"x" * (MAX_REQUEST_BYTES + 2**20))
    assert monitor.poll(int(DEADLINE_S * 1_000)), "the connection was not cut"
    dealer.disable_monitor()
    monitor.close()
    (answer,) = exchange(connect(shared_node.address), [message(request())])
    assert answer["id"] == 7


@pytest.mark.parametrize("count", [3, 10_000])
def test_many_frames(dealer: Socket, count: int) -> None:
    """However many frames there are, the answer is one, and the next message is understood."""
    frames = [message(request())] * count
    assert refused(dealer, frames) == (7, "malformed")
    (answer,) = exchange(dealer, [message(request(id=8))])
    assert answer["id"] == 8


def test_random_frames(dealer: Socket) -> None:
    """A thousand messages of random bytes, each refused."""
    rng = Random(1)
    for _ in range(1_000):
        frames = [rng.randbytes(rng.randrange(100)) for _ in range(rng.randrange(1, 5))]
        assert refused(dealer, frames)[1] == "malformed"


def test_messages_with_bytes_changed(dealer: Socket) -> None:
    """A thousand good messages with a byte changed: answered somehow, never silently lost."""
    rng = Random(2)
    good = message(request(id=7, keys=["changed"], timeout_ms=50))
    for _ in range(1_000):
        changed = bytearray(good)
        changed[rng.randrange(len(good))] = rng.randrange(256)
        if b'"from"' not in changed:
            (answer,) = exchange(dealer, [bytes(changed)])
            assert answer["type"] in ("failed", "got")


HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL" + b"\0" * 48
READY = b"\x04\x26\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"


def test_a_handshake_that_fails_is_counted(network: Network) -> None:
    """Somebody who hangs up in the middle of it is seen in the log."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    host, port = node.address.split(":")
    with socket.create_connection((host, int(port)), DEADLINE_S) as stranger:
        stranger.sendall(GREETING)
        assert stranger.recv(1), "no greeting in return"
    wait_until("it is counted", lambda: count_of(node, "failed handshake: broken off"))
    wait_until("it is logged", lambda: logged(node.data, "dropped"))
    assert logged(node.data, "dropped")[0]["reason"] == "failed handshake: broken off"
    with client_of(node.address) as client:
        client.put("still", "here")


@pytest.mark.parametrize("port", ["requests", "gossip"])
@pytest.mark.parametrize(
    "data",
    [
        HTTP,
        Random(3).randbytes(10_000),
        GREETING[:11],
        GREETING,
        GREETING + READY[:20],
        GREETING + READY + b"\x02" + (2**62).to_bytes(8, "big") + b"x",
        GREETING + READY + b"\x00\xffshort",
    ],
    ids=["http", "random", "half a greeting", "greeting", "half ready", "huge", "cut frame"],
)
def test_what_is_no_zeromq(shared_node: Node, data: bytes, port: str) -> None:
    """Bytes of strangers at either port, the connection then closed: nobody else is disturbed."""
    (started,) = logged(shared_node.data, "started")
    address = started["address" if port == "requests" else "gossip_address"]
    host, number = address.split(":")
    with socket.create_connection((host, int(number)), DEADLINE_S) as stranger:
        stranger.sendall(data)


def from_node(here: Node, said: Message, actor: str, sender: str = STRANGER) -> list[bytes]:
    """A message of a node to an actor here."""
    to = Address(here.id, actor)
    return encode([Envelope(to, Address(sender, "gossiper"), said, 7)], sender)


def test_what_a_node_may_not_send(dealer: Socket, shared_node: Node) -> None:
    """It is counted and not answered, for a node has no use for being told."""
    before = count_of(shared_node, "malformed message")
    (good,) = from_node(shared_node, Observe(1), "router")
    bad = [good.replace(b"observe", other) for other in (b"write", b"stop", b"remember")]
    bad.append(good.replace(STRANGER.encode(), b"../../etc"))
    bad.append(good.replace(shared_node.id.encode(), b"f" * 16))
    for frame in bad:
        dealer.send(frame)
    wait_until(
        "all are counted",
        lambda: count_of(shared_node, "malformed message") == before + len(bad),
    )
    assert not dealer.poll(0)


def test_what_a_node_says_to_nobody(dealer: Socket, shared_node: Node) -> None:
    """To an actor that there is not, to one that does not take it: counted."""
    dealer.send_multipart(from_node(shared_node, Observe(1), "nobody"))
    dealer.send_multipart(from_node(shared_node, Observe(1), "host"))
    dealer.send_multipart(from_node(shared_node, Observe(1), "switch"))
    dealer.send_multipart(from_node(shared_node, Observe(1), "storage"))
    dealer.send_multipart(from_node(shared_node, Observe(1), "gossiper"))
    for reason, times in (
        ("message to an unknown actor", 3),
        ("storage was sent Observe", 1),
        ("gossiper was sent Observe", 1),
    ):
        wait_until(reason, partial(is_counted, shared_node, reason, times))


def test_garbage_at_the_gossip_port(context: Context, connect: Connect, network: Network) -> None:
    """What is published by whoever sits at a member's gossip port is refused and counted."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    publisher = context.socket(zmq.PUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    nowhere = "127.0.0.1:1"
    liar = Member(STRANGER, "liar", nowhere, f"127.0.0.1:{port}", nowhere, 1, 1, "alive")
    with client_of(node.address) as client:
        (me,) = client.members()
        dealer = connect(node.address)
        network_id = logged(node.data, "ready")[0]["network"]
        dealer.send_multipart(from_node(node, Tell(network_id, (liar,), ()), "gossiper"))
        wait_until("the liar is a member", lambda: len(client.members()) == 2)

        def is_heard() -> bool:
            publisher.send(b"garbage")
            return count_of(node, "malformed gossip") > 0

        wait_until("garbage is counted", is_heard)
        publisher.send_multipart([b""] * 10_000)
        everybody = Address(EVERYBODY, "gossiper")
        foreign = Rumour("f" * 16, STRANGER, "1", 1, 4, (liar,), (), (), False, 0)
        elsewhere = replace(me, boot=9, address="127.0.0.1:2")
        claim = Rumour(network_id, STRANGER, "1", 2, 4, (elsewhere,), (), (), False, 0)
        for rumour in (foreign, claim):
            envelope = Envelope(everybody, Address(STRANGER, "gossiper"), rumour)
            publisher.send_multipart(encode([envelope], STRANGER))
        for reason in ("gossip of another network", "another node claims this node's id"):
            wait_until(reason, partial(is_counted, node, reason, 1))
        [still] = [m for m in client.members() if m.id == node.id]
        assert (still.address, still.state) == (me.address, "alive")
    publisher.close()


def test_a_flood_does_not_grow_the_node(connect: Connect, processes: Processes) -> None:
    """Thousands of bad messages, many of them large, are refused in bounded memory."""
    node = processes.node("node1")
    node.start()
    node.wait_ready()
    dealer = connect(node.listen)

    ids = count(1)
    bad = [[b"x" * 2**20], [b"{" * 1_000], [b""] * 100]

    def flood(messages: int) -> None:
        unanswered = 0
        for n in range(messages):
            large = write("k" * 2_000, b"y" * 2**19, id=next(ids))
            dealer.send_multipart([*bad, large][n % 4], copy=False)
            unanswered += 1
            while unanswered > (16 if n < messages - 1 else 0):
                assert dealer.poll(int(DEADLINE_S * 1_000)), "no answer"
                unanswered -= len(orjson.loads(dealer.recv_multipart()[0])["batch"])

    flood(200)
    before = node.rss_bytes()
    flood(3_000)
    grown = node.rss_bytes() - before
    assert grown < 64 * 2**20
    with client_of(node.listen) as client:
        client.put("still", "here")
        assert client.get("still") == "here"
