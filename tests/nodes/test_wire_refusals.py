"""Whatever comes from outside is a message that its sender may send, or it is Malformed.

It is never another exception, and the reason always says in words what is wrong.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import CLIENT, Address, Envelope
from actors.chunks import chunk_id
from actors.messages import (
    BETWEEN_FILE_SERVERS,
    BETWEEN_NODES,
    FROM_CLIENTS,
    TO_CLIENTS,
    Confirm,
    Failed,
    Fetch,
    Get,
    Got,
    Inspect,
    Leave,
    Message,
    Observe,
    Refer,
    Rumour,
    Store,
    Stored,
    TakeChunk,
    Touch,
)
from actors.versions import NEVER
from nodes.codec import MAX_ITEMS, MAX_STR_BYTES, Malformed
from nodes.ports import FILES, REQUESTS
from nodes.wire import (
    MAX_FRAME_BYTES,
    decode_from_peer_or_client,
    decode_gossip,
    decode_reply,
    encode,
)
from tests.nodes.drawn import (
    CONNECTION,
    MAX_INT,
    ME,
    PEER,
    answer,
    any_of,
    from_peer,
    json_values,
    messages,
    outcome,
    published,
    receive,
    refusal,
    request,
)

CHUNK = chunk_id(b"a chunk")


def hear(frames: list[bytes]) -> list[Envelope]:
    """Decode as the gossip subscription of ME does."""
    return decode_gossip(frames, ME)


def assert_taken_or_refused(frames: list[bytes]) -> None:
    """What is taken is a message that could have been sent so; the rest has a reason."""
    for decode in (receive, decode_reply, hear):
        got = outcome(decode, frames)
        if isinstance(got, Malformed):
            refusal(decode, frames)
        elif decode is receive:
            sender = got[0].sender.node
            assert receive(encode(got, "" if sender == CLIENT else sender)) == got


def reason_only(parameter: object) -> str:
    """Names a case by what it expects."""
    return parameter if isinstance(parameter, str) else ""


GET = {"to": "router", "type": "get", "id": 17, "keys": ["a", "b"], "details": False}
GET |= {"r": "quorum", "timeout_ms": 5_000}
WRITE = {"to": "router", "type": "write", "id": 17, "keys": ["a", "b"], "kinds": ["json", "bytes"]}
WRITE |= {"values": [1, 2], "w": "quorum", "ttl_ms": 0, "timeout_ms": 5_000}
STORE = {"to": "storage", "by": "router", "node": ME, "type": "store", "id": 17, "keys": ["a"]}
STORE |= {"epoch": 1, "kinds": ["bytes"], "values": [0], "stamps": [[1, PEER, "1.a"]]}
STORE |= {"expiries": [0]}
RUMOUR = {"to": "gossiper", "by": "gossiper", "type": "rumour", "id": 0, "network": "n"}
RUMOUR |= {"origin": PEER, "boot": "1.a", "seq": 1, "ttl": 4, "members": []}
RUMOUR |= {"shared": [], "changes": [], "missed": False, "watched_ms": 0}
LEAVE = {"to": "gossiper", "by": "gossiper", "node": ME, "type": "leave", "id": 17, "member": "n2"}
LEAVE |= {"timeout_ms": 5_000}


def frame(header: Any, sender: str = "") -> bytes:
    """Frame 0 with one header."""
    top = {"v": 1} | ({"from": sender} if sender else {}) | {"batch": [header]}
    return json.dumps(top).encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"keys": "a"}, "get: keys: is a string, not an array"),
        ({"keys": ["a", 1]}, "get: keys: item 1: is an integer, not a string"),
        ({"keys": ["a", ["b"]]}, "item 1: is an array"),
        ({"keys": ["x" * (MAX_STR_BYTES + 1)]}, "item 0: is a string of more than 65,535 bytes"),
        ({"keys": ["a", "€" * 22_000]}, "item 1: is a string of more than 65,535 bytes"),
        ({"keys": ["a"] * (MAX_ITEMS + 1)}, "has 100,001 items"),
        ({"details": 1}, "details: is an integer, not a boolean"),
        ({"details": None}, "details: is null"),
        ({"r": "most"}, "r: is 'most', which is none of quorum, one, all"),
        ({"r": 1}, "r: is an integer, not a string"),
        ({"timeout_ms": True}, "timeout_ms: is a boolean, not an integer"),
        ({"timeout_ms": 1.0}, "timeout_ms: is a fraction"),
        ({"timeout_ms": -1}, "timeout_ms: -1 is not from 0 to 2^63-1"),
        ({"timeout_ms": 2**63}, "is not from 0 to 2^63-1"),
        ({"timeout_ms": 2**64}, "beyond 64 bits"),
        ({"timeout_ms": {}}, "is an object"),
        ({"more": 1}, "get: the field 'more' is unknown"),
        ({"by": "router"}, "the field 'by' is unknown"),
        ({"x" * 10_000: 1}, "is unknown"),
        ({"to": 1}, "to: is an integer, not a string"),
        ({"to": "x" * 70_000}, "to: is a string of more"),
        ({"id": -1}, "id: -1"),
        ({"id": "17"}, "id: is a string"),
        ({"type": "gat"}, "a message of type 'gat' is not taken here"),
        ({"type": "store"}, "a message of type 'store' is not taken here"),
        ({"type": None}, "type: is null"),
        ({"trace": None}, "trace: is null"),
        ({"trace": ["a", "b", "c"]}, "trace: has 3 items, not 4"),
        ({"trace": ["a", "b", "c", 1, 2]}, "trace: has 5 items, not 4"),
        ({"trace": ["a", "b", 3, 1]}, "trace: is an integer, not a string"),
        ({"trace": ["a", "b" * 201, "c", 1]}, "a string of more than 200 bytes"),
    ],
    ids=reason_only,
)
def test_a_header_with_a_fault_is_refused_with_what_is_wrong(
    change: dict[str, Any], reason: str
) -> None:
    """The reason says where, in words, and is short whatever was sent."""
    bad = refusal(receive, [frame(GET | change)])
    assert bad.reason.startswith("header 0: ")
    assert reason in bad.reason
    assert len(bad.reason) < 200
    assert bad.code == "malformed"


@pytest.mark.parametrize("field", GET)
def test_a_header_without_a_field_is_refused(field: str) -> None:
    """No field has a default."""
    bad = refusal(receive, [frame({name: v for name, v in GET.items() if name != field})])
    assert f"the field '{field}' is missing" in bad.reason


@pytest.mark.parametrize(
    ("change", "body", "reason"),
    [
        ({"keys": ["a"]}, b"1xx", "keys has 1, kinds has 2, values has 2"),
        ({"kinds": ["json"] * 3}, b"1xx", "columns of unequal length"),
        ({"kinds": ["json", "text"]}, b"1xx", "is 'text', which is none of json, bytes, absent"),
        ({"kinds": ["json", []]}, b"1xx", "kinds: item 1: is an array, not a string"),
        ({"values": [1, -2]}, b"1xx", "values: item 1: -2 is not from 0"),
        ({"values": [1, True]}, b"1xx", "values: item 1: is a boolean, not an integer"),
        ({"values": [1, "xx"]}, b"1xx", "values: item 1: is a string"),
        ({"values": [1, MAX_INT]}, b"1xx", "bytes are announced, the body has 3 left"),
        ({}, b"1x", "3 bytes are announced, the body has 2 left"),
        ({}, b"1xxx", "1 bytes of the body belong to nothing"),
        ({}, b"", "the body has 0 left"),
    ],
    ids=reason_only,
)
def test_a_body_that_does_not_match_its_header_is_refused(
    change: dict[str, Any], body: bytes, reason: str
) -> None:
    """Every byte belongs to one value, and every value has its bytes."""
    assert len(receive([frame(WRITE), b"1xx"])) == 1
    assert reason in refusal(receive, [frame(WRITE | change), body]).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stamps": [[1, PEER]]}, "stamps: item 0: has 2 items, not 4"),
        ({"stamps": [[1, PEER, "a", "b", "c"]]}, "has 5 items, not 4"),
        ({"stamps": ["abc"]}, "stamps: item 0: is a string, not an array"),
        ({"stamps": [["1", PEER, "a"]]}, "stamps: item 0: is a string, not an integer"),
        ({"stamps": [[2**63, PEER, "a"]]}, "is not from 0 to 2^63-1"),
        ({"keys": [""]}, "keys: a key is empty"),
        ({"node": PEER}, "is meant for another node"),
        ({"node": 1}, "node: is an integer"),
        ({"at": "127.0.0.1:7100"}, "the field 'node' is unknown"),
        ({"type": "get"}, "a message of type 'get' is not taken here"),
    ],
    ids=reason_only,
)
def test_a_node_s_message_with_a_fault_is_refused(change: dict[str, Any], reason: str) -> None:
    """Peers are trusted no more than clients are."""
    assert len(receive([frame(STORE, PEER)])) == 1
    bad = refusal(receive, [frame(STORE | change, PEER)])
    assert reason in bad.reason
    assert bad.peer == PEER


def test_many_stamps_are_checked_as_one_is() -> None:
    """The column's short way refuses what the row's long way refuses."""
    for wrong in ([1, PEER], [1, PEER, 2], [-1, PEER, "a"], [True, PEER, "a"], {"a": 1}, "abc"):
        stamps = [[1, PEER, "1.a"]] * 9 + [wrong]
        columns = {"keys": ["a"] * 10, "kinds": ["bytes"] * 10, "values": [0] * 10}
        columns["expiries"] = [0] * 10
        bad = refusal(receive, [frame(STORE | columns | {"stamps": stamps}, PEER)])
        assert "store: stamps: item 9: " in bad.reason


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "frame 0 is not JSON"),
        (b"\xff", "frame 0 is not JSON"),
        (b"[]", "frame 0 is not a JSON object"),
        (b"{}", "the field 'v' is missing"),
        (b'{"v":1}', "the field 'batch' is missing"),
        (b'{"v":"1","batch":[]}', "v: is a string"),
        (b'{"v":1,"batch":[]}', "batch: is not an array of 1 to 100,000 headers"),
        (b'{"v":1,"batch":{}}', "batch: is not an array"),
        (b'{"v":1,"batch":[1]}', "header 0: is not an object"),
        (b'{"v":1,"batch":[{}],"more":1}', "the field 'more' is unknown"),
        (b'{"v":1,"from":1,"batch":[{}]}', "from: is an integer"),
        (b'{"v":1,"from":"client","batch":[{}]}', "from: is not a node id"),
        (b'{"v":1,"from":"*","batch":[{}]}', "from: is not a node id"),
        (b'{"v":1,"from":"00000000000000BB","batch":[{}]}', "from: is not a node id"),
        (b'{"v":1,"batch":' + b"[" * 1_025 + b"]" * 1_025 + b"}", "depth limit"),
        (b'{"v":1,"batch":[NaN]}', "frame 0 is not JSON"),
        (b'{"v":1,"batch":["\\ud800"]}', "frame 0 is not JSON"),
        (frame(GET).replace(b'"a"', b'"\xed\xa0\x80"'), "frame 0 is not JSON"),
        (b" " * (MAX_FRAME_BYTES + 1), "larger than 4,194,304"),
        (b"[" * MAX_FRAME_BYTES, "frame 0 is not JSON"),
    ],
    ids=range(20),
)
def test_a_frame_0_that_is_no_batch_of_headers_is_refused(first: bytes, reason: str) -> None:
    """Whatever it is instead."""
    assert reason in refusal(receive, [first]).reason


def test_frames_are_one_or_two_of_bounded_size() -> None:
    """None, three and ten thousand are refused before anything is parsed."""
    for count in (0, 3, 10_000):
        assert f"{count} frames" in refusal(receive, [frame(GET)] * count).reason
    large = bytes(MAX_FRAME_BYTES + 1)
    assert "larger than" in refusal(receive, [frame(GET), large]).reason


def test_another_version_is_refused_by_its_own_code() -> None:
    """Its requests are answered so, for other versions number them alike."""
    first = json.dumps({"v": 2, "batch": [{"id": 4}, {"id": 5}, 6], "later": True}).encode()
    bad = refusal(receive, [first])
    assert bad.code == "unsupported_version"
    assert bad.reason == "version 2 is not spoken here, 1 is"
    assert (bad.id, bad.ids, bad.peer) == (4, (4, 5), "")


def test_a_message_is_refused_as_a_whole_and_its_requests_are_known() -> None:
    """Each can be told, the one at fault being known too."""
    batch = [GET | {"id": 1}, GET | {"id": 2, "keys": 3}, GET | {"id": 3}, {"id": 2**64}]
    bad = refusal(receive, [json.dumps({"v": 1, "batch": batch}).encode()])
    assert bad.reason == "header 1: get: keys: is an integer, not an array"
    assert (bad.id, bad.ids) == (2, (1, 2, 3))


def test_who_may_say_what() -> None:
    """Clients ask, nodes answer them, nodes talk among themselves, and rumours alone are gossip."""
    get, got = request(Get(("a",), False, "one", 1)), answer(Got((), (), (), (), ()))
    assert "not taken" in refusal(decode_reply, encode([from_peer(Stored(()))], PEER)).reason
    failed = encode([from_peer(Failed("failed", "", True))], PEER)
    assert "'to' is unknown" in refusal(decode_reply, failed).reason
    assert "'from' is missing" in refusal(decode_reply, encode([get], "")).reason
    assert "'to' is missing" in refusal(receive, encode([got], PEER)).reason
    heard = [frame(RUMOUR, PEER)]
    assert len(decode_gossip(heard, ME)) == 1
    assert "'node' is missing" in refusal(receive, heard).reason
    tale = [frame(RUMOUR | {"type": "observe"}, PEER)]
    assert "not taken" in refusal(hear, tale).reason
    assert (
        "not taken" in refusal(receive, encode([request(Store(1, (), (), (), (), ()))], "")).reason
    )


def test_many_names_and_flags_are_checked_as_one_is() -> None:
    """The short way of a column that is all alike refuses what the long way refuses."""
    written = {"type": "written", "id": 1, "codes": ["ok"] * 9, "versions": ["v"] * 9}
    for wrong in (["n1", 2], [["n1"]], {"a": 1}, "n1", None, ["x" * (MAX_STR_BYTES + 1)]):
        for replicas in ([wrong] * 9, [["n1"]] * 8 + [wrong]):
            bad = refusal(decode_reply, [frame(written | {"replicas": replicas}, PEER)])
            assert "written: replicas: item " in bad.reason
    confirmed = {"to": "storage", "by": "storage", "node": ME, "type": "confirmed", "id": 1}
    assert len(receive([frame(confirmed | {"held": [True, False] * 9}, PEER)])) == 1
    bad = refusal(receive, [frame(confirmed | {"held": [True] * 9 + [1]}, PEER)])
    assert "confirmed: held: item 9: is an integer, not a boolean" in bad.reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Inspect(""), "key: a key is empty"),
        (Fetch(1, ("a", "")), "keys: a key is empty"),
        (Confirm(1, ("",), (NEVER,)), "keys: a key is empty"),
        (Refer(1, ("no chunk",)), "chunks: is not the id of a chunk"),
        (Refer(1, (CHUNK.upper(),)), "chunks: is not the id of a chunk"),
        (TakeChunk("", False), "chunk: is not the id of a chunk"),
        (Touch(1, (CHUNK, CHUNK[1:])), "chunks: is not the id of a chunk"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else "",
)
def test_a_node_names_only_what_may_be_called_so(said: Message, reason: str) -> None:
    """Actors would fail over an empty key, and over a chunk's id that is none."""
    port = FILES if type(said) in BETWEEN_FILE_SERVERS else REQUESTS
    to = Address(ME, "fileserver" if port is FILES else "storage")
    frames = encode([Envelope(to, Address(PEER, "storage"), said, 7)], PEER)

    def decode(frames: list[bytes]) -> list[Envelope]:
        return decode_from_peer_or_client(frames, CONNECTION, ME, port)

    assert reason in refusal(decode, frames).reason


def test_a_message_s_own_node_is_not_taken_for_the_one_that_is_meant() -> None:
    """Who is to leave travels as `member`: in a header between nodes `node` is whom it is for."""
    (envelope,) = receive([frame(LEAVE, PEER)])
    assert envelope.message == Leave("n2", 5_000)
    bad = refusal(receive, [frame(LEAVE | {"node": PEER}, PEER)])
    assert "is meant for another node" in bad.reason
    client = {name: v for name, v in LEAVE.items() if name not in ("by", "node", "member")}
    bad = refusal(receive, [frame(client | {"node": "n2"})])
    assert "leave: the field 'member' is missing" in bad.reason


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_random_bytes_are_refused(frames: list[bytes]) -> None:
    """They are never a message."""
    for decode in (receive, decode_reply, hear):
        refusal(decode, frames)


@given(json_values)
def test_random_json_is_refused(value: Any) -> None:
    """At the top, in the batch, and as a version."""
    text = json.dumps(value).encode()
    for first in (text, b'{"v":1,"batch":[%b]}' % text, b'{"v":%b,"batch":[{}]}' % text):
        refusal(receive, [first])
        refusal(decode_reply, [first])


any_frames = st.one_of(
    any_of(FROM_CLIENTS).map(lambda m: encode([request(m)], "")),
    any_of(BETWEEN_NODES).map(lambda m: encode([from_peer(m), from_peer(Observe(1))], PEER)),
    any_of(TO_CLIENTS).map(lambda m: encode([answer(m)], PEER)),
    messages(Rumour).map(lambda m: encode([published(m)], PEER)),
)


@given(any_frames, st.data())
def test_a_mutilated_message_is_taken_or_refused(frames: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere, or with any bytes overwritten."""
    which = data.draw(st.integers(0, len(frames) - 1))
    at = data.draw(st.integers(0, len(frames[which])))
    wedge = data.draw(st.binary(max_size=3))
    keep = data.draw(st.booleans())
    rest = frames[which][at + len(wedge) :] if keep else b""
    frames[which] = frames[which][:at] + wedge + rest
    assert_taken_or_refused(frames)


@given(any_frames, json_values, st.data())
def test_a_message_with_any_part_exchanged_is_taken_or_refused(
    frames: list[bytes], value: Any, data: st.DataObject
) -> None:
    """Any JSON in the place of any field, or of any item of one."""
    top = orjson.loads(frames[0])
    part: Any = top
    while True:
        keys = list(part) if isinstance(part, dict) else range(len(part))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(part[key], (dict, list)) or not part[key] or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = value
    assert_taken_or_refused([json.dumps(top).encode(), *frames[1:]])
