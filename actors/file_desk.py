"""What the parts of a file server share: who is there, who owns which chunk, what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from actors import ring
from actors.actor import Address, Now
from actors.chunks import partition_of_chunk
from actors.errands import Errands
from actors.file_settings import FileSettings
from actors.layout import NO_LAYOUT, Placement, ring_of
from actors.membership import LIVING, Member
from actors.messages import Failed, LayoutIs, Message
from actors.outbox import Outbox


class FileDesk:
    """Of the file server `here`. `placement` is that of the layout on the own disk."""

    def __init__(
        self, here: Address, errands: Errands, outbox: Outbox, settings: FileSettings
    ) -> None:
        self.node = here.node
        self.errands = errands
        self.outbox = outbox
        self.settings = settings
        self.placement = Placement(NO_LAYOUT)
        self.now = Now(0, 0)
        self._members: dict[str, Member] = {}
        self._leaving: frozenset[str] = frozenset()
        self._ring = ring_of(())
        # The partitions that this node is to keep, a bit each: the first is the highest.
        self.owned = 0
        self._later: list[Callable[[], None]] = []

    def later(self, action: Callable[[], None]) -> None:
        """Do this in the next turn."""
        self._later.append(action)

    def do_later(self) -> None:
        """Do what an earlier turn has left to this one."""
        later, self._later = self._later, []
        for action in later:
            action()

    @property
    def wake_at(self) -> int | None:
        """At once, if something was left to the next turn."""
        return self.now.mono_ms + 1 if self._later else None

    @property
    def epoch(self) -> int:
        """Of the layout in which everything is done."""
        return self.placement.layout.epoch

    @property
    def is_leaving(self) -> bool:
        """Is this node about to go? Then nobody counts on what it keeps any more."""
        return self.node in self._leaving

    @property
    def keepers(self) -> tuple[str, ...]:
        """The members that are to keep chunks: those of the layout, when nothing moves any more,
        but for those that are about to leave."""
        return self._ring.members

    def settle(self) -> bool:
        """The layout or the members are others; are the keepers, too?"""
        target = self.placement.layout.target
        staying = tuple([node for node in target if node not in self._leaving])
        before, self._ring = self._ring, ring_of(staying or target)
        if self._ring.members == before.members:
            return False
        self.owned = sum([1 << bit(p) for p in range(ring.PARTITIONS) if self.owns(p)])
        return True

    def meet(self, members: tuple[Member, ...]) -> list[str]:
        """These are the members now; the ids of those that have gone down since."""
        before, self._members = self._members, {m.id: m for m in members}
        self._leaving = frozenset([m.id for m in members if m.state == "leaving"])
        were_up = [id for id, m in before.items() if m.state in LIVING]
        return [id for id in were_up if self.is_down(id)]

    def is_down(self, node: str) -> bool:
        """Is it known to be down, or not known at all?"""
        member = self._members.get(node)
        return node != self.node and (member is None or member.state not in LIVING)

    def name_of(self, node: str) -> str:
        """What people call it."""
        member = self._members.get(node)
        return member.name if member is not None else node

    def owners(self, chunk: str) -> tuple[str, ...]:
        """Who is to keep it, when nothing moves any more."""
        return self._ring.owners(partition_of_chunk(chunk))

    def by_owner(self, chunks: Iterable[str]) -> dict[str, list[str]]:
        """Which of these each owner is to keep."""
        owned: dict[str, list[str]] = {}
        for chunk in chunks:
            for owner in self.owners(chunk):
                owned.setdefault(owner, []).append(chunk)
        return owned

    def owns(self, partition: int) -> bool:
        """Is this node to keep the chunks of a partition?"""
        return self.node in self._ring.owners(partition)

    def is_owner(self, chunk: str) -> bool:
        """Is this node to keep it?"""
        return self.node in self.owners(chunk)

    def others(self) -> list[str]:
        """All that may have chunks but this node: members of the layout, and those that are about
        to leave. In the order of their ids."""
        leaving = [m.id for m in self._members.values() if m.state in LIVING]
        everybody = {*self.placement.layout.members, *leaving}
        return sorted(everybody - {self.node})

    def living_others(self) -> list[str]:
        """Those of them that are not known to be down."""
        return [node for node in self.others() if not self.is_down(node)]

    def refusal(self, epoch: int) -> Message | None:
        """What who asks in this epoch is answered instead, or None."""
        if epoch != self.epoch:
            return LayoutIs(self.placement.layout)
        if not self.epoch:
            return Failed("not_ready", "the node is not ready yet", True)
        return None

    def deadline_ms(self, timeout_ms: int) -> int:
        """A little before the client gives up, so that it hears why: monotonic ms."""
        timeout_ms = max(1, min(timeout_ms, self.settings.max_timeout_ms))
        return self.now.mono_ms + timeout_ms - min(timeout_ms // 10, 200)


def bit(partition: int) -> int:
    """Of those that are owned, which stands for this partition?"""
    return ring.PARTITIONS - 1 - partition
