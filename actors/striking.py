"""Members that are struck out on request of the gossiper: wished until a layout is without them, or
the time is over.

Where the loss is accepted they are given up: a layout says at once that they are gone, and the data
is moved without them afterwards. That is decided like any layout; but where no majority is left to
decide, by this node alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from actors.acceptor import Acceptor
from actors.actor import Envelope, Now
from actors.census import Census
from actors.layout import Layout, fault, given_up, majority
from actors.messages import Strike, Struck
from actors.outbox import Outbox
from actors.stage import Stage

MAX_STRIKES = 1_000
MAX_TIMEOUT_MS = 600_000
FORCED_STEP = 2**20
"""A layout that one node decides alone is above all that those it has lost may have decided."""


GIVE_UP = "those that are lost for good are to be forgotten with --accept-loss, each of them"


def forced_step(here: str) -> int:
    """By so much raises this node the epoch. Others by something else: where two give members up at
    once, one of the layouts is the later, and they do not stay with different ones for ever."""
    return FORCED_STEP + int(here, 16) % FORCED_STEP


def forced(layout: Layout, member: str, here: str) -> Layout | None:
    """The layout in which the node `here` gives this member up without anybody's consent; None if
    nobody is left."""
    alone = replace(given_up(layout, (member,)), epoch=layout.epoch + forced_step(here))
    return None if fault(alone) else alone


@dataclass(frozen=True, slots=True)
class _Request:
    """`is_forced`: by this node alone, as soon as the layout that is on its way is on the disk."""

    envelope: Envelope
    member: str
    is_lost: bool
    until_ms: int
    is_forced: bool = False


class Striking:
    """At the node `here`."""

    def __init__(
        self, here: str, acceptor: Acceptor, stage: Stage, outbox: Outbox, census: Census
    ) -> None:
        self._here = here
        self._stage = stage
        self._acceptor = acceptor
        self._outbox = outbox
        self._census = census
        self._requests: list[_Request] = []

    @property
    def wake_at(self) -> int | None:
        """When the first of them is over: monotonic ms."""
        return min((request.until_ms for request in self._requests), default=None)

    def struck(self) -> tuple[str, ...]:
        """Who is to be a member no more."""
        return tuple(request.member for request in self._requests)

    def lost(self) -> tuple[str, ...]:
        """Who of them is to be given up."""
        return tuple(request.member for request in self._requests if request.is_lost)

    def on_strike(
        self,
        envelope: Envelope,
        now: Now,
        refused: str,
        missing: Callable[[Layout, str], tuple[str, ...]],
    ) -> None:
        """The gossiper asks. `refused` is why this node is no judge of it, if it is not; `missing`
        tells for lack of whom a member's data could not be moved."""
        strike, layout = envelope.message, self._acceptor.kept.layout
        assert isinstance(strike, Strike)
        voters = layout.voters
        others = [m for m in voters if not strike.alone and not self._census.is_down(m)]
        present = {*others, self._here}.intersection(voters)
        needed = majority(len(voters))
        if strike.member == self._here:
            self._answer(envelope, "refused", "it is the node that was asked: it can leave")
        elif not layout.epoch:
            self._answer(envelope, "not_ready", "the node does not know the layout yet")
        elif strike.member not in layout.members:
            self._answer(envelope, "ok", "")
        elif refused or self._here not in layout.members:
            reason = refused or "the node that was asked is no member of the layout"
            self._answer(envelope, "unavailable", reason)
        elif strike.accept_loss and len(present) < needed:
            self._force(self._request(envelope, now, is_forced=True), now)
        elif len(present) < needed:
            reason = (
                f"{needed} of {len(voters)} members have to agree, and only {len(present)} are "
                f"there: wait until more are back; {GIVE_UP}"
            )
            self._answer(envelope, "unavailable", reason)
        elif not strike.accept_loss and (down := missing(layout, strike.member)):
            reason = (
                "of some keys too many owners are down for new copies to be made. Down are "
                f"{', '.join(map(self._census.name, down))}: wait until they are back; {GIVE_UP}"
            )
            self._answer(envelope, "unavailable", reason)
        else:
            self._begin(self._request(envelope, now))

    def due(self, now: Now, *, is_blocked: bool) -> None:
        """Answer those that are done, and those whose time is over."""
        layout = self._acceptor.kept.layout
        requests, self._requests = self._requests, []
        for request in requests:
            if request.member not in layout.members:
                self._answer(request.envelope, "ok", "")
            elif now.mono_ms >= request.until_ms:
                reason = "the layout was not changed in time; it may still happen"
                if is_blocked:
                    reason += (
                        ". Of some keys too many owners are down for new copies to be made: wait "
                        f"until they are back; {GIVE_UP}"
                    )
                self._answer(request.envelope, "timed_out", reason)
            elif request.is_forced and self._acceptor.vote.layout == layout:
                self._force(request, now)
            else:
                self._requests.append(request)

    def _request(self, envelope: Envelope, now: Now, *, is_forced: bool = False) -> _Request:
        strike = envelope.message
        assert isinstance(strike, Strike)
        until_ms = now.mono_ms + max(1, min(strike.timeout_ms, MAX_TIMEOUT_MS))
        return _Request(envelope, strike.member, strike.accept_loss, until_ms, is_forced)

    def _begin(self, request: _Request) -> None:
        if len(self._requests) >= MAX_STRIKES:
            self._answer(request.envelope, "overloaded", "too many members are being struck")
            return
        self._requests.append(request)

    def _force(self, request: _Request, now: Now) -> None:
        envelope = request.envelope
        layout = forced(self._acceptor.kept.layout, request.member, self._here)
        if self._acceptor.vote.layout != self._acceptor.kept.layout:
            # A later one is on its way to the disk: it may be without the member.
            self._begin(request)
            return
        if layout is None:
            self._answer(envelope, "refused", "no member would be left")
            return

        def then(ok: bool) -> None:
            if ok:
                self._answer(envelope, "ok", "")
            else:
                self._answer(envelope, "disk_full", "the disk of the node is full")

        self._acceptor.adopt(layout, now, tell=True)
        self._stage.then(then)

    def _answer(self, envelope: Envelope, code: str, reason: str) -> None:
        self._outbox.reply(envelope, Struck(code, reason))
