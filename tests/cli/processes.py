"""The gossamer command in processes of its own: nodes that are killed, pipes that are closed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "nodes.cli")
DEADLINE_S = 40.0


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, without settings of gossamer, and with `changes`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GOSSAMER_", "HONCHO_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


class Process:
    """`gossamer ARGUMENTS...`, running, or a script in its place. Its stderr is read line by line;
    `kill` ends it for sure."""

    def __init__(self, *arguments: str, cwd: Path, script: str = "", **env: str) -> None:
        self.lines: list[str] = []
        self._news: SimpleQueue[str | None] = SimpleQueue()
        command = (sys.executable, "-c", script) if script else COMMAND
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment(**env),
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._news.put(line.decode().rstrip("\n"))
        self._news.put(None)

    def line_with(self, text: str) -> str:
        """The next line on stderr with `text` in it; AssertionError if it ends, or takes long."""
        try:
            while (line := self._news.get(timeout=DEADLINE_S)) is not None:
                self.lines.append(line)
                if text in line:
                    return line
        except Empty:
            raise AssertionError(f"no {text!r} in time, only {self.lines}") from None
        raise AssertionError(f"ended without {text!r}, with {self.lines}")

    def ready(self) -> str:
        """The address of the node, once it is ready."""
        found = re.search(r" address=(\S+)", self.line_with(" ready "))
        assert found is not None
        return found[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def pause(self) -> None:
        """Let it hang; returns once no thread of it runs any more."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def wait(self, timeout_s: float = DEADLINE_S) -> int:
        """Its exit status; what it said on stderr is in `lines`. TimeoutExpired if it goes on."""
        status = self._process.wait(timeout_s)
        while (line := self._news.get(timeout=DEADLINE_S)) is not None:
            self.lines.append(line)
        return status

    def next_line(self) -> str:
        """The next line of its stdout, without its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().rstrip("\n")

    def first_line(self) -> bytes:
        """The first line of its stdout; then nobody reads on."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.stdout.close()
        return line

    def kill(self) -> None:
        """End it, however it is."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


def gossamer(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        timeout=DEADLINE_S,
        cwd=cwd,
        env=environment(**(env or {})),
        check=False,
    )
