"""Histories that are wrong on purpose are found wrong, and right ones right."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.simulated.history import NEVER_ENDED, PRESENT, History, Operation, is_atomic


def history(*operations: tuple[Any, ...]) -> History:
    """Of ("w" or "r", value, begin, end) on the key k; a write without an end timed out."""
    found = History()
    for i, (kind, value, begin, *end) in enumerate(operations):
        client = f"client{i}"
        if kind == "r":
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
    """The definition itself: try all orders, with and without each write that timed out."""
    ended = [o for o in operations if o.end != NEVER_ENDED]
    open_ones = [o for o in operations if o.end == NEVER_ENDED]
    for chosen in range(2 ** len(open_ones)):
        some = ended + [o for i, o in enumerate(open_ones) if chosen >> i & 1]
        if any(_is_right(order) for order in permutations(some)):
            return True
    return False


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
    return True


@st.composite
def some_operations(draw: st.DrawFn) -> list[Operation]:
    """Up to six operations on a key, with few values, close together in time."""
    operations = []
    for i in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, 8))
        end = begin + draw(st.integers(0, 4))
        if draw(st.booleans()):
            value: Any = draw(st.sampled_from([None, i]))
            end = NEVER_ENDED if draw(st.integers(0, 2)) == 0 else end
            operations.append(Operation(f"c{i}", "k", "write", value, begin, end))
        else:
            value = draw(st.sampled_from([None, PRESENT, *range(i)]))
            operations.append(Operation(f"c{i}", "k", "read", value, begin, end))
    return operations


@given(some_operations())
def test_the_search_finds_what_the_definition_says(operations: list[Operation]) -> None:
    """Its short cuts neither miss an order nor invent one."""
    assert is_atomic(operations) == explained(operations)
