"""The health check of containers asks what runs in them, and nobody else."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from nodes.free_ports import Ports
from tests.deploy.containers import END_S, ROOT, environment

STATUS = {"/livez": 200, "/readyz": 503}


class Answers(BaseHTTPRequestHandler):
    """A node that lives and is not ready."""

    def do_GET(self) -> None:
        """Answer with the status of the path."""
        self.send_response(STATUS[self.path])
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where the node answers."""
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"0.0.0.0:{server.server_port}"
        server.shutdown()
        thread.join()


def ask(*arguments: str, **given: str) -> tuple[int, str]:
    """Its exit status, and what it says."""
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "healthy.py", *arguments],
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
    )
    return done.returncode, done.stderr


def test_what_answers_is_healthy(address: str) -> None:
    """Also where a proxy is set, which is for the world outside."""
    proxies = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    assert ask(GOSSAMER_HTTP=address, **proxies) == (0, "")


def test_another_status_is_not(address: str) -> None:
    """It says which."""
    assert ask("/readyz", GOSSAMER_HTTP=address) == (1, "/readyz was answered with 503\n")


def test_silence_is_not() -> None:
    """In a sentence."""
    ports = Ports()
    [port] = ports.take(1)
    status, said = ask(GOSSAMER_HTTP=f"0.0.0.0:{port}")
    ports.close()
    assert status == 1
    assert said.startswith("/livez was not answered: ")
    assert said.count("\n") == 1
