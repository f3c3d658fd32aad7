"""Shared key-values as clients and other nodes bring them: on the disk first, then held and told.

The table of them, and their clock, are in actors/shared_table.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actors.actor import HOST, Envelope, Now
from actors.clocks_apart import WallClocks
from actors.denials import RESERVED, as_share, is_own
from actors.gossip_settings import GossipSettings
from actors.memory import Memory, Then
from actors.messages import DeniedKeys, Deny, Failed, Share, Shared
from actors.outbox import Outbox
from actors.push_pull import PushPull
from actors.rumours import Rumours
from actors.shared import SharedEntry, version_text
from actors.shared_table import SharedTable
from actors.window import Windows


class Sharing:
    """Between the table, the disk and the rumours."""

    def __init__(
        self,
        table: SharedTable,
        memory: Memory,
        rumours: Rumours,
        push_pull: PushPull,
        outbox: Outbox,
        settings: GossipSettings,
    ) -> None:
        self._table = table
        self._memory = memory
        self._rumours = rumours
        self._push_pull = push_pull
        self._outbox = outbox
        self._settings = settings
        self._clocks = WallClocks()
        self._seen = Windows()
        self._denied = table.denied_keys()

    def heard(self, node: str, wall_ms: int, now: Now) -> None:
        """Another node's wall clock."""
        self._clocks.heard(node, wall_ms, now)

    def on_share(self, envelope: Envelope, now: Now) -> None:
        """A client shares a value, or takes it back; or denies a key, or allows it again."""
        assert isinstance(envelope.message, (Share, Deny))
        share = _meant(envelope.message)
        if isinstance(share, Failed):
            self._outbox.reply(envelope, share)
            return
        if not self._seen.first_time(envelope.sender, envelope.id):
            self._outbox.drop("duplicate write")
            return
        reason = self._clocks.refusal(self._settings.max_wall_ahead_ms, now)
        reason = reason or self._table.clock_refusal(now)
        refusal = Failed("refused", reason, True) if reason else self._table.refusal(share)
        if refusal is not None:
            self._outbox.reply(envelope, refusal)
            return
        entry = self._table.stamp(share, now)

        def kept(code: str) -> None:
            if code != "ok":
                self._table.forgo((entry,))
                reason = "the disk of the node is full: the value was not shared"
                self._outbox.reply(envelope, Failed(code, reason, True))
                return
            self._hold((entry,))
            self._rumours.say_shared((entry,))
            self._push_pull.soon(now.mono_ms)
            self._outbox.reply(envelope, Shared(version_text(entry)))

        self._keep((entry,), kept)

    def take_in(self, news: Iterable[SharedEntry], now: Now, *, retell: bool) -> bool:
        """Is any of it later than what is held? Hold that, once it is on the disk. With `retell` it
        was heard in private, and others may not know it."""
        later, refused = self._table.later(news, now)
        for reason in dict.fromkeys(refused):
            self._outbox.drop(reason, refused.count(reason))
        if not later:
            return False

        def kept(code: str) -> None:
            if code != "ok":
                self._table.forgo(later)
                self._outbox.drop("shared values could not be kept: the disk is full")
                return
            self._hold(later)
            if retell:
                self._rumours.say_shared(later)
                self._push_pull.soon(now.mono_ms)

        self._keep(later, kept)
        return True

    def _hold(self, entries: Sequence[SharedEntry]) -> None:
        self._table.hold(entries)
        if any(is_own(entry.key) for entry in entries):
            before, self._denied = self._denied, self._table.denied_keys()
            if self._denied != before:
                self._outbox.to(HOST, DeniedKeys(self._denied))

    def _keep(self, entries: Sequence[SharedEntry], kept: Then) -> None:
        """They have their place in the table at once; what is written is what is the latest by
        then."""
        self._table.notes(entries)
        self._memory.keep(lambda: self._table.notes(entries), kept)


def _meant(request: Share | Deny) -> Share | Failed:
    """What is to be shared, or why it is not."""
    if isinstance(request, Deny):
        return as_share(request)
    if is_own(request.key):
        reason = f"shared keys that begin with {RESERVED!r} are the network's own"
        return Failed("bad_key", reason, True)
    return request
