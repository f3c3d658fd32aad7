"""A gateway in a process of its own, and the plainest client of HTTP that there is."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.networks import DEADLINE_S, ROOT, wait_until

Body = bytes | str | Iterable[bytes] | None
READY = re.compile(r"ready url=(https?)://([^/ ]+)/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem, which says its own status too."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["detail"]
        return str(problem["code"])


class Http:
    """Asks one address; each request by a connection of its own."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.address = address
        self._headers = dict(headers or {})

    def __call__(self, method: str, path: str, body: Body = None, **headers: str) -> Answer:
        """Ask; underscores in the names of headers stand for hyphens."""
        told = {**self._headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body, told)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()

    def put_json(self, path: str, value: Any) -> Answer:
        """PUT of JSON."""
        return self("PUT", path, json.dumps(value), content_type="application/json")


class GatewayProcess:
    """`gossamer gateway` at a free port, or at a given one."""

    def __init__(
        self, folder: Path, endpoints: Iterable[str], *options: str, listen: str = "127.0.0.1:0"
    ) -> None:
        named = [word for endpoint in endpoints for word in ("--endpoint", endpoint)]
        self._out = folder / "gateway.out"
        self._command = [sys.executable, "-m", "nodes.cli", "gateway", "--listen", listen]
        self._command += [*named, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._out.unlink(missing_ok=True)
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        wait_until("the gateway is ready", self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said()
        found = READY.search(self.said())
        self.address = found[2] if found else ""
        return found is not None

    def said(self) -> str:
        """All that it has printed since it was started."""
        return self._out.read_text()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def http(self) -> Http:
        """Asks it."""
        return Http(self.address)

    def stop(self) -> int:
        """Stop it cleanly; its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(DEADLINE_S)

    def close(self) -> None:
        """It is not left behind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
