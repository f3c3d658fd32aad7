"""Between a client and the router of the node that it asks, the coordinator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from actors.layout import Layout
from actors.messages.base import Message
from actors.messages.chunks import FilesReport
from actors.versions import Kind

Level = Literal["quorum", "one", "all"]
"""How many of a key's owners must have answered. Only quorums make a key an atomic register."""


@dataclass(frozen=True, slots=True)
class Write(Message):
    """Store each value under its key; the kind "absent", with an empty value, deletes the key. The
    keys are gone by themselves after `ttl_ms`, if that is not 0."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    w: Level
    ttl_ms: int
    timeout_ms: int
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values")


@dataclass(frozen=True, slots=True)
class Written(Message):
    """For each key "ok" or an error's code, its new version, and the names of who has stored it so
    far."""

    codes: tuple[str, ...]
    versions: tuple[str, ...]
    replicas: tuple[tuple[str, ...], ...]
    columns: ClassVar[tuple[str, ...]] = ("codes", "versions", "replicas")


@dataclass(frozen=True, slots=True)
class Get(Message):
    """Read each key. `details` asks for versions and replicas too."""

    keys: tuple[str, ...]
    details: bool
    r: Level
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Got(Message):
    """For each of the first keys asked "ok", "not_found" or an error's code, and the value.

    `versions` and `replicas`, the names of those that were seen to hold this version, are empty
    unless `details` were asked for.
    """

    codes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    versions: tuple[str, ...]
    replicas: tuple[tuple[str, ...], ...]
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
class Check(Message):
    """Is every partition fully replicated, and may the node that is asked be stopped?"""

    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Checked(Message):
    """Partitions are counted whose owners are not all there with everything, and those of which so
    many are not that there is no quorum. `reasons` say why the node should not be stopped now.

    `moving`: data moves to new owners, and of the members `movers` each has got `moved` of
    `to_move` partitions. `silent` are members that did not answer; hints wait for `hinted`. The
    counts of `files` are those of all that did, together.
    """

    epoch: int
    members: int
    moving: bool
    under_replicated: int
    without_quorum: int
    safe_to_stop: bool
    reasons: tuple[str, ...]
    movers: tuple[str, ...]
    to_move: tuple[int, ...]
    moved: tuple[int, ...]
    silent: tuple[str, ...]
    hinted: tuple[str, ...]
    hints: tuple[int, ...]
    files: FilesReport


@dataclass(frozen=True, slots=True)
class ShowRing(Message):
    """Which layout is there, and how is each of its partitions?"""

    timeout_ms: int


@dataclass(frozen=True, slots=True)
class RingShown(Message):
    """Who owns what follows from the layout, of which `gone` has only those that were given up.

    `behind` and `without` have a bit for each partition, as in Report: which have an owner that is
    not there with everything, and which have too few that are there for a quorum. `silent` members
    (ids) did not answer.
    """

    layout: Layout
    behind: str
    without: str
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Export(Message):
    """The records of all keys that come after `after`, in the order of their UTF-8."""

    after: str
    limit: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Exported(Message):
    """A page of records; `expiries` are wall-clock milliseconds, 0 for never. Ask again with
    `after` set to the cursor; an empty cursor: that was all."""

    keys: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: tuple[bytes, ...]
    versions: tuple[str, ...]
    expiries: tuple[int, ...]
    cursor: str
    columns: ClassVar[tuple[str, ...]] = ("keys", "kinds", "values", "versions", "expiries")


@dataclass(frozen=True, slots=True)
class Explain(Message):
    """Where is a key, and what does each of its owners hold?"""

    key: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Explained(Message):
    """`position` is the SHA-1 of the key in hex. `owners` are names in the order of preference, and
    `new_owners` those when nothing moves any more, if they are others.

    Columns, one for each owner, old and new: `codes` is "ok", "not_found" or an error's code;
    `expiries` are wall-clock milliseconds, 0 for never. Hints of this key wait for `hinted`.
    """

    position: str
    partition: int
    epoch: int
    owners: tuple[str, ...]
    new_owners: tuple[str, ...]
    replicas: tuple[str, ...]
    codes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    versions: tuple[str, ...]
    expiries: tuple[int, ...]
    sizes: tuple[int, ...]
    hinted: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]] = (
        "replicas",
        "codes",
        "kinds",
        "versions",
        "expiries",
        "sizes",
    )


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """The whole request failed: a stable code, a sentence for a person, and whether it is certain
    that nothing happened."""

    code: str
    reason: str
    definite: bool
