"""Whatever comes to an HTTP port, others are answered, and what was refused is counted."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from actors.errors import GossamerError
from nodes import http_port
from nodes.addresses import HostPort
from nodes.http_port import MAX_REQUEST_BYTES, HttpPort
from nodes.logs import open_log
from tests.networks import DEADLINE_S, wait_until
from tests.nodes.pages import page


class Served:
    """A port at which all is well, and what it has counted and logged."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.ended = 0
        self.log = open_log(None, "node1", "info", None)
        routes = [Route("/", self._well), Route("/broken", self._broken)]
        self.port = HttpPort(
            Starlette(routes=routes),
            HostPort("127.0.0.1", 0),
            "port",
            self.log.events,
            self._count,
            self._end,
        )

    async def _well(self, request: Request) -> Response:
        return PlainTextResponse("well")

    async def _broken(self, request: Request) -> Response:
        raise ZeroDivisionError("by zero")

    def _count(self, reason: str) -> None:
        self.counts[reason] += 1

    def _end(self) -> None:
        self.ended += 1

    def is_well(self) -> bool:
        """Does it answer?"""
        return page(self.port.address, "/").text == "well"

    def connect(self) -> socket.socket:
        """A connection of somebody."""
        host, _, port = self.port.address.partition(":")
        return socket.create_connection((host, int(port)), timeout=DEADLINE_S)


@pytest.fixture
def served() -> Iterator[Served]:
    """A port, closed at the end."""
    served = Served()
    yield served
    served.port.close()


def is_cut(connection: socket.socket) -> bool:
    """Does the other side end it, without an answer?"""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_is_closed_when_it_has_been_answered(served: Served) -> None:
    """Whatever else was sent by it."""
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        answer = b""
        while data := connection.recv(4_096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nwell")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("garbage", [b"\x00\xff\n\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"])
def test_garbage_is_answered_and_counted(served: Served, garbage: bytes) -> None:
    """As what it is."""
    with served.connect() as connection:
        connection.sendall(garbage)
        assert connection.recv(4_096).startswith(b"HTTP/1.1 400 ")
    assert served.counts == {"malformed HTTP request": 1}
    assert served.is_well()


def test_a_request_without_end_is_cut_off(served: Served) -> None:
    """A node has no memory to spare for it."""
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.sendall(b"a: " + b"b" * MAX_REQUEST_BYTES)
        assert is_cut(connection)
    assert served.counts == {"HTTP request that is too large": 1}
    assert served.is_well()


def test_who_is_slow_is_cut_off(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    """Whether nothing comes, or a little."""
    monkeypatch.setattr(http_port, "LIFETIME_S", 0.1)
    with served.connect() as silent, served.connect() as slow:
        slow.sendall(b"GET /")
        assert is_cut(silent)
        assert is_cut(slow)
    assert served.counts == {"HTTP connection that took too long": 2}
    assert served.is_well()


def test_of_too_many_connections_the_oldest_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, served: Served
) -> None:
    """So those who hold them keep nobody out."""
    monkeypatch.setattr(http_port, "MAX_CONNECTIONS", 2)
    with served.connect() as oldest, served.connect():
        assert served.is_well()
        assert is_cut(oldest)
    assert served.counts == {"HTTP connection among too many": 1}


def test_what_fails_is_logged_and_the_port_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in an answer is none of the next."""
    said: list[str] = []
    handler = served.port._connections.logger.handlers[0]
    monkeypatch.setattr(handler, "emit", lambda record: said.append(record.getMessage()))
    assert page(served.port.address, "/broken").status == 500
    wait_until("it is logged", lambda: len(said) == 1)
    assert served.is_well()


def test_it_ends_at_once_though_somebody_is_connected() -> None:
    """And what belongs to its thread is ended there, once; to be called later does nothing."""
    served = Served()
    with served.connect() as silent:
        assert served.is_well()
        assert served.port.close()
        assert is_cut(silent)
    assert served.ended == 1
    served.port.call(served._end)
    assert served.port.close()
    assert served.ended == 1


def test_a_host_that_is_not_known_is_said() -> None:
    """With what the system says of it."""
    log = open_log(None, "node1", "info", None)
    listen = HostPort("no.such.host.invalid", 0)
    with pytest.raises(GossamerError, match=r"^cannot listen on no\.such\.host\.invalid:0: \w"):
        HttpPort(Starlette(), listen, "port", log.events, lambda _: None, lambda: None)
