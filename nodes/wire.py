"""Envelopes <-> the frames of a ZeroMQ message, as docs/protocol.md tells it to strangers.

Frame 0 is JSON, one header an envelope; frame 1 is the raw bytes of all of them, in order. Nothing
from outside gets past here unless it is a message that this kind of sender may send, with fields of
exactly the right types. A ZeroMQ message is decoded as a whole or refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import orjson

from actors.actor import CLIENT, ENDPOINT, EVERYBODY, Address, Envelope, Trace
from actors.messages import Message, Rumour, Share, Write
from actors.versions import Kind
from nodes.codec import (
    MAX_INT,
    MAX_ITEMS,
    Body,
    Malformed,
    Record,
    codec_for,
    cut,
    decode_int,
    decode_str,
)
from nodes.names_between import check_names
from nodes.options import MAX_TTL_MS
from nodes.ports import FILES, REQUESTS, Port

__all__ = [
    "MAX_FRAME_BYTES",
    "VERSION",
    "Malformed",
    "decode_from_peer_or_client",
    "decode_gossip",
    "decode_reply",
    "encode",
    "encode_all",
    "type_name",
]

VERSION = 1
MAX_FRAME_BYTES = 4 * 2**20
MAX_TRACE_BYTES = 200

BATCH_HEADER_BYTES = 2**20
BATCH_BODY_BYTES = 2**20
"""Envelopes share a ZeroMQ message up to these sizes; a single one may fill a frame. A chunk has
one of its own, and so its bytes are never copied to be joined with others, nor to be cut out."""

GOSSIP = frozenset({Rumour})


def type_name(cls: type[Message]) -> str:
    """A message's name on the wire and in logs: its class in snake_case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


_RECORDS: dict[type[Message], tuple[str, Record]] = {
    cls: (type_name(cls), Record(cls))
    for port in (REQUESTS, FILES)
    for cls in port.from_clients | port.to_clients | port.from_nodes
}
_CLASSES: dict[str, type[Message]] = {name: cls for cls, (name, _) in _RECORDS.items()}

_NODE_ID = re.compile(r"[0-9a-f]{16}")
_TRACE = codec_for(Trace)

T = TypeVar("T")
Read = Callable[[str, dict[str, Any], int, Body], Envelope]
"""What makes an envelope of the sending node's id, a header, the header's id and the body."""


def encode(envelopes: Sequence[Envelope], here: str) -> list[bytes]:
    """The frames of one ZeroMQ message with all of `envelopes`, which are for one link.

    `here` is the id of the sending node, or "" for a client. Raises ValueError if a frame would be
    too large, and orjson.JSONEncodeError for a str that is not UTF-8; both are bugs of the caller.
    """
    body: list[bytes] = []
    headers = [_header(envelope, here, body) for envelope in envelopes]
    return _frames(headers, body, here)


def encode_all(
    envelopes: Sequence[Envelope], here: str
) -> Iterator[tuple[list[Envelope], list[bytes]]]:
    """Envelopes for one link in as few ZeroMQ messages as the sizes admit, each with its frames.

    Raises as `encode` does.
    """
    batch: list[Envelope] = []
    headers: list[bytes] = []
    body: list[bytes] = []
    header_bytes = body_bytes = 0
    for envelope in envelopes:
        own: list[bytes] = []
        header = _header(envelope, here, own)
        own_bytes = sum(map(len, own))
        header_bytes += len(header)
        body_bytes += own_bytes
        if batch and (header_bytes > BATCH_HEADER_BYTES or body_bytes > BATCH_BODY_BYTES):
            yield batch, _frames(headers, body, here)
            batch, headers, body = [], [], []
            header_bytes, body_bytes = len(header), own_bytes
        batch.append(envelope)
        headers.append(header)
        body += own
    if batch:
        yield batch, _frames(headers, body, here)


def _header(envelope: Envelope, here: str, body: list[bytes]) -> bytes:
    to, message = envelope.to, envelope.message
    header: dict[str, Any] = {}
    if to.node != CLIENT:
        header["to"] = to.actor
        if here:
            header["by"] = envelope.sender.actor
            if to.node.startswith(ENDPOINT):
                header["at"] = to.node[len(ENDPOINT) :]
            elif to.node != EVERYBODY:
                header["node"] = to.node
    name, record = _RECORDS[type(message)]
    header["type"] = name
    header["id"] = envelope.id
    header |= record.encode(message, body)
    if envelope.trace is not None:
        header["trace"] = envelope.trace[:]
    return orjson.dumps(header)


def _frames(headers: list[bytes], body: list[bytes], here: str) -> list[bytes]:
    start = f'{{"v":{VERSION},"from":"{here}","batch":[' if here else f'{{"v":{VERSION},"batch":['
    frames = [b"%b%b]}" % (start.encode(), b",".join(headers))]
    data = b"".join(body)
    if data:
        frames.append(data)
    largest = max(map(len, frames))
    if largest > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {largest:,} bytes is larger than {MAX_FRAME_BYTES:,}")
    return frames


def decode_from_peer_or_client(
    frames: Sequence[bytes], client: str, here: str, port: Port = REQUESTS
) -> list[Envelope]:
    """What a node received at a port: a message with "from" is a node's, others a client's.

    `client` names the connection, in a client's address; `here` is the own id. Raises Malformed,
    also for what is meant for another node.
    """
    sender_of_requests = Address(CLIENT, client)

    def from_client(_node: str, header: dict[str, Any], id: int, body: Body) -> Envelope:
        to = Address(here, _take(header, "to", decode_str))
        trace = _trace(header)
        message = _message(header, port.from_clients, body)
        if type(message) is Write:
            if message.ttl_ms > MAX_TTL_MS:
                raise Malformed("ttl_ms: is more than ten years", code="refused")
            for key, kind, value in zip(message.keys, message.kinds, message.values, strict=True):
                _check_value(key, kind, value)
        elif type(message) is Share:
            _check_value(message.key, message.kind, message.value)
        return Envelope(to, sender_of_requests, message, id, trace)

    def from_node(node: str, header: dict[str, Any], id: int, body: Body) -> Envelope:
        to = Address(here, _take(header, "to", decode_str))
        sender = Address(node, _take(header, "by", decode_str))
        if "at" in header:
            _take(header, "at", decode_str)
        elif _take(header, "node", decode_str) != here:
            raise Malformed(f"is meant for another node than {here}")
        trace = _trace(header)
        message = _message(header, port.from_nodes, body)
        check_names(message)
        if to.actor == "fileserver" and type(message) not in port.to_file_server:
            raise Malformed(f"{type_name(type(message))} is to be sent to the file port")
        return Envelope(to, sender, message, id, trace)

    return _decode(frames, from_node, from_client)


def decode_gossip(frames: Sequence[bytes], here: str) -> list[Envelope]:
    """What a node heard by its subscription: rumours. Raises Malformed."""

    def published(node: str, header: dict[str, Any], id: int, body: Body) -> Envelope:
        to = Address(here, _take(header, "to", decode_str))
        sender = Address(node, _take(header, "by", decode_str))
        trace = _trace(header)
        return Envelope(to, sender, _message(header, GOSSIP, body), id, trace)

    return _decode(frames, published)


def decode_reply(frames: Sequence[bytes], port: Port = REQUESTS) -> list[Envelope]:
    """What a client was answered at a port. Raises Malformed.

    The sender is the actor of that port, whichever actor of the node wrote the reply.
    """

    def reply(node: str, header: dict[str, Any], id: int, body: Body) -> Envelope:
        trace = _trace(header)
        message = _message(header, port.to_clients, body)
        return Envelope(Address(CLIENT, ""), Address(node, port.actor), message, id, trace)

    return _decode(frames, reply)


def _decode(
    frames: Sequence[bytes], from_node: Read, from_client: Read | None = None
) -> list[Envelope]:
    try:
        top = _top(frames)
        body = Body(frames[1] if len(frames) > 1 else b"")
        if "from" in top or from_client is None:
            envelopes = _envelopes(_node_id(top), top, from_node, body)
        else:
            envelopes = _envelopes("", top, from_client, body)
        if body.left:
            raise Malformed(f"{body.left} bytes of the body belong to nothing")
        return envelopes
    except Malformed as bad:
        _tell_whose(bad, frames)
        raise


def _top(frames: Sequence[bytes]) -> dict[str, Any]:
    """The JSON object of frame 0 without its version, which is one that is spoken here."""
    if not 1 <= len(frames) <= 2:
        raise Malformed(f"{len(frames)} frames, where there are one or two")
    largest = max(map(len, frames))
    if largest > MAX_FRAME_BYTES:
        raise Malformed(f"a frame of {largest:,} bytes is larger than {MAX_FRAME_BYTES:,}")
    try:
        top = orjson.loads(frames[0])
    except orjson.JSONDecodeError as error:
        raise Malformed(f"frame 0 is not JSON: {error}") from None
    if type(top) is not dict:
        raise Malformed("frame 0 is not a JSON object")
    version = _take(top, "v", decode_int)
    if version != VERSION:
        reason = f"version {version} is not spoken here, {VERSION} is"
        raise Malformed(reason, code="unsupported_version")
    return top


def _envelopes(node: str, top: dict[str, Any], read: Read, body: Body) -> list[Envelope]:
    """All of the batch, which has to be what is left of `top`."""
    batch = _take(top, "batch", _batch)
    if top:
        raise Malformed(f"the field {cut(next(iter(top)))!r} is unknown")
    envelopes: list[Envelope] = []
    id = 0
    try:
        for header in batch:
            id = 0
            if type(header) is not dict:
                raise Malformed("is not an object")
            id = _take(header, "id", decode_int)
            envelopes.append(read(node, header, id, body))
    except Malformed as bad:
        bad.id = id
        raise bad.within(f"header {len(envelopes)}") from None
    return envelopes


def _message(header: dict[str, Any], admitted: frozenset[type[Message]], body: Body) -> Message:
    """The message of a header of which nothing but "type" and the fields is left."""
    name = _take(header, "type", decode_str)
    cls = _CLASSES.get(name)
    if cls not in admitted:
        raise Malformed(f"a message of type {cut(name)!r} is not taken here")
    try:
        return _RECORDS[cls][1].decode(header, body)  # type: ignore[no-any-return]
    except Malformed as bad:
        raise bad.within(name) from None


def _take(header: dict[str, Any], name: str, decode: Callable[[Any], T]) -> T:
    """A field that belongs to the envelope rather than the message, taken out of its header."""
    if name not in header:
        raise Malformed(f"the field {name!r} is missing")
    try:
        return decode(header.pop(name))
    except Malformed as bad:
        raise bad.within(name) from None


def _batch(raw: Any) -> list[Any]:
    if type(raw) is not list or not 1 <= len(raw) <= MAX_ITEMS:
        raise Malformed(f"is not an array of 1 to {MAX_ITEMS:,} headers")
    return raw


def _node_id(top: dict[str, Any]) -> str:
    node = _take(top, "from", decode_str)
    if not _NODE_ID.fullmatch(node):
        raise Malformed("from: is not a node id, 16 digits of lower-case hex")
    return node


def _trace(header: dict[str, Any]) -> Trace | None:
    return _take(header, "trace", _bounded_trace) if "trace" in header else None


def _bounded_trace(raw: Any) -> Trace:
    trace: Trace = _TRACE.decode(raw, Body(b""))
    if max(len(text.encode()) for text in (trace.id, trace.span, trace.cause)) > MAX_TRACE_BYTES:
        raise Malformed(f"has a string of more than {MAX_TRACE_BYTES} bytes")
    return trace


def _check_value(key: str, kind: Kind, value: bytes) -> None:
    """A value is what its kind says, or no reader could make sense of it."""
    if kind == "json":
        try:
            orjson.loads(value)
        except orjson.JSONDecodeError as error:
            reason = f"the value of {cut(key)!r} is not JSON: {error}"
            raise Malformed(reason, code="bad_value") from None
    elif kind == "absent" and value:
        raise Malformed(f"the value of {cut(key)!r}, absent, is not empty", code="bad_value")


def _tell_whose(bad: Malformed, frames: Sequence[bytes]) -> None:
    """Fill in whose requests are refused, as far as that can be read."""
    if not frames or len(frames[0]) > MAX_FRAME_BYTES:
        return
    try:
        top = orjson.loads(frames[0])
    except orjson.JSONDecodeError:
        return
    if type(top) is not dict:
        return
    if type(top.get("from")) is str:
        bad.peer = cut(top["from"])
    if type(top.get("batch")) is list:
        ids = [header.get("id") for header in top["batch"] if type(header) is dict]
        bad.ids = tuple([id for id in ids if type(id) is int and 0 <= id <= MAX_INT])
    if bad.id == 0 and bad.ids:
        bad.id = bad.ids[0]
