"""The public face of Gossamer: `from gossamer import Client, AsyncClient, Node`.

`Node`, `LocalNetwork` and what they need are imported when first asked for, so that a client starts
fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.errors import (
    BatchError,
    FileMissing,
    GossamerError,
    KeyNotFound,
    NotReady,
    Overloaded,
    Refused,
    Stopping,
    TimedOut,
    Unavailable,
    Unreachable,
)
from actors.membership import Member
from actors.uploading import Uploaded
from nodes.async_client import AsyncClient
from nodes.client import Client
from nodes.downloads import Downloaded
from nodes.entries import Entry, SharedValue
from nodes.file_methods import FileEntry
from nodes.remote_files import AsyncRemoteFile
from nodes.ring_view import Ring, RingMember
from nodes.status import Explanation, Replica, Status, Transfer
from nodes.watching import KeyChange, MemberChange

if TYPE_CHECKING:
    from nodes.local_network import LocalNetwork
    from nodes.node import Node

__all__ = [
    "AsyncClient",
    "AsyncRemoteFile",
    "BatchError",
    "Client",
    "Downloaded",
    "Entry",
    "Explanation",
    "FileEntry",
    "FileMissing",
    "GossamerError",
    "KeyChange",
    "KeyNotFound",
    "LocalNetwork",
    "Member",
    "MemberChange",
    "Node",
    "NotReady",
    "Overloaded",
    "Refused",
    "Replica",
    "Ring",
    "RingMember",
    "SharedValue",
    "Status",
    "Stopping",
    "TimedOut",
    "Transfer",
    "Unavailable",
    "Unreachable",
    "Uploaded",
]


def __getattr__(name: str) -> Any:
    if name == "Node":
        from nodes.node import Node

        return Node
    if name == "LocalNetwork":
        from nodes.local_network import LocalNetwork

        return LocalNetwork
    raise AttributeError(f"module 'gossamer' has no attribute {name!r}")
