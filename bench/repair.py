"""What two replicas exchange until both have what one of them missed: it should grow with what
differs, and not with what they hold.

Both are whole storage actors with disks of their own, in this process and in virtual time. One of
them takes in writes that the other does not hear of, and nobody reads: only anti-entropy is left to
bring them over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from actors.actor import Address, Envelope
from actors.disk import Batch
from actors.layout import founding, layout_to_bytes
from actors.membership import Member
from actors.messages import MembersChanged, Store
from actors.storage import Storage
from actors.storage_settings import StorageSettings
from actors.versions import Kind, Record, Stamp, Version
from bench.exchange import Exchange
from bench.peers import Say
from bench.samples import VALUE
from nodes.disk import LmdbDisk

KEYS: Final = 100_000
DIFFERING: Final = (1, 100, 10_000)
EPOCH: Final = 1
FILL: Final = 10_000
STORE: Final = 1_000
NODES: Final = ("a" * 16, "b" * 16)
AHEAD, BEHIND = NODES

SETTINGS: Final = StorageSettings()
SETTLE_MS: Final = 120_000
"""Time for all that follows a start, in which nothing is counted."""
IDLE_MS: Final = 10 * SETTINGS.compare_ms
PATIENCE_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was exchanged, by the name of the message, until nothing differed any more; where
    nothing differed to begin with, in as much time as there is between two comparisons."""

    keys: int
    differing: int
    took_ms: int
    sent_bytes: dict[str, int]
    messages: int

    @property
    def all_bytes(self) -> int:
        """Of all messages."""
        return sum(self.sent_bytes.values())


def run(keys: int, say: Say) -> list[Repaired]:
    """Measure with a tenth of so many keys, and with all of them."""
    return [row for held in (keys // 10, keys) for row in _with(held, say)]


def _with(keys: int, say: Say) -> Iterator[Repaired]:
    say(f"two replicas with {keys:,} keys")
    with replicas(keys) as pair:
        yield pair.compare()
        for differing in DIFFERING:
            if differing <= keys:
                say(f"{differing:,} of {keys:,} differ")
                yield pair.repair(differing)


class Pair:
    """Two replicas that hold the same keys."""

    def __init__(self, keys: int, disks: dict[str, LmdbDisk]) -> None:
        self._keys = keys
        self._disks = disks
        self._rng = Random(1)
        self._counter = 1
        self._exchange = Exchange({id: _storage(id, disk) for id, disk in disks.items()})
        members = tuple([_member(id) for id in NODES])
        for id in NODES:
            self._hand(id, "gossiper", MembersChanged("bench", members, ""))
        looks = keys // SETTINGS.tree_keys + 100
        self._exchange.run_for(SETTLE_MS + looks * SETTINGS.tree_pause_ms)

    def compare(self) -> Repaired:
        """Let them compare what is equal."""
        self._exchange.forget_counts()
        self._exchange.run_for(IDLE_MS)
        sent = {
            name: each * SETTINGS.compare_ms // IDLE_MS
            for name, each in self._exchange.sent_bytes.items()
        }
        messages = self._exchange.sent_messages.total() * SETTINGS.compare_ms // IDLE_MS
        return Repaired(self._keys, 0, SETTINGS.compare_ms, sent, messages)

    def repair(self, differing: int) -> Repaired:
        """Let one replica take in so many writes, and both find out."""
        numbers = self._rng.sample(range(self._keys), differing)
        self._counter += 1
        stamp = Stamp(self._counter, AHEAD, "1.bench")
        self._exchange.forget_counts()
        for begin in range(0, differing, STORE):
            names = tuple([_key(number) for number in numbers[begin : begin + STORE]])
            self._hand(AHEAD, "router", _store(names, stamp))
        missing = [_key(number) for number in numbers]
        disk = self._disks[BEHIND]
        wanted = Version(stamp, False)

        def is_repaired() -> bool:
            while missing and disk.versions(missing[-1:]) == [wanted]:
                missing.pop()
            return not missing

        took_ms = self._exchange.run_until(is_repaired, PATIENCE_MS)
        counts = self._exchange
        sent, messages = dict(counts.sent_bytes), counts.sent_messages.total()
        # The comparisons of what follows belong to nobody.
        self._exchange.run_for(SETTLE_MS)
        return Repaired(self._keys, differing, took_ms, sent, messages)

    def _hand(self, node: str, sender: str, message: MembersChanged | Store) -> None:
        to = Address(node, "storage")
        self._exchange.hand(Envelope(to, Address(node, sender), message, 1))


def _storage(id: str, disk: LmdbDisk) -> Storage:
    boot = disk.boot
    layout = layout_to_bytes(founding(NODES))
    notes = {**boot.notes, "layout": layout}
    rng = Random(id)
    return Storage(id, disk, boot.count, boot.name, boot.clock_limit, notes, rng, SETTINGS)


def _member(id: str) -> Member:
    port = 7_100 + 100 * NODES.index(id)
    address, gossip_address = f"127.0.0.1:{port}", f"127.0.0.1:{port + 1_000}"
    files_address = f"127.0.0.1:{port + 2_000}"
    return Member(
        id, id[:1], address, gossip_address, files_address, boot=1, incarnation=0, state="alive"
    )


def _store(keys: tuple[str, ...], stamp: Stamp) -> Store:
    count = len(keys)
    kind: Kind = "bytes"
    return Store(EPOCH, keys, (kind,) * count, (VALUE,) * count, (stamp,) * count, (0,) * count)


def _key(number: int) -> str:
    return f"key-{number:08}"


@contextmanager
def replicas(keys: int) -> Iterator[Pair]:
    """Two replicas with so many keys, and time enough for all that follows a start."""
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as name, ExitStack() as stack:
        disks = {id: LmdbDisk(Path(name) / id) for id in NODES}
        for disk in disks.values():
            stack.callback(disk.close)
            _fill(disk, keys)
        yield Pair(keys, disks)


def _fill(disk: LmdbDisk, keys: int) -> None:
    stamp = Stamp(1, AHEAD, "1.bench")
    for begin in range(0, keys, FILL):
        numbers = range(begin, min(begin + FILL, keys))
        records = [Record(_key(number), "bytes", VALUE, stamp) for number in numbers]
        disk.commit(Batch(records=records, clock_limit=disk.boot.clock_limit))
