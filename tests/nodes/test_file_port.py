"""A node's file port: announced to all, apart from the request port, and bounded for whoever is
there. The file server behind it is one that does little."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq

from actors.actor import CLIENT, ENDPOINT, Address, Envelope
from actors.chunks import chunk_id
from actors.file_settings import FileSettings
from actors.messages import (
    ChunkGot,
    ChunkPut,
    Failed,
    FileGot,
    FilePut,
    FileRemoved,
    Get,
    GetChunk,
    GetFile,
    Got,
    KeepChunk,
    Message,
    PutChunk,
    PutFile,
    Referred,
    RemoveFile,
    Touch,
)
from nodes.file_host import FileHost
from nodes.logs import open_log
from nodes.loop import NodeInfo
from nodes.mailbox import Mailbox
from nodes.node import Node
from nodes.ports import FILES, REQUESTS, Port
from nodes.sockets import Context, files_dealer, send
from nodes.tally import Tally
from nodes.wire import decode_from_peer_or_client, decode_reply, encode, encode_all
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until
from tests.nodes.test_bad_input import STRANGER, count_of
from tests.toy_files import ToyFileServer

DATA = b"sixteen letters\n" * 2**16
CHUNK = chunk_id(DATA)
PUT, GET = PutChunk(CHUNK, DATA, 5_000), GetChunk(CHUNK, False, 5_000)
TAKEN = "fileserver"


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> dict[str, ToyFileServer]:
    """The file servers of the nodes that are started from now on, by the nodes' ids."""
    made: dict[str, ToyFileServer] = {}

    def toy(here: str, *more: Any) -> ToyFileServer:
        made[here] = ToyFileServer(here, *more)
        return made[here]

    monkeypatch.setattr("nodes.node.FileServer", toy)
    return made


class Caller:
    """A client of one port, whichever that is."""

    def __init__(self, context: Context, address: str) -> None:
        self.dealer = files_dealer(context)
        self.dealer.connect(f"tcp://{address}")
        wait_until("it is connected", lambda: self.dealer.poll(0, zmq.POLLOUT))
        self._number = 0

    def ask(self, message: Message, actor: str = TAKEN, port: Port = FILES) -> Message:
        """The answer to a request."""
        self._send(message, actor)
        (answer,) = decode_reply(self.next(), port)
        assert answer.id == self._number
        return answer.message

    def is_answered(self, message: Message, kind: type[Message]) -> bool:
        """Is a request answered so? It may be lost, as may earlier ones be answered now."""
        self._send(message, TAKEN)
        while self.dealer.poll(500):
            for answer in decode_reply(self.dealer.recv_multipart(), FILES):
                if answer.id == self._number:
                    return isinstance(answer.message, kind)
        return False

    def _send(self, message: Message, actor: str) -> None:
        self._number += 1
        to = Address(f"{ENDPOINT}h:1", actor)
        send(self.dealer, encode([Envelope(to, Address(CLIENT, ""), message, self._number)], ""))

    def tell(self, frames: Sequence[bytes]) -> None:
        """Send what is to be no request."""
        self.dealer.send_multipart(frames)

    def next(self) -> list[bytes]:
        """The frames that come next."""
        assert self.dealer.poll(int(DEADLINE_S * 1_000)), "no answer"
        return self.dealer.recv_multipart()


Call = Callable[[str], Caller]


@pytest.fixture
def call(context: Context) -> Iterator[Call]:
    """What makes a client of an address."""
    callers: list[Caller] = []

    def call(address: str) -> Caller:
        callers.append(Caller(context, address))
        return callers[-1]

    yield call
    for caller in callers:
        caller.dealer.close(linger=0)


def files_address(node: Node) -> str:
    """Where the files of a node that has just been started are served."""
    return str(logged(node.data, "started")[-1]["files_address"])


@pytest.fixture
def node(network: Network, toys: dict[str, ToyFileServer]) -> Node:
    """One that is ready."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    return node


# Where it is.


def test_all_members_know_where_files_are_served(
    network: Network, toys: dict[str, ToyFileServer]
) -> None:
    """With the port that was bound where it was to be a free one."""
    nodes = network.nodes_that_list_each_other(2)
    with client_of(nodes[0].address) as client:
        known = {member.name: member.files_address for member in client.members()}
    assert known == {node.name: files_address(node) for node in nodes}
    ports = {address.rpartition(":")[2] for address in known.values()}
    assert len(ports - {"0"}) == 2


def test_a_file_server_has_the_settings_of_its_node(
    network: Network, toys: dict[str, ToyFileServer]
) -> None:
    """Sizes and times as people write them."""
    node = network.node(
        "node1", files_quota="1GiB", max_file="10MB", extensions="Pdf", chunk_grace="2h"
    )
    toy = toys[node.id]
    wanted = FileSettings(max_file_bytes=10**7, extensions=frozenset({"pdf"}), grace_ms=7_200_000)
    assert toy.settings == wanted
    assert toy.store.room_bytes() <= 2**30
    with pytest.raises(ValueError, match="no size"):
        network.node("node2", max_file="large")


# What passes.


def test_chunks_go_to_the_file_servers_of_all_members(
    network: Network, toys: dict[str, ToyFileServer], call: Call
) -> None:
    """Over connections of their own, and back to whoever asks."""
    nodes = network.nodes_that_list_each_other(3)
    wait_until("all are known", lambda: all(len(toys[n.id].others) == 2 for n in nodes))
    caller = call(files_address(nodes[0]))
    wait_until("it is put", lambda: caller.ask(PUT) == ChunkPut())
    for node in nodes:
        assert call(files_address(node)).ask(GET) == ChunkGot(DATA)


def test_a_file_goes_in_at_one_node_and_comes_out_at_another(network: Network, call: Call) -> None:
    """With real file servers: its chunk is on disks before the file is there, and gone with it."""
    nodes = network.nodes_that_list_each_other(3)
    first, last = call(files_address(nodes[0])), call(files_address(nodes[2]))
    put = PutFile("a.txt", len(DATA), CHUNK, len(DATA), False, (CHUNK,), b"", 5_000)
    wait_until("its chunk is put", lambda: first.is_answered(PUT, ChunkPut))
    wait_until("it is put", lambda: first.is_answered(put, FilePut))
    got = last.ask(GetFile("a.txt", 5_000))
    assert isinstance(got, FileGot)
    assert (got.size_bytes, got.sha256, got.chunks) == (len(DATA), CHUNK, (CHUNK,))
    assert last.ask(GET) == ChunkGot(DATA)
    assert last.ask(RemoveFile("a.txt", 5_000)) == FileRemoved()
    assert isinstance(first.ask(GetFile("a.txt", 5_000)), Failed)


def test_a_node_that_came_back_is_sent_to_again(
    network: Network, toys: dict[str, ToyFileServer], call: Call
) -> None:
    """At another file port; while it is away, what is for it is handed back."""
    first, second = network.nodes_that_list_each_other(2)
    wait_until("both are known", lambda: all(len(toys[n.id].others) == 1 for n in (first, second)))
    caller = call(files_address(first))
    wait_until("it is put", lambda: caller.ask(PUT) == ChunkPut())
    network.stop(second)
    wait_until("it is handed back", lambda: caller.is_answered(PUT, Failed))
    second = network.node("node2", [first.address])
    second.wait_ready(DEADLINE_S)
    wait_until("it is put again", lambda: caller.is_answered(PUT, ChunkPut))
    assert call(files_address(second)).ask(GET) == ChunkGot(DATA)


def test_what_is_sent_to_the_wrong_port_is_refused(node: Node, call: Call) -> None:
    """Each port takes what is its own, and says so."""
    files, requests = call(files_address(node)), call(node.address)
    get = Get(("k",), False, "quorum", 1_000)
    for caller, message, actor in (
        (files, get, "router"),
        (files, get, "fileserver"),
        (files, GET, "router"),
        (requests, GET, "fileserver"),
        (requests, get, "fileserver"),
    ):
        failed = caller.ask(message, actor)
        assert isinstance(failed, Failed)
        assert (failed.code, failed.definite) == ("malformed", True)
    assert isinstance(files.ask(GET), Failed)
    assert isinstance(requests.ask(get, "router", REQUESTS), Got)


def test_garbage_at_the_file_port(node: Node, call: Call) -> None:
    """It is answered and counted, and the next request is served."""
    caller = call(files_address(node))
    before = count_of(node, "malformed message")
    for frames in ([b""], [b"\xff"], [b"{}"], [b"{}", b"", b""], [b'{"v":1,"batch":[]}', b"x"]):
        caller.tell(frames)
        (answer,) = orjson.loads(caller.next()[0])["batch"]
        assert (answer["type"], answer["code"], answer["id"]) == ("failed", "malformed", 0)
    assert count_of(node, "malformed message") == before + 5
    assert caller.ask(PUT) == ChunkPut()
    (said,) = [e for e in logged(node.data, "dropped") if e.get("reason") == "malformed message"]
    assert said["actor"] == "fileserver"


def of_a_node(
    node: Node, message: Message, actor: str = "fileserver", sender: str = STRANGER
) -> list[bytes]:
    """The frames of what a node sends to an actor of this one."""
    to, by = Address(node.id, actor), Address(sender, "storage")
    return encode([Envelope(to, by, message, 7)], sender)


def test_what_file_servers_are_sent_by_the_request_port(
    node: Node, toys: dict[str, ToyFileServer], call: Call
) -> None:
    """The answers of storages, and nothing else: the rest has its own port."""
    caller = call(node.address)
    before = count_of(node, "malformed message")
    caller.tell(of_a_node(node, Referred((True,))))
    caller.tell(of_a_node(node, Failed("unavailable", "no", True)))
    (good,) = of_a_node(node, Referred(()))
    caller.tell([good.replace(b'"referred"', b'"refer","epoch":1').replace(b"held", b"chunks")])
    caller.tell(of_a_node(node, Touch(1, ())))
    told = toys[node.id].told
    wait_until("the answers arrive", lambda: len(told) == 2)
    wait_until("the rest is counted", lambda: count_of(node, "malformed message") == before + 2)
    assert told == [Referred((True,)), Failed("unavailable", "no", True)]


def test_what_file_servers_are_sent_by_the_file_port(
    node: Node, toys: dict[str, ToyFileServer], call: Call
) -> None:
    """By others in their own name; nothing under the own, and nothing for other actors."""
    caller = call(files_address(node))
    told = toys[node.id].told
    caller.tell(of_a_node(node, Touch(1, (CHUNK,))))
    caller.tell(of_a_node(node, Touch(2, ()), sender=node.id))
    caller.tell(of_a_node(node, Failed("failed", "", True), "storage"))
    for reason in ("message from outside under the own id", "message to an unknown actor"):
        wait_until(reason, partial(count_of, node, reason))
    assert told == [Touch(1, (CHUNK,))]


def test_the_bytes_of_a_chunk_are_not_copied() -> None:
    """Though it is one of several that leave in one turn: each has a message of its own."""
    to, by = Address("a" * 16, "fileserver"), Address(STRANGER, "fileserver")
    kept = [Envelope(to, by, KeepChunk(CHUNK, DATA), n) for n in range(3)]
    messages = [frames for _, frames in encode_all(kept, STRANGER)]
    assert len(messages) == 3
    for frames in messages:
        assert frames[1] is DATA
        (envelope,) = decode_from_peer_or_client(frames, "x", to.node, FILES)
        assert isinstance(envelope.message, KeepChunk)
        assert envelope.message.data is DATA


# Bounds.


def test_who_does_not_read_is_bounded(
    network: Network, node: Node, call: Call, context: Context
) -> None:
    """What it does not read beyond a bound is dropped and counted; others are served meanwhile."""
    assert call(files_address(node)).ask(PUT) == ChunkPut()
    slow = context.socket(zmq.DEALER)
    slow.set(zmq.RCVHWM, 1)
    slow.set(zmq.RCVBUF, 2**16)
    slow.connect(f"tcp://{files_address(node)}")
    asked = 0

    def is_dropped() -> bool:
        nonlocal asked
        for _ in range(10):
            asked += 1
            header = {"to": TAKEN, "type": "get_chunk", "id": asked, "chunk": CHUNK}
            header |= {"checked": False, "timeout_ms": 5_000}
            slow.send(orjson.dumps({"v": 1, "batch": [header]}))
        return count_of(node, "client does not read") > 0

    wait_until("something is dropped", is_dropped)
    assert call(files_address(node)).ask(GET) == ChunkGot(DATA)
    with client_of(node.address) as client:
        client.put("k", 1)

    def all_are_settled() -> bool:
        while slow.poll(0):
            got.extend(decode_reply(slow.recv_multipart(), FILES))
        return len(got) + count_of(node, "client does not read") == asked

    got: list[Envelope] = []
    wait_until("what was not dropped is read", all_are_settled)
    slow.close(linger=0)
    assert {envelope.message for envelope in got} == {ChunkGot(DATA)}
    assert FileHost.wiring.max_unread_bytes // len(DATA) <= len(got) <= 50


def test_a_turn_takes_a_bounded_number_of_bytes(context: Context, tmp_path: Path) -> None:
    """However much waits; the rest is for the next."""
    log = open_log(tmp_path / "log.jsonl", "node1", "info", None)
    own, tally = NodeInfo("a" * 16, "node1"), Tally(log.events)
    boxes = {"fileserver": Mailbox("fileserver")}
    listen = ("127.0.0.1", 0)
    host = FileHost(
        own, context, boxes, lambda _: None, tally, listen, log, lambda: 0, trace_all=False
    )
    _, files, _ = host.open()
    dealer = files_dealer(context)
    dealer.connect(f"tcp://127.0.0.1:{host.port}")
    wait_until("it is connected", lambda: dealer.poll(0, zmq.POLLOUT))
    to, by = Address(own.id, "fileserver"), Address(STRANGER, "fileserver")
    frames = encode([Envelope(to, by, KeepChunk(CHUNK, DATA), 1)], STRANGER)
    sizes: list[int] = []
    sent = 0

    def has_come() -> bool:
        nonlocal sent
        while sent < 30 and dealer.poll(0, zmq.POLLOUT):
            send(dealer, frames)
            sent += 1
        if files.poll(0):
            sizes.append(len(host.receive([files])) * len(DATA))
        return sum(sizes) == 30 * len(DATA)

    wait_until("all has come", has_come)
    dealer.close(linger=0)
    host.close(goodbye=False)
    log.close()
    assert max(sizes) <= FileHost.wiring.max_turn_bytes


def test_a_node_with_a_busy_file_port_stops_in_time(
    network: Network, node: Node, call: Call
) -> None:
    """Within three seconds, though nobody reads what was asked for; then nobody listens there."""
    caller = call(files_address(node))
    assert caller.ask(PUT) == ChunkPut()
    to = Address(f"{ENDPOINT}h:1", TAKEN)
    for number in range(30):
        frames = encode([Envelope(to, Address(CLIENT, ""), GET, number)], "")
        wait_until("it is sent", lambda: caller.dealer.poll(0, zmq.POLLOUT))
        send(caller.dealer, frames)
    began = time.monotonic()
    network.stop(node)
    assert time.monotonic() - began < 3
    assert [e["actor"] for e in logged(node.data, "not_stopped")] == []
    assert logged(node.data, "stopped")
