"""Between storages: the next layout is decided by single-decree Paxos among the members of the
base (Lamport, "Paxos made simple", 2001).

Each carries the sender's layout, so that who is behind catches up before it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from actors.layout import Layout
from actors.messages.base import Message


class Ballot(NamedTuple):
    """The number of an attempt to decide; of equal rounds the greater node id is the later."""

    round: int
    node: str


NO_BALLOT = Ballot(0, "")


@dataclass(frozen=True, slots=True)
class Prepare(Message):
    """Phase one: promise to take nothing below this ballot for the epoch after `layout`."""

    layout: Layout
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Promised(Message):
    """The promise, and what was accepted before: NO_BALLOT if nothing was, and `proposal` is then
    without meaning. `promised` is above the ballot asked for where the promise was refused."""

    epoch: int
    promised: Ballot
    accepted: Ballot
    proposal: Layout


@dataclass(frozen=True, slots=True)
class Accept(Message):
    """Phase two: take this proposal as the layout after `layout`."""

    layout: Layout
    ballot: Ballot
    proposal: Layout


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    """It is on the disk, if `promised` is the ballot; else something above that was promised."""

    epoch: int
    promised: Ballot


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """A storage has begun its life `boot`, the `count`-th of its folder: is that news?"""

    count: int
    boot: str


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """It is remembered; or not, for a life of that id with the number `known` was seen before: then
    the folder is an old copy, and has forgotten what it acknowledged."""

    welcome: bool
    known: int


@dataclass(frozen=True, slots=True)
class SyncReport(Message):
    """In the joint layout of this epoch the sender has `moved` of the `moving` partitions whose
    owners change and whom it will be one of."""

    epoch: int
    moving: int
    moved: int
