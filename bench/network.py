"""A network of three nodes, each a process of its own, on free ports of this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from bench.process import NodeProcess, node
from bench.samples import VALUE
from gossamer import Client, GossamerError

NODES = 3
PATIENCE_S = 20.0
PAUSE_S = 0.1
PROBES = 32
"""So many keys are looked at to see on how many nodes a key is."""


class Network:
    """Nodes that know each other; `copies` is on how many of them a key was seen, at least. With
    the file of a `secret` they encrypt."""

    def __init__(
        self, folder: Path, stack: contextlib.ExitStack, secret: Path | None = None
    ) -> None:
        self._folder = folder
        self._stack = stack
        self._secret = secret
        self._ends: list[contextlib.ExitStack] = []
        self.nodes: list[NodeProcess] = []
        self.copies = 0

    @property
    def addresses(self) -> list[str]:
        """Of the nodes, in the order of their start."""
        return [each.address for each in self.nodes]

    def start(self) -> None:
        """Start the nodes, and wait until each key that is stored is on a majority of them; if that
        is not so in PATIENCE_S, `copies` says it."""
        for number in range(NODES):
            end = self._stack.enter_context(contextlib.ExitStack())
            data = self._folder / f"node{number + 1}"
            serving = node(data, name=data.name, join=self.addresses, secret=self._secret)
            self.nodes.append(end.enter_context(serving))
            self._ends.append(end)
        self._await_copies()

    def restart(self, number: int) -> float:
        """Stop a node and start it anew with its data; how many seconds the start took, until the
        node said that it is ready."""
        self._ends[number].close()
        before = self.nodes[number]
        others = [address for address in self.addresses if address != before.address]
        began = time.perf_counter()
        serving = node(
            before.data,
            name=before.data.name,
            listen=before.address,
            join=others,
            secret=self._secret,
        )
        self.nodes[number] = self._ends[number].enter_context(serving)
        return time.perf_counter() - began

    def _await_copies(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(Client(address, secret=self._secret))
                for address in self.addresses
            ]
            while time.monotonic() < deadline_s and self.copies < NODES // 2 + 1:
                with contextlib.suppress(GossamerError):
                    if all(_all_alive(client) for client in clients):
                        self.copies = min(_copies(client) for client in clients)
                time.sleep(PAUSE_S)


def _all_alive(client: Client) -> bool:
    return [member.state for member in client.members()] == ["alive"] * NODES


def _copies(client: Client) -> int:
    """On how many nodes each of some keys is seen, at least; 0 where one of the nodes holds none of
    them."""
    keys = [f"probe-{n:02}" for n in range(PROBES)]
    client.put_many(dict.fromkeys(keys, VALUE))
    holders = [client.entry(key).replicas for key in keys]
    if len({name for names in holders for name in names}) < NODES:
        return 0
    return min(map(len, holders))


@contextlib.contextmanager
def network(folder: Path, secret: Path | None = None) -> Iterator[Network]:
    """Three nodes with their data in `folder`, ready to be used."""
    with contextlib.ExitStack() as stack:
        nodes = Network(folder, stack, secret)
        nodes.start()
        yield nodes
