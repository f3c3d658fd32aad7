"""What status and explain tell a person and a script, whatever the node at the other end says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from actors.membership import Member
from nodes.cli import main
from nodes.status import FileCounts
from tests.cli.conftest import Play
from tests.networks import DEADLINE_S
from tests.nodes.scripted import ScriptedNode, background, checked, explained, members_listed

ASKED = Member(
    "00000000000000f1",
    "node\x1b1",
    "127.0.0.1:7100",
    "127.0.0.1:8100",
    "127.0.0.1:9100",
    1,
    0,
    "alive",
)


FILES = [field.name for field in fields(FileCounts)]


@pytest.fixture
def scripted(play: Play) -> ScriptedNode:
    """A node that does what the test says."""
    return play()


def ask(node: ScriptedNode, *arguments: str, answers: list[dict[str, Any]]) -> Result:
    """A command that the node answers so."""
    command = [*arguments, "--endpoint", node.address]
    ended = background(lambda: CliRunner().invoke(main, command))
    for answer in answers:
        node.answer_next(answer)
    return ended.result(DEADLINE_S)


def status(node: ScriptedNode, *arguments: str, **changes: Any) -> Result:
    """`gossamer status`, of a network that is well but for these changes."""
    answers = [checked(**changes), members_listed("d", ASKED)]
    return ask(node, "status", *arguments, answers=answers)


def test_a_network_that_is_well_is_told_in_five_lines(scripted: ScriptedNode) -> None:
    """How many members, which layout, that nothing is missing; last that it is safe to stop."""
    result = status(scripted)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "members     3",
        "epoch       7",
        "traffic     not encrypted: whoever reaches a port may use it",
        "partitions  every partition has all its copies",
        "It is safe to stop node\\x1b1 now.",
    ]


def test_what_is_wrong_is_told_in_numbers(scripted: ScriptedNode) -> None:
    """What lacks copies, how far transfers are, who did not answer and what waits for whom."""
    result = status(
        scripted,
        under_replicated=1_200,
        without_quorum=3,
        moving=True,
        movers=["n2", "n3"],
        to_move=[400, 0],
        moved=[103, 0],
        silent=["n4"],
        hinted=["n4", "n5"],
        hints=[1_234, 1],
        safe_to_stop=False,
        reasons=["n4 is down.", "data is moving"],
    )
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "members     3",
        "epoch       7",
        "traffic     not encrypted: whoever reaches a port may use it",
        "partitions  1,200 of 4,096 lack a copy, 3 have no quorum: their keys are unavailable",
        "moving      to n2 [#####---------------]  25 %, 103 of 400 partitions",
        "moving      to n3 [####################] 100 %, 0 of 0 partitions",
        "hints       1,234 writes for n4, to be told when it is back",
        "hints       1 write for n5, to be told when it is back",
        "silent      n4 did not answer",
        "lost?       start it again, or forget it if it never comes back: `gossamer forget`",
        "Do not stop node\\x1b1 now: n4 is down; data is moving.",
    ]


def test_files_are_told_of_where_there_are_any(scripted: ScriptedNode) -> None:
    """How much is kept and missing, and what was done about it."""
    counts = (6, 2_500_000, 5, 4, 3, 2, 1, 1_007, 8)
    lines = status(scripted, files=dict(zip(FILES, counts, strict=True))).stdout.splitlines()
    assert lines[4:-1] == [
        "files       6 copies of chunks, 2.5 MB",
        "missing     5 more are still to be made",
        "lost        8 copies of chunks that no node has: put their files again",
        "moving      4 are kept until their new owners have them",
        "chunks      1,007 scrubbed, 3 found rotten, 2 copied from other nodes, 1 collected"
        " since the nodes were started",
    ]


def test_what_lacks_a_copy_and_has_a_quorum_is_available(scripted: ScriptedNode) -> None:
    """And data may be about to move to whom nothing is known of yet."""
    lines = status(scripted, under_replicated=5, moving=True).stdout.splitlines()
    assert lines[3:5] == [
        "partitions  5 of 4,096 lack a copy, each has a quorum",
        "moving      data moves to new owners",
    ]


@pytest.mark.parametrize("safe", [True, False])
def test_of_several_endpoints_it_says_which_node_it_is_about(
    scripted: ScriptedNode, safe: bool
) -> None:
    """Whichever has answered: it is no word about the others."""
    result = status(scripted, "--endpoint", "127.0.0.1:1", safe_to_stop=safe, reasons=["so"])
    assert "stop node\\x1b1 now, the one of 2 endpoints that was asked" in result.stdout


def test_no_is_said_also_without_a_reason(scripted: ScriptedNode) -> None:
    """The status is what counts."""
    result = status(scripted, safe_to_stop=False)
    assert result.exit_code == 1
    assert result.stdout.endswith("Do not stop node\\x1b1 now: it gave no reason.\n")


@pytest.mark.parametrize("safe", [True, False])
def test_the_status_is_one_object(scripted: ScriptedNode, safe: bool) -> None:
    """With --json, and with the same exit status."""
    moves: dict[str, Any] = {"movers": ["n2"], "to_move": [4], "moved": [1], "moving": True}
    waits: dict[str, Any] = {"hinted": ["n4"], "hints": [9], "silent": ["n4"]}
    result = status(scripted, "--json", safe_to_stop=safe, reasons=["r"], **moves, **waits)
    assert result.exit_code == (0 if safe else 1)
    assert orjson.loads(result.stdout) == {
        "node": ASKED.name,
        "node_id": ASKED.id,
        "epoch": 7,
        "members": 3,
        "under_replicated": 0,
        "without_quorum": 0,
        "moving": True,
        "transfers": [{"member": "n2", "moved": 1, "to_move": 4}],
        "silent": ["n4"],
        "hints": {"n4": 9},
        "safe_to_stop": safe,
        "reasons": ["r"],
        "files": dict.fromkeys(FILES, 0),
        "fingerprint": "",
    }


def explain(node: ScriptedNode, key: str, *arguments: str, **changes: Any) -> Result:
    """`gossamer explain`, of a key that both of its owners hold but for these changes."""
    return ask(node, "explain", key, *arguments, answers=[explained(**changes)])


@pytest.fixture
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock on the wall is that of Greenwich."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_greenwich")
def test_a_key_is_explained_in_lines_and_a_table(scripted: ScriptedNode) -> None:
    """Where it is, who owns it, to whom it moves, and a row for each who has or is to have it."""
    result = explain(
        scripted,
        "a\nb",
        new_owners=["n\x1b", "node1"],
        replicas=["node1", "node2", "n\x1b", "node4"],
        codes=["ok", "not_found", "not_found", "unavailable"],
        kinds=["json", "absent", "absent", "absent"],
        versions=["b-1-1", "a-1-1", "", ""],
        expiries=[1_700_000_000_000, 0, 0, 0],
        sizes=[1_234, 0, 0, 0],
        hinted=["node2"],
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "key        a\\nb",
        f"position   {'ab' * 20}",
        "partition  2,748 of 4,096",
        "epoch      7",
        "owners     node1, node2",
        "moves to   n\\x1b, node1",
        "hint       waits for node2",
        "",
        "node1  json                  b-1-1  2023-11-14 22:13:20  1,234",
        "node2  deleted or expired    a-1-1  -                    -",
        "n\\x1b  nothing               -      -                    -",
        "node4  unknown: unavailable  -      -                    -",
        "",
        "What node4 has is unknown.",
    ]


def test_owners_that_do_not_agree_are_said_not_to(scripted: ScriptedNode) -> None:
    """One has another version than the other."""
    last = explain(scripted, "color", versions=["v", "w"]).stdout.splitlines()[-1]
    assert last == "The owners do not agree at the moment; reading the key brings them together."


def test_owners_that_agree_are_said_to(scripted: ScriptedNode) -> None:
    """A value that stays has no end."""
    result = explain(scripted, "color")
    assert result.stdout.splitlines()[6:] == [
        "node1  json  v  never  6",
        "node2  json  v  never  6",
        "",
        "The owners agree.",
    ]


def test_an_explanation_is_one_object(scripted: ScriptedNode) -> None:
    """With --json, as exact as it came."""
    result = explain(scripted, "a\nb", "--json", expiries=[1_500, 0], hinted=["node2"])
    row = {"code": "ok", "kind": "json", "version": "v", "size_bytes": 6}
    assert orjson.loads(result.stdout) == {
        "key": "a\nb",
        "position": "ab" * 20,
        "partition": 2748,
        "epoch": 7,
        "owners": ["node1", "node2"],
        "new_owners": [],
        "replicas": [
            {"name": "node1", **row, "expires": 1.5},
            {"name": "node2", **row, "expires": None},
        ],
        "hinted": ["node2"],
    }


def test_nobody_tells_where_nobody_answers(closed: str) -> None:
    """Status 5, which is not 1: nothing is known."""
    for command in (("status",), ("explain", "k")):
        result = CliRunner().invoke(main, [*command, "--endpoint", closed])
        assert (result.exit_code, result.stdout) == (5, "")
