"""A Python value <-> its kind and bytes: bytes are kept as they are, everything else is JSON."""

from __future__ import annotations

import math
from typing import Any

import orjson

from actors.errors import GossamerError, Refused, error_for
from actors.versions import Kind

MAX_KEY_CHARACTERS = 16_000
"""Far beyond what a node admits: such a key is not even sent."""

MAX_VALUE_BYTES = 4 * 2**20 - 2**17
"""What fits into a message. A node admits less, 1 MiB unless it was told otherwise."""

# What orjson would quietly turn into something else is refused instead.
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_STRICT |= orjson.OPT_PASSTHROUGH_SUBCLASS


def encode_value(value: Any) -> tuple[Kind, bytes]:
    """Raises Refused for what is neither bytes nor JSON, or too large for a message."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        kind: Kind = "bytes"
        data = bytes(value)
    else:
        kind = "json"
        try:
            data = orjson.dumps(value, option=_STRICT)
        except TypeError as error:
            raise error_for("bad_value", f"the value is neither bytes nor JSON: {error}") from None
        if b"null" in data and _has_nan(value):
            raise error_for("bad_value", "the value is not JSON: it has a NaN or an infinity")
    if len(data) > MAX_VALUE_BYTES:
        raise error_for("too_large", f"the value has {len(data):,} bytes, which no node admits")
    return kind, data


def decode_value(kind: Kind, data: bytes) -> Any:
    """The value. Raises GossamerError if what a node kept as JSON is none."""
    if kind == "bytes":
        return data
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise GossamerError(f"the stored value is not JSON: {error}") from error


def check_key(key: str) -> str:
    """The key, if it can be sent. Raises Refused."""
    if not isinstance(key, str):
        raise error_for("bad_key", f"a key is a str, not {type(key).__name__}")
    if not key or len(key) > MAX_KEY_CHARACTERS:
        raise error_for("bad_key")
    try:
        return check_text(key)
    except Refused:
        raise error_for("bad_key", "a key is UTF-8: it has no lone surrogates") from None


def check_text(text: str) -> str:
    """A prefix or a name, if it can be sent. Raises Refused."""
    if not isinstance(text, str):
        raise error_for("refused", f"a str is wanted, not {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise error_for("refused", "the text is not UTF-8") from None
    return text


def _has_nan(value: Any) -> bool:
    match value:
        case float():
            return not math.isfinite(value)
        case dict():
            return any(_has_nan(item) for item in value.values())
        case list() | tuple():
            return any(_has_nan(item) for item in value)
    return False
