"""Slow, silent and greedy clients: each is bounded, and no other notices."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from nodes.addresses import HostPort
from nodes.logs import open_log
from nodes.web import bodies, protocol, server
from nodes.web.answers import Problem
from nodes.web.server import Server, configured, listen
from tests.networks import DEADLINE_S, wait_until
from tests.web.gateways import GatewayProcess, Http

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers before it has read anything."""
    if scope["type"] == "http":
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})


async def sends_much(scope: Scope, receive: Receive, send: Send) -> None:
    """One whose answer is a gigabyte."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1_000):
            await send({"type": "http.response.body", "body": b"x" * 2**20, "more_body": True})


@contextmanager
def serving(app: Callable[..., object], tmp_path: Path) -> Iterator[int]:
    """The port at which it is served, in a thread."""
    log = open_log(tmp_path / "log.jsonl", "gateway", "info", None)
    with listen(HostPort("127.0.0.1", 0)) as listening:
        running = Server(configured(app, None, lifespan="off"), log)
        thread = threading.Thread(target=asyncio.run, args=(running.serve([listening]),))
        thread.start()
        wait_until("it serves", lambda: running.started)
        try:
            yield listening.getsockname()[1]
        finally:
            running.should_exit = running.force_exit = True
            thread.join(DEADLINE_S)
            log.close()


def connect(port: int) -> socket.socket:
    """A connection, whose reads end in time."""
    return socket.create_connection(("127.0.0.1", port), DEADLINE_S)


def rest(connection: socket.socket) -> bytes:
    """All that comes until it is closed."""
    got = b""
    while part := connection.recv(65_536):
        got += part
    return got


def test_an_answer_does_not_wait_until_its_head_is_acknowledged() -> None:
    """Who acknowledges late, as systems do to save packets, would get its body 40 ms late."""
    with (
        listen(HostPort("127.0.0.1", 0)) as listening,
        connect(listening.getsockname()[1]),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_system_takes_little_of_what_a_slow_reader_is_sent() -> None:
    """Beyond what is on its way: what it takes is memory of this machine."""
    with (
        listen(HostPort("127.0.0.1", 0)) as listening,
        connect(listening.getsockname()[1]),
        listening.accept()[0] as accepted,
    ):
        most = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        assert most == server.MAX_UNSENT_BYTES


def test_the_head_and_the_body_of_an_answer_leave_together(tmp_path: Path) -> None:
    """In one packet, if they are small: whoever reads has both at once."""
    with serving(refuses, tmp_path) as port, connect(port) as connection:
        for _ in range(20):
            connection.sendall(GET + b"\r\n")
            assert connection.recv(65_536).endswith(b"\r\n\r\nno")


@pytest.mark.parametrize("said", [b"", b"GET / HT", GET, GET + b"X: y\r\n"])
def test_who_sends_no_end_of_the_headers_is_hung_up_on(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds, however slowly they come."""
    monkeypatch.setattr(protocol, "HEADERS_S", 0.2)
    with serving(refuses, tmp_path) as port, connect(port) as connection:
        connection.sendall(said)
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_headers_that_are_too_large_are_refused(tmp_path: Path) -> None:
    """Before there is an end of them."""
    with serving(refuses, tmp_path) as port, connect(port) as connection:
        connection.sendall(GET + b"X: " + b"y" * (protocol.MAX_HEADER_BYTES + 1))
        assert rest(connection).startswith(b"HTTP/1.1 431 ")


def test_who_is_refused_before_the_end_of_a_body_can_read_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may send the rest, for a while, and is hung up on if that takes too long."""
    with serving(refuses, tmp_path) as port:
        with connect(port) as connection:
            connection.sendall(GET + b"Content-Length: 20000000\r\n\r\n" + b"x" * 20_000_000 + GET)
            connection.sendall(b"Connection: close\r\n\r\n")
            assert rest(connection).count(b"HTTP/1.1 413 ") == 2
        monkeypatch.setattr(protocol, "REST_S", 0.2)
        with connect(port) as connection:
            connection.sendall(GET + b"Content-Length: 20\r\n\r\n")
            assert rest(connection).startswith(b"HTTP/1.1 413 ")


def test_who_does_not_read_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to be sent is not kept for ever."""
    monkeypatch.setattr(protocol, "STALLED_S", 0.2)
    with serving(sends_much, tmp_path) as port, connect(port) as connection:
        connection.sendall(GET + b"\r\n")

        poller = select.poll()
        poller.register(connection, select.POLLHUP)
        wait_until("it is hung up on", lambda: poller.poll(0))


def test_more_connections_than_are_admitted_are_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there go on."""
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    with serving(refuses, tmp_path) as port:
        first, *others = [connect(port) for _ in range(4)]
        others[-1].sendall(GET + b"Connection: close\r\n\r\n")
        assert rest(others[-1]).startswith(b"HTTP/1.1 503 ")
        for connection in others:
            connection.close()
        wait_until("there is room", lambda: _is_served(port))
        first.close()


def _is_served(port: int) -> bool:
    with connect(port) as connection:
        connection.sendall(GET + b"Connection: close\r\n\r\n")
        return rest(connection).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_which_nothing_comes_is_given_up() -> None:
    """Its request is answered, and the connection is not used again."""

    class Silent:
        headers: dict[str, str] = {}  # noqa: RUF012

        async def stream(self) -> object:
            yield b"first"
            await asyncio.Event().wait()

    async def read() -> list[bytes]:
        return [part async for part in bodies.parts(Silent(), 0.01)]  # type: ignore[arg-type]

    with pytest.raises(Problem) as refused:
        asyncio.run(read())
    assert (refused.value.status, refused.value.headers["Connection"]) == (408, "close")


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /v1/kv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /v1/kv?limit=" + b"9" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/files/a HTTP/1.1\r\nHost: localhost\r\nRange: bytes=" + b"1-2," * 5_000 + b"\r\n\r\n",
]


def test_garbage_does_no_harm(gateway: GatewayProcess, http: Http) -> None:
    """It is refused or hung up on, and the log tells of it in few words."""
    host, port = gateway.address.split(":")
    for garbage in GARBAGE * 20:
        with socket.create_connection((host, int(port)), DEADLINE_S) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            try:
                answer = rest(connection)
            except ConnectionResetError:
                continue
            assert b" 500 " not in answer, garbage
    assert http("GET", "/livez").json() == {"status": "alive"}
    assert len(gateway.said()) < 5_000
    assert "Traceback" not in gateway.said()


def test_a_gateway_stops_at_once_though_somebody_reads_its_events(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    """Whoever reads them comes back, and another gateway goes on."""
    with GatewayProcess(tmp_path, ["127.0.0.1:1"]) as stopping:
        host, port = stopping.address.split(":")
        with socket.create_connection((host, int(port)), DEADLINE_S) as reader:
            reader.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reader.recv(65_536)
            assert stopping.stop() == 0
        assert "stopped" in stopping.said()
        assert "Traceback" not in stopping.said()
