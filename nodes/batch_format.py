"""The bytes of a batch in the journal: a JSON head, and behind it the keys and packed records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from actors.disk import Batch
from actors.versions import Record, Stamp, Version
from nodes.records import encode_key, pack_record, unpack_record

SIZE_BYTES = 4


class Packed(NamedTuple):
    """A record with its name and its value in the database."""

    record: Record
    name: bytes
    value: bytes


def pack_all(records: Sequence[Record]) -> list[Packed]:
    """Of each key the last record."""
    packed = []
    for record in {record.key: record for record in records}.values():
        name = encode_key(record.key)
        packed.append(Packed(record, name, pack_record(record, name)))
    return packed


def pack_batch(batch: Batch, records: Sequence[Packed]) -> bytes:
    """A batch, whose records are these."""
    keys = [packed.record.key.encode() for packed in records]
    head = orjson.dumps(
        (
            batch.clock_limit,
            [len(key) for key in keys],
            [len(packed.value) for packed in records],
            [(name, note.hex()) for name, note in batch.notes],
            [(key, *version.stamp, version.dead) for key, version in batch.dropped],
            batch.hints,
            batch.unhinted,
        )
    )
    values = [packed.value for packed in records]
    return b"".join((len(head).to_bytes(SIZE_BYTES, "big"), head, *keys, *values))


def unpack_batch(packed: bytes) -> Batch:
    """What `pack_batch` was given. Raises ValueError where records are of another format."""
    at = SIZE_BYTES + int.from_bytes(packed[:SIZE_BYTES], "big")
    clock_limit, key_sizes, value_sizes, notes, dropped, hints, unhinted = orjson.loads(
        packed[SIZE_BYTES:at]
    )
    parts = []
    for size in (*key_sizes, *value_sizes):
        parts.append(packed[at : at + size])
        at += size
    keys = [key.decode() for key in parts[: len(key_sizes)]]
    values = parts[len(key_sizes) :]
    return Batch(
        [unpack_record(key, value) for key, value in zip(keys, values, strict=True)],
        [(name, bytes.fromhex(note)) for name, note in notes],
        clock_limit,
        [(key, Version(Stamp(*stamp), dead)) for key, *stamp, dead in dropped],
        [(member, key, expires_ms) for member, key, expires_ms in hints],
        [(member, key) for member, key in unhinted],
    )
