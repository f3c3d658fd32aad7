"""Envelopes, members, keys and a disk made of dictionaries, for the tests of the actors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from actors.actor import CLIENT, HOST, Actor, Address, Envelope, Now, Trace
from actors.membership import Member, State
from actors.messages import (
    Bounced,
    Dropped,
    Get,
    Level,
    List,
    Message,
    Write,
)
from actors.versions import Kind, Record, Stamp
from tests.actors import dictionary_disk

A, B, C = (letter * 16 for letter in "abc")
"""The ids of three nodes; the actor under test is A's."""

WALL_MS = 1_700_000_000_000
TRACE = Trace("t", "client/1/1", "", 0)

DictionaryDisk = dictionary_disk.DictionaryDisk

M = TypeVar("M", bound=Message)


class Turns:
    """An actor, and the time that goes by between its turns."""

    def __init__(self, actor: Actor, now_ms: int = 0) -> None:
        self.actor = actor
        self.now_ms = now_ms

    def take(self, *inbox: Envelope, after_ms: int = 0) -> list[Envelope]:
        """A turn with all that arrived, so much later than the one before."""
        self.now_ms += after_ms
        return self.actor.turn(inbox, self.now())

    def now(self) -> Now:
        """The time of the next turn, if nothing is waited for."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def take_when_due(self) -> list[Envelope]:
        """The turn that the actor asked for."""
        assert self.actor.wake_at is not None
        return self.take(after_ms=max(0, self.actor.wake_at - self.now_ms))

    def run_for(self, duration_ms: int) -> list[Envelope]:
        """All turns that it asks for within this time, and all that it sent in them."""
        until_ms = self.now_ms + duration_ms
        out: list[Envelope] = []
        while self.actor.wake_at is not None and self.actor.wake_at <= until_ms:
            out += self.take_when_due()
        self.now_ms = until_ms
        return out


def client(number: int = 1) -> Address:
    """A client's address."""
    return Address(CLIENT, f"{number:08x}")


def to(actor: str, message: Message, sender: Address, number: int = 1) -> Envelope:
    """An envelope to an actor of node A."""
    return Envelope(Address(A, actor), sender, message, number)


def from_host(actor: str, message: Message) -> Envelope:
    """An envelope from the host of one of node A's actors."""
    return to(actor, message, Address(A, HOST))


def bounced(envelope: Envelope) -> Envelope:
    """The host hands an envelope back: it was not sent."""
    notice = Bounced(envelope.to, envelope.message)
    return Envelope(envelope.sender, Address(A, HOST), notice, envelope.id)


def all_of(envelopes: Iterable[Envelope], kind: type[Message]) -> list[Envelope]:
    """The envelopes with messages of this kind."""
    return [e for e in envelopes if isinstance(e.message, kind)]


def the(envelopes: Iterable[Envelope], kind: type[Message]) -> Envelope:
    """The one envelope with a message of this kind."""
    [envelope] = all_of(envelopes, kind)
    return envelope


def messages(envelopes: Iterable[Envelope], kind: type[M]) -> list[M]:
    """The messages of this kind."""
    return [e.message for e in envelopes if isinstance(e.message, kind)]


def message(envelopes: Iterable[Envelope], kind: type[M]) -> M:
    """The one message of this kind."""
    [found] = messages(envelopes, kind)
    return found


def reasons(envelopes: Iterable[Envelope]) -> list[str]:
    """Why the actor dropped what it dropped."""
    return [dropped.reason for dropped in messages(envelopes, Dropped)]


def member(
    node: str = A,
    *,
    name: str = "",
    boot: int = 1,
    incarnation: int = 0,
    state: State = "alive",
    port: int = 0,
) -> Member:
    """A member, its name and its ports made from its id unless they are given."""
    port = port or 7000 + int(node[0], 16)
    address, gossip_address = f"10.0.0.1:{port}", f"10.0.0.1:{port + 1000}"
    files_address = f"10.0.0.1:{port + 2000}"
    return Member(
        node,
        name or f"node-{node[0]}",
        address,
        gossip_address,
        files_address,
        boot,
        incarnation,
        state,
    )


def write(
    *keys: str,
    values: Sequence[bytes] = (),
    kind: Kind = "bytes",
    number: int = 1,
    sender: Address | None = None,
    w: Level = "quorum",
    ttl_ms: int = 0,
    timeout_ms: int = 10_000,
) -> Envelope:
    """A client asks the router to store values, which are the keys' names unless they are given."""
    chosen = tuple(values) or tuple(key.encode() for key in keys)
    request = Write(keys, (kind,) * len(keys), chosen, w, ttl_ms, timeout_ms)
    return to("router", request, sender or client(), number)


def delete(*keys: str, number: int = 1, w: Level = "quorum", timeout_ms: int = 10_000) -> Envelope:
    """A client asks the router to delete keys."""
    values = [b""] * len(keys)
    return write(*keys, values=values, kind="absent", number=number, w=w, timeout_ms=timeout_ms)


def get(
    *keys: str,
    number: int = 1,
    sender: Address | None = None,
    details: bool = False,
    r: Level = "quorum",
) -> Envelope:
    """A client asks the router for values, within ten seconds."""
    return to("router", Get(keys, details, r, 10_000), sender or client(), number)


def listing(prefix: str = "", after: str = "", limit: int = 100, number: int = 1) -> Envelope:
    """A client asks the router for a page of keys, within ten seconds."""
    return to("router", List(prefix, after, limit, 10_000), client(), number)


def record(
    key: str, counter: int, value: bytes = b"v", kind: Kind = "bytes", expires_ms: int = 0
) -> Record:
    """What a replica holds; node B coordinated it."""
    return Record(key, kind, value, stamp(counter), expires_ms)


def tombstone(key: str, counter: int) -> Record:
    """What a replica holds of a key that was deleted; node B coordinated it."""
    return Record(key, "absent", b"", stamp(counter))


def stamp(counter: int, node: str = B) -> Stamp:
    """A stamp of a node's first life."""
    return Stamp(counter, node, "1.0")


def kinds(count: int, kind: Kind = "bytes") -> tuple[Kind, ...]:
    """So many values of one kind."""
    return (kind,) * count
