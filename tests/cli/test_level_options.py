"""--w, --r and --ttl of put, get and delete: what the node is asked, and what is told of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from nodes.cli import main
from tests.cli.conftest import Play
from tests.networks import DEADLINE_S
from tests.nodes.scripted import background, got, written

COMMANDS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("put", "k", "v"), {"w": "quorum", "ttl_ms": 0}),
    (("put", "k", "v", "--w", "one"), {"w": "one", "ttl_ms": 0}),
    (("put", "--w=all", "k", "-5", "--ttl", "60s"), {"w": "all", "ttl_ms": 60_000}),
    (("put", "k", "v", "--ttl", "90"), {"w": "quorum", "ttl_ms": 90_000}),
    (("delete", "k"), {"w": "quorum", "ttl_ms": 0}),
    (("delete", "k", "--w", "all"), {"w": "all", "ttl_ms": 0}),
    (("get", "k"), {"r": "quorum", "details": False}),
    (("get", "k", "--r", "one"), {"r": "one", "details": False}),
    (("get", "k", "--r", "all", "--json"), {"r": "all", "details": True}),
]


@pytest.mark.parametrize(("arguments", "asked"), COMMANDS, ids=[" ".join(c) for c, _ in COMMANDS])
def test_what_a_command_asks(play: Play, arguments: tuple[str, ...], asked: dict[str, Any]) -> None:
    """A quorum, and for ever, where nothing else is said."""
    node = play()
    command = [*arguments, "--endpoint", node.address]
    ended = background(lambda: CliRunner().invoke(main, command))
    read = {**got(b"1"), "versions": ["v"], "replicas": [["n1", "n2"]]}
    header = node.answer_next(read if arguments[0] == "get" else written("n1", "n2"))
    assert header.items() >= asked.items()
    assert ended.result(DEADLINE_S).exit_code == 0


def test_who_has_stored_it_is_told(play: Play) -> None:
    """With --json: `node` is the first of the replicas, for the scripts that ask for one."""
    node = play()
    command = ["put", "color", "blue", "--json", "--endpoint", node.address]
    ended = background(lambda: CliRunner().invoke(main, command))
    node.answer_next(written("n3", "n1"))
    told = orjson.loads(ended.result(DEADLINE_S).stdout)
    assert told == {
        "key": "color",
        "value": "blue",
        "status": "stored",
        "node": "n3",
        "version": "v",
        "replicas": ["n3", "n1"],
    }


@pytest.mark.parametrize(("command", "option"), [("put", "--w"), ("delete", "--w"), ("get", "--r")])
def test_the_help_says_that_one_is_not_atomic(command: str, option: str) -> None:
    """Nobody chooses it without having been told."""
    text = " ".join(CliRunner().invoke(main, [command, "--help"]).output.split())
    assert f"{option} [all|quorum|one]" in text
    assert "With one it is not atomic" in text


def test_the_help_of_forget_says_what_may_be_lost() -> None:
    """And that the other side has to be gone."""
    text = " ".join(CliRunner().invoke(main, ["forget", "--help"]).output.split())
    for warning in ("acknowledged writes too, is lost", "gone for good", "two networks"):
        assert warning in text
