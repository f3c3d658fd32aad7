"""What top makes of what it is told: frames of made-up networks, at several sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from nodes.look import Look
from nodes.status import FileCounts, Transfer
from nodes.top.frame import frame, single_frame
from nodes.top.parts import age, clock
from nodes.top.seen import MAX_EVENTS, MAX_KEYS, Seen
from nodes.watching import MISSED, KeyChange
from tests.cli.tops import BEGAN_S, member, ring, seen, status

PLAIN = Look(colours=False, unicode=False)
NOW_S = BEGAN_S + 20


def drawn(known: Seen, columns: int = 80, lines: int = 30, now_s: float = NOW_S) -> list[str]:
    """A frame as text."""
    return [text.plain for text in frame(known, now_s, columns, lines, PLAIN)]


def busy() -> Seen:
    """A network where everything is going on at once."""
    known = seen(
        40,
        under_replicated=1_200,
        without_quorum=3,
        moving=True,
        transfers=(Transfer("node2", 103, 400),),
        hints={"node4": 1_234},
        silent=("node4",),
        files=FileCounts(6, 2_500_000, 5, 4, 3, 2, 1, 1_007, 8),
    )
    known.ring = ring(40, under_replicated=frozenset(range(1_200)))
    known.on_members([member(4, "dead", name="node4 \u4f60\u597d\x1b[2J")], BEGAN_S + 5)
    changes = [KeyChange(f"user:{n}\n" + "x" * 200, "v", "put") for n in range(10)]
    known.on_keys([MISSED, *changes], BEGAN_S + 15)
    known.on_trouble("status", "nobody answers at 127.0.0.1:7100", BEGAN_S + 18)
    return known


@pytest.mark.parametrize("columns", [1, 20, 40, 60, 80, 132, 300])
@pytest.mark.parametrize("lines", [1, 2, 5, 10, 24, 50, 100])
def test_a_frame_fits(columns: int, lines: int) -> None:
    """However small the terminal is, and however much there is to tell."""
    for known in (Seen(BEGAN_S), seen(), busy()):
        shown = drawn(known, columns, lines)
        assert len(shown) <= lines
        assert all(cell_len(text) <= columns for text in shown)
        assert all(text.isascii() and text.isprintable() for text in shown)


def test_a_network_that_is_well_is_seen_on_a_small_terminal() -> None:
    """All members with their shares, the ring, and room for what is to come."""
    shown = drawn(seen(), 80, 24)
    assert shown[0].startswith("gossamer   asks node1   3 members   epoch 7  ")
    assert shown[0].endswith(f"{clock(NOW_S)}  q: quit")
    assert shown[1:3] == ["every partition has all its copies", ""]
    assert shown[3].split() == ["MEMBER", "STATE", "SINCE", "SHARE", "COPIES", "ADDRESS"]
    rows = [text.split() for text in shown[4:7]]
    assert [row[:3] for row in rows] == [[x, f"node{n}", "alive"] for n, x in enumerate("ABC", 1)]
    assert rows[0][3:] == ["############", "33.3%", "4,096", "127.0.0.1:7101"]
    assert [text[0] for text in shown if len(text) == 66] == list("02468ace")
    assert f"keys  0.0 changes a second, 0 since {clock(BEGAN_S)}" in shown


def test_narrow_terminals_leave_out_what_can_be_spared() -> None:
    """First the address, then numbers and the bar; never the name and the state."""
    titles = {columns: drawn(seen(), columns)[3].split() for columns in (80, 55, 50, 40, 15)}
    assert titles[80] == ["MEMBER", "STATE", "SINCE", "SHARE", "COPIES", "ADDRESS"]
    assert titles[55] == titles[80][:5]
    assert titles[50] == titles[80][:4]
    assert titles[40] == titles[80][:3]
    assert titles[15] == ["MEMBER", "STAT"]


def test_who_is_down_is_told_with_since_when() -> None:
    """Where that was seen to the second; for those found down, that it was before."""
    known = Seen(BEGAN_S)
    known.on_members([member(1), member(2), member(3, "stopped")], BEGAN_S)
    known.on_members([member(2, "dead")], BEGAN_S + 8)
    lines = drawn(known)
    [row] = [text for text in lines if text.split()[:2] == ["node2", "dead"]]
    assert f"{clock(BEGAN_S + 8)}, 12 s" in row
    [row] = [text for text in lines if text.split()[:2] == ["node3", "stopped"]]
    assert f"before {clock(BEGAN_S)}" in row
    assert f"  {clock(BEGAN_S + 8)}  node2  alive -> dead" in lines


def test_of_many_members_those_that_are_not_alive_come_first() -> None:
    """And how many are left out is told."""
    known = seen(40)
    known.on_members([member(33, "suspect")], BEGAN_S + 1)
    lines = drawn(known, 80, 24)
    assert lines[4].split()[1:3] == ["node33", "suspect"]
    assert "   and 34 more; 39 of all are alive" in lines


def test_a_member_that_has_left_is_gone() -> None:
    """It is an event, and no row any more; a new one is both."""
    known = seen()
    known.on_members([member(2, "left", incarnation=1), member(9)], BEGAN_S + 1)
    assert [m.member.name for m in known.members.values()] == ["node1", "node3", "node9"]
    texts = [(event.member, event.text) for event in known.events]
    assert texts == [
        ("node2", "has left"),
        ("node9", "new member, alive, at 127.0.0.1:7109"),
    ]


def test_what_moves_and_what_waits_is_told_with_its_progress() -> None:
    """As by `gossamer status`, less what is told above."""
    known = seen(under_replicated=5, moving=True, transfers=(Transfer("node2", 100, 400),))
    known.on_status(replace(status(hints={"node4": 2}), moving=True), NOW_S)
    known.on_status(
        status(moving=True, transfers=(Transfer("node2", 100, 400),), hints={"node4": 2}), NOW_S
    )
    lines = drawn(known)
    assert lines[1] == "every partition has all its copies; data moves to new owners"
    assert "moving  to node2 [#####---------------]  25 %, 100 of 400 partitions" in lines
    assert "hints   2 writes for node4, to be told when it is back" in lines
    assert not any(text.startswith(("traffic", "partitions", "epoch")) for text in lines[2:])


def test_what_lacks_copies_is_marked_in_the_ring() -> None:
    """With what the mark means."""
    known = seen(under_replicated=10)
    known.ring = ring(under_replicated=frozenset(range(10)))
    lines = drawn(known)
    assert lines[1] == "partitions: 10 of 4,096 lack a copy, each has a quorum"
    assert "- 10 of 4,096 lack a copy" in lines
    assert any(text.startswith("0 --") for text in lines)


def test_that_nobody_answers_is_told_in_place() -> None:
    """What was known stays; once all is answered again that is an event."""
    known = seen()
    known.on_trouble("members", "nobody answers", BEGAN_S + 5)
    known.on_trouble("keys", "nobody answers", BEGAN_S + 6)
    assert drawn(known)[1] == "no answer for 15 s, trying again: nobody answers"
    assert any("node3" in text for text in drawn(known))
    known.on_answer("members", BEGAN_S + 7)
    known.on_answer("status", BEGAN_S + 7)
    assert drawn(known)[1].startswith("no answer")
    known.on_answer("keys", BEGAN_S + 9)
    assert drawn(known)[1] == "every partition has all its copies"
    assert [event.text for event in known.events] == [
        "no answer: nobody answers",
        "there are answers again",
    ]


def test_keys_are_told_with_the_rate_of_late() -> None:
    """Of the last ten seconds; the one that was changed last comes first."""
    known = seen()
    for at_s, key in enumerate(["a", "b", "a", "c"]):
        known.on_keys([KeyChange(key, "v", "put")] * 10, BEGAN_S + 5 + at_s)
    assert known.rate(BEGAN_S + 8) == 40 / 8
    assert known.rate(BEGAN_S + 17) == 20 / 10
    assert known.rate(BEGAN_S + 60) == 0
    assert [(key.key, key.changes) for key in known.latest_keys()] == [
        ("c", 10),
        ("a", 20),
        ("b", 10),
    ]
    assert f"  {clock(BEGAN_S + 8)}  c  10 times" in drawn(known)


def test_what_is_remembered_is_bounded() -> None:
    """Events and keys, however long it goes on."""
    known = seen()
    for n in range(3 * MAX_EVENTS):
        known.on_keys([KeyChange(f"key{n}", "v", "put"), MISSED], BEGAN_S + n)
    assert len(known.events) == MAX_EVENTS
    assert len(known.keys) == MAX_KEYS
    assert known.changes == 3 * MAX_EVENTS


def test_another_layout_is_an_event() -> None:
    """Not the first, which is no news."""
    known = seen()
    assert not known.events
    assert known.on_status(status(epoch=8), NOW_S)
    assert not known.on_status(status(epoch=8), NOW_S)
    assert [event.text for event in known.events] == ["layout 8 is decided"]


def test_a_single_frame_has_all_members_and_the_whole_ring() -> None:
    """As many lines as that takes, and nothing that only time could tell."""
    lines = [text.plain for text in single_frame(seen(40), NOW_S, 80, PLAIN)]
    assert sum(" alive " in text for text in lines) == 40
    assert [text[0] for text in lines[-16:]] == list("0123456789abcdef")
    assert not any(text.startswith(("keys", "events")) or "q: quit" in text for text in lines)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (59.9, "59 s"), (61, "1 min"), (3_720, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_how_long_is_told_to_a_person(seconds: float, told: str) -> None:
    """In the largest units that say enough."""
    assert age(seconds) == told
