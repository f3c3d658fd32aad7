"""People at work while a network is restarted: keys and files, by clients that know all nodes and
by HTTP through a gateway.

Each worker has names of its own and writes ever greater numbers to them, one after the other, and
reads each back. So what is read has to be the last number that was acknowledged, or one of which
nobody knows what became of it. What fails is repeated as those who document such a client say:
`Client` sees to that by itself, and who speaks HTTP does as `curl --retry` does.
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Protocol, Self

from actors.errors import GossamerError
from nodes.client import Client
from tests.networks import DEADLINE_S
from tests.web.gateways import Answer, Http

PAUSE_S = 0.01
NAMES = 40
FILES = 5
FILE_BYTES = 2_500_000
"""Three chunks, the last of which is not full."""
RETRIES = 8
TRANSIENT = (408, 429, 500, 502, 503, 504)
"""What curl takes for a reason to try again."""


class Failed(Exception):
    """A request that was not answered as it should be, and that is not repeated any more."""

    def __init__(self, said: str, *, definite: bool) -> None:
        super().__init__(said)
        self.definite = definite


class Place(Protocol):
    """Where numbers are kept under names. Both methods raise Failed or GossamerError."""

    def write(self, name: str, number: int) -> None:
        """Keep it in place of any other."""

    def read(self, name: str) -> int | None:
        """The number of that name; None where there is none."""


def file_of(number: int) -> bytes:
    """The file that stands for a number."""
    return number.to_bytes(8, "big") + Random(number).randbytes(FILE_BYTES - 8)


def number_of(content: bytes) -> int:
    """The number that a file stands for. Raises Failed unless it is whole."""
    number = int.from_bytes(content[:8], "big")
    if content != file_of(number):
        raise Failed(f"the file of {number} is not whole", definite=True)
    return number


class Keys:
    """Through a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def write(self, name: str, number: int) -> None:
        """put"""
        self._client.put(name, number)

    def read(self, name: str) -> int | None:
        """get"""
        value: int | None = self._client.get(name, None)
        return value


class Files:
    """Through a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def write(self, name: str, number: int) -> None:
        """upload"""
        self._client.upload(io.BytesIO(file_of(number)), f"{name}.bin")

    def read(self, name: str) -> int | None:
        """download"""
        content = io.BytesIO()
        self._client.download(f"{name}.bin", content)
        return number_of(content.getvalue())


class Repeating:
    """Over HTTP, as `curl --retry` asks: again after an answer that is no more than a state, when
    its Retry-After or else a second, then two, four, ... have passed; and with
    `--retry-connrefused`."""

    def __init__(self, http: Http) -> None:
        self.repeated: list[str] = []
        self._http = http
        self._pause = threading.Event()

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """The answer that counts. Raises Failed."""
        doubt = False
        for attempt in range(RETRIES + 1):
            wait_s = 2.0**attempt
            try:
                answer = self._http(method, path, body, **headers)
            except ConnectionRefusedError as error:
                said = f"{method} {path}: {error}"
            except (http.client.HTTPException, OSError) as error:
                # curl repeats none of these: what was sent may have been done.
                raise Failed(f"{method} {path}: {error!r}", definite=False) from error
            else:
                if answer.status not in TRANSIENT:
                    return answer
                said = f"{method} {path}: {answer.status} {answer.body.decode()}"
                doubt = doubt or not answer.json().get("definite", True)
                wait_s = float(answer.headers.get("retry-after", wait_s))
            self.repeated.append(said)
            self._pause.wait(wait_s)
        raise Failed(said, definite=not doubt)


class HttpKeys:
    """Through a gateway."""

    def __init__(self, ask: Repeating) -> None:
        self._ask = ask

    def write(self, name: str, number: int) -> None:
        """PUT"""
        body = str(number).encode()
        _want(self._ask("PUT", f"/v1/kv/{name}", body, content_type="application/json"), 200)

    def read(self, name: str) -> int | None:
        """GET"""
        answer = self._ask("GET", f"/v1/kv/{name}?raw=true")
        if answer.status == 404:
            return None
        _want(answer, 200)
        return int(answer.body)


class HttpFiles:
    """Through a gateway."""

    def __init__(self, ask: Repeating) -> None:
        self._ask = ask

    def write(self, name: str, number: int) -> None:
        """PUT"""
        _want(self._ask("PUT", f"/v1/files/{name}.bin", file_of(number)), 200)

    def read(self, name: str) -> int | None:
        """GET"""
        answer = self._ask("GET", f"/v1/files/{name}.bin")
        _want(answer, 200)
        return number_of(answer.body)


def _want(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise Failed(f"{answer.status}: {answer.body.decode()}", definite=True)


@dataclass(slots=True)
class Worker:
    """One who works at a place until it is told to end. `failed` has what was not answered, and
    `doubtful` what may have been done all the same; `wrong` has what no read may return."""

    name: str
    place: Place
    names: int
    done: int = 0
    slowest_s: float = 0.0
    failed: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, set[int]] = field(default_factory=dict)

    def run(self, ending: threading.Event) -> None:
        """Work."""
        for number in count(1):
            name = f"{self.name}-{number % self.names}"
            if self._request(f"write {name}", partial(self._write, name, number)):
                self._request(f"read {name}", partial(self.look, name, self.place))
            if ending.wait(PAUSE_S):
                return

    def look(self, name: str, place: Place) -> None:
        """Read it from a place, and judge."""
        found, last = place.read(name), self.last.get(name)
        if found != last and found not in self.unknown.get(name, ()):
            self.wrong.append(f"{name} is {found}, {last} was acknowledged")

    def _write(self, name: str, number: int) -> None:
        try:
            self.place.write(name, number)
        except (Failed, GossamerError) as error:
            if not error.definite:
                self.unknown.setdefault(name, set()).add(number)
            raise
        self.last[name] = number

    def _request(self, what: str, ask: Callable[[], None]) -> bool:
        began = time.monotonic()
        try:
            ask()
        except (Failed, GossamerError) as error:
            told = (
                f"{what}, after {time.monotonic() - began:.2f} s: {type(error).__name__}: {error}"
            )
            (self.failed if error.definite else self.doubtful).append(told)
            return False
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.done += 1
        return True


class Traffic:
    """Two clients and a gateway's callers at work, from `with` to its end: keys and files by each.
    A client may be at any endpoint first. Not more than one request of a worker is under way."""

    def __init__(self, endpoints: Sequence[str], gateway: str) -> None:
        self._clients = [
            Client(*order, timeout=DEADLINE_S / 3) for order in (endpoints, endpoints[::-1])
        ]
        self.repeating = [Repeating(Http(gateway)) for _ in range(2)]
        first, second = self._clients
        for_keys, for_files = self.repeating
        self.workers = [
            Worker("first", Keys(first), NAMES),
            Worker("second", Keys(second), NAMES),
            Worker("http", HttpKeys(for_keys), NAMES),
            Worker("up", Files(first), FILES),
            Worker("http-up", HttpFiles(for_files), FILES),
        ]
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=worker.run, args=(self._ending,)) for worker in self.workers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()

    def is_under_way(self) -> bool:
        """Has each worker been answered by now?"""
        return all(worker.done > 1 for worker in self.workers)

    @property
    def done(self) -> int:
        """Requests that were answered."""
        return sum(worker.done for worker in self.workers)

    def told(self, what: str) -> list[str]:
        """What all workers have in a list: failed, doubtful or wrong."""
        return [told for worker in self.workers for told in getattr(worker, what)]

    def look_again(self, client: Client) -> None:
        """Read all that was acknowledged through this client. Only once it has ended."""
        keys, files = Keys(client), Files(client)
        for worker in self.workers:
            is_of_files = isinstance(worker.place, (Files, HttpFiles))
            for name in worker.last:
                worker.look(name, files if is_of_files else keys)
