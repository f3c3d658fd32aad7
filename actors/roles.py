"""Who may be who: the roles of keys, and what a key of a client is called."""

from __future__ import annotations

import re
from typing import Literal

Role = Literal["reader", "writer", "admin", "node"]

CLIENT_ROLES: tuple[Role, ...] = ("reader", "writer", "admin")
"""Each may do what those before it may."""

NODE: Role = "node"
"""The role of nodes, and the name of the key that they all have."""

KEYS_PER_ROLE = 4_096
"""Keys of clients are numbered from 1, so that nodes can tell whose a key is without a list."""

OWNER = "admin-0"
"""The key of a client that has the secret itself; it cannot be denied."""

_BY_NAME: dict[str, Role] = {role: role for role in CLIENT_ROLES}
_KEY = re.compile(rf"({'|'.join(CLIENT_ROLES)})-([1-9][0-9]{{0,3}})")


def key_name(role: Role, number: int) -> str:
    """What a client's key is called."""
    return f"{role}-{number}"


def role_of(key: str) -> Role | None:
    """The role of a key, by its name; None if there is no such role."""
    return NODE if key == NODE else _BY_NAME.get(key.partition("-")[0])


def is_deniable(key: str) -> bool:
    """Can there be such a key, and be denied?"""
    match = _KEY.fullmatch(key)
    return match is not None and int(match[2]) <= KEYS_PER_ROLE
