"""The network between simulated nodes: it delays, loses, duplicates, reorders and is partitioned.

It is worse than TCP: every message takes its own time, and arrives at whoever listens at the
address by then, be it a later life of that node or another node. A node hands back what it could
not send because nobody listens, the connection is still being made, or the partition has lasted so
long that heartbeats have ended the connection. What is handed back never arrives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from random import Random
from typing import TYPE_CHECKING

from actors.actor import ENDPOINT, Address, Envelope
from actors.messages import ChunkGot, ChunkTaken, KeepChunk, Message, PutChunk
from nodes.simulated.clock import Clock
from nodes.simulated.transcript import Transcript

if TYPE_CHECKING:
    from nodes.simulated.node import Process, SimulatedNode

HEARTBEAT_TIMEOUT_US = 3_000_000

BYTES_PER_US = 100
"""How fast a chunk goes over the network. Other messages are small, and take no time of their own.
"""

Tap = Callable[["Process", str, Envelope], bool]
"""Is shown what a node sends to an address, before it leaves. Where it says True it has taken the
envelope, and may `deliver` it later, or never."""


@dataclass(slots=True)
class Weather:
    """What the network is like at present; it may be changed at any time. Rates are 0 to 1. It may
    be aimed at a type of message, half of which are then lost, and half of the rest straggle."""

    aimed_at: type[Message] | None = None
    loss: float = 0.0
    gossip_loss: float = 0.0
    duplication: float = 0.0
    client_duplication: float = 0.0
    min_delay_us: int = 100
    max_delay_us: int = 400
    straggling: float = 0.0
    straggler_us: int = 1_000_000
    connect_us: int = 20_000


class Network:
    """All connections between nodes. Names are those of nodes."""

    def __init__(self, clock: Clock, rng: Random, transcript: Transcript, weather: Weather) -> None:
        self._clock = clock
        self._rng = rng
        self._transcript = transcript
        self.weather = weather
        self._listeners: dict[str, SimulatedNode] = {}
        self._nodes: list[SimulatedNode] = []
        self._cut_since_us: dict[tuple[str, str], int] = {}
        self._cuts: Counter[tuple[str, str]] = Counter()
        self.tap: Tap | None = None

    def add(self, node: SimulatedNode, addresses: Iterable[str]) -> None:
        """Let what is sent to these addresses go to this node."""
        self._nodes.append(node)
        self._listeners.update((address, node) for address in addresses)

    def cut(self, senders: Iterable[str], receivers: Iterable[str]) -> None:
        """Lose whatever these send to those, from now on; the way back is another."""
        for way in product(senders, receivers):
            self._cuts[way] += 1
            self._cut_since_us.setdefault(way, self._clock.now_us)

    def mend(self, senders: Iterable[str], receivers: Iterable[str]) -> None:
        """End such a cut. What was cut twice stays cut until both are mended."""
        for way in product(senders, receivers):
            self._cuts[way] -= 1
            if self._cuts[way] <= 0:
                del self._cuts[way]
                self._cut_since_us.pop(way, None)

    def heal(self) -> None:
        """No way is cut any more."""
        self._cuts.clear()
        self._cut_since_us.clear()

    def listening(self, address: str) -> Process | None:
        """The process that listens there now."""
        node = self._listeners.get(address)
        return node.process if node is not None else None

    def connect(self, sender: Process, address: str) -> None:
        """Begin to make a connection, unless there is one to whoever listens there now."""
        receiver = self.listening(address)
        if receiver is not None and sender.connections.get(address, (None, 0))[0] is not receiver:
            up_at_us = self._clock.now_us + self._rng.randint(0, self.weather.connect_us)
            sender.connections[address] = (receiver, up_at_us)

    def on_started(self, process: Process) -> None:
        """Who had a connection to this node begins to make one anew."""
        for node in self._nodes:
            if node.process is not None:
                for address in list(node.process.connections):
                    self.connect(node.process, address)

    def send(self, sender: Process, address: str, envelope: Envelope) -> bool:
        """False if it provably was not sent, and is to be handed back."""
        self.connect(sender, address)
        receiver, up_at_us = sender.connections.get(address, (None, 0))
        if receiver is None or receiver is not self.listening(address):
            return False
        if self._clock.now_us < up_at_us:
            return False
        if self.tap is not None and self.tap(sender, address, envelope):
            return True
        cut_since_us = self._cut_since_us.get((sender.node.name, receiver.node.name))
        if cut_since_us is not None:
            if self._clock.now_us - cut_since_us > HEARTBEAT_TIMEOUT_US:
                return False
            self._lose(envelope, "cut off")
        else:
            aimed = type(envelope.message) is self.weather.aimed_at
            loss = 0.5 if aimed else self.weather.loss
            straggling = 0.5 if aimed else self.weather.straggling
            for _ in range(self._copies(loss, self.weather.duplication, envelope)):
                delay_us = self._delay_us(straggling) + transfer_us(envelope.message)
                self._clock.after(delay_us, partial(self._arrive, address, envelope))
        return True

    def deliver(self, address: str, envelope: Envelope) -> None:
        """Let what the tap has taken arrive after all."""
        self._arrive(address, envelope)

    def publish(self, sender: Process, envelope: Envelope) -> None:
        """Gossip, to those who listen to it."""
        weather = self.weather
        for node in self._nodes:
            receiver = node.process
            if (
                receiver is None
                or receiver is sender
                or sender.node.gossip_address not in receiver.heard
                or (sender.node.name, node.name) in self._cut_since_us
            ):
                continue
            addressed = replace(envelope, to=Address(receiver.node.id, envelope.to.actor))
            for _ in range(self._copies(weather.gossip_loss, weather.duplication, addressed)):
                delay_us = self._delay_us(weather.straggling)
                self._clock.after(delay_us, partial(receiver.arrive, addressed))

    def _arrive(self, address: str, envelope: Envelope) -> None:
        process = self.listening(address)
        if process is None:
            self._lose(envelope, "nobody there")
            return
        if envelope.to.node.startswith(ENDPOINT):
            envelope = replace(envelope, to=Address(process.node.id, envelope.to.actor))
        elif envelope.to.node != process.node.id:
            process.node.dropped["for another node"] += 1
            self._lose(envelope, f"for another node than {process.node.name}")
            return
        process.arrive(envelope)

    def _copies(self, loss: float, duplication: float, envelope: Envelope) -> int:
        if self._rng.random() < loss:
            self._lose(envelope, "lost")
            return 0
        return 2 if self._rng.random() < duplication else 1

    def _delay_us(self, straggling: float) -> int:
        weather = self.weather
        delay_us = self._rng.randint(weather.min_delay_us, weather.max_delay_us)
        if self._rng.random() < straggling:
            delay_us += self._rng.randint(0, weather.straggler_us)
        return delay_us

    def _lose(self, envelope: Envelope, why: str) -> None:
        self._transcript.lost(self._clock.now_us, envelope, why)


def transfer_us(message: Message) -> int:
    """How much longer a message takes for its size."""
    match message:
        case PutChunk(_, data) | ChunkGot(data) | KeepChunk(_, data) | ChunkTaken(_, data):
            return len(data) // BYTES_PER_US
    return 0
