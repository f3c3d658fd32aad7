"""What anybody can make nodes believe of a member, that member refutes: within two seconds all
nodes show it as it is, whatever was forged, and in whosever name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.membership import (
    MAX_COUNT_STEP,
    MAX_FIRST_COUNT,
    MAX_HEEDED_COUNT,
    MAX_VOUCHED_COUNT,
    Member,
)
from actors.messages import (
    Exchange,
    KeysChanged,
    ListMembers,
    ListShared,
    MembersListed,
    Message,
    Ping,
    Rumour,
    Share,
    Shared,
    SharedListed,
    Tell,
    WatchKeys,
)
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome
from nodes.simulated.node import ActorSettings
from tests.seeds import first_of

NAMES = ("node1", "node2", "node3", "node4", "node5")
VICTIM, LIAR = "node3", "node1"
STRANGER = "f" * 16
REFUTED_MS = 2_000
MAX_INT = 2**63 - 1

Lie = Callable[[Member], Member]


class Forger:
    """Five nodes that have been one network for a while, and somebody who can send them anything,
    in any name."""

    def __init__(self, seed: int = 1, settings: GossipSettings | None = None) -> None:
        actors = ActorSettings(gossip=settings)
        self.simulation = simulation = Simulation(seed, settings=actors)
        simulation.begin(*NAMES)
        self.clients = {name: simulation.add_client(f"at {name}", name) for name in NAMES}
        simulation.run_for(3_000)
        self.network = self.listed(LIAR).network
        self._seq = 0

    def ask(self, name: str, request: Message) -> Outcome:
        """What a client of this node is answered."""
        return self.simulation.ask(self.clients[name], request, 1_000)

    def listed(self, name: str) -> MembersListed:
        """What a node shows its clients."""
        listed = self.ask(name, ListMembers())
        assert isinstance(listed, MembersListed)
        return listed

    def member(self, of: str, at: str = "") -> Member:
        """A member as a node knows it; as it knows itself if nothing else is said."""
        [member] = [m for m in self.listed(at or of).members if m.id == self.id_of(of)]
        return member

    def id_of(self, name: str) -> str:
        """A node's id."""
        return self.simulation.nodes[name].id

    def send(self, message: Message, sender: str, *to: str) -> None:
        """As if it came from the wire."""
        for name in to:
            here = Address(self.id_of(name), "gossiper")
            envelope = Envelope(here, Address(sender, "gossiper"), message, 1)
            self.simulation.process(name).arrive(envelope)

    def rumour(self, origin: str, *news: Member, boot: str = "forged", seq: int = 0) -> Rumour:
        """Published in somebody's name."""
        self._seq += 1
        return Rumour(self.network, origin, boot, seq or self._seq, 8, news, (), (), False, 0)

    def wrong(self) -> str:
        """Of whom a node shows something that is not so; or empty."""
        nodes = self.simulation.nodes
        true = {nodes[n].id: (n, nodes[n].address, nodes[n].gossip_address) for n in NAMES}
        for at in NAMES:
            shown = [m for m in self.listed(at).members if m.id in true]
            if len(shown) != len(true):
                return f"{at} shows no more than {shown}"
            for m in shown:
                if m.state != "alive" or (m.name, m.address, m.gossip_address) != true[m.id]:
                    return f"{at} shows {m}"
        return ""

    def check_refuted(self) -> None:
        """Within two seconds, and for good."""
        self.simulation.run_for(REFUTED_MS)
        assert self.wrong() == ""
        self.simulation.run_for(3_000)
        assert self.wrong() == ""


def counted(*, boots: int = 0, incarnations: int = 0) -> Lie:
    """It is dead, so many boots or incarnations from now."""
    return lambda true: replace(
        true,
        state="dead",
        boot=true.boot + boots,
        incarnation=true.incarnation + incarnations,
    )


def beyond(*, boot: int = 0, incarnation: int = 0) -> Lie:
    """It is dead, at this boot or incarnation."""
    return lambda true: replace(
        true, state="dead", boot=boot or true.boot, incarnation=incarnation or true.incarnation
    )


def elsewhere(**changes: str) -> Lie:
    """It has moved since."""
    return lambda true: replace(true, incarnation=true.incarnation + 1, **changes)  # type: ignore[arg-type]


LIES: dict[str, Lie] = {
    "suspect": lambda true: replace(true, state="suspect"),
    "dead": counted(),
    "stopped": lambda true: replace(true, state="stopped"),
    "leaving": lambda true: replace(true, state="leaving"),
    "dead later": counted(incarnations=1),
    "dead in its next boot": counted(boots=1),
    "a step of incarnations": counted(incarnations=MAX_COUNT_STEP),
    "a step of boots": counted(boots=MAX_COUNT_STEP),
    "beyond a step": counted(incarnations=MAX_COUNT_STEP + 1),
    "beyond a first count": beyond(incarnation=MAX_FIRST_COUNT + 1),
    "the highest incarnation that is heeded": beyond(incarnation=MAX_HEEDED_COUNT),
    "the highest boot that is heeded": beyond(boot=MAX_HEEDED_COUNT),
    "beyond what is heeded": beyond(incarnation=MAX_HEEDED_COUNT + 1),
    "the highest incarnation of all": beyond(incarnation=MAX_VOUCHED_COUNT),
    "the highest boot of all": beyond(boot=MAX_VOUCHED_COUNT),
    "the highest number": beyond(incarnation=MAX_INT),
    "another address": elsewhere(address="10.9.9.9:1", gossip_address="10.9.9.9:2"),
    "another gossip address": elsewhere(gossip_address="10.9.9.9:2"),
    "dead at another address": elsewhere(
        address="10.9.9.9:1", gossip_address="10.9.9.9:2", state="dead"
    ),
    "another name": elsewhere(name="other"),
    "another's name": elsewhere(name=LIAR),
    "no address": elsewhere(address="nowhere"),
}

NAMES_FORGED = {"its own": VICTIM, "another's": LIAR, "a stranger's": ""}
WAYS = ("rumour", "tell", "ping", "exchange")
TOLD = {"all": NAMES, "one": ("node2",), "the others": tuple(n for n in NAMES if n != VICTIM)}


def forge(forger: Forger, lie: Lie, way: str, whose: str, told: Sequence[str]) -> None:
    """Tell these nodes the lie about the victim."""
    forged = lie(forger.member(VICTIM))
    name = NAMES_FORGED[whose]
    sender = forger.id_of(name) if name else STRANGER
    ways: dict[str, Message] = {
        "rumour": forger.rumour(sender, forged),
        "tell": Tell(forger.network, (forged,), ()),
        "ping": Ping(forger.network, 0, (forged,)),
        "exchange": Exchange(forger.network, (), (forged,), ()),
    }
    forger.send(ways[way], sender, *told)


@pytest.mark.parametrize("told", first_of(TOLD))
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refuted_within_two_seconds(lie: str, told: str) -> None:
    """However it is told, in whosever name, and whoever hears it first."""
    forger = Forger()
    for way, whose in (
        ("rumour", "its own"),
        ("rumour", "a stranger's"),
        ("tell", "its own"),
        ("exchange", "another's"),
        ("ping", "its own"),
    ):
        forge(forger, LIES[lie], way, whose, TOLD[told])
        forger.check_refuted()


@pytest.mark.parametrize("whose", first_of(NAMES_FORGED))
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_is_repeated_is_refuted_once_it_is_not(lie: str, whose: str) -> None:
    """Ten times a second, for a while, each time as news."""
    forger = Forger()
    for _ in range(30):
        forge(forger, LIES[lie], "rumour", whose, TOLD["the others"])
        forger.simulation.run_for(100)
    forger.check_refuted()


def test_a_lie_about_a_refutation_is_refuted_too() -> None:
    """The victim was driven up to the highest count; others may still suspect it, and be wrong."""
    forger = Forger()
    highest = "the highest incarnation that is heeded"
    for lie in (highest, "dead", "dead later", "dead"):
        forge(forger, LIES[lie], "tell", "its own", TOLD["all"])
        forger.check_refuted()


def test_a_flood_of_suspicions_ends_nobody() -> None:
    """Of everybody, in everybody's name, for a second and a half."""
    forger = Forger()
    for _ in range(15):
        for origin in NAMES:
            news = [replace(forger.member(n), state="suspect") for n in NAMES if n != origin]
            forger.send(forger.rumour(forger.id_of(origin), *news), STRANGER, *NAMES)
        forger.simulation.run_for(100)
    forger.check_refuted()


def test_old_news_that_is_replayed_changes_nothing() -> None:
    """What was true before a refutation is not true after it."""
    forger = Forger()
    old = forger.rumour(STRANGER, replace(forger.member(VICTIM), state="dead"))
    forger.send(old, STRANGER, *NAMES)
    forger.check_refuted()
    before = forger.member(VICTIM)
    for _ in range(20):
        forger.send(old, STRANGER, *NAMES)
        forger.send(forger.rumour(STRANGER, *old.members), STRANGER, *NAMES)
        forger.simulation.run_for(100)
        assert forger.wrong() == ""
    assert forger.member(VICTIM) == before


def test_a_node_that_was_lied_about_is_the_same_after_a_restart() -> None:
    """Its boots are counted on its disk, and the others believe in more of them."""
    forger = Forger()
    forge(forger, LIES["a step of boots"], "tell", "its own", TOLD["all"])
    forger.check_refuted()
    forger.simulation.stop(VICTIM)
    forger.simulation.run_for(1_000)
    forger.simulation.start(VICTIM)
    forger.simulation.run_for(3_000)
    forger.check_refuted()


def test_who_joins_after_a_lie_knows_everybody_within_seconds() -> None:
    """Also him of whom incredible counts are told since."""
    forger = Forger()
    forge(forger, LIES["the highest incarnation that is heeded"], "tell", "its own", TOLD["all"])
    forger.check_refuted()
    simulation = forger.simulation
    simulation.add_node("node6").join = (simulation.nodes[LIAR].address,)
    simulation.start("node6")
    forger.clients["node6"] = simulation.add_client("at node6", "node6")
    simulation.run_for(5_000)
    assert [m.name for m in forger.listed("node6").members] == [*NAMES, "node6"]


def test_values_spread_after_forged_numbers() -> None:
    """The node in whose name a rumour was numbered beyond all is heard on, by way of others."""
    forger = Forger()
    changed = forger.ask(VICTIM, WatchKeys("", "unknown", 1_000))
    assert isinstance(changed, KeysChanged)
    boot, _, _ = changed.cursor.rpartition("/")
    forged = forger.rumour(forger.id_of(VICTIM), boot=boot, seq=MAX_INT)
    forger.send(forged, STRANGER, *NAMES)
    forger.simulation.run_for(100)
    for number in range(5):
        key = f"key{number}"
        assert isinstance(forger.ask(VICTIM, Share(key, "bytes", b"v", 1_000)), Shared)
        forger.simulation.run_for(500)
        for name in NAMES:
            listed = forger.ask(name, ListShared("", ""))
            assert isinstance(listed, SharedListed)
            assert key in listed.keys, f"{name} has not heard of it"


def test_a_hundred_thousand_members_that_are_not_there_break_nothing() -> None:
    """So many are taken in as there may be; the network goes on, and its own members are known."""
    forger = Forger(settings=GossipSettings(max_members=50))
    many = [
        Member(
            f"{n:016x}",
            f"x{n}",
            f"10.8.{n // 250 % 250}.{n % 250 + 1}:{n % 9_000 + 1}",
            "10.8.0.1:1",
            "10.8.0.1:1",
            1,
            0,
            "dead",
        )
        for n in range(1, 100_001)
    ]
    forger.send(Tell(forger.network, tuple(many), ()), STRANGER, "node2")
    forger.simulation.run_for(3_000)
    assert forger.wrong() == ""
    assert forger.simulation.nodes["node2"].dropped["too many members"] >= 99_955
