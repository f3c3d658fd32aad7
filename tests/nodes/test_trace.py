"""A trace is shown as a tree: a request's path over nodes, and what is not known of it."""

from __future__ import annotations

from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nodes.terminal import colour_of
from nodes.trace.clocks import Hop, clock_shifts
from nodes.trace.picture import render, to_json_lines
from nodes.trace.reading import read_traces
from nodes.trace.tree import build_tree
from tests.nodes.traced import EPOCH_US, IDS, TRACE, Logs, begin, picture, put, stamp


def golden(text: str) -> str:
    """A picture in a test's source, without its indentation."""
    return dedent(text).strip("\n")


def test_a_put_is_shown_from_the_client_to_the_disks_and_back(tmp_path: Path) -> None:
    """Every hop, pass, turn and disk sync has a line with its times; the answer is the last."""
    assert picture(put(Logs()).found(tmp_path=tmp_path)) == golden(
        """
         at ms    hop  spent  trace 4f1d2c9a
         0.000                client write 1 key
         0.180  0.180  0.061  ├╴node1/router write 1 key
         0.320  0.070  0.020  │ ├╴node2/router observe
         0.500  0.150  0.045  │ │ └╴node1/router observed, in a turn of 2 messages
         0.360  0.110  0.020  │ └╴node3/router observe
         0.500  0.110  0.045  │   └╴node1/router observed, in a turn of 2 messages
         0.650  0.090         │     ├╴node2/router passes on store
         0.710  0.150  0.612  │     │ └╴node2/storage store 1 key
         0.782         0.540  │     │   ├╴node2/storage disk sync
         1.465  0.125  0.038  │     │   └╴node1/router stored ok
         0.690  0.090         │     └╴node3/router passes on store
         0.750  0.150  0.612  │       └╴node3/storage store 1 key
         0.822         0.540  │         ├╴node3/storage disk sync
         1.505  0.125  0.038  │         └╴node1/router stored ok
         1.580  0.030         └╴client written ok, 1.580 ms in all, after stored from
                                  node3/storage
        21 records in 3 files, logs of node1, node2, node3
        """
    )


def test_a_narrow_terminal_gets_the_same_tree_with_wrapped_lines(tmp_path: Path) -> None:
    """Columns and guides stay; what does not fit goes on below."""
    assert picture(put(Logs()).found(tmp_path=tmp_path), width=64) == golden(
        """
         at ms    hop  spent  trace 4f1d2c9a
         0.000                client write 1 key
         0.180  0.180  0.061  ├╴node1/router write 1 key
         0.320  0.070  0.020  │ ├╴node2/router observe
         0.500  0.150  0.045  │ │ └╴node1/router observed, in a turn of
                              │ │     2 messages
         0.360  0.110  0.020  │ └╴node3/router observe
         0.500  0.110  0.045  │   └╴node1/router observed, in a turn of
                              │     │ 2 messages
         0.650  0.090         │     ├╴node2/router passes on store
         0.710  0.150  0.612  │     │ └╴node2/storage store 1 key
         0.782         0.540  │     │   ├╴node2/storage disk sync
         1.465  0.125  0.038  │     │   └╴node1/router stored ok
         0.690  0.090         │     └╴node3/router passes on store
         0.750  0.150  0.612  │       └╴node3/storage store 1 key
         0.822         0.540  │         ├╴node3/storage disk sync
         1.505  0.125  0.038  │         └╴node1/router stored ok
         1.580  0.030         └╴client written ok, 1.580 ms in all,
                                  after stored from node3/storage
        21 records in 3 files, logs of node1, node2, node3
        """
    )


def test_a_missing_log_is_told_from_a_lost_message(tmp_path: Path) -> None:
    """Without node2's log nothing is claimed of what node2 did not do."""
    assert picture(put(Logs()).found("node1", "node3", tmp_path=tmp_path), width=80) == golden(
        """
         at ms    hop  spent  trace 4f1d2c9a
         0.000                client write 1 key
         0.180  0.180  0.061  ├╴node1/router write 1 key
         0.250                │ ├╴node2/router observe: arrived unseen, the log of node2
                              │ │ │ is not among the files
         0.500  0.150  0.045  │ │ └╴node1/router observed, in a turn of 2 messages
         0.360  0.110  0.020  │ └╴node3/router observe
         0.500  0.110  0.045  │   └╴node1/router observed, in a turn of 2 messages
         0.560                │     ├╴node2/storage store 1 key: arrived unseen, the log
                              │     │ │ of node2 is not among the files
         1.465  0.125  0.038  │     │ └╴node1/router stored ok
         0.690  0.090         │     └╴node3/router passes on store
         0.750  0.150  0.612  │       └╴node3/storage store 1 key
         0.822         0.540  │         ├╴node3/storage disk sync
         1.505  0.125  0.038  │         └╴node1/router stored ok
         1.580  0.030         └╴client written ok, 1.580 ms in all, after stored from
                                  node3/storage
        16 records in 2 files, logs of node1, node3
        not among the files: logs of node2
        """
    )


def test_the_log_of_an_owner_alone_still_makes_a_tree(tmp_path: Path) -> None:
    """What led to its records is known from their spans' names and causes."""
    assert picture(put(Logs()).found("node2", tmp_path=tmp_path)) == golden(
        """
         at ms    hop  spent  trace 4f1d2c9a
         0.000                client a request
         0.000                ├╴node1/router a message: arrived unseen, the log of node1 is not
                              │ │ among the files
         0.070  0.070  0.020  │ └╴node2/router observe
         0.100                │   └╴node1/router observed: arrival unknown, the log of node1 is
                              │       not among the files
                              └╴client: answer unknown, the log of node1 is not among the files
         0.310                node3/router a message: the log of node3 is not among the files
         0.310                └╴node1/router a message: arrived unseen, the log of node1 is not
                                │ among the files
         0.400  0.090           └╴node2/router passes on store
         0.460  0.150  0.612      └╴node2/storage store 1 key
         0.532         0.540        ├╴node2/storage disk sync
         1.090                      └╴node1/router stored ok: arrival unknown, the log of node1
                                        is not among the files
        5 records in 1 file, logs of node2
        not among the files: logs of node1, node3
        """
    )


def test_a_lost_message_and_its_retries_are_shown_in_order(tmp_path: Path) -> None:
    """One never left, one was passed on but not delivered, the third arrived; no answer came."""
    logs = Logs()
    begin(logs)
    to, first = ("store", "node2/storage"), 560
    logs.hop("node1/router/3", "node3/router/1", *to, first, None, keys=1)
    again = first + 500_000
    logs.hop("node1/router/4", "node3/router/1", *to, again, None, passed=again + 90, keys=1)
    again += 500_000
    times: dict[str, Any] = {"passed": again + 80, "turn_us": 700, "sync_us": 600}
    logs.hop("node1/router/5", "node3/router/1", *to, again, again + 95, keys=1, **times)
    assert picture(logs.found(tmp_path=tmp_path)) == golden(
        """
           at ms    hop  spent  trace 4f1d2c9a
           0.000                client write 1 key
           0.180  0.180  0.061  ├╴node1/router write 1 key
           0.320  0.070  0.020  │ ├╴node2/router observe
           0.500  0.150  0.045  │ │ └╴node1/router observed, in a turn of 2 messages
           0.360  0.110  0.020  │ └╴node3/router observe
           0.500  0.110  0.045  │   └╴node1/router observed, in a turn of 2 messages
           0.560                │     ├╴node2/storage store 1 key: never arrived, the log of
                                │     │   node2 has no record of it
         500.650  0.090         │     ├╴node2/router passes on store, try 2
         500.650                │     │ └╴node2/storage store 1 key: never arrived, the log of
                                │     │     node2 has no record of it
        1000.640  0.080         │     └╴node2/router passes on store, try 3
        1000.655  0.095  0.700  │       └╴node2/storage store 1 key
        1000.755         0.600  │         └╴node2/storage disk sync
                                └╴client: not answered, the log of node1 has no record of it
        15 records in 3 files, logs of node1, node2, node3
        """
    )


def test_clocks_that_differ_are_moved_to_fit(tmp_path: Path) -> None:
    """A clock an hour ahead makes no hop negative and no hop an hour long; it is said."""
    logs = Logs({"node2": 3_600_000_000, "client": 7_000_000})
    assert picture(put(logs).found(tmp_path=tmp_path)) == golden(
        """
         at ms    hop  spent  trace 4f1d2c9a
         0.000                client write 1 key
         0.000 ~0.000  0.061  ├╴node1/router write 1 key, clocks differ
         0.168 ~0.098  0.020  │ ├╴node2/router observe
         0.320 ~0.122  0.045  │ │ └╴node1/router observed, in a turn of 2 messages, clocks
                              │ │     differ
         0.180  0.110  0.020  │ └╴node3/router observe
         0.320  0.110  0.045  │   └╴node1/router observed, in a turn of 2 messages
         0.498 ~0.118         │     ├╴node2/router passes on store
         0.558 ~0.178  0.612  │     │ └╴node2/storage store 1 key
         0.630         0.540  │     │   ├╴node2/storage disk sync
         1.285 ~0.097  0.038  │     │   └╴node1/router stored ok, clocks differ
         0.510  0.090         │     └╴node3/router passes on store
         0.570  0.150  0.612  │       └╴node3/storage store 1 key
         0.642         0.540  │         ├╴node3/storage disk sync
         1.325  0.125  0.038  │         └╴node1/router stored ok
         1.400  0.030         └╴client written ok, 1.400 ms in all, after stored from
                                  node3/storage
        21 records in 3 files, logs of node1, node2, node3
        client's clock is about 7.000 s ahead of node1's, its times are moved to fit (~)
        node2's clock is about 3600.000 s ahead of node1's, its times are moved to fit (~)
        """
    )


def test_clocks_are_taken_to_agree_until_a_message_arrives_before_it_was_sent() -> None:
    """Slow messages alone move nothing; what is moved makes the fastest both ways equal."""
    agree = [Hop("a", "b", 900), Hop("b", "a", 5), Hop("b", "c", 70)]
    assert clock_shifts(agree, "a") == {"a": 0, "b": 0, "c": 0}
    differ = [Hop("a", "b", 1100), Hop("a", "b", 1300), Hop("b", "a", -900), Hop("b", "c", -40)]
    assert clock_shifts(differ, "a") == {"a": 0, "b": 1000, "c": 960}
    assert clock_shifts([Hop("x", "a", -30)], "a") == {"a": 0, "x": 30}


def test_lines_as_json_have_times_in_milliseconds_and_the_notes_last(tmp_path: Path) -> None:
    """Each line is a dict that JSON can hold, with nulls where nothing is known."""
    lines = list(to_json_lines(build_tree(put(Logs()).found(tmp_path=tmp_path))))
    assert orjson.loads(orjson.dumps(lines)) == lines
    assert lines[1] == {
        "kind": "delivered",
        "depth": 1,
        "at_ms": 0.18,
        "hop_ms": 0.18,
        "spent_ms": 0.061,
        "estimate": False,
        "node": "node1",
        "actor": "router",
        "message": "write",
        "keys": 1,
        "codes": {},
        "remarks": [],
        "problem": "",
        "span": "client/7/1",
        "cause": "",
    }
    assert [line["kind"] for line in lines[-2:]] == ["replied", "note"]
    assert lines[-2]["codes"] == {"ok": 1}


def test_an_answer_finds_its_request_where_records_between_are_missing(tmp_path: Path) -> None:
    """Without node3's log, whose message the answer followed, it still is the client's."""
    tree = build_tree(put(Logs()).found("node1", "node2", tmp_path=tmp_path))
    beginnings = [i for i, line in enumerate(tree.lines) if line.depth == 0]
    answers = [i for i, line in enumerate(tree.lines) if line.kind == "replied"]
    assert len(answers) == 1
    assert tree.lines[beginnings[0]].node == "client"
    assert answers[0] == [*beginnings, len(tree.lines)][1] - 1


def test_a_log_that_begins_later_is_not_taken_as_proof(tmp_path: Path) -> None:
    """What was rotated away may well have held the record."""
    logs = Logs()
    begin(logs)
    logs.lines["node2"] = []
    logs.write("node2", {"event": "started", "node_id": IDS["node2"], "ts": stamp(5_000_000)})
    tree = build_tree(logs.found(tmp_path=tmp_path))
    problems = [line.problem for line in tree.lines if line.node == "node2"]
    assert problems == ["arrived unseen, the log of node2 begins only later"]


def test_a_sender_that_has_no_record_of_sending_is_remarked_on(tmp_path: Path) -> None:
    """Its log is there, and yet only the receiver's tells of the message."""
    logs = Logs()
    begin(logs)
    logs.lines_of("node2", "sent")
    tree = build_tree(logs.found(tmp_path=tmp_path))
    problems = [line.problem for line in tree.lines if line.problem]
    assert "the log of node2 has no record of sending it" in problems


def test_published_gossip_is_shown_wherever_it_arrived(tmp_path: Path) -> None:
    """One span, several arrivals; what each caused stands under it."""
    logs = Logs()
    for node, at in (("node2", 100), ("node3", 120)):
        logs.hop("node1/gossiper/1", "", "rumour", f"{node}/gossiper", 0, at)
        logs.hop(f"{node}/gossiper/1", "node1/gossiper/1", "compare", "node1/gossiper", 200, 300)
    tree = build_tree(logs.found(tmp_path=tmp_path))
    assert [(line.depth, line.node, line.message) for line in tree.lines] == [
        (0, "node1", "rumour"),
        (1, "node2", "rumour"),
        (2, "node1", "compare"),
        (1, "node3", "rumour"),
        (2, "node1", "compare"),
    ]


def test_what_bounced_is_said_to_have_come_back(tmp_path: Path) -> None:
    """It is no lost message: its sender was told at once."""
    logs = Logs()
    logs.hop("client/7/1", "", "get", "node1/router", 0, 10)
    logs.hop("node1/router/1", "client/7/1", "fetch", "node2/storage", 20, None)
    sent = orjson.loads(logs.lines["node1"][-1])
    back = {"event": "delivered", "message": "bounced", "turn_us": 5, "sync_us": 0, "batch": 1}
    logs.write("node1", sent | back | {"at_us": EPOCH_US + 30})
    tree = build_tree(logs.found(tmp_path=tmp_path))
    line = tree.lines[2]
    assert (line.node, line.message) == ("node1", "bounced")
    assert line.problem == "the fetch came back: it could not be sent to node2"


def test_nodes_keep_their_colours_and_plain_terminals_get_ascii(tmp_path: Path) -> None:
    """Colours only where they are wanted; guides that every encoding has where it has no others."""
    found = put(Logs()).found(tmp_path=tmp_path)
    coloured = picture(found, color_system="256", force_terminal=True)
    for node in IDS:
        assert f"\x1b[38;5;{colour_of(node)}m{node}\x1b[0m" in coloured
    plain = build_tree(found)
    raw = BytesIO()
    console = Console(file=TextIOWrapper(raw, encoding="ascii"), width=100, color_system=None)
    console.print(render(plain))
    console.file.flush()
    assert b"| |-node2/router observe" in raw.getvalue()


@given(st.sets(st.integers(0, 60)))
def test_whatever_lines_are_missing_what_is_there_is_shown_once(gone: set[int]) -> None:
    """Each delivery that is recorded has exactly one line, under any loss of lines."""
    lines = [line for log in put(Logs()).lines.values() for line in log]
    left = [line for i, line in enumerate(lines) if i not in gone]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        log.write_bytes(b"".join(left))
        found = read_traces([log], TRACE)
    tree = build_tree(found)
    told = [(line.span, line.node) for line in tree.lines if line.kind == "delivered"]
    recorded = [(r.span, r.node) for r in found.records if r.event == "delivered"]
    assert sorted(told) == sorted(recorded)
    Console(file=StringIO(), width=80).print(render(tree))
