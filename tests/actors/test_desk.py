"""The desk: what the parts of a router share, and how keys are put into messages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import HOST, Address, Envelope
from actors.asks import Asks, AskSettings
from actors.desk import MAX_PART_KEYS, Desk, Open, cut, packed
from actors.jobs import Job
from actors.layout import Layout, Placement
from actors.messages import Dropped, Hint
from actors.sizes import MESSAGE_BYTES
from actors.versions import Stamp
from tests.actors.coordinators import NAMES, D, E, keys_of
from tests.actors.envelopes import A, B, C, get

ROUTER = Address(A, "router")
SIZES = st.sampled_from([0, 1, 100, MESSAGE_BYTES // 3, MESSAGE_BYTES, MESSAGE_BYTES + 1])


@dataclass(eq=False)
class Part:
    """Some keys of a job."""

    size_bytes: int

    def wants(self, node: str) -> bool:
        """Nobody's answer."""
        return not node


def desk(layout: Layout | None = None, clock: int = 0) -> Desk:
    """The desk of node A's router."""
    made = Desk(ROUTER, "2.0", clock, Asks(ROUTER, 0, AskSettings()))
    if layout is not None:
        made.placement = Placement(layout)
    return made


@given(st.lists(SIZES, max_size=8))
def test_keys_are_cut_where_a_message_is_full(sizes: list[int]) -> None:
    """All are there, once and in order; a piece is too large only with one key."""
    pieces = list(cut(range(len(sizes)), sizes.__getitem__))
    assert [i for piece, _ in pieces for i in piece] == list(range(len(sizes)))
    for piece, total in pieces:
        assert total == sum(sizes[i] for i in piece)
        assert len(piece) == 1 or total <= MESSAGE_BYTES
    joined = [total + sizes[after[0]] for (_, total), (after, _) in pairwise(pieces)]
    assert all(total > MESSAGE_BYTES for total in joined)


def test_a_piece_has_not_too_many_keys() -> None:
    """However small they are."""
    lengths = [len(piece) for piece, _ in cut(range(2_500), lambda _: 0)]
    assert lengths == [MAX_PART_KEYS, MAX_PART_KEYS, 500]


@given(st.lists(SIZES, max_size=8))
def test_parts_are_packed_until_a_message_is_full(sizes: list[int]) -> None:
    """All are there, once and in order; a message is too large only with one of them."""
    parts = [Part(size) for size in sizes]
    messages = list(packed(parts))
    assert [part for together in messages for part in together] == parts
    for together in messages:
        assert len(together) == 1 or sum(p.size_bytes for p in together) <= MESSAGE_BYTES


def test_keys_are_grouped_by_their_owners() -> None:
    """In the order in which they stand; those that are settled are left out."""
    members = (A, B, C, D)
    ours, theirs = keys_of((A, B, C), *members), keys_of((B, C, D), *members)
    keys = [next(ours), next(theirs), next(ours), next(theirs), next(ours)]
    groups = desk(Layout(1, members, (), ())).grouped(keys, [0, 1, 2, 3])
    assert list(groups.values()) == [[0, 2], [1, 3]]
    assert [{*owners} for [owners] in groups] == [{A, B, C}, {B, C, D}]


def test_who_keeps_a_key_is_told_by_name() -> None:
    """Old owners and new, and who of them is down; an id stands for who has no name."""
    made = desk(Layout(1, (A, B, C), (C, D, E), ()))
    made.names = {node: name for node, name in NAMES.items() if node != E}
    made.down = frozenset({D, "f" * 16})
    owners, down = made.keepers("k")
    assert {*owners} == {NAMES[A], NAMES[B], NAMES[C], NAMES[D], E}
    assert (len(owners), down) == (5, (NAMES[D],))


def test_a_stamp_is_above_the_clock_and_raises_it() -> None:
    """It names the node and its life."""
    made = desk(clock=41)
    assert made.stamp() == Stamp(42, A, "2.0")
    made.clock = 99
    assert made.stamp() == Stamp(100, A, "2.0")
    assert made.clock == 100


def test_what_is_sent_is_not_to_be_answered() -> None:
    """It has no number; what is dropped is told to the host."""
    made = desk()
    made.send(A, "storage", Hint(B, ("k",)))
    made.drop("nonsense")
    assert made.out == [
        Envelope(Address(A, "storage"), ROUTER, Hint(B, ("k",))),
        Envelope(Address(A, HOST), ROUTER, Dropped("nonsense")),
    ]


@pytest.mark.parametrize("grown", [0, 7])
def test_what_jobs_hold_is_counted_while_they_are_open(grown: int) -> None:
    """Each ends once, with all that it has come to hold."""
    opened = Open()
    one, other = Job(get("a", "b"), 2, 0), Job(get("c"), 1, 0)
    other.bytes_held = 5
    opened.add(one)
    opened.add(other)
    one.bytes_held += grown
    opened.grew(grown)
    assert (opened.keys, opened.bytes) == (3, 5 + grown)
    assert opened.end(one)
    assert not opened.end(one)
    assert (list(opened.jobs), opened.keys, opened.bytes) == ([other], 1, 5)


def test_who_was_struck_out_keeps_its_name_while_it_has_a_place() -> None:
    """Among the owners, until the data has moved: people are told of it by name."""
    desk = Desk(ROUTER, "2.0", 0, Asks(ROUTER, 0, AskSettings()))
    desk.rename({A: "one", B: "two"})
    desk.placement = Placement(Layout(2, (A, B), (), (B,)))
    desk.rename({A: "one"})
    assert desk.name_all((A, B)) == ("one", "two")
    desk.placement = Placement(Layout(4, (A,), (), (B,)))
    desk.rename({A: "one"})
    assert desk.name_all((A, B)) == ("one", B)
