"""`gossamer serve` as a supervisor sees it: what it says, how it stops, what it leaves behind."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from gossamer import Client
from nodes.logs import LEVELS
from nodes.node import Node
from nodes.serve import LOG_LEVELS, STOPS
from tests.cli.conftest import Start
from tests.cli.processes import DEADLINE_S, Process

ANYWHERE = ("--listen", "127.0.0.1:0")

FAILING = """
import sys
from actors.storage import Storage
from nodes.cli import main

turn = Storage.turn
def fail(self, inbox, now):
    if any(envelope.message.__class__.__name__ == "Store" for envelope in inbox):
        raise ZeroDivisionError("by zero")
    return turn(self, inbox, now)
Storage.turn = fail
main(sys.argv[1:])
"""
"""The command, with a storage actor that fails when it is to store something."""


FEW_FILES = """
import resource
import sys
from nodes.cli import main

_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
main(sys.argv[1:])
"""
"""The command, where a process may have few files open unless it asks for more."""


def stop(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Send a signal; the exit status, and how many seconds it took."""
    began = time.monotonic()
    process.signal(number)
    status = process.wait()
    return status, time.monotonic() - began


def test_it_says_where_it_is_ready(start: Start, tmp_path: Path) -> None:
    """The line that says it is ready has the address, which answers then; stdout stays empty."""
    process = start("serve", "--name", "n1", *ANYWHERE)
    with Client(process.ready(), timeout=DEADLINE_S) as client:
        client.put("color", "blue")
        assert [m.name for m in client.members()] == ["n1"]
    assert (tmp_path / ".data" / "n1" / "log.jsonl").exists()
    stop(process)
    assert process.first_line() == b""


def test_it_may_have_as_many_files_open_as_the_system_lets_it(start: Start) -> None:
    """Connections of strangers are files too: they must not use up those that it needs."""
    process = start("serve", "--name", "n1", *ANYWHERE, script=FEW_FILES)
    process.ready()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    [(soft, hard)] = re.findall(r"^Max open files +(\w+) +(\w+)", limits, re.MULTILINE)
    assert soft == hard
    assert soft != "256"


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_stops_it_cleanly(start: Start, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it within three seconds, with status 0 and not a word of complaint."""
    process = start("serve", "--name", "n1", *ANYWHERE)
    process.ready()
    status, took_s = stop(process, number)
    assert (status, took_s < 3) == (0, True)
    said = [re.split(r" n1 +", line)[1].split()[0] for line in process.lines]
    assert said == ["started", "ready", "layout", "stopped"]
    assert "members=" in process.lines[2]
    assert process.lines[2].rstrip().endswith('["n1"]')


def test_more_signals_change_nothing(start: Start) -> None:
    """Whoever is impatient and sends the signal again and again gets the same clean stop."""
    process = start("serve", "--name", "n1", *ANYWHERE)
    process.ready()
    for number in (*STOPS, *STOPS):
        process.signal(number)
    status, took_s = stop(process)
    assert (status, took_s < 3) == (0, True)
    assert "stopped" in process.lines[-1]


def test_a_signal_before_it_is_ready_stops_it_too(start: Start, closed: str) -> None:
    """A node that waits for others can be stopped as well as any."""
    process = start("serve", "--name", "n1", *ANYWHERE, "--join", closed)
    process.line_with(" waiting ")
    status, took_s = stop(process)
    assert (status, took_s < 3) == (0, True)


def test_what_was_stored_outlives_a_kill(start: Start, tmp_path: Path) -> None:
    """A node that is killed and started again has every key that it acknowledged, and its id."""
    process = start("serve", "--name", "n1", *ANYWHERE)
    keys = {f"key{i}": i for i in range(50)}
    with Client(process.ready(), timeout=DEADLINE_S) as client:
        client.put_many(keys)
        before = client.members()[0]
    assert stop(process, signal.SIGKILL)[0] == -signal.SIGKILL
    process = start("serve", "--name", "n1", *ANYWHERE)
    with Client(process.ready(), timeout=DEADLINE_S) as client:
        assert client.get_many(keys) == keys
        after = client.members()[0]
    assert (after.id, after.boot) == (before.id, before.boot + 1)


def test_a_data_folder_in_use_is_said(start: Start, node: Node, tmp_path: Path) -> None:
    """A second process on the same data folder ends with status 1 and one sentence."""
    process = start("serve", *ANYWHERE, "--data", str(node.data))
    assert process.wait() == 1
    (sentence,) = process.lines
    assert sentence.startswith(f"gossamer: the data folder {node.data} is in use by process ")


@pytest.mark.parametrize("flag", ["--listen", "--gossip-listen", "--files-listen", "--http"])
def test_an_address_in_use_is_said(start: Start, silent: str, flag: str) -> None:
    """A node that cannot listen as it was told ends with status 1 and one sentence."""
    process = start("serve", "--name", "n2", *ANYWHERE, flag, silent)
    assert process.wait() == 1
    assert process.lines == [f"gossamer: cannot listen on {silent}: Address already in use"]


def test_a_name_that_is_taken_is_refused(start: Start, node: Node) -> None:
    """A second member of the same name ends with status 6; what it says last is why."""
    process = start("serve", "--name", "n1", *ANYWHERE, "--join", node.address, "--data", "other")
    assert process.wait() == 6
    assert process.lines[-1].startswith("gossamer: the name 'n1' is in use by a member at ")


def test_a_failed_actor_ends_the_process_at_once(start: Start) -> None:
    """When an actor fails the process is gone within a second, with status 1; its log says why."""
    process = start("serve", "--name", "n1", *ANYWHERE, script=FAILING)
    address = process.ready()
    with Client(address, timeout=DEADLINE_S) as client:
        with pytest.raises(TimeoutError):
            client.put("color", "blue")
        assert process.wait(1.0) == 1
    assert any("actor_failed" in line for line in process.lines)
    assert process.lines[-1] == "gossamer: the storage of n1 failed: by zero"


def test_what_is_open_to_strangers_is_asked_for(start: Start) -> None:
    """To listen for other machines needs --insecure, and a wildcard --advertise: usage errors."""
    for flags, missing in (
        ((), "--insecure"),
        (("--insecure",), "--advertise"),
    ):
        process = start("serve", "--name", "n1", "--listen", "0.0.0.0:0", *flags)
        assert process.wait() == 2
        assert missing in process.lines[0]


def test_the_levels_are_those_of_the_log() -> None:
    """What --log may be is what a log knows; it is written twice, as the log is slow to import."""
    assert LOG_LEVELS == LEVELS
