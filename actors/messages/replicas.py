"""Between a coordinator and the routers and storages of the owners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.messages.base import Message
from actors.versions import Kind, Stamp


@dataclass(frozen=True, slots=True)
class Observe(Message):
    """Round one of a write: what is your node's clock?"""


@dataclass(frozen=True, slots=True)
class Observed(Message):
    """The clock: never below a counter that this node holds."""

    clock: int


@dataclass(frozen=True, slots=True)
class Store(Message):
    """Round two of a write: keep each of these, unless something newer is held already."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values", "stamps")


@dataclass(frozen=True, slots=True)
class Stored(Message):
    """For each key "ok" once it, or something newer, is on the disk, else an error's code."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetch(Message):
    """What do you hold for these keys?"""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetched(Message):
    """What is held for the first keys asked; an unknown key is "absent" with the stamp NEVER."""

    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    columns: ClassVar[tuple[str, ...]] = ("kinds", "values", "stamps")


@dataclass(frozen=True, slots=True)
class Scan(Message):
    """Which keys that begin with `prefix` and come after `after` do you hold?"""

    prefix: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Scanned(Message):
    """Keys in order, tombstones left out, and whether there are more."""

    keys: tuple[str, ...]
    more: bool
