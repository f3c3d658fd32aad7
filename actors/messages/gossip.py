"""Between gossipers: joining, rumours, failure detection, push-pull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from actors.membership import Member
from actors.messages.base import Message
from actors.shared import SharedEntry
from actors.versions import Kind


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


class Change(NamedTuple):
    """A key that was written, its new version, and the kind of its value; or, where that is
    "absent", a key that was deleted."""

    key: str
    version: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Rumour(Message):
    """Published news. `ttl` is how many more times it may be passed on; `seq` counts what the
    origin published in its life `boot`. A suspicion is vouched for by the origin: it has pinged the
    member itself, in vain.

    `watched_ms`: for so long somebody at the origin wants to hear of changed keys. `changes` are
    such keys, and `missed` says that the origin had more of them to tell than is admitted.
    """

    network: str
    origin: str
    boot: str
    seq: int
    ttl: int
    members: tuple[Member, ...]
    shared: tuple[SharedEntry, ...]
    changes: tuple[Change, ...]
    missed: bool
    watched_ms: int


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Are you there? `news` is who asks, and what is said of the receiver if that is not that it is
    alive. `wall_ms` is the sender's wall clock."""

    network: str
    wall_ms: int
    news: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Ack(Message):
    """I am, or another is whom you wanted me to ping. `news` is the sender's own record if the Ping
    had one of it, and what is known of who asked if that is not what it says itself."""

    network: str
    wall_ms: int
    news: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class PingReq(Message):
    """Ping the member with this id for me: I have had no answer."""

    network: str
    target: str


@dataclass(frozen=True, slots=True)
class Nack(Message):
    """I am here, and had no answer either."""

    network: str


@dataclass(frozen=True, slots=True)
class Compare(Message):
    """Push-pull, first step: this is the digest of all that I know."""

    network: str
    digest: str


@dataclass(frozen=True, slots=True)
class Compared(Message):
    """Second step: the digests of my buckets, or none where the digests of all are equal."""

    network: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exchange(Message):
    """Third step: all that I know in the buckets that differ."""

    network: str
    buckets: tuple[int, ...]
    members: tuple[Member, ...]
    shared: tuple[SharedEntry, ...]


@dataclass(frozen=True, slots=True)
class Tell(Message):
    """Fourth step, and what a node says when it starts and stops: that of which I know later
    news."""

    network: str
    members: tuple[Member, ...]
    shared: tuple[SharedEntry, ...]
