"""Whether slow clients of a gateway are felt by others: some clients get keys, each at a fixed
rate, while two hundred keep the gateway waiting, and while nobody does.

The rate is modest, and a request is made when it is due, whatever became of those before: its time
begins when it was due, so that a pause of the gateway counts for all who come in it.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench import machine
from bench.curve import Start
from bench.files import MIB, NAME, make_file
from bench.http import HEAD_END, Responses
from bench.peers import Say
from bench.process import python
from bench.samples import Sample
from bench.slow_clients import READY
from bench.web_load import KEYS, VALUE
from bench.web_processes import WebProcess, gateway
from gossamer import Client
from nodes.addresses import parse_address

SLOW: Final = 200
ORDINARY: Final = 16
EACH_PER_S: Final = 20
"""Gets that each ordinary client makes a second."""
FILE_MIB: Final = 64
TIMES_LONGER: Final = 5
"""A measurement takes so much longer than others, for its 99th percentile to have a meaning."""


class Waited(NamedTuple):
    """The gets of ordinary clients: their times in µs; and the memory of the gateway then."""

    median_us: float
    p99_us: float
    memory_mb: float


class SlowRound(NamedTuple):
    """With nobody else, and with slow clients."""

    alone: Waited
    beside: Waited


def run_slow(
    start: Start, rounds: int, seconds: float, say: Say, slow: int = SLOW
) -> list[SlowRound]:
    """Measure so many rounds; `say` is told what is being done."""
    measured: list[SlowRound] = []
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as path:
        folder = Path(path)
        file = folder / NAME
        make_file(file, FILE_MIB * MIB)
        with start(folder / "nodes", None) as nodes, gateway(folder / "web", nodes.address) as web:
            with Client(nodes.address) as client:
                client.put_many({f"key-{n:05}": VALUE for n in range(KEYS)})
                client.upload(file)
            asyncio.run(gets(web, seconds))
            for number in range(rounds):
                say(f"slow clients, round {number + 1} of {rounds}")
                # Those of the last round have gone all at once, which takes a moment too.
                time.sleep(seconds)
                alone = _waited(web, seconds)
                with python(
                    *("-m", "bench.slow_clients", web.address, str(slow), NAME),
                    output=subprocess.PIPE,
                ) as process:
                    assert process.stdout is not None
                    said = process.stdout.readline().decode().strip()
                    assert said == READY, "the slow clients ended early"
                    # What was fetched for them at once is there now, or soon.
                    time.sleep(seconds)
                    measured.append(SlowRound(alone, _waited(web, seconds)))
    return measured


def _waited(web: WebProcess, seconds: float) -> Waited:
    sample = asyncio.run(gets(web, seconds * TIMES_LONGER))
    return Waited(sample.median_us, sample.p99_us, machine.memory_mb(web.pid))


async def gets(web: WebProcess, seconds: float) -> Sample:
    """Let ordinary clients get keys for this long."""
    at = parse_address(web.address)
    count = max(1, round(seconds * EACH_PER_S))
    began_s = time.perf_counter()

    async def one(number: int) -> list[float]:
        reader, writer = await asyncio.open_connection(at.host, at.port)
        try:
            each_us: list[float] = []
            for turn in range(count):
                # They do not all come at once.
                due_s = began_s + (turn + (number + 1) / ORDINARY) / EACH_PER_S
                await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
                await _get(reader, writer, (turn * ORDINARY + number) % KEYS)
                each_us.append((time.perf_counter() - due_s) * 1e6)
            return each_us
        finally:
            writer.close()
            await writer.wait_closed()

    times_us = await asyncio.gather(*map(one, range(ORDINARY)))
    took_s = time.perf_counter() - began_s
    return Sample(count * ORDINARY, took_s, [us for each in times_us for us in each])


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: int) -> None:
    head = f"GET /v1/kv/key-{key:05} HTTP/1.1\r\nHost: localhost"
    writer.write(head.encode() + HEAD_END)
    responses = Responses()
    while not (came := responses.feed(await reader.read(65_536))):
        assert not reader.at_eof(), "the gateway has hung up on an ordinary client"
    assert came[0].status == 200, f"a get was answered with {came[0].status}"
