"""The bytes of a batch in the journal: a JSON head, and behind it the names and then the values of
its records, both as the database has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import orjson

from actors.disk import Batch
from actors.versions import Record, Stamp, Version
from nodes.records import encode_key, pack_record, unpack_record, whole_key

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
    names = [packed.name for packed in records]
    values = [packed.value for packed in records]
    head = orjson.dumps(
        (
            batch.clock_limit,
            list(map(len, names)),
            list(map(len, values)),
            [(name, note.hex()) for name, note in batch.notes],
            [(key, *version.stamp, version.dead) for key, version in batch.dropped],
            batch.hints,
            batch.unhinted,
        )
    )
    return b"".join((len(head).to_bytes(SIZE_BYTES, "big"), head, *names, *values))


def unpack_batch(packed: bytes) -> Batch:
    """What `pack_batch` was given. Raises ValueError where records are of another format."""
    read = BytesIO(packed).read
    head = read(int.from_bytes(read(SIZE_BYTES), "big"))
    clock_limit, name_sizes, value_sizes, notes, dropped, hints, unhinted = orjson.loads(head)
    names = list(map(read, name_sizes))
    values = list(map(read, value_sizes))
    return Batch(
        [
            unpack_record((whole_key(value) or name).decode(), value)
            for name, value in zip(names, values, strict=True)
        ],
        [(name, bytes.fromhex(note)) for name, note in notes],
        clock_limit,
        [(key, Version(Stamp(*stamp), dead)) for key, *stamp, dead in dropped],
        [(member, key, expires_ms) for member, key, expires_ms in hints],
        [(member, key) for member, key in unhinted],
    )
