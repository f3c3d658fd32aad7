"""Between a client and the router of the node that it asks, the coordinator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.messages.base import Message
from actors.versions import Kind


@dataclass(frozen=True, slots=True)
class Write(Message):
    """Store each value under its key; the kind "absent", with an empty value, deletes the key."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    timeout_ms: int
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values")


@dataclass(frozen=True, slots=True)
class Written(Message):
    """For each key "ok" or an error's code, its new version, and the names of who stored it."""

    codes: tuple[str, ...]
    versions: tuple[str, ...]
    replicas: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = ("codes", "versions", "replicas")


@dataclass(frozen=True, slots=True)
class Get(Message):
    """Read each key. `details` asks for versions and replicas too."""

    keys: tuple[str, ...]
    details: bool
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Got(Message):
    """For each of the first keys asked "ok", "not_found" or an error's code, and the value.

    `versions` and `replicas` are empty unless `details` were asked for.
    """

    codes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    versions: tuple[str, ...]
    replicas: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = ("codes", "kinds", "values")


@dataclass(frozen=True, slots=True)
class List(Message):
    """The keys that begin with `prefix` and come after `after`, in the order of their UTF-8."""

    prefix: str
    after: str
    limit: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Listed(Message):
    """A page of keys. Ask again with `after` set to the cursor; an empty cursor: that was all."""

    keys: tuple[str, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """The whole request failed: a stable code, a sentence for a person, and whether it is certain
    that nothing happened."""

    code: str
    reason: str
    definite: bool
