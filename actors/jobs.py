"""A job is what a coordinator has under way for somebody: an outcome for each of its keys.

It is answered when every key has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from actors.actor import Envelope, reply
from actors.messages import (
    Change,
    Exported,
    Failed,
    Get,
    Got,
    Heal,
    Healed,
    PutRecord,
    Write,
    Written,
)
from actors.spaces import client_key, is_of_file
from actors.versions import Kind, Record, Stamp

MAX_KEY_SHOWN = 40
"""Characters of a key in a sentence."""


class Job:
    """`codes[i]` is "" until key i has its outcome. `bytes_held` are those of values."""

    __slots__ = ("bytes_held", "codes", "deadline_ms", "open", "request")

    def __init__(self, request: Envelope, keys: int, deadline_ms: int) -> None:
        self.request = request
        self.deadline_ms = deadline_ms
        self.codes = [""] * keys
        self.open = keys
        self.bytes_held = 0

    def settle(self, positions: Iterable[int], code: str) -> None:
        """Give these keys this outcome, unless they have one."""
        for i in positions:
            if not self.codes[i]:
                self.codes[i] = code
                self.open -= 1

    def unsettled(self) -> list[int]:
        """The positions of the keys that have no outcome yet."""
        return [i for i, code in enumerate(self.codes) if not code]

    def time_out(self) -> None:
        """Give every key that has none the outcome that fits a deadline."""
        self.settle(range(len(self.codes)), "timed_out")

    def answer(self) -> Envelope | None:
        """The reply to who asked, if anybody did."""
        raise NotImplementedError


class WriteJob(Job):
    """Keys to be written. A key without a stamp has not left this node: its failure is definite.
    `stamped_in[i]` is the epoch in which key i was stamped. Nothing of it is sent to be stored in
    an epoch above `last_epoch`, if there is one; `is_late`: that is why it failed."""

    __slots__ = (
        "expires_ms",
        "is_late",
        "last_epoch",
        "message",
        "replicas",
        "stamped_in",
        "stamps",
    )

    def __init__(
        self,
        request: Envelope,
        message: Write,
        deadline_ms: int,
        expires_ms: int,
        last_epoch: int | None = None,
    ) -> None:
        count = len(message.keys)
        super().__init__(request, count, deadline_ms)
        self.message = message
        self.expires_ms = expires_ms
        self.last_epoch = last_epoch
        self.is_late = False
        self.stamps: list[Stamp | None] = [None] * count
        self.stamped_in = [0] * count
        self.replicas: list[tuple[str, ...]] = [()] * count
        self.bytes_held = sum(map(len, message.values))

    def time_out(self) -> None:
        self.settle((i for i, s in enumerate(self.stamps) if s is None), "unavailable")
        super().time_out()

    def changes(self) -> Iterator[Change]:
        """The keys of clients that were written, or may have been, as clients call them."""
        keys, kinds = self.message.keys, self.message.kinds
        for key, kind, code, stamp in zip(keys, kinds, self.codes, self.stamps, strict=True):
            may_be = stamp is not None and code in ("ok", "timed_out", "disk_full")
            if may_be and not is_of_file(key):
                yield Change(client_key(key), str(stamp), kind)

    def answer(self) -> Envelope:
        versions = tuple(
            [
                str(stamp) if code == "ok" else ""
                for code, stamp in zip(self.codes, self.stamps, strict=True)
            ]
        )
        return reply(self.request, Written(tuple(self.codes), versions, tuple(self.replicas)))


def write_job(
    request: Envelope, message: Write | PutRecord, deadline_ms: int, wall_ms: int
) -> WriteJob:
    """What is to be done for this request, which has come at this time."""
    match message:
        case PutRecord(key, value, last_epoch, timeout_ms):
            write = Write((key,), ("bytes",), (value,), "quorum", 0, timeout_ms)
            return WriteJob(request, write, deadline_ms, 0, last_epoch)
        case Write() as write:
            expires_ms = wall_ms + write.ttl_ms if write.ttl_ms else 0
            return WriteJob(request, write, deadline_ms, expires_ms)


class GetJob(Job):
    """Keys to be read. Past `max_reply_bytes` the rest is left to another request."""

    __slots__ = (
        "bytes_found",
        "cut",
        "kinds",
        "max_reply_bytes",
        "message",
        "replicas",
        "values",
        "versions",
    )

    def __init__(
        self, request: Envelope, message: Get, deadline_ms: int, max_reply_bytes: int
    ) -> None:
        count = len(message.keys)
        super().__init__(request, count, deadline_ms)
        self.message = message
        self.max_reply_bytes = max_reply_bytes
        self.bytes_found = 0
        self.cut = count
        self.kinds: list[Kind] = ["absent"] * count
        self.values = [b""] * count
        self.versions = [""] * count if message.details else []
        self.replicas: list[tuple[str, ...]] = [()] * count if message.details else []

    def fill(self, i: int, record: Record, replicas: tuple[str, ...]) -> None:
        """This is what key i holds, as the owners of these names have it."""
        if self.codes[i]:
            return
        found = record.kind != "absent"
        self.codes[i] = "ok" if found else "not_found"
        self.open -= 1
        self.kinds[i] = record.kind
        self.values[i] = record.value
        self.bytes_found += len(record.value)
        if self.message.details and found:
            self.versions[i] = str(record.stamp)
            self.replicas[i] = replicas

    def is_full(self) -> bool:
        """Are there more bytes already than the reply has room for?"""
        return self.bytes_found > self.max_reply_bytes

    def put_off(self, positions: Sequence[int]) -> None:
        """The reply is large enough: do not answer these keys, nor any after the first of them."""
        self.cut = min(self.cut, positions[0])
        self.settle(positions, "put_off")

    def fitting(self) -> int:
        """How many of the first keys the reply has room for: at least one. Each replica's answer
        has its bound, but there are several."""
        if not self.is_full():
            return self.cut
        size_bytes = 0
        for i, value in enumerate(self.values[: self.cut]):
            size_bytes += len(value)
            if i and size_bytes > self.max_reply_bytes:
                return i
        return self.cut

    def answer(self) -> Envelope:
        n = self.fitting()
        return reply(
            self.request,
            Got(
                tuple(self.codes[:n]),
                tuple(self.kinds[:n]),
                tuple(self.values[:n]),
                tuple(self.versions[:n]),
                tuple(self.replicas[:n]),
            ),
        )


class ExportJob(GetJob):
    """Records to be handed out as they are: a page of keys, of which there are more after `cursor`
    if that is not empty."""

    __slots__ = ("cursor", "expiries")

    def __init__(
        self,
        request: Envelope,
        keys: tuple[str, ...],
        cursor: str,
        deadline_ms: int,
        max_reply_bytes: int,
    ) -> None:
        message = Get(keys, True, "quorum", 0)
        super().__init__(request, message, deadline_ms, max_reply_bytes)
        self.cursor = cursor
        self.expiries = [0] * len(keys)

    def fill(self, i: int, record: Record, replicas: tuple[str, ...]) -> None:
        if not self.codes[i]:
            self.expiries[i] = record.expires_ms
        super().fill(i, record, replicas)

    def answer(self) -> Envelope:
        n, keys = self.fitting(), self.message.keys
        failed = [code for code in self.codes[:n] if code not in ("ok", "not_found")]
        if failed:
            reason = f"{len(failed)} of {n} keys could not be read"
            return reply(self.request, Failed(failed[0], reason, True))
        found = [i for i in range(n) if self.codes[i] == "ok"]
        return reply(
            self.request,
            Exported(
                tuple([client_key(keys[i]) for i in found]),
                tuple([self.kinds[i] for i in found]),
                tuple([self.values[i] for i in found]),
                tuple([self.versions[i] for i in found]),
                tuple([self.expiries[i] for i in found]),
                client_key(self.cursor if n == len(keys) else keys[n - 1]),
            ),
        )


class HealJob(Job):
    """Keys whose owners are to hold what is the latest. `behind[i]` are the ids of those that are
    not known to. Nobody may have asked for it but this router itself."""

    __slots__ = ("behind", "keys")

    def __init__(self, request: Envelope, keys: tuple[str, ...], deadline_ms: int) -> None:
        super().__init__(request, len(keys), deadline_ms)
        self.keys = keys
        self.behind: list[tuple[str, ...]] = [()] * len(keys)

    def answer(self) -> Envelope | None:
        if not isinstance(self.request.message, Heal):
            return None
        return reply(self.request, Healed(tuple(self.codes), tuple(self.behind)))


class ProbeJob(Job):
    """Keys of which a list has to know whether they are there."""

    __slots__ = ("found", "keys")

    def __init__(self, request: Envelope, keys: tuple[str, ...], deadline_ms: int) -> None:
        super().__init__(request, len(keys), deadline_ms)
        self.keys = keys
        self.found: list[str] = []

    def fill(self, i: int, record: Record) -> None:
        """This is what key i holds."""
        if not self.codes[i]:
            self.settle((i,), "ok")
            if record.kind != "absent":
                self.found.append(self.keys[i])

    def answer(self) -> None:
        return None


def failure(
    job: GetJob | WriteJob,
    owners: Sequence[str],
    down: Sequence[str],
    max_key_bytes: int,
    max_value_bytes: int,
) -> Failed | None:
    """What became of a request for one key, in a sentence, if there is one to be said. `owners` are
    the names of those who keep the key, and `down` of those of them that are known to be down. A
    file is called "it": who has asked for its manifest says its name."""
    [code], [stored] = job.codes, job.message.keys
    key = client_key(stored)
    shown = repr(key if len(key) <= MAX_KEY_SHOWN else f"{key[:MAX_KEY_SHOWN]}…")
    if is_of_file(stored):
        shown = "it"
    is_write = isinstance(job, WriteJob)
    of_whom = f"{', '.join(owners)}, which keep {shown}," if owners else f"those that keep {shown}"
    lost = f" ({', '.join(down)} {'is' if len(down) == 1 else 'are'} down)" if down else ""
    match code:
        case "bad_key":
            size = f"{len(key.encode()):,} bytes, and {max_key_bytes:,} are admitted"
            reason = f"the key {shown} has {size}" if key else "the key is empty"
        case "too_large" if isinstance(job, WriteJob):
            size = f"{len(job.message.values[0]):,} bytes"
            reason = f"the value has {size}, and {max_value_bytes:,} are admitted"
        case "unavailable" if isinstance(job, WriteJob) and job.is_late:
            reason = f"another layout has begun before {shown} could be written"
        case "unavailable":
            reason = f"too few of {of_whom} can be reached{lost}"
        case "timed_out":
            reason = f"too few of {of_whom} have answered{lost}"
            reason += "; the write may have happened" if is_write else ""
        case _:
            return None
    return Failed(code, reason, code != "timed_out" or not is_write)
