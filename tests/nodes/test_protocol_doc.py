"""docs/protocol.md is true: its examples byte for byte, its tables to the last field and code."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from actors.actor import CLIENT, EVERYBODY, Address, Envelope, Trace
from actors.errors import ERRORS
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import Member
from actors.messages import (
    BETWEEN_FILE_SERVERS,
    BETWEEN_NODES,
    FILES_FROM_CLIENTS,
    FILES_TO_CLIENTS,
    FROM_CLIENTS,
    TO_CLIENTS,
    Change,
    Check,
    Checked,
    Deny,
    Departed,
    Explain,
    Explained,
    Failed,
    Fetch,
    FilesReport,
    Get,
    Got,
    KeysChanged,
    LayoutIs,
    Leave,
    Level,
    List,
    Listed,
    ListMembers,
    ListShared,
    MembersListed,
    Message,
    Observe,
    Observed,
    Rumour,
    Share,
    Shared,
    SharedListed,
    Store,
    Stored,
    WatchKeys,
    WatchMembers,
    Write,
    Written,
)
from actors.placing import MAX_CHECKED
from actors.router_settings import RouterSettings
from actors.shared import SharedEntry
from actors.versions import Kind, Stamp
from nodes.file_host import FileHost
from nodes.options import MAX_TTL_MS
from nodes.ports import FILES, REQUESTS, Port
from nodes.sockets import WAITING_CHUNKS, WAITING_MESSAGES
from nodes.unread import MAX_BYTES
from nodes.wire import (
    MAX_FRAME_BYTES,
    Malformed,
    decode_from_peer_or_client,
    decode_gossip,
    decode_reply,
    encode,
    type_name,
)
from tests.nodes.file_examples import FILE_EXAMPLES, KEEP_EXAMPLE

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()

A1, A2, A3 = "00000000000000a1", "00000000000000a2", "00000000000000a3"
B1 = "1.00000000000000b1"
NODE1 = Member(A1, "node1", "127.0.0.1:7100", "127.0.0.1:8100", "127.0.0.1:9100", 1, 0, "alive")
NETWORK = "00000000000000c1"
ROUTER, GOSSIPER = Address(A1, "router"), Address(A1, "gossiper")
CONNECTION = "0001020304"


def asked(number: int, message: Message, to: Address = ROUTER) -> Envelope:
    """As node A1 has it from a client."""
    return Envelope(to, Address(CLIENT, CONNECTION), message, number)


def answered(number: int, message: Message) -> Envelope:
    """As a client has it from node A1."""
    return Envelope(Address(CLIENT, ""), ROUTER, message, number)


def put(key: str, value: bytes) -> Write:
    """A put of JSON."""
    return Write((key,), ("json",), (value,), "quorum", 0, 5_000)


def version(counter: int) -> str:
    """One that node A1 gave."""
    return str(Stamp(counter, A1, B1))


NOT_JSON = asked(6, put("color", b"blue"))
WHY_NOT = (
    "header 0: the value of 'color' is not JSON: "
    "unexpected character, expected a JSON value: line 1 column 1 (char 0)"
)
THEIR_ROUTER, THEIR_STORAGE = Address(A2, "router"), Address(A2, "storage")
WITH_STORE = Trace("trace-1", "node1/router/2", "node1/router/1", 1_700_000_000_000_000)
WITH_STORED = Trace("trace-1", "node2/storage/1", "node1/router/2", 1_700_000_000_001_000)
STORE = Store(3, ("color",), ("json",), (b'"blue"',), (Stamp(7, A1, B1),), (0,))
NODE2 = Member(A2, "node2", "127.0.0.1:7200", "127.0.0.1:8200", "127.0.0.1:9200", 1, 0, "alive")
MOTD = SharedEntry("motd", "json", b'"back at noon"', 1_700_000_000_000, 0, A1)
MOTD_VERSION = "18bcfe56800.0-00000000000000a1"
CHANGE = Change("color", str(Stamp(7, A1, B1)), "json")
RUMOUR = Rumour(
    NETWORK, A1, B1, 12, 3, (replace(NODE1, incarnation=2),), (MOTD,), (CHANGE,), False, 15_000
)
LAYOUT = Layout(4, (A1, A2), (A1, A2, A3), ())
TWO, THREE = ("node1", "node3"), ("node1", "node2", "node3")
CHECKED = Checked(
    epoch=4,
    members=3,
    moving=True,
    under_replicated=4_096,
    without_quorum=0,
    safe_to_stop=False,
    reasons=("data is moving to new owners",),
    movers=("node3",),
    to_move=(4_096,),
    moved=(1_024,),
    silent=(),
    hinted=("node2",),
    hints=(7,),
    files=FilesReport(3_072, 3_221_225_472, 12, 0, 1, 1, 0, 900, 0),
)
EXPLAINED = Explained(
    position="6dd0fe8001145bec4a12d0e22da711c4970d000b",
    partition=1757,
    epoch=4,
    owners=THREE[:2],
    new_owners=THREE,
    replicas=THREE,
    codes=("ok", "ok", "not_found"),
    kinds=("json", "json", "absent"),
    versions=(version(1), version(1), ""),
    expiries=(0, 0, 0),
    sizes=(6, 6, 0),
    hinted=("node2",),
)
DIGESTS = "0123456789abcdef", "123456789abcdef0"

EXAMPLES: list[tuple[list[Envelope], list[Envelope]]] = [
    (
        [asked(1, put("color", b'"blue"'))],
        [answered(1, Written(("ok",), (version(1),), (TWO,)))],
    ),
    (
        [asked(2, Get(("color",), False, "quorum", 5_000))],
        [answered(2, Got(("ok",), ("json",), (b'"blue"',), (), ()))],
    ),
    (
        [
            asked(3, Write(("a", "b"), ("json", "bytes"), (b"true", b"xyz"), "all", 60_000, 5_000)),
            asked(4, Write(("c",), ("absent",), (b"",), "quorum", 0, 5_000)),
        ],
        [
            answered(3, Written(("ok",) * 2, (version(2), version(3)), (THREE,) * 2)),
            answered(4, Written(("ok",), (version(4),), (TWO,))),
        ],
    ),
    ([asked(5, List("co", "", 1_000, 5_000))], [answered(5, Listed(("color",), ""))]),
    ([NOT_JSON], [answered(6, Failed("bad_value", WHY_NOT, True))]),
    (
        [asked(7, Get(("colour",), False, "quorum", 5_000))],
        [answered(7, Got(("not_found",), ("absent",), (b"",), (), ()))],
    ),
    (
        [asked(8, ListMembers(), GOSSIPER)],
        [answered(8, MembersListed(NETWORK, DIGESTS[0], (NODE1,)))],
    ),
    (
        [asked(9, WatchMembers(DIGESTS[0], 20_000), GOSSIPER)],
        [answered(9, MembersListed(NETWORK, DIGESTS[1], (NODE1, NODE2)))],
    ),
    (
        [asked(10, Leave("node2", 5_000), GOSSIPER)],
        [answered(10, Departed(replace(NODE2, incarnation=1, state="left")))],
    ),
    ([asked(11, Check(5_000))], [answered(11, CHECKED)]),
    ([asked(12, Explain("color", 5_000))], [answered(12, EXPLAINED)]),
    (
        [asked(13, Share("motd", "json", b'"back at noon"', 5_000), GOSSIPER)],
        [answered(13, Shared(MOTD_VERSION))],
    ),
    (
        [asked(14, ListShared("mo", ""), GOSSIPER)],
        [
            answered(
                14,
                SharedListed(
                    ("motd",), ("json",), (b'"back at noon"',), (MOTD_VERSION,), (A1,), ""
                ),
            )
        ],
    ),
    ([asked(16, Deny("writer-17", True, 5_000), GOSSIPER)], [answered(16, Shared(MOTD_VERSION))]),
    (
        [asked(15, WatchKeys("co", f"{B1}/4", 20_000), GOSSIPER)],
        [answered(15, KeysChanged(("color",), (version(7),), ("json",), f"{B1}/5", False))],
    ),
    *FILE_EXAMPLES,
    (
        [Envelope(THEIR_ROUTER, ROUTER, Observe(3), 2**40 + 1)],
        [Envelope(ROUTER, THEIR_ROUTER, Observed(6), 2**40 + 1)],
    ),
    (
        [Envelope(THEIR_STORAGE, ROUTER, STORE, 2**40 + 2, WITH_STORE)],
        [Envelope(ROUTER, THEIR_STORAGE, Stored(("ok",)), 2**40 + 2, WITH_STORED)],
    ),
    (
        [Envelope(THEIR_STORAGE, ROUTER, Fetch(3, ("color",)), 2**40 + 3)],
        [Envelope(ROUTER, THEIR_STORAGE, LayoutIs(LAYOUT), 2**40 + 3)],
    ),
    KEEP_EXAMPLE,
    ([], [Envelope(Address(EVERYBODY, "gossiper"), Address(A2, "gossiper"), RUMOUR)]),
]
"""What the examples say, in their order: what is sent, what comes back."""


def frames_of(block: str, arrow: str) -> list[bytes]:
    """The frames behind an arrow, a line each."""
    lines = [line for line in block.splitlines() if line.startswith(arrow)]
    return [line.removeprefix(f"{arrow} ").encode() for line in lines]


BLOCKS = re.findall(r"^```text\n(.*?)^```$", PROTOCOL, re.MULTILINE | re.DOTALL)


def port_of(envelope: Envelope) -> Port:
    """The port that it passes."""
    return FILES if "fileserver" in (envelope.to.actor, envelope.sender.actor) else REQUESTS


def decode(frames: list[bytes], as_seen: Envelope) -> list[Envelope]:
    """By whom the envelope is for: a client, a listener or a node."""
    if as_seen.to.node == CLIENT:
        return decode_reply(frames, port_of(as_seen))
    if as_seen.to.node == EVERYBODY:
        return [replace(e, to=as_seen.to) for e in decode_gossip(frames, A1)]
    return decode_from_peer_or_client(frames, CONNECTION, as_seen.to.node, port_of(as_seen))


def test_every_example_is_checked() -> None:
    """None stands in the document that is not below."""
    assert len(BLOCKS) == len(EXAMPLES)
    assert PROTOCOL.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_is_what_travels_byte_for_byte(number: int) -> None:
    """It is encoded to exactly these frames, and these frames are decoded to it."""
    for arrow, envelopes in zip("→←", EXAMPLES[number], strict=True):
        frames = frames_of(BLOCKS[number], arrow)
        if not envelopes:
            assert frames == []
            continue
        sender = envelopes[0].sender.node
        assert encode(envelopes, "" if sender == CLIENT else sender) == frames
        if envelopes != [NOT_JSON]:
            assert decode(frames, envelopes[0]) == envelopes


def test_the_example_of_a_refusal_is_what_a_node_says() -> None:
    """The code and the reason are those with which it is refused."""
    ((_, replies),) = [example for example in EXAMPLES if example[0] == [NOT_JSON]]
    with pytest.raises(Malformed) as caught:
        decode(encode([NOT_JSON], ""), NOT_JSON)
    bad = caught.value
    assert replies == [answered(bad.id, Failed(bad.code, bad.reason, True))]


def rows(*head: str) -> list[list[str]]:
    """The rows of the table with these first columns."""
    start = PROTOCOL.index("| " + " | ".join(head) + " |")
    table = PROTOCOL[start:].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def in_words(hint: Any) -> str:
    """A type as the document names it."""
    if hint in (Kind, Level):
        return "kind" if hint == Kind else "level"
    if get_origin(hint) is tuple:
        return f"array of {in_words(get_args(hint)[0])}"
    if get_args(hint):
        return " or ".join(f"`{choice}`" for choice in get_args(hint))
    names = {int: "integer", bool: "boolean", str: "string", bytes: "bytes"}
    names |= {SharedEntry: "shared entry", FilesReport: "files report"}
    return names.get(hint) or str(hint.__name__).lower()


def fields_in_words(cls: type) -> str:
    """A dataclass's fields as the document lists them."""
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    return ", ".join(f"`{name}`: {in_words(hints[name])}" for name in names) or "none"


def messages_in_words(classes: Iterable[type[Message]]) -> list[list[str]]:
    """The first two columns of a table of messages."""
    return sorted([f"`{type_name(cls)}`", fields_in_words(cls)] for cls in classes)


@pytest.mark.parametrize(
    ("head", "classes"),
    [
        (("type", "fields", "answered by"), FROM_CLIENTS),
        (("type", "fields", "meaning"), TO_CLIENTS),
        (("type", "fields", "to"), BETWEEN_NODES),
        (("request", "fields", "answered by"), FILES_FROM_CLIENTS),
        (("answer", "fields", "meaning"), FILES_TO_CLIENTS),
        (("message", "fields", "meaning"), BETWEEN_FILE_SERVERS),
    ],
    ids=["from clients", "to clients", "between nodes", "of files", "to them", "between servers"],
)
def test_the_tables_of_messages_are_complete(
    head: tuple[str, ...], classes: frozenset[type[Message]]
) -> None:
    """Every message, every field and its type."""
    assert sorted(row[:2] for row in rows(*head)) == messages_in_words(classes)


def test_the_fields_of_a_member_are_complete() -> None:
    """They travel as an object."""
    assert rows("fields of a member") == [[fields_in_words(Member)]]


def test_the_fields_of_a_shared_entry_are_complete() -> None:
    """They travel as an object too."""
    assert rows("fields of a shared entry") == [[fields_in_words(SharedEntry)]]


def test_the_fields_of_a_layout_are_complete() -> None:
    """And so does this."""
    assert rows("fields of a layout") == [[fields_in_words(Layout)]]


def test_the_table_of_errors_is_the_registry() -> None:
    """Every code, its exit status, its HTTP status, and whether it is definite."""
    assert rows("code", "exit", "HTTP", "definite", "meaning") == [
        [
            f"`{code}`",
            str(kind.exit_status),
            str(kind.http_status),
            "yes" if kind.definite else "no",
            kind.sentence,
        ]
        for code, kind in ERRORS.items()
    ]


def test_the_limits_are_those_of_a_node() -> None:
    """As long as nobody sets them otherwise."""
    limits, gossip = RouterSettings(), GossipSettings()
    assert [row[:2] for row in rows("what", "limit", "past it")] == [
        ["a key", f"1 to {limits.max_key_bytes:,} bytes of UTF-8"],
        ["a value", f"{limits.max_value_bytes // 2**20} MiB"],
        ["keys in a request", f"1 to {limits.max_batch_keys:,}"],
        ["a time to live", f"{MAX_TTL_MS:,} ms, ten years"],
        ["a page of `list`", f"1 to {limits.max_list_keys:,} keys"],
        ["a shared key", f"1 to {gossip.max_shared_key_bytes:,} bytes of UTF-8"],
        ["a shared value", f"{gossip.max_shared_value_bytes:,} bytes"],
        ["shared keys", f"{gossip.max_shared_keys:,}"],
        ["who waits for news at a node", f"{gossip.max_watchers:,}"],
        ["values that a client writes at once", f"{limits.max_client_bytes // 2**20} MiB"],
        [
            "answers that a client has not read",
            f"{MAX_BYTES // 2**20} MiB and {WAITING_MESSAGES} messages",
        ],
        ["a frame", f"{MAX_FRAME_BYTES // 2**20} MiB"],
    ]


def test_the_bounds_of_unread_files_are_those_of_a_node() -> None:
    """In megabytes and in messages."""
    bounds = (
        f"more than {FileHost.wiring.max_unread_bytes // 2**20} MiB and {WAITING_CHUNKS} messages"
    )
    assert bounds in " ".join(PROTOCOL.split())
    assert f"`checked` they are read, at most {MAX_CHECKED} at a time" in PROTOCOL
