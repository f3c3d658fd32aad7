"""What the holder of each key may do: every message that passes at a port, for every role."""

from __future__ import annotations

import pytest

from actors.messages import (
    BETWEEN_FILE_SERVERS,
    BETWEEN_NODES,
    FILES_FROM_CLIENTS,
    FROM_CLIENTS,
    Check,
    CheckFile,
    Deny,
    Explain,
    Export,
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
    Store,
    WatchKeys,
    WatchMembers,
    Write,
)
from actors.permissions import refusal
from actors.roles import CLIENT_ROLES, KEYS_PER_ROLE, OWNER, is_deniable, key_name, role_of

LEAST: dict[type[Message], str] = {
    Get: "reader",
    List: "reader",
    Check: "reader",
    Explain: "reader",
    ShowRing: "reader",
    ListMembers: "reader",
    WatchMembers: "reader",
    ListShared: "reader",
    WatchKeys: "reader",
    GetFile: "reader",
    GetChunk: "reader",
    ListFiles: "reader",
    Write: "writer",
    Share: "writer",
    CheckFile: "writer",
    HoldChunks: "writer",
    PutChunk: "writer",
    PutFile: "writer",
    RemoveFile: "writer",
    Leave: "admin",
    Forget: "admin",
    Deny: "admin",
    Export: "admin",
}
"""What a client may ask, and the least that its key has to be."""

BY_NODES = sorted(BETWEEN_NODES | BETWEEN_FILE_SERVERS, key=lambda message: message.__name__)
KEYS = ["reader-1", "writer-17", "admin-4096", OWNER]


def test_nothing_that_a_client_may_ask_is_left_out() -> None:
    """The table below is of all requests at both ports."""
    assert LEAST.keys() == FROM_CLIENTS | FILES_FROM_CLIENTS


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("message", LEAST)
def test_a_client_may_do_what_its_role_allows(message: type[Message], key: str) -> None:
    """And a role all that those before it allow; whatever else is refused, with the reason."""
    role = role_of(key)
    assert role is not None
    refused = refusal(key, message, (), as_node=False)
    if CLIENT_ROLES.index(role) >= [*CLIENT_ROLES].index(LEAST[message]):  # type: ignore[arg-type]
        assert refused is None
    else:
        assert refused is not None
        assert (refused.code, refused.definite) == ("not_allowed", True)
        assert f"the key {key} may not " in refused.reason
        assert LEAST[message] in refused.reason


@pytest.mark.parametrize("message", BY_NODES)
def test_only_a_node_speaks_as_one(message: type[Message]) -> None:
    """No client's key does, though it be an admin's; and a node says nothing else."""
    assert refusal("node", message, (), as_node=True) is None
    for key in [*KEYS, "", "nobody", "node-1"]:
        assert refusal(key, message, (), as_node=True) is not None


@pytest.mark.parametrize("message", LEAST)
def test_a_node_does_not_speak_as_a_client(message: type[Message]) -> None:
    """Its key is for what nodes say, and that is all; nor does it help to have none."""
    for key in ("node", "", "root-1"):
        assert refusal(key, message, (), as_node=False) is not None


def test_what_only_clients_may_ask_no_node_may() -> None:
    """It says so although its key is a node's."""
    for message in LEAST.keys() - BETWEEN_NODES:
        assert refusal("node", message, (), as_node=True) is not None


def test_a_denied_key_may_do_nothing() -> None:
    """Of its role others still may."""
    denied = frozenset({"reader-7"})
    refused = refusal("reader-7", Get, denied, as_node=False)
    assert refused is not None
    assert (refused.code, refused.reason) == ("not_allowed", "the key reader-7 was denied")
    assert refusal("reader-8", Get, denied, as_node=False) is None
    assert refusal("node", Store, denied, as_node=True) is None


@pytest.mark.parametrize("role", CLIENT_ROLES)
def test_a_key_has_a_role_and_a_number(role: str) -> None:
    """From 1 to 4,096; those can be denied."""
    first, last = (key_name(role, number) for number in (1, KEYS_PER_ROLE))  # type: ignore[arg-type]
    assert (first, last) == (f"{role}-1", f"{role}-4096")
    assert (role_of(first), role_of(last)) == (role, role)
    assert is_deniable(first)
    assert is_deniable(last)


@pytest.mark.parametrize(
    "name",
    [
        *("", "reader", "reader-", "reader-0", "reader-01", "reader-4097", "reader-1 "),
        *("reader-\u0661", "reader-1\n", "reader-1-1", "Reader-1"),
        *("root-1", "node", "node-1", OWNER),
    ],
)
def test_other_names_cannot_be_denied(name: str) -> None:
    """Not that of nodes, nor that of who has the secret itself."""
    assert not is_deniable(name)
