"""A storage actor, node A's, that is a member of a layout; and what is said to it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Address, Envelope
from actors.layout import Layout, layout_to_bytes
from actors.messages import Fetch, MembersChanged, Remember, Store, Stored
from actors.storage import Storage
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import A, B, C, DictionaryDisk, Turns, member, message, to

COORDINATOR = Address(B, "router")
LAYOUT = Layout(1, (A, B, C), (), ())


def storage(
    disk: DictionaryDisk,
    clock_limit: int = 0,
    settings: StorageSettings | None = None,
    *,
    layout: Layout | None = LAYOUT,
    boot_count: int = 1,
) -> Turns:
    """The storage of node A in its first life, on this disk, which has a layout; the gossiper knows
    of three nodes. What its parts say to others at the beginning is over."""
    notes = {"layout": layout_to_bytes(layout)} if layout else {}
    boot = f"{boot_count}.0"
    quiet = settings or StorageSettings(anti_entropy=False)
    turns = Turns(Storage(A, disk, boot_count, boot, clock_limit, notes, Random(1), quiet))
    members = MembersChanged("net", tuple(member(node) for node in (A, B, C)), "")
    turns.take(to("storage", members, Address(A, "gossiper")))
    return turns


def store(*records: Record, number: int = 1, epoch: int = 1) -> Envelope:
    """A coordinator sends records."""
    message = Store(
        epoch,
        tuple(r.key for r in records),
        tuple(r.kind for r in records),
        tuple(r.value for r in records),
        tuple(r.stamp for r in records),
        tuple(r.expires_ms for r in records),
    )
    return to("storage", message, COORDINATOR, number)


def fetch(*keys: str, epoch: int = 1) -> Envelope:
    """A coordinator asks for records."""
    return to("storage", Fetch(epoch, keys), COORDINATOR)


def remember(founding: Layout | None = None, **notes: bytes) -> Envelope:
    """The gossiper has notes to keep, and perhaps begins a network."""
    message = Remember(tuple(notes.items()), founding)
    return to("storage", message, Address(A, "gossiper"), 7)


def codes(out: Sequence[Envelope]) -> list[str]:
    """What became of the one Store."""
    return list(message(out, Stored).codes)
