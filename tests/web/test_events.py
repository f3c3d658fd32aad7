"""Events over HTTP: members and keys as they change, gone on with where one was."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from actors.errors import error_for
from actors.ring import position_of
from actors.spaces import file_key
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.member_list import MemberList
from nodes.watching import KeyChange
from nodes.web import events as reading
from nodes.web.answers import Problem
from nodes.web.events import Events
from nodes.web.traffic import Traffic
from tests.networks import DEADLINE_S, Network
from tests.web.gateways import GatewayProcess, Http


@dataclass(frozen=True, slots=True)
class Event:
    """What was said, and how far that leads."""

    kind: str
    data: Any
    id: str


@contextmanager
def events(
    gateway: GatewayProcess, query: str = "", last_id: str = ""
) -> Iterator[Iterator[Event]]:
    """What is said from now on."""
    connection = http.client.HTTPConnection(gateway.address, timeout=DEADLINE_S)
    headers = {"Last-Event-ID": last_id} if last_id else {}
    connection.request("GET", f"/v1/events{query}", headers=headers)
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")

    def read() -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                yield Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
                fields = {}

    try:
        yield read()
    finally:
        connection.close()


def next_of(kind: str, told: Iterator[Event]) -> Event:
    """The next of a kind."""
    return next(event for event in told if event.kind == kind)


def test_members_are_told_first_then_every_key_that_is_changed(
    gateway: GatewayProcess, client: Client
) -> None:
    """With what was done, its version, and its place on the ring."""
    with events(gateway) as told:
        member = next_of("member", told)
        assert (member.data["name"], member.data["state"], member.data["was"]) == (
            "node1",
            "alive",
            "",
        )
        version = client.put("told", 1)
        key = next_of("key", told)
        assert (key.data["key"], key.data["version"]) == ("told", version)
        assert 0 <= key.data["position"] < 1
        assert key.data["change"] == "put"
        client.delete("told")
        assert next_of("key", told).data["change"] == "deleted"


def test_who_comes_back_is_told_what_was_missed(gateway: GatewayProcess, client: Client) -> None:
    """Every change, once, of the keys that it reads about."""
    with events(gateway, "?prefix=back/") as told:
        next_of("member", told)
        client.put("back/0", 0)
        last = next_of("key", told)
    client.put_many({f"back/{n}": n for n in range(1, 20)})
    client.put("other", 1)
    with events(gateway, "?prefix=back/", last.id) as told:
        found = {next_of("key", told).data["key"] for _ in range(19)}
        assert found == {f"back/{n}" for n in range(1, 20)}
        client.put("back/end", 1)
        assert next_of("key", told).data["key"] == "back/end"
    assert quote(last.id) == last.id, "an id may stand in a query"
    with events(gateway, f"?prefix=back/&after={last.id}") as told:
        assert next_of("key", told).data["key"].startswith("back/")


def test_an_id_leads_no_further_than_what_was_said(gateway: GatewayProcess, client: Client) -> None:
    """Of changes that came together some are said: the others are told to who comes back."""
    with events(gateway, "?prefix=cut/") as told:
        next_of("member", told)
        client.put("cut/begin", 0)
        begin = next_of("key", told)
    client.put_many({f"cut/{n:02}": n for n in range(30)})
    with events(gateway, "?prefix=cut/", begin.id) as told:
        some = [next_of("key", told) for _ in range(7)]
    with events(gateway, "?prefix=cut/", some[-1].id) as told:
        found = {event.data["key"] for event in some}
        while len(found) < 30:
            found.add(next_of("key", told).data["key"])


def test_who_has_seen_no_change_yet_misses_none(gateway: GatewayProcess, client: Client) -> None:
    """The place that it comes back with is where it began to read."""
    with events(gateway, "?prefix=quiet/&traffic") as told:
        gateway.http("GET", "/v1/status")
        place = next_of("traffic", told).id
    client.put("quiet/1", 1)
    with events(gateway, "?prefix=quiet/", place) as told:
        first = next(event for event in told if event.kind in ("missed", "key"))
        assert first.data["key"] == "quiet/1"


def test_who_cannot_be_told_all_is_told_that(gateway: GatewayProcess, client: Client) -> None:
    """The place is of another node, or of one that has forgotten it."""
    for last_id in ("1.00000000000000b1/5~0", "~0", "nonsense"):
        with events(gateway, last_id=last_id) as told:
            assert next_of("missed", told).data == {}
            client.put("after", 1)
            assert next_of("key", told).data["key"] == "after"


def test_what_is_no_id_is_refused(http: Http) -> None:
    """It is said again with every event, and must not begin lines of its own."""
    for id in ("a%0Aevent: member", "a%0D", "%00"):
        answer = http("GET", f"/v1/events?after={id}".replace(" ", "%20"))
        assert (answer.status, answer.code) == (400, "refused")


def test_more_readers_than_are_admitted_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And one that is refused leaves nothing behind."""
    monkeypatch.setattr(reading, "MAX_READERS", 0)
    request = Request({"type": "http", "method": "GET", "query_string": b"traffic", "headers": []})
    with pytest.raises(Problem) as refused:
        asyncio.run(Events(Traffic()).answer(request, AsyncClient()))
    assert (refused.value.status, refused.value.code) == (503, "overloaded")


def test_a_request_is_shown_where_that_is_stored_which_it_is_about(
    gateway: GatewayProcess, http: Http, client: Client
) -> None:
    """A key's place, and that of a file's manifest."""
    with events(gateway, "?traffic") as told:
        next_of("member", told)
        http("PUT", "/v1/files/shown.txt", b"x")
        http.put_json("/v1/kv/shown.txt", 1)
        shown: dict[str, float] = {}
        while len(shown) < 2:
            data = next_of("traffic", told).data
            shown |= {row["operation"]: row["position"] for row in data["shown"]}
    assert shown["put_key"] == pytest.approx(int(client.explain("shown.txt").position, 16) / 2**160)
    assert shown["put_file"] == pytest.approx(int(position_of(file_key("shown.txt")), 16) / 2**160)


def test_a_head_ends(http: Http) -> None:
    """Though the events do not."""
    assert http("HEAD", "/v1/events").headers["content-type"].startswith("text/event-stream")


def test_traffic_is_told_to_who_asks(gateway: GatewayProcess, http: Http) -> None:
    """How many requests of each kind, how long they took, and where on the ring."""
    with events(gateway, "?traffic") as told:
        next_of("member", told)
        for _ in range(3):
            http.put_json("/v1/kv/traffic", 1)
        data = next_of("traffic", told).data
        assert data["requests"]["put_key"] >= 1
        assert 0 < data["p50_ms"] <= data["p99_ms"]
        assert {name: data["shown"][0][name] for name in ("operation", "status")} == {
            "operation": "put_key",
            "status": 200,
        }


class Scripted(AsyncClient):
    """Fails for these reasons, one after another, then is answered, then nothing happens."""

    def __init__(self, keys: list[str], members: list[str]) -> None:
        super().__init__()
        self._reasons = {"keys": keys, "members": members}
        self.waits: list[bool] = []

    async def changes_since(
        self, prefix: str = "", cursor: str = "", *, wait: bool = True
    ) -> tuple[tuple[KeyChange, ...], str]:
        """No changes."""
        self.waits.append(wait)
        await self._next("keys")
        return (), "cursor"

    async def members_since(self, digest: str | None = None) -> tuple[MemberList, str]:
        """No members."""
        await self._next("members")
        return MemberList(), "digest"

    async def _next(self, question: str) -> None:
        if question not in self._reasons:
            await asyncio.Event().wait()
        if self._reasons[question]:
            raise error_for("unavailable", self._reasons[question].pop(0))
        del self._reasons[question]


def test_each_reason_is_said_once_and_when_all_is_answered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two things are asked, and one that is answered is not all; what waits is asked anew."""
    monkeypatch.setattr(reading, "AGAIN_S", 0)
    client = Scripted(["lost", "lost"], ["lost", "gone", "gone", "gone"])
    request = Request({"type": "http", "method": "GET", "query_string": b"", "headers": []})

    async def read() -> list[str]:
        answer = await Events(Traffic()).answer(request, client)
        stream = cast(StreamingResponse, answer).body_iterator
        said: list[str] = []
        async with contextlib.aclosing(cast(AsyncGenerator[bytes, None], stream)) as chunks:
            while not any("back" in chunk for chunk in said):
                said.append((await anext(chunks)).decode())
        return said

    _, *said = asyncio.run(read())
    assert [chunk.splitlines()[1] for chunk in said] == ["event: trouble"] * 2 + ["event: back"]
    assert ["lost" in said[0], "gone" in said[1]] == [True, True]
    assert client.waits == [True, False, False, True]


def test_who_reads_is_told_when_no_node_answers_and_goes_on_when_one_does(
    network: Network, tmp_path: Path
) -> None:
    """It is one stream all the while."""
    first = network.node("node1")
    first.wait_ready()
    address = first.address
    with (
        GatewayProcess(tmp_path, [address], "--timeout", "1") as gateway,
        events(gateway) as told,
    ):
        next_of("member", told)
        with Client(address) as client:
            client.put("before", 1)
        next_of("key", told)
        network.stop(first)
        trouble = next_of("trouble", told)
        assert trouble.data["code"] in ("unreachable", "stopping", "timed_out", "unavailable")
        again = network.node("node1", listen=address)
        again.wait_ready()
        back = [next(event for event in told if event.kind in ("missed", "back")) for _ in range(2)]
        assert {event.kind for event in back} == {"missed", "back"}
        assert all(event.data["after_s"] > 0 for event in back if event.kind == "back")
        with Client(address) as client:
            client.put("again", 1)
        assert next_of("key", told).data["key"] == "again"
