"""Logs of three nodes as their hosts would write them of a traced put, and the picture of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from nodes.trace.fields import split_span
from nodes.trace.picture import render
from nodes.trace.reading import Found, read_traces
from nodes.trace.tree import build_tree

TRACE = "4f1d2c9a"
IDS = {"node1": "1" * 16, "node2": "2" * 16, "node3": "3" * 16}
CLIENT = "client/00ab"
EPOCH_US = 1_700_000_000_000_000


def stamp(us: int) -> str:
    """The `ts` of what is written `us` after the start."""
    return f"2023-11-14T22:13:{20 + us // 1_000_000:02}.{us % 1_000_000:06}Z"


@dataclass
class Logs:
    """The logs of three nodes, line by line; `clocks_us` is how far each clock is ahead."""

    clocks_us: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node, id in IDS.items():
            self.write(node, {"event": "started", "node_id": id, "ts": stamp(0)})

    def write(self, node: str, event: dict[str, Any]) -> None:
        """A line in a node's log."""
        line = orjson.dumps({"level": "debug", "node": node, **event}) + b"\n"
        self.lines.setdefault(node, []).append(line)

    def now(self, node: str, at: int) -> int:
        """What a node's clock (or a client's) shows `at` microseconds after the start."""
        return EPOCH_US + at + self.clocks_us.get(node, 0)

    def hop(
        self,
        span: str,
        cause: str,
        message: str,
        to: str,
        sent: int,
        arrived: int | None,
        *,
        passed: int | None = None,
        **fields: Any,
    ) -> None:
        """Records of a message: sent, passed on by the router of its node, delivered."""
        sender, actor, _ = split_span(span)
        node, _, receiver = to.partition("/")
        common = {
            "trace": TRACE,
            "span": span,
            "cause": cause,
            "message": message,
            "sent_us": self.now(sender, sent),
            "sender": CLIENT if sender == "client" else f"{IDS[sender]}/{actor}",
            "to": CLIENT if node == "client" else f"{IDS[node]}/{receiver}",
            "ts": stamp(sent),
        } | {name: fields[name] for name in ("keys", "codes") if name in fields}

        def record(event: str, at_node: str, at_actor: str, at: int, **more: Any) -> None:
            own = {"event": event, "actor": at_actor, "node_id": IDS[at_node]}
            self.write(at_node, common | own | {"at_us": self.now(at_node, at)} | more)

        if sender != "client":
            record("sent", sender, actor, sent)
        if node == "client":
            record("replied", sender, actor, sent if arrived is None else arrived)
            return
        if passed is not None:
            record("passed", node, "router", passed)
        if arrived is not None:
            turn = {name: fields.get(name, 0) for name in ("turn_us", "sync_us")}
            record("delivered", node, receiver, arrived, batch=fields.get("batch", 1), **turn)

    def found(self, *nodes: str, tmp_path: Path) -> Found:
        """What is read from the logs of these nodes, or of all."""
        for node in nodes or IDS:
            (tmp_path / f"{node}.jsonl").write_bytes(b"".join(self.lines[node]))
        return read_traces([tmp_path / f"{node}.jsonl" for node in nodes or IDS], TRACE)

    def lines_of(self, node: str, *events: str) -> list[bytes]:
        """Take these events out of a node's log, and return them."""
        taken = [line for line in self.lines[node] if orjson.loads(line)["event"] in events]
        self.lines[node] = [line for line in self.lines[node] if line not in taken]
        return taken


def begin(logs: Logs) -> None:
    """A put through node1 of a key that node2 and node3 own, until it knows both their clocks."""
    logs.hop("client/7/1", "", "write", "node1/router", 0, 180, keys=1, turn_us=61)
    for n, node in enumerate(("node2", "node3"), 1):
        asked, at = f"node1/router/{n}", 280 + 40 * n
        logs.hop(asked, "client/7/1", "observe", f"{node}/router", 250, at, turn_us=20)
        clock = f"{node}/router/1"
        logs.hop(clock, asked, "observed", "node1/router", at + 30, 500, turn_us=45, batch=2)


def store(logs: Logs, node: str, n: int, sent: int) -> None:
    """node1 stores the key on `node`, as its n-th message, and is told so."""
    cause, span, to = "node3/router/1", f"node1/router/{n}", f"{node}/storage"
    times: dict[str, Any] = {"passed": sent + 90, "turn_us": 612, "sync_us": 540}
    logs.hop(span, cause, "store", to, sent, sent + 150, keys=1, **times)
    back, at = f"{node}/storage/1", sent + 780
    logs.hop(back, span, "stored", "node1/router", at, at + 125, codes={"ok": 1}, turn_us=38)


def put(logs: Logs) -> Logs:
    """A whole put; the answer goes out when node3 has stored the key too."""
    begin(logs)
    store(logs, "node2", 3, 560)
    store(logs, "node3", 4, 600)
    answer = ("node1/router/5", "node3/storage/1", "written", "client/00ab")
    logs.hop(*answer, 1550, 1580, codes={"ok": 1})
    return logs


def picture(found: Found, width: int = 88, **options: Any) -> str:
    """The tree as it is printed."""
    out = StringIO()
    console = Console(file=out, width=width, **{"color_system": None, **options})
    console.print(render(build_tree(found)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
