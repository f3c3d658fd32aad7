"""Inside a node; none of these is ever taken from the wire."""

from __future__ import annotations

from dataclasses import dataclass

from actors.actor import Address
from actors.layout import Layout
from actors.membership import Member, State
from actors.messages.base import Message
from actors.messages.gossip import Change


@dataclass(frozen=True, slots=True)
class ClockRaised(Message):
    """Storage to router: this node now holds a record with this counter."""

    counter: int


@dataclass(frozen=True, slots=True)
class Unread(Message):
    """Host to router or file server: replies wait, because this client does not read; or they do no
    longer."""

    client: Address
    waits: bool


@dataclass(frozen=True, slots=True)
class PutRecord(Message):
    """File server to router: write this, which is a file's manifest, in no later epoch than this,
    or it must not be. Answered with Written."""

    key: str
    value: bytes
    last_epoch: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class WantEpoch(Message):
    """File server to storage: a higher epoch would let chunks go; or would do so no longer."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class FilesHandedOver(Message):
    """File server to storage: this node may leave, for no file needs anything that is here."""


@dataclass(frozen=True, slots=True)
class Remember(Message):
    """Keep these notes (name, bytes) on disk; an empty value forgets the note. With them, if this
    node founds its network, its first layout."""

    notes: tuple[tuple[str, bytes], ...]
    founding: Layout | None = None


@dataclass(frozen=True, slots=True)
class Remembered(Message):
    """They are on disk ("ok"), or not (an error's code)."""

    code: str


@dataclass(frozen=True, slots=True)
class Welcomed(Message):
    """Storage to router: this replica, and so this node's clock, may be counted on."""


@dataclass(frozen=True, slots=True)
class Hint(Message):
    """Router to storage: this member has not stored these keys; remember that."""

    member: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heal(Message):
    """Storage to router: read these keys, and store what is the latest where it is not held."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Healed(Message):
    """For each key the ids of the owners that do not hold the latest yet, or the code of why it
    could not be read."""

    codes: tuple[str, ...]
    behind: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Strike(Message):
    """Gossiper to storage: let this member, by its id, be none of the next layout. `accept_loss`:
    at once, whoever has what it had; and where a majority is gone for good, without the consent of
    the others. `alone`: the gossiper has asked all others, in vain, and tells of none of them."""

    member: str
    accept_loss: bool
    timeout_ms: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Struck(Message):
    """It is so ("ok"), or not (an error's code), and why not."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class MembersChanged(Message):
    """Gossiper to the other actors: these are the members. Without a network, `waiting` says for
    whom the node waits."""

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
class Reconnect(Message):
    """Gossiper to the router's host, which tells that of the file server: make the connection to
    this member anew, it was dead."""

    member_id: str


@dataclass(frozen=True, slots=True)
class Watched(Message):
    """Gossiper to router: tell me of changed keys for so long."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class Changed(Message):
    """Router to gossiper: these keys were written, or may have been."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class AskVitals(Message):
    """Host to actor: do you take turns, and what have you counted? Answered with the vitals of that
    actor; by the file server with FilesReport."""


@dataclass(frozen=True, slots=True)
class StorageVitals(Message):
    """Of `owned` partitions, those of the owner to be included, this replica may lack something in
    `behind`. It has `moved` of `to_move` that it is to get in this layout. So many hints wait here
    for others. Since the start it took so many `repaired` records from other owners because it
    had older ones, or none. `is_welcome`: others know of this life of the node."""

    owned: int
    behind: int
    to_move: int
    moved: int
    hints: int
    repaired: int
    is_welcome: bool


@dataclass(frozen=True, slots=True)
class RouterVitals(Message):
    """Since the start reads brought so many `repaired` records to owners that had older ones; and
    so often one was `hedged`, which is to ask other owners than those that it asked first."""

    repaired: int
    hedged: int


@dataclass(frozen=True, slots=True)
class GossiperVitals(Message):
    """The state of every member, as clients are told them."""

    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Alarm(Message):
    """Gossiper to its host: something that a person has to mend."""

    reason: str


@dataclass(frozen=True, slots=True)
class Elsewhere(Message):
    """Gossiper to its host: at this address, which the node was told to join, is a member of
    another network than this node's own."""

    address: str
    other: str
    network: str


@dataclass(frozen=True, slots=True)
class Noted(Message):
    """Gossiper to its host: something that a person may want to find in the log later."""

    what: str


@dataclass(frozen=True, slots=True)
class Retire(Message):
    """Gossiper to its host: this node has left for good and is to stop."""


@dataclass(frozen=True, slots=True)
class GiveUp(Message):
    """Gossiper to its host: this node was refused and must end."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeniedKeys(Message):
    """Gossiper to its host: nothing is taken any more from who has these keys, and from nobody
    else's is that so."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounced(Message):
    """Host to sender: the envelope with this correlation id was provably not sent. `why` is empty
    where it is only that there is no connection."""

    to: Address
    request: Message
    why: str = ""


@dataclass(frozen=True, slots=True)
class LinkUp(Message):
    """Host to session: there is a connection to this endpoint (`host:port`)."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class LinkDown(Message):
    """Host to session: the connection to this endpoint was lost, or could not be made. Where keys
    are to blame `why` says so, of the endpoint; `is_refused` if that is certain."""

    endpoint: str
    why: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Dropped(Message):
    """Actor to host: something from outside was not acted on, so often. Count it by this reason."""

    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Host to actor: finish what is under way, say good-bye, then answer Finished."""


@dataclass(frozen=True, slots=True)
class Finished(Message):
    """Actor to host: nothing more will come from me."""
