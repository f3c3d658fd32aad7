"""What is counted at one of the node's ports: requests by how they ended and how long they took,
and bytes. One thread counts, in plain numbers; others only ever read them, without a lock.

Requests are many, and readings few: to count one takes well under a microsecond, and all that a
reading needs is worked out when it is made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from actors.errors import ERRORS
from actors.messages import Failed, Got, Message, Written

BOUNDS_US = (
    *(500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    *(1_000_000, 2_500_000, 5_000_000, 10_000_000),
)
"""Of the buckets that durations are sorted into: each is up to its bound, and one is above all."""

OUTCOMES = frozenset({"ok", *ERRORS})
"""How a request may end. What another node calls it is taken for "failed" if it is none of these,
so that there are never more."""


class Operation:
    """One kind of request. `buckets` has one more than BOUNDS_US, and counts only what was timed;
    `sum_us` is how long that took in all."""

    __slots__ = ("buckets", "outcomes", "sum_us")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.buckets = [0] * (len(BOUNDS_US) + 1)
        self.sum_us = 0


class Meter:
    """Of one port. Bytes are those of the frames, without what ZeroMQ and TCP add."""

    def __init__(self) -> None:
        self.operations: dict[type[Message], Operation] = {}
        self.received_bytes = 0
        self.sent_bytes = 0

    def count(self, request: type[Message], outcome: str, took_us: int | None = None) -> None:
        """A request has ended, after so long if that means anything."""
        operation = self.operations.get(request)
        if operation is None:
            operation = self.operations[request] = Operation()
        outcomes = operation.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if took_us is not None:
            operation.buckets[bisect_left(BOUNDS_US, took_us)] += 1
            operation.sum_us += took_us


def outcome_of(answer: Message) -> str:
    """How a request went that is answered so: "ok", or a code; for several keys the worst."""
    if isinstance(answer, (Got, Written)):
        codes: Sequence[str] = answer.codes
        code = codes[0] if len(codes) == 1 else max(set(codes), key=_badness, default="ok")
    elif isinstance(answer, Failed):
        code = answer.code
    else:
        return "ok"
    return code if code in OUTCOMES else "failed"


def _badness(code: str) -> tuple[int, int, str]:
    """Sorts codes: fine, not there, a client's mistake, the network's fault, not even certain."""
    if code in ("ok", "not_found", "file_missing"):
        return 0, ("ok", "not_found", "file_missing").index(code), code
    kind = ERRORS.get(code, ERRORS["failed"])
    return 1 + (not kind.definite), kind.http_status, code
