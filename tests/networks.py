"""Real nodes for tests, in this process or in their own, on free ports and in folders of a test.

Nothing here sleeps: `wait_until` looks at a named condition until it holds or its deadline passes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.errors import GossamerError, Unavailable
from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node

ROOT = Path(__file__).parent.parent
DEADLINE_S = 30.0
"""Long enough for a busy machine; no test waits for it to pass."""

SERVE = (sys.executable, "-m", "nodes.cli", "serve")
"""What starts a node process."""

_LOOK_EVERY_S = 0.01


def wait_until(what: str, holds: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Return once `holds()` is true; AssertionError with `what` past the deadline."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, f"after {deadline_s:g} s still not so: {what}"
        pause.wait(_LOOK_EVERY_S)


def read_log(data: Path) -> list[dict[str, Any]]:
    """All that the node of a data folder has logged so far, in whole lines."""
    with contextlib.suppress(FileNotFoundError):
        lines = (data / "log.jsonl").read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]
    return []


def logged(data: Path, event: str) -> list[dict[str, Any]]:
    """The records of one event in a node's log, since the node was last started."""
    records: list[dict[str, Any]] = []
    for record in read_log(data):
        if record["event"] == "started":
            records = []
        if record["event"] == event:
            records.append(record)
    return records


def addresses(ports: Sequence[int]) -> list[str]:
    """The ports as addresses of this machine."""
    return [f"127.0.0.1:{port}" for port in ports]


class Network:
    """Nodes in this process, made by `node` and all stopped by `stop`."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.folder = folder
        self.ports = ports
        self.nodes: list[Node] = []

    def node(
        self, name: str, join: Sequence[str] = (), listen: str = "", folder: str = "", **more: Any
    ) -> Node:
        """A node that was started and may not be ready yet; its folder is called as it is."""
        listen = listen or addresses(self.ports.take(1))[0]
        more = {"gossip_listen": "127.0.0.1:0", "files_listen": "127.0.0.1:0", **more}
        node = Node(self.folder / (folder or name), join, listen=listen, name=name, **more)
        node.start()
        self.nodes.append(node)
        return node

    def nodes_that_list_each_other(self, count: int, **settings: Any) -> list[Node]:
        """node1, node2, ...: started, each told to join all of them, and ready."""
        listed = addresses(self.ports.take(count))
        names = [f"node{n}" for n in range(1, count + 1)]
        started = [
            self.node(name, listed, listen, **settings)
            for name, listen in zip(names, listed, strict=True)
        ]
        for node in started:
            node.wait_ready(DEADLINE_S)
        return started

    def stop(self, node: Node) -> None:
        """Stop one; it may be started anew by `node`."""
        self.nodes.remove(node)
        node.stop()

    def close(self) -> None:
        """Stop all."""
        for node in list(self.nodes):
            self.stop(node)


class NodeProcess:
    """A node in a process of its own, started by `start` as often as one likes. `within` begins
    its command line: what takes it to another machine; `serve` is what starts it there."""

    def __init__(
        self,
        folder: Path,
        name: str,
        listen: str,
        join: Sequence[str] = (),
        *options: str,
        within: Sequence[str] = (),
        serve: Sequence[str] = SERVE,
    ) -> None:
        self.name = name
        self.listen = listen
        self.data = folder / name
        self.pid = 0
        self._command = (*within, *serve)
        self._options = ["--name", name, "--listen", listen]
        for port in ("--gossip-listen", "--files-listen"):
            self._options += [port, "127.0.0.1:0"]
        self._options += ["--data", str(self.data), *options]
        for address in join:
            self._options += ["--join", address]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; `wait_ready` waits for the node."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self.data.with_name(f"{self.name}.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._command, *self._options],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.pid = self._process.pid

    def wait_ready(self) -> None:
        """Return once this start's log says that the node serves."""
        wait_until(f"{self.name} is ready", lambda: self.logged("ready") or self._has_ended())
        assert self.logged("ready"), self.said()

    def said(self) -> str:
        """All that its starts have printed."""
        return self.data.with_name(f"{self.name}.out").read_text()

    def log(self) -> list[dict[str, Any]]:
        """What it has logged since its latest start."""
        events = read_log(self.data)
        starts = [i for i, e in enumerate(events) if e.get("pid") == self.pid]
        return events[starts[-1] :] if starts else []

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Its records of one event, since its latest start."""
        return [record for record in self.log() if record["event"] == event]

    def rss_bytes(self) -> int:
        """The memory that it has in use."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def own_bytes(self) -> int:
        """The memory that is its own: without pages of files, which the system may take back."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        [kibibytes] = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
        return int(kibibytes) * 1_024

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal. SIGSTOP has stopped every thread when this returns."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGSTOP:
            threads = Path(f"/proc/{self.pid}/task")
            wait_until(
                f"{self.name} stands still",
                lambda: all(_state(t / "stat") == "T" for t in threads.iterdir()),
            )

    def kill(self) -> None:
        """End it at once, as by a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Stop it cleanly; its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait_ended()

    def wait_ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(DEADLINE_S)

    def close(self) -> None:
        """It is not left behind."""
        if self._process is not None:
            self.kill()

    def _has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None


def _state(stat: Path) -> str:
    """A thread's state, as /proc names it."""
    return stat.read_text().rpartition(") ")[2][0]


class Processes:
    """Node processes, all ended by `close`."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.folder = folder
        self.ports = ports
        self._made: list[NodeProcess] = []

    def node(
        self,
        name: str,
        join: Sequence[str] = (),
        listen: str = "",
        *options: str,
        within: Sequence[str] = (),
        serve: Sequence[str] = SERVE,
    ) -> NodeProcess:
        """A node process that was not started yet."""
        listen = listen or addresses(self.ports.take(1))[0]
        made = NodeProcess(self.folder, name, listen, join, *options, within=within, serve=serve)
        self._made.append(made)
        return made

    def nodes_that_list_each_other(self, count: int) -> list[NodeProcess]:
        """node1, node2, ...: started, each told to join all of them, and ready."""
        listed = addresses(self.ports.take(count))
        made = [self.node(f"node{n}", listed, listen) for n, listen in enumerate(listed, 1)]
        start_all(made)
        return made

    def close(self) -> None:
        """End all."""
        for node in self._made:
            node.close()


def start_all(nodes: Sequence[NodeProcess]) -> None:
    """Start them all, and wait until all are ready."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_ready()


class Views:
    """What each of some nodes shows its clients, by its name: one client a node, kept connected."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = endpoints
        self.clients: dict[str, Client] = {}
        for name in endpoints:
            self.connect(name)

    def connect(self, name: str) -> None:
        """Ask this node by a new client: an old one takes its time to find who was away."""
        if name in self.clients:
            self.clients[name].close()
        self.clients[name] = Client(self._endpoints[name], timeout=DEADLINE_S)

    def states(self, viewer: str) -> dict[str, str]:
        """Each member's state by name, in the eyes of this node; none while it cannot be asked."""
        with contextlib.suppress(Unavailable):
            return {member.name: member.state for member in self.clients[viewer].members()}
        return {}

    def show(self, member: str, state: str, viewers: Iterable[str] = ()) -> bool:
        """Do all of these viewers, or all but the member itself, have it in this state?"""
        viewers = viewers or [name for name in self.clients if name != member]
        return all(self.states(viewer).get(member) == state for viewer in viewers)

    def all_alive(self) -> bool:
        """Does every node show all of them alive?"""
        everybody = dict.fromkeys(self.clients, "alive")
        return all(self.states(viewer) == everybody for viewer in self.clients)

    def read(self, values: Mapping[str, Any]) -> bool:
        """Do all nodes have these values now?"""
        try:
            return all(client.get_many(values) == values for client in self.clients.values())
        except GossamerError:
            return False

    def close(self) -> None:
        """End the clients."""
        for client in self.clients.values():
            client.close()


@contextlib.contextmanager
def client_of(
    *endpoints: str,
    timeout_s: float = DEADLINE_S,
    secret: Path | None = None,
    trace_id: str = "",
) -> Iterator[Client]:
    """A client that is patient with a busy machine."""
    with Client(*endpoints, timeout=timeout_s, secret=secret, trace_id=trace_id) as client:
        yield client
