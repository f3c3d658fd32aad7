"""A GiB goes up and comes down while nodes are killed every few seconds, and its client as well;
memory stays what it was."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path
from random import Random

import orjson
import pytest

from tests.cli.processes import COMMAND, environment
from tests.networks import ROOT, NodeProcess, Processes, start_all, wait_until
from tests.nodes.load import measured
from tests.nodes.stored import MIB, copies

GIB = 2**30
GROWTH_BYTES = 64 * MIB
KILLED_EVERY_S = 3.0
DONE_S = 600.0
COPIED_S = 120.0

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


def own_bytes(pid: int) -> int:
    """The memory of a process that is its own, as of NodeProcess; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    sizes = [int(line.split()[1]) for line in lines if line.startswith("RssAnon:")]
    return 1_024 * sum(sizes)


def idle_client_bytes() -> int:
    """The memory of a client that does nothing, as `own_bytes`."""
    command = [sys.executable, "-c", IDLE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    [line] = [line for line in done.stdout.decode().splitlines() if line.startswith("RssAnon:")]
    return 1_024 * int(line.split()[1])


IDLE = """
from pathlib import Path
from nodes import cli, client, file_commands
print(Path("/proc/self/status").read_text())
"""
"""A client that does nothing says how large it is."""


class Watched:
    """How far the memory of processes has grown at most since each was first looked at, or `idle`
    tells what it was before."""

    def __init__(self) -> None:
        self._before: dict[int, int] = {}
        self.grown_bytes: dict[str, int] = {}

    def idle(self, pid: int, size_bytes: int) -> None:
        """So large is it before it does anything."""
        self._before[pid] = size_bytes

    def look(self, name: str, pid: int) -> None:
        """Take it into account, if it has not ended."""
        now = own_bytes(pid)
        if now:
            grown = now - self._before.setdefault(pid, now)
            self.grown_bytes[name] = max(self.grown_bytes.get(name, 0), grown)


class Command:
    """`gossamer ARGUMENTS`, whose memory is looked at from its beginning."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, *arguments, "--json", "--timeout", "60"],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self._process.pid

    def has_ended(self) -> bool:
        """Has it?"""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.communicate()

    def told(self) -> dict[str, object]:
        """What it said in the end, which is to be that it has succeeded."""
        out, said = self._process.communicate()
        assert self._process.returncode == 0, said.decode()
        result: dict[str, object] = orjson.loads(out)
        return result


class Killing:
    """While `with` lasts a random node is killed every few seconds and started again."""

    def __init__(self, nodes: list[NodeProcess], seed: int) -> None:
        self.kills = 0
        self._nodes = nodes
        self._draw = Random(seed)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ending.wait(KILLED_EVERY_S):
            victim = self._draw.choice(self._nodes)
            victim.kill()
            self.kills += 1
            start_all([victim])

    def __enter__(self) -> Killing:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ending.set()
        self._thread.join()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A GiB that no chunk of is like another."""
    path = tmp_path / "large.bin"
    draw = Random(1)
    with path.open("wb") as file:
        for _ in range(GIB // MIB):
            file.write(draw.randbytes(MIB))
    return path


def run(command: Command, nodes: list[NodeProcess], watched: Watched, what: str) -> None:
    """To its end, looking at the memory of all."""

    def is_over() -> bool:
        watched.look(what, command.pid)
        for node in nodes:
            watched.look(node.name, node.pid)
        return command.has_ended()

    watched.idle(command.pid, idle_client_bytes())
    began = time.monotonic()
    wait_until(f"{what} is over", is_over, DONE_S)
    measured(f"{what}: seconds", time.monotonic() - began)


def test_a_large_file_goes_up_and_down_while_nodes_die(
    processes: Processes, tmp_path: Path, source: Path
) -> None:
    """It is the same file, all copies are there afterwards, and no process has grown by 64 MiB."""
    nodes = processes.nodes_that_list_each_other(5)
    endpoints = [part for node in nodes for part in ("--endpoint", node.listen)]
    watched = Watched()
    with Killing(nodes, seed=1) as killing:
        up = Command("upload", "large.bin", *endpoints, cwd=tmp_path)
        run(up, nodes, watched, "upload")
        assert up.told()["sha256"] == sha256_of(source)
        down = Command("download", "large.bin", "-o", "copy.bin", *endpoints, cwd=tmp_path)
        run(down, nodes, watched, "download")
        down.told()
    measured("kills", killing.kills)
    measured("grown by MiB", {name: size >> 20 for name, size in watched.grown_bytes.items()})
    assert sha256_of(tmp_path / "copy.bin") == sha256_of(source)
    assert max(watched.grown_bytes.values()) <= GROWTH_BYTES
    began = time.monotonic()

    def all_are_there() -> bool:
        held = copies(nodes)
        return len(held) == GIB // MIB + 1 and set(held.values()) == {3}

    wait_until("all copies are there", all_are_there, COPIED_S)
    measured("all copies after seconds", time.monotonic() - began)


def test_clients_that_are_killed_half_way_go_on(
    processes: Processes, tmp_path: Path, source: Path
) -> None:
    """What was sent is not sent again, nor fetched again what was fetched."""
    nodes = processes.nodes_that_list_each_other(3)
    up = ("upload", "large.bin", "--endpoint", nodes[0].listen)
    down = ("download", "large.bin", "-o", "copy.bin", "--endpoint", nodes[1].listen)
    count = GIB // MIB
    first = Command(*up, cwd=tmp_path)
    wait_until("half is there", lambda: len(copies(nodes)) >= count // 2, DONE_S)
    first.kill()
    kept = sum(held >= 2 for held in copies(nodes).values())
    told = Command(*up, cwd=tmp_path).told()
    measured("kept, and sent by the second run", (kept, told["sent_chunks"]))
    assert told["sent_chunks"] == count - kept
    first = Command(*down, cwd=tmp_path)

    def fetched_bytes() -> int:
        return sum(path.stat().st_size for path in tmp_path.glob(".gossamer-*.part"))

    wait_until("half is fetched", lambda: fetched_bytes() >= GIB // 2, DONE_S)
    first.kill()
    kept = fetched_bytes() // MIB
    told = Command(*down, cwd=tmp_path).told()
    measured("there, and fetched by the second run", (kept, told["fetched_chunks"]))
    assert told["fetched_chunks"] == count - kept
    assert sha256_of(tmp_path / "copy.bin") == sha256_of(source)


def sha256_of(path: Path) -> str:
    """In hex."""
    whole = sha256()
    with path.open("rb") as file:
        while data := file.read(MIB):
            whole.update(data)
    return whole.hexdigest()
