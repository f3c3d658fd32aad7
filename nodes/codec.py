"""A dataclass <-> its fields as JSON and its bytes in a body, compiled once from its type hints.

What comes in is checked to the last type: a decoder returns a value of the class, or it raises
Malformed. Columns are checked and cut as a whole, so that a key costs no call of a Python function.

| type | in JSON |
|---|---|
| int (0 to 2^63-1), bool, str, Literal | itself |
| bytes | its length; the bytes themselves are in the body |
| tuple | an array |
| NamedTuple | an array of its fields; the last may be left out while they have their defaults |
| dataclass | an object of exactly its fields |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import repeat
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

MAX_INT = 2**63 - 1
MAX_STR_BYTES = 65_535
MAX_ITEMS = 100_000

_SURELY_SHORT = MAX_STR_BYTES // 4
"""A str of so many characters is within the bound whatever they are: UTF-8 has at most 4 bytes."""

_INT, _STR, _LIST = {int}, {str}, {list}

_IN_JSON = {int: "an integer", bool: "a boolean", str: "a string", list: "an array"}
_IN_JSON |= {dict: "an object", float: "a fraction or beyond 64 bits", type(None): "null"}


class Malformed(Exception):
    """What arrived does not follow the protocol; `reason` says where and how.

    `code` is "malformed", "bad_value" or "unsupported_version". `id` is the request at fault, 0 if
    unknown. `ids` are all requests of the ZeroMQ message, which is refused as a whole, and `peer`
    is the node that it claims to be from, empty for a client; both as far as they can be read.
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


class Record:
    """The codec of one dataclass. A class with `columns` has them checked to be equally long."""

    def __init__(self, cls: type) -> None:
        hints = get_type_hints(cls)
        self.names = [field.name for field in dataclasses.fields(cls)]
        codecs = [(name, codec_for(hints[name])) for name in self.names]
        self._cls = cls
        self._encoders = [(name, codec.encode) for name, codec in codecs]
        self._decoders = [(name, codec.decode) for name, codec in codecs]
        self._expected = frozenset(self.names)
        self._columns = [self.names.index(name) for name in getattr(cls, "columns", ())]

    def encode(self, value: Any, body: list[bytes]) -> dict[str, Any]:
        """The fields as a JSON object; what is bytes is appended to `body`."""
        return {
            name: getattr(value, name) if encode is None else encode(getattr(value, name), body)
            for name, encode in self._encoders
        }

    def decode(self, raw: Any, body: Body) -> Any:
        """A value of the class from a JSON object of exactly its fields; raises Malformed."""
        if type(raw) is not dict:
            _check_type(raw, dict)
        if raw.keys() != self._expected:
            raise Malformed(self._names_at_fault(raw))
        values = []
        name = ""
        try:
            for name, decode in self._decoders:
                values.append(decode(raw[name], body))
        except Malformed as bad:
            raise bad.within(name) from None
        if self._columns and len({len(values[i]) for i in self._columns}) > 1:
            lengths = ", ".join(f"{self.names[i]} has {len(values[i])}" for i in self._columns)
            raise Malformed(f"columns of unequal length: {lengths}")
        return self._cls(*values)

    def _names_at_fault(self, raw: dict[str, Any]) -> str:
        missing = [name for name in self.names if name not in raw]
        if missing:
            return f"the field {missing[0]!r} is missing"
        unknown = next(name for name in raw if name not in self._expected)
        return f"the field {cut(unknown)!r} is unknown"


def codec_for(hint: Any) -> Codec:
    """The codec of one value of a type; raises TypeError for a type that does not travel."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if get_origin(hint) is Literal:
        return Codec(None, _choice(hint))
    if get_origin(hint) is tuple:
        items = get_args(hint)
        return _array(items[0]) if items[-1] is Ellipsis else _fixed(items)
    if dataclasses.is_dataclass(hint):
        record = Record(hint)  # type: ignore[arg-type]
        return Codec(record.encode, record.decode)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return _named_tuple(hint)
    raise TypeError(f"{hint!r} cannot travel")


def _many(hint: Any) -> Codec:
    """The codec of a sequence of values of a type, as a whole where that is cheaper."""
    if hint in _COLUMNS:
        return _COLUMNS[hint]
    if get_origin(hint) is Literal:
        return Codec(None, _many_choices(hint))
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return _many_named_tuples(hint)
    encode, decode = codec_for(hint)
    if encode is None:
        return Codec(None, _each(decode))
    return Codec(lambda values, body: [encode(value, body) for value in values], _each(decode))


def _each(decode_one: Decode) -> Decode:
    """One by one, where a column has no shorter way."""

    def decode(values: Sequence[Any], body: Body) -> tuple[Any, ...]:
        done: list[Any] = []
        try:
            for value in values:
                done.append(decode_one(value, body))
        except Malformed as bad:
            raise bad.within(f"item {len(done)}") from None
        return tuple(done)

    return decode


def _array(hint: Any) -> Codec:
    """tuple[X, ...]"""
    encode, decode_items = _many(hint)

    def decode(values: Any, body: Body) -> Any:
        _check_array(values)
        return decode_items(values, body)

    return Codec(encode, decode)


def _fixed(hints: Sequence[Any]) -> Codec:
    """tuple[X, Y]"""
    codecs = [codec_for(hint) for hint in hints]

    def encode(values: tuple[Any, ...], body: list[bytes]) -> list[Any]:
        return [
            value if codec.encode is None else codec.encode(value, body)
            for codec, value in zip(codecs, values, strict=True)
        ]

    def decode(values: Any, body: Body) -> tuple[Any, ...]:
        _check_array(values)
        if len(values) != len(codecs):
            raise Malformed(f"has {len(values)} items, not {len(codecs)}")
        return tuple(
            [codec.decode(value, body) for codec, value in zip(codecs, values, strict=True)]
        )

    return Codec(encode, decode)


def _choice(hint: Any) -> Callable[..., str]:
    choices = get_args(hint)

    def decode(value: Any, _body: Body | None = None) -> str:
        text = decode_str(value)
        if text not in choices:
            raise Malformed(f"is {cut(text)!r}, which is none of {', '.join(choices)}")
        return text

    return decode


def _many_choices(hint: Any) -> Decode:
    choices = frozenset(get_args(hint))
    decode_one = _choice(hint)

    def decode(values: Sequence[Any], _body: Body) -> tuple[str, ...]:
        try:
            known = choices.issuperset(values)
        except TypeError:  # an array or an object is not hashable
            known = False
        if not known:
            _check_items(values, decode_one)
        return tuple(values)

    return decode


def _named_tuple(cls: Any) -> Codec:
    hints = get_type_hints(cls)
    codecs = [codec_for(hints[name]) for name in cls._fields]
    if any(codec.encode for codec in codecs):
        raise TypeError(f"{cls!r} cannot travel: it has fields that JSON does not take as they are")
    decoders = [codec.decode for codec in codecs]
    needed = len(decoders) - len(cls._field_defaults)
    encode_many = _many_rows(cls)

    def decode(row: Any, body: Body) -> Any:
        _check_array(row)
        if not needed <= len(row) <= len(decoders):
            raise Malformed(f"has {len(row)} items, not {len(decoders)}")
        return cls(*[decode_field(v, body) for decode_field, v in zip(decoders, row, strict=False)])

    return Codec(lambda row, body: encode_many((row,), body)[0], decode)


def _many_named_tuples(cls: Any) -> Codec:
    """Many rows that leave the defaults out are decoded as columns, a fifth of the work."""
    decode_each = _each(_named_tuple(cls).decode)
    hints = get_type_hints(cls)
    fields = [name for name in cls._fields if name not in cls._field_defaults]
    decoders = [_many(hints[name]).decode for name in fields]
    defaults = cls._field_defaults.values()

    def decode(rows: Sequence[Any], body: Body) -> Any:
        few = len(rows) < 4
        if few or set(map(type, rows)) != _LIST or set(map(len, rows)) != {len(decoders)}:
            return decode_each(rows, body)
        columns = zip(decoders, zip(*rows, strict=True), strict=True)
        checked = [decode_column(column, body) for decode_column, column in columns]
        checked += [(default,) * len(rows) for default in defaults]
        return tuple(map(tuple.__new__, repeat(cls), zip(*checked, strict=True)))

    return Codec(_many_rows(cls), decode)


def _many_rows(cls: Any) -> Encode:
    """NamedTuples as JSON takes them: plain tuples, the defaults at their end left out."""
    defaults = tuple(cls._field_defaults.values())
    needed = len(cls._fields) - len(defaults)

    def encode(rows: Sequence[Any], _body: list[bytes]) -> list[Any]:
        return [row[:needed] if row[needed:] == defaults else row[:] for row in rows]

    return encode


def decode_int(value: Any, _body: Body | None = None) -> int:
    """An integer from 0 to 2^63-1; raises Malformed."""
    if type(value) is int and 0 <= value <= MAX_INT:
        return value
    _check_type(value, int)
    raise Malformed(f"{value} is not from 0 to 2^63-1")


def decode_str(value: Any, _body: Body | None = None) -> str:
    """A string of at most 65,535 bytes of UTF-8; raises Malformed."""
    if type(value) is not str:
        _check_type(value, str)
    if len(value) > _SURELY_SHORT:
        _check_str_bytes(value)
    return value  # type: ignore[no-any-return]


def _decode_bool(value: Any, _body: Body) -> bool:
    _check_type(value, bool)
    return value  # type: ignore[no-any-return]


def _encode_bytes(value: bytes, body: list[bytes]) -> int:
    body.append(value)
    return len(value)


def _decode_bytes(value: Any, body: Body) -> bytes:
    return _many_decode_bytes((value,), body)[0]


def _check_type(value: Any, wanted: type) -> None:
    if type(value) is not wanted:
        raise Malformed(f"is {_IN_JSON[type(value)]}, not {_IN_JSON[wanted]}")


def _check_items(values: Sequence[Any], check: Callable[[Any], object]) -> None:
    """Say which item is at fault, once it is known that one may be."""
    for i, value in enumerate(values):
        try:
            check(value)
        except Malformed as bad:
            raise bad.within(f"item {i}") from None


def _check_str_bytes(value: str) -> None:
    if len(value.encode()) > MAX_STR_BYTES:
        raise Malformed(f"is a string of more than {MAX_STR_BYTES:,} bytes")


def _check_array(value: Any) -> None:
    if type(value) is not list:
        _check_type(value, list)
    if len(value) > MAX_ITEMS:
        raise Malformed(f"has {len(value):,} items, more than {MAX_ITEMS:,}")


def _many_decode_int(values: Sequence[Any], _body: Body) -> tuple[int, ...]:
    if values and (set(map(type, values)) != _INT or min(values) < 0 or max(values) > MAX_INT):
        _check_items(values, decode_int)
    return tuple(values)


def _many_decode_str(values: Sequence[Any], _body: Body) -> tuple[str, ...]:
    # Joining is the cheapest way to find out that all are strings, and none of them too long.
    try:
        short = len("".join(values)) <= _SURELY_SHORT
    except TypeError:
        short = False
    if not short:
        _check_items(values, decode_str)
    return tuple(values)


def _many_encode_bytes(values: Sequence[bytes], body: list[bytes]) -> list[int]:
    body.extend(values)
    return list(map(len, values))


def _many_decode_bytes(lengths: Sequence[Any], body: Body) -> tuple[bytes, ...]:
    if lengths and (set(map(type, lengths)) != _INT or min(lengths) < 0):
        _check_items(lengths, decode_int)
    total = sum(lengths)
    if total > body.left:
        raise Malformed(f"{total} bytes are announced, the body has {body.left} left")
    body.left -= total
    return tuple(map(body.read, lengths))


_SCALARS: dict[Any, Codec] = {
    int: Codec(None, decode_int),
    str: Codec(None, decode_str),
    bool: Codec(None, _decode_bool),
    bytes: Codec(_encode_bytes, _decode_bytes),
}

_COLUMNS: dict[Any, Codec] = {
    int: Codec(None, _many_decode_int),
    str: Codec(None, _many_decode_str),
    bytes: Codec(_many_encode_bytes, _many_decode_bytes),
}
