"""Envelopes, members, keys and a disk made of dictionaries, for the tests of the actors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import count
from typing import TypeVar

from actors.actor import CLIENT, HOST, Actor, Address, Envelope, Now, Trace, reply
from actors.asks import AskSettings
from actors.membership import Member, State
from actors.messages import (
    Bounced,
    Dropped,
    Fetch,
    Fetched,
    Get,
    List,
    MembersChanged,
    Message,
    Store,
    Stored,
    Write,
)
from actors.ring import Ring
from actors.router import Router, RouterSettings
from actors.storage import DiskFull
from actors.versions import NEVER, Kind, Record, Stamp

A, B, C = (letter * 16 for letter in "abc")
"""The ids of three nodes; the actor under test is A's."""

WALL_MS = 1_700_000_000_000
TRACE = Trace("t", "client/1/1", "", 0)

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
    return Member(
        node, name or f"node-{node[0]}", address, gossip_address, boot, incarnation, state
    )


def write(
    *keys: str,
    values: Sequence[bytes] = (),
    kind: Kind = "bytes",
    number: int = 1,
    sender: Address | None = None,
    timeout_ms: int = 10_000,
) -> Envelope:
    """A client asks the router to store values, which are the keys' names unless they are given."""
    chosen = tuple(values) or tuple(key.encode() for key in keys)
    request = Write(keys, (kind,) * len(keys), chosen, timeout_ms)
    return to("router", request, sender or client(), number)


def get(
    *keys: str, number: int = 1, sender: Address | None = None, details: bool = False
) -> Envelope:
    """A client asks the router for values, within ten seconds."""
    return to("router", Get(keys, details, 10_000), sender or client(), number)


def listing(prefix: str = "", after: str = "", limit: int = 100, number: int = 1) -> Envelope:
    """A client asks the router for a page of keys, within ten seconds."""
    return to("router", List(prefix, after, limit, 10_000), client(), number)


def record(key: str, counter: int, value: bytes = b"v", kind: Kind = "bytes") -> Record:
    """What a replica holds; node B coordinated it."""
    return Record(key, kind, value, stamp(counter))


def stamp(counter: int, node: str = B) -> Stamp:
    """A stamp of a node's first life."""
    return Stamp(counter, node, "1.0")


@cache
def _ring(members: tuple[str, ...]) -> Ring:
    return Ring(members)


def keys_of(owner: str, *members: str) -> Iterator[str]:
    """Keys that this member owns, in a network of these."""
    ring = _ring(members)
    return (key for i in count() if ring.owners_of(key := f"key{i}")[0] == owner)


def key_of(owner: str, *members: str) -> str:
    """A key that this member owns, in a network of these."""
    return next(keys_of(owner, *members))


def coordinator(
    *members: str,
    settings: RouterSettings | None = None,
    asks: AskSettings | None = None,
    clock: int = 0,
) -> Turns:
    """The router of node A, in the second life of the node, in a network of these members."""
    turns = Turns(Router(A, "2.0", 2, clock, settings, asks))
    turns.take(members_changed(*members))
    return turns


def members_changed(*members: str) -> Envelope:
    """The gossiper tells the router who owns the ring."""
    changed = MembersChanged("net", tuple(member(node) for node in members), "")
    return to("router", changed, Address(A, "gossiper"))


def kinds(count: int, kind: Kind = "bytes") -> tuple[Kind, ...]:
    """So many values of one kind."""
    return (kind,) * count


def stored(store: Envelope) -> Envelope:
    """The replica has stored all of it."""
    assert isinstance(store.message, Store)
    return reply(store, Stored(("ok",) * len(store.message.keys)))


def fetched(fetch: Envelope, *values: bytes) -> Envelope:
    """The replica has these values, or else the keys themselves, all with the same stamp."""
    assert isinstance(fetch.message, Fetch)
    found = values or tuple(key.encode() for key in fetch.message.keys)
    return reply(fetch, Fetched(kinds(len(found)), found, (stamp(1),) * len(found)))


class DictionaryDisk:
    """A disk port. `commits` has every commit; `full` makes the next ones fail."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = {record.key: record for record in records}
        self.notes: dict[str, bytes] = {}
        self.clock_limit = 0
        self.commits: list[tuple[Sequence[Record], Sequence[tuple[str, bytes]], int]] = []
        self.full = False

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """What is committed for each key."""
        return [self.records.get(key) for key in keys]

    def stamps(self, keys: Sequence[str]) -> list[Stamp]:
        """The committed stamps."""
        return [held.stamp if held else NEVER for held in self.read(keys)]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Living keys in order."""
        living = sorted(key for key, held in self.records.items() if held.kind != "absent")
        keys = [key for key in living if key.startswith(prefix) and key > after]
        return keys[:limit], len(keys) > limit

    def commit(
        self, records: Sequence[Record], notes: Sequence[tuple[str, bytes]], clock_limit: int
    ) -> None:
        """Apply all of it, unless the disk is full."""
        if self.full:
            raise DiskFull
        self.commits.append((tuple(records), tuple(notes), clock_limit))
        self.records.update((held.key, held) for held in records)
        self.notes.update(notes)
        self.clock_limit = clock_limit
