"""Made-up networks for what top draws, and `gossamer top` in a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import Any

from actors.membership import Member
from nodes.ring_view import Ring, RingMember
from nodes.status import FileCounts, Status
from nodes.top.seen import Seen
from tests.cli.processes import COMMAND, DEADLINE_S, environment

BEGAN_S = 1_700_000_000.0
PARTITIONS = 4_096
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def member(n: int, state: Any = "alive", **more: Any) -> Member:
    """The n-th member, with this state."""
    ports = {"address": 7_100, "gossip_address": 8_100, "files_address": 9_100}
    addresses = {name: f"127.0.0.1:{port + n}" for name, port in ports.items()}
    fields: dict[str, Any] = {"name": f"node{n}", "boot": 1, "incarnation": 0, **addresses}
    return Member(id=f"{n:016x}", state=state, **{**fields, **more})


def status(**changes: Any) -> Status:
    """The status of a network of three that is well, but for these changes."""
    fields: dict[str, Any] = {
        "node": "node1",
        "node_id": f"{1:016x}",
        "epoch": 7,
        "members": 3,
        "under_replicated": 0,
        "without_quorum": 0,
        "moving": False,
        "transfers": (),
        "silent": (),
        "hints": {},
        "safe_to_stop": True,
        "reasons": (),
        "files": FileCounts(*[0] * 9),
        "fingerprint": "",
    }
    return Status(**{**fields, **changes})


def ring(count: int = 3, under_replicated: frozenset[int] = frozenset()) -> Ring:
    """The ring of so many members, who own the same each."""
    members = [
        RingMember(f"{n:016x}", f"node{n}", "alive", PARTITIONS, 1 / count, False)
        for n in range(1, count + 1)
    ]
    owners = tuple([(p % count,) for p in range(PARTITIONS)])
    return Ring(7, tuple(members), owners, frozenset(), under_replicated, frozenset())


def seen(count: int = 3, **changes: Any) -> Seen:
    """What is seen of a network of so many members."""
    known = Seen(BEGAN_S)
    known.on_members([member(n) for n in range(1, count + 1)], BEGAN_S)
    known.on_status(status(**changes), BEGAN_S)
    known.ring = ring(count)
    return known


class TopProcess:
    """`gossamer top` in a pseudo-terminal of this size."""

    def __init__(self, *arguments: str, cwd: Path, columns: int = 80, lines: int = 30) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        self.mode_before = termios.tcgetattr(self._master)
        settings = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [*COMMAND, "top", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment(**settings),
            start_new_session=True,
        )
        os.close(slave)
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # A pseudo-terminal that nobody holds open any more is an error to read.
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65_536):
                self._written += data

    def written(self) -> str:
        """All that it has written to the terminal."""
        return self._written.decode(errors="replace")

    def screen(self) -> str:
        """The latest whole frame, as a person sees it."""
        frames = self.written().split("\x1b[H")
        whole = [frame for frame in frames if frame.endswith("\x1b[J")]
        return _ESCAPES.sub("", whole[-1]).replace("\r\n", "\n") if whole else ""

    def shows(self, *texts: str) -> bool:
        """Are all of these on the screen?"""
        screen = self.screen()
        return all(text in screen for text in texts)

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal so large, as by a pull at a corner of its window."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def press(self, keys: bytes) -> None:
        """Press these keys."""
        os.write(self._master, keys)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> tuple[int, str]:
        """Its exit status, once it has ended, and what it has said on stderr."""
        _, said = self._process.communicate(timeout=DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return self._process.returncode, said.decode()

    def is_restored(self) -> bool:
        """Is the terminal as it was: the first screen, a cursor, and lines with an echo?"""
        ends = self.written().endswith("\x1b[?25h\x1b[?1049l")
        return ends and termios.tcgetattr(self._master) == self.mode_before

    def close(self) -> None:
        """End it, however it is."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(DEADLINE_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        os.close(self._master)
