"""Reading a trace back: the records of one trace id, out of the logs of as many nodes as there are.

Logs are large, cut off by crashes and rotation, and handed around: a line is only parsed if the id
is in it, what cannot be read is counted, and what the files cover is told apart from what they say.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final, get_args

import orjson

from nodes.trace.fields import TracedEvent

MAX_LINE_BYTES: Final = 2**20
MAX_RECORDS: Final = 100_000
LOG_NAME: Final = "log.jsonl"

_EVENTS: Final = frozenset(get_args(TracedEvent))
_TEXTS: Final = ("event", "node", "actor", "span", "cause", "message", "to", "sender")


@dataclass(frozen=True, slots=True)
class Record:
    """What one log says of one traced envelope. Times `at_us` and `sent_us` are wall clock, each of
    the machine where it happened; `at_us` of "delivered" is when its turn began."""

    event: TracedEvent
    node: str
    actor: str
    span: str
    cause: str
    message: str
    to: str
    sender: str
    sent_us: int
    at_us: int
    keys: int | None = None
    codes: Mapping[str, int] = field(default_factory=dict)
    turn_us: int = 0
    sync_us: int = 0
    batch: int = 1


@dataclass(slots=True)
class Found:
    """The records of a trace, and what else has to be known to judge what is missing."""

    trace: str
    records: list[Record] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Node id -> name, of the nodes whose logs were read."""
    begins_us: dict[str, int] = field(default_factory=dict)
    """Node name -> when the first record of its log was written; a name for each log read."""
    files: int = 0
    truncated: int = 0
    foreign: int = 0
    left_out: int = 0


def read_traces(paths: Iterable[Path], trace: str) -> Found:
    """All records of `trace` in these logs and in their rotated siblings (`log.jsonl.1`, ...).

    A folder stands for the log in it. Raises OSError for a path that cannot be read.
    """
    found = Found(trace)
    needle = orjson.dumps(trace)
    with ExitStack() as opened:
        for file in list(_open_all(paths, opened)):
            found.files += 1
            _read(file, needle, found)
    return found


def _open_all(paths: Iterable[Path], opened: ExitStack) -> Iterator[BinaryIO]:
    """Open each file once, a log before what was rotated out of it: a rotation that happens now
    then shows one file under two names rather than none."""
    seen: set[tuple[int, int]] = set()
    for path in paths:
        log = path / LOG_NAME if path.is_dir() else path
        for age in count():
            sibling = log.with_name(f"{log.name}.{age}") if age else log
            if age and not sibling.exists():
                break
            file = opened.enter_context(sibling.open("rb"))
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield file


def _read(file: BinaryIO, needle: bytes, found: Found) -> None:
    node = b"\n\n"  # how the lines of the node that wrote the last one name it; in no line as yet
    is_rest = False
    for line in iter(partial(file.readline, MAX_LINE_BYTES), b""):
        was_rest, is_rest = is_rest, len(line) == MAX_LINE_BYTES and not line.endswith(b"\n")
        if was_rest or line.isspace():
            continue
        if is_rest or not line.startswith(b"{"):
            found.foreign += 1
        elif not line.endswith((b"}\n", b"}")):
            found.truncated += 1
        elif needle in line or node not in line or b'"started"' in line:
            event = _parsed(line)
            if event is not None:
                node = _note_node(event, found)
                _note_record(event, found)
            elif line.endswith(b"\n"):
                found.foreign += 1
            else:
                found.truncated += 1


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _note_node(event: dict[str, Any], found: Found) -> bytes:
    """Whose log is this, and since when? Returns how its lines name the node."""
    node, node_id, ts = event.get("node"), event.get("node_id"), event.get("ts")
    if isinstance(node, str) and isinstance(ts, str):
        written_us = _microseconds(ts)
        found.begins_us[node] = min(found.begins_us.get(node, written_us), written_us)
        if isinstance(node_id, str):
            found.names[node_id] = node
    return b'"node":' + orjson.dumps(node)


def _note_record(event: dict[str, Any], found: Found) -> None:
    if event.get("trace") != found.trace or event.get("event") not in _EVENTS:
        return
    record = _record(event)
    if record is None:
        found.foreign += 1
    elif len(found.records) < MAX_RECORDS:
        found.records.append(record)
    else:
        found.left_out += 1


def _record(event: dict[str, Any]) -> Record | None:
    """The record that an event is, or None where a field is missing or of another type."""
    texts: dict[str, Any] = {name: event.get(name) for name in _TEXTS}
    numbers: dict[str, Any] = {name: event.get(name) for name in ("sent_us", "at_us")}
    numbers |= {name: event[name] for name in ("turn_us", "sync_us", "batch") if name in event}
    keys, codes = event.get("keys"), event.get("codes", {})
    if (
        all(isinstance(text, str) for text in texts.values())
        and texts["span"]
        and all(_is_count(number) for number in numbers.values())
        and (keys is None or _is_count(keys))
        and isinstance(codes, dict)
    ):
        counts = {code: number for code, number in codes.items() if _is_count(number)}
        return Record(**texts, **numbers, keys=keys, codes=counts)
    return None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _microseconds(ts: str) -> int:
    """Microseconds since 1970, or 0 for a text that is no time."""
    try:
        return round(datetime.fromisoformat(ts).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return 0
