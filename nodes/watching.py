"""What those who watch are told: of members, what is news in one list after another; of keys, which
were changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actors.membership import Member, State, beats
from actors.messages import KeysChanged


@dataclass(frozen=True, slots=True)
class MemberChange:
    """A member as it is now, and the state that it was in before, empty for one that had not been
    seen; `moved` says that it was at another address."""

    member: Member
    was: State | Literal[""]
    moved: bool = False


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that was put or deleted, and its new version. Or, with `missed`, neither: there may
    have been changes, to any key, that nobody can tell any more. That a key has expired is no
    change."""

    key: str
    version: str
    change: Literal["put", "deleted", ""]
    missed: bool = False


MISSED = KeyChange("", "", "", missed=True)


class MembersSeen:
    """The latest that was seen of every member."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}

    def news(self, listed: Sequence[Member]) -> list[MemberChange]:
        """What is new to who has seen all earlier lists. They may be of several nodes: what one
        that is behind says is no news. Who had left before it was seen never is."""
        changes: list[MemberChange] = []
        for member in listed:
            before = self._members.get(member.id)
            if before is None and member.state == "left":
                continue
            if beats(member, before):
                self._members[member.id] = member
                moved = before is not None and before.address != member.address
                if before is None or moved or before.state != member.state:
                    changes.append(MemberChange(member, before.state if before else "", moved))
        return changes


def key_changes(changed: KeysChanged) -> list[KeyChange]:
    """One a key; before them, if any were missed, that they were."""
    columns = zip(changed.keys, changed.versions, changed.kinds, strict=True)
    return [MISSED] * changed.missed + [
        KeyChange(key, version, "deleted" if kind == "absent" else "put")
        for key, version, kind in columns
    ]
