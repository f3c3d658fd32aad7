"""A node's word in what the next layout is, kept on the disk before it is given.

What is promised and accepted is for the epoch after the layout that the node is at, and forgotten
with it. A later layout was decided already, by those who had to: it is taken as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from actors.actor import Envelope, Now
from actors.layout import (
    NO_LAYOUT,
    Layout,
    aborted,
    fault,
    given_up,
    layout_from_bytes,
    layout_to_bytes,
    settled,
)
from actors.messages import (
    NO_BALLOT,
    Accept,
    Accepted,
    Ballot,
    LayoutIs,
    Message,
    Prepare,
    Promised,
)
from actors.outbox import Outbox
from actors.stage import Stage

MAX_EPOCH_STEP = 2**40
MAX_ROUND = 2**40
"""An epoch further ahead of the own one than this, and a round above this, were made up."""


Standing = Literal["impossible", "earlier", "same", "later"]
"""Of another's layout, against the own one."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A node is at `layout`; for the epoch after that it takes nothing below `promised`, and
    `proposal` is what it took last, under the ballot `accepted`."""

    layout: Layout
    promised: Ballot = NO_BALLOT
    accepted: Ballot = NO_BALLOT
    proposal: Layout = NO_LAYOUT


def follows(layout: Layout, proposal: Layout) -> bool:
    """Can this come after that?"""
    if proposal.epoch != layout.epoch + 1 or fault(proposal):
        return False
    lost = [member for member in proposal.gone if member in layout.members]
    if lost and proposal == given_up(layout, lost):
        return True
    if layout.next:
        return proposal in (settled(layout), aborted(layout))
    return (proposal.base, proposal.gone) == (layout.base, layout.gone)


class Acceptor:
    """`kept` is what the disk holds, `vote` what it will hold when the turn is over.

    `is_welcome` says whether this node may vote in a layout; `adopted` is told once a later layout
    is on the disk.
    """

    def __init__(
        self,
        here: str,
        notes: dict[str, bytes],
        stage: Stage,
        outbox: Outbox,
        is_welcome: Callable[[Layout], bool],
        adopted: Callable[[Now], None],
    ) -> None:
        self._here = here
        self._stage = stage
        self._outbox = outbox
        self._is_welcome = is_welcome
        self._adopted = adopted
        self.kept = self.vote = _vote_from_notes(notes)

    def adopt(self, layout: Layout, now: Now, *, tell: bool = False) -> None:
        """Stage a later layout; once it is on the disk `tell` all whom it concerns."""
        before = self.kept.layout
        self._stage.note("layout", layout_to_bytes(layout))
        self._stage.note("paxos", b"")
        self._become(Vote(layout))

        def then(ok: bool) -> None:
            # Where a later one was staged in the same turn, only that is news.
            if not ok or layout != self.vote.layout:
                return
            if tell:
                for member in sorted({*before.members, *layout.members} - {self._here}):
                    self._outbox.tell(member, LayoutIs(layout))
            self._adopted(now)

        self._stage.then(then)

    def take(self, layout: Layout, now: Now) -> Standing:
        """What another says that its layout is: adopt it if it is later than the own one. One that
        cannot be is dropped."""
        mine = self.vote.layout
        if fault(layout) or not 0 <= layout.epoch <= mine.epoch + MAX_EPOCH_STEP:
            self._outbox.drop("a layout that cannot be")
            return "impossible"
        if layout.epoch < mine.epoch:
            return "earlier"
        if layout.epoch > mine.epoch:
            self.adopt(layout, now)
            return "later"
        if layout != mine:
            self._outbox.drop("another layout of the same epoch")
            return "impossible"
        return "same"

    def answer_layout(self, request: Envelope) -> None:
        """Say at which layout this node is, as it is on the disk when the turn is over."""
        self._stage.then(lambda ok: self._outbox.reply(request, LayoutIs(self.kept.layout)))

    @property
    def may_vote(self) -> bool:
        """Is this node one of those who decide, and does it know what it said before?"""
        layout = self.vote.layout
        return self._here in layout.voters and self._is_welcome(layout)

    def promise(self, ballot: Ballot) -> bool:
        """Take nothing below this ballot any more, unless something above it was promised."""
        if ballot > self.vote.promised:
            self._vote(replace(self.vote, promised=ballot))
        return ballot == self.vote.promised

    def accept(self, ballot: Ballot, proposal: Layout) -> bool:
        """Take the proposal, unless something above its ballot was promised."""
        vote = self.vote
        if ballot < vote.promised:
            return False
        if ballot == vote.accepted:
            return proposal == vote.proposal
        self._vote(Vote(vote.layout, ballot, ballot, proposal))
        return True

    def on_prepare(self, envelope: Envelope, now: Now) -> None:
        """Phase one."""
        prepare = envelope.message
        assert isinstance(prepare, Prepare)
        if not self._meets(envelope, prepare.layout, prepare.ballot, now):
            return
        promised = self.promise(prepare.ballot)
        vote, epoch = self.vote, prepare.layout.epoch
        if promised:
            self._answer(envelope, Promised(epoch, vote.promised, vote.accepted, vote.proposal))
        else:
            self._answer(envelope, Promised(epoch, vote.promised, NO_BALLOT, NO_LAYOUT))

    def on_accept(self, envelope: Envelope, now: Now) -> None:
        """Phase two."""
        accept = envelope.message
        assert isinstance(accept, Accept)
        if not follows(accept.layout, accept.proposal):
            self._outbox.drop("a proposal that cannot follow")
            return
        if not self._meets(envelope, accept.layout, accept.ballot, now):
            return
        if self.accept(accept.ballot, accept.proposal) or accept.ballot < self.vote.promised:
            self._answer(envelope, Accepted(accept.layout.epoch, self.vote.promised))
        else:
            self._outbox.drop("two proposals under one ballot")

    def _meets(self, envelope: Envelope, layout: Layout, ballot: Ballot, now: Now) -> bool:
        """Is it for this node, at the layout of who asks, to answer?"""
        sender = envelope.sender.node
        is_own = ballot.node == sender and sender in layout.voters
        if not (1 <= ballot.round <= MAX_ROUND and is_own):
            self._outbox.drop("a ballot that cannot be")
            return False
        standing = self.take(layout, now)
        if standing == "earlier":
            self.answer_layout(envelope)
        return standing in ("same", "later") and self.may_vote

    def _answer(self, request: Envelope, message: Message) -> None:
        def then(ok: bool) -> None:
            if ok:
                self._outbox.reply(request, message)

        self._stage.then(then)

    def _vote(self, vote: Vote) -> None:
        self._stage.note("paxos", _vote_to_bytes(vote))
        self._become(vote)

    def _become(self, vote: Vote) -> None:
        self.vote = vote

        def then(ok: bool) -> None:
            if ok:
                self.kept = vote
            else:
                self.vote = self.kept

        self._stage.then(then)


def _vote_to_bytes(vote: Vote) -> bytes:
    proposal = layout_to_bytes(vote.proposal).decode()
    return json.dumps([vote.layout.epoch, vote.promised, vote.accepted, proposal]).encode()


def _vote_from_notes(notes: dict[str, bytes]) -> Vote:
    layout = layout_from_bytes(notes.get("layout", b""))
    if not notes.get("paxos"):
        return Vote(layout)
    epoch, promised, accepted, proposal = json.loads(notes["paxos"])
    if epoch != layout.epoch:
        return Vote(layout)
    accepted_proposal = layout_from_bytes(proposal.encode())
    return Vote(layout, Ballot(*promised), Ballot(*accepted), accepted_proposal)
