"""A network of nodes in one thread: the real actors, virtual time, a lossy network, crashing disks.

    simulation = Simulation(seed=7)
    simulation.begin("node1", "node2", "node3")
    client = simulation.add_client("client1", "node1")
    written = simulation.ask(client, Write(("city",), ("json",), (b'"Oslo"',), 5_000), 5_000)
    print(simulation.transcript.text())

Everything follows from the seed: the same seed gives the same transcript, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from actors.actor import Envelope
from actors.messages import Message
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.clock import Clock
from nodes.simulated.disk import Fault
from nodes.simulated.network import Network, Weather
from nodes.simulated.node import ActorSettings, Process, SimulatedNode, World
from nodes.simulated.transcript import Transcript


class TookTooLong(AssertionError):
    """What was waited for did not happen in its (virtual) time."""


class Simulation:
    """Nodes and clients are named by whoever adds them. `weather` may be changed as it goes."""

    def __init__(
        self,
        seed: int,
        weather: Weather | None = None,
        settings: ActorSettings | None = None,
        *,
        recording: bool = True,
    ) -> None:
        self.seed = seed
        self.rng = Random(f"{seed} faults")
        self.weather = weather or Weather()
        self.transcript = Transcript(recording)
        self.clock = Clock()
        self.nodes: dict[str, SimulatedNode] = {}
        self.clients: dict[str, SimulatedClient] = {}
        rng = Random(f"{seed} network")
        self.network = Network(self.clock, rng, self.transcript, self.weather)
        self._world = World(
            self.clock,
            self.network,
            self.transcript,
            settings or ActorSettings(),
            self._reply,
            self._on_died,
        )

    # Who is there.

    def add_node(self, name: str, aliases: Iterable[str] = ()) -> SimulatedNode:
        """A machine that is not started yet. It listens at its address and at its aliases."""
        number = len(self.nodes) + 1
        host = f"10.0.0.{number}"
        node = SimulatedNode(
            self._world,
            name,
            f"{host}:7100",
            f"{host}:7101",
            f"{host}:7102",
            f"{self.seed} {name}",
        )
        self.nodes[name] = node
        self.network.add(node, [node.address, *aliases])
        return node

    def add_client(self, name: str, *nodes: str) -> SimulatedClient:
        """A client that knows these nodes, in this order."""
        endpoints = [self.nodes[node].address for node in nodes]
        rng = Random(f"{self.seed} {name}")
        client = SimulatedClient(name, endpoints, self.clock, self.network, self.transcript, rng)
        self.clients[name] = client
        return client

    def begin(self, *names: str) -> None:
        """Nodes that are all told of each other, started, and running until they are one network
        in which everybody knows everybody."""
        addresses = tuple(self.add_node(name).address for name in names)
        for name in names:
            self.nodes[name].join = addresses
            self.start(name)
        self.run_until(lambda: self.agree(names), 10_000)

    def process(self, name: str) -> Process:
        """The process of a node that is up."""
        process = self.nodes[name].process
        assert process is not None, f"{name} is down"
        return process

    def agree(self, names: Sequence[str]) -> bool:
        """Are these nodes all up, in one network, and list exactly each other in the same way?"""
        changes = [n.process.members for n in map(self.nodes.__getitem__, names) if n.process]
        return (
            len(changes) == len(names)
            and all(change == changes[0] for change in changes)
            and {m.id for m in changes[0].members} == {self.nodes[name].id for name in names}
        )

    # What happens to them.

    def start(self, name: str) -> None:
        """Start a node, anew if it had been up before."""
        self.note(f"{name} is started")
        self.nodes[name].start()
        for client in self.clients.values():
            client.on_started(self.process(name))

    def crash(self, name: str) -> None:
        """Power off: only what is synced remains."""
        self.process(name).die("crashes")

    def stop(self, name: str) -> None:
        """Ask a node to stop, and wait until it has."""
        self.process(name).begin_stop()
        self.run_until(lambda: self.nodes[name].process is None, 10_000)

    def pause(self, name: str) -> None:
        """SIGSTOP: the node does nothing, and what is sent to it waits."""
        self.note(f"{name} is paused")
        self.process(name).paused = True

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.note(f"{name} is resumed")
        self.process(name).resume()

    def wipe(self, name: str) -> None:
        """Empty the disk of a node that is down."""
        assert self.nodes[name].process is None, f"{name} is up"
        self.note(f"the disk of {name} is wiped")
        self.nodes[name].disk.wipe()
        self.nodes[name].chunks.wipe()

    def set_fault(self, name: str, fault: Fault) -> None:
        """What the next commit of this node is to meet."""
        self.nodes[name].disk.next_fault = fault

    def set_chunk_fault(self, name: str, fault: Fault) -> None:
        """What this node is to meet when it next keeps a chunk."""
        self.nodes[name].chunks.next_fault = fault

    def set_full(self, name: str, full: bool) -> None:
        """Fill the disk of a node, or make room again."""
        self.note(f"the disk of {name} {'is full' if full else 'has room'}")
        self.nodes[name].disk.full = full
        self.nodes[name].chunks.full = full

    def partition(self, one: Sequence[str], other: Sequence[str], *, one_way: bool = False) -> None:
        """Cut the ways from one side to the other, and back unless it is `one_way`."""
        arrow = "->" if one_way else "<->"
        self.note(f"cut: {', '.join(one)} {arrow} {', '.join(other)}")
        self.network.cut(one, other)
        if not one_way:
            self.network.cut(other, one)

    def mend(self, one: Sequence[str], other: Sequence[str], *, one_way: bool = False) -> None:
        """End such a partition; what another cuts too stays cut."""
        self.note(f"mended: {', '.join(one)} {'->' if one_way else '<->'} {', '.join(other)}")
        self.network.mend(one, other)
        if not one_way:
            self.network.mend(other, one)

    def heal(self) -> None:
        """End all partitions."""
        self.note("all cuts are healed")
        self.network.heal()

    def note(self, what: str) -> None:
        """Write a line of its own into the transcript."""
        self.transcript.note(self.clock.now_us, what)

    # Time.

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds since the beginning."""
        return self.clock.now_us // 1_000

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do this in the course of the simulation."""
        self.clock.after(delay_ms * 1_000, action)

    def run_for(self, duration_ms: int) -> None:
        """Let time pass."""
        self.clock.run(self.clock.now_us + duration_ms * 1_000)

    def run_until(self, condition: Callable[[], bool], within_ms: int) -> None:
        """Let time pass until the condition holds. Raises TookTooLong if it does not in time."""
        until_us = self.clock.now_us + within_ms * 1_000
        while not condition():
            if not self.clock.step(until_us):
                raise TookTooLong(f"seed {self.seed}: not within {within_ms:,} ms")

    def ask(self, client: SimulatedClient, request: Message, timeout_ms: int) -> Outcome:
        """Submit a request and let time pass until it has its outcome."""
        outcomes: list[Outcome] = []
        client.submit(request, timeout_ms, outcomes.append)
        self.run_until(lambda: bool(outcomes), 60 * timeout_ms)
        return outcomes[0]

    def _reply(self, process: Process, envelope: Envelope) -> None:
        for client in self.clients.values():
            if client.has(envelope.to.actor):
                client.reply(process, envelope)

    def _on_died(self, process: Process) -> None:
        for client in self.clients.values():
            client.on_died(process)
