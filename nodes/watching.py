"""What those who watch are told: of members, what is news in one list after another; of keys, which
were changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from actors.membership import LIVING, Member, State, beats
from actors.messages import KeysChanged
from nodes.member_list import MemberList


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
        self._doubted: set[str] = set()

    def news(self, listed: Sequence[Member]) -> list[MemberChange]:
        """What is new to who has seen all earlier lists. They may be of several nodes: what one
        that is behind says is no news. Who had left before it was seen never is. What a node that
        is not ready doubts is news, and so is whatever is said of it next."""
        changes: list[MemberChange] = []
        is_unsure = isinstance(listed, MemberList) and bool(listed.waiting)
        for told in listed:
            member, before = told, self._members.get(told.id)
            if before is None and member.state == "left":
                continue
            is_doubt = is_unsure and member.state == "suspect"
            if is_doubt and before is not None:
                member = replace(before, state="suspect") if before.state in LIVING else before
            if is_doubt or member.id in self._doubted or beats(member, before):
                self._members[member.id] = member
                (self._doubted.add if is_doubt else self._doubted.discard)(member.id)
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
