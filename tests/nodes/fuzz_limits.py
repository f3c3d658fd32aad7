"""What a fuzzer does not say to a node: that by which it would rightly end, or its keys would be
unavailable."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from actors.denials import PREFIX
from actors.layout import Layout
from actors.layout import fault as fault_of_layout
from actors.membership import LIVING, Member
from actors.membership import fault as fault_of_member
from actors.messages import (
    Deny,
    Forget,
    Join,
    Leave,
)
from actors.shared import SharedEntry

PEERS = tuple(f"00000000000000b{n}" for n in range(4))
"""Members that have stopped, and stay so. The first may leave."""
PUBLISHER = "00000000000000c1"
"""One that has stopped, too, as far as the node knows; it is heard all the same."""
CLIENTS = ("admin-1", "writer-1", "reader-1")
"""The keys that clients have; others may be denied."""


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
