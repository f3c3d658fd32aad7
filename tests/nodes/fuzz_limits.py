"""What a fuzzer does not say to a node: that by which it would rightly end, or its keys would be
unavailable, and that by which a node of today fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

from actors.actor import CLIENT, Envelope
from actors.chunks import fault_of, is_chunk_id, manifest_from_bytes
from actors.denials import PREFIX
from actors.layout import Layout
from actors.layout import fault as fault_of_layout
from actors.membership import LIVING, Member
from actors.membership import fault as fault_of_member
from actors.messages import (
    FILES_FROM_CLIENTS,
    Check,
    Collect,
    Confirm,
    Deny,
    Fetch,
    Forget,
    Inspect,
    Join,
    Leave,
    Refer,
    Store,
)
from actors.permissions import READS
from actors.shared import SharedEntry
from actors.spaces import is_of_file
from actors.versions import Kind
from nodes.ports import FILES, REQUESTS

PEERS = tuple(f"00000000000000b{n}" for n in range(4))
"""Members that have stopped, and stay so. The first may leave."""
PUBLISHER = "00000000000000c1"
"""One that has stopped, too, as far as the node knows; it is heard all the same."""
CLIENTS = ("admin-1", "writer-1", "reader-1")
"""The keys that clients have; others may be denied."""

ACTORS = ("router", "storage", "gossiper", "fileserver", "host")
"""Who speaks, of a node."""
MOST_SLOW = 10
"""Many requests that are refused are answered one by one, and many checks take long: known."""


@dataclass(frozen=True, slots=True)
class Target:
    """The node that is fuzzed, as its own record tells."""

    me: Member
    network: str


def is_wanted(value: Any, target: Target) -> bool:
    """May it be said without that the node is to end, or its keys are to be unavailable?

    All of that may be said by who has the key of a node, or of an admin; it is for other tests.
    """
    match value:
        case Join():
            return True
        case Member(id=id, state=state) if id == target.me.id:
            return state != "left"
        case Member(id=id, state=state) if not fault_of_member(value):
            # Others that live would be members of the layout, and never answer.
            return id in PEERS and state not in LIVING and (state != "left" or id == PEERS[0])
        case Layout(epoch=epoch) if epoch > 1 and not fault_of_layout(value):
            staying = {target.me.id, PUBLISHER, *PEERS[1:]}
            is_own = {*value.base, *value.next} == {target.me.id}
            return is_own and staying.isdisjoint(value.gone) and epoch < 2**20
        case Leave(member=member) | Forget(member=member):
            return member not in ("", target.me.id, target.me.name, PUBLISHER, *PEERS[1:]) and (
                not member.startswith("peer") or member == "peer0"
            )
        case Deny(key=key) | SharedEntry(key=key):
            return key.removeprefix(PREFIX) not in CLIENTS
    if dataclasses.is_dataclass(value):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        parts = list(value) if isinstance(value, tuple) else []
    return all(is_wanted(part, target) for part in parts)


def is_known(told: Sequence[Envelope], target: Target) -> bool:
    """Does a node of today fail by this? It is reported; when it is mended this is to go."""
    if len(told) > MOST_SLOW and any(map(_is_slow, told)):
        return True
    return any(_is_fatal(envelope, target) for envelope in told)


def _is_fatal(envelope: Envelope, target: Target) -> bool:
    node, actor = envelope.sender
    if node == target.me.id and actor not in ACTORS:
        return True
    match envelope.message:
        case Store(keys=keys, kinds=kinds, values=values):
            records = zip(keys, kinds, values, strict=True)
            return "" in keys or any(starmap(_is_spoilt, records))
        case Fetch(keys=keys) | Confirm(keys=keys) | Collect(keys=keys):
            return "" in keys
        case Inspect(key=key):
            return not key
        case Refer(chunks=chunks):
            return not all(map(is_chunk_id, chunks))
    return False


def _is_spoilt(key: str, kind: Kind, value: bytes) -> bool:
    """Is it the record of a file, and no manifest?"""
    try:
        return is_of_file(key) and kind != "absent" and bool(fault_of(manifest_from_bytes(value)))
    except (ValueError, TypeError, RecursionError):
        return True


def _is_slow(envelope: Envelope) -> bool:
    cls = type(envelope.message)
    port = FILES if cls in FILES_FROM_CLIENTS else REQUESTS
    is_of_client = envelope.sender.node == CLIENT
    is_slow = cls not in READS or cls is Check or envelope.to.actor != port.answers(cls)
    return is_of_client and is_slow
