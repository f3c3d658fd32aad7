"""Shared key-values: small values that every node holds, the later version winning.

A version is a hybrid logical clock's reading and the node where the value was shared: time, then
count, then node decide. Whoever has heard of the same entries, in any order, holds the same.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import get_args

from actors.gossip_settings import GossipSettings
from actors.versions import Kind

MAX_NUMBER = 2**53
"""A time or a count beyond this is nobody's: readers in other languages could not tell it from the
one next to it."""

MAX_JSON_DEPTH = 100
"""How deep a JSON value may nest. A number of our own, so that every node says the same of a value,
however deep its own stack is."""

NOTE_PREFIX = "shared:"
"""What the names of the notes begin with, the key following. LMDB admits names of 511 bytes."""

FORMAT = 1
"""The first byte of a note."""

HEADER = struct.Struct(">BBQQ8s")
"""Format, kind, time_ms, count, node. The value follows; the key is in the note's name."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""A note has a kind's place in here: new ones go to the end."""

_NODE = re.compile(r"[0-9a-f]{16}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class SharedEntry:
    """A value and its version: a hybrid logical clock (`time_ms`, `count`) and the id of the node
    where it was shared. The kind "absent", with an empty value, is a deletion."""

    key: str
    kind: Kind
    value: bytes
    time_ms: int
    count: int
    node: str


def beats(news: SharedEntry, known: SharedEntry | None) -> bool:
    """Is `news` later than what is known of this key? A deletion is news as a value is."""
    return known is None or _rank(news) > _rank(known)


def _rank(entry: SharedEntry) -> tuple[int, int, str, str, bytes]:
    # A node never uses a version twice, but a copy of its folder may. Kind and value decide then,
    # so that the two values do not live side by side for ever.
    return entry.time_ms, entry.count, entry.node, entry.kind, entry.value


def version_text(entry: SharedEntry) -> str:
    """The version as clients are shown it; no two versions look the same."""
    return f"{entry.time_ms:x}.{entry.count:x}-{entry.node}"


class HybridClock:
    """The hybrid logical clock of Kulkarni et al. ("Logical Physical Clocks and Consistent
    Snapshots in Globally Distributed Databases", OPODIS 2014, section 3).

    It is the greatest time seen, the wall clock's or another's, and counts the readings within one
    time. As a reading comes after all that was seen, hearing need not count as an event of its own.
    """

    def __init__(self) -> None:
        self._last = (0, 0)

    @property
    def time_ms(self) -> int:
        """The time of the greatest version that was read or seen."""
        return self._last[0]

    def saw(self, entry: SharedEntry) -> None:
        """From now on every reading is above this version."""
        self._last = max(self._last, (entry.time_ms, entry.count))

    def read(self, wall_ms: int) -> tuple[int, int]:
        """A new time and count: above all that were read or seen, and not below the wall clock."""
        time_ms, count = self._last
        if wall_ms > time_ms:
            self._last = (wall_ms, 0)
        elif count < MAX_NUMBER:
            self._last = (time_ms, count + 1)
        else:
            # Somebody shared with the greatest count that is admitted.
            self._last = (time_ms + 1, 0)
        return self._last


def can_be(entry: SharedEntry, settings: GossipSettings) -> bool:
    """Could a node have shared this? The bounds keep what others make it hold small."""
    try:
        key_bytes = len(entry.key.encode())
    except UnicodeEncodeError:
        return False
    return (
        key_bytes <= settings.max_shared_key_bytes
        and len(entry.value) <= settings.max_shared_value_bytes
        and _is_sound(entry)
    )


def _is_sound(entry: SharedEntry) -> bool:
    """Is it an entry at all, whatever its size is?"""
    return (
        entry.key != ""
        and entry.kind in KINDS
        and _NODE.fullmatch(entry.node) is not None
        and 0 <= entry.time_ms <= MAX_NUMBER
        and 0 <= entry.count <= MAX_NUMBER
        and fault_of_value(entry.kind, entry.value) == ""
    )


def fault_of_value(kind: Kind, value: bytes) -> str:
    """Why the value is not what its kind says, or empty. What is admitted here, every reader of
    JSON can make sense of: no NaN, no number beyond a double, no half of a surrogate pair."""
    if kind == "absent":
        return "a key that is taken back has no value" if value else ""
    if kind == "bytes":
        return ""
    try:
        text = value.decode()
        if _depth(text) > MAX_JSON_DEPTH:
            return f"a JSON value nests at most {MAX_JSON_DEPTH} deep"
        parsed = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_number)
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return "the value is not JSON"
    return ""


def _depth(text: str) -> int:
    """How deep the brackets outside of strings nest, if it is JSON."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number of JSON")
    return number


def to_note(entry: SharedEntry) -> tuple[str, bytes]:
    """The name and the bytes of the note that keeps the entry on disk."""
    node = bytes.fromhex(entry.node)
    kind = KINDS.index(entry.kind)
    header = HEADER.pack(FORMAT, kind, entry.time_ms, entry.count, node)
    return NOTE_PREFIX + entry.key, header + entry.value


def from_note(name: str, note: bytes) -> SharedEntry | None:
    """The entry that the note keeps, or None if it is not one of ours. Raises ValueError if it is
    spoilt. Sizes are not looked at: what was admitted once stays."""
    if not name.startswith(NOTE_PREFIX):
        return None
    key = name.removeprefix(NOTE_PREFIX)
    if len(note) < HEADER.size:
        raise ValueError(f"the note of the shared key {key!r} is cut short")
    written, kind, time_ms, count, node = HEADER.unpack_from(note)
    if written != FORMAT:
        raise ValueError(f"the note of the shared key {key!r} is of unknown format {written}")
    if kind < len(KINDS):
        entry = SharedEntry(key, KINDS[kind], note[HEADER.size :], time_ms, count, node.hex())
        if _is_sound(entry):
            return entry
    raise ValueError(f"the note of the shared key {key!r} is spoilt")
