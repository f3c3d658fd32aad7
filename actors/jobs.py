"""A job is a client's request that a coordinator has under way: an outcome for each of its keys.

It is answered when every key has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from actors.actor import Envelope, reply
from actors.messages import Change, Failed, Fetched, Get, Got, Listed, Store, Write, Written
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, fitting, text_bytes
from actors.versions import NEVER, Kind, Stamp

MAX_KEY_SHOWN = 40
"""Characters of a key in a sentence."""

_SURELY_FITTING_KEYS = 64
"""So many keys fit into a message whatever they are."""


class Job:
    """A client's request. `codes[i]` is "" until key i has its outcome."""

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

    def time_out(self) -> None:
        """Give every key that has none the outcome that fits a deadline."""
        self.settle(range(len(self.codes)), "timed_out")

    def answer(self) -> Envelope:
        """The reply to the client."""
        raise NotImplementedError


class WriteJob(Job):
    """Keys to be written. A key without a stamp has not left this node: its failure is definite."""

    __slots__ = ("message", "replicas", "stamps")

    def __init__(self, request: Envelope, message: Write, deadline_ms: int) -> None:
        super().__init__(request, len(message.keys), deadline_ms)
        self.message = message
        self.stamps: list[Stamp | None] = [None] * len(message.keys)
        self.replicas = [""] * len(message.keys)
        self.bytes_held = sum(map(len, message.values))

    def time_out(self) -> None:
        self.settle((i for i, s in enumerate(self.stamps) if s is None), "unavailable")
        super().time_out()

    def changes(self) -> Iterator[Change]:
        """The keys that were written, or may have been."""
        for key, code, stamp in zip(self.message.keys, self.codes, self.stamps, strict=True):
            if stamp is not None and code in ("ok", "timed_out"):
                yield Change(key, str(stamp))

    def answer(self) -> Envelope:
        versions = tuple(
            str(stamp) if code == "ok" else ""
            for code, stamp in zip(self.codes, self.stamps, strict=True)
        )
        return reply(self.request, Written(tuple(self.codes), versions, tuple(self.replicas)))


class GetJob(Job):
    """Keys to be read. Past `max_reply_bytes` the rest is left to another request."""

    __slots__ = ("cut", "kinds", "max_reply_bytes", "message", "replicas", "values", "versions")

    def __init__(
        self, request: Envelope, message: Get, deadline_ms: int, max_reply_bytes: int
    ) -> None:
        count = len(message.keys)
        super().__init__(request, count, deadline_ms)
        self.message = message
        self.max_reply_bytes = max_reply_bytes
        self.cut = count
        self.kinds: list[Kind] = ["absent"] * count
        self.values = [b""] * count
        self.versions = [""] * count if message.details else []
        self.replicas = [""] * count if message.details else []

    def fill(self, positions: Sequence[int], fetched: Fetched, start: int, replica: str) -> None:
        """Take the outcomes of these keys from `fetched`, where they begin at `start`."""
        stop = start + len(positions)
        codes, kinds, values = self.codes, self.kinds, self.values
        for i, kind, value in zip(
            positions, fetched.kinds[start:stop], fetched.values[start:stop], strict=True
        ):
            codes[i] = "not_found" if kind == "absent" else "ok"
            kinds[i] = kind
            values[i] = value
            self.bytes_held += len(value)
        self.open -= len(positions)
        if self.message.details:
            for i, stamp in zip(positions, fetched.stamps[start:stop], strict=True):
                self.versions[i] = str(stamp) if codes[i] == "ok" else ""
                self.replicas[i] = replica

    def is_full(self) -> bool:
        """Are there more bytes already than the reply has room for?"""
        return self.bytes_held > self.max_reply_bytes

    def put_off(self, positions: Sequence[int]) -> None:
        """The reply is large enough: do not answer these keys, nor any after the first of them."""
        self.cut = min(self.cut, positions[0])
        self.settle(positions, "put_off")

    def _fitting(self) -> int:
        """How many of the first keys the reply has room for: at least one. Each replica's answer
        has its bound, but there are several."""
        size_bytes = 0
        for i, value in enumerate(self.values[: self.cut]):
            size_bytes += len(value)
            if i and size_bytes > self.max_reply_bytes:
                return i
        return self.cut

    def answer(self) -> Envelope:
        n = self._fitting() if self.is_full() else self.cut
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


class ListJob(Job):
    """A page of keys, merged from the pages of all members; key i of the job is member i."""

    __slots__ = ("keys", "limit", "members", "resume_after")

    def __init__(
        self, request: Envelope, members: tuple[str, ...], limit: int, deadline_ms: int
    ) -> None:
        super().__init__(request, len(members), deadline_ms)
        self.members = members
        self.limit = limit
        self.keys: list[str] = []
        self.resume_after: list[str] = []

    def answer(self) -> Envelope:
        failures = [(c, m) for c, m in zip(self.codes, self.members, strict=True) if c != "ok"]
        if failures:
            code, member = failures[0]
            reason = f"the keys of member {member} cannot be listed: it does not answer"
            return reply(self.request, Failed(code, reason, True))
        keys = sorted(self.keys)
        # A truncated page says nothing of the keys after its last one.
        cursor = min(self.resume_after, default="")
        if cursor:
            keys = [key for key in keys if key <= cursor]
        count = min(self.limit, fitting(keys))
        if len(keys) > count:
            keys = keys[:count]
            cursor = keys[-1]
        return reply(self.request, Listed(tuple(keys), cursor))


J = TypeVar("J", bound=Job)


def cut_reads(
    gathered: list[tuple[GetJob, Sequence[int]]],
) -> Iterator[tuple[tuple[str, ...], list[tuple[Job, Sequence[int]]]]]:
    """The keys of messages that are not too large, each with the parts of jobs that it is for."""
    if sum(len(positions) for _, positions in gathered) <= _SURELY_FITTING_KEYS:
        cuts: Iterable[list[tuple[GetJob, Sequence[int]]]] = [gathered]
    else:
        cuts = _cut(gathered, lambda job, i: text_bytes(job.message.keys[i]))
    for pieces in cuts:
        keys = [job.message.keys[i] for job, positions in pieces for i in positions]
        yield tuple(keys), list(pieces)


def cut_stores(
    gathered: list[tuple[WriteJob, Sequence[int]]],
) -> Iterator[tuple[Store, list[tuple[Job, Sequence[int]]]]]:
    """The Store messages that are not too large, each with the parts of jobs that it is for."""

    def entry_bytes(job: WriteJob, i: int) -> int:
        return len(job.message.values[i]) + text_bytes(job.message.keys[i]) + STAMP_BYTES

    for pieces in _cut(gathered, entry_bytes):
        yield _store(pieces), list(pieces)


def _cut(
    gathered: list[tuple[J, Sequence[int]]], entry_bytes: Callable[[J, int], int]
) -> Iterator[list[tuple[J, Sequence[int]]]]:
    """The same parts of jobs in the same order, cut where a message is full."""
    pieces: list[tuple[J, Sequence[int]]] = []
    size_bytes = 0
    for job, positions in gathered:
        start = 0
        for n, i in enumerate(positions):
            more_bytes = entry_bytes(job, i)
            if size_bytes and size_bytes + more_bytes > MESSAGE_BYTES:
                if n > start:
                    pieces.append((job, positions[start:n]))
                yield pieces
                pieces, size_bytes, start = [], 0, n
            size_bytes += more_bytes
        pieces.append((job, positions[start:]))
    if pieces:
        yield pieces


def _store(pieces: list[tuple[WriteJob, Sequence[int]]]) -> Store:
    entries = [(job, i) for job, positions in pieces for i in positions]
    return Store(
        tuple([job.message.keys[i] for job, i in entries]),
        tuple([job.message.kinds[i] for job, i in entries]),
        tuple([job.message.values[i] for job, i in entries]),
        tuple([job.stamps[i] or NEVER for job, i in entries]),
    )


def failure(
    job: GetJob | WriteJob, owner: str, max_key_bytes: int, max_value_bytes: int
) -> Failed | None:
    """What became of a request for one key, in a sentence, if there is one to be said. `owner` is
    the name of who keeps the key."""
    [code], [key] = job.codes, job.message.keys
    shown = repr(key if len(key) <= MAX_KEY_SHOWN else f"{key[:MAX_KEY_SHOWN]}…")
    is_write = isinstance(job, WriteJob)
    match code:
        case "bad_key":
            size = f"{len(key.encode()):,} bytes, and {max_key_bytes:,} are admitted"
            reason = f"the key {shown} has {size}" if key else "the key is empty"
        case "too_large" if isinstance(job, WriteJob):
            size = f"{len(job.message.values[0]):,} bytes"
            reason = f"the value has {size}, and {max_value_bytes:,} are admitted"
        case "unavailable":
            reason = f"{owner}, which keeps {shown}, cannot be reached"
        case "timed_out":
            reason = f"{owner}, which keeps {shown}, did not answer in time"
            reason += "; the write may have happened" if is_write else ""
        case _:
            return None
    return Failed(code, reason, code != "timed_out" or not is_write)
