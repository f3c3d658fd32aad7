"""Between a client and the gossiper of the node that it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.membership import Member
from actors.messages.base import Message
from actors.versions import Kind


@dataclass(frozen=True, slots=True)
class ListMembers(Message):
    """Who is in the network, as far as this node knows?"""


@dataclass(frozen=True, slots=True)
class WatchMembers(Message):
    """As ListMembers, but to be answered only once the digest is another than `seen`, or else after
    a quarter of the time-out."""

    seen: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class MembersListed(Message):
    """The network's id, its members in the order of their names, and what tells this list from
    another. `waiting` is why the node is not ready, empty where it is: as long as no other has
    confirmed this node, those that it has not heard since its start are suspect."""

    network: str
    digest: str
    members: tuple[Member, ...]
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Share(Message):
    """Let every node hold this value under this key; the kind "absent", with an empty value, takes
    the key back."""

    key: str
    kind: Kind
    value: bytes
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Shared(Message):
    """It is on this node's disk and on its way to all others; its version."""

    version: str


@dataclass(frozen=True, slots=True)
class ListShared(Message):
    """The shared keys that begin with `prefix` and come after `after`, as this node holds them."""

    prefix: str
    after: str


@dataclass(frozen=True, slots=True)
class SharedListed(Message):
    """A page of them in the order of their UTF-8. Ask again with `after` set to the cursor; an
    empty cursor: that was all. `nodes` are the ids of who shared them."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    versions: tuple[str, ...]
    nodes: tuple[str, ...]
    cursor: str
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values", "versions", "nodes")


@dataclass(frozen=True, slots=True)
class WatchKeys(Message):
    """Which keys that begin with `prefix` were changed since `cursor` (empty: from now on)?
    Answered once there are any, or else after a quarter of the time-out."""

    prefix: str
    cursor: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class KeysChanged(Message):
    """What this node has heard; keys of the kind "absent" were deleted. Ask again with the cursor.
    `missed`: there may have been others."""

    keys: tuple[str, ...]
    versions: tuple[str, ...]
    kinds: tuple[Kind, ...]
    cursor: str
    missed: bool
    columns: ClassVar[tuple[str, ...]] = ("keys", "versions", "kinds")


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Let a member, by its name or id, leave for good; empty means the node that is asked."""

    member: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Forget(Message):
    """Strike out a member, by its name or id, that is down and will not come back. `accept_loss`:
    even where no majority is left to decide it, or of the owners of some keys to copy from; and
    what only those had that are struck out so is lost. Then it is taken also by a node that no
    other member has confirmed since it was started, and done if none of them is heard."""

    member: str
    accept_loss: bool
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Departed(Message):
    """This member has left for good, and the others are being told."""

    member: Member


@dataclass(frozen=True, slots=True)
class Deny(Message):
    """Let no node take anything any more from who has this key, called "writer-17" or the like; or
    let it be taken again. Answered with Shared."""

    key: str
    denied: bool
    timeout_ms: int
