"""LocalNetwork: nodes in this process that are a network of their own, for tests and for trying.

with LocalNetwork(3) as net, net.client() as g:
    g.put("color", "blue")
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from actors.errors import NotReady, Unavailable
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node

READY_S = 30.0
"""A network that is not ready after this never will be."""
LOOK_EVERY_S = 0.02


class LocalNetwork:
    """`count` nodes, node1, node2, ..., on free ports of this machine, once it was entered.

    Their data is in `folder`; without one it is in a temporary folder, and is gone at the end.
    What else is given is for every Node; `client` knows the `secret` too. Raises ValueError where
    the count is below one.

    `nodes[i]` is the node that `stop(i)` and `start(i)` are about, and `endpoints[i]` its address,
    which it keeps. One thread uses it.
    """

    def __init__(self, count: int = 3, folder: str | Path | None = None, **settings: Any) -> None:
        if count < 1:
            raise ValueError(f"a network has one node at least, not {count}")
        self._count = count
        self._folder = None if folder is None else Path(folder)
        self._is_temporary = folder is None
        self._settings = settings
        self._ports = Ports()
        self._running: set[int] = set()
        self.nodes: list[Node] = []
        self.endpoints: list[str] = []

    def client(self, *endpoints: str, **settings: Any) -> Client:
        """A Client of these endpoints, or else of all of them; `settings` are those of Client."""
        return Client(*endpoints or self.endpoints, **self._with_secret(settings))

    def async_client(self, *endpoints: str, **settings: Any) -> AsyncClient:
        """As `client`, an AsyncClient."""
        return AsyncClient(*endpoints or self.endpoints, **self._with_secret(settings))

    def stop(self, i: int) -> None:
        """Stop node i, if it runs; it remains a member, as after a SIGTERM."""
        if i in self._running:
            self._running.remove(i)
            self.nodes[i].stop()

    def start(self, i: int) -> None:
        """Start node i again, if it was stopped, with the data and the address that it had.

        Returns once it serves and all that run know that. Raises NotReady if that takes too long,
        as it does while no majority of the nodes runs.
        """
        if i in self._running:
            return
        self.nodes[i] = self._node(i)
        self.nodes[i].start()
        self._running.add(i)
        self._wait_known(time.monotonic() + READY_S)

    def wait_whole(self, timeout_s: float = READY_S) -> None:
        """Return once every partition has all its copies, which takes all nodes to run. Raises
        NotReady if that takes longer."""
        self._wait_whole(time.monotonic() + timeout_s)

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    def _begin(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="gossamer-"))
        self.endpoints = [f"127.0.0.1:{port}" for port in self._ports.take(self._count)]
        self.nodes = [self._node(i) for i in range(self._count)]
        # Each waits for its disk when it makes its data folder: so they wait side by side.
        self._side_by_side(self._start, range(self._count))
        deadline = time.monotonic() + READY_S
        self._wait_known(deadline)
        self._wait_whole(deadline)

    def _end(self) -> None:
        running = sorted(self._running)
        self._running.clear()
        try:
            self._side_by_side(lambda i: self.nodes[i].stop(), running)
        finally:
            self._ports.close()
            if self._is_temporary and self._folder is not None:
                shutil.rmtree(self._folder)
                self._folder = None

    def _node(self, i: int) -> Node:
        assert self._folder is not None, "a network is entered before it is used"
        anywhere = {"gossip_listen": "127.0.0.1:0", "files_listen": "127.0.0.1:0"}
        name = f"node{i + 1}"
        settings = {"listen": self.endpoints[i], "name": name, **anywhere, **self._settings}
        return Node(self._folder / name, self.endpoints, **settings)

    def _start(self, i: int) -> None:
        self.nodes[i].start()
        self._running.add(i)

    def _side_by_side(self, do: Callable[[int], object], those: Iterable[int]) -> None:
        """Do it for each in a thread. Raises what the first of them raised, once all have ended."""
        with ThreadPoolExecutor(self._count) as threads:
            for done in [threads.submit(do, i) for i in those]:
                done.result()

    def _with_secret(self, settings: dict[str, Any]) -> dict[str, Any]:
        secret = self._settings.get("secret")
        return settings if secret is None else {"secret": secret, **settings}

    def _wait_known(self, deadline: float) -> None:
        """Until all that run are ready, and each shows all of them alive."""
        for i in sorted(self._running):
            self.nodes[i].wait_ready(max(0.0, deadline - time.monotonic()))
        names = {self.nodes[i].name for i in self._running}

        def knows(client: Client) -> bool:
            return names <= {m.name for m in client.members() if m.state == "alive"}

        with ExitStack() as stack:
            for i in sorted(self._running):
                client = stack.enter_context(self.client(self.endpoints[i], timeout=READY_S))
                _wait_until("the nodes do not all know each other", deadline, knows, client)

    def _wait_whole(self, deadline: float) -> None:
        def whole(client: Client) -> bool:
            told = client.status()
            lacking = told.under_replicated or told.moving or told.silent
            return not lacking and told.members == self._count

        with self.client(timeout=READY_S) as client:
            _wait_until("not every partition has all its copies", deadline, whole, client)


def _wait_until(
    otherwise: str, deadline: float, holds: Callable[[Client], bool], client: Client
) -> None:
    """Look until it holds. Raises NotReady, saying what is so otherwise, past the deadline."""
    pause = threading.Event()
    while True:
        try:
            if holds(client):
                return
            why = ""
        except Unavailable as error:
            why = f": {error}"
        if time.monotonic() >= deadline:
            raise NotReady(f"{otherwise} in time{why}")
        pause.wait(LOOK_EVERY_S)
