"""Any message, drawn by hypothesis, and the envelopes and frames that it travels in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from actors.actor import CLIENT, EVERYBODY, Address, Envelope, Trace
from actors.chunks import chunk_id
from actors.errors import ERRORS
from actors.messages import BETWEEN_FILE_SERVERS, BETWEEN_NODES, Message
from nodes.codec import Malformed
from nodes.wire import decode_from_peer_or_client

ME, PEER = "00000000000000aa", "00000000000000bb"
ROUTER = Address(ME, "router")
CONNECTION = "0001020304"
REQUESTER = Address(CLIENT, CONNECTION)
MAX_INT = 2**63 - 1


def receive(frames: list[bytes]) -> list[Envelope]:
    """Decode as the request port of ME does."""
    return decode_from_peer_or_client(frames, CONNECTION, ME)


def request(message: Message, number: int = 17, trace: Trace | None = None) -> Envelope:
    """What a client asks of the router of ME."""
    return Envelope(ROUTER, REQUESTER, message, number, trace)


def from_peer(message: Message, number: int = 17, trace: Trace | None = None) -> Envelope:
    """What the storage of PEER sends to the router of ME."""
    return Envelope(ROUTER, Address(PEER, "storage"), message, number, trace)


def answer(message: Message, number: int = 17, trace: Trace | None = None) -> Envelope:
    """What PEER answers to a client, as the client sees it."""
    return Envelope(Address(CLIENT, ""), Address(PEER, "router"), message, number, trace)


def published(message: Message, number: int = 0, trace: Trace | None = None) -> Envelope:
    """What PEER publishes."""
    to, sender = Address(EVERYBODY, "gossiper"), Address(PEER, "gossiper")
    return Envelope(to, sender, message, number, trace)


Decode = Callable[[list[bytes]], list[Envelope]]


def outcome(decode: Decode, frames: list[bytes]) -> list[Envelope] | Malformed:
    """What comes of it. Any exception but Malformed goes through."""
    try:
        return decode(frames)
    except Malformed as bad:
        return bad


def refusal(decode: Decode, frames: list[bytes]) -> Malformed:
    """How what must be refused is refused."""
    bad = outcome(decode, frames)
    assert isinstance(bad, Malformed)
    assert 0 < len(bad.reason) < 300
    assert str(bad) == bad.reason
    assert bad.code in ERRORS
    return bad


_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, MAX_INT),
    bool: st.booleans(),
    str: st.text(max_size=20),
    bytes: st.binary(max_size=40),
}


_BETWEEN = BETWEEN_NODES | BETWEEN_FILE_SERVERS
_NAMED: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("key", "keys"), st.text(min_size=1, max_size=20)),
    **dict.fromkeys(("chunk", "chunks"), st.binary(min_size=1, max_size=4).map(chunk_id)),
}
"""What nodes name to each other. Clients may name anything."""


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    items = get_args(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(items)
    if get_origin(hint) is tuple:
        if items[-1] is Ellipsis:
            return st.lists(values(items[0]), max_size=8).map(tuple)
        return st.tuples(*map(values, items))
    if dataclasses.is_dataclass(hint):
        return messages(cast(type, hint))
    hints = get_type_hints(hint)
    return st.builds(hint, *[values(hints[name]) for name in hint._fields])


@st.composite
def messages(draw: st.DrawFn, cls: type) -> Any:
    """Any value of a dataclass, its columns being equally long."""
    columns = getattr(cls, "columns", ())
    count = draw(st.integers(0, 8))
    drawn = {}
    for field in dataclasses.fields(cls):
        hint = get_type_hints(cls)[field.name]
        is_named = field.name in _NAMED and hint in (str, tuple[str, ...]) and cls in _BETWEEN
        item = _NAMED[field.name] if is_named else values(hint)
        if field.name in columns or (is_named and hint is not str):
            one = _NAMED[field.name] if is_named else values(get_args(hint)[0])
            item = st.lists(one, min_size=count, max_size=count).map(tuple)
        drawn[field.name] = draw(item)
    return cls(**drawn)


def in_order(classes: frozenset[type[Message]]) -> list[type[Message]]:
    """Message classes by name: the order of a set differs from run to run."""
    return sorted(classes, key=lambda cls: cls.__name__)


def any_of(classes: frozenset[type[Message]]) -> st.SearchStrategy[Message]:
    """A message of any of these classes."""
    return st.one_of([messages(cls) for cls in in_order(classes)])


traces = st.none() | st.builds(
    Trace, st.text(max_size=50), st.text(max_size=50), st.text(max_size=50), values(int)
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
"""Anything that may stand in a JSON document, and NaN, infinities and huge numbers too."""
