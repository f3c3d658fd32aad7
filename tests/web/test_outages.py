"""A gateway's log says when no node answers, and when one does again: once, however many ask."""

from __future__ import annotations

import re
from pathlib import Path

from actors.errors import BatchError, error_for
from nodes.logs import open_log
from nodes.web.access import Access, Rules
from nodes.web.outages import Outages
from tests.networks import Network, client_of, wait_until
from tests.nodes.secured import Secrets
from tests.web.gateways import GatewayProcess, Http
from tests.web.test_access import bearer


def lines(gateway: GatewayProcess, event: str) -> list[str]:
    """Those of the log that tell of this."""
    return [line for line in gateway.said().splitlines() if f" {event} " in line]


def test_an_outage_is_told_once_and_its_end(network: Network, tmp_path: Path) -> None:
    """Though nobody asks the gateway anything; and those who do are counted."""
    first = network.node("node1")
    first.wait_ready()
    address = first.address
    with GatewayProcess(tmp_path, [address], "--timeout", "1") as gateway:
        wait_until("it is ready", lambda: gateway.http("GET", "/readyz").status == 200)
        assert lines(gateway, "nodes_lost") == []
        network.stop(first)
        wait_until("it is told", lambda: lines(gateway, "nodes_lost"))
        for _ in range(20):
            assert gateway.http("GET", "/v1/kv/a").status == 503
        again = network.node("node1", listen=address)
        again.wait_ready()
        wait_until("the end is told", lambda: lines(gateway, "nodes_back"))
        codes = re.findall(r"nodes_lost.* code=(\w+)", gateway.said())
        assert codes
        assert len(set(codes)) == len(codes) <= 3
        assert len(lines(gateway, "nodes_back")) == 1
        assert " after_s=" in lines(gateway, "nodes_back")[0]
        assert len(lines(gateway, "requests_failed")) <= 3


def test_a_node_that_is_not_ready_does_not_end_an_outage(network: Network, tmp_path: Path) -> None:
    """It answers, and does nothing for anybody, until another confirms it."""
    first = network.node("node1")
    first.wait_ready()
    second = network.node("node2", [first.address])
    second.wait_ready()
    addresses = first.address, second.address
    with GatewayProcess(tmp_path, addresses, "--timeout", "1") as gateway:
        wait_until("it is ready", lambda: gateway.http("GET", "/readyz").status == 200)
        network.stop(first)
        network.stop(second)
        wait_until("it is told", lambda: lines(gateway, "nodes_lost"))
        network.node("node1", listen=addresses[0])
        wait_until("why is told", lambda: "code=not_ready" in gateway.said())
        assert lines(gateway, "nodes_back") == []
        network.node("node2", listen=addresses[1]).wait_ready()
        wait_until("the end is told", lambda: lines(gateway, "nodes_back"))


def test_a_wrong_secret_is_told(network: Network, tmp_path: Path) -> None:
    """At once: no node lets the gateway in."""
    right, wrong = Secrets(tmp_path), Secrets(tmp_path, "wrong")
    node = network.node("node1", secret=right.file)
    node.wait_ready()
    with GatewayProcess(tmp_path, [node.address], "--secret", str(wrong.file)) as gateway:
        wait_until("it is told", lambda: lines(gateway, "nodes_lost"))
        assert "perhaps it has another secret" in lines(gateway, "nodes_lost")[0]


def test_a_key_that_is_denied_is_no_outage(network: Network, tmp_path: Path) -> None:
    """Its token is refused, and all others are taken."""
    secrets = Secrets(tmp_path)
    node = network.node("node1", secret=secrets.file)
    node.wait_ready()
    lost = bearer(secrets.client("writer", 9))
    options = ("--secret", str(secrets.file), "--token-needed")
    with GatewayProcess(tmp_path, [node.address], *options) as gateway:
        http = Http(gateway.address, lost)
        assert http("GET", "/v1/kv").status == 200
        with client_of(node.address, secret=secrets.file) as admin:
            admin.deny("writer-9")
        wait_until("it is refused", lambda: http("GET", "/v1/kv").status == 403)
        assert [http("GET", "/v1/kv").status for _ in range(5)] == [403] * 5
        assert Http(gateway.address, bearer(secrets.file))("GET", "/v1/kv").status == 200
        assert lines(gateway, "nodes_lost") == lines(gateway, "requests_failed") == []


def test_what_nodes_could_not_do_is_counted_by_its_code(tmp_path: Path) -> None:
    """What is wrong with a request itself is no news; of a batch its first failure counts."""
    log = open_log(tmp_path / "log.jsonl", "gateway", "info", None)
    outages = Outages(Access(["127.0.0.1:1"], 1.0, None, Rules(needs_token=False)), log)
    for code in ("not_found", "refused", "bad_key", "not_allowed"):
        outages.failed(error_for(code))
    outages.failed(BatchError({"a": error_for("unavailable", "too few")}))
    for _ in range(100):
        outages.failed(error_for("unavailable", "too few"))
    log.close()
    [line] = (tmp_path / "log.jsonl").read_text().splitlines()
    assert '"event":"requests_failed"' in line
    assert '"reason":"unavailable","detail":"too few"' in line
