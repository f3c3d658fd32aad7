"""The Procfile's restarter brings a failed command back, and never one that was told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESTART = ROOT / "deploy" / "restart"
A_DAY_S = "86400"

WAITS = """
import os, signal
print(os.getpid(), flush=True)
signal.pause()
"""
"""Says its process id, then lives until a signal ends it."""

OBEYS = """
import signal, sys
stops = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, stops)
print("ready", flush=True)
print(signal.sigwait(stops).name, flush=True)
sys.exit(int(sys.stdin.readline()))
"""
"""Says which signal it got, then ends with the status that it reads from stdin."""

FAILS_ONCE = """
import pathlib, sys
been_here = pathlib.Path(sys.argv[1])
print("run", flush=True)
if not been_here.exists():
    been_here.touch()
    sys.exit(7)
"""
"""Ends with 7, the next time with 0."""

Restarter = subprocess.Popen[str]
Start = Callable[..., Restarter]

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a restarter in its own process group, as honcho does; the group is gone at the end."""
    started: list[Restarter] = []

    def start(*command: str, pause_s: str | None = "0") -> Restarter:
        env = {k: v for k, v in os.environ.items() if k != "RESTART_AFTER_S"}
        if pause_s is not None:
            env["RESTART_AFTER_S"] = pause_s
        restarter = subprocess.Popen(
            [sys.executable, str(RESTART), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            start_new_session=True,
        )
        started.append(restarter)
        return restarter

    yield start
    for restarter in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(restarter.pid, signal.SIGKILL)
        restarter.communicate()


def python(script: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a script with this Python."""
    return (sys.executable, "-c", script, *arguments)


def said(restarter: Restarter) -> str:
    """The next line of the command's stdout; empty once restarter and command have ended."""
    assert restarter.stdout is not None
    return restarter.stdout.readline().strip()


def complained(restarter: Restarter) -> str:
    """The next line of stderr."""
    assert restarter.stderr is not None
    return restarter.stderr.readline().strip()


def test_status_zero_is_final(start: Start) -> None:
    """A command that ends with 0 runs once, and 0 is the restarter's status."""
    restarter = start(*python("print('run')"))
    output, errors = restarter.communicate()
    assert (output, errors, restarter.returncode) == ("run\n", "", 0)


def test_a_failed_command_is_started_again(start: Start, tmp_path: Path) -> None:
    """A status other than 0 is told in one sentence on stderr, then the command runs again."""
    restarter = start(*python(FAILS_ONCE, str(tmp_path / "been-here")))
    output, errors = restarter.communicate()
    assert (output, restarter.returncode) == ("run\nrun\n", 0)
    assert errors == f"restart: {sys.executable} ended with status 7; starting it again in 0 s.\n"


def test_a_killed_command_is_started_again(start: Start) -> None:
    """After kill -9 of the command alone another process of the same command runs."""
    restarter = start(*python(WAITS))
    first = int(said(restarter))
    os.kill(first, signal.SIGKILL)
    assert "was killed by signal 9 (Killed); starting it again" in complained(restarter)
    assert int(said(restarter)) != first


def test_a_command_that_cannot_be_started_is_tried_again(start: Start, tmp_path: Path) -> None:
    """What keeps a command from starting may pass: it is complained about, and tried again."""
    restarter = start(str(tmp_path / "missing"))
    for _ in range(2):
        assert "missing cannot be started (No such file or directory)" in complained(restarter)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_and_waited_for(start: Start, stop: signal.Signals) -> None:
    """The command gets the very signal; the restarter ends after it, with its status, for good."""
    restarter = start(*python(OBEYS))
    assert said(restarter) == "ready"
    restarter.send_signal(stop)
    assert said(restarter) == stop.name
    assert restarter.poll() is None
    output, errors = restarter.communicate("3\n")
    assert (output, errors, restarter.returncode) == ("", "", 3)


def test_a_stop_that_kills_the_command_is_told_as_a_shell_does(start: Start) -> None:
    """A command that does not catch SIGTERM dies of it, unblocked, and 143 is the status."""
    restarter = start(*python(WAITS))
    said(restarter)
    restarter.terminate()
    output, errors = restarter.communicate()
    assert (output, errors, restarter.returncode) == ("", "", 128 + signal.SIGTERM)


def test_a_stop_of_the_whole_group_starts_nothing_again(start: Start) -> None:
    """The command may get the signal twice, from the group's killer and from the restarter."""
    restarter = start(*python(OBEYS))
    assert said(restarter) == "ready"
    os.killpg(restarter.pid, signal.SIGTERM)
    assert said(restarter) == "SIGTERM"
    output, errors = restarter.communicate("3\n")
    assert (output, errors, restarter.returncode) == ("", "", 3)


def test_kill_nine_of_the_whole_group_leaves_nothing(start: Start) -> None:
    """The command is of the restarter's process group, so who kills the group kills both."""
    restarter = start(*python(WAITS))
    assert os.getpgid(int(said(restarter))) == restarter.pid
    os.killpg(restarter.pid, signal.SIGKILL)
    assert said(restarter) == ""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_pause_ends_at_once(start: Start, stop: signal.Signals) -> None:
    """Nothing runs during the pause, so the restarter ends with the status that led to it."""
    restarter = start(*python("raise SystemExit(7)"), pause_s=A_DAY_S)
    assert complained(restarter).endswith(f"starting it again in {A_DAY_S} s.")
    restarter.send_signal(stop)
    output, errors = restarter.communicate()
    assert (output, errors, restarter.returncode) == ("", "", 7)


def test_the_pause_is_three_seconds(start: Start) -> None:
    """Without RESTART_AFTER_S the command is back after 3 s."""
    restarter = start(*python("raise SystemExit(7)"), pause_s=None)
    assert complained(restarter).endswith("starting it again in 3 s.")


@pytest.mark.parametrize("pause_s", ["soon", "-1", "nan", "inf"])
def test_a_pause_that_is_no_number_of_seconds_is_a_usage_error(start: Start, pause_s: str) -> None:
    """A pause that is not a number of seconds is refused before anything runs."""
    restarter = start(*python("print('run')"), pause_s=pause_s)
    output, errors = restarter.communicate()
    assert (output, restarter.returncode) == ("", 2)
    assert errors == f"restart: RESTART_AFTER_S is a number of seconds, not {pause_s!r}.\n"


def test_no_command_is_a_usage_error(start: Start) -> None:
    """Without a command the usage is told."""
    restarter = start()
    output, errors = restarter.communicate()
    assert (output, restarter.returncode) == ("", 2)
    assert errors == "restart: usage: deploy/restart COMMAND [ARGUMENT]...\n"


def test_every_process_of_the_procfile_runs_under_the_restarter() -> None:
    """honcho ends everything when one process ends, so each one is to come back by itself."""
    assert os.access(RESTART, os.X_OK)
    for line in (ROOT / "Procfile").read_text().splitlines():
        name, command = line.split(": ", 1)
        runs = "gateway " if name == "gateway" else f"serve --name {name} "
        assert command.startswith(f"exec deploy/restart gossamer {runs}")


@pytest.mark.parametrize(("given", "port"), [({}, "8080"), ({"GATEWAY_PORT": "8081"}, "8081")])
def test_the_gateways_port_can_be_chosen(given: dict[str, str], port: str) -> None:
    """As the README says: the shell by which honcho runs the line puts it in."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    [command] = [line.split(": ", 1)[1] for line in lines if line.startswith("gateway: ")]
    said = command.replace("exec deploy/restart", "echo", 1)
    environment = {"PATH": os.environ["PATH"], **given}
    ran = subprocess.run(["sh", "-c", said], env=environment, capture_output=True, check=True)
    assert f" --listen 127.0.0.1:{port} ".encode() in ran.stdout
