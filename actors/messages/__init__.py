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
from actors.messages.chunks import (
    AskFiles,
    ChunkKept,
    ChunksCompared,
    ChunkTaken,
    CompareChunks,
    FilesReport,
    KeepChunk,
    Refer,
    Referred,
    Released,
    TakeChunk,
    Touch,
    Touched,
)
from actors.messages.consensus import (
    NO_BALLOT,
    Accept,
    Accepted,
    Ballot,
    Hello,
    Prepare,
    Promised,
    SyncReport,
    Welcome,
)
from actors.messages.files import (
    CheckFile,
    ChunkGot,
    ChunkPut,
    ChunksHeld,
    ChunksMissing,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    GetChunk,
    GetFile,
    HoldChunks,
    ListFiles,
    PutChunk,
    PutFile,
    RemoveFile,
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
    Deny,
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
    AskVitals,
    Bounced,
    Changed,
    ClockRaised,
    Connect,
    DeniedKeys,
    Dropped,
    Elsewhere,
    FilesHandedOver,
    Finished,
    GiveUp,
    GossiperVitals,
    Heal,
    Healed,
    Hint,
    LinkDown,
    LinkUp,
    MembersChanged,
    Noted,
    PutRecord,
    Reconnect,
    Remember,
    Remembered,
    Retire,
    RouterVitals,
    Stop,
    StorageVitals,
    Strike,
    Struck,
    Subscribe,
    Unread,
    WantEpoch,
    Watched,
    Welcomed,
)
from actors.messages.repair import (
    Collect,
    ComparedTrees,
    CompareTrees,
    Confirm,
    Confirmed,
    Pull,
    Pulled,
)
from actors.messages.replicas import (
    AskLayout,
    AskReport,
    Fetch,
    Fetched,
    Inspect,
    Inspected,
    LayoutIs,
    Observe,
    Observed,
    Report,
    Scan,
    Scanned,
    Store,
    Stored,
)
from actors.messages.requests import (
    Check,
    Checked,
    Explain,
    Explained,
    Export,
    Exported,
    Failed,
    Get,
    Got,
    Level,
    List,
    Listed,
    RingShown,
    ShowRing,
    Write,
    Written,
)

__all__ = [
    "BETWEEN_FILE_SERVERS",
    "BETWEEN_NODES",
    "FILES_FROM_CLIENTS",
    "FILES_TO_CLIENTS",
    "FROM_CLIENTS",
    "NO_BALLOT",
    "TO_CLIENTS",
    "TO_GOSSIPERS",
    "Accept",
    "Accepted",
    "Ack",
    "Admitted",
    "Alarm",
    "AskFiles",
    "AskLayout",
    "AskReport",
    "AskVitals",
    "Ballot",
    "Bind",
    "Bounced",
    "Bound",
    "Change",
    "Changed",
    "Check",
    "CheckFile",
    "Checked",
    "ChunkGot",
    "ChunkKept",
    "ChunkPut",
    "ChunkTaken",
    "ChunksCompared",
    "ChunksHeld",
    "ChunksMissing",
    "ClockRaised",
    "Collect",
    "Compare",
    "CompareChunks",
    "CompareTrees",
    "Compared",
    "ComparedTrees",
    "Confirm",
    "Confirmed",
    "Connect",
    "DeniedKeys",
    "Deny",
    "Departed",
    "Dropped",
    "Elsewhere",
    "Exchange",
    "Explain",
    "Explained",
    "Export",
    "Exported",
    "Failed",
    "Fetch",
    "Fetched",
    "FileChecked",
    "FileGot",
    "FilePut",
    "FileRemoved",
    "FilesHandedOver",
    "FilesListed",
    "FilesReport",
    "Finished",
    "Forget",
    "Fresh",
    "Get",
    "GetChunk",
    "GetFile",
    "GiveUp",
    "GossiperVitals",
    "Got",
    "Heal",
    "Healed",
    "Hello",
    "Hint",
    "HoldChunks",
    "Inspect",
    "Inspected",
    "Join",
    "KeepChunk",
    "KeysChanged",
    "LayoutIs",
    "Leave",
    "Level",
    "LinkDown",
    "LinkUp",
    "List",
    "ListFiles",
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
    "Prepare",
    "Promised",
    "Pull",
    "Pulled",
    "PutChunk",
    "PutFile",
    "PutRecord",
    "Reconnect",
    "Refer",
    "Referred",
    "Released",
    "Remember",
    "Remembered",
    "RemoveFile",
    "Report",
    "Retire",
    "RingShown",
    "RouterVitals",
    "Rumour",
    "Scan",
    "Scanned",
    "Share",
    "Shared",
    "SharedListed",
    "ShowRing",
    "Stop",
    "StorageVitals",
    "Store",
    "Stored",
    "Strike",
    "Struck",
    "Subscribe",
    "SyncReport",
    "TakeChunk",
    "Tell",
    "Touch",
    "Touched",
    "Unread",
    "WantEpoch",
    "WatchKeys",
    "WatchMembers",
    "Watched",
    "Welcome",
    "Welcomed",
    "Write",
    "Written",
]

TO_GOSSIPERS: frozenset[type[Message]] = frozenset(
    {ListMembers, WatchMembers, Share, ListShared, WatchKeys, Leave, Forget, Deny}
)
"""What a client may ask of a gossiper."""

FROM_CLIENTS: frozenset[type[Message]] = TO_GOSSIPERS | frozenset(
    {Write, Get, List, Check, Explain, ShowRing, Export}
)
"""What a client may send; the rest is answered by the router."""

TO_CLIENTS: frozenset[type[Message]] = frozenset(
    {Written, Got, Listed, Checked, Explained, RingShown, Exported, Failed}
    | {MembersListed, Shared, SharedListed, KeysChanged, Departed}
)
"""What a client may be answered."""

BETWEEN_NODES: frozenset[type[Message]] = frozenset(
    {Observe, Observed, Store, Stored, Fetch, Fetched, Scan, Scanned, Failed}
    | {LayoutIs, AskLayout, Inspect, Inspected, AskReport, Report}
    | {CompareTrees, ComparedTrees, Pull, Pulled, Confirm, Confirmed, Collect}
    | {Prepare, Promised, Accept, Accepted, Hello, Welcome, SyncReport}
    | {Join, Admitted, Fresh, Bind, Bound, Rumour, Compare, Compared, Exchange, Tell}
    | {Ping, Ack, PingReq, Nack, Leave, Departed}
    | {Refer, Referred, AskFiles, FilesReport}
)
"""What a node may send to another."""

FILES_FROM_CLIENTS: frozenset[type[Message]] = frozenset(
    {CheckFile, HoldChunks, PutChunk, PutFile, GetFile, GetChunk, ListFiles, RemoveFile}
)
"""What a client may send to a file port, and what it may be answered there."""

FILES_TO_CLIENTS: frozenset[type[Message]] = frozenset(
    {FileChecked, ChunksHeld, ChunkPut, FilePut, ChunksMissing, FileGot, ChunkGot, FilesListed}
    | {FileRemoved, Failed}
)

BETWEEN_FILE_SERVERS: frozenset[type[Message]] = frozenset(
    {KeepChunk, ChunkKept, Touch, Touched, TakeChunk, ChunkTaken, CompareChunks, ChunksCompared}
    | {Refer, Referred, Released, LayoutIs, Failed}
)
"""What a file server may send to another."""
