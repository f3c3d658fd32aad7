"""Frames: every message comes out of them as it went in, and they stay within their sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.actor import Address, Trace
from actors.layout import Layout
from actors.messages import (
    BETWEEN_NODES,
    FROM_CLIENTS,
    TO_CLIENTS,
    Ballot,
    Bounced,
    Failed,
    Fetched,
    Message,
    Observed,
    Prepare,
    Rumour,
    Share,
    Write,
    Written,
)
from actors.versions import Kind, Stamp
from nodes.codec import Body, Record, codec_for
from nodes.options import MAX_TTL_MS
from nodes.ports import FILES, REQUESTS
from nodes.wire import (
    BATCH_BODY_BYTES,
    BATCH_HEADER_BYTES,
    MAX_FRAME_BYTES,
    decode_gossip,
    decode_reply,
    encode,
    encode_all,
    type_name,
)
from tests.nodes.drawn import (
    ME,
    PEER,
    answer,
    any_of,
    from_peer,
    in_order,
    messages,
    published,
    receive,
    request,
    traces,
    values,
)


@pytest.mark.parametrize("cls", in_order(FROM_CLIENTS), ids=type_name)
@settings(max_examples=30)
@given(data=st.data(), number=values(int), trace=traces)
def test_a_client_s_request_reaches_the_node_as_it_was(
    cls: type[Message], data: st.DataObject, number: int, trace: Trace | None
) -> None:
    """Its sender is the connection that it came over."""
    message = data.draw(messages(cls))
    if isinstance(message, Write):  # its values are not JSON
        kinds: tuple[Kind, ...] = tuple("bytes" for _ in message.kinds)
        message = replace(message, kinds=kinds, ttl_ms=message.ttl_ms % MAX_TTL_MS)
    if isinstance(message, Share):
        message = replace(message, kind="bytes")
    envelope = request(message, number, trace)
    assert receive(encode([envelope], "")) == [envelope]


@pytest.mark.parametrize("cls", in_order(TO_CLIENTS), ids=type_name)
@settings(max_examples=30)
@given(data=st.data(), number=values(int), trace=traces)
def test_a_reply_reaches_the_client_as_it_was(
    cls: type[Message], data: st.DataObject, number: int, trace: Trace | None
) -> None:
    """Its sender is the node that answered."""
    envelope = answer(data.draw(messages(cls)), number, trace)
    assert decode_reply(encode([envelope], PEER)) == [envelope]


@pytest.mark.parametrize("cls", in_order(BETWEEN_NODES), ids=type_name)
@settings(max_examples=30)
@given(data=st.data(), number=values(int), trace=traces)
def test_a_node_s_message_reaches_the_other_node_as_it_was(
    cls: type[Message], data: st.DataObject, number: int, trace: Trace | None
) -> None:
    """Whether it was addressed to the node's id or to where it listens."""
    envelope = from_peer(data.draw(messages(cls)), number, trace)
    assert receive(encode([envelope], PEER)) == [envelope]
    to_endpoint = replace(envelope, to=Address("@127.0.0.1:7100", "router"))
    assert receive(encode([to_endpoint], PEER)) == [envelope]


EVERY_MESSAGE = [
    cls
    for port in (REQUESTS, FILES)
    for cls in port.from_clients | port.to_clients | port.from_nodes
]


@given(messages(Rumour), traces)
def test_a_rumour_reaches_the_listener_as_it_was(rumour: Rumour, trace: Trace | None) -> None:
    """Published for everybody, it arrives as one's own."""
    envelope = published(rumour, trace=trace)
    heard = replace(envelope, to=Address(ME, "gossiper"))
    assert decode_gossip(encode([envelope], PEER), ME) == [heard]


@pytest.mark.parametrize("cls", in_order(frozenset(EVERY_MESSAGE)), ids=type_name)
def test_no_field_of_a_message_is_called_like_one_of_its_header(cls: type) -> None:
    """Or one would stand where the other is looked for."""
    of_headers = {"to", "by", "node", "at", "type", "id", "trace"}
    assert not {field.name for field in fields(cls)} & of_headers


@given(st.lists(any_of(BETWEEN_NODES), min_size=1, max_size=10))
def test_messages_for_one_link_share_the_frames_in_order(batch: list[Message]) -> None:
    """Headers and bodies stand in the order of the envelopes."""
    envelopes = [from_peer(message, i) for i, message in enumerate(batch)]
    frames = encode(envelopes, PEER)
    assert len(frames) <= 2
    assert receive(frames) == envelopes
    assert list(encode_all(envelopes, PEER)) == [(envelopes, frames)]


def test_a_body_without_bytes_is_left_out_and_may_be_empty() -> None:
    """Empty values have no bytes either."""
    frames = encode([request(Write(("a",), ("absent",), (b"",), "one", 0, 1))], "")
    assert len(frames) == 1
    assert receive([*frames, b""]) == receive(frames)


@dataclass(frozen=True, slots=True)
class Noted:
    """One that is inside another."""

    notes: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Everything(Message):
    """Types that no message has yet."""

    one: bytes
    counts: tuple[int, ...]
    flags: tuple[bool, ...]
    pair: tuple[str, bytes]
    stamp: Stamp
    owners: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[int, ...], ...]
    nested: Noted


@given(messages(Everything))
def test_every_type_that_may_travel_does(value: Everything) -> None:
    """Bytes alone, in pairs and in nested dataclasses: the body has them in the fields' order."""
    body: list[bytes] = []
    raw = orjson.loads(orjson.dumps(Record(Everything).encode(value, body)))
    assert Record(Everything).decode(raw, Body(b"".join(body))) == value


def test_a_type_that_cannot_travel_is_refused_when_its_codec_is_made() -> None:
    """Not when the first message comes along."""

    class Row(NamedTuple):
        data: bytes

    for hint in (float, Row, Bounced):
        with pytest.raises(TypeError, match="cannot travel"):
            codec_for(hint)


def test_a_stamp_without_a_ballot_has_three_items_and_with_one_four() -> None:
    """Many alike go another way than few, and both ways lead to the same."""
    plain, voted = Stamp(1, ME, "1.a"), Stamp(2, ME, "1.a", "b")
    for stamps in ([plain], [plain] * 9, [voted] * 9, [plain, voted] * 9):
        fetched = Fetched(
            tuple("absent" for _ in stamps), (b"",) * len(stamps), tuple(stamps), (0,) * len(stamps)
        )
        frames = encode([from_peer(fetched)], PEER)
        assert json.loads(frames[0])["batch"][0]["stamps"] == [
            [s.counter, s.node, s.boot, *([s.ballot] if s.ballot else [])] for s in stamps
        ]
        (envelope,) = receive(frames)
        assert envelope.message == fetched
        assert isinstance(envelope.message, Fetched)
        assert {type(stamp) for stamp in envelope.message.stamps} == {Stamp}


def fetched(value: bytes, counter: int) -> Fetched:
    """What a replica holds for one key."""
    return Fetched(("bytes",), (value,), (Stamp(counter, ME, "1.a"),), (0,))


def test_who_stored_a_key_is_told_for_each_whether_all_are_alike_or_not() -> None:
    """Names come as arrays in an array, and go on as tuples."""
    for names in ((), (("n1", "n2"),) * 9, (("n1", "n2"), (), ("n3",)), ((),) * 3):
        written = Written(("ok",) * len(names), ("v",) * len(names), names)
        frames = encode([answer(written)], PEER)
        assert json.loads(frames[0])["batch"][0]["replicas"] == [list(row) for row in names]
        assert [envelope.message for envelope in decode_reply(frames)] == [written]


def test_a_layout_and_a_ballot_travel_inside_their_messages() -> None:
    """A layout as an object, a ballot as an array."""
    layout = Layout(4, (ME, PEER), (PEER,), ("00000000000000cc",))
    prepare = Prepare(layout, Ballot(2, ME))
    frames = encode([from_peer(prepare)], PEER)
    (header,) = json.loads(frames[0])["batch"]
    assert header["layout"] == {
        "epoch": 4,
        "base": [ME, PEER],
        "next": [PEER],
        "gone": ["00000000000000cc"],
    }
    assert header["ballot"] == [2, ME]
    assert [envelope.message for envelope in receive(frames)] == [prepare]


def test_a_batch_is_cut_where_a_frame_would_become_too_large() -> None:
    """Nothing is lost or reordered, and a value as large as a frame goes alone."""
    mib = bytes(2**20)
    small = [from_peer(Observed(i), i) for i in range(10)]
    large = [from_peer(fetched(mib, i), i) for i in range(5)]
    wordy = [from_peer(Failed("failed", "x" * 60_000, True), i) for i in range(40)]
    huge = [from_peer(fetched(mib * 4, 1))]
    envelopes = [*small, *large, *huge, *wordy, *small]
    cut = list(encode_all(envelopes, PEER))
    assert [e for batch, _ in cut for e in batch] == envelopes
    assert [e for _, frames in cut for e in receive(frames)] == envelopes
    assert len(cut) < 10
    for batch, frames in cut:
        if len(batch) > 1:
            assert len(frames[0]) < BATCH_HEADER_BYTES + 1_000
            assert sum(map(len, frames[1:])) <= BATCH_BODY_BYTES


def test_a_message_larger_than_a_frame_is_a_bug_of_who_made_it() -> None:
    """It is not sent, for the receiver would cut the connection."""
    too_large = from_peer(fetched(bytes(MAX_FRAME_BYTES + 1), 1))
    for encoded in (encode, lambda e, here: list(encode_all(e, here))):
        with pytest.raises(ValueError, match="larger than"):
            encoded([too_large], PEER)
