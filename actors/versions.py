"""Which of two values is the later one: the greater stamp wins, everywhere, whatever clocks say.

A stamp is the timestamp of the multi-writer register of Attiya, Bar-Noy and Dolev ("Sharing memory
robustly in message-passing systems", JACM 42(1), 1995): a Lamport counter, made unique by who
coordinated the write and in which of its lives.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["json", "bytes", "absent"]
"""What a record's value is: a JSON text, raw bytes, or a tombstone (a delete writes "absent")."""

MAX_CLOCK_STEP = 2**40
"""A counter further ahead of the own clock than this is refused: it can only be an attack."""

CLOCK_RESERVE = 2**20
"""The durable clock limit is raised in steps of this, so that few commits have to raise it."""


class Stamp(NamedTuple):
    """A version: compared as a tuple. `node` and `boot` make it unique, `ballot` is kept free for
    conditional writes and is empty for plain ones."""

    counter: int
    node: str
    boot: str
    ballot: str = ""

    def __str__(self) -> str:
        plain = f"{self.counter:x}-{self.node}-{self.boot}"
        return f"{plain}-{self.ballot}" if self.ballot else plain


NEVER = Stamp(0, "", "")
"""The stamp of a key that was never written; every write's stamp is greater."""


class Version(NamedTuple):
    """What decides which of two records of a key is the later: the stamp, and of equal stamps that
    it is `dead`, for "absent" under the stamp of a value marks that value as expired."""

    stamp: Stamp
    dead: bool


NOTHING = Version(NEVER, False)
"""The version of a key of which there is no record: every record is later."""


class Record(NamedTuple):
    """What a replica holds for one key. `expires_ms` is wall-clock, 0 for never."""

    key: str
    kind: Kind
    value: bytes
    stamp: Stamp
    expires_ms: int = 0

    @property
    def version(self) -> Version:
        """The record with the greater version is the later."""
        return Version(self.stamp, self.kind == "absent")


def boot_name(count: int, random_bits: int) -> str:
    """One life of a node: its start count and 64 random bits, so that a copied folder differs."""
    return f"{count:x}.{random_bits:016x}"
