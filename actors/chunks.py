"""What a file is made of: chunks, each named by the SHA-256 of its bytes, and a manifest that says
which, kept as a record with all promises of a key. So a file is there entirely or not at all.

A small file rides in its manifest. The manifest of a large one names lists: chunks that are nothing
but digests of other chunks, 32 bytes each, so that it stays small enough to be replicated.

The id of a chunk of data is its digest in hex; that of a list has LIST behind it, so that a list
and a file of the same bytes are two things.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from actors.hexadecimal import is_hex
from actors.ring import partition_of
from actors.spaces import is_of_file
from actors.versions import Record

CHUNK_BYTES = 2**20
MAX_CHUNK_BYTES = 2 * 2**20
"""What a file is cut into unless it is told otherwise, and the most that it may be cut into."""

MAX_FILE_BYTES = 64 * 2**30

INLINE_BYTES = 16 * 2**10
"""A file of no more than this rides in its manifest."""

MAX_DIGESTS = 512
"""A manifest names no more chunks than this; what has more names lists."""

LIST_DIGESTS = 32_768
"""A list names no more than this: it is a chunk of 1 MiB then."""

DIGEST_BYTES = 32
LIST = ".list"
FORMAT = 1
_HEAD_TYPES = [int, int, str, str, int, int, bool]
MAX_TIME_MS = 250_000_000_000_000
"""In the year 9892: dates of later years cannot be told."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`chunks` are the ids of the chunks of data in their order, or of lists of them (`is_nested`);
    none where the file is in `content`. Every chunk has `chunk_bytes`, but for the last. `sha256`
    is that of the whole in hex, `time_ms` when it was put there by the wall clock."""

    size_bytes: int
    sha256: str
    type: str
    time_ms: int
    chunk_bytes: int
    is_nested: bool
    chunks: tuple[str, ...]
    content: bytes


def chunk_id(data: bytes | memoryview, *, is_list: bool = False) -> str:
    """The name of these bytes."""
    digest = sha256(data).hexdigest()
    return digest + LIST if is_list else digest


def is_chunk_id(text: str) -> bool:
    """Can a chunk be called so?"""
    return is_hex(text.removesuffix(LIST), 2 * DIGEST_BYTES)


def is_list_id(id: str) -> bool:
    """Is it the name of a list?"""
    return id.endswith(LIST)


def partition_of_chunk(id: str) -> int:
    """The partition whose owners keep it: by the SHA-1 of its name, as a key's."""
    return partition_of(id)


def chunk_count(size_bytes: int, chunk_bytes: int) -> int:
    """How many chunks of data a file of that size has."""
    return -(-size_bytes // chunk_bytes)


def list_of(ids: Iterable[str]) -> bytes:
    """The bytes of a list that names these chunks of data."""
    return b"".join([bytes.fromhex(id) for id in ids])


def ids_in(data: bytes) -> tuple[str, ...]:
    """The chunks of data that a list names. Raises ValueError if it cannot be one."""
    if not data or len(data) % DIGEST_BYTES or len(data) > LIST_DIGESTS * DIGEST_BYTES:
        raise ValueError("a list of chunks has 1 to 32,768 digests of 32 bytes")
    text = data.hex()
    size = 2 * DIGEST_BYTES
    return tuple([text[i : i + size] for i in range(0, len(text), size)])


def fault_of(manifest: Manifest, min_chunk_bytes: int = 1) -> str:
    """Why this cannot be a manifest, or empty. Whether the chunks are there is another question."""
    size_bytes, chunks = manifest.size_bytes, manifest.chunks
    if not is_hex(manifest.sha256, 2 * DIGEST_BYTES):
        return "the SHA-256 of the file is no 64 digits of lower-case hex"
    if not chunks:
        if manifest.is_nested or len(manifest.content) != size_bytes or size_bytes > INLINE_BYTES:
            return "a manifest has chunks, or else the file itself"
        digest = sha256(manifest.content).hexdigest()
        return "" if digest == manifest.sha256 else "the file is not what its SHA-256 says"
    if manifest.content or not min_chunk_bytes <= manifest.chunk_bytes <= MAX_CHUNK_BYTES:
        return f"a chunk has {min_chunk_bytes:,} to {MAX_CHUNK_BYTES:,} bytes"
    if len(chunks) > MAX_DIGESTS:
        return f"a manifest names {MAX_DIGESTS} chunks or lists at most"
    if not all(is_chunk_id(id) and is_list_id(id) == manifest.is_nested for id in chunks):
        return "a chunk is named by 64 digits of lower-case hex"
    count = chunk_count(size_bytes, manifest.chunk_bytes)
    named = -(-count // LIST_DIGESTS) if manifest.is_nested else count
    return "" if named == len(chunks) else "a manifest names exactly the chunks of its file"


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """The value of a file's record: a line of JSON, then raw bytes."""
    head = [
        FORMAT,
        manifest.size_bytes,
        manifest.sha256,
        manifest.type,
        manifest.time_ms,
        manifest.chunk_bytes,
        manifest.is_nested,
    ]
    digests = list_of(id.removesuffix(LIST) for id in manifest.chunks)
    return json.dumps(head).encode() + b"\n" + (digests or manifest.content)


def manifest_from_bytes(value: bytes) -> Manifest:
    """What was kept. Raises ValueError if it is spoilt: what a node that is at fault has sent to be
    kept must not reach who reads it."""
    line, _, raw = value.partition(b"\n")
    size_bytes, digest, kind, time_ms, chunk_bytes, is_nested = _head(line)
    ids: tuple[str, ...] = ids_in(raw) if chunk_bytes else ()
    if is_nested:
        ids = tuple([id + LIST for id in ids])
    content = b"" if chunk_bytes else raw
    manifest = Manifest(size_bytes, digest, kind, time_ms, chunk_bytes, is_nested, ids, content)
    if fault := fault_of(manifest):
        raise ValueError(fault)
    return manifest


def _head(line: bytes) -> tuple[int, str, str, int, int, bool]:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it does not begin with a line of JSON") from None
    if type(head) is not list or head[:1] != [FORMAT]:
        raise ValueError("its form is not known here")
    if [type(value) for value in head] != _HEAD_TYPES:
        raise ValueError("it has values of other types")
    _, size_bytes, digest, kind, time_ms, chunk_bytes, is_nested = head
    if size_bytes < 0 or not 0 <= time_ms <= MAX_TIME_MS or not kind.isascii():
        raise ValueError("it has values that no file has")
    return size_bytes, digest, kind, time_ms, chunk_bytes, is_nested


def refers_to(value: bytes) -> tuple[str, ...]:
    """The chunks and lists that a manifest names, each once. What cannot be read names nothing."""
    try:
        return tuple(dict.fromkeys(manifest_from_bytes(value).chunks))
    except ValueError:
        return ()


def chunks_of(record: Record | None) -> tuple[str, ...]:
    """The chunks and lists that a record names: none but a file's manifest names any."""
    if record is None or record.kind == "absent" or not is_of_file(record.key):
        return ()
    return refers_to(record.value)
