"""Which member people mean: by its name, by its id, or by the host that its name begins with.

Where a node is called as its host and its port, as the units of systemd call it, the host is enough
if it is the only one there.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from actors.membership import Member

MOST_NAMED = 8
NEAREST = 3
MAX_LOOKED_AT = 100
"""Characters of what was said; a name is much shorter."""


def meant(wanted: str, members: Sequence[Member]) -> tuple[Member, ...]:
    """Those of that name or id; if there are none, those that are called `wanted` and a port."""
    exact = tuple([m for m in members if wanted in (m.name, m.id)])
    return exact or tuple([m for m in members if wanted and host_of(m.name) == wanted])


def host_of(name: str) -> str:
    """What stands before the port; empty where a name has none."""
    host, _, port = name.rpartition(":")
    return host if port.isdecimal() else ""


def why_several(wanted: str, found: Sequence[Member]) -> str:
    """A sentence for one who has named more than one."""
    if any(wanted in (m.name, m.id) for m in found):
        return f"{len(found)} members are called {wanted!r}: give its id"
    return f"{len(found)} members are at {wanted!r}: {_listed([m.name for m in found])}"


def why_none(wanted: str, members: Sequence[Member]) -> str:
    """A sentence for one who has named nobody: who is there, or who has a name most like that."""
    names = sorted({m.name for m in members})
    if len(names) <= MOST_NAMED:
        there = f"the members are {_listed(names)}"
    else:
        like = difflib.get_close_matches(wanted[:MAX_LOOKED_AT], names, NEAREST, 0.0)
        there = f"of {len(names):,} the nearest are {_listed(like)}"
    return f"there is no member {wanted!r:.{MAX_LOOKED_AT}}; {there}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
