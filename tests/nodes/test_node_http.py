"""What real nodes show of themselves over HTTP: numbers that are right, whether they live, and
whether they are ready."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from actors.errors import GossamerError, NotReady, Refused, TimedOut
from actors.storage import Storage
from actors.storage_settings import StorageSettings
from nodes import node as node_module
from nodes.metrics import METRICS
from nodes.node import STOP_S, Node
from nodes.sockets import Context, request_dealer
from tests.networks import DEADLINE_S, Network, addresses, client_of, wait_until
from tests.nodes.pages import Samples, page
from tests.nodes.secured import Secrets

ANYWHERE = "127.0.0.1:0"
ANSWERED_S = 2.5
"""However a node is, it says so within two seconds, on a machine that has other things to do."""

MAX_SERIES = 700
"""Of a node that has done everything there is."""


@pytest.fixture
def shown(network: Network) -> Node:
    """A node that shows itself, ready."""
    node = network.node("node1", http=ANYWHERE)
    node.wait_ready(DEADLINE_S)
    return node


class Hanging:
    """The disk of a node hangs until `release`: the thread that writes stands still."""

    def __init__(self, node: Node) -> None:
        self._released = threading.Event()
        self._commit: Callable[[Any], None] = node._disk.commit
        vars(node._disk)["commit"] = self._hang

    def _hang(self, batch: Any) -> None:
        self._released.wait()
        self._commit(batch)

    def release(self) -> None:
        """It goes on."""
        self._released.set()


@pytest.fixture
def hanging(shown: Node) -> Iterator[Hanging]:
    """The disk of that node hangs, and something is to be written."""
    hanging = Hanging(shown)
    with client_of(shown.address, timeout_s=0.2) as client, pytest.raises(TimedOut):
        client.put("k", 1)
    yield hanging
    hanging.release()


def shows(node: Node, value: float | None, name: str, **labels: str) -> None:
    """Wait until the metric has this value: a reading may be a second old."""
    wait_until(f"{name}{labels} is {value}", lambda: Samples(node).of(name, **labels) == value)


# Metrics.


def test_requests_are_counted_by_what_became_of_them(shown: Node) -> None:
    """Puts, gets, misses and refusals: each request once, a batch by its worst key."""
    with client_of(shown.address) as client:
        for n in range(5):
            client.put(f"key:{n}", n)
        assert client.get("key:1") == 1
        assert client.get("nothing", None) is None
        assert client.get_many(["key:1", "key:2", "nothing"]) == {"key:1": 1, "key:2": 2}
        with pytest.raises(Refused):
            client.put("k" * 2_000, 1)
        list(client.list("key:"))
        client.upload(Path(__file__), "test.txt")
    count = partial(shows, shown, name="gossamer_requests_total")
    count(1, operation="list", outcome="ok")
    count(5, operation="write", outcome="ok")
    count(1, operation="write", outcome="bad_key")
    count(1, operation="get", outcome="ok")
    count(2, operation="get", outcome="not_found")
    count(1, operation="put_file", outcome="ok")
    samples = Samples(shown)
    assert samples.of("gossamer_request_duration_seconds_count", operation="get") == 3
    assert samples.of("gossamer_request_duration_seconds_count", operation="write") == 6
    taken_s = samples.of("gossamer_request_duration_seconds_sum", operation="write")
    assert taken_s is not None
    assert 0 < taken_s < DEADLINE_S
    for port in ("requests", "files"):
        assert (samples.of("gossamer_received_bytes_total", port=port) or 0) > 100
        assert (samples.of("gossamer_sent_bytes_total", port=port) or 0) > 100


def test_a_node_shows_what_it_has_and_who_is_there(network: Network) -> None:
    """Of three nodes: members, partitions, chunks; and hints for one that is gone."""
    listed = addresses(network.ports.take(3))
    names = ("node1", "node2", "node3")
    one, two, three = [
        network.node(name, listed, listen, http=ANYWHERE)
        for name, listen in zip(names, listed, strict=True)
    ]
    for node in (one, two, three):
        node.wait_ready(DEADLINE_S)
    shows(one, 3, "gossamer_members", state="alive")
    wait_until("all are ready", lambda: all(is_ready(node) for node in (one, two, three)))
    with client_of(one.address) as client:
        client.put("k", 1, w="all")
        shows(one, 4096, "gossamer_partitions", state="owned")
        shows(one, 0, "gossamer_partitions", state="behind")
        network.stop(three)
        shows(one, 1, "gossamer_members", state="stopped")
        client.put("k", 2)
        wait_until("there is a hint", lambda: any(hints(node) for node in (one, two)))
    info = Samples(one)
    assert info.of("gossamer_node_info", node="node1", node_id=one.id) == 1
    assert info.of("gossamer_ready") == 1
    assert info.of("process_open_fds")
    assert info.of("gossamer_repaired_records_total", how="comparison") == 0
    version = [labels for name, labels in info.all if name == "gossamer_build_info"]
    assert [dict(labels).keys() for labels in version] == [{"version"}]


def hints(node: Node) -> float:
    """How many wait there."""
    return Samples(node).of("gossamer_hints") or 0


def test_chunks_are_counted_with_their_bytes(shown: Node, tmp_path: Path) -> None:
    """What is kept, once it is there."""
    large = tmp_path / "large.txt"
    large.write_bytes(b"a line\n" * 200_000)
    with client_of(shown.address) as client:
        client.upload(large)
    shows(shown, large.stat().st_size, "gossamer_chunk_bytes")
    samples = Samples(shown)
    assert (samples.of("gossamer_chunks") or 0) > 1
    assert samples.of("gossamer_chunks_missing") == 0
    received = samples.of("gossamer_received_bytes_total", port="files") or 0
    assert received > large.stat().st_size


def test_everything_that_is_named_is_shown_and_nothing_else(shown: Node) -> None:
    """In both formats, each with its help; what has not happened yet has no values."""
    text = Samples(shown).text
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    both = page(shown.http_address, "/metrics", accept=accept)
    assert both.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0;")
    families = list(text_string_to_metric_families(both.text))  # type: ignore[no-untyped-call]
    assert all(family.documentation for family in families)
    for name, metric in METRICS.items():
        assert f"# HELP {name} {metric.help}" in text
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")]
    assert {name for name in helped if name.startswith("gossamer_")} == METRICS.keys()
    assert {name.partition("_")[0] for name in helped} == {"gossamer", "process", "python"}


def test_no_label_grows_with_what_strangers_send(shown: Node, context: Context) -> None:
    """Hundreds of requests, keys, types and codes that nobody knows: the series stay as few."""
    with request_dealer(context) as dealer:
        dealer.connect(f"tcp://{shown.address}")
        wait_until("it is connected", lambda: dealer.poll(0, zmq.POLLOUT))
        for n in range(300):
            odd = {"to": f"odd{n}", "type": f"odd{n}", "id": n, f"odd{n}": f"odd{n}"}
            dealer.send_multipart([orjson.dumps({"v": 1, "batch": [odd]})])
            get = {"to": "router", "type": "get", "id": n, "keys": [f"odd{n}"], "details": False}
            get |= {"r": "quorum", "timeout_ms": 1_000}
            dealer.send_multipart([orjson.dumps({"v": 1, "batch": [get]})])
        count = partial(shows, shown, name="gossamer_requests_total")
        count(300, operation="get", outcome="not_found")
        shows(shown, 300, "gossamer_dropped_total", reason="malformed message")
    samples = Samples(shown)
    assert "odd" not in samples.text
    assert len(samples.all) < MAX_SERIES


def test_a_node_that_encrypts_shows_no_more(network: Network, net: Secrets) -> None:
    """The port needs no key; what a key may not do is counted."""
    node = network.node("node1", secret=net.file, http=ANYWHERE)
    node.wait_ready(DEADLINE_S)
    with client_of(node.address, secret=net.client("reader")) as reader:
        with pytest.raises(Refused):
            reader.put("k", 1)
        assert reader.get("k", None) is None
    count = partial(shows, node, name="gossamer_requests_total")
    count(1, operation="write", outcome="not_allowed")
    count(1, operation="get", outcome="not_found")
    assert page(node.http_address, "/livez").status == 200
    assert net.file.read_text().split()[-1] not in Samples(node).text


def test_scraping_under_load_counts_all_and_breaks_nothing(shown: Node) -> None:
    """Several scrape at once while requests are answered."""
    ended = threading.Event()
    scraped: list[int] = []

    def scrape() -> None:
        while not ended.is_set():
            assert Samples(shown).of("gossamer_build_info", version="0") is None
            scraped.append(page(shown.http_address, "/readyz").status)

    scrapers = [threading.Thread(target=scrape) for _ in range(3)]
    for scraper in scrapers:
        scraper.start()
    with client_of(shown.address) as client:
        for n in range(100):
            client.put(f"key:{n}", n)
    ended.set()
    for scraper in scrapers:
        scraper.join()
    assert set(scraped) == {200}
    shows(shown, 100, "gossamer_requests_total", operation="write", outcome="ok")


# Whether it lives.


def test_a_node_whose_disk_hangs_does_not_live(shown: Node, hanging: Hanging) -> None:
    """It says which of its actors it is, and in time; and lives again when the disk goes on."""
    began = time.monotonic()
    found = page(shown.http_address, "/livez")
    assert time.monotonic() - began < ANSWERED_S
    assert found.status == 503
    assert found.json() == {
        "status": "not alive",
        "reasons": ["its storage has not answered for 2 s or longer"],
        "silent": ["storage"],
    }
    began = time.monotonic()
    assert page(shown.http_address, "/livez").json()["silent"] == ["storage"]
    assert page(shown.http_address, "/readyz").json()["waiting_for"] == found.json()["reasons"]
    samples = Samples(shown)
    assert time.monotonic() - began < ANSWERED_S
    assert samples.of("gossamer_ready") == 0
    assert samples.of("gossamer_partitions", state="owned") is None
    assert samples.of("gossamer_repaired_records_total", how="read") == 0
    hanging.release()
    wait_until("it lives again", lambda: page(shown.http_address, "/livez").status == 200)
    wait_until("it is ready again", lambda: is_ready(shown))


def test_a_node_that_failed_does_not_live(shown: Node) -> None:
    """It says why, as long as it is there."""

    def fail(batch: Any) -> None:
        raise OSError("broken")

    vars(shown._disk)["commit"] = fail
    with client_of(shown.address, timeout_s=0.2) as client, pytest.raises(GossamerError):
        client.put("k", 1)
    wait_until("it has failed", lambda: page(shown.http_address, "/livez").status == 503)
    why = ["the storage of node1 failed: broken"]
    assert page(shown.http_address, "/livez").json()["reasons"] == why
    assert page(shown.http_address, "/readyz").json()["waiting_for"] == why


def test_a_node_that_is_to_stop_says_so(shown: Node) -> None:
    """Before it has stopped."""
    shown.request_stop()
    for path, reasons in (("/livez", "reasons"), ("/readyz", "waiting_for")):
        found = page(shown.http_address, path)
        assert (found.status, found.json()[reasons]) == (503, ["the node is stopping"])


# Whether it is ready.


def is_ready(node: Node) -> bool:
    """Does it say so?"""
    return page(node.http_address, "/readyz").status == 200


def test_a_node_that_waits_for_others_lives_and_is_not_ready(network: Network) -> None:
    """Until one of them is there."""
    [first, second] = addresses(network.ports.take(2))
    late = network.node("node2", [first], second, http=ANYWHERE)
    wait_until("it waits", lambda: late._news.waiting.startswith("waiting for"))
    assert page(late.http_address, "/livez").json() == {"status": "alive"}
    found = page(late.http_address, "/readyz")
    assert (found.status, found.json()["status"]) == (503, "not ready")
    assert first in found.json()["waiting_for"][0]
    with client_of(late.address) as client, pytest.raises(NotReady):
        client.get("k")
    shows(late, 1, "gossamer_requests_total", operation="get", outcome="not_ready")
    shows(late, 0, "gossamer_ready")
    network.node("node1", [], first)
    wait_until("it is ready", lambda: is_ready(late))
    shows(late, 1, "gossamer_ready")


def test_a_node_is_not_ready_while_data_moves_to_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells how much is still to come, until it has all."""
    first = network.node("node1")
    first.wait_ready(DEADLINE_S)
    with client_of(first.address) as client:
        client.put_many({f"key:{n}": b"v" * 1_000 for n in range(300)})
        slow = StorageSettings(repair_bytes_per_s=100_000)
        monkeypatch.setattr(node_module, "Storage", partial(Storage, settings=slow))
        late = network.node("node2", [first.address], http=ANYWHERE)

        def tells() -> bool:
            waiting_for = page(late.http_address, "/readyz").json()["waiting_for"]
            return any(waits.endswith("are still to be moved here") for waits in waiting_for)

        wait_until("it tells what is to come", tells)
        told = client.status()
        assert told.moving
        assert any(moves.moved < moves.to_move for moves in told.transfers)
        wait_until("it has all", lambda: is_ready(late))
        shows(late, 4096, "gossamer_partitions", state="owned")
        shows(late, 0, "gossamer_repaired_records_total", how="comparison")


# Its port.


def test_there_is_nothing_else_at_the_port(shown: Node) -> None:
    """Three pages, to be read only, and none is kept by whoever passes it on."""
    for path in ("/", "/metrics/", "/v1/kv/k", "/livez/../metrics", "/docs"):
        assert page(shown.http_address, path).status == 404
    for path in ("/metrics", "/livez", "/readyz"):
        assert page(shown.http_address, path, "POST").status == 405
        found = page(shown.http_address, path, "HEAD")
        assert (found.status, found.text) == (200, "")
        assert found.headers["cache-control"] == "no-store"
        assert "server" not in found.headers


def test_without_being_asked_a_node_has_no_such_port(network: Network) -> None:
    """No address, and no thread."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    assert node.http_address == ""
    assert [t.name for t in threading.enumerate() if t.name == "node1-http"] == []


def test_it_may_listen_at_every_address_of_the_machine(network: Network) -> None:
    """It shows no data, so it needs neither a secret nor an address to be told."""
    node = network.node("node1", http="0.0.0.0:0")
    port = node.http_address.removeprefix("0.0.0.0:")
    assert page(f"127.0.0.1:{port}", "/livez").status == 200


def test_a_port_in_use_is_said(network: Network, shown: Node) -> None:
    """In the words of the other ports; and nothing of the node is left."""
    why = rf"^cannot listen on {shown.http_address}: Address already in use$"
    with pytest.raises(GossamerError, match=why):
        network.node("node2", http=shown.http_address)
    network.node("node2")


def test_what_is_not_installed_is_said(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence that says how it is installed."""
    for name in ("nodes.node_http", "nodes.http_port"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    why = r"^--http needs uvicorn, which is not installed: pip install 'gossamer\[http\]'$"
    with pytest.raises(GossamerError, match=why):
        network.node("node2", http=ANYWHERE)


def test_a_node_stops_in_time_with_its_port(network: Network, shown: Node) -> None:
    """Whoever is connected to it, and whatever it is asked meanwhile; the log is closed last."""
    host, _, port = shown.http_address.partition(":")
    with socket.create_connection((host, int(port))) as silent:
        silent.sendall(b"GET /met")
        wait_until("it lives", lambda: page(shown.http_address, "/livez").status == 200)
        began = time.monotonic()
        network.stop(shown)
    assert time.monotonic() - began < STOP_S
    with pytest.raises(ConnectionRefusedError):
        page(shown.http_address, "/livez")
    assert [t.name for t in threading.enumerate() if t.name == "node1-http"] == []
    assert shown._log.lost == 0
