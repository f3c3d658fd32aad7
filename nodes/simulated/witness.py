"""Watches a trial as it goes, and says which rules of the protocol were broken on the way.

A stamp stands for one value; the layouts that are adopted form one chain, on which every member
only goes forward, crashes or not; and what is acknowledged is with a majority at that moment.
"""

from __future__ import annotations

from actors.actor import HOST, Envelope
from actors.layout import Layout
from actors.messages import LayoutIs, Remember, Store
from actors.versions import NEVER, Kind, Stamp
from nodes.simulated import Simulation
from nodes.simulated.replicas import Replicas

MAX_WRONG = 20
"""So many are told of; where there are more, they say the same."""


class Witness:
    """`wrong` is what it has seen, `layouts` the adopted layouts by their epochs."""

    def __init__(self, simulation: Simulation, replicas: Replicas) -> None:
        self._replicas = replicas
        self._values: dict[Stamp, tuple[str, Kind, bytes]] = {}
        self._stamps: dict[bytes, Stamp] = {}
        self._mortal: dict[str, Stamp] = {}
        self._epochs: dict[str, int] = {}
        self._acknowledged: dict[str, Stamp] = {}
        self.layouts: dict[int, Layout] = {}
        self.wrong: list[str] = []
        simulation.transcript.listen(Store, self._on_store)
        simulation.transcript.listen(LayoutIs, self._on_layout)
        simulation.transcript.listen(Remember, self._on_founding)

    def on_acknowledged(self, key: str, version: str) -> None:
        """A client was just told that a quorum holds this."""
        stamp = stamp_of(version)
        self._acknowledged[key] = max(stamp, self._acknowledged.get(key, stamp))
        self.look(key)

    def look(self, key: str) -> None:
        """Is the latest that was acknowledged where it has to be? Nothing is known where it, or
        something later, is a delete or expires: that may have been collected by now."""
        stamp = self._acknowledged.get(key)
        if stamp is not None and self._mortal.get(key, NEVER) < stamp:
            self._say(self._replicas.lacks(key, stamp))

    def look_at_all(self) -> None:
        """The same for all keys."""
        for key in self._acknowledged:
            self.look(key)

    def _say(self, wrong: str) -> None:
        if wrong and wrong not in self.wrong and len(self.wrong) < MAX_WRONG:
            self.wrong.append(wrong)

    def _on_store(self, envelope: Envelope) -> None:
        store = envelope.message
        assert isinstance(store, Store)
        columns = zip(
            store.keys, store.kinds, store.values, store.stamps, store.expiries, strict=True
        )
        for key, kind, value, stamp, expires_ms in columns:
            if kind == "absent" or expires_ms:
                self._mortal[key] = max(stamp, self._mortal.get(key, stamp))
            if kind == "absent":
                # It may be the mark that the value under this stamp has expired.
                continue
            known = self._values.setdefault(stamp, (key, kind, value))
            if known != (key, kind, value):
                self._say(f"{stamp} stands for {known} and for {(key, kind, value)}")
            other = self._stamps.setdefault(value, stamp)
            if other != stamp:
                self._say(f"{value!r} of {key} has the stamps {other} and {stamp}")

    def _on_founding(self, envelope: Envelope) -> None:
        remember = envelope.message
        assert isinstance(remember, Remember)
        if remember.founding is not None:
            self._add(remember.founding)

    def _on_layout(self, envelope: Envelope) -> None:
        news = envelope.message
        assert isinstance(news, LayoutIs)
        self._add(news.layout)
        node = envelope.to.node
        if envelope.to.actor == HOST:
            epoch = self._epochs.get(node, 0)
            if news.layout.epoch < epoch:
                self._say(f"{node} went from the epoch {epoch} back to {news.layout.epoch}")
            self._epochs[node] = max(epoch, news.layout.epoch)

    def _add(self, layout: Layout) -> None:
        if not layout.epoch:
            return
        known = self.layouts.setdefault(layout.epoch, layout)
        if known != layout:
            self._say(f"two layouts have the epoch {layout.epoch}: {known} and {layout}")
        before, after = self.layouts.get(layout.epoch - 1), self.layouts.get(layout.epoch + 1)
        if known is layout:
            for one, other in ((before, layout), (layout, after)):
                if one is not None and other is not None and not follows(one, other):
                    self._say(f"{other} does not follow {one}")


def follows(one: Layout, other: Layout) -> bool:
    """May this layout come next? A stable one becomes joint or stands for itself, a joint one is
    settled or given up."""
    if one.next and not other.next:
        return other.base in (one.base, one.next)
    return not one.next and other.base == one.base


def stamp_of(version: str) -> Stamp:
    """What a client is told as the version, read back."""
    counter, node, boot, *ballot = version.split("-")
    return Stamp(int(counter, 16), node, boot, *ballot)
