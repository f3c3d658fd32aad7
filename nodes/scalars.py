"""Numbers, strings and bytes as they come in: checked to the last type, or Malformed.

A column of them is checked as a whole, so that a key costs no call of a Python function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

MAX_INT = 2**63 - 1
MAX_STR_BYTES = 65_535
MAX_ITEMS = 100_000

_SURELY_SHORT = MAX_STR_BYTES // 4
"""A str of so many characters is within the bound whatever they are: UTF-8 has at most 4 bytes."""

_INT, _BOOL = {int}, {bool}

_IN_JSON = {int: "an integer", bool: "a boolean", str: "a string", list: "an array"}
_IN_JSON |= {dict: "an object", float: "a fraction or beyond 64 bits", type(None): "null"}


class Malformed(Exception):
    """What arrived does not follow the protocol; `reason` says where and how.

    `code` is "malformed", "bad_value", "refused" or "unsupported_version". `id` is the request at
    fault, 0 if unknown. `ids` are all requests of the ZeroMQ message, which is refused as a whole,
    and `peer` is the node that it claims to be from, empty for a client; both as far as they can be
    read.
    """

    def __init__(self, reason: str, code: str = "malformed") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.id = 0
        self.ids: tuple[int, ...] = ()
        self.peer = ""

    def __str__(self) -> str:
        return self.reason

    def within(self, where: str) -> Malformed:
        """Says where the fault is, and returns itself to be raised again."""
        self.reason = f"{where}: {self.reason}"
        return self


def cut(text: str) -> str:
    """A name that a stranger chose, short enough for a reason or a log."""
    return text if len(text) <= 60 else f"{text[:60]}…"


class Body:
    """The bytes behind a header, given out in order; `left` is how many nobody has taken yet."""

    __slots__ = ("left", "read")

    def __init__(self, data: bytes) -> None:
        self.read = BytesIO(data).read
        self.left = len(data)


Encode = Callable[[Any, list[bytes]], Any]
Decode = Callable[[Any, Body], Any]


class Codec(NamedTuple):
    """`encode` gives what is to be JSON and appends to the body; it is None where JSON takes the
    value as it is. `decode` takes it from JSON and the body, or raises Malformed."""

    encode: Encode | None
    decode: Decode


def decode_int(value: Any, _body: Body | None = None) -> int:
    """An integer from 0 to 2^63-1; raises Malformed."""
    if type(value) is int and 0 <= value <= MAX_INT:
        return value
    check_type(value, int)
    raise Malformed(f"{value} is not from 0 to 2^63-1")


def decode_str(value: Any, _body: Body | None = None) -> str:
    """A string of at most 65,535 bytes of UTF-8; raises Malformed."""
    if type(value) is not str:
        check_type(value, str)
    if len(value) > _SURELY_SHORT:
        _check_str_bytes(value)
    return value  # type: ignore[no-any-return]


def _decode_bool(value: Any, _body: Body | None = None) -> bool:
    check_type(value, bool)
    return value  # type: ignore[no-any-return]


def _encode_bytes(value: bytes, body: list[bytes]) -> int:
    body.append(value)
    return len(value)


def _decode_bytes(value: Any, body: Body) -> bytes:
    return _many_decode_bytes((value,), body)[0]


def check_type(value: Any, wanted: type) -> None:
    """Raises Malformed if it is of another type."""
    if type(value) is not wanted:
        raise Malformed(f"is {_IN_JSON[type(value)]}, not {_IN_JSON[wanted]}")


def check_items(values: Sequence[Any], check: Callable[[Any], object]) -> None:
    """Say which item is at fault, once it is known that one may be."""
    for i, value in enumerate(values):
        try:
            check(value)
        except Malformed as bad:
            raise bad.within(f"item {i}") from None


def _check_str_bytes(value: str) -> None:
    if len(value.encode()) > MAX_STR_BYTES:
        raise Malformed(f"is a string of more than {MAX_STR_BYTES:,} bytes")


def check_array(value: Any) -> None:
    """Raises Malformed if it is none, or one of more than 100,000 items."""
    if type(value) is not list:
        check_type(value, list)
    if len(value) > MAX_ITEMS:
        raise Malformed(f"has {len(value):,} items, more than {MAX_ITEMS:,}")


def _many_decode_int(values: Sequence[Any], _body: Body) -> tuple[int, ...]:
    if values and (set(map(type, values)) != _INT or min(values) < 0 or max(values) > MAX_INT):
        check_items(values, decode_int)
    return tuple(values)


def _many_decode_str(values: Sequence[Any], _body: Body) -> tuple[str, ...]:
    # Joining is the cheapest way to find out that all are strings, and none of them too long.
    try:
        short = len("".join(values)) <= _SURELY_SHORT
    except TypeError:
        short = False
    if not short:
        check_items(values, decode_str)
    return tuple(values)


def _many_decode_bool(values: Sequence[Any], _body: Body) -> tuple[bool, ...]:
    if values and set(map(type, values)) != _BOOL:
        check_items(values, _decode_bool)
    return tuple(values)


def _many_encode_bytes(values: Sequence[bytes], body: list[bytes]) -> list[int]:
    body.extend(values)
    return list(map(len, values))


def _many_decode_bytes(lengths: Sequence[Any], body: Body) -> tuple[bytes, ...]:
    if lengths and (set(map(type, lengths)) != _INT or min(lengths) < 0):
        check_items(lengths, decode_int)
    total = sum(lengths)
    if total > body.left:
        raise Malformed(f"{total} bytes are announced, the body has {body.left} left")
    body.left -= total
    return tuple(map(body.read, lengths))


SCALARS: dict[Any, Codec] = {
    int: Codec(None, decode_int),
    str: Codec(None, decode_str),
    bool: Codec(None, _decode_bool),
    bytes: Codec(_encode_bytes, _decode_bytes),
}

COLUMNS: dict[Any, Codec] = {
    int: Codec(None, _many_decode_int),
    str: Codec(None, _many_decode_str),
    bool: Codec(None, _many_decode_bool),
    bytes: Codec(_many_encode_bytes, _many_decode_bytes),
}
