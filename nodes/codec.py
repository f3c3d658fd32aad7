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
from itertools import repeat
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nodes.scalars import (
    COLUMNS,
    MAX_INT,
    MAX_ITEMS,
    MAX_STR_BYTES,
    SCALARS,
    Body,
    Codec,
    Decode,
    Encode,
    Malformed,
    check_array,
    check_items,
    check_type,
    cut,
    decode_int,
    decode_str,
)

__all__ = [
    "MAX_INT",
    "MAX_ITEMS",
    "MAX_STR_BYTES",
    "Body",
    "Codec",
    "Malformed",
    "Record",
    "codec_for",
    "cut",
    "decode_int",
    "decode_str",
]

_LIST = {list}


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
            check_type(raw, dict)
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
    if hint in SCALARS:
        return SCALARS[hint]
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
    if hint in COLUMNS:
        return COLUMNS[hint]
    if hint == tuple[str, ...]:
        return Codec(None, _many_decode_strs)
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
        check_array(values)
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
        check_array(values)
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
            check_items(values, decode_one)
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
        check_array(row)
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


def _many_decode_strs(rows: Sequence[Any], body: Body) -> tuple[Any, ...]:
    """Rows that are all alike need one look: nothing but a string is equal to a string."""
    if rows and rows.count(rows[0]) == len(rows):
        return _each_strs(rows[:1], body) * len(rows)  # type: ignore[no-any-return]
    return _each_strs(rows, body)  # type: ignore[no-any-return]


_each_strs = _each(_array(str).decode)
