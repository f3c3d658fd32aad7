"""docs/http.md leaves nothing out, and its numbers are those of the code."""

from __future__ import annotations

import re

import pytest

from actors.errors import ERRORS
from actors.gossip_settings import GossipSettings
from nodes.async_client import MAX_WATCH_MS
from nodes.web import bodies, events, protocol, server
from nodes.web.answers import OWN_CODES
from nodes.web.keys import PAGE as PAGE_KEYS
from nodes.web.openapi import document, query_of
from tests.networks import ROOT

PAGE = (ROOT / "docs" / "http.md").read_text()
WORDS = " ".join(PAGE.split())
SETTINGS = GossipSettings()
NO_ERRORS = {200, 206, 304}
NEVER = {409}
"""What a gateway never asks of a node: to join."""


def section(title: str) -> str:
    """What is under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def first_cells(text: str) -> list[str]:
    """Of the rows of all tables in it."""
    return re.findall(r"^\| (.+?) \|", text, re.MULTILINE)


def test_every_status_of_an_error_is_in_the_table() -> None:
    """Those of the OpenAPI document, and of the registry of errors; and no other is."""
    cells = [cell for cell in first_cells(section("Errors")) if cell[0].isdigit()]
    told = {int(status) for cell in cells for status in cell.split(", ")}
    answered = {
        int(status)
        for item in document()["paths"].values()
        for name, operation in item.items()
        if name != "parameters"
        for status in operation["responses"]
    }
    registry = {kind.http_status for kind in ERRORS.values()}
    assert told == (answered | registry) - NO_ERRORS - NEVER


def test_every_code_of_a_gateway_is_in_the_table() -> None:
    """With its status, in the same order."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section("Errors"), re.MULTILINE)
    assert rows == [(code, str(status)) for code, status in OWN_CODES.items()]


def test_every_event_is_in_the_table() -> None:
    """Those that the page of a gateway listens to."""
    page = (ROOT / "nodes" / "web" / "page" / "live.js").read_text()
    [listed] = re.findall(r"^const EVENTS = \[(.+)\];$", page, re.MULTILINE)
    heard = set(re.findall(r"\"(\w+)\"", listed))
    assert set(re.findall(r"^\| `(\w+)` \|", section("Events"), re.MULTILINE)) == heard


@pytest.mark.parametrize(
    ("title", "operation"),
    [("Keys", "put_key"), ("Keys", "get_key"), ("Keys", "list_keys"), ("Events", "events")],
)
def test_all_that_a_query_may_have_is_spoken_of(title: str, operation: str) -> None:
    """Where the operation is."""
    for name in query_of(operation):
        assert re.search(rf"`\??{name}\b", section(title)), name


@pytest.mark.parametrize(
    "said",
    [
        f"`limit` ({PAGE_KEYS}, at most",
        f"hears of changes until {SETTINGS.watch_ms // 1_000} s after it was last asked",
        f"keeps the last {SETTINGS.max_changes_kept:,}",
        f"comes back within {(SETTINGS.watch_ms - MAX_WATCH_MS // 4) // 1_000} s",
        f"of the last {events.MOST_SHOWN} about a key",
        f"nothing of the body has come for {bodies.SILENCE_S:g} s",
        f"{protocol.MAX_HEADER_BYTES // 1_024} KiB, within {protocol.HEADERS_S:g} s",
        f"{bodies.SILENCE_S:g} s without a byte; the body of a value "
        f"{bodies.MAX_VALUE_BODY_BYTES // 2**20} MiB",
        f"cut after {protocol.STALLED_S:g} s",
        f"| connections | {server.MAX_CONNECTIONS:,};",
        f"| readers of events | {events.MAX_READERS} |",
        f"thrown away, for {protocol.REST_S:g} s",
    ],
)
def test_its_numbers_are_those_of_the_code(said: str) -> None:
    """As they are now."""
    assert said in WORDS
