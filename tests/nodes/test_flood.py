"""A client floods a node of five with requests and reads no answer: the node refuses, drops and
counts, in bounded memory, and goes on serving the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from nodes.sockets import Context
from tests.networks import DEADLINE_S, NodeProcess, Processes, client_of, start_all, wait_until
from tests.nodes.flooding import Flood, Frames
from tests.nodes.load import Load, measured
from tests.nodes.test_bad_input import message, request, write

GROWTH_BYTES = 64 * 2**20
VALUE = bytes(2**18)
LARGE = [f"large:{n}" for n in range(40)]
TIMEOUT_MS = 2_000


def gets(n: int) -> Frames:
    """Of large values, and every fourth of a small one."""
    key = f"load:{n % 4}:0" if n % 4 == 0 else LARGE[n % len(LARGE)]
    return [message(request(id=n, keys=[key], timeout_ms=TIMEOUT_MS))]


def puts(n: int) -> Frames:
    """Of large values."""
    return write(LARGE[n % len(LARGE)], VALUE, id=n)


class Memory:
    """How far the memory of some nodes has grown, at most."""

    def __init__(self, nodes: list[NodeProcess]) -> None:
        self._before = {node: node.own_bytes() for node in nodes}
        self.grown_bytes = dict.fromkeys([node.name for node in nodes], 0)

    def look(self) -> None:
        """Take it into account."""
        for node, before in self._before.items():
            grown = max(self.grown_bytes[node.name], node.own_bytes() - before)
            self.grown_bytes[node.name] = grown


def was_said(node: NodeProcess, reason: str) -> bool:
    """Is it in the log that something was dropped for this reason?"""
    return any(record.get("reason") == reason for record in node.logged("dropped"))


def dropped(node: NodeProcess) -> Counter[str]:
    """What the log of a node that has ended says of what was dropped, and how often."""
    counts = Counter[str]()
    for record in node.logged("dropped"):
        counts.update(record.get("counts") or {record["reason"]: 1})
    return counts


@pytest.fixture
def nodes(processes: Processes) -> list[NodeProcess]:
    """Five, which keep the large values."""
    nodes = processes.nodes_that_list_each_other(5)
    with client_of(nodes[0].listen) as client:
        client.put_many(dict.fromkeys(LARGE, VALUE))
    return nodes


def flooded(
    context: Context,
    nodes: list[NodeProcess],
    request: Callable[[int], Frames],
    flood_s: float,
    most: int,
) -> None:
    """Flood the first of them, which ends afterwards; say and check what became of that."""
    with client_of(nodes[0].listen) as client:
        assert client.get_many(LARGE).keys() == set(LARGE)
    flood = Flood(context, nodes[0].listen, request, most)
    with Load({node.name: node.listen for node in nodes}) as load:
        wait_until("it is written", lambda: load.acknowledged > 10)
        memory = Memory(nodes)
        before, end = load.acknowledged, time.monotonic() + flood_s

        def is_over() -> bool:
            memory.look()
            return time.monotonic() > end and was_said(nodes[0], "request while overloaded")

        with flood:
            wait_until("it is over, and something was refused", is_over, flood_s + DEADLINE_S)
        acknowledged = load.acknowledged - before
    answers = Counter(flood.read())
    was_cut_off = flood.was_cut_off
    flood.close()
    assert nodes[0].terminate() == 0, nodes[0].said()[-4_000:]
    counts = dropped(nodes[0])
    measured("sent", flood.sent)
    measured("answered", dict(answers))
    measured("dropped", dict(counts))
    measured("grown by MiB", {name: n >> 20 for name, n in memory.grown_bytes.items()})
    measured("acknowledged to others", acknowledged)
    measured("failed of others", f"{len(load.failed)} of {load.asked}: {load.failed[:3]}")
    measured("slowest request of others in seconds", load.slowest_s)
    measured("was cut off", was_cut_off)
    assert max(memory.grown_bytes.values()) <= GROWTH_BYTES
    assert counts["request while overloaded"]
    assert was_cut_off or flood.sent - answers.total() == counts["client does not read"]
    assert load.wrong == []
    assert load.failed == []
    assert acknowledged > 5 * flood_s


@pytest.mark.parametrize(
    ("flood_s", "most"),
    [
        pytest.param(1, 3_000, marks=pytest.mark.seeds),
        pytest.param(60, 10_000_000, marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(300)
def test_a_client_reads_no_answers(
    context: Context, nodes: list[NodeProcess], flood_s: float, most: int
) -> None:
    """Memory grows by 64 MiB at most, others are served, and what it never hears is counted."""
    flooded(context, nodes, gets, flood_s, most)
    start_all(nodes[:1])
    flooded(context, nodes, puts, flood_s, most)
