"""Shared entries: which one is the later, which one cannot be, and how one is kept on disk."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.gossip_settings import GossipSettings
from actors.shared import (
    MAX_JSON_DEPTH,
    MAX_NUMBER,
    HybridClock,
    SharedEntry,
    beats,
    can_be,
    fault_of_value,
    from_note,
    to_note,
    version_text,
)
from actors.versions import Kind
from tests.actors.envelopes import WALL_MS, A, B

SETTINGS = GossipSettings()

ENTRY = SharedEntry("limit", "json", b"100", WALL_MS, 0, A)

ASCENDING = [
    replace(ENTRY, time_ms=1, count=9, node=B),
    replace(ENTRY, time_ms=2, count=0, node=B),
    replace(ENTRY, time_ms=2, count=1, node=A),
    replace(ENTRY, time_ms=2, count=1, node=B, kind="absent", value=b""),
    replace(ENTRY, time_ms=2, count=1, node=B, value=b"100"),
    replace(ENTRY, time_ms=2, count=1, node=B, value=b"200"),
]
"""Entries of one key, each later than those before it."""

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)

ENTRIES = st.builds(
    SharedEntry,
    KEYS,
    st.just("bytes"),
    st.binary(max_size=100),
    st.integers(0, MAX_NUMBER),
    st.integers(0, MAX_NUMBER),
    st.text("0123456789abcdef", min_size=16, max_size=16),
)

TEXTS = st.text(st.characters(codec="utf-8"))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)

EVENTS = st.lists(
    st.integers(0, 2**45) | st.tuples(st.integers(0, 2**45), st.integers(0, MAX_NUMBER)),
    max_size=50,
)
"""What happens to a clock: it is read at a wall time, or sees somebody's time and count."""


@pytest.mark.parametrize("pair", list(permutations(range(len(ASCENDING)), 2)))
def test_the_later_version_wins(pair: tuple[int, int]) -> None:
    """Time, then count, then node; kind and value where a version was used twice."""
    first, second = pair
    assert beats(ASCENDING[first], ASCENDING[second]) is (first > second)


def test_any_entry_beats_none_and_none_beats_itself() -> None:
    """What was unknown is news; what is known is none."""
    assert beats(ENTRY, None)
    assert not beats(ENTRY, ENTRY)


def test_a_version_shows_time_count_and_node() -> None:
    """Time and count are in hex."""
    assert version_text(replace(ENTRY, time_ms=255, count=16)) == f"ff.10-{A}"


@given(EVENTS)
def test_readings_rise_whatever_the_wall_clock_does(events: list[int | tuple[int, int]]) -> None:
    """Each is above all that was read or seen before, and not below the wall clock."""
    clock = HybridClock()
    greatest = (-1, 0)
    for event in events:
        if isinstance(event, int):
            reading = clock.read(event)
            assert reading > greatest
            assert reading[0] >= event
            assert reading[1] <= MAX_NUMBER
            greatest = reading
        else:
            clock.saw(replace(ENTRY, time_ms=event[0], count=event[1]))
            greatest = max(greatest, event)


def test_the_clock_is_no_further_ahead_than_what_it_has_seen() -> None:
    """Where the wall clock has gone on, it is the wall clock."""
    clock = HybridClock()
    clock.saw(replace(ENTRY, time_ms=1_000, count=5))
    assert clock.read(900) == (1_000, 6)
    assert clock.read(1_000) == (1_000, 7)
    assert clock.read(1_001) == (1_001, 0)
    assert clock.time_ms == 1_001


def test_the_greatest_count_is_no_end() -> None:
    """Who shares with it makes nobody's next version inadmissible."""
    clock = HybridClock()
    clock.saw(replace(ENTRY, time_ms=1_000, count=MAX_NUMBER))
    assert clock.read(1_000) == (1_001, 0)


CANNOT_BE = {
    "no key": replace(ENTRY, key=""),
    "a key too long": replace(ENTRY, key="k" * 257),
    "a key too long in UTF-8": replace(ENTRY, key="ü" * 129),
    "a key that is not UTF-8": replace(ENTRY, key="\ud800"),
    "a value too long": replace(ENTRY, kind="bytes", value=bytes(4_097)),
    "a deletion with a value": replace(ENTRY, kind="absent"),
    "JSON that is none": replace(ENTRY, value=b"{"),
    "an unknown kind": replace(ENTRY, kind=cast(Kind, "text")),
    "a time too far": replace(ENTRY, time_ms=MAX_NUMBER + 1),
    "a time before all": replace(ENTRY, time_ms=-1),
    "a count too high": replace(ENTRY, count=MAX_NUMBER + 1),
    "a count below 0": replace(ENTRY, count=-1),
    "a short node id": replace(ENTRY, node="a" * 15),
    "a node id in capitals": replace(ENTRY, node="A" * 16),
    "a node id and a line": replace(ENTRY, node="a" * 16 + "\n"),
}


@pytest.mark.parametrize("wrong", CANNOT_BE.values(), ids=CANNOT_BE)
def test_what_no_node_can_have_shared_is_known_for_it(wrong: SharedEntry) -> None:
    """Whoever sends it, it is not taken in."""
    assert not can_be(wrong, SETTINGS)


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        replace(ENTRY, key="ü" * 128),
        replace(ENTRY, kind="bytes", value=bytes(4_096)),
        replace(ENTRY, kind="absent", value=b""),
        replace(ENTRY, time_ms=0, count=MAX_NUMBER),
    ],
)
def test_what_is_within_the_bounds_can_be(entry: SharedEntry) -> None:
    """The bounds belong to it."""
    assert can_be(entry, SETTINGS)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nothing",
        b"1 2",
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b"9" * 400,
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"\xef\xbb\xbf1",
        "1".encode("utf-16"),
        b'"\n"',
        b"[" * 4_096,
        b"[" * 2_000 + b"]" * 2_000,
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1),
    ],
)
def test_what_is_not_json_is_told(value: bytes) -> None:
    """Nor is anything that another reader of JSON would stumble over."""
    assert fault_of_value("json", value)


@pytest.mark.parametrize(
    "value",
    [
        b"0",
        b" [1, 2.5e3] ",
        '"ü€😀"'.encode(),
        b'"\\ud83d\\ude00"',
        b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH,
        b'["' + b"[{" * 200 + b'\\"\\\\", "[["]',
        b'{"a": null, "b": [true, {}]}',
    ],
)
def test_json_is_admitted(value: bytes) -> None:
    """Of any kind; brackets within strings do not nest."""
    assert fault_of_value("json", value) == ""


@given(st.text('[]{}",:\\u0d8-+.eE19tfn\n é', max_size=12))
def test_a_value_that_is_admitted_can_be_read(text: str) -> None:
    """Clients read JSON with another parser than the nodes do."""
    if fault_of_value("json", text.encode()) == "":
        orjson.loads(text)


@given(JSON_VALUES)
def test_what_clients_write_is_admitted(value: Any) -> None:
    """All that a client may make JSON of."""
    assert fault_of_value("json", orjson.dumps(value)) == ""


def test_only_json_is_read() -> None:
    """Bytes may be anything, a deletion has no value."""
    assert fault_of_value("bytes", b"\xff{") == ""
    assert fault_of_value("absent", b"") == ""
    assert fault_of_value("absent", b"1") == "a key that is taken back has no value"


@given(ENTRIES)
def test_an_entry_comes_back_from_the_disk_as_it_was(entry: SharedEntry) -> None:
    """Whatever script its key is in."""
    assert from_note(*to_note(entry)) == entry


@pytest.mark.parametrize(
    "entry", [ENTRY, replace(ENTRY, kind="absent", value=b""), replace(ENTRY, key="shared:küche")]
)
def test_every_kind_of_entry_is_kept(entry: SharedEntry) -> None:
    """Deletions are, and their notes are not empty: an empty note is forgotten."""
    name, note = to_note(entry)
    assert name == f"shared:{entry.key}"
    assert note
    assert from_note(name, note) == entry


def test_the_name_of_a_note_fits_into_the_disk() -> None:
    """LMDB admits 511 bytes."""
    assert len(to_note(replace(ENTRY, key="k" * 256))[0].encode()) <= 511


def test_other_notes_are_passed_over() -> None:
    """The disk keeps notes of other parts too."""
    assert from_note("members", b"[]") is None


@pytest.mark.parametrize(
    ("note", "why"),
    [
        (b"\1\0", "cut short"),
        (b"\2" + to_note(ENTRY)[1][1:], "unknown format 2"),
        (b"\1\7" + to_note(ENTRY)[1][2:], "spoilt"),
        (b"\1\2" + to_note(ENTRY)[1][2:], "spoilt"),
        (to_note(ENTRY)[1] + b"{", "spoilt"),
        (b"\1\0\xff" + to_note(ENTRY)[1][3:], "spoilt"),
    ],
)
def test_a_spoilt_note_is_an_error(note: bytes, why: str) -> None:
    """Who starts the node learns of it, and of which key it is."""
    with pytest.raises(ValueError, match=f"'limit' is .*{why}"):
        from_note("shared:limit", note)
