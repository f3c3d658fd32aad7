"""Push-pull: two nodes compare the digests of all that they know, then exchange what differs.

It repairs what rumours lost, at a cost that grows with the difference: Compare with one digest,
Compared with one for each bucket, Exchange of what is in the buckets that differ, and Tell of what
the other did not know. (Demers et al., Epidemic Algorithms, 1987, section 1.3: anti-entropy.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import TypeVar

from actors.actor import Envelope
from actors.digests import BUCKETS, Digests
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members
from actors.messages import Compare, Compared, Exchange, Tell
from actors.outbox import Outbox
from actors.shared import SharedEntry
from actors.shared_table import SharedTable
from actors.sizes import text_bytes

MEMBER_BYTES = 200
ENTRY_BYTES = 200
"""More than they take besides: a member, its name and addresses; an entry, its key and value."""

MAX_AWAITED = 100

T = TypeVar("T")


class PushPull:
    """Says what to send; the gossiper takes in what comes."""

    def __init__(
        self,
        members: Members,
        shared: SharedTable,
        digests: Digests,
        outbox: Outbox,
        rng: Random,
        settings: GossipSettings,
    ) -> None:
        self._members = members
        self._shared = shared
        self._digests = digests
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._order: list[str] = []
        self._compared: dict[int, str] = {}
        self._awaited: dict[int, str] = {}
        self._agains = 0
        self._met: set[str] = set()
        self.network = ""
        self.next_ms = 0

    def due(self, now_ms: int, pause_ms: int) -> None:
        """Compare notes with the next of the others, in random order, if it is time. Those who are
        down are left out, unless nobody else is there."""
        if now_ms < self.next_ms:
            return
        self.next_ms = now_ms + self._rng.randrange(pause_ms // 2, pause_ms * 3 // 2)
        if self._agains:
            self.soon(now_ms, self._agains - 1)
        peer = self._next_peer()
        if peer is not None:
            self.compare_with(peer.id)

    def soon(self, now_ms: int, agains: int = 1) -> None:
        """There is news that rumours may not carry: compare before long, and so often again."""
        self._agains = agains
        self.next_ms = min(self.next_ms, now_ms + self._settings.push_pull_again_ms)

    def compare_with(self, node: str) -> None:
        """First step. Who has never answered may never have heard of this node, and then could
        not; or it has this node for gone, which it says when it hears of it."""
        if node not in self._met:
            self._outbox.tell(node, Tell(self.network, (self._members.me,), ()))
        number = self._outbox.send(node, Compare(self.network, self._digests.whole()))
        self._compared[number] = node
        _bound(self._compared)

    def is_expected(self, envelope: Envelope) -> bool:
        """Does this Compared answer a Compare of this node?"""
        return _take(self._compared, envelope)

    def compared(self, theirs: str) -> Compared:
        """Second step."""
        equal = theirs == self._digests.whole()
        return Compared(self.network, () if equal else self._digests.buckets())

    def exchange_with(self, node: str, theirs: Sequence[str]) -> None:
        """Third step, which is to be answered by a Tell, unless nothing differs."""
        if self._members.is_known(node):
            self._met.add(node)
        if not theirs:
            return
        # An earlier one whose answer was lost is made up for by this.
        self._awaited = {number: n for number, n in self._awaited.items() if n != node}
        for message in self._exchanges(theirs):
            if isinstance(message, Exchange):
                self._awaited[self._outbox.send(node, message)] = node
            else:
                self._outbox.tell(node, message)
        _bound(self._awaited)

    def is_answered(self, envelope: Envelope) -> bool:
        """Is this the last answer to an exchange with a node?"""
        is_awaited = _take(self._awaited, envelope)
        return is_awaited and envelope.sender.node not in self._awaited.values()

    def _exchanges(self, theirs: Sequence[str]) -> Iterator[Exchange | Tell]:
        """Each Exchange has all of its buckets; but of a bucket that is too large for a message all
        is told, and all is asked for."""
        differing = self._digests.differing(theirs)
        wanted = frozenset(differing)
        members = _by_bucket(self._members.in_buckets(wanted), lambda m: f"member {m.id}")
        shared = _by_bucket(self._shared.in_buckets(wanted), lambda e: f"shared {e.key}")
        sizes = {b: _size(members.get(b, ()), shared.get(b, ())) for b in differing}
        limit_bytes = self._settings.max_tell_bytes
        for large in [b for b in differing if sizes[b] > limit_bytes]:
            yield from self._tells(members.pop(large, []), shared.pop(large, []))
            sizes[large] = 0
        for part in _parts(differing, list(sizes.values()), limit_bytes):
            yield Exchange(
                self.network,
                tuple(part),
                tuple([m for b in part for m in members.get(b, ())]),
                tuple([e for b in part for e in shared.get(b, ())]),
            )

    def answer(self, request: Envelope) -> None:
        """Fourth step, before what is theirs is taken in: a Tell, be it empty. What concerns the
        other itself is in the first, for it may wait to hear that it is still a member."""
        theirs = request.message
        assert isinstance(theirs, Exchange)
        buckets = frozenset([b for b in theirs.buckets if b < BUCKETS])
        members = list(self._members.later_than(theirs.members, buckets))
        members.sort(key=lambda m: m.id != request.sender.node)
        shared = self._shared.later_than(theirs.shared, buckets)
        for tell in list(self._tells(members, shared)) or [Tell(self.network, (), ())]:
            self._outbox.reply(request, tell)

    def _tells(self, members: Sequence[Member], shared: Sequence[SharedEntry]) -> Iterator[Tell]:
        """This news, in messages of bounded size."""
        limit_bytes = self._settings.max_tell_bytes
        for some in _parts(members, [_size((m,), ()) for m in members], limit_bytes):
            yield Tell(self.network, tuple(some), ())
        for entries in _parts(shared, [_size((), (e,)) for e in shared], limit_bytes):
            yield Tell(self.network, (), tuple(entries))

    def _next_peer(self) -> Member | None:
        others = self._members.living() or self._members.others()
        wanted = {m.id: m for m in others}
        for _ in range(2):
            while self._order:
                peer = wanted.get(self._order.pop())
                if peer is not None:
                    return peer
            self._order = list(wanted)
            self._rng.shuffle(self._order)
        return None


def _by_bucket(facts: Iterable[T], name: Callable[[T], str]) -> dict[int, list[T]]:
    buckets: dict[int, list[T]] = {}
    for fact in facts:
        buckets.setdefault(Digests.bucket_of(name(fact)), []).append(fact)
    return buckets


def _size(members: Sequence[Member], shared: Sequence[SharedEntry]) -> int:
    names = sum(
        len((m.name + m.address + m.gossip_address + m.files_address).encode()) for m in members
    )
    values = sum(text_bytes(e.key) + len(e.value) for e in shared)
    return names + values + MEMBER_BYTES * len(members) + ENTRY_BYTES * len(shared)


def _take(numbers: dict[int, str], envelope: Envelope) -> bool:
    """Is this number expected, and from its sender? It is not a second time."""
    if numbers.get(envelope.id) != envelope.sender.node:
        return False
    del numbers[envelope.id]
    return True


def _bound(numbers: dict[int, str]) -> None:
    while len(numbers) > MAX_AWAITED:
        del numbers[next(iter(numbers))]


def _parts(things: Sequence[T], sizes_bytes: Sequence[int], limit_bytes: int) -> Iterator[list[T]]:
    """In order, as many together as the limit admits, and at least one."""
    part: list[T] = []
    total_bytes = 0
    for thing, size_bytes in zip(things, sizes_bytes, strict=True):
        if part and total_bytes + size_bytes > limit_bytes:
            yield part
            part, total_bytes = [], 0
        part.append(thing)
        total_bytes += size_bytes
    if part:
        yield part
