"""Histories that are wrong on purpose are found wrong, and right ones right."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.simulated.history import NEVER_ENDED, PRESENT, History, Operation, is_atomic


def history(*operations: tuple[Any, ...]) -> History:
    """Of ("w" or "r", value, begin, end) on the key k; a write without an end timed out. A write
    ("ttl", value, begin, end or None, from, by) expires."""
    found = History()
    for i, (kind, value, begin, *end) in enumerate(operations):
        client = f"client{i}"
        if kind == "ttl" and end[0] is None:
            found.write_unknown(client, "k", value, begin, (end[1], end[2]))
        elif kind == "ttl":
            found.write(client, "k", value, begin, end[0], (end[1], end[2]))
        elif kind == "r":
            found.read(client, "k", value, begin, *end)
        elif end:
            found.write(client, "k", value, begin, *end)
        else:
            found.write_unknown(client, "k", value, begin)
    return found


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([("w", 1, 0, 1), ("w", 2, 2, 3), ("r", 1, 4, 5)], id="a stale read"),
        pytest.param([("w", 1, 0, 1), ("r", None, 2, 3)], id="a lost write"),
        pytest.param(
            [("w", 1, 0, 9), ("w", 2, 0, 9), ("r", 1, 1, 2), ("r", 2, 3, 4), ("r", 1, 5, 6)],
            id="v, w, v",
        ),
        pytest.param([("w", 1, 0, 1), ("r", 7, 2, 3)], id="a value from nowhere"),
        pytest.param([("r", 1, 0, 1), ("w", 1, 2, 3)], id="a read before the write"),
        pytest.param([("r", 1, 0, 1), ("w", 1, 2)], id="a read before the write that timed out"),
        pytest.param([("w", 1, 0, 9), ("r", 1, 1, 2), ("r", None, 3, 4)], id="seen, and then not"),
        pytest.param(
            [("w", 1, 0, 1), ("w", None, 2, 3), ("r", 1, 4, 5)], id="a deleted key comes back"
        ),
        pytest.param(
            [("w", 1, 0), ("w", 2, 1, 2), ("r", 1, 3, 4), ("r", 2, 5, 6), ("r", 1, 7, 8)],
            id="a write that timed out happens twice",
        ),
        pytest.param(
            [("w", 1, 0, 1), ("w", None, 2, 3), ("r", PRESENT, 4, 5)], id="a deleted key is listed"
        ),
        pytest.param([("w", 1, 0, 1), ("r", PRESENT, 2, 3), ("r", None, 4, 5)], id="listed, gone"),
        pytest.param(
            [("w", 1, 0, 1), ("w", None, 2), ("r", None, 3, 4), ("r", 1, 5, 6)],
            id="a delete that timed out is taken back",
        ),
        pytest.param([("ttl", 1, 0, 1, 10, 20), ("r", None, 2, 3)], id="expired too early"),
        pytest.param([("ttl", 1, 0, 1, 10, 20), ("r", 1, 21, 22)], id="not expired in the end"),
        pytest.param(
            [("ttl", 1, 0, 1, 5, 99), ("r", None, 6, 7), ("r", 1, 8, 9)], id="expired, and back"
        ),
        pytest.param(
            [("ttl", 1, 0, None, 5, 99), ("r", 1, 1, 2), ("r", None, 6, 7), ("r", 1, 8, 9)],
            id="a write that timed out expired, and is back",
        ),
        pytest.param(
            [("w", 1, 0, 1), ("ttl", 2, 2, 3, 9, 20), ("r", 2, 4, 5), ("r", 1, 15, 16)],
            id="the value before comes back when the later one has expired",
        ),
        pytest.param(
            [("ttl", 1, 0, 1, 5, 20), ("w", 2, 2, 3), ("r", None, 6, 7)],
            id="a value is gone because the one before expired",
        ),
        pytest.param(
            [("w", 1, 0, 1), ("ttl", 2, 4, None, 6, 9), ("r", None, 2, 3)],
            id="gone before the write that timed out could have expired",
        ),
        pytest.param(
            [
                ("ttl", 1, 0, 1, 5, 20),
                ("r", PRESENT, 6, 7),
                ("r", None, 8, 9),
                ("r", PRESENT, 10, 11),
            ],
            id="listed, expired, and listed again",
        ),
    ],
)
def test_a_wrong_history_is_found_wrong(operations: list[tuple[Any, ...]]) -> None:
    """No order of the operations explains what was seen."""
    assert len(history(*operations).wrong()) == 1


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([], id="nothing"),
        pytest.param([("r", None, 0, 1)], id="a key that was never written"),
        pytest.param([("w", 1, 0, 1), ("r", 1, 2, 3), ("r", 1, 4, 5)], id="read what was written"),
        pytest.param([("w", 1, 0, 5), ("r", None, 1, 2), ("r", 1, 3, 4)], id="seen before its end"),
        pytest.param(
            [("w", 1, 0, 9), ("w", 2, 0, 9), ("r", 2, 10, 11), ("r", 2, 12, 13)],
            id="concurrent writes in either order",
        ),
        pytest.param(
            [("w", 1, 0), ("w", 2, 1, 2), ("r", 2, 3, 4), ("r", 1, 5, 6)],
            id="a write that timed out surfaces late",
        ),
        pytest.param([("w", 1, 0), ("w", 2, 1, 2), ("r", 2, 3, 4)], id="or never"),
        pytest.param(
            [("w", 1, 0, 1), ("w", None, 2), ("r", 1, 3, 4), ("r", None, 5, 6)],
            id="a delete that timed out happens late",
        ),
        pytest.param(
            [("w", 1, 0), ("w", None, 1, 2), ("r", PRESENT, 3, 4)],
            id="a write that timed out is seen in a list alone",
        ),
        pytest.param(
            [("w", 1, 0, 1), ("w", None, 1, 2), ("r", 1, 2, 3)], id="what touches is concurrent"
        ),
        pytest.param([("ttl", 1, 0, 1, 5, 20), ("r", 1, 6, 7), ("r", None, 8, 9)], id="expired"),
        pytest.param([("ttl", 1, 0, 1, 5, 20), ("r", 1, 20, 25)], id="not expired yet"),
        pytest.param(
            [("w", 1, 0, 1), ("ttl", 2, 2, None, 6, 9), ("r", None, 7, 8)],
            id="a write that timed out was seen by its expiry alone",
        ),
        pytest.param(
            [("ttl", 1, 0, 1, 5, 20), ("w", 2, 2, 9), ("r", 1, 3, 4), ("r", None, 6, 7)],
            id="expired before the next write took effect",
        ),
        pytest.param(
            [("ttl", 1, 0, 1, 5, 20), ("w", 2, 2, 3), ("r", 2, 30, 31)],
            id="a later value does not expire with the one before",
        ),
    ],
)
def test_a_right_history_is_found_right(operations: list[tuple[Any, ...]]) -> None:
    """There is an order of the operations that explains what was seen."""
    assert history(*operations).wrong() == []


def test_a_definitely_failed_write_is_not_to_be_seen() -> None:
    """It is no operation, so who read its value read one from nowhere."""
    found = history(("w", 1, 0, 1), ("r", "failed", 2, 3))
    assert found.wrong() == ["k: a value that nobody wrote: 2..3 client1 read k failed"]


def test_keys_are_judged_by_themselves() -> None:
    """A history may be wrong in one key and right in another."""
    found = history(("w", 1, 0, 1), ("r", None, 2, 3))
    found.write("client8", "other", 1, 0, 1)
    found.read("client9", "other", 1, 2, 3)
    assert [text.partition(" ")[0] for text in found.wrong()] == ["k"]


def test_what_is_wrong_is_told_up_to_where_it_went_wrong() -> None:
    """The text shows the operations up to the one that cannot be explained, and no later ones."""
    found = history(("w", 1, 0, 1), ("r", None, 2, 3), ("w", 2, 4, 5), ("r", 2, 6, 7))
    assert found.wrong() == [
        "k was no atomic register:\n    0..1 client0 write k 1\n    2..3 client1 read k absent"
    ]


def test_a_list_is_a_read_of_each_key_asked_for() -> None:
    """A key that is there throughout has to be listed, and one that never was must not."""
    found = History()
    found.write("a", "k", 1, 0, 1)
    found.listed("b", ["k"], ["k", "l"], 2, 3)
    assert found.wrong() == []
    found.listed("b", ["l"], ["k", "l"], 4, 5)
    assert [text.partition(" ")[0] for text in found.wrong()] == ["k", "l"]


def test_a_value_may_be_written_once_only() -> None:
    """Else nobody could tell which write was read; that is a fault of the test."""
    with pytest.raises(AssertionError, match="written twice"):
        history(("w", 1, 0, 1), ("w", 1, 2, 3)).wrong()


def explained(operations: list[Operation]) -> bool:
    """The definition itself: try all orders, with and without each write that timed out and each
    expiry."""
    required = [o for o in operations if o.end != NEVER_ENDED]
    optional = [o for o in operations if o.end == NEVER_ENDED]
    optional += [
        replace(o, kind="read", client=EXPIRY, begin=o.expires_from, end=NEVER_ENDED)
        for o in operations
        if o.expires_from is not None
    ]
    for chosen in range(2 ** len(optional)):
        some = required + [o for i, o in enumerate(optional) if chosen >> i & 1]
        if any(_is_right(order) for order in permutations(some)):
            return True
    return False


EXPIRY = "(expiry)"


def _is_right(order: tuple[Operation, ...]) -> bool:
    value = None
    for i, operation in enumerate(order):
        if any(later.end < operation.begin for later in order[i + 1 :]):
            return False
        if operation.kind == "write":
            value = operation.value
        elif operation.value == PRESENT:
            if value is None:
                return False
        elif operation.value != value:
            return False
        elif operation.client == EXPIRY:
            value = None
    return True


@st.composite
def some_operations(draw: st.DrawFn) -> list[Operation]:
    """Up to five operations on a key, with few values, close together in time."""
    operations = []
    for i in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, 8))
        end = begin + draw(st.integers(0, 4))
        if draw(st.booleans()):
            value: Any = draw(st.sampled_from([None, i]))
            end = NEVER_ENDED if draw(st.integers(0, 2)) == 0 else end
            expires = draw(st.sampled_from([None, None, begin, begin + 3]))
            expires = None if value is None else expires
            operations.append(Operation(f"c{i}", "k", "write", value, begin, end, expires))
        else:
            value = draw(st.sampled_from([None, PRESENT, *range(i)]))
            operations.append(Operation(f"c{i}", "k", "read", value, begin, end))
    return operations


@given(some_operations())
def test_the_search_finds_what_the_definition_says(operations: list[Operation]) -> None:
    """Its short cuts neither miss an order nor invent one."""
    assert is_atomic(operations) == explained(operations)
