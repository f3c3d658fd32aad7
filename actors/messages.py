"""Every message, one frozen dataclass each: the request is a verb, the reply its past tense.

Messages about keys are plural, as columns: `keys[i]`, `kinds[i]` and `values[i]` belong together. A
single put is a plural of one. `columns` names the fields that must be equally long. A reply to a
plural read may answer the first keys only (at least one), so that its size stays bounded; who wants
the rest asks again for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.actor import Address
from actors.membership import Member
from actors.versions import Kind, Stamp


class Message:
    """Base of all messages."""

    __slots__ = ()
    columns: ClassVar[tuple[str, ...]] = ()


# Between a client and the router of the node it asks, the coordinator.


@dataclass(frozen=True, slots=True)
class Write(Message):
    """Store each value under its key; the kind "absent", with an empty value, deletes the key."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    timeout_ms: int
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values")


@dataclass(frozen=True, slots=True)
class Written(Message):
    """For each key "ok" or an error's code, its new version, and the names of who stored it."""

    codes: tuple[str, ...]
    versions: tuple[str, ...]
    replicas: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = ("codes", "versions", "replicas")


@dataclass(frozen=True, slots=True)
class Get(Message):
    """Read each key. `details` asks for versions and replicas too."""

    keys: tuple[str, ...]
    details: bool
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Got(Message):
    """For each of the first keys asked "ok", "not_found" or an error's code, and the value.

    `versions` and `replicas` are empty unless `details` were asked for.
    """

    codes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    versions: tuple[str, ...]
    replicas: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = ("codes", "kinds", "values")


@dataclass(frozen=True, slots=True)
class List(Message):
    """The keys that begin with `prefix` and come after `after`, in the order of their UTF-8."""

    prefix: str
    after: str
    limit: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Listed(Message):
    """A page of keys. Ask again with `after` set to the cursor; an empty cursor: that was all."""

    keys: tuple[str, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """The whole request failed: a stable code, a sentence for a person, and whether it is certain
    that nothing happened."""

    code: str
    reason: str
    definite: bool


# Between a client and the gossiper of the node it asks.


@dataclass(frozen=True, slots=True)
class ListMembers(Message):
    """Who is in the network, as far as this node knows?"""


@dataclass(frozen=True, slots=True)
class MembersListed(Message):
    """The network's id and its members, in the order of their names."""

    network: str
    members: tuple[Member, ...]


# Between a coordinator and the routers and storages of the owners.


@dataclass(frozen=True, slots=True)
class Observe(Message):
    """Round one of a write: what is your node's clock?"""


@dataclass(frozen=True, slots=True)
class Observed(Message):
    """The clock: never below a counter that this node holds."""

    clock: int


@dataclass(frozen=True, slots=True)
class Store(Message):
    """Round two of a write: keep each of these, unless something newer is held already."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values", "stamps")


@dataclass(frozen=True, slots=True)
class Stored(Message):
    """For each key "ok" once it, or something newer, is on the disk, else an error's code."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetch(Message):
    """What do you hold for these keys?"""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetched(Message):
    """What is held for the first keys asked; an unknown key is "absent" with the stamp NEVER."""

    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("kinds", "values", "stamps")


@dataclass(frozen=True, slots=True)
class Scan(Message):
    """Which keys that begin with `prefix` and come after `after` do you hold?"""

    prefix: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Scanned(Message):
    """Keys in order, tombstones left out, and whether there are more."""

    keys: tuple[str, ...]
    more: bool


# Between gossipers.


@dataclass(frozen=True, slots=True)
class Join(Message):
    """A node without a network asks to be let in."""

    newcomer: Member


@dataclass(frozen=True, slots=True)
class Admitted(Message):
    """Yes: this is the network, and these are its members."""

    network: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Fresh(Message):
    """The answer to Join of a node that has no network either. `bound_to` is the address that it
    promised to follow, or empty."""

    bound_to: str


@dataclass(frozen=True, slots=True)
class Bind(Message):
    """Promise to follow whoever listens at `founder` into its network."""

    founder: str


@dataclass(frozen=True, slots=True)
class Bound(Message):
    """The promise that stands, on disk: the founder asked for, or an earlier one. With `member`,
    who promised, the founder begins the network with all of its members at once."""

    bound_to: str
    member: Member


@dataclass(frozen=True, slots=True)
class Rumour(Message):
    """Published news. `ttl` is how many more times it may be passed on; `seq` counts what the
    origin published in its life `boot`."""

    network: str
    origin: str
    boot: str
    seq: int
    ttl: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Compare(Message):
    """Push-pull, first step: this is the digest of the members I know."""

    network: str
    digest: str


@dataclass(frozen=True, slots=True)
class Compared(Message):
    """Second step: the members I know, or none where the digests are equal."""

    network: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Tell(Message):
    """Third step, and what a node says when it stops: members of which I know later news."""

    network: str
    members: tuple[Member, ...]


# Inside a node; none of these is ever taken from the wire.


@dataclass(frozen=True, slots=True)
class ClockRaised(Message):
    """Storage to router: this node now holds a record with this counter."""

    counter: int


@dataclass(frozen=True, slots=True)
class Remember(Message):
    """Keep these notes (name, bytes) on disk; an empty value forgets the note."""

    notes: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Remembered(Message):
    """They are on disk ("ok"), or not (an error's code)."""

    code: str


@dataclass(frozen=True, slots=True)
class MembersChanged(Message):
    """Gossiper to router: these own the ring. Without a network, `waiting` says for whom."""

    network: str
    members: tuple[Member, ...]
    waiting: str


@dataclass(frozen=True, slots=True)
class Connect(Message):
    """Gossiper to the router's host: where each member's requests go, (id, address) each."""

    peers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Subscribe(Message):
    """Gossiper to its host: listen to exactly these gossip addresses."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GiveUp(Message):
    """Gossiper to its host: this node was refused and must end."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bounced(Message):
    """Host to sender: the envelope with this correlation id was provably not sent."""

    to: Address
    request: Message


@dataclass(frozen=True, slots=True)
class LinkUp(Message):
    """Host to session: there is a connection to this endpoint (`host:port`)."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class LinkDown(Message):
    """Host to session: the connection to this endpoint was lost, or could not be made."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Dropped(Message):
    """Actor to host: something from outside was not acted on. Count it under this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Host to actor: finish what is under way, say good-bye, then answer Finished."""


@dataclass(frozen=True, slots=True)
class Finished(Message):
    """Actor to host: nothing more will come from me."""


FROM_CLIENTS: frozenset[type[Message]] = frozenset({Write, Get, List, ListMembers})
"""What a client may send."""

TO_CLIENTS: frozenset[type[Message]] = frozenset({Written, Got, Listed, MembersListed, Failed})
"""What a client may be answered."""

BETWEEN_NODES: frozenset[type[Message]] = frozenset(
    {Observe, Observed, Store, Stored, Fetch, Fetched, Scan, Scanned, Failed}
    | {Join, Admitted, Fresh, Bind, Bound, Rumour, Compare, Compared, Tell}
)
"""What a node may send to another."""
