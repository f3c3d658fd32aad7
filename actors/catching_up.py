"""How a layout that was decided gets to everybody: who decided it tells all, and all ask around.

One that is a member no more stays until a majority of those that are have the layout that says so:
what was decided might else be known by nobody who is left.
"""

from __future__ import annotations

from random import Random

from actors.acceptor import MAX_EPOCH_STEP, Acceptor
from actors.actor import Envelope, Now
from actors.census import Census
from actors.layout import majority
from actors.messages import AskLayout, LayoutIs
from actors.outbox import Outbox
from actors.storage_settings import StorageSettings


class CatchingUp:
    """Of node `here`, whose layout the acceptor keeps."""

    def __init__(
        self,
        here: str,
        acceptor: Acceptor,
        outbox: Outbox,
        census: Census,
        rng: Random,
        settings: StorageSettings,
    ) -> None:
        self._here = here
        self._acceptor = acceptor
        self._outbox = outbox
        self._census = census
        self._rng = rng
        self._settings = settings
        self._informed: set[str] = set()
        self._ask_ms = 0

    @property
    def wake_at(self) -> int:
        """When to ask next: monotonic ms."""
        return self._ask_ms

    @property
    def is_released(self) -> bool:
        """Is this node a member no more, and does a majority of those that are know of it?"""
        layout = self._acceptor.kept.layout
        informed = [member for member in layout.voters if member in self._informed]
        return self._here in layout.gone and len(informed) >= majority(len(layout.voters))

    def begin(self) -> None:
        """Another layout is on the disk."""
        self._informed = set()
        if self._here in self._acceptor.kept.layout.gone:
            self._ask_ms = 0

    def on_layout(self, envelope: Envelope, now: Now) -> None:
        """Another is at this layout: take it, or tell what is later."""
        is_news = envelope.message
        assert isinstance(is_news, LayoutIs)
        sender, layout = envelope.sender.node, is_news.layout
        standing = self._acceptor.take(layout, now)
        if standing == "earlier" and sender != self._here:
            self._outbox.tell(sender, LayoutIs(self._acceptor.kept.layout))
        elif standing != "impossible":
            self._heard_of(sender, layout.epoch)

    def on_epoch(self, envelope: Envelope, epoch: int) -> bool:
        """Another is at this epoch: tell it of a later one, or ask it; is this node at it too?"""
        mine, sender = self._acceptor.vote.layout, envelope.sender.node
        if not 0 <= epoch <= mine.epoch + MAX_EPOCH_STEP:
            self._outbox.drop("an epoch that cannot be")
            return False
        if epoch < mine.epoch:
            self._acceptor.answer_layout(envelope)
        elif epoch > mine.epoch and sender != self._here:
            self._outbox.tell(sender, AskLayout(mine.epoch))
        return epoch == mine.epoch

    def on_ask(self, envelope: Envelope) -> None:
        """Another asks for what is later; one that is a member no more also for the same."""
        ask, sender = envelope.message, envelope.sender.node
        assert isinstance(ask, AskLayout)
        layout = self._acceptor.vote.layout
        if self.on_epoch(envelope, ask.epoch) and layout.epoch and sender not in layout.members:
            self._acceptor.answer_layout(envelope)
        self._heard_of(sender, ask.epoch)

    def due(self, now: Now) -> None:
        """Ask one other member, at random; or, where it is a member no more, all that may not know
        of that."""
        if now.mono_ms < self._ask_ms:
            return
        layout = self._acceptor.kept.layout
        ask = AskLayout(layout.epoch)
        if self._here in layout.gone and not self.is_released:
            for member in layout.voters:
                if member not in self._informed:
                    self._outbox.send(member, ask)
            self._ask_ms = now.mono_ms + self._settings.hello_retry_ms
            return
        others = [m for m in layout.members if m != self._here and not self._census.is_down(m)]
        others = sorted({*others, *self._census.others()})
        if others:
            self._outbox.send(self._rng.choice(others), ask)
        settings = self._settings
        pause_ms = settings.layout_ask_ms if layout.epoch else settings.hello_retry_ms
        self._ask_ms = now.mono_ms + pause_ms

    def _heard_of(self, member: str, epoch: int) -> None:
        layout = self._acceptor.kept.layout
        if epoch >= layout.epoch and member in layout.voters:
            self._informed.add(member)
