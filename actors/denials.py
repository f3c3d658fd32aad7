"""Which clients' keys are denied: shared values under names of their own, so that every node holds
them within a second, and on its disk too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from actors.messages import Deny, Failed, Share
from actors.roles import is_deniable
from actors.shared import SharedEntry, from_note

RESERVED = "gossamer/"
"""Shared keys that begin so are the network's own: no client shares them, nor finds them in a list
unless it asks for them."""

_BEYOND = "gossamer0"
"""What comes next after all of those."""

PREFIX = "gossamer/denied/"
DENIED = b"true"


def is_own(key: str) -> bool:
    """Is this shared key one of the network's own?"""
    return key.startswith(RESERVED)


def own_part(present: Sequence[str]) -> slice:
    """Where those of the network's own are in a sorted list of shared keys."""
    return slice(bisect_left(present, RESERVED), bisect_left(present, _BEYOND))


def can_be(entry: SharedEntry) -> bool:
    """Could a node have shared this of its own? There are only so many of these, and so they need
    no other bound."""
    denies = entry.kind == "json" and entry.value == DENIED
    allows = entry.kind == "absent"
    return is_deniable(entry.key.removeprefix(PREFIX)) and (denies or allows)


def as_share(deny: Deny) -> Share | Failed:
    """What is shared where a key is denied, or is so no longer; or why it cannot be."""
    if not is_deniable(deny.key):
        reason = f"{deny.key[:50]!r} is no key of a client, such as writer-17"
        return Failed("refused", reason, True)
    kind, value = ("json", DENIED) if deny.denied else ("absent", b"")
    return Share(PREFIX + deny.key, kind, value, deny.timeout_ms)  # type: ignore[arg-type]


def denied_keys(shared: Iterable[str]) -> tuple[str, ...]:
    """The keys that are denied, of shared keys that are there."""
    return tuple([key.removeprefix(PREFIX) for key in shared if key.startswith(PREFIX)])


def denied_in(notes: Mapping[str, bytes]) -> tuple[str, ...]:
    """Likewise of the notes on a disk. Raises ValueError for one that is spoilt."""
    entries = [from_note(name, note) for name, note in notes.items()]
    return denied_keys([e.key for e in entries if e is not None and e.kind != "absent"])
