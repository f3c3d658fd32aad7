"""Every message, one frozen dataclass each: the request is a verb, the reply its past tense.

Messages about keys are plural, as columns: `keys[i]`, `kinds[i]` and `values[i]` belong together. A
single put is a plural of one. `columns` names the fields that must be equally long. A reply to a
plural read may answer the first keys only (at least one), so that its size stays bounded; who wants
the rest asks again for the rest.
"""

from __future__ import annotations

from actors.messages.base import (
    Message,
)
from actors.messages.gossip import (
    Ack,
    Admitted,
    Bind,
    Bound,
    Change,
    Compare,
    Compared,
    Exchange,
    Fresh,
    Join,
    Nack,
    Ping,
    PingReq,
    Rumour,
    Tell,
)
from actors.messages.gossip_requests import (
    Departed,
    Forget,
    KeysChanged,
    Leave,
    ListMembers,
    ListShared,
    MembersListed,
    Share,
    Shared,
    SharedListed,
    WatchKeys,
    WatchMembers,
)
from actors.messages.inner import (
    Alarm,
    Bounced,
    Changed,
    ClockRaised,
    Connect,
    Dropped,
    Finished,
    GiveUp,
    LinkDown,
    LinkUp,
    MembersChanged,
    Noted,
    Reconnect,
    Remember,
    Remembered,
    Retire,
    Stop,
    Subscribe,
    Watched,
)
from actors.messages.replicas import (
    Fetch,
    Fetched,
    Observe,
    Observed,
    Scan,
    Scanned,
    Store,
    Stored,
)
from actors.messages.requests import (
    Failed,
    Get,
    Got,
    List,
    Listed,
    Write,
    Written,
)

__all__ = [
    "BETWEEN_NODES",
    "FROM_CLIENTS",
    "TO_CLIENTS",
    "TO_GOSSIPERS",
    "Ack",
    "Admitted",
    "Alarm",
    "Bind",
    "Bounced",
    "Bound",
    "Change",
    "Changed",
    "ClockRaised",
    "Compare",
    "Compared",
    "Connect",
    "Departed",
    "Dropped",
    "Exchange",
    "Failed",
    "Fetch",
    "Fetched",
    "Finished",
    "Forget",
    "Fresh",
    "Get",
    "GiveUp",
    "Got",
    "Join",
    "KeysChanged",
    "Leave",
    "LinkDown",
    "LinkUp",
    "List",
    "ListMembers",
    "ListShared",
    "Listed",
    "MembersChanged",
    "MembersListed",
    "Message",
    "Nack",
    "Noted",
    "Observe",
    "Observed",
    "Ping",
    "PingReq",
    "Reconnect",
    "Remember",
    "Remembered",
    "Retire",
    "Rumour",
    "Scan",
    "Scanned",
    "Share",
    "Shared",
    "SharedListed",
    "Stop",
    "Store",
    "Stored",
    "Subscribe",
    "Tell",
    "WatchKeys",
    "WatchMembers",
    "Watched",
    "Write",
    "Written",
]

FROM_CLIENTS: frozenset[type[Message]] = frozenset(
    {Write, Get, List, ListMembers, WatchMembers, Share, ListShared, WatchKeys, Leave, Forget}
)
"""What a client may send."""

TO_GOSSIPERS: frozenset[type[Message]] = FROM_CLIENTS - {Write, Get, List}
"""What of it is answered by the gossiper and not by the router."""

TO_CLIENTS: frozenset[type[Message]] = frozenset(
    {Written, Got, Listed, MembersListed, Shared, SharedListed, KeysChanged, Departed, Failed}
)
"""What a client may be answered."""

BETWEEN_NODES: frozenset[type[Message]] = frozenset(
    {Observe, Observed, Store, Stored, Fetch, Fetched, Scan, Scanned, Failed}
    | {Join, Admitted, Fresh, Bind, Bound, Rumour, Compare, Compared, Exchange, Tell}
    | {Ping, Ack, PingReq, Nack, Leave, Departed}
)
"""What a node may send to another."""
