"""The one poll loop, with toy actors: what a turn is given, when it is taken, how it all ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.actor import CLIENT, EVERYBODY, HOST, SWITCH, Address, Envelope, Now, Trace, reply
from actors.messages import Bounced, Finished, Get, Message, Observe, Observed, Stop
from actors.router import Router
from nodes.hosts import InnerHost
from nodes.logs import open_log
from nodes.loop import MAX_MESSAGES, Link, Loop, NodeInfo, route
from nodes.mailbox import MAX_WAITING, Mailbox, Post
from nodes.node import NodeFailed
from nodes.sockets import Context, Socket
from nodes.tally import Tally
from tests.networks import DEADLINE_S, Network, wait_until

ID = "00000000000000a1"
TOY, OTHER, OWN_HOST = Address(ID, "toy"), Address(ID, "other"), Address(ID, HOST)
PEER = "00000000000000b2"
ROUTES = [
    (Address(ID, "storage"), Link("actor", "storage")),
    (Address(ID, SWITCH), Link("actor", SWITCH)),
    (Address(ID, HOST), Link("host", "")),
    (Address(CLIENT, "00ab"), Link("client", "00ab")),
    (Address(EVERYBODY, "gossiper"), Link("gossip", "")),
    (Address("00000000000000b2", "storage"), Link("peer", "00000000000000b2")),
    (Address("00000000000000b2", HOST), Link("peer", "00000000000000b2")),
    (Address("@10.0.0.5:7100", "gossiper"), Link("peer", "@10.0.0.5:7100")),
]


@dataclass
class Toy:
    """Notes its turns, and does in them what it is told."""

    act: Callable[[Sequence[Envelope], Now], list[Envelope]] = lambda inbox, now: []
    wake_at: int | None = None
    turns: list[tuple[list[Envelope], Now]] = field(default_factory=list)

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """One more turn; a Stop is answered."""
        self.turns.append((list(inbox), now))
        stops = [reply(e, Finished()) for e in inbox if isinstance(e.message, Stop)]
        return self.act(inbox, now) + stops

    def seen(self) -> list[Message]:
        """All that it was given."""
        return [envelope.message for inbox, _ in self.turns for envelope in inbox]


@dataclass
class Stage:
    """A loop around a toy, another actor's mailbox beside it, and a way to send to both."""

    context: Context
    folder: Path
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mailboxes = {name: Mailbox(name) for name in ("toy", "other", "router")}
        self.mailboxes["other"].open(self.context)
        self.mailboxes["router"].open(self.context)
        self.post = Post(self.context, self.mailboxes)
        self.log = open_log(self.folder / "log.jsonl", "node1", "info", None)
        node = NodeInfo(ID, "node1")
        tally = Tally(self.log.events)
        news: Callable[[Message], None] = lambda message: None  # noqa: E731
        self.host = InnerHost("toy", node, self.context, self.mailboxes, news, tally)
        self.loop = Loop("toy", node, self.host, self.log, self._on_failure)

    def _on_failure(self, actor: str, error: BaseException) -> None:
        self.failures.append((actor, error))

    def send(self, *messages: Message, trace: Trace | None = None) -> None:
        """A batch for the toy; one that it ends with may be called unsent, for it had no bell."""
        envelopes = [Envelope(TOY, OWN_HOST, m, n, trace) for n, m in enumerate(messages, 1)]
        self.post.send("toy", envelopes)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The records of one event."""
        lines = (self.folder / "log.jsonl").read_bytes().splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def close(self) -> None:
        """Stop the loop, if it has not ended."""
        if self.loop.ident is not None and self.loop.is_alive():
            self.send(Stop())
            self.loop.join(DEADLINE_S)
        self.post.close()
        for name in ("other", "router"):
            self.mailboxes[name].close()
        self.log.close()


@pytest.fixture
def stage(context: Context, tmp_path: Path) -> Iterator[Stage]:
    """A loop that was not started yet."""
    stage = Stage(context, tmp_path)
    yield stage
    stage.close()


@pytest.mark.parametrize(("to", "link"), ROUTES, ids=[str(to) for to, _ in ROUTES])
def test_which_link_leads_to_an_address(to: Address, link: Link) -> None:
    """Seen from one node, each address is reached over exactly one link."""
    assert route(to, ID, "storage") == link


@pytest.mark.parametrize(
    ("by", "actor", "kind"),
    [
        ("fileserver", "fileserver", "files"),
        ("fileserver", "storage", "peer"),
        ("storage", "fileserver", "peer"),
        ("router", "fileserver", "peer"),
    ],
)
def test_file_servers_have_links_of_their_own(by: str, actor: str, kind: Any) -> None:
    """To each other; what passes between them and other actors of other nodes takes the switch."""
    assert route(Address(PEER, actor), ID, by) == Link(kind, PEER)
    assert route(Address(ID, actor), ID, by) == Link("actor", actor)


def test_a_turn_is_given_all_that_arrived(stage: Stage) -> None:
    """What came before the actor ran is handed over in one turn, in order."""
    toy = Toy()
    stage.loop.open()
    for number in range(5):
        stage.send(Observed(number))
    stage.loop.run_actor(toy)
    wait_until("all has arrived", lambda: len(toy.seen()) == 5)
    assert [len(inbox) for inbox, _ in toy.turns] == [0, 5]
    assert toy.seen() == [Observed(number) for number in range(5)]


def test_a_turn_takes_a_bounded_number_of_batches(stage: Stage) -> None:
    """Of more than 256 that wait the rest is taken in the next turn, without a bell for it."""
    toy = Toy()
    stage.loop.open()
    for number in range(MAX_MESSAGES + 44):
        stage.send(Observed(number))
    stage.loop.run_actor(toy)
    wait_until("all has arrived", lambda: len(toy.seen()) == MAX_MESSAGES + 44)
    assert [len(inbox) for inbox, _ in toy.turns] == [0, MAX_MESSAGES, 44]


def test_an_idle_actor_takes_no_turns(stage: Stage) -> None:
    """Without mail and without a time to wake at, there is only the first turn."""
    toy = Toy()
    stage.loop.open()
    stage.loop.run_actor(toy)
    wait_until("the first turn", lambda: toy.turns)
    stage.send(Stop())
    stage.loop.join(DEADLINE_S)
    assert [len(inbox) for inbox, _ in toy.turns] == [0, 1]


def test_an_actor_is_woken_when_it_wants(stage: Stage) -> None:
    """A turn comes at `wake_at`, not before, though nothing has arrived."""
    toy = Toy()
    wanted: list[int] = []

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        toy.wake_at = now.mono_ms + 30 if len(wanted) < 3 else None
        if toy.wake_at:
            wanted.append(toy.wake_at)
        return []

    toy.act = act
    stage.loop.open()
    stage.loop.run_actor(toy)
    wait_until("three times woken", lambda: len(toy.turns) == 4)
    assert [len(inbox) for inbox, _ in toy.turns] == [0] * 4
    assert all(now.mono_ms >= at for (_, now), at in zip(toy.turns[1:], wanted, strict=True))


def test_mail_comes_before_the_time_to_wake(stage: Stage) -> None:
    """An actor that wants to be woken in an hour is given at once what arrives."""
    toy = Toy()

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        toy.wake_at = now.mono_ms + 3_600_000
        return []

    toy.act = act
    stage.loop.open()
    stage.loop.run_actor(toy)
    wait_until("the first turn", lambda: toy.turns)
    stage.send(Observe(1))
    wait_until("it was given", lambda: toy.seen() == [Observe(1)])


def test_an_actor_that_is_always_due_still_gets_its_mail(stage: Stage) -> None:
    """A time to wake that has passed does not keep the loop from looking."""
    toy = Toy(wake_at=0)
    stage.loop.open()
    stage.loop.run_actor(toy)
    stage.send(Observe(1))
    wait_until("it was given", lambda: toy.seen() == [Observe(1)])


def test_what_a_turn_sends_over_a_link_travels_together(stage: Stage) -> None:
    """Two envelopes for one actor are one batch in its mailbox, what is for a peer the switch's."""

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        if not inbox:
            return []
        peer = Address("00000000000000b2", "storage")
        return [Envelope(to, TOY, Observe(1), n) for n, to in enumerate((OTHER, peer, OTHER))]

    stage.loop.open()
    stage.loop.run_actor(Toy(act))
    stage.send(Observe(1))
    other, router = stage.mailboxes["other"], stage.mailboxes["router"]
    wait_until("all was sent", lambda: other.batches and router.batches)
    assert [[e.id for e in batch] for batch in other.batches] == [[0, 2]]
    assert [[e.id for e in batch] for batch in router.batches] == [[1]]


def test_a_full_mailbox_bounces(stage: Stage) -> None:
    """What it does not take comes back in the next turn, under its number, and is counted."""
    trace = Trace("t", "client//1", "", 1)
    stage.mailboxes["other"].batches.extend([()] * MAX_WAITING)
    get = Get(("a",), False, "quorum", 1)

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        asked = any(isinstance(e.message, Observe) for e in inbox)
        return [Envelope(OTHER, TOY, get, 17, trace)] if asked else []

    toy = Toy(act)
    stage.loop.open()
    stage.loop.run_actor(toy)
    stage.send(Observe(1))
    wait_until("it has bounced", lambda: len(toy.seen()) == 2)
    (back,) = toy.turns[-1][0]
    assert (back.to, back.id, back.message) == (TOY, 17, Bounced(OTHER, get))
    assert back.trace is not None
    assert back.trace.id == "t"
    assert [(r["reason"], r["mailbox"]) for r in stage.logged("dropped")] == [
        ("full mailbox", "other")
    ]


def test_the_loop_is_ready_when_its_sockets_are_open(stage: Stage) -> None:
    """After `open` its mailbox takes mail, and the actor has had no turn yet."""
    toy = Toy()
    stage.loop.open()
    stage.send(Observe(1))
    assert toy.turns == []
    stage.loop.run_actor(None)
    stage.loop.join(DEADLINE_S)
    assert not stage.loop.is_alive()


def test_what_keeps_the_sockets_from_opening_is_raised(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts the loop hears of it, and nothing stays open."""

    def fail() -> Sequence[Socket]:
        raise OSError("no sockets today")

    monkeypatch.setattr(stage.host, "open", fail)
    with pytest.raises(OSError, match="no sockets today"):
        stage.loop.open()
    stage.loop.join(DEADLINE_S)
    assert not stage.loop.is_alive()
    assert stage.post.has_finished("toy")


def test_an_actor_stops_when_it_is_done(stage: Stage) -> None:
    """After Stop the turns go on until the actor answers Finished; then its thread ends."""
    toy = Toy()
    stops: list[Envelope] = []

    def turn(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        toy.turns.append((list(inbox), now))
        stops.extend(e for e in inbox if isinstance(e.message, Stop))
        return [reply(stops[0], Finished())] if stops and Observed(1) in toy.seen() else []

    toy.turn = turn  # type: ignore[method-assign]
    stage.loop.open()
    stage.loop.run_actor(toy)
    stage.send(Stop())
    wait_until("it was told to stop", lambda: stops)
    assert stage.loop.is_alive()
    stage.send(Observed(1))
    stage.loop.join(DEADLINE_S)
    assert not stage.loop.is_alive()
    assert stage.failures == []
    assert stage.post.has_finished("toy")


def test_an_actor_that_raises_is_logged_with_what_it_handled(stage: Stage) -> None:
    """The log names the actor, the envelope and the error; whoever runs the loop is told."""

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        if inbox:
            raise ZeroDivisionError("a bug")
        return []

    stage.loop.open()
    stage.loop.run_actor(Toy(act))
    stage.send(Observe(1))
    stage.loop.join(DEADLINE_S)
    assert not stage.loop.is_alive()
    assert [(actor, str(error)) for actor, error in stage.failures] == [("toy", "a bug")]
    (record,) = stage.logged("actor_failed")
    assert (record["level"], record["actor"]) == ("critical", "toy")
    assert record["handling"] == [f"Observe from {OWN_HOST}"]
    assert "ZeroDivisionError: a bug" in record["exception"]
    assert stage.post.has_finished("toy")


def test_an_actor_that_raises_ends_the_node(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the node is told which actor failed, and of what."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)

    def fail(router: Router, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Router, "turn", fail)
    post = Post(node._context, node._mailboxes)
    post.send("router", [Envelope(Address(node.id, "router"), OWN_HOST, Observe(1))])
    post.close()
    with pytest.raises(NodeFailed, match="the router of node1 failed: a bug"):
        node.wait()


def test_a_traced_envelope_leads_to_new_spans(stage: Stage) -> None:
    """What comes of it is named by its sender, says what led to it, and both are in the log."""

    def act(inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        return [Envelope(OTHER, TOY, Observe(1), 1, e.trace) for e in inbox if e.trace]

    stage.loop.open()
    stage.loop.run_actor(Toy(act))
    stage.send(Observe(1), trace=Trace("t", "client/7/1", "", 1))
    other = stage.mailboxes["other"]
    wait_until("it was sent", lambda: other.batches)
    trace = other.batches[0][0].trace
    assert trace is not None
    assert (trace.id, trace.span, trace.cause) == ("t", "node1/toy/1", "client/7/1")
    wait_until("all is logged", lambda: stage.logged("sent") and stage.logged("delivered"))
    (sent,), (delivered,) = stage.logged("sent"), stage.logged("delivered")
    assert (sent["span"], sent["cause"], sent["to"]) == ("node1/toy/1", "client/7/1", str(OTHER))
    assert (delivered["span"], delivered["actor"], delivered["batch"]) == ("client/7/1", "toy", 1)
