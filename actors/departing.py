"""Members that go by their own word: one stops and stays a member, or one leaves for good. That has
left only when a layout is decided that is without it, and comes back only as a new member.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.actor import HOST, Envelope, Now
from actors.farewell import Farewell
from actors.gossip_settings import GossipSettings
from actors.layout import NO_LAYOUT, Layout
from actors.meant import meant, why_none, why_several
from actors.membership import Member, Members
from actors.memory import Memory
from actors.messages import (
    Departed,
    Failed,
    Finished,
    Leave,
    Message,
    Noted,
    Retire,
)
from actors.outbox import Outbox
from actors.rumours import Rumours

NOT_YET = "the node has not left in time; it may leave yet"


@dataclass(slots=True)
class _Going:
    """This node is leaving: who asked for it, and until when they wait; and, once it keeps no data
    any more and that is on the disk, how the others are told. When they know, who asked is
    answered, and at `retire_ms` the node stops. `is_kept`: it goes on leaving when it is started
    anew."""

    requests: dict[Envelope, int] = field(default_factory=dict)
    is_kept: bool = False
    is_ending: bool = False
    farewell: Farewell | None = None
    retire_ms: int | None = None
    is_over: bool = False


@dataclass(slots=True)
class _Forwarded:
    """Another member was asked to leave, for a client. Until `patient_until_ms` a connection may
    just be being made: if the request bounces it is sent again at `again_ms`."""

    member_id: str
    request: Envelope
    timeout_ms: int
    deadline_ms: int
    patient_until_ms: int
    again_ms: int | None = None


class Departing:
    """Over the list of members, the disk and the rumours."""

    def __init__(
        self,
        members: Members,
        memory: Memory,
        rumours: Rumours,
        outbox: Outbox,
        settings: GossipSettings,
    ) -> None:
        self._members = members
        self._memory = memory
        self._rumours = rumours
        self._outbox = outbox
        self._settings = settings
        self._going: _Going | None = None
        self._forwarded: dict[int, _Forwarded] = {}
        self._layout = NO_LAYOUT
        self._stop: Envelope | None = None
        self._parting: Farewell | None = None
        self.network = ""

    @property
    def is_stopping(self) -> bool:
        """Was this node told to stop?"""
        return self._stop is not None

    @property
    def wake_at(self) -> int | None:
        """The next deadline: monotonic ms."""
        if self._stop is not None:
            return None if self._parting is None else self._parting.wake_at
        times = [f.again_ms or f.deadline_ms for f in self._forwarded.values()]
        going = self._going
        if going is not None and not going.is_over:
            times += going.requests.values()
            if going.farewell is not None:
                times.append(going.retire_ms or going.farewell.wake_at)
        return min(times, default=None)

    def on_stop(self, envelope: Envelope, now: Now, *, is_member: bool) -> None:
        """This node says good-bye to those who know it, and stays a member."""
        self._stop = envelope
        if is_member and self._members.me.state != "left":
            self._members.update_me("stopped")
            self._rumours.say_members((self._members.me,))
            self._rumours.hurry()
            for rumour in self._rumours.due(self.network, now):
                self._outbox.publish(rumour)
            if self._members.living():
                self._parting = self._farewell()
        if self._parting is None:
            self._outbox.reply(envelope, Finished())

    def on_leave(self, envelope: Envelope, now: Now) -> None:
        """Of this node, or of another that is to be asked."""
        leave = envelope.message
        assert isinstance(leave, Leave)
        me = self._members.me
        deadline_ms = now.mono_ms + patience_ms(leave.timeout_ms)
        if not leave.member or (me.state == "left" and meant(leave.member, [me])):
            self._leave(envelope, deadline_ms)
            return
        member = find(self._members, self._outbox, envelope, leave.member)
        if member is None:
            return
        if member.id == me.id:
            self._leave(envelope, deadline_ms)
        elif member.state in ("dead", "stopped"):
            self._refuse(envelope, f"{member.name} is {member.state}: it can be forgotten")
        elif len(self._forwarded) >= self._settings.max_forwarded:
            self._answer(envelope, "overloaded", "too many are leaving", definite=True)
        else:
            patient_until_ms = now.mono_ms + self._settings.farewell_ms
            self._forward(
                _Forwarded(member.id, envelope, leave.timeout_ms, deadline_ms, patient_until_ms)
            )

    def on_layout(self, layout: Layout) -> None:
        """Another layout is on the disk."""
        self._layout = layout

    def _keeps_nothing(self) -> bool:
        """Is this node out of the layout for good? That it is in none yet does not mean that no
        other is being decided which has it."""
        return self._members.me.id in self._layout.gone

    def on_answer(self, envelope: Envelope) -> None:
        """Another node has left, or will not, as it was asked to on behalf of a client."""
        forwarded = self._forwarded.get(envelope.id)
        if forwarded is not None and forwarded.member_id == envelope.sender.node:
            del self._forwarded[envelope.id]
            self._outbox.reply(forwarded.request, envelope.message)

    def on_bounced(self, number: int, now: Now) -> None:
        """Another node could not be asked."""
        forwarded = self._forwarded.get(number)
        if forwarded is None:
            return
        if now.mono_ms < forwarded.patient_until_ms:
            forwarded.again_ms = now.mono_ms + self._settings.gossip_ms
            return
        del self._forwarded[number]
        reason = "the node cannot be reached"
        self._answer(forwarded.request, "unavailable", reason, definite=True)

    def on_ack(self, envelope: Envelope, now: Now) -> None:
        """Another member knows that this one has stopped; or has left, and that is enough."""
        if self._parting is not None:
            self._parting.on_ack(envelope, now)
        going = self._going
        if going is not None and going.farewell is not None and not going.is_over:
            going.farewell.on_ack(envelope, now)
            if going.farewell.is_heard:
                self._others_know(going, now)

    def due(self, now: Now, *, is_out: bool) -> None:
        """Tell the others that this node has stopped or left, until they know. `is_out`: they say
        themselves that it has left."""
        if self._stop is not None:
            self._finish(self._stop, now)
            return
        for number, forwarded in list(self._forwarded.items()):
            if now.mono_ms >= forwarded.deadline_ms:
                del self._forwarded[number]
                self._answer(forwarded.request, "timed_out", NOT_YET, definite=False)
            elif forwarded.again_ms is not None and now.mono_ms >= forwarded.again_ms:
                del self._forwarded[number]
                self._forward(forwarded)
        if self._going is not None and not self._going.is_over:
            self._go(self._going, now, is_out=is_out)

    def _go(self, going: _Going, now: Now, *, is_out: bool) -> None:
        for request in [r for r, until_ms in going.requests.items() if now.mono_ms >= until_ms]:
            del going.requests[request]
            self._answer(request, "timed_out", NOT_YET, definite=False)
        if going.is_kept and not going.is_ending and (is_out or self._keeps_nothing()):
            self._end(going)
        if going.farewell is None:
            return
        if going.retire_ms is None and going.farewell.is_over(now):
            self._others_know(going, now)
        elif going.retire_ms is None:
            going.farewell.due(now)
        elif now.mono_ms >= going.retire_ms:
            going.is_over = True
            self._outbox.to(HOST, Retire())

    def _finish(self, stop: Envelope, now: Now) -> None:
        if self._parting is not None and self._parting.is_over(now):
            self._parting = None
            self._outbox.reply(stop, Finished())
        elif self._parting is not None:
            self._parting.due(now)

    def _forward(self, forwarded: _Forwarded) -> None:
        forwarded.again_ms = None
        leave = Leave("", forwarded.timeout_ms)
        self._forwarded[self._outbox.send(forwarded.member_id, leave)] = forwarded

    def _leave(self, envelope: Envelope, deadline_ms: int) -> None:
        if self._going is not None and len(self._going.requests) >= self._settings.max_forwarded:
            self._answer(envelope, "overloaded", "too many have asked already", definite=True)
            return
        if self._going is not None:
            self._going.requests[envelope] = deadline_ms
            if self._going.retire_ms is not None:
                self._answer_all(self._going)
            return
        if not self._members.others():
            self._refuse(envelope, "this node is the only member of its network: stop it instead")
            return
        self._going = going = _Going({envelope: deadline_ms})
        self._members.update_me("leaving")
        self._rumours.say_members((self._members.me,))

        def kept(code: str) -> None:
            going.is_kept = code == "ok"
            if going.is_kept:
                self._outbox.to(HOST, Noted("a client had this node leave for good"))
                return
            self._going = None
            self._members.update_me("alive")
            self._rumours.say_members((self._members.me,))
            for request in going.requests:
                reason = "the disk of the node is full: it has not left"
                self._answer(request, code, reason, definite=True)

        self._memory.keep(lambda: [("leaving", b"yes")], kept)

    def start_leaving_again(self) -> None:
        """The node was about to leave when it ran last."""
        self._going = _Going(is_kept=True)
        self._members.update_me("leaving")

    @property
    def is_leaving(self) -> bool:
        """Is it this node's own wish to go?"""
        return self._going is not None

    def _end(self, going: _Going) -> None:
        """Others keep all that this node had: it has left."""
        going.is_ending = True

        def kept(code: str) -> None:
            if code != "ok":
                # A full disk must not keep it in. Were it started anew, others would tell it.
                self._outbox.drop("that the node has left could not be kept: the disk is full")
            self._members.update_me("left")
            self._rumours.say_members((self._members.me,))
            going.farewell = self._farewell()

        self._memory.keep(lambda: [("left", b"yes"), ("leaving", b"")], kept)

    def _farewell(self) -> Farewell:
        """How the others are told that this node goes."""
        return Farewell(self.network, self._members, self._outbox, self._settings)

    def _others_know(self, going: _Going, now: Now) -> None:
        """Who asked is told; the node goes on for a moment, for an answer may be lost with the
        connection that it came by."""
        self._answer_all(going)
        if going.retire_ms is None:
            going.retire_ms = now.mono_ms + self._settings.gossip_ms

    def _answer_all(self, going: _Going) -> None:
        requests, going.requests = going.requests, {}
        for request in requests:
            self._outbox.reply(request, Departed(self._members.me))

    def _refuse(self, envelope: Envelope, reason: str) -> None:
        self._answer(envelope, "refused", reason, definite=True)

    def _answer(self, envelope: Envelope, code: str, reason: str, *, definite: bool) -> None:
        answer: Message = Failed(code, reason, definite)
        self._outbox.reply(envelope, answer)


def find(members: Members, outbox: Outbox, envelope: Envelope, wanted: str) -> Member | None:
    """The one member that is meant by this name, id or host; else the client is told."""
    found = meant(wanted, members.present())
    if len(found) == 1:
        return found[0]
    if found:
        reason = why_several(wanted, found)
    elif meant(wanted, members.all()):
        reason = f"{wanted} has left already"
    else:
        reason = why_none(wanted, members.present())
    outbox.reply(envelope, Failed("refused", reason, True))
    return None


def patience_ms(timeout_ms: int) -> int:
    """Who asked hears of a failure before it gives up by itself."""
    return max(1, min(timeout_ms, 600_000) * 9 // 10)
