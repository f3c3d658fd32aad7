"""What is known of a network, and since when: it takes answers as they come, with the time.

Nothing here asks, waits or looks at a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.membership import Member
from nodes.ring_view import Ring
from nodes.status import Status
from nodes.watching import KeyChange, MemberChange, MembersSeen

RATE_S = 10.0
"""The rate of changes is that of the last so many seconds."""
MAX_EVENTS = 200
MAX_KEYS = 100


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at a time in seconds since 1970; `member` is the name of whom it is
    about, or empty, and `state` the one that that is in now."""

    at_s: float
    text: str
    member: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member, and when it came to be in its state; None if that was before anybody looked."""

    member: Member
    since_s: float | None


@dataclass(slots=True)
class KeySeen:
    """How often a key was changed since anybody looks, and when last."""

    key: str
    changes: int
    last_s: float


@dataclass(slots=True)
class Seen:
    """Since `began_s`. Times are in seconds since 1970. `troubles` are why questions are not
    answered now, by what is asked, and there are some since `troubled_s`."""

    began_s: float
    members: dict[str, MemberSeen] = field(default_factory=dict)
    status: Status | None = None
    ring: Ring | None = None
    troubles: dict[str, str] = field(default_factory=dict)
    troubled_s: float = 0.0
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    keys: dict[str, KeySeen] = field(default_factory=dict)
    changes: int = 0
    _counts: deque[tuple[float, int]] = field(default_factory=deque)
    _news: MembersSeen = field(default_factory=MembersSeen)

    def on_members(self, listed: Sequence[Member], now_s: float) -> bool:
        """The members are these; is that news?"""
        is_first = not self.members
        changes = self._news.news(listed)
        for change in changes:
            member = change.member
            before = self.members.get(member.id)
            since_s = None if is_first else now_s
            if before is not None and before.member.state == member.state:
                since_s = before.since_s
            self.members[member.id] = MemberSeen(member, since_s)
            if member.state == "left":
                del self.members[member.id]
            if not is_first:
                self.events.append(_event(change, now_s))
        return bool(changes)

    def on_status(self, status: Status, now_s: float) -> bool:
        """The network is like that; is it otherwise than before?"""
        before, self.status = self.status, status
        if before is not None and before.epoch != status.epoch:
            self.events.append(Event(now_s, f"layout {status.epoch:,} is decided"))
        return status != before

    def on_keys(self, changes: Sequence[KeyChange], now_s: float) -> None:
        """These keys were changed."""
        written = [change.key for change in changes if not change.missed]
        if len(written) < len(changes):
            self.events.append(Event(now_s, "some changes of keys were missed"))
        for key in written:
            seen = self.keys.pop(key, None) or KeySeen(key, 0, now_s)
            seen.changes += 1
            seen.last_s = now_s
            self.keys[key] = seen
        while len(self.keys) > MAX_KEYS:
            del self.keys[next(iter(self.keys))]
        self.changes += len(written)
        self._counts.append((now_s, len(written)))
        while self._counts[0][0] < now_s - RATE_S:
            self._counts.popleft()

    def rate(self, now_s: float) -> float:
        """Changes of keys a second, of late."""
        recent = sum([count for at_s, count in self._counts if at_s >= now_s - RATE_S])
        return recent / max(1.0, min(RATE_S, now_s - self.began_s))

    def latest_keys(self) -> list[KeySeen]:
        """Those that were changed last, the latest first."""
        return list(self.keys.values())[::-1]

    def on_trouble(self, question: str, reason: str, now_s: float) -> None:
        """This is not answered, for that reason."""
        if not self.troubles:
            self.troubled_s = now_s
            self.events.append(Event(now_s, f"no answer: {reason}"))
        self.troubles[question] = reason

    def on_answer(self, question: str, now_s: float) -> None:
        """This is answered."""
        if self.troubles.pop(question, None) is not None and not self.troubles:
            self.events.append(Event(now_s, "there are answers again"))


def _event(change: MemberChange, now_s: float) -> Event:
    member = change.member
    state = str(member.state)
    if not change.was:
        text = f"new member, {state}, at {member.address}"
    elif state == "left":
        text = "has left"
    elif change.was != state:
        text = f"{change.was} -> {state}"
    else:
        text = f"address changed to {member.address}"
    return Event(now_s, text, member.name, state)
