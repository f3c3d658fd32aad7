"""How gossip scales, measured in simulated networks of 10 to 1,000 nodes that lose messages.

The gossipers are the real ones; time is virtual, so the figures follow from the seed and are the
same on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from actors.gossip_settings import GossipSettings
from actors.membership import State
from actors.messages import Message, Share, Shared
from nodes.simulated.gossip_machine import Machine
from nodes.simulated.gossipers import GossipNetwork
from nodes.simulated.network import Weather

SIZES = (10, 30, 100, 300, 1_000)
LOSS = 0.05
ROUND_MS = GossipSettings().gossip_ms

SETTLE_MS = 3_000
IDLE_MS = 10_000
BUSY_MS = 2_000
PATIENCE_MS = 120_000

OTHER_PAUSE_MS = 150
OTHER_KEYS = 10
"""In a busy network somebody shares a value every so often, under one of so many keys: often enough
for every node to have published within the last round."""

SPREADS = 5
"""So many values a network are followed to the last node."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One network. A node sent so much when nothing happened, where nothing was lost and where
    messages were. `rounds` are those that a value took among others' to the last node, one figure a
    value; `lone_ms` is the same in milliseconds where nobody else shares anything. A machine
    without power was suspected, and then dead, for every other node after so many seconds."""

    size: int
    idle_bytes_per_s: float
    lossy_bytes_per_s: float
    lone_ms: tuple[float, ...]
    rounds: tuple[float, ...]
    suspected_s: float
    dead_s: float


def run(sizes: Sequence[int], seeds: Sequence[int], say: Say) -> list[Measured]:
    """A network of each size with each seed; `say` is told what is being done."""
    measured = []
    for size in sizes:
        for number, seed in enumerate(seeds, start=1):
            say(f"a network of {size:,} nodes, {number} of {len(seeds)}")
            measured.append(measure(size, seed))
    return measured


def measure(size: int, seed: int) -> Measured:
    """All of it in one network, which is disturbed more and more."""
    network = settled(size, seed, loss=0)
    idle = idle_bytes_per_s(network)
    begin_to_lose(network)
    lossy = idle_bytes_per_s(network)
    lone = tuple([spread_ms(network, f"lone{number}") for number in range(SPREADS)])
    with busy(network):
        rounds = [spread_ms(network, f"among{number}") / ROUND_MS for number in range(SPREADS)]
    network.run_for(BUSY_MS)
    suspected_ms, dead_ms = detection_ms(network)
    return Measured(size, idle, lossy, lone, tuple(rounds), suspected_ms / 1_000, dead_ms / 1_000)


def settled(size: int, seed: int, loss: float = LOSS) -> GossipNetwork:
    """A network in which the stir of the start is over."""
    network = GossipNetwork(size, seed, Weather(loss=loss, gossip_loss=loss))
    network.run_for(SETTLE_MS)
    return network


def begin_to_lose(network: GossipNetwork, loss: float = LOSS) -> None:
    """From now on messages are lost; what that brings about at first is over."""
    network.weather.loss = network.weather.gossip_loss = loss
    network.run_for(SETTLE_MS)


def idle_bytes_per_s(network: GossipNetwork, duration_ms: int = IDLE_MS) -> float:
    """What a node sends when nothing happens, the mean of all nodes."""
    before = sum(machine.traffic.sent_bytes for machine in network.machines)
    network.run_for(duration_ms)
    after = sum(machine.traffic.sent_bytes for machine in network.machines)
    return (after - before) / len(network.machines) / (duration_ms / 1_000)


def spread_ms(network: GossipNetwork, key: str) -> float:
    """How long a value that a node shares, under a key not used before, takes to be on the disk of
    every node. The network must be one of which no machine was ever down."""
    # Nobody still has to wait because of an earlier value.
    network.run_for(ROUND_MS + network.rng.randrange(ROUND_MS))
    _share(network, key)
    size = len(network.machines)
    return network.run_until(lambda: network.remembered[f"shared:{key}"] >= size, PATIENCE_MS)


@contextmanager
def busy(network: GossipNetwork) -> Iterator[None]:
    """Meanwhile nodes share values all the time."""
    wanted = True

    def another() -> None:
        if wanted:
            _share(network, f"other{network.rng.randrange(OTHER_KEYS)}")
            network.clock.after(OTHER_PAUSE_MS * 1_000, another)

    another()
    network.run_for(BUSY_MS)
    yield
    wanted = False


def goodbye_ms(network: GossipNetwork) -> float:
    """How long it takes until every other node shows a node as stopped that said so."""
    leaving = network.rng.choice(network.machines)
    with Shown(network, leaving) as shown:
        leaving.stop()
        return network.run_until(lambda: shown.everywhere("stopped"), PATIENCE_MS)


def detection_ms(network: GossipNetwork) -> tuple[float, float]:
    """How long it takes until every other node shows a machine without power as suspect, or worse,
    and as dead."""
    victim = network.rng.choice(network.machines)
    with Shown(network, victim) as shown:
        victim.power_off()
        suspected_ms = network.run_until(lambda: shown.everywhere("suspect", "dead"), PATIENCE_MS)
        dead_ms = network.run_until(lambda: shown.everywhere("dead"), PATIENCE_MS)
    return suspected_ms, suspected_ms + dead_ms


class Shown:
    """As what the other nodes that are up list one member."""

    def __init__(self, network: GossipNetwork, of: Machine) -> None:
        self._network = network
        self._of = of
        others = [m for m in network.machines if m is not of and m.life is not None]
        self._states = {m.member.id: self._state(m) for m in others}
        self._count = Counter(self._states.values())

    def __enter__(self) -> Shown:
        self._network.on_members = self._look
        return self

    def __exit__(self, *_: object) -> None:
        self._network.on_members = None

    def everywhere(self, *states: State) -> bool:
        """Do all others show one of these?"""
        return sum(self._count[state] for state in states) == len(self._states)

    def _look(self, machine: Machine) -> None:
        if machine is not self._of:
            by, state = machine.member.id, self._state(machine)
            self._count[self._states[by]] -= 1
            self._count[state] += 1
            self._states[by] = state

    def _state(self, machine: Machine) -> State | None:
        member = machine.listed(self._of.member.id)
        return member.state if member else None


def _share(network: GossipNetwork, key: str) -> None:
    """At a node that is up."""
    up = [machine for machine in network.machines if machine.life is not None]
    value = f"{network.rng.getrandbits(64):016x}".encode()
    network.rng.choice(up).ask(Share(key, "bytes", value, PATIENCE_MS), _expect_shared)


def _expect_shared(answer: Message) -> None:
    assert isinstance(answer, Shared), answer
