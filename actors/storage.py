"""The Storage actor: a replica. What it acknowledges, and what it reveals, is on the disk.

A turn has three parts: stage every write that arrived, commit them all at once, then answer the
writes by what the commit did and the reads by what is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from actors.actor import HOST, Address, Envelope, Now, reply
from actors.messages import (
    ClockRaised,
    Dropped,
    Fetch,
    Fetched,
    Finished,
    Message,
    Remember,
    Remembered,
    Scan,
    Scanned,
    Stop,
    Store,
    Stored,
)
from actors.sizes import STAMP_BYTES, fitting
from actors.versions import CLOCK_RESERVE, MAX_CLOCK_STEP, NEVER, Kind, Record, Stamp


class DiskFull(Exception):
    """There is no room: nothing of the commit was applied."""


class Disk(Protocol):
    """The one port to the disk. An error other than DiskFull ends the process."""

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """What is committed for each key."""

    def stamps(self, keys: Sequence[str]) -> list[Stamp]:
        """The committed stamp of each key, NEVER where there is none."""

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` committed keys that begin with `prefix` and come after `after`, tombstones
        left out, in order; and whether there may be more."""

    def commit(
        self,
        records: Sequence[Record],
        notes: Sequence[tuple[str, bytes]],
        clock_limit: int,
    ) -> None:
        """Apply all of it, or raise DiskFull and apply nothing. It is synced on return. An empty
        note deletes the note."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What may be set."""

    max_reply_bytes: int = 2 * 2**20
    max_page_keys: int = 1_000


class Storage:
    """`here` is the node's id; `clock_limit` what the disk held for it when it was opened."""

    def __init__(
        self, here: str, disk: Disk, clock_limit: int, settings: StorageSettings | None = None
    ) -> None:
        self._here = Address(here, "storage")
        self._router = Address(here, "router")
        self._disk = disk
        self._clock = clock_limit
        self._clock_limit = clock_limit
        self._settings = settings or StorageSettings()
        self._staged: dict[str, Record] = {}
        self._notes: list[tuple[str, bytes]] = []
        self._out: list[Envelope] = []

    @property
    def wake_at(self) -> int | None:
        """It never needs a turn of its own."""
        return None

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Stage, commit, answer."""
        del now
        self._out = []
        accepted = [(e, self._stage(e.message)) for e in inbox]
        full = not self._commit()
        for envelope, codes in accepted:
            match envelope.message:
                case Store():
                    stored = ["disk_full" if full and c == "ok" else c for c in codes]
                    self._out.append(reply(envelope, Stored(tuple(stored))))
                case Remember():
                    self._out.append(reply(envelope, Remembered("disk_full" if full else "ok")))
                case Fetch() as fetch:
                    self._out.append(reply(envelope, self._on_fetch(fetch)))
                case Scan() as scan:
                    self._out.append(reply(envelope, self._on_scan(scan)))
                case Stop():
                    self._out.append(reply(envelope, Finished()))
                case other:
                    reason = f"storage was sent {type(other).__name__}"
                    self._out.append(
                        Envelope(Address(self._here.node, HOST), self._here, Dropped(reason))
                    )
        return self._out

    def _stage(self, message: Message) -> tuple[str, ...]:
        match message:
            case Store() as store:
                return self._stage_store(store)
            case Remember(notes):
                self._notes.extend(notes)
        return ()

    def _stage_store(self, store: Store) -> tuple[str, ...]:
        """Keep what is newer than what is held, staged or committed; older news is acknowledged
        all the same, for the newer value supersedes it."""
        codes = []
        held = self._disk.stamps(store.keys)
        for key, kind, value, stamp, committed in zip(
            store.keys, store.kinds, store.values, store.stamps, held, strict=True
        ):
            if stamp.counter > self._clock + MAX_CLOCK_STEP:
                codes.append("refused")
                continue
            staged = self._staged.get(key)
            if stamp > (staged.stamp if staged else committed):
                self._staged[key] = Record(key, kind, value, stamp)
            codes.append("ok")
        return tuple(codes)

    def _commit(self) -> bool:
        """Sync what was staged; False when the disk is full and nothing was applied."""
        records, notes = list(self._staged.values()), self._notes
        self._staged, self._notes = {}, []
        if not records and not notes:
            return True
        clock = max((r.stamp.counter for r in records), default=0)
        limit = self._clock_limit if clock <= self._clock_limit else clock + CLOCK_RESERVE
        try:
            self._disk.commit(records, notes, limit)
        except DiskFull:
            return False
        self._clock_limit = limit
        if clock > self._clock:
            self._clock = clock
            # First of this turn's envelopes: the router must know the clock before any
            # acknowledgement of this turn passes through it.
            self._out.append(Envelope(self._router, self._here, ClockRaised(clock)))
        return True

    def _on_fetch(self, fetch: Fetch) -> Fetched:
        kinds: list[Kind] = []
        values: list[bytes] = []
        stamps: list[Stamp] = []
        size_bytes = 0
        # Read in steps, so that a request for many large values is not held in memory whole.
        for start in range(0, len(fetch.keys), 64):
            for record in self._disk.read(fetch.keys[start : start + 64]):
                size_bytes += STAMP_BYTES + (len(record.value) if record else 0)
                if size_bytes > self._settings.max_reply_bytes and values:
                    return Fetched(tuple(kinds), tuple(values), tuple(stamps))
                if record is None:
                    kinds.append("absent")
                    values.append(b"")
                    stamps.append(NEVER)
                    continue
                kinds.append(record.kind)
                values.append(record.value)
                stamps.append(record.stamp)
        return Fetched(tuple(kinds), tuple(values), tuple(stamps))

    def _on_scan(self, scan: Scan) -> Scanned:
        limit = max(1, min(scan.limit, self._settings.max_page_keys))
        keys, more = self._disk.page(scan.prefix, scan.after, limit)
        count = fitting(keys)
        return Scanned(tuple(keys[:count]), more or count < len(keys))
