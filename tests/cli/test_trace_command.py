"""`gossamer trace`: from the id that a command tells to the picture of what happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from nodes.cli import main
from nodes.node import Node
from tests.cli.conftest import Run


def invoke(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def traced(run: Run) -> str:
    """The id of a traced put."""
    result = run("put", "color", "blue", "--trace")
    found = re.fullmatch(r"trace ([0-9a-f]{8,12})\n", result.stderr)
    assert found is not None
    return found[1]


def test_every_request_has_an_id_of_its_own(run: Run, traced: str) -> None:
    """With --trace the id is on stderr, with --json as JSON; without it nothing is traced."""
    told = orjson.loads(run("get", "color", "--trace", "--json").stderr)
    assert list(told) == ["trace"]
    assert told["trace"] != traced
    assert run("get", "color").stderr == ""


def test_the_path_of_a_put(traced: str, node: Node) -> None:
    """The tree has the client, the router and the storage of the node, and what came of it."""
    result = invoke("trace", traced, str(node.data / "log.jsonl"))
    assert result.exit_code == 0
    # Something else may have come in the same turn.
    turn = r"(, in a turn of \d+ messages)?\n"
    path = rf"n1/router write 1 key{turn}.*n1/storage store 1 key{turn}"
    assert re.search(path, result.stdout)
    assert "client written ok" in result.stdout


def test_the_path_as_json(traced: str, node: Node) -> None:
    """With --json each line of the tree is an object."""
    result = invoke("trace", traced, str(node.data), "--json")
    lines: list[Any] = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [line["message"] for line in lines if line["kind"] == "replied"] == ["written"]


def test_the_logs_of_this_folder_are_the_default(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a LOG, those of the nodes in .data are read."""
    folder = tmp_path / ".data" / "n7"
    monkeypatch.chdir(tmp_path)
    with Node(data=folder, listen="127.0.0.1:0", name="n7") as node:
        put = invoke("put", "k", "v", "--trace", "--endpoint", node.address)
        result = invoke("trace", put.stderr.split()[1])
    assert "n7/storage store 1 key" in result.stdout


def test_no_record_is_not_found(traced: str, node: Node) -> None:
    """A trace that no log knows is status 3, and the sentence says what was read."""
    result = invoke("trace", "0badc0de", str(node.data))
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "gossamer: no record of the trace '0badc0de' in 1 file, with the logs of n1\n"
    )


def test_no_log_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no logs at all nothing can be found: status 3."""
    monkeypatch.chdir(tmp_path)
    result = invoke("trace", "0badc0de")
    assert result.exit_code == 3
    assert ".data/*/log.jsonl" in result.stderr


def test_what_cannot_be_read_is_said(traced: str, node: Node, tmp_path: Path) -> None:
    """The rest is shown; the status says that it is not all, or that nothing was found."""
    missing = str(tmp_path / "none.jsonl")
    said = f"gossamer: cannot read {missing}: No such file or directory\n"
    result = invoke("trace", traced, missing, str(node.data))
    assert "client written ok" in result.stdout
    assert (result.stderr, result.exit_code) == (said, 1)
    result = invoke("trace", "0badc0de", missing, str(node.data))
    assert result.stderr.startswith(said)
    assert result.exit_code == 3
    result = invoke("trace", traced, missing)
    assert (result.stderr, result.exit_code) == (f"{said}gossamer: no log could be read\n", 1)
