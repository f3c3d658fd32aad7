"""Members that are gone for good are struck out, by the word of a person. One has left only when a
layout is decided that is without it, and comes back only as a new member.

A node that starts again serves nothing before another member has confirmed it, and where all others
are lost none ever will. So it takes that word before it is confirmed, if the loss is accepted. But
it asks all others first, and where it hears of a single one in that time nothing is struck out.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.actor import HOST, Envelope, Now
from actors.arriving import Arriving
from actors.departing import find, patience_ms
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members
from actors.messages import Departed, Failed, Forget, Noted, Strike, Struck
from actors.outbox import Outbox
from actors.push_pull import PushPull
from actors.rumours import Rumours

ROUNDS_TO_ASK_ALL = 5


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """Since `since_ms` the others are asked whether they are there; the client waits until
    `deadline_ms`."""

    request: Envelope
    since_ms: int
    deadline_ms: int


class Forgetting:
    """Over the list of members and the rumours. `arriving` says whether this node is confirmed."""

    def __init__(
        self,
        members: Members,
        rumours: Rumours,
        arriving: Arriving,
        push_pull: PushPull,
        outbox: Outbox,
        settings: GossipSettings,
    ) -> None:
        self._members = members
        self._rumours = rumours
        self._arriving = arriving
        self._push_pull = push_pull
        self._outbox = outbox
        self._settings = settings
        self._striking: dict[int, tuple[Envelope, str]] = {}
        self._inquiries: list[_Inquiry] = []
        self._unasked: list[str] = []
        self._ask_at_ms = 0
        self._heard = ""
        self._heard_ms = -1

    @property
    def wake_at(self) -> int | None:
        """When somebody is to be asked, or none was heard for long enough: monotonic ms."""
        if not self._inquiries:
            return None
        return min(self._ask_at_ms, self._inquiries[0].since_ms + self._settings.silence_ms)

    def heard(self, node: str, now: Now) -> None:
        """There was word of this node: if it is another member it is there."""
        if node != self._members.me.id and self._members.is_known(node):
            self._heard, self._heard_ms = node, now.mono_ms

    def on_forget(self, envelope: Envelope, now: Now) -> None:
        """Of a member that is down; while nobody has confirmed this node, of one that may be."""
        forget = _forget_in(envelope)
        if not self._arriving.is_confirmed and not forget.accept_loss:
            reason = (
                "the node is not ready: it waits for another to confirm that this node is still a "
                "member; if all others are lost for good, forget each of them with --accept-loss"
            )
            self._fail(envelope, "not_ready", reason)
            return
        member = self._find(envelope)
        if member is None:
            return
        if not self._arriving.is_confirmed:
            self._inquire(envelope, patience_ms(forget.timeout_ms), now)
        elif member.state not in ("dead", "stopped"):
            reason = f"{member.name} is {member.state}: let it leave, or wait until it is dead"
            self._fail(envelope, "refused", reason)
        else:
            self._strike(envelope, member, patience_ms(forget.timeout_ms))

    def due(self, now: Now, *, is_going: bool) -> None:
        """Go on with those that wait for a word of the others. `is_going`: this node ends."""
        waiting, self._inquiries = self._inquiries, []
        for inquiry in waiting:
            if is_going:
                reason = "the node ends, and its log says why: nothing was forgotten"
                self._fail(inquiry.request, "stopping", reason)
            elif self._arriving.is_confirmed:
                self.on_forget(inquiry.request, now)
            elif now.mono_ms < inquiry.since_ms + self._settings.silence_ms:
                self._inquiries.append(inquiry)
            else:
                self._conclude(inquiry, now)
        if self._inquiries and now.mono_ms >= self._ask_at_ms:
            self._ask_at_ms = now.mono_ms + self._settings.join_retry_ms
            self._ask_some()

    def on_struck(self, envelope: Envelope, struck: Struck) -> tuple[Member, ...]:
        """Storage tells what was decided of one that is to be forgotten; it has left, perhaps."""
        request, member_id = self._striking.pop(envelope.id, (None, ""))
        if request is None:
            return ()
        if struck.code != "ok":
            self._fail(request, struck.code, struck.reason, definite=struck.code != "timed_out")
            return ()
        gone = self._members.declare(member_id, "left")
        self._rumours.say_members((gone,))
        self._outbox.to(HOST, Noted(f"a client had {gone.name} forgotten"))
        self._outbox.reply(request, Departed(gone))
        return (gone,)

    def _find(self, envelope: Envelope) -> Member | None:
        """The member that is meant, if it is another one; else the client is told."""
        member = find(self._members, self._outbox, envelope, _forget_in(envelope).member)
        if member is not None and member.id == self._members.me.id:
            reason = f"{member.name} is the node that was asked: it can leave"
            self._fail(envelope, "refused", reason)
            return None
        return member

    def _inquire(self, envelope: Envelope, patient_ms: int, now: Now) -> None:
        """Is any other member there?"""
        silence_ms = self._settings.silence_ms
        if patient_ms <= silence_ms:
            reason = (
                "no other has confirmed that this node is still a member, so all are asked for "
                f"{silence_ms / 1_000:g} s first whether they are there: allow a longer time-out"
            )
            self._fail(envelope, "not_ready", reason)
        elif len(self._inquiries) >= self._settings.max_forwarded:
            self._fail(envelope, "overloaded", "too many are being forgotten")
        else:
            inquiry = _Inquiry(envelope, now.mono_ms, now.mono_ms + patient_ms)
            self._inquiries.append(inquiry)

    def _ask_some(self) -> None:
        """Those whose turn it is: all within a few rounds, again and again."""
        others = self._members.others()
        if not self._unasked:
            self._unasked = [m.id for m in others]
        count = -(-len(others) // ROUNDS_TO_ASK_ALL)
        some, self._unasked = self._unasked[:count], self._unasked[count:]
        for member_id in some:
            if self._members.is_known(member_id):
                self._push_pull.compare_with(member_id)

    def _conclude(self, inquiry: _Inquiry, now: Now) -> None:
        """All were asked for long enough, and none has confirmed this node."""
        request = inquiry.request
        if self._heard_ms >= inquiry.since_ms:
            name = self._members[self._heard].name
            reason = f"{name} is there, and has not confirmed yet that this node is still a member"
            self._fail(request, "not_ready", reason)
        elif self._arriving.looks_for_a_copy:
            reason = "this node still looks whether another runs with its id: ask again"
            self._fail(request, "not_ready", reason)
        elif (member := self._find(request)) is not None:
            self._strike(request, member, inquiry.deadline_ms - now.mono_ms, alone=True)

    def _strike(
        self, envelope: Envelope, member: Member, timeout_ms: int, *, alone: bool = False
    ) -> None:
        if len(self._striking) >= self._settings.max_forwarded:
            self._fail(envelope, "overloaded", "too many are being forgotten")
            return
        strike = Strike(member.id, _forget_in(envelope).accept_loss, timeout_ms, alone)
        self._striking[self._outbox.to("storage", strike)] = envelope, member.id

    def _fail(self, envelope: Envelope, code: str, reason: str, *, definite: bool = True) -> None:
        self._outbox.reply(envelope, Failed(code, reason, definite))


def _forget_in(envelope: Envelope) -> Forget:
    forget = envelope.message
    assert isinstance(forget, Forget)
    return forget
