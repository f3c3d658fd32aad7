"""A node's departures by themselves: what clients ask, what is decided, and what it says of it."""

from __future__ import annotations

from random import Random

from actors.actor import HOST, Address, Envelope, reply
from actors.arriving import Arriving
from actors.departing import Departing
from actors.digests import Digests
from actors.forgetting import Forgetting
from actors.layout import Layout
from actors.membership import Member, State
from actors.messages import (
    Ack,
    Failed,
    Forget,
    Leave,
    Message,
    Noted,
    Struck,
)
from actors.push_pull import PushPull
from actors.rumours import Rumours
from actors.shared_table import SharedTable
from tests.actors.envelopes import A, B, all_of, client, message, to
from tests.actors.gossipers import NET
from tests.actors.parts import Parts


class Going(Parts):
    """Node A's departures and those of others, and what it publishes."""

    def __init__(self, *others: Member) -> None:
        super().__init__(*others)
        self.rumours = Rumours(A, "1.0", self.settings)
        self.departing = Departing(
            self.members, self.memory, self.rumours, self.outbox, self.settings
        )
        self.departing.network = NET
        self.arriving = Arriving(self.members, self.outbox, Random(1), self.settings)
        shared = SharedTable(A, {}, Digests(), self.settings)
        push_pull = PushPull(self.members, shared, Digests(), self.outbox, Random(1), self.settings)
        push_pull.network = NET
        self.forgetting = Forgetting(
            self.members, self.rumours, self.arriving, push_pull, self.outbox, self.settings
        )

    def state(self) -> State:
        """What this node says of itself."""
        return self.members.me.state

    def ask(self, request: Message, number: int = 1) -> list[Envelope]:
        """A client asks, and the disk keeps what is to be kept; what is sent."""
        envelope = to("gossiper", request, client(number), number)
        if isinstance(request, Leave):
            self.departing.on_leave(envelope, self.now())
        else:
            self.forgetting.on_forget(envelope, self.now())
        return self.keep()

    def due(self, after_ms: int = 0, *, is_out: bool = False) -> list[Envelope]:
        """What is sent so much later; with `is_out` others say that the node has left."""
        self.now_ms += after_ms
        self.departing.due(self.now(), is_out=is_out)
        return self.keep()

    def decide(self, *keepers: str) -> list[Envelope]:
        """A layout of these members is on the disk, and the disk keeps what is to be kept."""
        self.departing.on_layout(Layout(2, keepers, (), () if A in keepers else (A,)))
        return self.due()

    def struck(self, strike: Envelope, code: str, reason: str = "") -> list[Envelope]:
        """The storage tells what became of a member that was to be struck out."""
        answer = Struck(code, reason)
        self.forgetting.on_struck(reply(strike, answer), answer)
        return self.keep()

    def leave(self, number: int = 1) -> None:
        """A client asks this node to leave, and the data is moved to another."""
        self.ask(leave(), number)
        assert self.decide(B) == []

    def ack(self, ping: Envelope) -> list[Envelope]:
        """Who was pinged answers."""
        self.departing.on_ack(reply(ping, Ack(NET, 0, ())), self.now())
        return self.keep()

    def published(self) -> list[Member]:
        """What it says of members to everybody."""
        self.now_ms += 1_000
        return [m for r in self.rumours.due(NET, self.now()) for m in r.members]


def leave(node: str = "", timeout_ms: int = 10_000) -> Leave:
    """Let this one leave."""
    return Leave(node, timeout_ms)


def forget(node: str, *, accept_loss: bool = False) -> Forget:
    """Let this one be struck out, within ten seconds."""
    return Forget(node, accept_loss, 10_000)


def refused(out: list[Envelope]) -> str:
    """Why it was not done, and never will be; so there is nothing for the log."""
    failed = message(out, Failed)
    assert all_of(out, Noted) == []
    assert (failed.code, failed.definite) == ("refused", True)
    return failed.reason


def noted(out: list[Envelope]) -> str:
    """What a person may want to find in the log later; nothing else is sent."""
    [envelope] = out
    assert envelope.to == Address(A, HOST)
    return message(out, Noted).what
