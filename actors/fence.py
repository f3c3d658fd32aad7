"""Fencing: a replica does and tells something only in the epoch of who asks, and only as a member
whose life others know of: its folder may be an old copy, whose word must not be counted on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from actors.actor import Envelope
from actors.layout import Layout
from actors.messages import Failed, LayoutIs, Message
from actors.outbox import Outbox
from actors.stage import Stage


class Standing(Protocol):
    """The layout that is on the disk, and whether others know of this life of the node."""

    is_welcome: bool

    @property
    def layout(self) -> Layout:
        """NO_LAYOUT before any is."""


class Fence:
    """Of the replica `here`."""

    def __init__(self, here: str, standing: Standing, stage: Stage, outbox: Outbox) -> None:
        self._here = here
        self._standing = standing
        self._stage = stage
        self._outbox = outbox

    def refusal(self, epoch: int) -> Message | None:
        """What who asks in this epoch is answered instead, or None."""
        standing = self._standing
        if epoch != standing.layout.epoch:
            return LayoutIs(standing.layout)
        if not standing.is_welcome or self._here not in standing.layout.members:
            return Failed("not_ready", "this replica may not answer for its data (yet)", True)
        return None

    def answer(self, request: Envelope, epoch: int, tell: Callable[[], Message | None]) -> None:
        """Once this turn's writes are on the disk; the epoch may be another by then. Where `tell`
        returns None there is no answer."""

        def then(_is_done: bool) -> None:
            message = self.refusal(epoch) or tell()
            if message is not None:
                self._outbox.reply(request, message)

        self._stage.then(then)
