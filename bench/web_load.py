"""Gets and puts over HTTP by wrk, of a gateway in front of a network and of a bare route that asks
nobody, in turn.

All of it shares the cores of one machine, so the processor time of each is taken too: that hardly
depends on who else is there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from bench import machine
from bench.curve import Start
from bench.peers import Say
from bench.process import CommandFailed, installed, program
from bench.web_processes import WebProcess, bare_route, gateway
from gossamer import Client

CONNECTIONS: Final = 64
KEYS: Final = 1_000
VALUE: Final = "a value of a hundred characters ".ljust(100, ".")
GET, PUT = "GET", "PUT"
METHODS: Final = (GET, PUT)
GATEWAY, BARE = "gateway", "bare route"
SIDES: Final = (GATEWAY, BARE)

SCRIPT: Final = Path(__file__).parent / "load.lua"


class Loaded(NamedTuple):
    """One run of wrk: requests a second, the times of a request, and the processor time of each
    request: of who was asked, of the nodes together, and of wrk."""

    rate_per_s: float
    median_us: float
    p99_us: float
    server_us: float
    nodes_us: float
    wrk_us: float


Loads = dict[tuple[str, str], list[Loaded]]
"""Of a method and a side, one of each round."""


class Asked(NamedTuple):
    """Who is asked, and the processes of the nodes that may have a part in it."""

    side: str
    web: WebProcess
    nodes: Sequence[int]


def run_load(start: Start, rounds: int, seconds: float, say: Say) -> Loads:
    """Measure both sides; `say` is told what is being done. wrk knows whole seconds only, so each
    measurement takes one at least. Raises NotInstalled where there is no wrk."""
    wrk = installed("wrk", "sudo apt install wrk")
    loads: Loads = {}
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as path, both(start, path) as sides:
        for number in range(rounds + 1):
            say(f"wrk, round {number} of {rounds}" if number else "warming up")
            for method in METHODS if number else (GET,):
                # Nobody always comes after the other one.
                for asked in sides if number % 2 else sides[::-1]:
                    loaded = load(wrk, asked, method, seconds)
                    if number:
                        loads.setdefault((method, asked.side), []).append(loaded)
    return loads


@contextlib.contextmanager
def both(start: Start, path: str) -> Iterator[Sequence[Asked]]:
    """The gateway and the bare route, with all keys there."""
    folder = Path(path)
    with start(folder / "nodes", None) as nodes, gateway(folder / "web", nodes.address) as ours:
        with Client(nodes.address) as client:
            client.put_many({f"key-{n:05}": VALUE for n in range(KEYS)})
        with bare_route(folder / "bare", _answer_of(ours)) as bare:
            yield Asked(GATEWAY, ours, nodes.pids), Asked(BARE, bare, ())


def _answer_of(web: WebProcess) -> bytes:
    """What it says of one of the keys."""
    connection = HTTPConnection(web.address)
    connection.request(GET, "/v1/kv/key-00000")
    answer = connection.getresponse().read()
    connection.close()
    return answer


def load(wrk: str, asked: Asked, method: str, seconds: float) -> Loaded:
    """One run of wrk. Raises CommandFailed where a request failed."""
    body = orjson.dumps(VALUE).decode() if method == PUT else ""
    arguments = [wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--timeout", "10"]
    arguments += ["--duration", f"{max(1, round(seconds))}", "--script", str(SCRIPT)]
    arguments += [asked.web.url, "--", method, str(KEYS), body]
    server_s, nodes_s = machine.cpu_s(asked.web.pid), sum(map(machine.cpu_s, asked.nodes))
    with program(arguments, output=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandFailed(f"wrk ended with {process.returncode}: {said.decode()}")
    told = orjson.loads(said.splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise CommandFailed(f"of {told['requests']} requests {told['failed']} failed")
    used_s = (
        machine.cpu_s(asked.web.pid) - server_s,
        sum(map(machine.cpu_s, asked.nodes)) - nodes_s,
        usage.ru_utime + usage.ru_stime,
    )
    return Loaded(
        told["requests"] / told["took_us"] * 1e6,
        told["median_us"],
        told["p99_us"],
        *[each * 1e6 / told["requests"] for each in used_s],
    )
