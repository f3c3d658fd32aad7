"""A simulated machine: its disks, clocks, and while it is up a process that runs the real actors.

Each actor has a mailbox and takes turns, as in `nodes/loop.py`: a turn is given all that has
arrived, takes a while, and what it returns is sent when it is over. A process that dies in between
sends nothing. What inner actors send to other nodes passes through the router's thread, but for
what file servers send to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from actors.actor import (
    CLIENT,
    ENDPOINT,
    EVERYBODY,
    HOST,
    SWITCH,
    Actor,
    Address,
    Envelope,
    Now,
)
from actors.asks import AskSettings
from actors.file_settings import FileSettings
from actors.fileserver import FileServer
from actors.gossip_settings import GossipSettings
from actors.gossiper import Gossiper
from actors.layout import NO_LAYOUT
from actors.membership import Member
from actors.messages import (
    Alarm,
    Bounced,
    Connect,
    Dropped,
    Finished,
    GiveUp,
    LayoutIs,
    MembersChanged,
    Retire,
    Stop,
    Subscribe,
)
from actors.router import Router
from actors.router_settings import RouterSettings
from actors.storage import Storage
from actors.storage_settings import StorageSettings
from nodes.simulated.chunks import SimulatedChunks
from nodes.simulated.clock import Action, Clock
from nodes.simulated.disk import Boot, Crashed, DiskFailed, SimulatedDisk
from nodes.simulated.network import Network
from nodes.simulated.transcript import Transcript

LOCAL_US = 10
"""What a hop between two threads of a node takes."""

TURN_US = 30
SYNC_US = (200, 1_500)
"""What a turn takes, and what a sync of the disk adds to it, at least and at most."""

MAX_MESSAGES = 256
WALL_MS = 1_700_000_000_000
STOPPING = ("fileserver", "gossiper", "router", "storage")
LISTENING = ("router", "fileserver")
"""The actors whose threads hold connections to other nodes."""


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """What may be set of the actors."""

    router: RouterSettings | None = None
    asks: AskSettings | None = None
    storage: StorageSettings | None = None
    gossip: GossipSettings | None = None
    files: FileSettings | None = None


class World:
    """What all nodes of a simulation share. `reply` takes what is for a client."""

    def __init__(
        self,
        clock: Clock,
        network: Network,
        transcript: Transcript,
        settings: ActorSettings,
        reply: Callable[[Process, Envelope], None],
        on_died: Callable[[Process], None],
    ) -> None:
        self.clock = clock
        self.network = network
        self.transcript = transcript
        self.settings = settings
        self.reply = reply
        self.on_died = on_died


class SimulatedNode:
    """One machine. `process` is None while the node is down."""

    def __init__(
        self,
        world: World,
        name: str,
        address: str,
        gossip_address: str,
        files_address: str,
        seed: str,
    ) -> None:
        self._world = world
        self.name = name
        self.address = address
        self.gossip_address = gossip_address
        self.files_address = files_address
        self.join: tuple[str, ...] = ()
        self.disk = SimulatedDisk()
        self.chunks = SimulatedChunks(Random(f"{seed} chunks"))
        self.process: Process | None = None
        self.wall_skew_ms = 0
        self.gave_up = ""
        self.alarms: list[str] = []
        self.dropped: Counter[str] = Counter()
        self.id = ""
        self._rng = Random(seed)
        self._mono_ms = 0

    def start(self) -> None:
        """Begin a life: one more boot, with new random bits, and a monotonic clock of its own."""
        assert self.process is None, f"{self.name} is up already"
        self.gave_up = ""
        self._mono_ms = self._rng.randrange(10**9) - self._world.clock.now_us // 1_000
        self.process = Process(self, self._world, self._rng)
        self._world.network.on_started(self.process)

    def syncs(self) -> int:
        """How often its disks have been synced."""
        return self.disk.syncs + self.chunks.syncs

    def mono_ms(self) -> int:
        """The clock of the timers; it does not go on between two lives."""
        return self._mono_ms + self._world.clock.now_us // 1_000

    def wall_ms(self) -> int:
        """What the node takes for the time of the day."""
        return WALL_MS + self.wall_skew_ms + self._world.clock.now_us // 1_000

    def now(self) -> Now:
        """Both."""
        return Now(self.mono_ms(), self.wall_ms())


class Process:
    """One life of a node: its actors, and the connections that end with it."""

    def __init__(self, node: SimulatedNode, world: World, rng: Random) -> None:
        boot = node.disk.boot(rng)
        node.id = boot.node_id
        world.transcript.name(node.id, node.name)
        self.node = node
        self.rng = rng
        self.alive = True
        self.paused = False
        self.peers: dict[str, str] = {}
        self.heard: tuple[str, ...] = ()
        self.connections: dict[str, tuple[Process, int]] = {}
        self.members = MembersChanged("", (), "it has just started")
        self.layout = NO_LAYOUT
        self._world = world
        self._held: list[Action] = []
        actors = self._actors(boot)
        self.runners = {name: Runner(self, name, actor) for name, actor in actors.items()}
        for runner in self.runners.values():
            runner.schedule()

    def _actors(self, boot: Boot) -> dict[str, Actor]:
        node, rng, settings = self.node, self.rng, self._world.settings
        me = Member(
            boot.node_id,
            node.name,
            node.address,
            node.gossip_address,
            node.files_address,
            boot.count,
            1,
            "alive",
        )
        storage = Storage(
            boot.node_id,
            node.disk,
            boot.count,
            boot.name,
            boot.clock_limit,
            boot.notes,
            Random(rng.getrandbits(64)),
            settings.storage,
        )
        router = Router(
            boot.node_id, boot.name, boot.count, boot.clock_limit, settings.router, settings.asks
        )
        gossip_rng = Random(rng.getrandbits(64))
        gossiper = Gossiper(me, boot.name, node.join, boot.notes, gossip_rng, settings.gossip)
        files_rng = Random(f"{boot.name} files")
        files = FileServer(boot.node_id, node.chunks, boot.count, files_rng, settings.files)
        return {"storage": storage, "router": router, "gossiper": gossiper, "fileserver": files}

    def later(self, delay_us: int, action: Action) -> None:
        """Do this in a while, if the process lives then, and not before it is resumed."""

        def act() -> None:
            if self.paused:
                self._held.append(act)
            elif self.alive:
                action()

        self._world.clock.after(delay_us, act)

    def resume(self) -> None:
        """Go on after a pause, with all that came due meanwhile, in its order."""
        self.paused = False
        held, self._held = self._held, []
        for action in held:
            self._world.clock.after(0, action)

    def die(self, why: str) -> None:
        """End at once. What is not on the disk, or on its way already, is lost."""
        self._world.transcript.note(self._world.clock.now_us, f"{self.node.name} {why}")
        self.alive = False
        self.node.process = None
        self.node.disk.crash()
        self.node.chunks.crash()
        self._world.on_died(self)

    def arrive(self, envelope: Envelope) -> None:
        """It came in from the network."""
        hop_us = 0 if envelope.to.actor in LISTENING else LOCAL_US
        self.later(hop_us, partial(self._deliver, envelope))

    def begin_stop(self) -> None:
        """Let the actors finish, one after the other."""
        self._stop_next(0)

    def take_turn(self, actor: Actor, inbox: Sequence[Envelope]) -> tuple[list[Envelope], int]:
        """One turn, and how long it takes. Whatever ends the process ends it here."""
        now, now_us = self.node.now(), self._world.clock.now_us
        syncs = self.node.syncs()
        delivered = self._world.transcript.delivered
        for envelope in inbox:
            delivered(now_us, envelope)
        try:
            out = actor.turn(inbox, now)
        except Crashed:
            self.die("crashes while it commits")
            return [], 0
        except DiskFailed:
            self.die("ends, for its disk failed")
            return [], 0
        # Asked for once: an actor may have to look through all that it waits for.
        wake_at = actor.wake_at
        assert wake_at is None or wake_at > now.mono_ms, "an actor would spin"
        return out, TURN_US + (self.rng.randint(*SYNC_US) if self.node.syncs() > syncs else 0)

    def dispatch(self, sender: str, out: Sequence[Envelope]) -> None:
        """Send what an actor returned."""
        own = self.node.id
        for envelope in out:
            node, actor = envelope.to
            if not self.alive:
                return
            if node == own and actor in (HOST, SWITCH):
                self._world.transcript.delivered(self._world.clock.now_us, envelope)
                self._on_host(sender, envelope)
            elif node == own:
                self.later(LOCAL_US, partial(self._deliver, envelope))
            elif node == EVERYBODY:
                self._world.network.publish(self, envelope)
            else:
                hop_us = 0 if sender in LISTENING else LOCAL_US
                self.later(hop_us, partial(self._switch, envelope))

    def _switch(self, envelope: Envelope) -> None:
        node = envelope.to.node
        if node == CLIENT:
            self._world.reply(self, envelope)
            return
        known = node.removeprefix(ENDPOINT) if node.startswith(ENDPOINT) else self.peers.get(node)
        if known is None or not self._world.network.send(self, known, envelope):
            bounced = Bounced(envelope.to, envelope.message)
            sender = envelope.sender
            notice = Envelope(sender, sender, bounced, envelope.id, envelope.trace)
            self.later(LOCAL_US, partial(self._deliver, notice))

    def _deliver(self, envelope: Envelope) -> None:
        runner = self.runners.get(envelope.to.actor)
        if runner is not None:
            runner.put(envelope)

    def _on_host(self, sender: str, envelope: Envelope) -> None:
        match envelope.message:
            case Connect(peers):
                self.peers = dict(peers)
                for address in self.peers.values():
                    self._world.network.connect(self, address)
            case Subscribe(addresses):
                self.heard = addresses
            case MembersChanged() as changed:
                self.members = changed
            case LayoutIs(layout):
                self.layout = layout
            case Dropped(reason, count):
                self.node.dropped[reason] += count
            case Retire():
                self.begin_stop()
            case Alarm(reason):
                self.node.alarms.append(reason)
            case GiveUp(code, reason):
                self.node.gave_up = code
                self.die(f"gives up: {reason}")
            case Finished():
                del self.runners[sender]
                self._stop_next(STOPPING.index(sender) + 1)

    def _stop_next(self, step: int) -> None:
        if step == len(STOPPING):
            self.die("has stopped")
            return
        own = Address(self.node.id, HOST)
        to = Address(self.node.id, STOPPING[step])
        self.later(LOCAL_US, partial(self._deliver, Envelope(to, own, Stop())))


class Runner:
    """An actor's mailbox and its turns."""

    def __init__(self, process: Process, name: str, actor: Actor) -> None:
        self._process = process
        self._name = name
        self.actor = actor
        self._mailbox: list[Envelope] = []
        self._scheduled = False
        self._alarm_ms: int | None = None

    def put(self, envelope: Envelope) -> None:
        """It has arrived."""
        self._mailbox.append(envelope)
        self.schedule()

    def schedule(self) -> None:
        """Take a turn soon, unless one is to be taken anyway."""
        if not self._scheduled:
            self._scheduled = True
            self._process.later(0, self._turn)

    def _turn(self) -> None:
        inbox, self._mailbox = self._mailbox, []
        if len(inbox) > MAX_MESSAGES:
            inbox, self._mailbox = inbox[:MAX_MESSAGES], inbox[MAX_MESSAGES:]
        out, took_us = self._process.take_turn(self.actor, inbox)
        if self._process.alive:
            self._process.later(took_us, partial(self._end_turn, out))

    def _end_turn(self, out: Sequence[Envelope]) -> None:
        self._scheduled = False
        self._process.dispatch(self._name, out)
        if not self._process.alive:
            return
        if self._mailbox:
            self.schedule()
            return
        wake_at = self.actor.wake_at
        if wake_at is not None and wake_at != self._alarm_ms:
            self._alarm_ms = wake_at
            wait_ms = wake_at - self._process.node.mono_ms()
            self._process.later(wait_ms * 1_000, partial(self._wake, wake_at))

    def _wake(self, at_ms: int) -> None:
        if at_ms == self._alarm_ms:
            self._alarm_ms = None
            self.schedule()
