"""The loop by which docs/operations.md restarts one machine after the other, run as it is printed
there, in a shell where `ssh` and the addresses of machines mean nodes of a test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping

from tests.networks import ROOT, NodeProcess
from tests.nodes.sessions import blocks

PAGE = (ROOT / "docs" / "operations.md").read_text()
MACHINES = ("one", "two", "three", "four", "five")
MARK = "ssh "

SHELL = """
set -eu
ssh() {
    echo "ssh $*"
    read -r done
    test "$done" = ok
}
gossamer() {
    local words=() word name
    for word; do
        case "$word" in
            *:7100) name="ADDRESS_${word%:7100}"; word="${!name}" ;;
        esac
        words+=("$word")
    done
    "$PYTHON" -m nodes.cli "${words[@]}"
}
"""
"""What stands before a script. Whatever a machine is asked for is done when there is a word on
stdin."""


def script_of(text: str) -> str:
    """The one script of the page that has this in it."""
    [script] = [block for block in blocks(PAGE, "sh") if text in block]
    return script


def for_machines(script: str, count: int) -> str:
    """The same for the first so many machines."""
    all_names, some = " ".join(MACHINES), " ".join(MACHINES[:count])
    assert all_names in script
    return script.replace(all_names, some)


def run_script(
    script: str,
    machines: Mapping[str, NodeProcess],
    done: Callable[[str, NodeProcess], None],
    deadline_s: float,
) -> list[str]:
    """Run it; all that it has printed. What it does by ssh is `done`, a command to a machine.
    AssertionError if it fails or takes too long."""
    addresses = {f"ADDRESS_{name}": node.listen for name, node in machines.items()}
    shell = subprocess.Popen(
        ["bash", "-c", SHELL + script],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable, **addresses},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    late = threading.Timer(deadline_s, shell.kill)
    late.start()
    said: list[str] = []
    try:
        for line in _lines(shell):
            said.append(line)
            if line.startswith(MARK):
                name, _, command = line.removeprefix(MARK).partition(" ")
                done(command, machines[name])
                assert shell.stdin is not None
                shell.stdin.write("ok\n")
        assert shell.wait() == 0, said
    finally:
        late.cancel()
        shell.kill()
        shell.communicate()
    return said


def _lines(shell: subprocess.Popen[str]) -> Iterator[str]:
    assert shell.stdout is not None
    for line in shell.stdout:
        yield line.rstrip("\n")
