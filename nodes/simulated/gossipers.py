"""A thousand gossipers in one thread: virtual time, a lossy network, and a count of every byte.

    network = GossipNetwork(1_000, seed=7, weather=Weather(loss=0.05, gossip_loss=0.05))
    network.run_for(10_000)
    print(network.machines[0].traffic)

Nothing but the gossipers is simulated, so that a large network passes in seconds: storage keeps at
once what is to be remembered, all storages agree at once on the layout, and connections between
nodes are always there. Of the weather the losses, the delays and the time that a subscription takes
are heeded. Everything follows from the seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from random import Random
from unittest.mock import patch

from actors import gossiper
from actors.actor import ENDPOINT, Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.membership import Member, members_from_bytes, members_to_bytes
from actors.messages import Message
from nodes.simulated.clock import Clock
from nodes.simulated.gossip_machine import Machine
from nodes.simulated.network import Weather
from nodes.simulated.shared_layout import SharedLayout
from nodes.wire import encode_all

NETWORK = b"0123456789abcdef"


class TookTooLong(AssertionError):
    """What was waited for did not happen in its (virtual) time."""


class GossipNetwork:
    """`size` nodes that all know each other from before, and start now."""

    def __init__(
        self,
        size: int,
        seed: int,
        weather: Weather | None = None,
        settings: GossipSettings | None = None,
    ) -> None:
        self.seed = seed
        self.rng = Random(f"{seed} faults")
        self.weather = weather or Weather()
        self.settings = settings or GossipSettings()
        self.clock = Clock()
        self.remembered: Counter[str] = Counter()
        """How often each note was remembered, by all nodes together."""
        self.copies_of: Counter[type[Message]] = Counter()
        self.bytes_of: Counter[type[Message]] = Counter()
        """What was sent of each type, by all nodes together."""
        self.on_members: Callable[[Machine], None] | None = None
        """Called when a node's `members` were changed."""
        self._rng = Random(f"{seed} network")
        self._hearers: dict[str, dict[Machine, None]] = {}
        records = [_record(number, self._rng) for number in range(size)]
        notes = {"network": NETWORK, "members": members_to_bytes(records)}
        self.shared = SharedLayout(record.id for record in records)
        self.machines = [Machine(self, record, dict(notes)) for record in records]
        self._by_id = {machine.member.id: machine for machine in self.machines}
        self._by_address = {machine.member.address: machine for machine in self.machines}
        with _reading_once():
            for machine in self.machines:
                machine.start()

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds since the beginning."""
        return self.clock.now_us // 1_000

    def run_for(self, duration_ms: int) -> None:
        """Let time pass."""
        self.clock.run(self.clock.now_us + duration_ms * 1_000)

    def run_until(self, condition: Callable[[], bool], within_ms: int) -> float:
        """Let time pass until the condition holds; how long it took, in milliseconds. Raises
        TookTooLong if it does not hold in time."""
        began_us = self.clock.now_us
        until_us = began_us + within_ms * 1_000
        while not condition():
            if not self.clock.step(until_us):
                raise TookTooLong(f"seed {self.seed}: not within {within_ms:,} ms")
        return (self.clock.now_us - began_us) / 1_000

    def tell_layout(self, *, is_new: bool) -> None:
        """All that are up have the layout on their disks; nothing happens if it is not new."""
        for machine in self.machines if is_new else ():
            if machine.life is not None:
                machine.life.hear_layout()

    def random_us(self, most_us: int) -> int:
        """What is left to chance in the network."""
        return self._rng.randrange(most_us)

    def subscribe(self, hearer: Machine, addresses: Iterable[str]) -> None:
        """From now on these addresses are heard there too."""
        for address in addresses:
            self._hearers.setdefault(address, {})[hearer] = None

    def unsubscribe(self, hearer: Machine, addresses: Iterable[str]) -> None:
        """From now on they are not."""
        for address in addresses:
            self._hearers.get(address, {}).pop(hearer, None)

    def publish(self, sender: Machine, envelope: Envelope) -> None:
        """Gossip, to those who have subscribed to the sender."""
        hearers = self._hearers.get(sender.member.gossip_address)
        if not hearers:
            return
        size_bytes = self._encoded_bytes(sender, envelope, len(hearers))
        actor = envelope.to.actor
        for hearer in hearers:
            if self._rng.random() >= self.weather.gossip_loss:
                to = Address(hearer.member.id, actor)
                addressed = Envelope(to, envelope.sender, envelope.message, 0, envelope.trace)
                self._deliver(hearer, addressed, size_bytes)

    def send(self, sender: Machine, envelope: Envelope) -> bool:
        """False if it provably was not sent, and is to be handed back."""
        node, actor = envelope.to
        if node.startswith(ENDPOINT):
            receiver = self._by_address.get(node.removeprefix(ENDPOINT))
        else:
            receiver = self._by_id.get(node)
        if receiver is None or receiver.is_known_down(self.clock.now_us):
            return False
        size_bytes = self._encoded_bytes(sender, envelope, 1)
        if self._rng.random() >= self.weather.loss:
            if node.startswith(ENDPOINT):
                envelope = replace(envelope, to=Address(receiver.member.id, actor))
            self._deliver(receiver, envelope, size_bytes)
        return True

    def _deliver(self, receiver: Machine, envelope: Envelope, size_bytes: int) -> None:
        delay_us = self._rng.randint(self.weather.min_delay_us, self.weather.max_delay_us)
        self.clock.after(delay_us, partial(receiver.arrive, envelope, size_bytes))

    def _encoded_bytes(self, sender: Machine, envelope: Envelope, copies: int) -> int:
        """What one copy takes; all of them are counted as sent."""
        size_bytes = sum(
            len(frame) for _, frames in encode_all([envelope], sender.member.id) for frame in frames
        )
        sender.traffic.sent_bytes += copies * size_bytes
        sender.traffic.sent_messages += copies
        self.copies_of[type(envelope.message)] += copies
        self.bytes_of[type(envelope.message)] += copies * size_bytes
        return size_bytes


@contextmanager
def _reading_once() -> Iterator[None]:
    """Members are values: nodes that begin with the same list share the records that they read in
    it. Each would read records of its own to the same effect, in seconds and gigabytes."""
    read = lru_cache(maxsize=1)(members_from_bytes)
    with patch.object(gossiper, "members_from_bytes", read):
        yield


def _record(number: int, rng: Random) -> Member:
    """Of a node that has been up before: what the others know of it."""
    host = f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}"
    identity = f"{rng.getrandbits(64):016x}"
    name = f"node{number + 1:04}"
    return Member(identity, name, f"{host}:7100", f"{host}:7101", f"{host}:7102", 1, 1, "alive")
