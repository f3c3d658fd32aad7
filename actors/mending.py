"""How every owner gets what it lacks: nodes compare what they keep, and whoever lacks a chunk that
is referred to takes it from who has it. So wiped folders refill, and a node that joins gets its
share.

What differs is found by a sum for each partition. What nobody refers to is not taken, or what is
collected on one node would come back from another.
"""

from __future__ import annotations

from functools import partial
from random import Random

from actors import ring
from actors.actor import Address, Envelope
from actors.chunks import is_chunk_id, partition_of_chunk
from actors.errands import is_refusal
from actors.fetching import Fetching
from actors.file_desk import FileDesk, bit
from actors.hexadecimal import is_hex
from actors.inquiry import Inquiry
from actors.keeping import Keeping
from actors.merkle import hex_of
from actors.messages import ChunksCompared, CompareChunks, Message
from actors.throttle import Throttle

MAX_TOLD = 1_000
COMPARE_PATIENCE_MS = 5_000
PULL_MS = 60_000
SOON_MS = 200
MAX_LACKING = 100_000


class Mending:
    """Of the file server whose `desk` it is."""

    def __init__(
        self,
        desk: FileDesk,
        keeping: Keeping,
        inquiry: Inquiry,
        fetching: Fetching,
        rng: Random,
    ) -> None:
        self._desk = desk
        self._keeping = keeping
        self._inquiry = inquiry
        self._fetching = fetching
        self._rng = rng
        self._throttle = Throttle(desk.settings.repair_bytes_per_s)
        # Whom to compare with as soon as may be, and who was compared with last.
        self._soon: dict[str, None] = {}
        self._last = ""
        self._comparing = ""
        self._next_ms: int | None = None
        # What is lacking, with who has it: to be asked about; and what is referred to.
        self._lacking: dict[str, list[str]] = {}
        self._asking = False
        self._ask_ms = 0
        self._wanted: dict[str, list[str]] = {}
        self._pulling: dict[str, None] = {}
        self._pull_ms = 0
        # Of all those: what nobody had when all were asked.
        self._nowhere: dict[str, None] = {}
        self.repaired = 0

    @property
    def missing(self) -> int:
        """How many chunks this node is known to lack, and may get."""
        return sum([id not in self._nowhere for id in (*self._wanted, *self._pulling)])

    @property
    def nowhere(self) -> int:
        """How many it lacks that are on no node, although a file needs them."""
        return len(self._nowhere)

    @property
    def wake_at(self) -> int | None:
        """When to compare, to ask or to take something: monotonic ms."""
        times = [] if self._next_ms is None or self._comparing else [self._next_ms]
        if self._lacking and not self._asking:
            times.append(self._ask_ms)
        if self._wanted and len(self._pulling) < self._desk.settings.peer_credit:
            times.append(max(self._pull_ms, self._throttle.open_at_ms))
        return min(times, default=None)

    def on_keepers(self) -> None:
        """This node may own other partitions: compare with everybody."""
        mine = self._desk.is_owner
        self._lacking = {id: nodes for id, nodes in self._lacking.items() if mine(id)}
        self._wanted = {id: nodes for id, nodes in self._wanted.items() if mine(id)}
        self._nowhere = dict.fromkeys(filter(mine, self._nowhere))
        self.compare_with_all()

    def compare_with_all(self) -> None:
        """There may be more that is lacking here than is known."""
        self._soon = dict.fromkeys(self._desk.living_others())
        self._comparing = ""
        self._hurry()

    def on_back(self, node: str) -> None:
        """It was down, or is new: it may have what is lacking here."""
        self._soon[node] = None
        self._hurry()

    def lost(self, chunk: str) -> None:
        """It was here, and is found to be rotten."""
        if self._desk.is_owner(chunk):
            owners = [owner for owner in self._desk.owners(chunk) if owner != self._desk.node]
            self._lacking[chunk] = owners
            self._ask_ms = self._desk.now.mono_ms

    def brought(self, chunk: str, data: bytes) -> None:
        """It was lacking here, and comes from another node; perhaps twice, as a reader asks too."""
        is_new = not self._keeping.is_coming(chunk)

        def then(code: str) -> None:
            self._pulling.pop(chunk, None)
            if code == "ok":
                self.repaired += is_new
                for known in (self._wanted, self._lacking, self._nowhere):
                    known.pop(chunk, None)
            else:
                # There is no room: what is lacking is asked for again after a while.
                self._pull_ms = self._desk.now.mono_ms + self._desk.settings.compare_ms

        self._keeping.keep(chunk, data, then, checked=True)

    def _hurry(self) -> None:
        soon_ms = self._desk.now.mono_ms + self._rng.randint(1, SOON_MS)
        self._next_ms = soon_ms if self._next_ms is None else min(self._next_ms, soon_ms)

    def due(self) -> None:
        """Compare, ask and take."""
        desk = self._desk
        now_ms = desk.now.mono_ms
        if self._next_ms is not None and now_ms >= self._next_ms and not self._comparing:
            self._compare_with_next()
        if self._lacking and not self._asking and now_ms >= self._ask_ms:
            self._asking = True
            some = list(self._lacking)[: desk.settings.sweep_chunks]
            self._inquiry.ask(some, self._found)
        self._pull()

    # Comparing.

    def _compare_with_next(self) -> None:
        """Whom there is a reason for, or else the next in the order of the ids."""
        desk = self._desk
        pause_ms = desk.settings.compare_ms
        self._next_ms = desk.now.mono_ms + self._rng.randint(pause_ms // 2, pause_ms * 3 // 2)
        there = desk.living_others()
        if not there or desk.node not in desk.keepers:
            return
        self._soon = {node: None for node in self._soon if node in there}
        peer = next(iter(self._soon), "")
        if not peer:
            peer = next((node for node in there if node > self._last), there[0])
            self._last = peer
        self._soon.pop(peer, None)
        if self._soon:
            self._hurry()
        self._comparing = peer
        self._compare(peer, 0, "")

    def _compare(self, peer: str, first: int, after: str) -> None:
        desk = self._desk
        owned = desk.owned & ((1 << (ring.PARTITIONS - first)) - 1)
        kept = sorted(self._keeping.sums().items())
        sums = [(p, hex_of(total)) for p, total in kept if p >= first and desk.owns(p)]
        request = CompareChunks(
            desk.epoch,
            f"{owned:0{ring.PARTITIONS // 4}x}",
            tuple([p for p, _ in sums]),
            tuple([total for _, total in sums]),
            first,
            after,
        )
        desk.errands.ask(
            Address(peer, "fileserver"),
            request,
            partial(self._on_compared, peer),
            desk.now,
            patience_ms=COMPARE_PATIENCE_MS,
        )

    def _on_compared(self, peer: str, answer: Message | None) -> None:
        if peer != self._comparing:
            return
        self._comparing = ""
        if not isinstance(answer, ChunksCompared) or not all(map(is_chunk_id, answer.chunks)):
            if not is_refusal(answer):
                self._desk.outbox.drop("an answer that is no list of chunks")
            self._soon[peer] = None
            again_ms = self._desk.now.mono_ms + self._desk.settings.retry_ms
            self._next_ms = min(self._next_ms or again_ms, again_ms)
            return
        mine = [id for id in answer.chunks if self._desk.is_owner(id)]
        for id, is_here in zip(mine, self._keeping.has(mine), strict=True):
            if not is_here:
                self._note(id, peer)
        if not answer.is_all and answer.chunks and len(self._lacking) < MAX_LACKING:
            self._comparing = peer
            last = answer.chunks[-1]
            self._compare(peer, partition_of_chunk(last), last)

    def _note(self, chunk: str, peer: str) -> None:
        known = self._wanted if chunk in self._wanted else self._lacking
        holders = known.setdefault(chunk, [])
        if peer not in holders:
            holders.append(peer)

    def on_compare(self, envelope: Envelope, compare: CompareChunks) -> None:
        """Another asks what is kept here."""
        desk = self._desk
        refusal = desk.refusal(compare.epoch)
        if refusal is not None:
            desk.outbox.reply(envelope, refusal)
            return
        if not is_hex(compare.owned, ring.PARTITIONS // 4):
            desk.outbox.drop("a comparison of other partitions")
            return
        owned = int(compare.owned, 16)
        theirs = dict(zip(compare.partitions, compare.sums, strict=True))
        told: list[str] = []
        for partition, total in sorted(self._keeping.sums().items()):
            is_wanted = partition >= compare.first and owned >> bit(partition) & 1
            if not is_wanted or hex_of(total) == theirs.get(partition):
                continue
            ids = self._keeping.of_partition(partition)
            if partition == compare.first and compare.after:
                ids = [id for id in ids if id > compare.after]
            told += ids
            if len(told) > MAX_TOLD:
                break
        is_all = len(told) <= MAX_TOLD
        desk.outbox.reply(envelope, ChunksCompared(tuple(told[:MAX_TOLD]), is_all))

    # Taking.

    def _found(self, found: dict[str, bool | None], _epoch: int) -> None:
        """What is referred to is wanted; what is not will be heard of again if it is after all."""
        self._asking = False
        unsure = False
        for id, is_referred in found.items():
            if is_referred is None:
                unsure = True
                continue
            holders = self._lacking.pop(id, [])
            if is_referred and not self._keeping.has([id])[0]:
                self._wanted[id] = holders
            else:
                self._nowhere.pop(id, None)
        if unsure:
            self._ask_ms = self._desk.now.mono_ms + self._desk.settings.retry_ms

    def _pull(self) -> None:
        desk = self._desk
        now_ms = desk.now.mono_ms
        while (
            self._wanted
            and len(self._pulling) < desk.settings.peer_credit
            and now_ms >= self._pull_ms
            and self._throttle.is_open(now_ms)
        ):
            chunk = next(iter(self._wanted))
            holders = self._wanted.pop(chunk)
            there = desk.living_others()
            likely = [*holders, *desk.owners(chunk)]
            nodes = list(dict.fromkeys([n for n in [*likely, *there] if n in there]))
            self._pulling[chunk] = None
            then = partial(self._pulled, chunk, holders)
            self._fetching.bring(chunk, nodes, now_ms + PULL_MS, then)

    def _pulled(self, chunk: str, holders: list[str], data: bytes | None, all_said: bool) -> None:
        desk = self._desk
        if data is not None:
            self._throttle.take(len(data))
            if not desk.is_owner(chunk):
                self._pulling.pop(chunk, None)
                self._nowhere.pop(chunk, None)
            # Else it is kept, by whoever is told of what was brought.
            return
        self._pulling.pop(chunk, None)
        again_ms = desk.now.mono_ms + desk.settings.retry_ms
        if all_said and desk.living_others() == desk.others():
            # On no node at all. Perhaps the file that needs it is removed, or is put again.
            self._nowhere[chunk] = None
            self._lacking[chunk] = holders
            self._ask_ms = max(self._ask_ms, again_ms)
        else:
            self._wanted[chunk] = holders
            self._pull_ms = again_ms
