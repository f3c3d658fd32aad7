"""A simulated machine that runs a gossiper and nothing else, from a start to an end and again.

What arrives is handled in turns, as in `nodes/loop.py`; a process that has ended does nothing, nor
does one that is paused. What the gossiper wants to be remembered is on the disk at once, and so is
every layout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from actors.actor import CLIENT, EVERYBODY, HOST, Address, Envelope, Now, reply
from actors.gossiper import Gossiper
from actors.membership import Member
from actors.messages import (
    Bounced,
    Dropped,
    Finished,
    GiveUp,
    LayoutIs,
    MembersChanged,
    Message,
    Remember,
    Remembered,
    Retire,
    Stop,
    Strike,
    Struck,
    Subscribe,
)
from nodes.simulated.network import HEARTBEAT_TIMEOUT_US
from nodes.simulated.node import MAX_MESSAGES, WALL_MS

if TYPE_CHECKING:
    from nodes.simulated.gossipers import GossipNetwork

START_US = 5_000
"""All nodes start within this time."""

TURN_US = 200
"""How long after the first of what has arrived a turn is over. What arrives meanwhile is in it."""

Answered = Callable[[Message], None]


@dataclass(slots=True)
class Traffic:
    """What a node has sent and received, as `nodes.wire` encodes it; a publication counts once for
    each node that it is sent to. ZeroMQ's own framing and heartbeats are not in it."""

    sent_bytes: int = 0
    sent_messages: int = 0
    received_bytes: int = 0
    received_messages: int = 0


class Machine:
    """A node's machine: its record, its notes on the disk, and while it is up a gossiper."""

    def __init__(self, network: GossipNetwork, member: Member, notes: dict[str, bytes]) -> None:
        self.network = network
        self.member = member
        self.notes = notes
        self.traffic = Traffic()
        self.dropped: Counter[str] = Counter()
        self.life: Life | None = None
        self._rng = Random(f"{network.seed} {member.name}")
        self._was_up = False
        self._down_since_us = 0
        self._silently = False

    def start(self) -> None:
        """Begin a life: the first one that all know of, or one more boot."""
        assert self.life is None, f"{self.member.name} is up already"
        if self._was_up:
            self.member = replace(self.member, boot=self.member.boot + 1)
        self._was_up = True
        self.life = Life(self, Random(self._rng.getrandbits(64)))

    def crash(self) -> None:
        """The process ends: its connections are closed, and who sends to it is told so."""
        self.end(silently=False)

    def power_off(self) -> None:
        """Nothing is heard of the machine any more; only missing heartbeats end its connections."""
        self.end(silently=True)

    def stop(self) -> None:
        """Ask the gossiper to say good-bye and end."""
        own = Address(self.member.id, HOST)
        self.running().put(Envelope(Address(self.member.id, "gossiper"), own, Stop()))

    def ask(self, request: Message, then: Answered) -> None:
        """As a client of this node; `then` is given the answer."""
        self.running().ask(request, then)

    def listed(self, member_id: str) -> Member | None:
        """What this node, which is up, has told its host of a member."""
        members = self.running().members.members
        return next((member for member in members if member.id == member_id), None)

    def running(self) -> Life:
        """The life of a machine that is up."""
        assert self.life is not None, f"{self.member.name} is down"
        return self.life

    def end(self, *, silently: bool) -> None:
        """The life is over."""
        self.running().end()
        self.life = None
        self._down_since_us = self.network.clock.now_us
        self._silently = silently

    def is_known_down(self, now_us: int) -> bool:
        """Would a connection to it have ended by now?"""
        patience_us = HEARTBEAT_TIMEOUT_US if self._silently else 0
        return self.life is None and now_us - self._down_since_us >= patience_us

    def arrive(self, envelope: Envelope, size_bytes: int) -> None:
        """It came in from the network."""
        if self.life is not None:
            self.traffic.received_bytes += size_bytes
            self.traffic.received_messages += 1
            self.life.put(envelope)


class Life:
    """From a start to an end: a gossiper, its mailbox and its alarm."""

    def __init__(self, machine: Machine, rng: Random) -> None:
        member = machine.member
        boot = f"{member.boot}.{rng.getrandbits(32):08x}"
        self.machine = machine
        self.members = MembersChanged("", (), "it has just started")
        self.paused = False
        self._network = machine.network
        self._clock = machine.network.clock
        # Monotonic time is each node's own, and does not go on between two lives.
        self._mono_us = rng.randrange(10**12)
        self._gossiper = Gossiper(
            member, boot, (), dict(machine.notes), rng, machine.network.settings
        )
        self._ended = False
        self._heard: tuple[str, ...] = ()
        self._mailbox: list[Envelope] = []
        self._scheduled = False
        self._alarm_ms: int | None = None
        self._asked: dict[int, Answered] = {}
        self._number = 0
        self._hear_layout()
        self._schedule(self._network.random_us(START_US))

    def put(self, envelope: Envelope) -> None:
        """It has arrived."""
        self._mailbox.append(envelope)
        self._schedule(TURN_US)

    def hear_layout(self) -> None:
        """Another layout is on the disk."""
        self._hear_layout()
        self._schedule(TURN_US)

    def _hear_layout(self) -> None:
        here = self.machine.member.id
        layout_is = LayoutIs(self._network.shared.layout)
        envelope = Envelope(Address(here, "gossiper"), Address(here, "storage"), layout_is)
        self._mailbox.append(envelope)

    def ask(self, request: Message, then: Answered) -> None:
        """As a client; `then` is given the answer, if there is one in this life."""
        self._number += 1
        self._asked[self._number] = then
        to = Address(self.machine.member.id, "gossiper")
        self.put(Envelope(to, Address(CLIENT, "00000001"), request, self._number))

    def pause(self) -> None:
        """SIGSTOP: the node does nothing, and what is sent to it waits."""
        self.paused = True

    def resume(self) -> None:
        """SIGCONT."""
        self.paused = False
        self._schedule(0)

    def end(self) -> None:
        """Nothing of it happens any more."""
        self._ended = True
        self._network.unsubscribe(self.machine, self._heard)

    def _now(self) -> Now:
        us = self._clock.now_us
        return Now((self._mono_us + us) // 1_000, WALL_MS + us // 1_000)

    def _schedule(self, delay_us: int) -> None:
        """Take a turn soon, unless one is to be taken anyway."""
        if not self._scheduled:
            self._scheduled = True
            self._clock.after(delay_us, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._ended or self.paused:
            return
        inbox, self._mailbox = self._mailbox[:MAX_MESSAGES], self._mailbox[MAX_MESSAGES:]
        now = self._now()
        for envelope in self._gossiper.turn(inbox, now):
            self._dispatch(envelope)
            if self._ended:
                return
        if self._mailbox:
            self._schedule(TURN_US)
        self._set_alarm(now)

    def _set_alarm(self, now: Now) -> None:
        """An alarm that has become too early is kept: it sets the next one when it rings."""
        wake_at = self._gossiper.wake_at
        if wake_at is None or (self._alarm_ms is not None and self._alarm_ms <= wake_at):
            return
        assert wake_at > now.mono_ms, "the gossiper would spin"
        self._alarm_ms = wake_at
        wait_us = wake_at * 1_000 - self._mono_us - self._clock.now_us
        self._clock.after(wait_us, partial(self._ring, wake_at))

    def _ring(self, at_ms: int) -> None:
        if at_ms != self._alarm_ms or self._ended:
            return
        self._alarm_ms = None
        wake_at, now = self._gossiper.wake_at, self._now()
        if wake_at is not None and wake_at <= now.mono_ms:
            self._schedule(0)
        else:
            self._set_alarm(now)

    def _dispatch(self, envelope: Envelope) -> None:
        node, actor = envelope.to
        if node == EVERYBODY:
            self._network.publish(self.machine, envelope)
        elif node == CLIENT:
            self._asked.pop(envelope.id)(envelope.message)
        elif node != self.machine.member.id:
            if not self._network.send(self.machine, envelope):
                bounced = Bounced(envelope.to, envelope.message)
                self.put(Envelope(envelope.sender, envelope.sender, bounced, envelope.id))
        elif actor == "gossiper":
            self.put(envelope)
        else:
            self._on_own(envelope)

    def _on_own(self, envelope: Envelope) -> None:
        """For another actor of this node, or its host. What is not here does nothing."""
        machine = self.machine
        match envelope.message:
            case Remember(notes):
                machine.notes.update(notes)
                self._network.remembered.update(name for name, _ in notes)
                self.put(reply(envelope, Remembered("ok")))
            case Subscribe(addresses):
                self._subscribe(addresses)
            case MembersChanged(_, members) if envelope.to.actor == "storage":
                self._network.tell_layout(is_new=self._network.shared.wish(members))
            case Strike(member_id):
                self._network.tell_layout(is_new=self._network.shared.strike(member_id))
                self.put(reply(envelope, Struck("ok", "")))
            case MembersChanged() as changed if envelope.to.actor == HOST:
                self.members = changed
                if self._network.on_members is not None:
                    self._network.on_members(machine)
            case Dropped(reason, count):
                machine.dropped[reason] += count
            case Finished() | Retire() | GiveUp():
                machine.end(silently=False)

    def _subscribe(self, addresses: tuple[str, ...]) -> None:
        before, self._heard = self._heard, addresses
        kept = set(addresses)
        self._network.unsubscribe(self.machine, [a for a in before if a not in kept])
        heard = set(before)
        for address in addresses:
            if address not in heard:
                connected_us = self._network.random_us(self._network.weather.connect_us + 1)
                self._clock.after(START_US + connected_us, partial(self._connected, address))

    def _connected(self, address: str) -> None:
        if not self._ended and address in self._heard:
            self._network.subscribe(self.machine, (address,))
