"""Disks that fail, as far as the machine lets them: a test is skipped where it does not."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def run_or_skip(command: list[str]) -> None:
    """Run what only some users on some machines may run."""
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} here")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


@contextlib.contextmanager
def failing(pid: int, calls: str, log: Path) -> Iterator[None]:
    """Let system calls of the process fail, as strace's `inject` says; some must have failed."""
    if not shutil.which("strace"):
        pytest.skip("there is no strace here")
    command = ["strace", "-f", "-o", str(log), "-e", f"inject={calls}", "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        said = strace.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not attach to a process here: {said.strip()}")
        try:
            yield
        finally:
            # It lets go of the process, which goes on.
            strace.send_signal(signal.SIGINT)
    assert "(INJECTED)" in log.read_text()
