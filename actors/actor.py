"""The contract: an actor takes turns, and everything it does is an envelope it returns.

Nothing in this package reads a clock, opens a socket, touches a disk or writes a log; a host in
`nodes/` does that, and hands the time, the randomness and the disk in. That is why the same actors
run on ZeroMQ threads and, unchanged, in a deterministic simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from actors.messages import Message

CLIENT = "client"
"""The `node` of a client's address; its `actor` is the routing id of its connection, in hex,
and after a dot the name of its key, if it has one."""

EVERYBODY = "*"
"""The `node` of an envelope that is to be published as gossip."""

ENDPOINT = "@"
"""`@host:port` as the `node` of an address: whoever listens there, its id not being known yet."""

SWITCH = "switch"
"""The `actor` of an address: the loop that runs the router and holds the connections to peers."""

HOST = "host"
"""The `actor` of an address: the loop that runs the sending actor, for news only a host acts on."""


class Now(NamedTuple):
    """The time of a turn: monotonic for timers, wall for expiry. Both in milliseconds."""

    mono_ms: int
    wall_ms: int


class Address(NamedTuple):
    """A node (its id) and an actor on it; clients and endpoints have addresses too."""

    node: str
    actor: str

    def __str__(self) -> str:
        return f"{self.node}/{self.actor}"


class Trace(NamedTuple):
    """Rides in the envelopes of a request that somebody wants to see the path of.

    An actor copies the trace of what it handles into what it returns; its host then names the new
    envelope (`span`), remembers what led to it (`cause`) and when it was sent (wall clock, µs).
    """

    id: str
    span: str
    cause: str
    sent_us: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message on its way. `id` pairs a reply with its request and is chosen by who asks."""

    to: Address
    sender: Address
    message: Message
    id: int = 0
    trace: Trace | None = None


LATE = "late"
"""How the reason begins for which an answer is dropped that was asked for, but too long ago."""


def unwanted(envelope: Envelope, *, is_late: bool) -> str:
    """The reason for which an answer is dropped that nobody waits for: it is late, perhaps from an
    earlier life, or it was never asked for."""
    return f"{LATE if is_late else 'unasked'} {type(envelope.message).__name__}"


def reply(request: Envelope, message: Message) -> Envelope:
    """The answer to `request`: addresses exchanged, correlation id and trace kept."""
    return Envelope(request.sender, request.to, message, request.id, request.trace)


class Actor(Protocol):
    """What a host runs."""

    @property
    def wake_at(self) -> int | None:
        """When the actor wants a turn although nothing arrived: monotonic ms, or None."""

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Handle all that has arrived (nothing, if only the clock woke it); return all to send."""
