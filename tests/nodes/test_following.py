"""Of how many requests the time is taken at once is bounded, and the latest are followed."""

from __future__ import annotations

from pathlib import Path

import orjson

from actors.actor import CLIENT, Address, Envelope
from actors.messages import Failed, Get
from nodes.following import MAX_FOLLOWED, Following
from nodes.logs import open_log
from nodes.loop import NodeInfo
from nodes.meter import Meter

HERE = "00000000000000aa"


def test_of_too_many_requests_the_oldest_is_forgotten(tmp_path: Path) -> None:
    """Some are never answered; what is told of the others stays right."""
    path = tmp_path / "log.jsonl"
    log = open_log(path, "node1", "info", None)
    info, meter = NodeInfo(HERE, "node1"), Meter()
    following = Following("router", info, log, lambda _: None, meter, trace_all=False)
    router, client, get = (
        Address(HERE, "router"),
        Address(CLIENT, "c"),
        Get(("a",), False, "one", 1),
    )
    for number in range(MAX_FOLLOWED + 1):
        following.begin(Envelope(router, client, get, number))
    for number in (0, 1, MAX_FOLLOWED):
        failed = Failed("timed_out", "no answer", True)
        following.end("c", Envelope(client, router, failed, number))
    told = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["request"] for record in told] == ["message", "get", "get"]
    assert len(following._began) == MAX_FOLLOWED - 2
