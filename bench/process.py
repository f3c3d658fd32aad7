"""Processes that are measured: each ends when its `with` block does, however that is left.

They stay in the process group of the one that measures, so that whoever kills the group kills all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

ROOT = Path(__file__).parent.parent
START_S = 30.0
STOP_S = 5.0
FREE_PORT = "127.0.0.1:0"

GOSSAMER = "from nodes.cli import main; main()"
"""The command as it is installed, here also where it is not."""


class NotInstalled(Exception):
    """There is no such program on this machine."""


class CommandFailed(Exception):
    """A command that was run to its end did not do what it was asked."""


class Ran(NamedTuple):
    """How long a command took from its start to its end, and how much memory at most."""

    seconds: float
    peak_mb: float


class NodeProcess(NamedTuple):
    """A node that serves."""

    pid: int
    address: str
    data: Path


@contextlib.contextmanager
def program(
    arguments: Sequence[str],
    *,
    output: int,
    errors: int | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run this command, in a folder if one is given; `output` and `errors` are as subprocess.Popen
    has them."""
    env = {name: v for name, v in os.environ.items() if not name.startswith("GOSSAMER_")}
    env["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=env, cwd=folder
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def python(
    *arguments: str, output: int, errors: int | None = None
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run Python with these arguments."""
    return program([sys.executable, *arguments], output=output, errors=errors)


def run(arguments: Sequence[str]) -> Ran:
    """Run this command to its end, and drop what it prints. Raises CommandFailed."""
    began = time.perf_counter()
    with (
        tempfile.TemporaryFile() as errors,
        program(arguments, output=subprocess.DEVNULL, errors=errors.fileno()) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read()[-1_000:].decode(errors="replace")
            raise CommandFailed(f"{arguments[0]} ended with {process.returncode}: {said}")
        return Ran(took_s, usage.ru_maxrss * 1_024 / 1e6)


@contextlib.contextmanager
def server(arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run this command in `folder` with what it prints in a file there, and show its end where the
    block is left by an error."""
    console = folder / "console"
    with console.open("ab") as file:
        try:
            running = program(
                arguments, output=file.fileno(), errors=subprocess.STDOUT, folder=folder
            )
            with running as process:
                yield process
        except Exception as error:
            error.add_note(f"{arguments[0]} printed last:\n{console.read_text()[-1_000:]}")
            raise


def installed(name: str, how: str) -> str:
    """The path of a program. Raises NotInstalled, with `how` to install it."""
    path = shutil.which(name)
    if path is None:
        raise NotInstalled(f"{name} is not installed, so it is left out ({how})")
    return path


def gossamer(*arguments: str) -> Ran:
    """Run the command `gossamer` to its end, as `run`."""
    return run([sys.executable, "-c", GOSSAMER, *arguments])


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def node(
    data: Path,
    *,
    name: str = "bench",
    listen: str = FREE_PORT,
    join: Sequence[str] = (),
    secret: Path | None = None,
) -> Iterator[NodeProcess]:
    """A node with its data in `data`; without `join` it is a network of its own, and without the
    file of a `secret` it does not encrypt. Raises RuntimeError if it does not serve within
    START_S."""
    where = ["--listen", listen, "--data", str(data)]
    where += ["--gossip-listen", FREE_PORT, "--files-listen", FREE_PORT]
    joining = [word for address in join for word in ("--join", address)]
    joining += ["--secret", str(secret)] if secret is not None else []
    log = data / "log.jsonl"
    logged_bytes = log.stat().st_size if log.exists() else 0
    with (
        tempfile.TemporaryFile() as console,
        python(
            *("-c", GOSSAMER, "serve", "--name", name, *where, *joining),
            output=console.fileno(),
            errors=subprocess.STDOUT,
        ) as process,
    ):
        address = _address(process, log, logged_bytes)
        if address is None:
            console.seek(0)
            raise RuntimeError(f"the node does not serve:\n{console.read().decode()}")
        yield NodeProcess(process.pid, address, data)


def _address(process: subprocess.Popen[bytes], log: Path, logged_bytes: int) -> str | None:
    """Where the node listens, by what follows in its log, once that says that the node is ready;
    None if it ended or took too long."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        lines = log.read_bytes()[logged_bytes:].split(b"\n")[:-1] if log.exists() else []
        events = {event["event"]: event for event in map(orjson.loads, lines)}
        if "ready" in events:
            return str(events["started"]["address"])
        time.sleep(0.01)
    return None
