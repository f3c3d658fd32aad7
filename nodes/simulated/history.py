"""Was each key an atomic register? Judges what clients saw, by the search of Wing and Gong.

An operation took effect at one moment between its beginning and its end. The search looks for an
order of these moments in which every read returns the value last written; states it has been in are
not searched again. See Wing and Gong, "Testing and verifying concurrent objects" (JPDC 17, 1993),
and Lowe, "Testing for linearizability" (CCPE 29(4), 2017).

A write whose outcome is unknown (a time-out) may have taken effect at any moment since it began, or
never. A write that definitely failed never did: it is no operation, and who read its value read one
from nowhere. All values written to a key must differ; a delete writes None.

A value that was written for a limited time may expire: from a certain moment on, at any time or
never, the key has no value if it still has that one. After another moment nobody may read it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

PRESENT = "(present)"
"""What a read saw that only showed that there was some value, as a list of keys does."""

NEVER_ENDED = 2**62
"""The end of an operation whose outcome is unknown."""

Value = Hashable

Expiry = tuple[int, int] | None
"""From when on a value may expire, and after when it must not be read any more."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client did to one key, and when it began and ended, in any unit of time."""

    client: str
    key: str
    kind: Literal["read", "write"]
    value: Value
    begin: int
    end: int = NEVER_ENDED
    expires_from: int | None = None
    """When the value that is written may expire at the earliest; None: never."""
    expires_by: int = NEVER_ENDED
    """Who begins to read after this must not find it any more."""

    def __str__(self) -> str:
        value = "absent" if self.value is None else self.value
        end = "?" if self.end == NEVER_ENDED else self.end
        until = "" if self.expires_from is None else f" until about {self.expires_from}"
        return f"{self.begin}..{end} {self.client} {self.kind} {self.key} {value}{until}"


@dataclass(slots=True)
class History:
    """What clients did, one key at a time, as far as they know."""

    operations: list[Operation] = field(default_factory=list)

    def read(self, client: str, key: str, value: Value, begin: int, end: int) -> None:
        """A read that was answered; one that was not says nothing."""
        self.operations.append(Operation(client, key, "read", value, begin, end))

    def write(
        self, client: str, key: str, value: Value, begin: int, end: int, expires: Expiry = None
    ) -> None:
        """A write that was acknowledged."""
        self._write(client, key, value, begin, end, expires)

    def write_unknown(
        self, client: str, key: str, value: Value, begin: int, expires: Expiry = None
    ) -> None:
        """A write that timed out. One that definitely failed is not recorded at all."""
        self._write(client, key, value, begin, NEVER_ENDED, expires)

    def _write(
        self, client: str, key: str, value: Value, begin: int, end: int, expires: Expiry
    ) -> None:
        earliest, latest = expires or (None, NEVER_ENDED)
        operation = Operation(client, key, "write", value, begin, end, earliest, latest)
        self.operations.append(operation)

    def listed(
        self, client: str, keys: Sequence[str], asked: Sequence[str], begin: int, end: int
    ) -> None:
        """A list of keys is a read of each of the keys `asked` for: it is there, or not."""
        for key in asked:
            self.read(client, key, PRESENT if key in keys else None, begin, end)

    def wrong(self) -> list[str]:
        """What is wrong, a text for each key that was not an atomic register."""
        by_key: defaultdict[str, list[Operation]] = defaultdict(list)
        for operation in self.operations:
            by_key[operation.key].append(operation)
        return [text for key in sorted(by_key) if (text := _wrong_with(key, by_key[key]))]


def _wrong_with(key: str, operations: list[Operation]) -> str:
    writes = [o.value for o in operations if o.kind == "write" and o.value is not None]
    assert len(set(writes)) == len(writes), f"a value was written twice to {key}"
    known = {None, PRESENT, *writes}
    for operation in operations:
        if operation.value not in known:
            return f"{key}: a value that nobody wrote: {operation}"
    gone_by = {o.value: o.expires_by for o in operations if o.kind == "write"}
    for operation in operations:
        if operation.kind == "read" and operation.begin > gone_by.get(operation.value, NEVER_ENDED):
            return f"{key}: a value that had expired: {operation}"
    if is_atomic(operations):
        return ""
    lines = [f"{key} was no atomic register:", *map(str, _shortest_wrong_beginning(operations))]
    return "\n    ".join(lines)


def is_atomic(operations: Sequence[Operation]) -> bool:
    """Is there an order that explains these operations on one key? At first it has no value."""
    operations = _bounded(operations)
    required = sum(1 << i for i, o in enumerate(operations) if o.end != NEVER_ENDED)
    expires = {o.value: o.expires_from for o in operations if o.expires_from is not None}
    # A state: which operations have taken effect, as a bit set, and the value that then holds. That
    # a value has expired need not be in it: each is written once, so it does not come back.
    states: list[tuple[int, Value]] = [(0, None)]
    been_in: set[tuple[int, Value]] = set(states)
    while states:
        done, value = states.pop()
        if done & required == required:
            return True
        candidates, first_end = _next(operations, done)
        after = [
            (done | 1 << i, value if operations[i].kind == "read" else operations[i].value)
            for i in candidates
            if operations[i].kind == "write" or _explains(value, operations[i].value)
        ]
        if value in expires and expires[value] <= first_end:
            after.insert(0, (done, None))
        for state in after:
            if state not in been_in:
                been_in.add(state)
                states.append(state)
    return False


def _bounded(operations: Sequence[Operation]) -> list[Operation]:
    """In the order of their beginnings, and without the freedom that nobody can tell from less: an
    unended write whose value was read took effect before the first such read ended, and one whose
    value was not need not have happened, unless a list may have shown it, or it expired and that
    was seen."""
    first_end: dict[Value, int] = {}
    for o in operations:
        if o.kind == "read":
            first_end[o.value] = min(o.end, first_end.get(o.value, NEVER_ENDED))
    bounded = []
    for o in operations:
        if o.end == NEVER_ENDED and o.value is not None and o.value in first_end:
            bounded.append(replace(o, end=first_end[o.value]))
        elif (
            o.end != NEVER_ENDED
            or o.value in first_end
            or PRESENT in first_end
            or (o.expires_from is not None and None in first_end)
        ):
            bounded.append(o)
    return sorted(bounded, key=lambda o: (o.begin, o.end))


def _next(operations: Sequence[Operation], done: int) -> tuple[list[int], int]:
    """Those that may take effect next: they began before any other that has not, ended; and when
    the first of these ended. Of unended deletes, and of unended writes that nobody read and that do
    not expire, the first will do. The last of the result is to be tried first: it ended first,
    which leaves the fewest open."""
    candidates: list[int] = []
    first_end = NEVER_ENDED
    unended: set[bool] = set()
    for i, operation in enumerate(operations):
        if operation.begin > first_end:
            break
        if done >> i & 1:
            continue
        if operation.end == NEVER_ENDED and operation.expires_from is None:
            deletes = operation.value is None
            if deletes in unended:
                continue
            unended.add(deletes)
        candidates.append(i)
        first_end = min(first_end, operation.end)
    candidates = [i for i in candidates if operations[i].begin <= first_end]
    return sorted(candidates, key=lambda i: -operations[i].end), first_end


def _explains(value: Value, seen: Value) -> bool:
    return value is not None if seen == PRESENT else value == seen


def _shortest_wrong_beginning(operations: Sequence[Operation]) -> Sequence[Operation]:
    """The operations up to the one that cannot be explained any more."""
    ends = sorted(o.end for o in operations if o.end != NEVER_ENDED)
    wrong = bisect_left(ends, True, key=lambda end: not is_atomic(_until(operations, end)))
    return sorted(_until(operations, ends[wrong]), key=lambda o: (o.begin, o.end))


def _until(operations: Sequence[Operation], end: int) -> list[Operation]:
    """What was known at that time: a write that had not ended by then may not have happened, and a
    read that had not says nothing yet."""
    return [
        o if o.end <= end else replace(o, end=NEVER_ENDED)
        for o in operations
        if o.end <= end or (o.begin <= end and o.kind == "write")
    ]
