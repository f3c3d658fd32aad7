"""What a key may do: a table of roles and messages, and nothing else decides it.

Whose key it is tells who has authenticated it, ZeroMQ. What a message says of its sender, and the
name of the connection that it came by, prove nothing.
"""

from __future__ import annotations

from collections.abc import Container

from actors.messages import (
    BETWEEN_FILE_SERVERS,
    BETWEEN_NODES,
    Check,
    CheckFile,
    Deny,
    Explain,
    Export,
    Failed,
    Forget,
    Get,
    GetChunk,
    GetFile,
    HoldChunks,
    Leave,
    List,
    ListFiles,
    ListMembers,
    ListShared,
    Message,
    PutChunk,
    PutFile,
    RemoveFile,
    Share,
    ShowRing,
    WatchKeys,
    WatchMembers,
    Write,
)
from actors.roles import NODE, Role, role_of

READS: frozenset[type[Message]] = frozenset(
    {Get, List, Check, Explain, ShowRing, ListMembers, WatchMembers, ListShared, WatchKeys}
    | {GetFile, GetChunk, ListFiles}
)
WRITES: dict[type[Message], str] = {
    Write: "write keys",
    Share: "share values",
    CheckFile: "upload files",
    HoldChunks: "upload files",
    PutChunk: "upload files",
    PutFile: "upload files",
    RemoveFile: "remove files",
}
GOVERNS: dict[type[Message], str] = {
    Leave: "let a member leave",
    Forget: "forget a member",
    Deny: "deny keys",
    Export: "make a backup",
}
"""What only some may do, with the words for it."""

MAY: dict[Role, frozenset[type[Message]]] = {
    "reader": READS,
    "writer": READS | WRITES.keys(),
    "admin": READS | WRITES.keys() | GOVERNS.keys(),
    "node": BETWEEN_NODES | BETWEEN_FILE_SERVERS,
}


def refusal(
    key: str, message: type[Message], denied: Container[str], *, as_node: bool
) -> Failed | None:
    """Why this message is not taken from who has this key, if so. `as_node`: it says that it is a
    node's."""
    role = role_of(key)
    if key in denied:
        reason = f"the key {key} was denied"
    elif role is None or as_node != (role == NODE):
        reason = (
            f"the key {key or 'that is none'} is not that of a {'node' if as_node else 'client'}"
        )
    elif message in MAY[role]:
        return None
    else:
        needed = "writer" if message in WRITES else "admin"
        what = WRITES.get(message) or GOVERNS.get(message) or "do that"
        reason = f"the key {key} may not {what}: that takes the key of {_a(needed)}"
    return Failed("not_allowed", reason, True)


def _a(role: str) -> str:
    return f"an {role}" if role == "admin" else f"a {role}"
