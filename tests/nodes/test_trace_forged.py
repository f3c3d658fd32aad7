"""Logs come from anywhere: whatever they claim, the tree ends, fits, and shows what they say."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nodes.trace.picture import render, to_json_lines
from nodes.trace.reading import Found, Record
from nodes.trace.tree import build_tree
from tests.nodes.traced import IDS, TRACE, Logs, picture

NAMES = st.sampled_from(["node1", "node2", "client", "", "a/b", "\x1b"])
ACTORS = st.sampled_from(["router", "storage", "host", ""])
SPANS = st.builds(lambda *parts: "/".join(parts), NAMES, ACTORS, st.sampled_from("0123"))
NODE_IDS = st.sampled_from([*IDS.values(), "client", "*", "@host:1", ""])
ADDRESSES = st.builds(lambda *parts: "/".join(parts), NODE_IDS, ACTORS) | st.just("nonsense")
TIMES_US = st.integers(0, 10) | st.integers(0, 2**63 - 1)
RECORDS = st.builds(
    Record,
    event=st.sampled_from(["sent", "passed", "delivered", "replied"]),
    node=NAMES,
    actor=ACTORS,
    span=SPANS,
    cause=SPANS | st.just(""),
    message=st.sampled_from(["write", "bounced", ""]),
    to=ADDRESSES,
    sender=ADDRESSES,
    sent_us=TIMES_US,
    at_us=TIMES_US,
    keys=st.none() | TIMES_US,
    codes=st.dictionaries(st.text(max_size=2), TIMES_US, max_size=2),
    turn_us=TIMES_US,
    sync_us=TIMES_US,
    batch=TIMES_US,
)


@given(
    records=st.lists(RECORDS, max_size=12),
    names=st.dictionaries(NODE_IDS, NAMES, max_size=2),
    begins_us=st.dictionaries(NAMES, TIMES_US, max_size=2),
    width=st.integers(1, 120),
)
def test_any_records_make_a_tree_that_leaves_no_span_out(
    records: list[Record], names: dict[str, str], begins_us: dict[str, int], width: int
) -> None:
    """Causes in circles, answers to nothing, times of any age: all are drawn."""
    tree = build_tree(Found(TRACE, records, names, begins_us))
    Console(file=StringIO(), width=width).print(render(tree))
    orjson.dumps(list(to_json_lines(tree)))
    assert {record.span for record in records} <= {line.span for line in tree.lines}


def test_spans_that_cause_each_other_are_shown_once(tmp_path: Path) -> None:
    """Whoever forges spans gets a strange tree, and no endless one."""
    logs = Logs()
    logs.hop("node1/router/1", "node2/router/1", "observe", "node2/router", 0, 10)
    logs.hop("node2/router/1", "node1/router/1", "observed", "node1/router", 20, 30)
    logs.hop("node3/router/1", "node3/router/1", "observe", "node1/router", 40, 50)
    tree = build_tree(logs.found(tmp_path=tmp_path))
    assert sorted(line.span for line in tree.lines if line.kind == "delivered") == [
        "node1/router/1",
        "node2/router/1",
        "node3/router/1",
    ]
    assert tree.lines[0].problem == "caused by what it caused itself"


def test_a_chain_of_thousands_is_drawn_within_the_width(tmp_path: Path) -> None:
    """Depth costs neither a stack overflow nor the text."""
    logs = Logs()
    for n in range(3_000):
        cause = f"node1/router/{n - 1}" if n else ""
        logs.hop(f"node1/router/{n}", cause, "observe", "node1/router", n * 10, n * 10 + 5)
    lines = picture(logs.found(tmp_path=tmp_path), width=80).splitlines()
    assert len(lines) == 3_003
    assert max(map(len, lines)) <= 80
    assert lines[2_500].endswith("node1/router observe")


def test_names_from_logs_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Control characters are shown escaped, and square brackets are no markup."""
    logs = Logs()
    evil = "[red]x\x1b]0;y\x07\n\u202e"
    logs.hop("client/7/1", "", evil, "node1/router", 0, 10, codes={evil: 1})
    shown = picture(logs.found(tmp_path=tmp_path))
    assert "[red]x\\x1b]0;y\\x07\\n\\u202e" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
