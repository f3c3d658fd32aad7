"""A trace's records are found in logs of any size and state, as the hosts wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.actor import Address, Envelope, Trace
from actors.messages import Failed, ListMembers, Message, Stored, Write
from nodes.logs import open_log
from nodes.trace.fields import SpanName, describe, split_span, trace_fields
from nodes.trace.reading import read_traces
from nodes.trace.tree import build_tree
from tests.nodes.traced import EPOCH_US, IDS, TRACE, Logs, put


def test_reading_takes_rotated_siblings_and_folders_and_no_file_twice(tmp_path: Path) -> None:
    """`log.jsonl.1` and on come with `log.jsonl`; a folder stands for its log."""
    lines = put(Logs()).lines["node1"]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(lines[6:]))
    (tmp_path / "log.jsonl.1").write_bytes(b"".join(lines[3:6]))
    (tmp_path / "log.jsonl.2").write_bytes(b"".join(lines[:3]))
    found = read_traces([tmp_path, log, tmp_path / "log.jsonl.1"], TRACE)
    assert found.files == 3
    assert len(found.records) == len(lines) - 1
    assert found.names == {IDS["node1"]: "node1"}
    assert found.begins_us == {"node1": EPOCH_US}


def test_reading_counts_what_it_cannot_read(tmp_path: Path) -> None:
    """Torn lines, lines of others and records with wrong fields; the rest is read."""
    lines = put(Logs()).lines["node1"]
    sent = orjson.loads(lines[2])
    log = tmp_path / "log.jsonl"
    log.write_bytes(
        b"".join(lines)
        + lines[2][:-9] + b"\n"  # torn by a crash, ended by the next start
        + b"\n"
        + b"Nov 14 kernel: " + TRACE.encode() + b"\n"
        + b"x" * (2 * 2**20) + b"\n"
        + orjson.dumps(sent | {"at_us": "now"}) + b"\n"
        + orjson.dumps(sent | {"at_us": True}) + b"\n"
        + orjson.dumps(sent | {"event": "actor_raised", "span": 3}) + b"\n"
        + b'{"trace": nonsense "' + TRACE.encode() + b'"}\n'
        + lines[3][:40]  # being written
    )  # fmt: skip
    found = read_traces([log], TRACE)
    assert len(found.records) == len(lines) - 1
    assert (found.truncated, found.foreign) == (2, 5)
    notes = build_tree(found).notes
    assert "2 lines cut off, by a crash or while being written" in notes
    assert "5 lines of something else than a node's log" in notes


def test_reading_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is not the same as a log without records."""
    with pytest.raises(FileNotFoundError):
        read_traces([tmp_path / "log.jsonl"], TRACE)


def test_a_trace_that_nobody_has_seen_is_an_empty_tree(tmp_path: Path) -> None:
    """The notes still say what was read."""
    (tmp_path / "log.jsonl").write_bytes(b"".join(Logs().lines["node2"]))
    tree = build_tree(read_traces([tmp_path], TRACE))
    assert tree.lines == ()
    assert tree.notes == ("0 records in 1 file, logs of node2",)


def test_fields_of_an_envelope_count_what_it_carries_and_hold_no_values() -> None:
    """Keys as their number, codes as counts, nothing of the values."""
    here, client = Address(IDS["node1"], "router"), Address("client", "00ab")
    trace = Trace(TRACE, "client/7/1", "", 5)
    write = Write(("a", "b"), ("bytes", "json"), (b"secret", b'"secret"'), "quorum", 0, 5000)
    assert trace_fields(Envelope(here, client, write, 1, trace)) == {
        "trace": TRACE,
        "span": "client/7/1",
        "cause": "",
        "message": "write",
        "to": f"{IDS['node1']}/router",
        "sender": "client/00ab",
        "keys": 2,
        "sent_us": 5,
    }


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (ListMembers(), {"message": "list_members"}),
        (
            Stored(("ok", "disk_full", "ok")),
            {"message": "stored", "codes": {"ok": 2, "disk_full": 1}},
        ),
        (Failed("overloaded", "why", True), {"message": "failed", "codes": {"overloaded": 1}}),
    ],
)
def test_messages_are_described_by_name_and_outcome(
    message: Message, fields: dict[str, Any]
) -> None:
    """Snake case, and codes where the message has them."""
    envelope = Envelope(Address("client", "7"), Address("1", "router"), message)
    assert describe(envelope) == fields | {"to": "client/7", "sender": "1/router"}


@pytest.mark.parametrize("name", ["node1/router/17", "host:7100/storage/1", "a/b/router/3"])
def test_a_spans_name_is_put_together_and_taken_apart(name: str) -> None:
    """A node's name may hold what separates the parts."""
    assert str(split_span(name)) == name
    assert split_span(name).counter > 0


@pytest.mark.parametrize("name", ["", "x", "x/1", "x//1", "x/router/one", "x/router/²", "/" * 9])
def test_a_spans_name_of_another_form_is_taken_as_it_is(name: str) -> None:
    """Such names come from strangers; they are shown, not refused."""
    assert split_span(name) == SpanName(name, "", 0)


def test_what_a_log_writes_of_an_envelope_is_read_back(tmp_path: Path) -> None:
    """Writer and reader agree, at a level at which events of debug are left out."""
    log = open_log(tmp_path / "log.jsonl", "node1", "warning", None)
    here, client = Address(IDS["node1"], "router"), Address("client", "00ab")
    trace = Trace(TRACE, "client/7/1", "", EPOCH_US)
    envelope = Envelope(
        here, client, Write(("a",), ("json",), (b"1",), "quorum", 0, 5000), 1, trace
    )
    traces = log.traces.bind(node_id=IDS["node1"], actor="router")
    times = {"at_us": EPOCH_US + 7, "turn_us": 3, "sync_us": 0, "batch": 1}
    traces.debug("delivered", **trace_fields(envelope), **times)
    log.close()
    found = read_traces([tmp_path], TRACE)
    assert [(r.node, r.span, r.keys, r.turn_us) for r in found.records] == [
        ("node1", "client/7/1", 1, 3)
    ]
    assert found.names == {IDS["node1"]: "node1"}
