"""Arriving by itself: what it tells, whom and when."""

from __future__ import annotations

from random import Random

from actors.actor import Envelope
from actors.arriving import Arriving
from actors.membership import Member
from actors.messages import Tell
from tests.actors.gossipers import NET
from tests.actors.parts import Parts


class Coming(Parts):
    """Node A arrives."""

    def __init__(self, *others: Member) -> None:
        super().__init__(*others)
        self.arriving = Arriving(self.members, self.outbox, Random(1), self.settings)
        self.arriving.network = NET
        self.sent: list[Envelope] = []

    def due(self, after_ms: int = 0) -> list[str]:
        """Whom it tells of itself, so much later."""
        self.now_ms += after_ms
        self.arriving.due(self.now())
        return self.told()

    def told(self) -> list[str]:
        """Whom it has told of itself in this turn."""
        out = self.outbox.take()
        assert all(e.message == Tell(NET, (self.members.me,), ()) for e in out)
        self.sent = out
        return [e.to.node for e in out]

    def wait(self) -> list[str]:
        """Whom it tells when it has asked for a turn."""
        assert self.arriving.wake_at is not None
        return self.due(max(0, self.arriving.wake_at - self.now_ms))
