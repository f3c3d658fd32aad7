"""What clients are given of a key besides its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.versions import Kind

PAGE_KEYS = 1_000
"""So many are given at once, unless fewer are asked for: a node gives no more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the version it has, and the names of the nodes that were seen to hold it."""

    key: str
    value: Any
    version: str
    replicas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exact:
    """A key as its owners hold it: `data` is JSON or raw bytes, by its kind; it expires at a time
    in milliseconds since 1970, or never if that is 0."""

    key: str
    kind: Kind
    data: bytes
    version: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that every node holds, its version, and the id of the node where it was shared."""

    key: str
    value: Any
    version: str
    node: str
