"""What speaks HTTP here, each in a process of its own: a gateway, and a bare route beside it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.process import FREE_PORT, GOSSAMER, START_S, server

READY = re.compile(r"ready url=http://([^/ ]+)/")
PAUSE_S = 0.01


class WebProcess(NamedTuple):
    """It listens at "host:port"."""

    pid: int
    address: str

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://{self.address}"


@contextlib.contextmanager
def gateway(folder: Path, endpoint: str) -> Iterator[WebProcess]:
    """`gossamer gateway` in front of a node; what it prints goes to `folder`, which is made."""
    arguments = ("-c", GOSSAMER, "gateway", "--listen", FREE_PORT, "--endpoint", endpoint)
    with _listening(folder, *arguments) as process:
        yield process


@contextlib.contextmanager
def bare_route(folder: Path, answer: bytes) -> Iterator[WebProcess]:
    """What answers as a gateway does, without asking anybody: with this JSON about a key."""
    with _listening(folder, "-m", "bench.web_bare", answer.decode()) as process:
        yield process


@contextlib.contextmanager
def _listening(folder: Path, *arguments: str) -> Iterator[WebProcess]:
    """Raises RuntimeError if it does not listen within START_S."""
    folder.mkdir()
    with server([sys.executable, *arguments], folder) as process:
        yield WebProcess(process.pid, _address(process, folder / "console"))


def _address(process: subprocess.Popen[bytes], console: Path) -> str:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        found = READY.search(console.read_text())
        if found:
            return found[1]
        time.sleep(PAUSE_S)
    raise RuntimeError("it does not listen")
