"""What the rest of the node is told of the members: who there is, the connections, and whose gossip
is heard. A router serves once it is known which members keep the data, too.

Who belongs is acted on once it is on the disk; who of them is alive, at once.
"""

from __future__ import annotations

from random import Random

from actors.actor import HOST, SWITCH, Now
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members, members_to_bytes
from actors.memory import Memory
from actors.messages import Connect, MembersChanged, Subscribe
from actors.neighbours import Neighbours
from actors.outbox import Outbox


class Announcing:
    """Of the members of the gossiper, to its node. `waiting` is why the node does not serve, or did
    not before it did."""

    def __init__(
        self,
        members: Members,
        memory: Memory,
        outbox: Outbox,
        rng: Random,
        settings: GossipSettings,
    ) -> None:
        self._members = members
        self._memory = memory
        self._outbox = outbox
        self._settings = settings
        self._neighbours = Neighbours(members.me.id, rng, settings)
        self._kept: frozenset[str] = frozenset()
        self._announced: tuple[Member, ...] = ()
        self._seen_version = -1
        self._connected: tuple[tuple[str, str], ...] = ()
        self._heard: tuple[str, ...] = ()
        self._left_ms: dict[str, int] = {}
        self.waiting = ""
        self._retry_ms: int | None = None
        self._choose_ms = 0
        self._serves = False
        self._told: tuple[Member, ...] = ()
        self.has_layout = False
        self.network = ""

    @property
    def wake_at(self) -> int | None:
        """When to try the disk again, or to choose other neighbours: monotonic ms."""
        times = [self._retry_ms] if self._retry_ms is not None and self._serves else []
        if len(self._members) - 1 > self._settings.all_neighbours or self._left_ms:
            times.append(self._choose_ms)
        return min(times, default=None)

    @property
    def waits(self) -> str:
        """Why the node does not serve; empty if it does."""
        return "" if self._told else self.waiting or "it has just started"

    def all_are_kept(self) -> None:
        """Those present are on the disk."""
        self._kept = frozenset([m.id for m in self._members.present()])
        self._members.unkept = False
        self._seen_version = -1

    def wait(self, reason: str) -> None:
        """The node does not serve yet, or no more."""
        if reason != self.waiting:
            self.waiting = reason
            self._tell(MembersChanged("", (), reason))
            self._told = ()

    def blame(self, why: str) -> None:
        """This is why it still waits. The first reason will do: it is no other with each member."""
        if self.waiting and ";" not in self.waiting:
            self.wait(f"{self.waiting}; {why}")

    def due(self, now: Now, *, serves: bool) -> None:
        """Keep what is to be kept, and tell what is to be told. A node that does not serve yet may
        not be what its folder says: it keeps that as it is."""
        self._connect(now)
        self._serves = serves
        if not serves:
            return
        if self._retry_ms is not None and now.mono_ms >= self._retry_ms:
            self._retry_ms = None
            self._members.unkept = True
        if self._members.unkept and self._retry_ms is None and not self._memory.is_busy:
            self._keep(now)
        if self._seen_version != self._members.version or not self._announced:
            self._seen_version = self._members.version
            self._announce()
        if self.has_layout and self._told != self._announced:
            self._told = self._announced
            self._tell(MembersChanged(self.network, self._announced, ""))

    def _tell(self, changed: MembersChanged) -> None:
        for actor in ("router", "fileserver", HOST):
            self._outbox.to(actor, changed)

    def _keep(self, now: Now) -> None:
        self._members.unkept = False
        present = frozenset([m.id for m in self._members.present()])
        retry_ms = now.mono_ms + self._settings.push_pull_ms

        def kept(code: str) -> None:
            if code == "ok":
                self._kept = present
                self._seen_version = -1
            else:
                self._retry_ms = retry_ms
                self._outbox.drop("the list of members could not be kept: the disk is full")

        notes = [("members", members_to_bytes(self._members.all()))]
        self._memory.keep(lambda: notes, kept)

    def _announce(self) -> None:
        before = {m.id: m for m in self._announced}
        now = [m for m in self._members.all() if m.id in self._kept]
        # One that left belongs until that is on the disk.
        members = tuple([before.get(m.id, m) if m.state == "left" else m for m in now])
        if members != self._announced:
            self._announced = members
            self._outbox.to("storage", MembersChanged(self.network, members, ""))

    def _connect(self, now: Now) -> None:
        if self._seen_version == self._members.version and now.mono_ms < self._choose_ms:
            return
        self._choose_ms = now.mono_ms + self._settings.neighbour_change_ms
        others = self._members.others()
        connected = tuple([(m.id, m.address) for m in (*others, *self._departed(now))])
        if connected != self._connected:
            self._connected = connected
            self._outbox.to(SWITCH, Connect(connected))
        neighbours = self._neighbours.choose(others, now)
        heard = tuple(dict.fromkeys([m.gossip_address for m in neighbours]))
        if heard != self._heard:
            self._heard = heard
            self._outbox.to(HOST, Subscribe(heard))

    def _departed(self, now: Now) -> list[Member]:
        """Those that have left not long ago: they may still have to be answered."""
        left = [m.id for m in self._members.all() if m.state == "left"]
        if left:
            connected = {member_id for member_id, _ in self._connected}
            for member_id in left:
                if member_id in connected:
                    self._left_ms.setdefault(member_id, now.mono_ms)
        self._left_ms = {
            member_id: left_ms
            for member_id, left_ms in self._left_ms.items()
            if now.mono_ms - left_ms < self._settings.neighbour_change_ms
        }
        known = [self._members.get(member_id) for member_id in self._left_ms]
        return [member for member in known if member is not None and member.state == "left"]
