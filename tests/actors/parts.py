"""The gossiper's parts by themselves, each over what it needs, and the time that goes by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from actors.actor import Address, Envelope, Now, reply
from actors.detector import Detector
from actors.digests import Digests
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members, State
from actors.memory import Memory
from actors.messages import Ack, Message, Nack, Ping, PingReq, Remember
from actors.outbox import Outbox
from tests.actors.envelopes import WALL_MS, A, member
from tests.actors.gossipers import NET

HERE = Address(A, "gossiper")

M = TypeVar("M", bound=Message)


def node(number: int, *, state: State = "alive", incarnation: int = 0) -> Member:
    """One of as many members as are wanted."""
    host = f"10.1.{number // 250}.{number % 250 + 1}"
    return Member(
        f"{number:016x}",
        f"n{number}",
        f"{host}:7000",
        f"{host}:8000",
        f"{host}:9000",
        1,
        incarnation,
        state,
    )


def nodes(count: int) -> list[Member]:
    """So many members, all alive."""
    return [node(number) for number in range(1, count + 1)]


class Parts:
    """Node A's list of members, its outbox and its disk, at a time that goes on when it is told."""

    def __init__(self, *others: Member, settings: GossipSettings | None = None) -> None:
        self.settings = settings or GossipSettings()
        self.members = Members(member(A), others, self.settings.max_members, Digests())
        self.outbox = Outbox(HERE, 0)
        self.memory = Memory(self.outbox)
        self.now_ms = 0

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def written(self) -> tuple[list[Envelope], Envelope | None]:
        """The end of a turn: what was sent, and what the disk is to remember, if anything."""
        self.memory.flush()
        out = self.outbox.take()
        remember = [e for e in out if isinstance(e.message, Remember)]
        return [e for e in out if e not in remember], remember[0] if remember else None

    def keep(self, code: str = "ok") -> list[Envelope]:
        """The end of a turn, and the disk does, or does not, what it was asked to, until it is
        asked no more; all else that was sent."""
        sent, remember = self.written()
        while remember is not None:
            self.memory.on_remembered(remember.id, code)
            out, remember = self.written()
            sent += out
        return sent


class Detecting:
    """Node A's detector, among these others."""

    def __init__(
        self, *others: Member, settings: GossipSettings | None = None, seed: int = 1
    ) -> None:
        self.settings = settings or GossipSettings()
        self.members = Members(member(A), others, self.settings.max_members, Digests())
        self.outbox = Outbox(HERE, 0)
        self.detector = Detector(self.members, self.outbox, Random(seed), self.settings)
        self.detector.network = NET
        self.declared: list[Member] = []
        self.now_ms = 0

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def due(self, after_ms: int = 0) -> list[Envelope]:
        """Do what is due, so much later; what is sent."""
        self.now_ms += after_ms
        self.declared += self.detector.due(self.now())
        assert self.detector.wake_at > self.now_ms, "it would spin"
        return self.outbox.take()

    def run_for(
        self, duration_ms: int, answer: Callable[[Envelope], None] | None = None
    ) -> list[tuple[int, Envelope]]:
        """Do what is due when it is due, for so long; what is sent, and when. All of it is given to
        `answer` at once."""
        until_ms = self.now_ms + duration_ms
        sent: list[tuple[int, Envelope]] = []
        while self.detector.wake_at <= until_ms:
            out = self.due(max(0, self.detector.wake_at - self.now_ms))
            for envelope in out:
                sent.append((self.now_ms, envelope))
                if answer is not None:
                    answer(envelope)
        self.now_ms = until_ms
        return sent

    def probe(self, target: str) -> Envelope:
        """Let time pass, all else being answered, until it pings this member."""
        while True:
            for envelope in self.due(max(0, self.detector.wake_at - self.now_ms)):
                if isinstance(envelope.message, Ping) and envelope.to.node == target:
                    return envelope
                self.ack(envelope)

    def ack(self, request: Envelope, *news: Member) -> None:
        """Who was asked answers; if it was asked to ping another, that is there."""
        if isinstance(request.message, (Ping, PingReq)):
            ack = reply(request, Ack(NET, WALL_MS + self.now_ms, news))
            self.detector.on_ack(ack, self.now())

    def all_but(self, *silent: str) -> Callable[[Envelope], None]:
        """All are there and answer, but for these members, whom nobody has an answer of."""

        def answer(request: Envelope) -> None:
            if isinstance(request.message, PingReq) and request.message.target in silent:
                self.nack(request)
            elif request.to.node not in silent:
                self.ack(request)

        return answer

    def nack(self, request: Envelope) -> None:
        """The helper had no answer."""
        self.detector.on_nack(reply(request, Nack(NET)))

    def bounce(self, request: Envelope) -> None:
        """The request could not be sent."""
        self.detector.on_bounced(request.id, self.now())

    def hear(self, *news: Member, accuser: str = "") -> None:
        """News comes in; a suspicion is vouched for by the accuser, if there is one."""
        self.detector.follow(self.members.merge(news).fresh, self.now())
        for accused in news:
            if accuser:
                self.detector.accused(accused, accuser, self.now())

    def states(self) -> dict[str, State]:
        """Of all members, by their names."""
        return {m.name: m.state for m in self.members.all()}


def of_kind(sent: Sequence[tuple[int, Envelope]], kind: type[Message]) -> list[tuple[int, str]]:
    """When messages of this kind were sent, and to which node."""
    return [(at_ms, e.to.node) for at_ms, e in sent if isinstance(e.message, kind)]
