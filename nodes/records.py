"""The bytes on the disk: of keys, so that they sort as the keys do, and of records.

LMDB admits names of 511 bytes; ours have up to 1,024, and a partition's number goes before them in
one of the tables. So a key of up to SHORT_BYTES is written as its UTF-8, and a longer one as its
first SHORT_BYTES bytes, CUT and the SHA-256 of all of it. CUT is a byte that UTF-8 never contains.
Where more than a partition's number goes before a key, it is cut the sooner.

- Two keys never share an encoding: a short one's is without CUT, a long one's has the digest.
- Encodings sort as the keys do, long keys with the same beginning excepted. Where two keys differ
  within SHORT_BYTES, their encodings differ at the same place; where they do not, one is short and
  the beginning of the other, or both are long.
- Long keys with the same beginning stand side by side: theirs are exactly the encodings that begin
  with it and CUT. Who lists keys in order sorts such a group by the whole keys, which are kept in
  the values of long keys.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import sha256

import orjson

from actors.versions import Kind, Record, Stamp, boot_name

NAME_BYTES = 511
CUT = b"\xff"
DIGEST_BYTES = 32
PARTITION_BYTES = 2
SHORT_BYTES = NAME_BYTES - PARTITION_BYTES - len(CUT) - DIGEST_BYTES

KINDS: tuple[Kind, ...] = ("json", "bytes", "absent")
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}

FORMAT = 1
"""The first byte of a record: what follows can be laid out anew without a new data folder."""

RECORD = struct.Struct(">BBHIQQ")
"""Format, kind, bytes of the whole key (0 unless it is long), bytes of the origin, the stamp's
counter, expires_ms. The origin, the whole key and the value follow."""

EXPIRES = struct.Struct(">Q")
EXPIRES_AT = RECORD.size - EXPIRES.size

ORIGIN = struct.Struct(">8sQQ")

# A third of what the named tuple's own constructor takes, for each record that is looked at.
_new = tuple.__new__
BINARY = b"b"
AS_JSON = b"j"


def encode_key(key: str) -> bytes:
    """At most 509 bytes that sort as the key does, long keys with the same beginning excepted."""
    utf8 = key.encode()
    if len(utf8) <= SHORT_BYTES:
        return utf8
    return utf8[:SHORT_BYTES] + CUT + sha256(utf8).digest()


def cut_key(head: bytes, key: str) -> tuple[bytes, bytes]:
    """A name that is `head` and then the key; and if that had to be cut, its UTF-8, else nothing.
    After a head of PARTITION_BYTES it is cut as `encode_key` does."""
    utf8 = key.encode()
    short_bytes = SHORT_BYTES + PARTITION_BYTES - len(head)
    if len(utf8) <= short_bytes:
        return head + utf8, b""
    return head + utf8[:short_bytes] + CUT + sha256(utf8).digest(), utf8


def lower_bound(utf8: bytes) -> bytes:
    """The least encoding that a key may have that is not below `utf8`, and begins as it does."""
    return utf8 if len(utf8) <= SHORT_BYTES else utf8[:SHORT_BYTES] + CUT


def group_of(encoded: bytes) -> bytes:
    """What exactly the encodings of long keys with the same beginning begin with; empty for the
    encoding of a short key."""
    return encoded[: SHORT_BYTES + 1] if len(encoded) > SHORT_BYTES else b""


def pack_record(record: Record, encoded: bytes) -> bytes:
    """The value under the encoded key."""
    key, kind, value, (counter, node, boot, ballot), expires_ms = record
    origin = _pack_origin(node, boot, ballot)
    whole = key.encode() if len(encoded) > SHORT_BYTES else b""
    header = RECORD.pack(FORMAT, KIND_NUMBERS[kind], len(whole), len(origin), counter, expires_ms)
    return b"".join((header, origin, whole, value))


def unpack_record(key: str, packed: bytes) -> Record:
    """The record of `key`. Raises ValueError where it is of another format."""
    written, kind, key_bytes, origin_bytes, counter, expires_ms = RECORD.unpack_from(packed)
    if written != FORMAT:
        raise ValueError(f"the record of {key!r} is of format {written}, which is unknown here")
    end = RECORD.size + origin_bytes
    stamp = Stamp(counter, *_unpack_origin(packed[RECORD.size : end]))
    return Record(key, KINDS[kind], packed[end + key_bytes :], stamp, expires_ms)


def whole_key(packed: memoryview | bytes) -> bytes:
    """The UTF-8 of the long key that this packed record belongs to."""
    _, _, key_bytes, origin_bytes, _, _ = RECORD.unpack_from(packed)
    start = RECORD.size + origin_bytes
    return bytes(packed[start : start + key_bytes])


def stamp_of(packed: memoryview | bytes) -> Stamp:
    """The stamp of a packed record, of which nothing else is copied. Raises ValueError where it is
    of another format."""
    written, _, _, origin_bytes, counter, _ = RECORD.unpack_from(packed)
    if written != FORMAT:
        raise ValueError(f"a record is of format {written}, which is unknown here")
    origin = _unpack_origin(bytes(packed[RECORD.size : RECORD.size + origin_bytes]))
    return _new(Stamp, (counter, *origin))


def kind_of(packed: memoryview | bytes) -> Kind:
    """The kind of a packed record."""
    return KINDS[packed[1]]


def expires_ms_of(packed: memoryview) -> int:
    """When a packed record expires; 0 for never."""
    expires_ms: int = EXPIRES.unpack_from(packed, EXPIRES_AT)[0]
    return expires_ms


# There are few origins, one for each node and start, and many stamps: each is worked out once.
@lru_cache(maxsize=1024)
def _pack_origin(node: str, boot: str, ballot: str) -> bytes:
    """25 bytes where the names are as nodes make them, and JSON where they are anything else."""
    count, _, random_bits = boot.partition(".")
    try:
        numbers = bytes.fromhex(node), int(count, 16), int(random_bits, 16)
        packed = BINARY + ORIGIN.pack(*numbers)
    except (ValueError, struct.error):
        packed = b""
    if packed and _unpack_origin(packed) == (node, boot, ballot):
        return packed
    return AS_JSON + orjson.dumps((node, boot, ballot))


@lru_cache(maxsize=1024)
def _unpack_origin(packed: bytes) -> tuple[str, str, str]:
    if packed[:1] == BINARY:
        node, count, random_bits = ORIGIN.unpack_from(packed, 1)
        return node.hex(), boot_name(count, random_bits), ""
    node, boot, ballot = orjson.loads(packed[1:])
    return node, boot, ballot
