"""What others publish: acted on when it is heard for the first time, and published once more where
there was any news in it.
"""

from __future__ import annotations

from actors.actor import Now
from actors.detector import Detector
from actors.gossip_settings import GossipSettings
from actors.intake import Intake
from actors.messages import Rumour, Watched
from actors.outbox import Outbox
from actors.rumours import Rumours
from actors.sharing import Sharing
from actors.watchers import KeyWatchers


class Hearing:
    """Each kind of news is handed to who takes it in."""

    def __init__(
        self,
        rumours: Rumours,
        intake: Intake,
        sharing: Sharing,
        detector: Detector,
        key_watchers: KeyWatchers,
        outbox: Outbox,
        settings: GossipSettings,
    ) -> None:
        self._rumours = rumours
        self._intake = intake
        self._sharing = sharing
        self._detector = detector
        self._key_watchers = key_watchers
        self._outbox = outbox
        self._settings = settings

    def on_rumour(self, rumour: Rumour, now: Now) -> None:
        """Of this network."""
        if not self._rumours.hear(rumour, now):
            return
        suspects = [m for m in rumour.members if m.state == "suspect"]
        news = [
            self._intake.take_in(rumour.members, now, rumour.origin, retell=False),
            self._sharing.take_in(rumour.shared, now, retell=False),
            *[self._detector.accused(m, rumour.origin, now) for m in suspects],
        ]
        if any(news) or rumour.changes or rumour.missed or rumour.watched_ms:
            # Where it is no news it was told already, as part of another rumour.
            self._rumours.pass_on(rumour)
        self._key_watchers.heard(rumour.changes, now)
        if rumour.missed:
            self._key_watchers.missed()
        if rumour.watched_ms:
            duration_ms = min(rumour.watched_ms, self._settings.watch_ms)
            self._outbox.to("router", Watched(duration_ms))
