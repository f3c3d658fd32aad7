"""The router where most owners of a key were given up: all that are left are asked instead."""

from __future__ import annotations

import pytest

from actors.messages import Fetch, Got, Level, Observe, Store, Written
from tests.actors.coordinators import (
    D,
    E,
    coordinator,
    failure,
    fetched,
    layout_is,
    nodes,
    observed,
    read,
    sent,
    stored,
)
from tests.actors.envelopes import A, B, C, Turns, all_of, get, message, record, write

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")


def recovering() -> Turns:
    """A coordinator that owned everything with B and C, both given up, and will with D and E."""
    node = coordinator(A, B, C, epoch=1)
    node.take(layout_is(2, A, B, C, gone=(B, C)))
    node.take(layout_is(3, A, B, C, moving_to=(A, D, E), gone=(B, C)))
    return node


def test_where_most_owners_were_given_up_all_the_others_are_asked() -> None:
    """The lost are not, though nobody has told yet that they are down."""
    node = recovering()
    out = node.take(write("k"))
    assert nodes(out, Observe) == [D, E]
    assert node.take(observed(sent(out, D, Observe))) == []
    stores = node.take(observed(sent(out, E, Observe)))
    assert nodes(stores, Store) == [A, D, E]
    assert all_of(node.take(*[stored(sent(stores, n, Store)) for n in (A, D)]), Written) == []
    assert message(node.take(stored(sent(stores, E, Store))), Written).codes == ("ok",)


def test_where_most_owners_were_given_up_a_read_is_of_all_the_others() -> None:
    """Any of them may have what nobody else has; then all of them get it."""
    node = recovering()
    out, answered = read(node, get("k"), a=OLD, d=OLD)
    assert answered == []
    out = node.take(fetched(sent(out, E, Fetch), NEW))
    assert nodes(out, Store) == [A, D]
    node.take(stored(sent(out, A, Store)))
    assert message(node.take(stored(sent(out, D, Store))), Got).values == (b"new",)


@pytest.mark.parametrize("level", ["one", "quorum"])
def test_before_new_owners_are_decided_on_most_of_whom_were_given_up(level: Level) -> None:
    """There is no quorum; who is content with one has it."""
    node = coordinator(A, B, C, epoch=1)
    node.take(layout_is(2, A, B, C, gone=(B, C)))
    out = node.take(get("k", r=level))
    if level == "one":
        assert nodes(out, Fetch) == [A]
    else:
        assert failure(out) == ("unavailable", True)
