"""News of members as it comes in: what is later is taken in and told on, and what is said of this
node itself is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import ENDPOINT, HOST, Envelope, Now
from actors.arriving import Arriving
from actors.detector import Detector
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import LIVING, Member, Members, Merged, beats, fault
from actors.messages import Alarm, Failed, GiveUp, Tell
from actors.outbox import Outbox
from actors.push_pull import PushPull
from actors.rumours import Rumours

MAX_ALARMS = 100
LEFT = (
    "this node has left the network for good: it was struck out, or another has taken over its name"
)
COPIED = "another node runs with this node's id at {}: has a data folder been copied?"


class Intake:
    """Between the list of members and those who are to know of its changes. With `has_left` this
    node is out of the network for good; with `is_out` others say so, and it wished for that."""

    def __init__(
        self,
        members: Members,
        detector: Detector,
        rumours: Rumours,
        push_pull: PushPull,
        arriving: Arriving,
        outbox: Outbox,
        settings: GossipSettings,
    ) -> None:
        self._members = members
        self._detector = detector
        self._rumours = rumours
        self._push_pull = push_pull
        self._arriving = arriving
        self._outbox = outbox
        self._settings = settings
        self._alarms: dict[str, None] = {}
        self._claim: Member | None = None
        self._defend_at_ms = 0
        self._answer_at_ms = 0
        self.has_left = False
        self.is_out = False
        self.network = ""

    def take_in(
        self,
        news: Sequence[Member],
        now: Now,
        source: str,
        *,
        retell: bool = True,
        doubted: bool = False,
        vouched: bool = False,
    ) -> bool:
        """Take in what is later than what is known, as the node `source` says, and say whether
        there was anything, but for lies about this node. With `retell` it was heard in private, and
        others may not know it; a suspicion is told on only by who has looked for itself. `vouched`:
        the source was pinged, and this is its answer."""
        if not news:
            return False
        if retell and source == self._members.me.id:
            self._meet_double(news, now)
            return False
        self._look_elsewhere(news, now)
        before, known = self._members.version, self._members.get(source)
        merged = self._members.merge(news, source if vouched else "", doubted=doubted)
        for reason in dict.fromkeys(merged.problems):
            self._outbox.drop(reason, merged.problems.count(reason))
        if self._members.version != before:
            self._detector.follow(merged.fresh, now)
            if retell:
                self._rumours.say_members([m for m in merged.fresh if m.state != "suspect"])
                self._push_pull.soon(now.mono_ms)
        self._defend(merged, now)
        for member_id in merged.made_up:
            # If it is so after all, the member itself says so.
            self._detector.ask(member_id, now)
        if retell:
            self._set_right(news, source, known)
        return any(m.id != self._members.me.id for m in merged.fresh)

    @property
    def wake_at(self) -> int | None:
        """When a claim is to be refuted: monotonic ms."""
        waits = self._claim is None or self._arriving.looks_for_a_copy
        return None if waits else self._defend_at_ms

    def due(self, now: Now) -> None:
        """Refute what was said of this node elsewhere: at once, but not without end, for another
        that is there would do the same; and not while it may be that one that is right."""
        claim = self._claim
        if claim is None or now.mono_ms < self._defend_at_ms:
            return
        self._arriving.end_looks(now)
        if self._arriving.looks_for_a_copy:
            return
        self._claim = None
        self._defend_at_ms = now.mono_ms + self._settings.claim_pause_ms
        self._members.refute(claim)
        self._rumours.say_members((self._members.me,))
        # Others may look for this node elsewhere now, and hear no more of its rumours.
        self._arriving.arrive(())
        if claim.state in LIVING and not fault(claim):
            self._insist(claim.address)

    def on_refused(self, envelope: Envelope, refused: Failed) -> None:
        """The node with this node's id that others know serves elsewhere: only one may."""
        is_double = envelope.sender.node == self._members.me.id
        if is_double and refused.code == "refused" and not self._arriving.is_confirmed:
            self.give_up(refused.reason)

    def on_layout(self, layout: Layout, now: Now, *, is_leaving: bool) -> None:
        """Those who keep the data are others now, which all learn as this node did. One that wished
        to leave says good-bye first."""
        self._detector.follow(self._members.follow_layout(layout.members, layout.gone), now)
        if self._members.me.id in layout.gone and not is_leaving:
            self.give_up(LEFT)

    def give_up(self, reason: str) -> None:
        """This node must not go on."""
        self.has_left = True
        self._outbox.to(HOST, GiveUp("refused", reason))

    def _look_elsewhere(self, news: Sequence[Member], now: Now) -> None:
        """Is this node said to be there where it is not?"""
        me = self._members.me
        for member in news:
            is_elsewhere = member.id == me.id and member.address != me.address
            if is_elsewhere and member.state in LIVING and not fault(member):
                self._arriving.look_at(member.address, now)

    def _set_right(self, news: Sequence[Member], source: str, before: Member | None) -> None:
        """Who left for good may not know: it was down then. Nor may who is believed to be
        elsewhere, and no answer reaches it. So it is told at the address that it gives. Where it is
        believed now, and was elsewhere `before`, it is told that, too: it may be an older copy."""
        known = self._members.get(source)
        own = next((m for m in news if m.id == source), None)
        if known is None or own is None or own.state == "left" or fault(own):
            return
        if known.state == "left":
            self._outbox.drop("word of a node that has left")
            self._tell(own.address, known)
        elif known.address != own.address:
            self._tell(own.address, known)
        elif before is not None and before.state in LIVING and before.address != own.address:
            self._tell(own.address, before)

    def _defend(self, merged: Merged, now: Now) -> None:
        """What was said of this node itself."""
        if merged.refuted:
            self._rumours.say_members((self._members.me,))
        if merged.was_suspected:
            self._detector.was_suspected()
        for claim in merged.claims:
            if claim.state in LIVING and not fault(claim):
                self._alarm(COPIED.format(claim.address))
            if self._claim is None or beats(claim, self._claim):
                self._claim = claim
        self.due(now)
        if merged.left and self._members.me.state == "leaving":
            self.is_out = True
        elif merged.left:
            self.give_up(LEFT)

    def _meet_double(self, news: Sequence[Member], now: Now) -> None:
        """A node with this node's id spoke to it: this one itself, by another of its addresses, or
        a copy."""
        me = self._members.me
        for member in news:
            if member.id != me.id or fault(member):
                continue
            if (member.boot, member.address) == (me.boot, me.address):
                return
            if self._arriving.has_moved and not self._arriving.is_confirmed:
                self.give_up(COPIED.format(member.address))
                return
            self._alarm(COPIED.format(member.address))
            if now.mono_ms >= self._answer_at_ms:
                self._answer_at_ms = now.mono_ms + self._settings.claim_pause_ms
                self._insist(member.address)
            return

    def _alarm(self, reason: str) -> None:
        self._outbox.drop("another node claims this node's id")
        if reason not in self._alarms and len(self._alarms) < MAX_ALARMS:
            self._alarms[reason] = None
            self._outbox.to(HOST, Alarm(reason))

    def _insist(self, address: str) -> None:
        """Tell the other one that this node is here; if it serves, that the other must not."""
        me = self._members.me
        self._tell(address, me)
        if self._arriving.is_confirmed:
            refused = Failed("refused", COPIED.format(me.address), True)
            self._outbox.tell(f"{ENDPOINT}{address}", refused)

    def _tell(self, address: str, member: Member) -> None:
        self._outbox.tell(f"{ENDPOINT}{address}", Tell(self.network, (member,), ()))
