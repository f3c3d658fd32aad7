"""Between a coordinator and the routers and storages of the owners.

Each carries the epoch of the sender's layout. Who is at another epoch answers LayoutIs instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.layout import Layout
from actors.messages.base import Message
from actors.versions import Kind, Stamp


@dataclass(frozen=True, slots=True)
class LayoutIs(Message):
    """This is my layout: the answer to who is at another epoch, and news to all when one was
    decided. Within a node: what is on the disk now."""

    layout: Layout


@dataclass(frozen=True, slots=True)
class AskLayout(Message):
    """Which layout do you have? Mine has this epoch. Answered with LayoutIs."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Observe(Message):
    """Round one of a write: what is your node's clock?"""

    epoch: int


@dataclass(frozen=True, slots=True)
class Observed(Message):
    """The clock: never below a counter that this node holds."""

    clock: int


@dataclass(frozen=True, slots=True)
class Store(Message):
    """Round two of a write: keep each of these, unless something newer is held already. `expiries`
    are wall-clock milliseconds, 0 for never; "absent" under the stamp of a value marks that value
    as expired."""

    epoch: int
    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    expiries: tuple[int, ...]
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values", "stamps", "expiries")


@dataclass(frozen=True, slots=True)
class Stored(Message):
    """For each key "ok" once it, or something newer, is on the disk, else an error's code."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetch(Message):
    """What do you hold for these keys?"""

    epoch: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetched(Message):
    """What is held for the first keys asked; an unknown key is "absent" with the stamp NEVER."""

    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    expiries: tuple[int, ...]
    columns: ClassVar[tuple[str, ...]] = ("kinds", "values", "stamps", "expiries")


@dataclass(frozen=True, slots=True)
class Scan(Message):
    """Which keys that begin with `prefix` and come after `after` do you hold?"""

    epoch: int
    prefix: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Scanned(Message):
    """Keys in order, those with a value that has not expired, and whether there are more."""

    keys: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Inspect(Message):
    """For people: what do you hold for this key, and for whom have you hints of it?"""

    key: str


@dataclass(frozen=True, slots=True)
class Inspected(Message):
    """The record without its value (`stamp` is NEVER where there is none), and the ids of the
    members for whom a hint waits here."""

    epoch: int
    kind: Kind
    stamp: Stamp
    expires_ms: int
    size_bytes: int
    hinted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskReport(Message):
    """How do you do?"""

    epoch: int


@dataclass(frozen=True, slots=True)
class Report(Message):
    """`behind` are the partitions of which this replica may lack something: 4,096 bits in hex, the
    most significant bit of the first digit for partition 0. Of `moving` partitions that it is to
    get in this layout it has `moved`. For each of the members `hinted` (ids) so many hints wait."""

    epoch: int
    behind: str
    moving: int
    moved: int
    hinted: tuple[str, ...]
    hints: tuple[int, ...]
    columns: ClassVar[tuple[str, ...]] = ("hinted", "hints")
