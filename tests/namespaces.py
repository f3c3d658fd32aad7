"""Machines that can be cut off from each other: network namespaces on two switches, with one cable.

Nothing here has a name in the system. A namespace and its links live as long as the processes in
it; those end when the tests do, be it by kill -9: one that holds a namespace reads a pipe from the
tests, and one that was started in it has a death signal.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

RELAY = Path(__file__).with_name("relay.py")
PORT = 7_100
END_S = 5.0

_WAYS: tuple[tuple[str, ...], ...] = ((), ("--user", "--map-root-user"))
"""What `unshare` is told beside --net: as root nothing, else a user namespace where one is root."""

_SWITCHES = """
link add left type bridge
link add right type bridge
link add cable-left type veth peer name cable-right
link set cable-left master left up
link set cable-right master right up
link set left up
link set right up
"""

_MACHINE = """
link add port{number} type veth peer name eth0 netns {pid}
link set port{number} master {side} up
"""

_INSIDE = """
link set lo up
addr add {host}/24 dev eth0
link set eth0 up
"""


class NoNamespaces(Exception):
    """They cannot be made here; why."""


class _Holder:
    """A process that keeps a namespace there, and `within`: how another is started in it."""

    def __init__(self, command: Sequence[str], user: bool, listener: socket.socket | None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[listener.fileno()] if listener else [],
        )
        self.pid = self._process.pid
        entry = ["nsenter", "--target", str(self.pid), "--net"]
        if user:
            entry += ["--user", "--preserve-credentials"]
        self.within = (*entry, "setpriv", "--pdeathsig", "KILL")
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise NoNamespaces(self.end())

    def ip(self, commands: str) -> None:
        """Change links and addresses in it; NoNamespaces where the kernel has no such links."""
        command = [*self.within, "ip", "-batch", "-"]
        done = subprocess.run(command, input=commands, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoNamespaces(done.stderr.strip())

    def end(self) -> str:
        """End the process; what it complained about."""
        try:
            return self._process.communicate(timeout=END_S)[1].strip()
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.communicate()[1].strip()


class Machine:
    """A namespace with one address. `within` begins the command line of what is to run in it.

    A node is to listen at `address`; whoever connects to `endpoint`, from outside, reaches it.
    """

    def __init__(self, hub: _Holder, number: int, side: str, user: bool) -> None:
        self.host = host = f"10.77.0.{number}"
        self.address = f"{host}:{PORT}"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
            # Namespaces of the hub's own user namespace, so that links can be moved between them.
            command = [*hub.within, "unshare", "--net", sys.executable, "-I", str(RELAY)]
            command += [str(listener.fileno()), host, str(PORT)]
            self._holder = _Holder(command, user, listener)
        self.within = self._holder.within
        try:
            hub.ip(_MACHINE.format(number=number, pid=self._holder.pid, side=side))
            self._holder.ip(_INSIDE.format(host=host))
        except NoNamespaces:
            self.end()
            raise

    def ip(self, commands: str) -> None:
        """Change its links, addresses and routes."""
        self._holder.ip(commands)

    def end(self) -> None:
        """It is gone once the nodes in it have ended too."""
        self._holder.end()


class CutNetwork:
    """So many machines on the left and on the right, `machines` in this order; all hear each other
    but while the cable between the two sides is cut. Raises NoNamespaces."""

    def __init__(self, left: int, right: int) -> None:
        self._hub, user = _hub()
        self.machines: list[Machine] = []
        try:
            self._hub.ip(_SWITCHES)
            for number, side in enumerate(["left"] * left + ["right"] * right, 1):
                self.machines.append(Machine(self._hub, number, side, user))
        except BaseException:
            self.close()
            raise

    def cut(self) -> None:
        """Let nothing pass between the two sides. No machine's own link goes down."""
        self._hub.ip("link set cable-left down")

    def heal(self) -> None:
        """Let all pass again."""
        self._hub.ip("link set cable-left up")

    def silence(self, speaker: int, listener: int) -> None:
        """Let nothing reach the one machine of `machines` from the other."""
        self.machines[speaker].ip(f"route add blackhole {self.machines[listener].host}")

    def unsilence(self, speaker: int, listener: int) -> None:
        """Let it pass again."""
        self.machines[speaker].ip(f"route del blackhole {self.machines[listener].host}")

    def close(self) -> None:
        """Leave nothing behind; the nodes have ended before."""
        for machine in self.machines:
            machine.end()
        self._hub.end()


def _hub() -> tuple[_Holder, bool]:
    """What holds the namespace of the switches, and whether it is in a user namespace."""
    reasons: list[str] = []
    for way in _WAYS:
        command = ["unshare", "--net", *way, "sh", "-c", "echo ready; exec cat"]
        try:
            return _Holder(command, bool(way), None), bool(way)
        except (OSError, NoNamespaces) as reason:
            reasons.append(str(reason))
    raise NoNamespaces(f"no network namespaces here (user {os.geteuid()}): {'; '.join(reasons)}")
