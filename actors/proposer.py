"""Gets the next layout decided: single-decree Paxos, by whoever has a wish.

The own promise is on the disk before another is asked for one, so no ballot is used twice, in
whichever life. What any of a majority has accepted before takes the place of the own wish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from actors.acceptor import MAX_ROUND, Acceptor, follows
from actors.actor import Envelope, Now
from actors.census import Census
from actors.layout import Layout, majority
from actors.messages import NO_BALLOT, Accept, Accepted, Ballot, Prepare, Promised
from actors.outbox import Outbox
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.wishes import Wish


@dataclass(slots=True)
class _Attempt:
    """`promises` are what each has accepted before, by its id. Phase two has begun when there is a
    `proposal`."""

    layout: Layout
    ballot: Ballot
    deadline_ms: int
    promises: dict[str, tuple[Ballot, Layout]] = field(default_factory=dict)
    proposal: Layout | None = None
    acceptances: set[str] = field(default_factory=set)

    def has_majority(self) -> bool:
        """Have enough answered in this phase?"""
        answered = self.promises if self.proposal is None else self.acceptances
        return len(answered) >= majority(len(self.layout.voters))


class Proposer:
    """`wish` is what is to be decided, and when; `touch` is called where something came about that
    is to be looked at."""

    def __init__(
        self,
        here: str,
        acceptor: Acceptor,
        wish: Callable[[Now], Wish | None],
        census: Census,
        stage: Stage,
        outbox: Outbox,
        rng: Random,
        settings: StorageSettings,
        touch: Callable[[], None],
    ) -> None:
        self._here = here
        self._touch = touch
        self._acceptor = acceptor
        self._wish = wish
        self._census = census
        self._stage = stage
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._attempt: _Attempt | None = None
        self._highest = 0
        self._retry_ms = 0
        self._begin_ms: int | None = None

    @property
    def wake_at(self) -> int | None:
        """When to begin, or to give up: monotonic ms."""
        return self._begin_ms if self._attempt is None else self._attempt.deadline_ms

    def begin(self) -> None:
        """Another layout is on the disk: what was under way is over."""
        self._attempt = None
        self._begin_ms = None
        self._highest = 0
        self._retry_ms = 0

    def due(self, now: Now) -> None:
        """Take the step that is due."""
        if self._acceptor.vote.layout != self._acceptor.kept.layout:
            self._fail(now)  # A later one is on its way to the disk, unless that is full.
            return
        if self._attempt is not None:
            self._go_on(self._attempt, now)
        self._begin_ms = None
        if self._attempt is None:
            wish = self._wish(now) if self._acceptor.may_vote else None
            if wish is not None:
                self._begin_ms = max(wish.at_ms + self._patience_ms(wish), self._retry_ms)
                if now.mono_ms >= self._begin_ms:
                    self._prepare(now)

    def on_promised(self, envelope: Envelope, now: Now) -> None:
        """A member has promised, or not."""
        promised = envelope.message
        assert isinstance(promised, Promised)
        attempt = self._answered(envelope, promised.epoch, promised.promised, now)
        if attempt is None or attempt.proposal is not None:
            return
        accepted = promised.accepted
        if accepted == NO_BALLOT:
            attempt.promises[envelope.sender.node] = NO_BALLOT, attempt.layout
        elif accepted < attempt.ballot and follows(attempt.layout, promised.proposal):
            attempt.promises[envelope.sender.node] = accepted, promised.proposal
        else:
            self._outbox.drop("a promise that cannot be")

    def on_accepted(self, envelope: Envelope, now: Now) -> None:
        """A member has accepted, or not."""
        accepted = envelope.message
        assert isinstance(accepted, Accepted)
        attempt = self._answered(envelope, accepted.epoch, accepted.promised, now)
        if attempt is not None and attempt.proposal is not None:
            attempt.acceptances.add(envelope.sender.node)

    def _answered(
        self, envelope: Envelope, epoch: int, promised: Ballot, now: Now
    ) -> _Attempt | None:
        """The attempt, if this is a yes to it. A no ends it."""
        attempt = self._attempt
        if attempt is None or epoch != attempt.layout.epoch or promised < attempt.ballot:
            return None
        if envelope.sender.node not in attempt.layout.voters or promised.round > MAX_ROUND:
            self._outbox.drop("an answer to a proposal that cannot be")
            return None
        if promised > attempt.ballot:
            self._highest = max(self._highest, promised.round)
            self._fail(now)
            return None
        return attempt

    def _patience_ms(self, wish: Wish) -> int:
        """Those before this one in the order of their ids have the precedence, unless they do not
        know of the wish."""
        if wish.is_own:
            return 0
        voters = self._acceptor.kept.layout.voters
        before = [m for m in voters if m < self._here and self._census.is_up(m)]
        return len(before) * self._settings.propose_retry_ms

    def _some_time(self) -> int:
        retry_ms = self._settings.propose_retry_ms
        return retry_ms + self._rng.randrange(retry_ms + 1)

    def _fail(self, now: Now) -> None:
        self._attempt = None
        self._retry_ms = now.mono_ms + self._some_time()
        self._begin_ms = self._retry_ms

    def _go_on(self, attempt: _Attempt, now: Now) -> None:
        if attempt.has_majority() and attempt.proposal is None:
            self._accept(attempt, now)
        elif attempt.has_majority():
            assert attempt.proposal is not None
            self._fail(now)  # If the disk is full it has to be decided again.
            self._acceptor.adopt(attempt.proposal, now, tell=True)
        elif now.mono_ms >= attempt.deadline_ms:
            self._fail(now)

    def _prepare(self, now: Now) -> None:
        vote = self._acceptor.vote
        ballot = Ballot(max(vote.promised.round, self._highest) + 1, self._here)
        if ballot.round > MAX_ROUND:
            return
        deadline_ms = now.mono_ms + self._some_time()
        self._attempt = attempt = _Attempt(vote.layout, ballot, deadline_ms)
        self._acceptor.promise(ballot)
        accepted, proposal = vote.accepted, vote.proposal

        def then(ok: bool) -> None:
            if self._is_over(attempt, ok, now):
                return
            attempt.promises[self._here] = accepted, proposal
            for member in attempt.layout.voters:
                if member != self._here:
                    self._outbox.send(member, Prepare(attempt.layout, ballot))

        self._stage.then(then)

    def _accept(self, attempt: _Attempt, now: Now) -> None:
        accepted, proposal = max(attempt.promises.values(), key=lambda promise: promise[0])
        if accepted == NO_BALLOT:
            wish = self._wish(now)
            if wish is None or wish.at_ms > now.mono_ms:
                self._fail(now)
                return
            proposal = wish.proposal
        if not self._acceptor.accept(attempt.ballot, proposal):
            self._fail(now)
            return
        attempt.proposal = proposal
        attempt.deadline_ms = now.mono_ms + self._some_time()

        def then(ok: bool) -> None:
            if self._is_over(attempt, ok, now):
                return
            attempt.acceptances.add(self._here)
            for member in attempt.layout.voters:
                if member != self._here:
                    accept = Accept(attempt.layout, attempt.ballot, proposal)
                    self._outbox.send(member, accept)

        self._stage.then(then)

    def _is_over(self, attempt: _Attempt, ok: bool, now: Now) -> bool:
        """Was the attempt given up, or is the disk full?"""
        self._touch()
        if self._attempt is attempt and not ok:
            self._fail(now)
        return self._attempt is not attempt
